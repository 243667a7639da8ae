// SPDX-License-Identifier: GPL-2.0-or-later
//! What the server is asked for.

use mattx_protocol::browser::PlaybackControl;
use mattx_protocol::command::{self, Command};
use mattx_protocol::model::{NodeId, ProcessRef};

use super::{Acting, Mood};
use crate::cluster::Cluster;
use crate::pick::Target;

/// Something to say to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Carry out a command.
    Execute(u64, Command),
    /// Change where a recording stands.
    Playback(u64, PlaybackControl),
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) command: Command,
    /// Who or what it is about, and whereto, in words.
    pub(super) what: String,
    pub(super) to: String,
    /// Where the process computed when it was asked to move.
    pub(super) from: Option<NodeId>,
    /// The bulk order that it belongs to.
    pub(super) bulk: Option<u64>,
    /// The person called it off: what arrives is sent back.
    pub(super) called_off: bool,
}

impl Acting {
    /// A double click sends a process home.
    pub fn double_click(&mut self, cluster: &Cluster, target: Option<Target>) {
        if let Some(Target::Process(process)) = target {
            if !self.group.contains(&process) {
                self.group.clear();
                self.selected = target;
            }
            self.move_meant(cluster, command::Target::Home);
        }
    }

    /// A process was dragged onto something; when it is one of a group, the group goes.
    pub fn drop_on(&mut self, cluster: &Cluster, process: ProcessRef, target: Option<Target>) {
        let node = match target {
            Some(Target::Node(node)) => Some(node),
            Some(Target::Process(other)) => cluster.processes.get(&other).map(|other| other.node),
            None => None,
        };
        let Some(node) = node else { return };
        if self.group.contains(&process) {
            self.move_meant(cluster, command::Target::Node(node));
        } else if let Some(known) = cluster.processes.get(&process)
            && known.node != node
        {
            self.migrate(cluster, process, command::Target::Node(node));
        }
    }

    /// Moves what is meant.
    pub fn move_meant(&mut self, cluster: &Cluster, target: command::Target) {
        let meant = self.meant();
        match meant.as_slice() {
            [] => {}
            [one] => match (target, cluster.processes.get(one)) {
                (command::Target::Home, Some(known)) if !known.is_away() => {
                    self.hint(format!("{} is at home already", known.sample.comm));
                }
                _ => self.migrate(cluster, *one, target),
            },
            many => self.migrate_all(cluster, many, target),
        }
    }

    /// Asks for a move.
    pub fn migrate(&mut self, cluster: &Cluster, process: ProcessRef, target: command::Target) {
        if !self.may_act(cluster) {
            return;
        }
        if self.is_pending(process) {
            self.hint(format!(
                "{} is on its way already",
                name_of(cluster, process)
            ));
            return;
        }
        self.send_move(cluster, process, target, None);
    }

    pub(super) fn send_move(
        &mut self,
        cluster: &Cluster,
        process: ProcessRef,
        target: command::Target,
        bulk: Option<u64>,
    ) {
        let to = match target {
            command::Target::Node(node) => cluster.node_name(node),
            command::Target::Home => format!("home to {}", cluster.node_name(process.home)),
            command::Target::Best => "where it computes best".into(),
        };
        let pending = Pending {
            command: Command::Migrate { process, target },
            what: name_of(cluster, process),
            to,
            from: cluster.processes.get(&process).map(|known| known.node),
            bulk,
            called_off: false,
        };
        self.send(pending);
    }

    pub(super) fn send(&mut self, pending: Pending) {
        self.last_id += 1;
        if pending.bulk.is_none() {
            let text = format!("{} → {} …", pending.what, pending.to);
            self.say(self.last_id, Mood::Working, text);
        }
        let order = Order::Execute(self.last_id, pending.command.clone());
        self.outbox.push(order);
        self.pending.insert(self.last_id, pending);
    }

    /// Lets the balancer move a process, or not.
    pub fn lock(&mut self, cluster: &Cluster, process: ProcessRef, locked: bool) {
        let to = if locked { "locked" } else { "unlocked" };
        let what = name_of(cluster, process);
        self.order(cluster, Command::Lock { process, locked }, what, to);
    }

    /// Sends all guests of a node to their homes.
    pub fn expel(&mut self, cluster: &Cluster, node: NodeId) {
        let what = format!("guests of {}", cluster.node_name(node));
        self.order(cluster, Command::Expel { node }, what, "home");
    }

    /// Calls all processes of a node home.
    pub fn bring(&mut self, cluster: &Cluster, node: NodeId) {
        let what = format!("processes of {}", cluster.node_name(node));
        self.order(cluster, Command::Bring { node }, what, "home");
    }

    /// Sends a command that is no single move, if the person may act.
    fn order(&mut self, cluster: &Cluster, command: Command, what: String, to: &str) {
        if self.may_act(cluster) {
            self.send(Pending {
                command,
                what,
                to: to.into(),
                from: None,
                bulk: None,
                called_off: false,
            });
        }
    }

    /// Steers a recording.
    pub fn control(&mut self, control: PlaybackControl) {
        self.last_id += 1;
        self.outbox.push(Order::Playback(self.last_id, control));
    }

    /// Whether the person may act; says why not.
    pub(super) fn may_act(&mut self, cluster: &Cluster) -> bool {
        match cluster.obstacle() {
            None => true,
            Some(reason) => {
                self.hint(reason.into());
                false
            }
        }
    }

    /// Whether a command on this process waits for its answer.
    #[must_use]
    pub fn is_pending(&self, process: ProcessRef) -> bool {
        self.pending
            .values()
            .any(|pending| pending.command.process() == Some(process))
    }

    /// Whether this viewer has asked a node to send its guests away and waits for the end of it.
    #[must_use]
    pub fn is_draining(&self, node: NodeId) -> bool {
        self.pending
            .values()
            .any(|pending| pending.command == Command::Expel { node })
    }

    /// What to say to the server since the last call.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.outbox)
    }
}

/// What to ask for so that the process computes on `node`.
pub(super) fn target_at(process: ProcessRef, node: NodeId) -> command::Target {
    if node == process.home {
        command::Target::Home
    } else {
        command::Target::Node(node)
    }
}

/// What a process is called in messages.
pub(super) fn name_of(cluster: &Cluster, process: ProcessRef) -> String {
    cluster.processes.get(&process).map_or_else(
        || format!("process {}", process.pid),
        |known| known.sample.comm.clone(),
    )
}
