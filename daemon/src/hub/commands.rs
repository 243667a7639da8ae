// SPDX-License-Identifier: GPL-2.0-or-later
//! Commands: to the node that carries them out, and their answers back.

use std::collections::HashMap;
use std::time::Duration;

use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::local::Reply;
use mattx_protocol::model::{MoveEvent, MovePhase, NodeId};
use mattx_protocol::peer::Frame;
use tokio::time::Instant;

use super::{Hub, TaskReport};
use crate::admin;
use crate::control::ClientId;
use crate::membership::LinkId;

/// Most commands at a time on one node.
const MAX_COMMANDS: usize = 128;
/// The module's event about a command may come this much later than its answer.
const EVENT_GRACE: Duration = Duration::from_millis(300);
/// A relayed command without an answer is given up after this. The module has deadlines of its
/// own for every step of a move, which are shorter.
const RELAY_DEADLINE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug)]
enum Asker {
    Client { client: ClientId, id: u64 },
    Peer { node: NodeId, link: LinkId, id: u64 },
}

/// A command that this node's module carries out.
#[derive(Debug)]
struct Execution {
    asker: Asker,
    command: Command,
    answered: Option<(Instant, std::io::Result<()>)>,
    event: Option<MoveEvent>,
}

/// A command that another node carries out.
#[derive(Debug)]
struct Relay {
    client: ClientId,
    id: u64,
    executor: NodeId,
    begun: Instant,
}

/// All commands under way.
#[derive(Debug, Default)]
pub struct Commands {
    executions: HashMap<u64, Execution>,
    relays: HashMap<u64, Relay>,
}

fn failed(errno: i32, reason: impl Into<String>) -> Outcome {
    Outcome::Failed {
        errno,
        reason: reason.into(),
    }
}

impl Hub {
    pub(super) fn execute_for_client(&mut self, client: ClientId, id: u64, command: Command) {
        let asker = Asker::Client { client, id };
        if !self
            .clients
            .get(&client)
            .is_some_and(|client| client.may_execute)
        {
            let reason = "only root and members of the group mattx may move processes";
            self.answer(asker, failed(libc::EPERM, reason));
            return;
        }
        let executor = command.executor();
        if executor == self.node() {
            self.execute(asker, command);
            return;
        }
        if self.commands.relays.len() >= MAX_COMMANDS {
            let reason = format!("{MAX_COMMANDS} commands are under way; try again later");
            self.answer(asker, failed(libc::EAGAIN, reason));
            return;
        }
        let number = self.number();
        if self.send(
            executor,
            Frame::Execute {
                id: number,
                command,
            },
        ) {
            let relay = Relay {
                client,
                id,
                executor,
                begun: Instant::now(),
            };
            self.commands.relays.insert(number, relay);
        } else {
            let reason = format!(
                "node {executor}, which has to do it, is not in the cluster; see `mattx status`"
            );
            self.answer(asker, failed(libc::EHOSTUNREACH, reason));
        }
    }

    pub(super) fn execute_for_peer(
        &mut self,
        node: NodeId,
        link: LinkId,
        id: u64,
        command: Command,
    ) {
        let asker = Asker::Peer { node, link, id };
        if command.executor() == self.node() {
            self.execute(asker, command);
        } else {
            let reason = format!(
                "node {} is asked for something that only node {} can do",
                self.node(),
                command.executor()
            );
            self.answer(asker, failed(libc::EINVAL, reason));
        }
    }

    fn execute(&mut self, asker: Asker, command: Command) {
        if let Command::Migrate {
            process,
            target: Target::Node(node),
        } = command
            && node == self.node()
            && node == process.home
        {
            // A person who drops a process on its home means exactly that.
            let target = Target::Home;
            return self.execute(asker, Command::Migrate { process, target });
        }
        if let Err(reason) = command.check() {
            self.answer(asker, failed(libc::EINVAL, reason));
            return;
        }
        if self.commands.executions.len() >= MAX_COMMANDS {
            let reason = format!("{MAX_COMMANDS} commands are under way; try again later");
            self.answer(asker, failed(libc::EAGAIN, reason));
            return;
        }
        let number = self.number();
        let line = admin::line(&command);
        self.commands.executions.insert(
            number,
            Execution {
                asker,
                command,
                answered: None,
                event: None,
            },
        );
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = tokio::task::spawn_blocking(move || admin::write(&line))
                .await
                .unwrap_or_else(|error| Err(std::io::Error::other(error)));
            let report = TaskReport::Executed {
                execution: number,
                result,
            };
            let _ = reports.send(report).await;
        });
    }

    pub(super) fn executed(&mut self, number: u64, result: std::io::Result<()>) {
        if let Some(execution) = self.commands.executions.get_mut(&number) {
            execution.answered = Some((Instant::now(), result));
            if execution.event.is_some() {
                self.finish(number);
            }
        }
    }

    /// Keeps what an event of the module says about a command under way.
    pub(super) fn move_of_command(&mut self, event: &MoveEvent) {
        if event.phase == MovePhase::Started {
            return;
        }
        let numbers: Vec<_> = self
            .commands
            .executions
            .iter_mut()
            .filter(|(_, execution)| {
                matches!(execution.command, Command::Migrate { process, .. } if process == event.process)
            })
            .map(|(number, execution)| {
                execution.event = Some(event.clone());
                (*number, execution.answered.is_some())
            })
            .collect();
        for (number, answered) in numbers {
            if answered {
                self.finish(number);
            }
        }
    }

    fn finish(&mut self, number: u64) {
        let Some(execution) = self.commands.executions.remove(&number) else {
            return;
        };
        let told = execution.event.as_ref();
        let outcome = match execution.answered {
            Some((_, Ok(()))) => admin::done(told.map(|event| event.statistics)),
            Some((_, Err(error))) => {
                let reason = told.and_then(|event| match &event.phase {
                    MovePhase::Failed { reason, .. } => Some(reason.as_str()),
                    _ => None,
                });
                admin::explain(&execution.command, self.node(), &error, reason)
            }
            None => return,
        };
        self.answer(execution.asker, outcome);
    }

    fn answer(&mut self, asker: Asker, outcome: Outcome) {
        match asker {
            Asker::Client { client, id } => self.reply(client, &Reply::Answer { id, outcome }),
            Asker::Peer { node, link, id } => {
                // Over a new link the number would mean nothing.
                if self
                    .connections
                    .get(&node)
                    .is_some_and(|(current, _)| *current == link)
                {
                    self.send(node, Frame::Answer { id, outcome });
                }
            }
        }
    }

    pub(super) fn relayed_answer(&mut self, node: NodeId, number: u64, outcome: Outcome) {
        if self
            .commands
            .relays
            .get(&number)
            .is_some_and(|relay| relay.executor == node)
            && let Some(relay) = self.commands.relays.remove(&number)
        {
            let Relay { client, id, .. } = relay;
            self.answer(Asker::Client { client, id }, outcome);
        }
    }

    /// A node is lost, and with it the answers that it owes.
    pub(super) fn fail_relays(&mut self, node: NodeId) {
        self.fail_relays_where(
            |relay| relay.executor == node,
            libc::EHOSTUNREACH,
            "was lost while it carried this out; see `mattx ps` for where the process is",
        );
    }

    fn fail_relays_where(&mut self, fails: impl Fn(&Relay) -> bool, errno: i32, why: &str) {
        let numbers: Vec<_> = self
            .commands
            .relays
            .iter()
            .filter(|(_, relay)| fails(relay))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            if let Some(relay) = self.commands.relays.remove(&number) {
                let outcome = failed(errno, format!("node {} {why}", relay.executor));
                let (client, id) = (relay.client, relay.id);
                self.answer(Asker::Client { client, id }, outcome);
            }
        }
    }

    pub(super) fn tend_commands(&mut self) {
        let late: Vec<_> = self
            .commands
            .executions
            .iter()
            .filter(|(_, execution)| {
                execution
                    .answered
                    .as_ref()
                    .is_some_and(|(when, _)| when.elapsed() >= EVENT_GRACE)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            self.finish(number);
        }
        self.fail_relays_where(
            |relay| relay.begun.elapsed() >= RELAY_DEADLINE,
            libc::ETIMEDOUT,
            "did not answer in time; see `mattx ps` for where the process is",
        );
    }
}
