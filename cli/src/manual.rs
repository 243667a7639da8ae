// SPDX-License-Identifier: GPL-2.0-or-later
//! Completions and the manual page, made from the command line's own description.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::Failure;
use crate::arguments::Arguments;

/// Writes the completions for a shell to standard output.
pub fn completions(shell: Shell) {
    generate(shell, &mut Arguments::command(), "mattx", &mut io::stdout());
}

/// Writes the manual page to standard output.
pub fn page() -> Result<(), Failure> {
    let command = Arguments::command();
    let mut page = Vec::new();
    let write = |page: &mut Vec<u8>| -> io::Result<()> {
        let man = Man::new(command.clone()).section("8").manual("MattX");
        man.render(page)?;
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            writeln!(page, ".SH \"MATTX {}\"", verb.get_name().to_uppercase())?;
            let man = Man::new(verb.clone());
            man.render_description_section(page)?;
            man.render_options_section(page)?;
        }
        io::stdout().write_all(page)
    };
    write(&mut page)
        .map_err(|error| Failure::Usage(format!("cannot write the manual page: {error}")))
}
