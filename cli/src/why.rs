// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx why`: would a process of this node move, and if not, why not?

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use mattx_protocol::why::ask;
use serde_json::json;

use crate::Failure;
use crate::output::say;

// Numbers of Linux, here as everywhere on x86-64.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EACCES: i32 = 13;

/// Prints the module's answer about `pid`. A process that cannot move is a failure with the reason.
pub fn run(questions: &Path, json: bool, pid: u32) -> Result<(), Failure> {
    let answer = OpenOptions::new()
        .read(true)
        .write(true)
        .open(questions)
        .and_then(|file| ask(file, pid))
        .map_err(|error| explain(&error, questions, pid))?;
    match answer {
        None if json => say!("{}", json!({ "pid": pid, "movable": true })),
        None => say!("process {pid} can move"),
        Some(refusal) if json => say!(
            "{}",
            json!({
                "pid": pid, "movable": false, "code": refusal.code, "errno": refusal.errno,
                "reason": refusal.reason,
            })
        ),
        Some(refusal) => {
            return Err(Failure::Refused {
                errno: refusal.errno,
                reason: format!(
                    "process {pid} cannot move: {} [{}]",
                    refusal.reason, refusal.code
                ),
            });
        }
    }
    Ok(())
}

fn explain(error: &io::Error, questions: &Path, pid: u32) -> Failure {
    let place = questions.display();
    Failure::Usage(match error.raw_os_error() {
        Some(ESRCH) => format!("there is no process {pid} on this node"),
        Some(ENOENT) => format!("{place} is not there; load the module with `modprobe mattx`"),
        Some(EACCES | EPERM) => format!("only root may ask {place}"),
        _ => format!("cannot ask {place}: {error}"),
    })
}
