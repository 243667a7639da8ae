// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx why`: would a process of this node move, and if not, why not?

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::json;

use crate::Failure;

/// Where the module answers.
pub const QUESTIONS: &str = "/proc/mattx/why";

// Numbers of Linux, here as everywhere on x86-64.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EACCES: i32 = 13;

/// A refusal of the module.
#[derive(Debug, PartialEq)]
struct Refusal {
    code: String,
    errno: i32,
    reason: String,
}

/// Prints the module's answer about `pid`. A process that cannot move is a failure with the reason.
pub fn run(questions: &Path, json: bool, pid: u32) -> Result<(), Failure> {
    let answer = ask(questions, pid).map_err(|error| explain(&error, questions, pid))?;
    match parse(&answer) {
        None if json => println!("{}", json!({ "pid": pid, "movable": true })),
        None => println!("process {pid} can move"),
        Some(refusal) if json => println!(
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

fn ask(questions: &Path, pid: u32) -> io::Result<String> {
    let mut file = OpenOptions::new().read(true).write(true).open(questions)?;
    file.write_all(pid.to_string().as_bytes())?;
    let mut answer = String::new();
    file.read_to_string(&mut answer)?;
    Ok(answer)
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

/// `None`: it can move.
fn parse(answer: &str) -> Option<Refusal> {
    let mut fields = answer.trim_end().splitn(3, '\t');
    let code = fields.next()?.to_owned();
    if code == "yes" {
        return None;
    }
    Some(Refusal {
        code,
        errno: fields
            .next()
            .and_then(|errno| errno.parse().ok())
            .unwrap_or(0),
        reason: fields.next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert_eq!(parse("yes\n"), None);
        assert_eq!(
            parse("init\t95\tit is the init process of its pid namespace\n"),
            Some(Refusal {
                code: "init".to_owned(),
                errno: 95,
                reason: "it is the init process of its pid namespace".to_owned(),
            })
        );
    }
}
