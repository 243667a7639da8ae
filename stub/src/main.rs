// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-stub`: becomes the surrogate of a process that arrives from another node.
//!
//! Three processes take part. The **stub** that the daemon starts asks the module who is coming
//! and makes the namespaces. Its child, the **shepherd**, is init of the new pid namespace; it
//! gives birth to the **surrogate** under the pid that the process has at home, and waits for it.
//! The surrogate drops everything that it inherited and hands itself to the module, which
//! replaces it by the arriving process.
//!
//! Everything that can fail is done before the surrogate departs; from there on
//! ([`departure`]) it executes a prepared list of system calls and no other code.

mod allowed;
mod departure;
mod device;
mod error;
mod namespaces;
mod shared;
mod shepherd;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::error::{Context, Result};

/// Becomes the surrogate of a process that arrives from another node.
///
/// Started by mattx-discd when the module announces an arriving process; of no use by hand.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Number by which the module announced the arriving process.
    #[arg(long)]
    ticket: u64,
    /// Host name of the process's home, told by uname(2) in its place.
    #[arg(long)]
    hostname: Option<String>,
    /// Control group to enter, an existing folder of the cgroup2 file system.
    #[arg(long)]
    cgroup: Option<PathBuf>,
    /// Folder that all nodes share (DFSA_DIR): the guest uses it where it is, if it is the same storage.
    #[arg(long)]
    shared: Option<PathBuf>,
    /// Device of the module.
    #[arg(long, default_value = device::PATH)]
    device: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!(
                "mattx-stub: no surrogate for ticket {}: {error}",
                arguments.ticket
            );
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(cgroup) = &arguments.cgroup {
        enter_cgroup(cgroup)?;
    }
    let device = device::Device::open(&arguments.device)?;
    let guest = device.guest(arguments.ticket)?;
    let entered = namespaces::enter(&namespaces::Home {
        node: guest.home,
        hostname: arguments.hostname.as_deref(),
        monotonic_ahead: guest.monotonic_ahead,
        boottime_ahead: guest.boottime_ahead,
        shared: arguments.shared.as_deref(),
    })?;
    if let Some(folder) = entered.shared {
        device.shared(folder)?;
    }
    shepherd::run(device, &guest, entered.root)
}

/// Enters the guest's control group. A guest that left a moment ago and comes back meets the
/// daemon tidying up after its last visit, so the folder may vanish in between.
fn enter_cgroup(cgroup: &Path) -> Result<()> {
    const TRIES: usize = 5;
    let members = cgroup.join("cgroup.procs");
    let mut entered = fs::write(&members, "0");
    for _ in 1..TRIES {
        match &entered {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // What is wrong with it shows when it is entered.
                let _ = fs::create_dir_all(cgroup);
                entered = fs::write(&members, "0");
            }
            _ => break,
        }
    }
    entered.context(|| format!("cannot enter {}", members.display()))
}
