// SPDX-License-Identifier: GPL-2.0-or-later
//! What the server told: nodes, processes under one name each wherever they compute, and moves under way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;

use glam::Vec3;
use serde::{Deserialize, Serialize};

use mattx_protocol::browser::{FromServer, Playback, Role, Source, Step};
use mattx_protocol::command::Outcome;
use mattx_protocol::layout::Layout;
use mattx_protocol::model::{
    MoveEvent, MovePhase, NodeId, NodeSample, NodeState, ProcessKind, ProcessRef, ProcessSample,
};

use crate::acting::{PAST_IS_PAST, VIEWERS_LOOK};
use crate::changes::{Changed, Changes};
use crate::history::Picture;
use crate::places::Places;

/// Samples of a node that are kept for its curves.
pub const HISTORY: usize = 90;
/// Seconds for which a move is believed more than samples that were taken before it.
const SETTLE: f64 = 3.0;

/// A node and its recent past.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its latest sample.
    pub sample: NodeSample,
    /// Busy share of its cores in earlier samples, oldest first.
    pub busy: Vec<f32>,
    /// Time of its latest sample, in seconds of the viewer's clock.
    pub heard: f64,
    /// Busy share of its cores in its latest sample.
    load: f32,
    /// Its loss was told: further signs of it are no news until it is up again.
    lost: bool,
}

impl Node {
    /// Busy share of its cores, 0.0..=1.0 (more when only the length of the run queue is known).
    #[must_use]
    pub fn load(&self) -> f32 {
        self.load
    }

    /// Share of its memory that is in use, 0.0..=1.0.
    #[must_use]
    pub fn memory(&self) -> f32 {
        let total = self.sample.memory_total_mib;
        if total == 0 {
            0.0
        } else {
            1.0 - (self.sample.memory_available_mib as f32 / total as f32).min(1.0)
        }
    }
}

fn busy(sample: &NodeSample) -> f32 {
    if sample.cores.is_empty() {
        sample.cpu_load as f32 / sample.affinity.max(1) as f32
    } else {
        sample.cores.iter().sum::<f32>() / sample.cores.len() as f32
    }
}

/// A process, once, where it computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Its name in the cluster.
    pub name: ProcessRef,
    /// Where it computes.
    pub node: NodeId,
    /// What that node says about it.
    pub sample: ProcessSample,
}

impl Process {
    /// Whether it computes elsewhere than at home.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.node != self.name.home
    }

    /// Takes in what `reporter` says: that it computes on `node`.
    fn hear(&mut self, sample: ProcessSample, node: NodeId, reporter: NodeId) {
        // The node where it computes knows more than its home does.
        if node == reporter || node != self.node {
            (self.node, self.sample) = (node, sample);
        }
    }
}

/// Where a process computes of which `reporter` says this.
fn computes_on(sample: &ProcessSample, reporter: NodeId) -> NodeId {
    match sample.kind {
        ProcessKind::Deputy { node } => node,
        ProcessKind::Local | ProcessKind::Guest { .. } => reporter,
    }
}

/// Whether a sample is older than a move that was told.
fn is_outdated(settled: &BTreeMap<ProcessRef, Settled>, name: &ProcessRef, node: NodeId) -> bool {
    settled
        .get(name)
        .is_some_and(|settled| settled.node != node)
}

/// All names that processes of a home can have.
#[must_use]
pub fn names_of(home: NodeId) -> RangeInclusive<ProcessRef> {
    let (first, last) = (0, u32::MAX);
    let name = |pid| ProcessRef { home, pid };
    name(first)..=name(last)
}

/// What viewers are told about once.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A process moves, moved, or failed to.
    Move(MoveEvent),
    /// A command was understood.
    Accepted(u64),
    /// A command goes on.
    Progress(u64, Step),
    /// A command ended.
    Answer(u64, Outcome),
    /// A node came.
    Joined(NodeId),
    /// A node left or is down.
    Left(NodeId, String),
}

#[derive(Clone, Copy, Debug)]
struct Settled {
    node: NodeId,
    until: f64,
}

/// Everything known.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What this viewer may do.
    pub role: Option<Role>,
    /// Where the picture comes from.
    pub source: Option<Source>,
    /// Why it may be incomplete.
    pub notice: Option<String>,
    /// Where the recording stands, if it is one.
    pub playback: Option<Playback>,
    /// This is no longer so: it is shown from memory.
    pub past: bool,
    /// Nodes.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Processes.
    pub processes: BTreeMap<ProcessRef, Process>,
    /// Places of the nodes.
    pub places: Places,
    /// Grows with every change of nodes or processes.
    pub revision: u64,
    changes: Changes,
    sequence: u64,
    settled: BTreeMap<ProcessRef, Settled>,
    /// What each node named in its latest sample, sorted.
    named: BTreeMap<NodeId, Vec<ProcessRef>>,
    news: Vec<News>,
}

impl Cluster {
    /// Takes in a message at the time `now`; `false` asks for a snapshot, because a message before it is missing.
    pub fn hear(&mut self, message: FromServer, now: f64) -> bool {
        match message {
            FromServer::Hello {
                role,
                source,
                notice,
                ..
            } => {
                (self.role, self.source, self.notice) = (Some(role), Some(source), notice);
            }
            FromServer::Notice(notice) => self.notice = notice,
            FromServer::Snapshot { sequence, nodes } => {
                let first = self.nodes.is_empty();
                self.sequence = sequence;
                let known: Vec<NodeId> = self.nodes.keys().copied().collect();
                for id in known {
                    if !nodes.iter().any(|node| node.id == id) {
                        self.remove(id);
                    }
                }
                for node in nodes {
                    self.put(node, now, !first);
                }
            }
            FromServer::Delta {
                sequence,
                nodes,
                gone,
            } => {
                if sequence <= self.sequence {
                    return true;
                }
                if sequence != self.sequence + 1 {
                    return false;
                }
                self.sequence = sequence;
                gone.into_iter().for_each(|id| self.remove(id));
                nodes.into_iter().for_each(|node| self.put(node, now, true));
            }
            FromServer::Move(event) => self.moved(event, now),
            FromServer::Accepted { id } => self.news.push(News::Accepted(id)),
            FromServer::Answer { id, outcome } => self.news.push(News::Answer(id, outcome)),
            FromServer::Progress { id, step } => self.news.push(News::Progress(id, step)),
            FromServer::Playback(playback) => self.playback = Some(playback),
            FromServer::Layout(layout) => self.arrange(&layout),
        }
        true
    }

    /// Everything as it is now, to be shown again later.
    #[must_use]
    pub fn picture(&self) -> Picture<'_> {
        Picture {
            nodes: self
                .nodes
                .values()
                .map(|node| Cow::Borrowed(&node.sample))
                .collect(),
            processes: self.processes.values().map(Cow::Borrowed).collect(),
        }
    }

    /// The cluster as it was in a picture. Who had a place keeps it; `live` is what is true now.
    pub fn recall(&mut self, live: &Self, picture: Picture<'_>) {
        (self.role, self.source, self.past) = (live.role, live.source, true);
        self.places = live.places.clone();
        self.become_other_than(live);
        let earlier = std::mem::take(&mut self.nodes);
        for sample in picture.nodes {
            let sample = sample.into_owned();
            let id = sample.id;
            self.places.admit(id, &sample.name);
            let busy = earlier
                .get(&id)
                .or_else(|| live.nodes.get(&id))
                .map(|node| node.busy.clone())
                .unwrap_or_default();
            let node = Node {
                load: self::busy(&sample),
                sample,
                busy,
                heard: 0.0,
                lost: false,
            };
            self.nodes.insert(id, node);
        }
        self.processes = picture
            .processes
            .into_iter()
            .map(|process| (process.name, process.into_owned()))
            .collect();
    }

    /// Takes a revision that neither this cluster nor `other` had: whoever compares must see a difference.
    pub fn become_other_than(&mut self, other: &Self) {
        self.revision = self.revision.max(other.revision) + 1;
        self.changes.touch_all(self.revision);
    }

    /// Which processes, or their places, changed after this revision.
    #[must_use]
    pub fn changed_since(&self, revision: u64) -> Changed {
        self.changes.since(revision)
    }

    /// Nodes with their places.
    pub fn standing(&self) -> impl Iterator<Item = (NodeId, &Node, Vec3)> {
        // Both are in the same order, so that nothing is looked up.
        let mut places = self.places.all().peekable();
        self.nodes.iter().filter_map(move |(id, node)| {
            while places.next_if(|(other, _)| other < id).is_some() {}
            let (_, foot) = places.next_if(|(other, _)| other == id)?;
            Some((*id, node, foot))
        })
    }

    /// What happened since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The name to show for a node.
    #[must_use]
    pub fn node_name(&self, id: NodeId) -> String {
        self.nodes
            .get(&id)
            .map_or_else(|| format!("node {id}"), |node| node.sample.name.clone())
    }

    /// Processes that compute on `id`.
    pub fn processes_on(&self, id: NodeId) -> impl Iterator<Item = &Process> {
        self.processes
            .values()
            .filter(move |process| process.node == id)
    }

    /// Whether this viewer may move processes.
    #[must_use]
    pub fn may_act(&self) -> bool {
        !self.past && self.role.is_some_and(|role| role >= Role::Operator)
    }

    /// Why nobody, or this viewer, can change anything now.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        if self.past {
            Some(PAST_IS_PAST)
        } else if self.may_act() {
            None
        } else {
            Some(VIEWERS_LOOK)
        }
    }

    fn arrange(&mut self, layout: &Layout) {
        self.revision += 1;
        self.changes.touch_all(self.revision);
        let nodes = self.nodes.iter();
        self.places.arrange(
            layout,
            nodes.map(|(id, node)| (*id, node.sample.name.as_str())),
        );
    }

    fn put(&mut self, mut sample: NodeSample, now: f64, tell: bool) {
        self.revision += 1;
        let id = sample.id;
        self.places.admit(id, &sample.name);
        self.take_processes(id, std::mem::take(&mut sample.processes), now);
        let load = busy(&sample);
        match self.nodes.get_mut(&id) {
            Some(node) => {
                if sample.state == NodeState::Down && !node.lost {
                    self.news.push(News::Left(id, sample.name.clone()));
                    node.lost = true;
                } else if sample.state == NodeState::Up && node.lost {
                    self.news.push(News::Joined(id));
                    node.lost = false;
                }
                node.sample = sample;
                node.heard = now;
                node.load = load;
                node.busy.push(load);
                if node.busy.len() > HISTORY {
                    node.busy.remove(0);
                }
            }
            None => {
                if tell {
                    self.news.push(News::Joined(id));
                }
                self.nodes.insert(
                    id,
                    Node {
                        sample,
                        busy: vec![load],
                        heard: now,
                        load,
                        lost: false,
                    },
                );
            }
        }
    }

    fn remove(&mut self, id: NodeId) {
        self.revision += 1;
        self.changes.touch_all(self.revision);
        self.places.release(id);
        self.named.remove(&id);
        self.processes.retain(|_, process| process.node != id);
        self.forget_ended(self.at_home(id).collect());
        if let Some(node) = self.nodes.remove(&id)
            && !node.lost
        {
            self.news.push(News::Left(id, node.sample.name));
        }
    }

    /// What `reporter` says about processes: its own and guests compute there, its deputies compute elsewhere.
    fn take_processes(&mut self, reporter: NodeId, samples: Vec<ProcessSample>, now: f64) {
        self.settled.retain(|_, settled| settled.until > now);
        self.changes.touch(reporter, self.revision);
        let mut samples: Vec<(ProcessRef, Option<ProcessSample>)> = samples
            .into_iter()
            .map(|sample| (sample.identity(reporter), Some(sample)))
            .collect();
        samples.sort_by_key(|(name, _)| *name);
        let mut doubtful = Vec::new();
        // Those at home there come in the same order as they are known, so that none of them is looked up.
        let first = samples.partition_point(|(name, _)| name < names_of(reporter).start());
        let mut at_home = samples[first..].iter_mut().peekable();
        for (name, known) in self.processes.range_mut(names_of(reporter)) {
            while at_home.next_if(|(other, _)| other < name).is_some() {}
            let mut named = false;
            while let Some((_, sample)) = at_home.next_if(|(other, _)| other == name) {
                named = true;
                if let Some(sample) = sample.take() {
                    let node = computes_on(&sample, reporter);
                    if !is_outdated(&self.settled, name, node) {
                        known.hear(sample, node, reporter);
                    }
                }
            }
            if !named {
                doubtful.push(*name);
            }
        }
        for (name, sample) in &mut samples {
            let Some(sample) = sample.take() else {
                continue;
            };
            let node = computes_on(&sample, reporter);
            self.changes.touch(name.home, self.revision);
            if is_outdated(&self.settled, name, node) {
                continue;
            }
            match self.processes.entry(*name) {
                Entry::Vacant(free) => {
                    let name = *name;
                    free.insert(Process { name, node, sample });
                }
                Entry::Occupied(mut known) => known.get_mut().hear(sample, node, reporter),
            }
        }
        let mut names: Vec<ProcessRef> = samples.iter().map(|(name, _)| *name).collect();
        names.dedup();
        // Only what it was asked about before, or is at home there, can be over; what it names goes on.
        let before = self.named.get(&reporter).into_iter().flatten();
        doubtful.extend(
            before
                .copied()
                .filter(|name| names.binary_search(name).is_err()),
        );
        self.named.insert(reporter, names);
        self.forget_ended(doubtful);
    }

    /// Processes whose home is `id`.
    fn at_home(&self, id: NodeId) -> impl Iterator<Item = ProcessRef> {
        self.processes.range(names_of(id)).map(|(name, _)| *name)
    }

    /// A process lives as long as its home or the node where it computes names it.
    fn forget_ended(&mut self, doubtful: Vec<ProcessRef>) {
        for name in doubtful {
            let Some(process) = self.processes.get(&name) else {
                continue;
            };
            let is_named = [process.node, name.home].iter().any(|node| {
                self.named
                    .get(node)
                    .is_some_and(|names| names.binary_search(&name).is_ok())
            });
            if !is_named && !self.settled.contains_key(&name) {
                self.processes.remove(&name);
                self.changes.touch(name.home, self.revision);
            }
        }
    }

    fn moved(&mut self, event: MoveEvent, now: f64) {
        match event.phase {
            MovePhase::Committed => {
                self.revision += 1;
                self.changes.touch(event.process.home, self.revision);
                self.settled.insert(
                    event.process,
                    Settled {
                        node: event.to,
                        until: now + SETTLE,
                    },
                );
                if let Some(process) = self.processes.get_mut(&event.process) {
                    process.node = event.to;
                    process.sample.kind = if event.to == event.process.home {
                        ProcessKind::Local
                    } else {
                        ProcessKind::Guest {
                            origin: event.process,
                        }
                    };
                }
            }
            MovePhase::Ended { .. } => {
                self.revision += 1;
                self.changes.touch(event.process.home, self.revision);
                self.processes.remove(&event.process);
            }
            MovePhase::Started | MovePhase::Failed { .. } => {}
        }
        self.news.push(News::Move(event));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mattx_protocol::model::{MoveStatistics, Pressure};

    pub(crate) fn process(pid: u32, kind: ProcessKind) -> ProcessSample {
        ProcessSample {
            pid,
            kind,
            comm: "calc".into(),
            command_line: None,
            user: None,
            state: 'R',
            cpu_percent: 90.0,
            rss_kib: 2048,
            threads: 1,
        }
    }

    pub(crate) fn node(id: NodeId, processes: Vec<ProcessSample>) -> NodeSample {
        NodeSample {
            id,
            name: format!("n{id}"),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            state: NodeState::Up,
            cpu_load: 1000,
            affinity: 2000,
            cores: vec![1.0, 0.0],
            memory_total_mib: 1000,
            memory_available_mib: 250,
            pressure: Pressure::default(),
            network_in: 0,
            network_out: 0,
            uptime_s: 1,
            kernel: String::new(),
            module: None,
            insecure: false,
            processes,
        }
    }

    const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

    fn two() -> Cluster {
        let mut cluster = Cluster::default();
        let nodes = vec![
            node(1, vec![process(77, ProcessKind::Local)]),
            node(2, vec![]),
        ];
        assert!(cluster.hear(FromServer::Snapshot { sequence: 4, nodes }, 0.0));
        cluster
    }

    fn committed(to: NodeId) -> FromServer {
        FromServer::Move(MoveEvent {
            process: WHO,
            comm: "calc".into(),
            from: 3 - to,
            to,
            phase: MovePhase::Committed,
            errand: String::new(),
            statistics: MoveStatistics::default(),
        })
    }

    fn delta(sequence: u64, nodes: Vec<NodeSample>) -> FromServer {
        FromServer::Delta {
            sequence,
            nodes,
            gone: vec![],
        }
    }

    #[test]
    fn a_gap_in_the_sequence_asks_for_a_snapshot() {
        let mut cluster = two();
        assert!(cluster.hear(delta(5, vec![node(2, vec![])]), 1.0));
        assert!(
            cluster.hear(delta(5, vec![]), 1.0),
            "repeated messages are harmless"
        );
        assert!(!cluster.hear(delta(7, vec![]), 1.0));
    }

    #[test]
    fn a_process_is_one_process_wherever_it_computes() {
        let mut cluster = two();
        cluster.hear(committed(2), 1.0);
        assert_eq!(cluster.processes[&WHO].node, 2);
        // Home's sample from before the move does not bring it back, and its absence at the new node does not hide it.
        cluster.hear(
            delta(
                5,
                vec![
                    node(1, vec![process(77, ProcessKind::Local)]),
                    node(2, vec![]),
                ],
            ),
            1.1,
        );
        assert_eq!(cluster.processes[&WHO].node, 2);
        let deputy = node(1, vec![process(77, ProcessKind::Deputy { node: 2 })]);
        let guest = node(2, vec![process(9000, ProcessKind::Guest { origin: WHO })]);
        cluster.hear(delta(6, vec![deputy, guest]), 6.0);
        assert_eq!(cluster.processes.len(), 1);
        assert_eq!(
            (
                cluster.processes[&WHO].node,
                cluster.processes[&WHO].sample.pid
            ),
            (2, 9000)
        );
        assert!(cluster.processes[&WHO].is_away());
    }

    #[test]
    fn a_process_that_ended_disappears() {
        let mut cluster = two();
        cluster.hear(delta(5, vec![node(1, vec![])]), 9.0);
        assert!(cluster.processes.is_empty());
    }

    #[test]
    fn a_guest_outlives_what_is_known_of_its_home_and_ends_where_it_computes() {
        let mut cluster = two();
        let guest = node(2, vec![process(9000, ProcessKind::Guest { origin: WHO })]);
        cluster.hear(committed(2), 1.0);
        cluster.hear(delta(5, vec![guest]), 6.0);
        let gone = FromServer::Delta {
            sequence: 6,
            nodes: vec![],
            gone: vec![1],
        };
        cluster.hear(gone, 7.0);
        assert_eq!(cluster.processes[&WHO].node, 2);
        cluster.hear(delta(7, vec![node(2, vec![])]), 8.0);
        assert!(cluster.processes.is_empty());
    }

    #[test]
    fn only_nodes_that_come_later_are_news() {
        let mut cluster = two();
        assert!(cluster.take_news().is_empty());
        cluster.hear(delta(5, vec![node(3, vec![])]), 1.0);
        assert_eq!(cluster.take_news(), [News::Joined(3)]);
        cluster.hear(
            FromServer::Delta {
                sequence: 6,
                nodes: vec![],
                gone: vec![3],
            },
            2.0,
        );
        assert_eq!(cluster.take_news(), [News::Left(3, "n3".into())]);
    }

    #[test]
    fn memory_and_load_are_shares() {
        let cluster = two();
        assert_eq!(
            (cluster.nodes[&1].load(), cluster.nodes[&1].memory()),
            (0.5, 0.75)
        );
    }
}
