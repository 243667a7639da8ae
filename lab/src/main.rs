// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-lab`: virtual clusters by hand.

mod options;
mod up;

use std::fs;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{self, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use mattx_lab::background::{self, Client, Fault, Request, Status};
use mattx_lab::{Error, Result};
use options::{Action, FaultName, FaultOptions, Options};

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<ExitCode> {
    let client = || Client::new(&options.name);
    match options.action {
        Action::Up(up) => up::up(&options.name, &up)?,
        Action::Own(up) => background::serve(up.config(&options.name))?,
        Action::Sh {
            node,
            no_stdin,
            timeout,
            command,
        } => {
            let status = if command.is_empty() {
                up::interactive_shell(&client()?, node)?
            } else {
                let stdin = !no_stdin && !io::stdin().is_terminal();
                client()?.sh(node, &shell_words(&command), timeout * 1000, stdin)?
            };
            return Ok(ExitCode::from(u8::try_from(status & 255).unwrap_or(1)));
        }
        Action::Push {
            node,
            local,
            remote,
        } => {
            client()?.request(&Request::Push {
                node,
                local: absolute(local)?,
                remote,
            })?;
        }
        Action::Pull {
            node,
            remote,
            local,
        } => {
            client()?.request(&Request::Pull {
                node,
                remote,
                local: absolute(local)?,
            })?;
        }
        Action::Logs { node, follow } => logs(&client()?.status()?, node, follow)?,
        Action::Fault(fault) => client()?.request(&Request::Fault {
            node: fault.node,
            fault: to_fault(&fault)?,
        })?,
        Action::Forward {
            node,
            node_port,
            port,
        } => {
            println!("{}", client()?.forward(node, node_port, port)?);
        }
        Action::Check => client()?.request(&Request::Check)?,
        Action::Status => {
            for name in background::list()? {
                print_status(&Client::new(&name)?.status()?);
            }
        }
        Action::Down { all: false } => client()?.request(&Request::Down)?,
        Action::Down { all: true } => {
            for name in background::list()? {
                Client::new(&name)?.request(&Request::Down)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One word is a shell command; several are a program and its arguments.
fn shell_words(words: &[String]) -> String {
    match words {
        [command] => command.clone(),
        words => words
            .iter()
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    path::absolute(&path).map_err(|source| Error::Io {
        what: format!("cannot resolve {}", path.display()),
        source,
    })
}

fn to_fault(options: &FaultOptions) -> Result<Fault> {
    let amount = |unit: &str| {
        options.amount.ok_or_else(|| {
            Error::Usage(format!(
                "say how much, in {unit}: scripts/lab fault NAME NODE AMOUNT"
            ))
        })
    };
    Ok(match options.fault {
        FaultName::PowerOff => Fault::PowerOff,
        FaultName::PowerOn => Fault::PowerOn,
        FaultName::Reset => Fault::Reset,
        FaultName::Pause => Fault::Pause,
        FaultName::Resume => Fault::Resume,
        FaultName::Cut => Fault::Cut { from: options.from },
        FaultName::Delay => Fault::Delay {
            ms: amount("milliseconds")? as u64,
        },
        FaultName::Lose => Fault::Lose {
            percent: amount("per cent of the frames")?,
        },
        FaultName::Corrupt => Fault::Corrupt {
            percent: amount("per cent of the frames")?,
        },
        FaultName::Mend => Fault::Mend,
    })
}

/// Prints a node's console; with `follow` until interrupted.
fn logs(status: &Status, node: usize, follow: bool) -> Result<()> {
    let path = status.dir.join(format!("node{node}.console"));
    let failed = |source| Error::Io {
        what: format!("cannot read the console of node {node}"),
        source,
    };
    let mut file = fs::File::open(&path).map_err(failed)?;
    let mut position = 0;
    loop {
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(position)).map_err(failed)?;
        position += file.read_to_end(&mut text).map_err(failed)? as u64;
        io::stdout().write_all(&text).map_err(failed)?;
        if !follow || !path.exists() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(300));
    }
}

fn print_status(status: &Status) {
    let how = if status.accelerated {
        "hardware virtualisation"
    } else {
        "emulated processors"
    };
    println!(
        "cluster {}: kernel {}, up in {:.1} s, {how}",
        status.name, status.kernel, status.boot_seconds
    );
    for node in &status.nodes {
        let state = if node.on {
            node.release.as_deref().unwrap_or("booting")
        } else {
            "off"
        };
        println!("    node {}  {}  {state}", node.number, node.address);
    }
    for (port, node, node_port) in &status.forwards {
        println!("    127.0.0.1:{port} reaches port {node_port} of node {node}");
    }
}
