// SPDX-License-Identifier: GPL-2.0-or-later
//! Completions and the manual page, made from the command line's own description.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::Failure;
use crate::arguments::Arguments;

/// Writes the completions for a shell to standard output.
pub fn completions(shell: Shell) {
    generate(shell, &mut Arguments::command(), "mattx", &mut io::stdout());
}

/// Writes the manual page to standard output.
pub fn page() -> Result<(), Failure> {
    let mut page = Vec::new();
    write(&mut page)
        .and_then(|()| io::stdout().write_all(&page))
        .map_err(|error| Failure::Usage(format!("cannot write the manual page: {error}")))
}

/// One page for all verbs: the usual generator refers to a page of its own for each.
fn write(page: &mut dyn Write) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let man = Man::new(command.clone()).section("8").manual("MattX");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_options_section(page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for verb in command.get_subcommands() {
        describe(&mut roff, verb);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("mattx-discd"), roman("(8), /etc/mattx.conf")]);
    roff.to_writer(page)
}

fn describe(roff: &mut Roff, verb: &Command) {
    if verb.is_hide_set() || verb.get_name() == "help" {
        return;
    }
    let own =
        |arg: &&Arg| !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str());
    let positional: String = verb
        .get_positionals()
        .map(|arg| format!(" {arg}"))
        .collect();
    let name = verb.get_bin_name().unwrap_or(verb.get_name());
    roff.control("SS", [format!("{name}{positional}").as_str()]);
    if let Some(about) = verb.get_long_about().or_else(|| verb.get_about()) {
        roff.text([roman(about.to_string())]);
    }
    for arg in verb.get_arguments().filter(own) {
        roff.control("TP", []);
        roff.text([bold(arg.to_string())]);
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        roff.text([roman(help)]);
    }
    for verb in verb.get_subcommands() {
        describe(roff, verb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_command_and_names_no_page_that_is_not_there() {
        let mut page = Vec::new();
        write(&mut page).expect("page");
        let page = String::from_utf8(page).expect("text").replace("\\-", "-");
        for verb in Arguments::command()
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
        {
            let heading = format!(".SS \"mattx {}", verb.get_name());
            assert!(page.contains(&heading), "{heading}\n{page}");
        }
        assert!(page.contains(".SS \"mattx cluster init"), "{page}");
        assert!(!page.contains("mattx-status"), "{page}");
    }
}
