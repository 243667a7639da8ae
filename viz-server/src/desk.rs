// SPDX-License-Identifier: GPL-2.0-or-later
//! Where commands of all transports arrive: each is authorised, carried out, told about while it goes on, and written
//! down with its result.

use std::collections::BTreeSet;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use mattx_protocol::browser::{MOST_COMMANDS, PlaybackControl, Role, Step};
use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{MovePhase, MoveStatistics, NodeId, ProcessKind, ProcessRef};

use crate::access::{Access, Visitor};
use crate::audit::{Audit, Deed};
use crate::hub::{Hub, failed};

/// Commands of one request that are carried out at the same time.
const AT_ONCE: usize = 8;

const EPERM: i32 = 1;
const EINVAL: i32 = 22;
const E2BIG: i32 = 7;

/// What commands need.
#[derive(Debug)]
pub struct Desk {
    /// Who may do what.
    pub access: Access,
    /// What was done.
    pub audit: Audit,
}

impl Desk {
    /// Carries `commands` out and sums up how they ended; `tell` hears what happens meanwhile.
    pub async fn carry_out(
        &self,
        hub: &Hub,
        visitor: &Visitor,
        commands: Vec<Command>,
        mut tell: impl FnMut(Step),
    ) -> Outcome {
        if commands.len() > MOST_COMMANDS {
            let reason = format!("nothing was done: at most {MOST_COMMANDS} commands go together");
            return failed(E2BIG, reason);
        }
        let single = commands.len() == 1;
        let mut parts = Vec::new();
        let mut whole = Vec::new();
        for command in commands {
            match self.refuses(visitor, &command) {
                Some(refusal) => {
                    self.audit
                        .record(visitor, Deed::Command(&command), &refusal);
                    if single {
                        return refusal;
                    }
                    parts.push((command, Some(refusal)));
                }
                None => match expand(hub, &command) {
                    Some(moves) => {
                        parts.extend(moves.into_iter().map(|part| (part, None)));
                        whole.push(command);
                    }
                    None => parts.push((command, None)),
                },
            }
        }
        let mut outcome = self.carry_out_parts(hub, visitor, parts, &mut tell).await;
        // The picture is up to a second old: the node itself knows whom it has beside those.
        for command in whole {
            let rest = hub.execute(command.clone()).await;
            self.audit.record(visitor, Deed::Command(&command), &rest);
            if matches!(outcome, Outcome::Done { .. }) && matches!(rest, Outcome::Failed { .. }) {
                outcome = rest;
            }
        }
        outcome
    }

    async fn carry_out_parts(
        &self,
        hub: &Hub,
        visitor: &Visitor,
        parts: Vec<(Command, Option<Outcome>)>,
        tell: &mut impl FnMut(Step),
    ) -> Outcome {
        let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let mut moves = hub.moves();
        let mut moving: BTreeSet<ProcessRef> = parts
            .iter()
            .filter_map(|(part, _)| part.process())
            .collect();
        let mut waiting = (0..of)
            .zip(parts)
            .map(|(index, (command, refusal))| async move {
                let outcome = match refusal {
                    Some(refusal) => refusal,
                    None => {
                        let outcome = hub.execute(command.clone()).await;
                        self.audit
                            .record(visitor, Deed::Command(&command), &outcome);
                        outcome
                    }
                };
                (index, command, outcome)
            });
        let mut running: FuturesUnordered<_> = waiting.by_ref().take(AT_ONCE).collect();
        let mut sum = Sum::default();
        loop {
            tokio::select! {
                ended = running.next() => {
                    let Some((index, command, outcome)) = ended else { break };
                    running.extend(waiting.next());
                    sum.add(&outcome);
                    if of > 1 {
                        tell(Step::Part { index, of, command, outcome });
                    }
                }
                Ok(event) = moves.recv() => {
                    if event.phase == MovePhase::Started && moving.remove(&event.process) {
                        tell(Step::Moving { process: event.process });
                    }
                }
            }
        }
        sum.outcome()
    }

    /// Steers a recording.
    pub async fn playback(
        &self,
        hub: &Hub,
        visitor: &Visitor,
        control: PlaybackControl,
    ) -> Outcome {
        let outcome = match self.lacks(visitor, Role::Operator) {
            Some(refusal) => refusal,
            None => hub.playback(control).await,
        };
        self.audit
            .record(visitor, Deed::Playback(control), &outcome);
        outcome
    }

    /// Why `visitor` may not have this done.
    fn refuses(&self, visitor: &Visitor, command: &Command) -> Option<Outcome> {
        self.lacks(visitor, Role::needed_for(command)).or_else(|| {
            let reason = command.check().err()?;
            Some(failed(EINVAL, reason))
        })
    }

    fn lacks(&self, visitor: &Visitor, needed: Role) -> Option<Outcome> {
        let reason = match self.access.role_now(visitor) {
            Some(role) if role >= needed => return None,
            None => "nothing was done: your token is not valid any more".to_owned(),
            Some(Role::Viewer | Role::Kiosk) => {
                "nothing was done: viewers may look but not act; open the link with a token that may".to_owned()
            }
            Some(_) => "nothing was done: this needs the role admin".to_owned(),
        };
        Some(failed(EPERM, reason))
    }
}

/// The moves that a command about a whole node consists of, so that each of its processes has its own answer.
fn expand(hub: &Hub, command: &Command) -> Option<Vec<Command>> {
    let processes: Vec<ProcessRef> = match command {
        Command::Expel { node } => of_node(hub, *node, |kind, _| match kind {
            ProcessKind::Guest { origin } => Some(origin),
            ProcessKind::Local | ProcessKind::Deputy { .. } => None,
        }),
        Command::Bring { node } => of_node(hub, *node, |kind, name| {
            matches!(kind, ProcessKind::Deputy { .. }).then_some(name)
        }),
        _ => return None,
    };
    let home = |process| Command::Migrate {
        process,
        target: Target::Home,
    };
    Some(processes.into_iter().map(home).collect())
}

fn of_node(
    hub: &Hub,
    node: NodeId,
    choose: impl Fn(ProcessKind, ProcessRef) -> Option<ProcessRef>,
) -> Vec<ProcessRef> {
    let Some(sample) = hub.node(node) else {
        return Vec::new();
    };
    sample
        .processes
        .iter()
        .filter_map(|process| choose(process.kind, process.identity(node)))
        .collect()
}

/// How several commands ended, as one outcome.
#[derive(Default)]
struct Sum {
    done: usize,
    failed: usize,
    first: Option<(i32, String)>,
    statistics: MoveStatistics,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done { statistics } => {
                self.done += 1;
                self.statistics.freeze_us += statistics.freeze_us;
                self.statistics.frozen_us += statistics.frozen_us;
                self.statistics.bytes += statistics.bytes;
                self.statistics.pages += statistics.pages;
            }
            Outcome::Failed { errno, reason } => {
                self.failed += 1;
                self.first.get_or_insert((*errno, reason.clone()));
            }
        }
    }

    fn outcome(self) -> Outcome {
        match self.first {
            None => Outcome::Done {
                statistics: self.statistics,
            },
            Some((errno, reason)) if self.done + self.failed == 1 => {
                Outcome::Failed { errno, reason }
            }
            Some((errno, reason)) => failed(
                errno,
                format!(
                    "{} of {} failed, the first: {reason}",
                    self.failed,
                    self.done + self.failed
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_names_the_first_failure_and_how_many_there_were() {
        let statistics = MoveStatistics {
            bytes: 5,
            ..MoveStatistics::default()
        };
        let done = Outcome::Done { statistics };
        let mut sum = Sum::default();
        sum.add(&done);
        sum.add(&done);
        assert!(matches!(&sum.outcome(), Outcome::Done { statistics } if statistics.bytes == 10));
        let mut sum = Sum::default();
        sum.add(&done);
        sum.add(&failed(16, "calc is moving"));
        sum.add(&failed(3, "gone"));
        assert_eq!(
            sum.outcome(),
            failed(16, "2 of 3 failed, the first: calc is moving")
        );
        let mut sum = Sum::default();
        sum.add(&failed(16, "calc is moving"));
        assert_eq!(sum.outcome(), failed(16, "calc is moving"));
    }
}
