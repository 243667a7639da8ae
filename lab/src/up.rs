// SPDX-License-Identifier: GPL-2.0-or-later
//! Starting a cluster that stays, and a shell on one of its nodes.

use std::env;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{fs, io};

use mattx_lab::background::Client;
use mattx_lab::{Error, Result, cache};

use crate::options::UpOptions;

/// Boots a cluster in a process of its own and returns when it is up.
pub fn up(name: &str, options: &UpOptions) -> Result<()> {
    let failed = |source| Error::Io {
        what: "cannot start the cluster's process".into(),
        source,
    };
    let log_dir = cache()?.join("logs");
    fs::create_dir_all(&log_dir).map_err(failed)?;
    let log_path = log_dir.join(format!("lab-{name}.log"));
    let log = fs::File::create(&log_path).map_err(failed)?;
    let mut command = Command::new(env::current_exe().map_err(failed)?);
    command
        .arg(format!("--name={name}"))
        .arg("own")
        .args(options.arguments());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .process_group(0);
    let mut owner = command.spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (owner.stdin.take(), owner.stdout.take()) else {
        return Err(Error::Usage("the cluster's process has no streams".into()));
    };
    let mut line = String::new();
    // If this process dies here, the owner sees the end of its standard input and gives up.
    BufReader::new(stdout)
        .read_line(&mut line)
        .map_err(failed)?;
    if line.trim() != "ready" {
        let _ = owner.wait();
        let text = fs::read_to_string(&log_path).unwrap_or_default();
        return Err(Error::Usage(
            text.trim().trim_start_matches("error: ").to_owned(),
        ));
    }
    stdin.write_all(b"keep\n").map_err(failed)?;
    let status = Client::new(name)?.status()?;
    crate::print_status(&status);
    if !status.accelerated {
        println!(
            "    (no hardware virtualisation here: nodes are 10 to 40 times slower than this machine)"
        );
    }
    Ok(())
}

/// A login shell with line editing, for people.
pub fn interactive_shell(client: &Client, node: usize) -> Result<i32> {
    if !io::stdin().is_terminal() {
        return client.sh(node, "exec bash -l", 0, true);
    }
    let saved = Command::new("stty")
        .arg("-g")
        .stdin(Stdio::inherit())
        .output()
        .ok();
    let _ = Command::new("stty").args(["raw", "-echo"]).status();
    let command = format!("{}exec bash -l", terminal_size());
    let command = format!("TERM=xterm exec script -qefc '{command}' /dev/null");
    let result = client.sh(node, &command, 0, true);
    if let Some(saved) = saved {
        let _ = Command::new("stty")
            .arg(String::from_utf8_lossy(&saved.stdout).trim())
            .status();
    }
    result
}

/// A shell command that gives the node's pseudo terminal the size of this one.
fn terminal_size() -> String {
    let size = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .output();
    let text = size
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [rows, columns] => format!("stty rows {rows} cols {columns}; "),
        _ => String::new(),
    }
}
