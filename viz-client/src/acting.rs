// SPDX-License-Identifier: GPL-2.0-or-later
//! What gestures mean: selecting, and commands with their answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mattx_protocol::browser::{PlaybackControl, Step};
use mattx_protocol::command::{self, Command, Outcome};
use mattx_protocol::model::{MoveStatistics, NodeId, ProcessRef};

use crate::cluster::{Cluster, News};
use crate::pick::Target;
use crate::words;

/// Commands of one bulk order that are under way at once; the rest waits here and can be called off.
const AT_ONCE: usize = 4;
/// Answers that are kept for tests and the timeline.
const MOST_OUTCOMES: usize = 200;

/// Why a person with a viewer's link cannot act.
pub const VIEWERS_LOOK: &str =
    "You can look but not act: open the link with the token that mattx-viz printed";
/// Why nobody can act on what is over.
pub const PAST_IS_PAST: &str = "This is the past: go back to live (L) to act";

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
struct Pending {
    command: Command,
    /// Who or what it is about, and whereto, in words.
    what: String,
    to: String,
    /// Where the process computed when it was asked to move.
    from: Option<NodeId>,
    /// The bulk order that it belongs to.
    bulk: Option<u64>,
    /// The person called it off: what arrives is sent back.
    called_off: bool,
}

/// Several moves as one order.
#[derive(Clone, Debug, Default)]
struct Bulk {
    waiting: VecDeque<(ProcessRef, command::Target)>,
    all: usize,
    moved: Vec<(ProcessRef, NodeId)>,
    refused: Vec<String>,
    called_off: bool,
}

/// Selection and commands under way.
#[derive(Clone, Debug, Default)]
pub struct Acting {
    /// What is selected.
    pub selected: Option<Target>,
    /// Processes that are meant together; commands concern all of them.
    pub group: BTreeSet<ProcessRef>,
    pending: BTreeMap<u64, Pending>,
    bulks: BTreeMap<u64, Bulk>,
    /// The last moves that succeeded and where their processes were before.
    undo: Vec<(ProcessRef, NodeId)>,
    last_id: u64,
    outbox: Vec<Order>,
    toasts: Vec<Toast>,
    /// Outcomes so far, newest last, for tests and the timeline.
    pub outcomes: Vec<(ProcessRef, Outcome)>,
}

impl Acting {
    /// A click: selects a process or a node; with a process selected, a click on another node moves it there.
    pub fn click(&mut self, cluster: &Cluster, target: Option<Target>) {
        if let Some(Target::Node(node)) = target {
            let elsewhere = |name: &ProcessRef| {
                let process = cluster.processes.get(name);
                process.is_some_and(|known| known.node != node)
            };
            if self.meant().iter().any(elsewhere) {
                self.move_meant(cluster, command::Target::Node(node));
                return;
            }
        }
        self.group.clear();
        self.selected = target;
    }

    /// A click that adds a process to those that are meant together, or takes it out.
    pub fn click_also(&mut self, target: Option<Target>) {
        let Some(Target::Process(name)) = target else {
            return;
        };
        self.group.extend(self.selected_process());
        if !self.group.remove(&name) {
            self.group.insert(name);
        }
        self.selected = self.group.first().copied().map(Target::Process);
    }

    /// Means all these together.
    pub fn select_all(&mut self, names: impl IntoIterator<Item = ProcessRef>) {
        self.group = names.into_iter().collect();
        self.selected = self.group.first().copied().map(Target::Process);
    }

    /// Lets go of everything.
    pub fn let_go(&mut self) {
        self.selected = None;
        self.group.clear();
    }

    /// The processes that commands concern: the group, or else the selected one.
    #[must_use]
    pub fn meant(&self) -> Vec<ProcessRef> {
        if self.group.is_empty() {
            self.selected_process().into_iter().collect()
        } else {
            self.group.iter().copied().collect()
        }
    }

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

    /// Asks for several moves: a few at once, the rest when those have ended.
    fn migrate_all(&mut self, cluster: &Cluster, many: &[ProcessRef], target: command::Target) {
        if !self.may_act(cluster) {
            return;
        }
        let already_there = |process: &ProcessRef| {
            cluster
                .processes
                .get(process)
                .is_none_or(|known| match target {
                    command::Target::Node(node) => known.node == node,
                    command::Target::Home => !known.is_away(),
                    command::Target::Best => false,
                })
        };
        let waiting: VecDeque<_> = many
            .iter()
            .filter(|process| !already_there(process) && !self.is_pending(**process))
            .map(|process| (*process, target))
            .collect();
        if waiting.is_empty() {
            self.hint("all of them are there already".into());
            return;
        }
        self.begin_bulk(cluster, waiting);
    }

    fn begin_bulk(&mut self, cluster: &Cluster, waiting: VecDeque<(ProcessRef, command::Target)>) {
        self.last_id += 1;
        let (id, all) = (self.last_id, waiting.len());
        let bulk = Bulk {
            waiting,
            all,
            ..Bulk::default()
        };
        self.bulks.insert(id, bulk);
        self.feed_bulk(cluster, id);
    }

    fn send_move(
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

    fn send(&mut self, pending: Pending) {
        self.last_id += 1;
        if pending.bulk.is_none() {
            let text = format!("{} → {} …", pending.what, pending.to);
            self.say(self.last_id, Mood::Working, text);
        }
        let order = Order::Execute(self.last_id, pending.command.clone());
        self.outbox.push(order);
        self.pending.insert(self.last_id, pending);
    }

    /// Sends as many of a bulk order as may be under way, or sums it up.
    fn feed_bulk(&mut self, cluster: &Cluster, id: u64) {
        let under_way = |pending: &BTreeMap<u64, Pending>| {
            let of_this = pending.values().filter(|one| one.bulk == Some(id));
            of_this.count()
        };
        while under_way(&self.pending) < AT_ONCE {
            let next = self
                .bulks
                .get_mut(&id)
                .and_then(|bulk| bulk.waiting.pop_front());
            let Some((process, target)) = next else { break };
            self.send_move(cluster, process, target, Some(id));
        }
        let busy = under_way(&self.pending);
        let Some(bulk) = self.bulks.get(&id) else {
            return;
        };
        let ended = bulk.moved.len() + bulk.refused.len();
        if busy > 0 {
            let text = format!("moving {} processes: {ended} done", bulk.all);
            self.say(id, Mood::Working, text);
            return;
        }
        let Some(bulk) = self.bulks.remove(&id) else {
            return;
        };
        let rest = if bulk.called_off {
            ", the rest was called off"
        } else {
            ""
        };
        let text = match bulk.refused.first() {
            None => format!("{} of {} moved{rest}", bulk.moved.len(), bulk.all),
            Some(reason) => format!(
                "{} of {} moved, {} stay{rest}: {reason}",
                bulk.moved.len(),
                bulk.all,
                bulk.refused.len()
            ),
        };
        let mood = if bulk.refused.is_empty() {
            Mood::Good
        } else {
            Mood::Bad
        };
        self.say(id, mood, text);
        if !bulk.moved.is_empty() {
            self.undo = bulk.moved;
        }
    }

    /// Lets the balancer move a process, or not.
    pub fn lock(&mut self, cluster: &Cluster, process: ProcessRef, locked: bool) {
        if self.may_act(cluster) {
            self.send(Pending {
                command: Command::Lock { process, locked },
                what: name_of(cluster, process),
                to: if locked { "locked" } else { "unlocked" }.into(),
                from: None,
                bulk: None,
                called_off: false,
            });
        }
    }

    /// Sends all guests of a node to their homes.
    pub fn expel(&mut self, cluster: &Cluster, node: NodeId) {
        if self.may_act(cluster) {
            self.send(Pending {
                command: Command::Expel { node },
                what: format!("guests of {}", cluster.node_name(node)),
                to: "home".into(),
                from: None,
                bulk: None,
                called_off: false,
            });
        }
    }

    /// Calls all processes of a node home.
    pub fn bring(&mut self, cluster: &Cluster, node: NodeId) {
        if self.may_act(cluster) {
            self.send(Pending {
                command: Command::Bring { node },
                what: format!("processes of {}", cluster.node_name(node)),
                to: "home".into(),
                from: None,
                bulk: None,
                called_off: false,
            });
        }
    }

    /// Sends what moved last back to where it was.
    pub fn undo(&mut self, cluster: &Cluster) {
        if !self.may_act(cluster) {
            return;
        }
        let back: VecDeque<_> = std::mem::take(&mut self.undo)
            .into_iter()
            .filter(|(process, from)| {
                let known = cluster.processes.get(process);
                known.is_some_and(|known| known.node != *from) && !self.is_pending(*process)
            })
            .map(|(process, from)| {
                let target = if from == process.home {
                    command::Target::Home
                } else {
                    command::Target::Node(from)
                };
                (process, target)
            })
            .collect();
        match back.len() {
            0 => self.hint("there is nothing to undo".into()),
            1 => {
                for (process, target) in back {
                    self.send_move(cluster, process, target, None);
                }
            }
            _ => self.begin_bulk(cluster, back),
        }
    }

    /// What an undo would do, in words.
    #[must_use]
    pub fn undoable(&self, cluster: &Cluster) -> Option<String> {
        match self.undo.as_slice() {
            [] => None,
            [(process, from)] => Some(format!(
                "{} back to {}",
                name_of(cluster, *process),
                cluster.node_name(*from)
            )),
            many => Some(format!("{} processes back", many.len())),
        }
    }

    /// Whether something is under way that can be called off.
    #[must_use]
    pub fn is_working(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Calls off what is under way: nothing more is sent, and what arrives nevertheless is sent back.
    pub fn call_off(&mut self) {
        for bulk in self.bulks.values_mut() {
            bulk.called_off = true;
            bulk.waiting.clear();
        }
        let mut notes = Vec::new();
        for (id, pending) in &mut self.pending {
            if matches!(pending.command, Command::Migrate { .. }) && !pending.called_off {
                pending.called_off = true;
                if pending.bulk.is_none() {
                    notes.push((
                        *id,
                        format!("{} comes back once it has arrived …", pending.what),
                    ));
                }
            }
        }
        for (id, text) in notes {
            self.say(id, Mood::Working, text);
        }
    }

    /// Steers a recording.
    pub fn control(&mut self, control: PlaybackControl) {
        self.last_id += 1;
        self.outbox.push(Order::Playback(self.last_id, control));
    }

    /// Whether the person may act; says why not.
    fn may_act(&mut self, cluster: &Cluster) -> bool {
        match cluster.obstacle() {
            None => true,
            Some(reason) => {
                self.hint(reason.into());
                false
            }
        }
    }

    /// Follows what was told about commands.
    pub fn hear(&mut self, cluster: &Cluster, news: &News) {
        match news {
            News::Progress(id, Step::Moving { .. }) => {
                if let Some(pending) = self.pending.get(id).filter(|one| one.bulk.is_none()) {
                    let text = format!(
                        "{} → {}: it stands still and moves …",
                        pending.what, pending.to
                    );
                    self.say(*id, Mood::Working, text);
                }
            }
            News::Progress(id, Step::Part { index, of, .. }) => {
                if let Some(pending) = self.pending.get(id) {
                    let text = format!("{} → {}: {} of {of}", pending.what, pending.to, index + 1);
                    self.say(*id, Mood::Working, text);
                }
            }
            News::Answer(id, outcome) => self.answered(cluster, *id, outcome),
            News::Move(_) | News::Accepted(_) | News::Joined(_) | News::Left(..) => {}
        }
    }

    fn answered(&mut self, cluster: &Cluster, id: u64, outcome: &Outcome) {
        let Some(pending) = self.pending.remove(&id) else {
            if let Outcome::Failed { reason, .. } = outcome {
                // A recording that cannot be steered, for example.
                self.say(id, Mood::Bad, reason.clone());
            }
            return;
        };
        let Pending {
            command,
            what,
            to,
            from,
            bulk,
            called_off,
        } = pending;
        let process = command.process();
        if let Some(process) = process {
            self.outcomes.push((process, outcome.clone()));
            if self.outcomes.len() > MOST_OUTCOMES {
                self.outcomes.remove(0);
            }
        }
        let moved = match (&command, process, from) {
            (Command::Migrate { .. }, Some(process), Some(from)) => Some((process, from)),
            _ => None,
        };
        if let Some(bulk) = bulk.and_then(|bulk| self.bulks.get_mut(&bulk)) {
            match outcome {
                Outcome::Done { .. } => bulk.moved.extend(moved),
                Outcome::Failed { reason, .. } => bulk.refused.push(format!("{what}: {reason}")),
            }
        } else {
            match outcome {
                Outcome::Done { statistics } => {
                    self.say(
                        id,
                        Mood::Good,
                        format!("{what} → {to} {}", cost(statistics)),
                    );
                    if let Some(moved) = moved {
                        self.undo = vec![moved];
                    }
                }
                Outcome::Failed { reason, .. } => {
                    let stays = if moved.is_some() { " stays" } else { "" };
                    self.say(id, Mood::Bad, format!("{what}{stays}: {reason}"));
                }
            }
        }
        if let (true, Some((process, from)), Outcome::Done { .. }) = (called_off, moved, outcome) {
            let target = if from == process.home {
                command::Target::Home
            } else {
                command::Target::Node(from)
            };
            self.send_move(cluster, process, target, None);
        }
        if let Some(bulk) = bulk {
            self.feed_bulk(cluster, bulk);
        }
    }

    /// The connection ended: nobody will answer what was asked.
    pub fn disconnected(&mut self) {
        self.bulks.clear();
        self.outbox.clear();
        for (id, pending) in std::mem::take(&mut self.pending) {
            self.say(
                pending.bulk.unwrap_or(id),
                Mood::Bad,
                format!(
                    "{}: the connection ended before the answer came",
                    pending.what
                ),
            );
        }
    }

    /// Forgets a selected thing that is gone.
    pub fn forget_gone(&mut self, cluster: &Cluster) {
        self.group
            .retain(|name| cluster.processes.contains_key(name));
        let gone = match self.selected {
            Some(Target::Node(node)) => !cluster.nodes.contains_key(&node),
            Some(Target::Process(process)) => !cluster.processes.contains_key(&process),
            None => false,
        };
        if gone {
            self.selected = self.group.first().copied().map(Target::Process);
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

fn name_of(cluster: &Cluster, process: ProcessRef) -> String {
    cluster.processes.get(&process).map_or_else(
        || format!("process {}", process.pid),
        |known| known.sample.comm.clone(),
    )
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

    fn refusal(reason: &str) -> Outcome {
        Outcome::Failed {
            errno: 113,
            reason: reason.into(),
        }
    }

    fn success() -> Outcome {
        Outcome::Done {
            statistics: MoveStatistics::default(),
        }
    }

    /// The commands of all orders.
    fn sent(acting: &mut Acting) -> Vec<(u64, Command)> {
        let orders = acting.take_orders().into_iter();
        orders
            .filter_map(|order| match order {
                Order::Execute(id, command) => Some((id, command)),
                Order::Playback(..) => None,
            })
            .collect()
    }

    /// A cluster of which node 1 has `many` processes, and node 2 none.
    fn crowd(many: u32) -> Cluster {
        let mut cluster = cluster(Role::Operator);
        let processes = (1..=many).map(|pid| process(pid, ProcessKind::Local));
        let nodes = vec![node(1, processes.collect()), node(2, vec![])];
        cluster.hear(FromServer::Snapshot { sequence: 2, nodes }, 9.0);
        cluster
    }

    /// Lets the server do what it was asked.
    fn carry_out(cluster: &mut Cluster, home: NodeId, pids: &[u32], there: NodeId) {
        let kind = ProcessKind::Deputy { node: there };
        let processes = pids.iter().map(|pid| process(*pid, kind)).collect();
        let nodes = vec![node(home, processes), node(2, vec![])];
        cluster.hear(FromServer::Snapshot { sequence: 3, nodes }, 99.0);
    }

    #[test]
    fn a_group_moves_a_few_at_once_and_is_summed_up() {
        let cluster = crowd(10);
        let mut acting = Acting::default();
        acting.select_all(cluster.processes.keys().copied());
        acting.click(&cluster, Some(Target::Node(2)));
        let mut all = Vec::new();
        let mut wave = sent(&mut acting);
        while !wave.is_empty() {
            assert!(wave.len() <= AT_ONCE);
            for (id, command) in &wave {
                let outcome = if all.len() == 3 {
                    refusal("it is locked")
                } else {
                    success()
                };
                acting.hear(&cluster, &News::Answer(*id, outcome));
                all.push(command.clone());
            }
            wave = sent(&mut acting);
        }
        assert_eq!(all.len(), 10);
        let last = acting.take_toasts().pop().unwrap();
        assert!(
            last.text.starts_with("9 of 10 moved, 1 stay"),
            "{}",
            last.text
        );
        assert!(!acting.is_working());
    }

    #[test]
    fn what_is_called_off_is_not_sent_and_comes_back() {
        let cluster = crowd(10);
        let mut acting = Acting::default();
        acting.select_all(cluster.processes.keys().copied());
        acting.click(&cluster, Some(Target::Node(2)));
        let first = sent(&mut acting);
        acting.call_off();
        for (id, _) in &first {
            acting.hear(&cluster, &News::Answer(*id, success()));
        }
        let back = sent(&mut acting);
        assert_eq!(back.len(), first.len(), "only those that had been sent");
        assert!(back.iter().all(|(_, command)| matches!(
            command,
            Command::Migrate {
                target: command::Target::Home,
                ..
            }
        )));
    }

    #[test]
    fn undo_sends_back_what_moved_last() {
        let mut cluster = crowd(1);
        let who = ProcessRef { home: 1, pid: 1 };
        let mut acting = Acting::default();
        acting.migrate(&cluster, who, command::Target::Node(2));
        let (id, _) = sent(&mut acting)[0].clone();
        acting.hear(&cluster, &News::Answer(id, success()));
        carry_out(&mut cluster, 1, &[1], 2);
        assert_eq!(acting.undoable(&cluster).unwrap(), "calc back to n1");
        acting.undo(&cluster);
        let expected = Command::Migrate {
            process: who,
            target: command::Target::Home,
        };
        assert_eq!(sent(&mut acting)[0].1, expected);
        acting.undo(&cluster);
        assert!(sent(&mut acting).is_empty(), "once");
    }

    #[test]
    fn a_node_drains_while_its_guests_are_sent_home() {
        let cluster = crowd(1);
        let mut acting = Acting::default();
        acting.expel(&cluster, 2);
        assert!(acting.is_draining(2) && !acting.is_draining(1));
        let (id, _) = sent(&mut acting)[0].clone();
        acting.hear(&cluster, &News::Answer(id, success()));
        assert!(!acting.is_draining(2));
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
        assert_eq!(acting.take_orders(), [Order::Execute(1, expected)]);
        assert!(acting.is_pending(WHO));
        assert_eq!(acting.selected_process(), Some(WHO), "it stays selected");
        acting.hear(&cluster, &News::Answer(1, refusal("node 2 is down")));
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
            (acting.selected_node(), acting.take_orders().len()),
            (Some(1), 0)
        );
    }

    #[test]
    fn viewers_are_told_why_nothing_moves() {
        let cluster = cluster(Role::Viewer);
        let mut acting = Acting::default();
        acting.drop_on(&cluster, WHO, Some(Target::Node(2)));
        assert!(acting.take_orders().is_empty());
        assert!(acting.take_toasts()[0].text.contains("token"));
    }

    #[test]
    fn a_double_click_sends_only_those_home_who_are_away() {
        let mut cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        acting.double_click(&cluster, Some(Target::Process(WHO)));
        assert!(acting.take_orders().is_empty());
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
        assert_eq!(acting.take_orders(), [Order::Execute(1, expected)]);
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
