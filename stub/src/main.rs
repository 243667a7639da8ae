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
mod shepherd;

use std::fs;
use std::path::PathBuf;
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
        let members = cgroup.join("cgroup.procs");
        fs::write(&members, "0").context(|| format!("cannot enter {}", members.display()))?;
    }
    let device = device::Device::open(&arguments.device)?;
    let guest = device.guest(arguments.ticket)?;
    namespaces::enter(arguments.hostname.as_deref())?;
    shepherd::run(device, &guest)
}
