// SPDX-License-Identifier: GPL-2.0-or-later
//! Commands to this node's module through `/proc/mattx/admin`, and what its answers mean.

use std::fs::OpenOptions;
use std::io::{self, Write};

use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{MoveStatistics, NodeId};
use nix::errno::Errno;

const PATH: &str = "/proc/mattx/admin";

/// The line that carries out `command`.
#[must_use]
pub fn line(command: &Command) -> String {
    match command {
        Command::Migrate { process, target } => match target {
            Target::Node(node) => format!("migrate {} {node}", process.pid),
            Target::Home => format!("migrate {} home", process.pid),
            Target::Best => format!("migrate {} best", process.pid),
        },
    }
}

/// Writes one command; returns when it was carried out. Blocks as long as a move takes.
pub fn write(line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(PATH)?;
    // One write is one command, so not `write_all`: a rest would be another command.
    let length = line.len() + 1;
    if file.write(format!("{line}\n").as_bytes())? == length {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// What `error` of [`write`] means for `command` on node `executor`: what happened, to what,
/// why, and what to do. `told` is what the module said about it.
#[must_use]
pub fn explain(
    command: &Command,
    executor: NodeId,
    error: &io::Error,
    told: Option<&str>,
) -> Outcome {
    let Command::Migrate { process, target } = command;
    let pid = process.pid;
    let destination = match target {
        Target::Node(node) => format!("node {node}"),
        Target::Home => "its home".to_owned(),
        Target::Best => "the best node".to_owned(),
    };
    let errno = error.raw_os_error().unwrap_or(0);
    let why = match Errno::from_raw(errno) {
        Errno::ENOENT => {
            format!("mattx.ko is not loaded on node {executor}; run `modprobe mattx` there")
        }
        Errno::ESRCH if matches!(target, Target::Home) => {
            format!("node {executor} has no such process away; see `mattx ps`")
        }
        Errno::ESRCH => format!("node {executor} has no process {pid}; see `mattx ps`"),
        Errno::EHOSTUNREACH => {
            format!("{destination} is not linked to node {executor}; see `mattx status`")
        }
        Errno::EBUSY | Errno::EALREADY => {
            "it is already moving or already there; try again when it has arrived".to_owned()
        }
        Errno::EOPNOTSUPP => "it uses something that cannot move".to_owned(),
        Errno::EPERM | Errno::EACCES => {
            format!("node {executor} does not allow it; the daemon must run as root")
        }
        Errno::EINVAL => format!(
            "the module of node {executor} did not understand it; are all nodes of one version?"
        ),
        Errno::ETIMEDOUT => {
            "it took too long and was given up; the process runs where it was".to_owned()
        }
        Errno::UnknownErrno => error.to_string(),
        other => other.desc().to_owned(),
    };
    let why = told
        .filter(|told| !told.is_empty())
        .map_or(why, str::to_owned);
    Outcome::Failed {
        errno,
        reason: format!("process {pid} of node {executor} did not move to {destination}: {why}"),
    }
}

/// The outcome of a command that was carried out.
#[must_use]
pub fn done(statistics: Option<MoveStatistics>) -> Outcome {
    Outcome::Done {
        statistics: statistics.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::model::ProcessRef;

    const COMMAND: Command = Command::Migrate {
        process: ProcessRef { home: 3, pid: 77 },
        target: Target::Node(5),
    };

    #[test]
    fn commands_become_the_lines_that_people_write() {
        assert_eq!(line(&COMMAND), "migrate 77 5");
        let Command::Migrate { process, .. } = COMMAND;
        let target = Target::Home;
        assert_eq!(
            line(&Command::Migrate { process, target }),
            "migrate 77 home"
        );
    }

    #[test]
    fn a_failure_names_process_node_reason_and_remedy() {
        let error = io::Error::from_raw_os_error(libc::EHOSTUNREACH);
        let Outcome::Failed { errno, reason } = explain(&COMMAND, 3, &error, None) else {
            panic!("not a failure");
        };
        assert_eq!(errno, libc::EHOSTUNREACH);
        for part in ["process 77", "node 3", "node 5", "mattx status"] {
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn what_the_module_says_is_preferred() {
        let error = io::Error::from_raw_os_error(libc::EOPNOTSUPP);
        let outcome = explain(&COMMAND, 3, &error, Some("it shares memory"));
        assert!(
            matches!(outcome, Outcome::Failed { reason, .. } if reason.ends_with("it shares memory"))
        );
    }
}
