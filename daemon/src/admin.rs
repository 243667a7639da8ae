// SPDX-License-Identifier: GPL-2.0-or-later
//! Commands to this node's module through `/proc/mattx/admin`, and what its answers mean.

use std::fs::OpenOptions;
use std::io::{self, Write};

use mattx_protocol::command::{Command, NameList, NodeSwitch, Outcome, Target};
use mattx_protocol::model::{MoveStatistics, NodeId};
use mattx_protocol::why::{QUESTIONS, Refusal, ask};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};

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
        Command::Lock {
            process,
            locked: true,
        } => format!("lock {}", process.pid),
        Command::Lock { process, .. } => format!("unlock {}", process.pid),
        Command::Expel { .. } => "expel all".to_owned(),
        Command::Bring { .. } => "bring all".to_owned(),
        Command::Switch { switch, on, .. } => {
            let name = match switch {
                NodeSwitch::Balancer => "balancer",
                NodeSwitch::Block => "block",
                NodeSwitch::Stay => "stay",
                NodeSwitch::StayLocal => "lstay",
                NodeSwitch::Quiet => "quiet",
            };
            format!("{name} {}", u8::from(*on))
        }
        Command::Affinity { affinity, .. } => format!("affinity {affinity}"),
        Command::Names { list, names, .. } => {
            let list = match list {
                NameList::Exclude => "exclude",
                NameList::Include => "include",
            };
            format!("{list} {}", names.join(","))
        }
    }
}

/// Writes one command; returns when it was carried out. Blocks as long as a move takes.
///
/// A signal would interrupt the move, and the daemon gets one for every stub that ends; other threads take it meanwhile.
pub fn write(line: &str) -> io::Result<()> {
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let result = write_undisturbed(line);
    mask.thread_set_mask()?;
    result
}

fn write_undisturbed(line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(PATH)?;
    // One write is one command, so not `write_all`: a rest would be another command.
    let length = line.len() + 1;
    if file.write(format!("{line}\n").as_bytes())? == length {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Whether a process of this node would move, without doing anything to it.
pub fn why(pid: u32) -> io::Result<Option<Refusal>> {
    let file = OpenOptions::new().read(true).write(true).open(QUESTIONS)?;
    ask(file, pid)
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
    let errno = error.raw_os_error().unwrap_or(0);
    let why = match told {
        Some(told) if !told.is_empty() => told.to_owned(),
        _ => match command {
            Command::Migrate { target, .. } => why_not_moved(*target, executor, error),
            Command::Lock { .. } if errno == libc::EOPNOTSUPP => {
                "it is a guest there; its home locks it".to_owned()
            }
            _ => why_not_done(executor, error),
        },
    };
    let what = match command {
        Command::Migrate { process, target } => format!(
            "process {} of node {executor} did not move to {}",
            process.pid,
            place(*target)
        ),
        _ => format!("`{}` on node {executor}", line(command)),
    };
    Outcome::Failed {
        errno,
        reason: format!("{what}: {why}"),
    }
}

fn place(target: Target) -> String {
    match target {
        Target::Node(node) => format!("node {node}"),
        Target::Home => "its home".to_owned(),
        Target::Best => "the best node".to_owned(),
    }
}

/// What an errno means for a move that nothing else was said about.
fn why_not_moved(target: Target, executor: NodeId, error: &io::Error) -> String {
    match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        Errno::ESRCH if target == Target::Home => {
            format!("node {executor} has no such process away; see `mattx ps`")
        }
        Errno::EHOSTUNREACH => format!(
            "{} is not linked to node {executor}; see `mattx status`",
            place(target)
        ),
        Errno::EBUSY | Errno::EALREADY => {
            "it is already moving or already there; try again when it has arrived".to_owned()
        }
        Errno::EOPNOTSUPP => "it uses something that cannot move".to_owned(),
        Errno::ETIMEDOUT => {
            "it took too long and was given up; the process runs where it was".to_owned()
        }
        _ => why_not_done(executor, error),
    }
}

/// What an errno means for any command.
fn why_not_done(executor: NodeId, error: &io::Error) -> String {
    match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        Errno::ENOENT => {
            format!("mattx.ko is not loaded on node {executor}; run `modprobe mattx` there")
        }
        Errno::ESRCH => format!("node {executor} has no such process; see `mattx ps`"),
        Errno::EPERM | Errno::EACCES => {
            format!("node {executor} does not allow it; the daemon must run as root")
        }
        Errno::EINVAL => format!(
            "the module of node {executor} did not understand it; are all nodes of one version?"
        ),
        Errno::UnknownErrno => error.to_string(),
        other => other.desc().to_owned(),
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
        let process = ProcessRef { home: 3, pid: 77 };
        let target = Target::Home;
        assert_eq!(
            line(&Command::Migrate { process, target }),
            "migrate 77 home"
        );
        let node = 3;
        for (command, expected) in [
            (
                Command::Lock {
                    process,
                    locked: false,
                },
                "unlock 77",
            ),
            (Command::Expel { node }, "expel all"),
            (Command::Bring { node }, "bring all"),
            (
                Command::Switch {
                    node,
                    switch: NodeSwitch::Block,
                    on: true,
                },
                "block 1",
            ),
            (
                Command::Affinity {
                    node,
                    affinity: 4000,
                },
                "affinity 4000",
            ),
            (
                Command::Names {
                    node,
                    list: NameList::Exclude,
                    names: vec!["sshd".to_owned(), "cron".to_owned()],
                },
                "exclude sshd,cron",
            ),
        ] {
            assert_eq!(line(&command), expected);
        }
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
    fn a_failure_of_another_command_names_its_line() {
        let process = ProcessRef { home: 3, pid: 77 };
        let lock = Command::Lock {
            process,
            locked: true,
        };
        for (errno, part) in [
            (libc::ESRCH, "no such process"),
            (libc::EOPNOTSUPP, "a guest"),
            (libc::EPERM, "as root"),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            let Outcome::Failed { reason, .. } = explain(&lock, 3, &error, None) else {
                panic!("not a failure");
            };
            assert!(reason.starts_with("`lock 77` on node 3: "), "{reason}");
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
