// SPDX-License-Identifier: GPL-2.0-or-later
//! What gestures mean: selecting, and commands with their answers.

use std::collections::BTreeMap;

use mattx_protocol::command::{self, Command, Outcome};
use mattx_protocol::model::{MoveStatistics, NodeId, ProcessRef};

use crate::cluster::{Cluster, News};
use crate::pick::Target;
use crate::words;

/// How a message to the person looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Something is under way.
    Working,
    /// Something succeeded.
    Good,
    /// Something failed.
    Bad,
    /// A hint.
    Plain,
}

/// A message to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Messages of one command have one key; the newer replaces the older.
    pub key: u64,
    /// How it looks.
    pub mood: Mood,
    /// What it says.
    pub text: String,
}

#[derive(Clone, Debug)]
struct Pending {
    process: ProcessRef,
    comm: String,
    to: String,
}

/// Selection and commands under way.
#[derive(Clone, Debug, Default)]
pub struct Acting {
    /// What is selected.
    pub selected: Option<Target>,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    outbox: Vec<(u64, Command)>,
    toasts: Vec<Toast>,
    /// Outcomes so far, newest last, for tests and the timeline.
    pub outcomes: Vec<(ProcessRef, Outcome)>,
}

impl Acting {
    /// A click: selects a process or a node; with a process selected, a click on another node moves it there.
    pub fn click(&mut self, cluster: &Cluster, target: Option<Target>) {
        match (self.selected, target) {
            (Some(Target::Process(process)), Some(Target::Node(node)))
                if cluster
                    .processes
                    .get(&process)
                    .is_some_and(|known| known.node != node) =>
            {
                self.migrate(cluster, process, command::Target::Node(node));
            }
            _ => self.selected = target,
        }
    }

    /// A double click sends a process home.
    pub fn double_click(&mut self, cluster: &Cluster, target: Option<Target>) {
        if let Some(Target::Process(process)) = target {
            self.selected = target;
            self.send_home(cluster, process);
        }
    }

    /// A process was dragged onto something.
    pub fn drop_on(&mut self, cluster: &Cluster, process: ProcessRef, target: Option<Target>) {
        let node = match target {
            Some(Target::Node(node)) => Some(node),
            Some(Target::Process(other)) => cluster.processes.get(&other).map(|other| other.node),
            None => None,
        };
        if let (Some(node), Some(known)) = (node, cluster.processes.get(&process))
            && known.node != node
        {
            self.migrate(cluster, process, command::Target::Node(node));
        }
    }

    /// Sends a process home, or says that it is there.
    pub fn send_home(&mut self, cluster: &Cluster, process: ProcessRef) {
        match cluster.processes.get(&process) {
            Some(known) if known.is_away() => self.migrate(cluster, process, command::Target::Home),
            Some(known) => self.hint(format!("{} is at home already", known.sample.comm)),
            None => {}
        }
    }

    /// Asks for a move.
    pub fn migrate(&mut self, cluster: &Cluster, process: ProcessRef, target: command::Target) {
        let Some(known) = cluster.processes.get(&process) else {
            return;
        };
        if !cluster.may_act() {
            self.hint("You can look but not move processes: open the link with the token that mattx-viz printed".into());
            return;
        }
        if self
            .pending
            .values()
            .any(|pending| pending.process == process)
        {
            self.hint(format!("{} is on its way already", known.sample.comm));
            return;
        }
        let to = match target {
            command::Target::Node(node) => cluster.node_name(node),
            command::Target::Home => format!("home to {}", cluster.node_name(process.home)),
            command::Target::Best => "where it computes best".into(),
        };
        self.last_id += 1;
        let comm = known.sample.comm.clone();
        self.say(self.last_id, Mood::Working, format!("{comm} → {to} …"));
        self.pending
            .insert(self.last_id, Pending { process, comm, to });
        self.outbox
            .push((self.last_id, Command::Migrate { process, target }));
    }

    /// Follows what was told about commands.
    pub fn hear(&mut self, news: &News) {
        let News::Answer(id, outcome) = news else {
            return;
        };
        let Some(pending) = self.pending.remove(id) else {
            return;
        };
        let Pending { process, comm, to } = pending;
        match outcome {
            Outcome::Done { statistics } => {
                self.say(
                    *id,
                    Mood::Good,
                    format!("{comm} → {to} {}", cost(statistics)),
                );
            }
            Outcome::Failed { reason, .. } => {
                self.say(*id, Mood::Bad, format!("{comm} stays: {reason}"))
            }
        }
        self.outcomes.push((process, outcome.clone()));
    }

    /// The connection ended: nobody will answer what was asked.
    pub fn disconnected(&mut self) {
        for (id, pending) in std::mem::take(&mut self.pending) {
            self.say(
                id,
                Mood::Bad,
                format!(
                    "{}: the connection ended before the answer came",
                    pending.comm
                ),
            );
        }
    }

    /// Forgets a selected thing that is gone.
    pub fn forget_gone(&mut self, cluster: &Cluster) {
        let gone = match self.selected {
            Some(Target::Node(node)) => !cluster.nodes.contains_key(&node),
            Some(Target::Process(process)) => !cluster.processes.contains_key(&process),
            None => false,
        };
        if gone {
            self.selected = None;
        }
    }

    /// The selected process.
    #[must_use]
    pub fn selected_process(&self) -> Option<ProcessRef> {
        match self.selected {
            Some(Target::Process(process)) => Some(process),
            _ => None,
        }
    }

    /// The selected node.
    #[must_use]
    pub fn selected_node(&self) -> Option<NodeId> {
        match self.selected {
            Some(Target::Node(node)) => Some(node),
            _ => None,
        }
    }

    /// Whether a command on this process waits for its answer.
    #[must_use]
    pub fn is_pending(&self, process: ProcessRef) -> bool {
        self.pending
            .values()
            .any(|pending| pending.process == process)
    }

    /// Commands to send since the last call.
    pub fn take_commands(&mut self) -> Vec<(u64, Command)> {
        std::mem::take(&mut self.outbox)
    }

    /// Messages to show since the last call.
    pub fn take_toasts(&mut self) -> Vec<Toast> {
        std::mem::take(&mut self.toasts)
    }

    /// Whether there are messages to show.
    #[must_use]
    pub fn has_toasts(&self) -> bool {
        !self.toasts.is_empty()
    }

    /// Says something that belongs to no command.
    pub fn hint(&mut self, text: String) {
        self.say(0, Mood::Plain, text);
    }

    fn say(&mut self, key: u64, mood: Mood, text: String) {
        self.toasts.push(Toast { key, mood, text });
    }
}

fn cost(statistics: &MoveStatistics) -> String {
    match statistics {
        MoveStatistics {
            frozen_us: 0,
            bytes: 0,
            ..
        } => "done".into(),
        MoveStatistics {
            frozen_us,
            bytes: 0,
            ..
        } => format!("done, stood still {}", words::microseconds(*frozen_us)),
        MoveStatistics {
            frozen_us, bytes, ..
        } => {
            format!(
                "done, stood still {}, {} sent",
                words::microseconds(*frozen_us),
                words::bytes(*bytes)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::{FromServer, Role, Source};
    use mattx_protocol::model::ProcessKind;

    const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

    fn cluster(role: Role) -> Cluster {
        let mut cluster = Cluster::default();
        cluster.hear(
            FromServer::Hello {
                version: 1,
                role,
                source: Source::Live,
                notice: None,
            },
            0.0,
        );
        let nodes = vec![
            node(1, vec![process(77, ProcessKind::Local)]),
            node(2, vec![]),
        ];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        cluster
    }

    #[test]
    fn click_process_then_node_moves_it_there() {
        let cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        acting.click(&cluster, Some(Target::Process(WHO)));
        acting.click(&cluster, Some(Target::Node(2)));
        let expected = Command::Migrate {
            process: WHO,
            target: command::Target::Node(2),
        };
        assert_eq!(acting.take_commands(), [(1, expected)]);
        assert!(acting.is_pending(WHO));
        assert_eq!(acting.selected_process(), Some(WHO), "it stays selected");
        acting.hear(&News::Answer(
            1,
            Outcome::Failed {
                errno: 113,
                reason: "node 2 is down".into(),
            },
        ));
        let last = acting.take_toasts().pop().unwrap();
        assert_eq!(
            (last.mood, last.text.as_str()),
            (Mood::Bad, "calc stays: node 2 is down")
        );
        assert!(!acting.is_pending(WHO));
    }

    #[test]
    fn a_click_on_its_own_node_selects_the_node() {
        let cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        acting.click(&cluster, Some(Target::Process(WHO)));
        acting.click(&cluster, Some(Target::Node(1)));
        assert_eq!(
            (acting.selected_node(), acting.take_commands().len()),
            (Some(1), 0)
        );
    }

    #[test]
    fn viewers_are_told_why_nothing_moves() {
        let cluster = cluster(Role::Viewer);
        let mut acting = Acting::default();
        acting.drop_on(&cluster, WHO, Some(Target::Node(2)));
        assert!(acting.take_commands().is_empty());
        assert!(acting.take_toasts()[0].text.contains("token"));
    }

    #[test]
    fn a_double_click_sends_only_those_home_who_are_away() {
        let mut cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        acting.double_click(&cluster, Some(Target::Process(WHO)));
        assert!(acting.take_commands().is_empty());
        let deputy = node(1, vec![process(77, ProcessKind::Deputy { node: 2 })]);
        cluster.hear(
            FromServer::Delta {
                sequence: 2,
                nodes: vec![deputy],
                gone: vec![],
            },
            9.0,
        );
        acting.double_click(&cluster, Some(Target::Process(WHO)));
        let expected = Command::Migrate {
            process: WHO,
            target: command::Target::Home,
        };
        assert_eq!(acting.take_commands(), [(1, expected)]);
    }

    #[test]
    fn no_answer_is_awaited_on_a_lost_connection() {
        let cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        acting.migrate(&cluster, WHO, command::Target::Node(2));
        acting.disconnected();
        assert!(!acting.is_pending(WHO));
        assert_eq!(acting.take_toasts().last().unwrap().mood, Mood::Bad);
    }
}
