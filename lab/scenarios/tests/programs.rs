// SPDX-License-Identifier: GPL-2.0-or-later
//! Real programs, unmodified: they start at home, are moved, and work there with the files of their home. What they leave
//! is what the same run leaves that never moved.

#[path = "programs/fed.rs"]
mod fed;
#[path = "programs/lost.rs"]
mod lost;
#[path = "programs/thrown.rs"]
mod thrown;
#[path = "programs/tools.rs"]
mod tools;

use std::time::Duration;

use mattx_lab::{Node, Result, SharedCluster};
use mattx_scenarios::moves::{self, Turn};

/// For programs that need many round trips, on machines that have much else to do.
const LONG: Duration = Duration::from_secs(600);

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

/// An empty folder for a scenario, on a node.
fn folder(node: &Node, name: &str) -> Result<String> {
    let path = format!("/tmp/programs/{name}");
    node.sh(&format!("rm -rf {path}; mkdir -p {path}"))?;
    Ok(path)
}

/// Runs a script that must succeed in a folder.
fn run_in(node: &Node, folder: &str, script: &str) -> Result<String> {
    let output = node.run(&format!("set -e; cd {folder}; {script}"), LONG)?;
    assert_eq!(
        output.status, 0,
        "{script}\n{}\n{}",
        output.stdout, output.stderr
    );
    Ok(output.stdout.trim_end().to_owned())
}

/// What the kernel of the home said of a process.
fn told(home: &Node, pid: u32) -> Result<String> {
    home.sh(&format!("dmesg | grep 'pid {pid} ' || true"))
}
