// SPDX-License-Identifier: GPL-2.0-or-later
//! The simulated cluster itself, without clocks and channels.

use std::collections::HashMap;

use mattx_protocol::command::Outcome;
use mattx_protocol::model::{MoveEvent, MovePhase, MoveStatistics, NodeId, NodeSample, ProcessRef};

use super::random::Random;

mod commands;
mod samples;
mod trouble;

/// Seconds between two samples of a node.
const SAMPLE_EVERY: f32 = 1.0;
/// Seconds between two moves that happen by themselves, for each ten nodes.
const MOVE_EVERY: f32 = 7.0;
/// Bytes per second that a migration sends.
const WIRE_SPEED: f32 = 60e6;
const PAGE: u64 = 4096;

/// Name, owner, share of a core, resident MiB, threads, and whether it may move.
type Kind = (&'static str, &'static str, f32, f32, u32, bool);

const KINDS: [Kind; 12] = [
    ("calc", "ana", 99.0, 24.0, 1, true),
    ("gmx", "ben", 96.0, 820.0, 4, true),
    ("python3", "chris", 61.0, 410.0, 2, true),
    ("mpi_rank", "ana", 88.0, 240.0, 1, true),
    ("sqlite3", "dora", 17.0, 65.0, 1, true),
    ("povray", "ben", 97.0, 130.0, 2, true),
    ("make", "chris", 34.0, 18.0, 1, true),
    ("blast", "dora", 74.0, 1500.0, 4, true),
    ("bash", "ana", 0.3, 6.0, 1, true),
    ("sshd", "root", 0.6, 9.0, 1, false),
    ("systemd", "root", 0.4, 12.0, 1, false),
    ("mattx-discd", "root", 1.2, 14.0, 3, false),
];
const CORES: [usize; 4] = [4, 8, 2, 16];
const MEMORY_MIB: [u64; 4] = [8192, 16384, 4096, 32768];

/// What the cluster has to tell.
#[derive(Clone, Debug)]
pub enum News {
    /// A node's sample.
    Node(NodeSample),
    /// A node left.
    Gone(NodeId),
    /// A move.
    Move(MoveEvent),
    /// The end of a command on this process.
    Answer(ProcessRef, Outcome),
}

#[derive(Clone, Debug)]
struct Node {
    id: NodeId,
    cores: usize,
    memory_mib: u64,
    uptime_s: f32,
    /// Seconds until its next sample.
    due: f32,
    traffic: f32,
    standing: trouble::Standing,
    settings: commands::Settings,
    /// Places of the processes that compute here or were born here.
    members: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Process {
    origin: ProcessRef,
    kind: usize,
    at: NodeId,
    cpu: f32,
    /// Where its CPU share drifts to.
    aim: f32,
    rss_mib: f32,
    locked: bool,
    flight: Option<Flight>,
}

impl Process {
    fn name(&self) -> &'static str {
        KINDS[self.kind].0
    }

    fn is_movable(&self) -> bool {
        KINDS[self.kind].5
    }
}

#[derive(Clone, Debug)]
struct Flight {
    to: NodeId,
    remaining: f32,
    statistics: MoveStatistics,
}

/// A cluster whose every step follows from its seed and the commands it got.
#[derive(Clone, Debug)]
pub struct World {
    random: Random,
    /// The node with id N is at N - 1.
    nodes: Vec<Node>,
    processes: Vec<Process>,
    places: HashMap<ProcessRef, usize>,
    next_move: f32,
    next_trouble: f32,
    news: Vec<News>,
}

impl World {
    /// A cluster of `nodes` nodes with ids from 1.
    #[must_use]
    pub fn new(seed: u64, nodes: u32) -> Self {
        Self::with_processes(seed, nodes, None)
    }

    /// The same with `processes` processes in all, as evenly as possible.
    #[must_use]
    pub fn with_processes(seed: u64, nodes: u32, processes: Option<u32>) -> Self {
        let mut random = Random::new(seed);
        let mut world = Self {
            nodes: (1..=nodes)
                .map(|id| {
                    let model = if id <= 3 {
                        0
                    } else {
                        random.below(CORES.len())
                    };
                    Node {
                        id,
                        cores: CORES[model],
                        memory_mib: MEMORY_MIB[model],
                        uptime_s: random.between(3600.0, 4e6),
                        due: random.between(0.0, SAMPLE_EVERY),
                        traffic: 0.0,
                        standing: trouble::Standing::Up,
                        settings: commands::Settings::default(),
                        members: Vec::new(),
                    }
                })
                .collect(),
            processes: Vec::new(),
            places: HashMap::new(),
            next_move: 4.0,
            next_trouble: trouble::FIRST_AFTER,
            random,
            news: Vec::new(),
        };
        for id in 1..=nodes {
            let wanted = processes.map(|all| (all / nodes + u32::from(id <= all % nodes)) as usize);
            world.populate(id, wanted);
        }
        world
    }

    fn populate(&mut self, id: NodeId, wanted: Option<usize>) {
        let movable = KINDS.iter().filter(|kind| kind.5).count();
        let mut kinds: Vec<usize> = (movable..KINDS.len()).collect();
        // The first node is busy and has the program that people move first.
        let usual = if id == 1 { 7 } else { 2 + self.random.below(8) };
        let extra = wanted.map_or(usual, |all| all.saturating_sub(kinds.len()));
        kinds.extend((0..extra).map(|nth| {
            if id == 1 {
                nth % movable
            } else {
                1 + self.random.below(movable - 1)
            }
        }));
        kinds.truncate(wanted.unwrap_or(kinds.len()));
        for (nth, kind) in kinds.into_iter().enumerate() {
            let (_, _, cpu, rss, _, _) = KINDS[kind];
            let cpu = cpu * self.random.between(0.7, 1.0);
            let pid = 300
                + id % 7 * 31
                + u32::try_from(nth).unwrap_or(0) * 53
                + 7 * self.random.below(7) as u32;
            let origin = ProcessRef { home: id, pid };
            let place = self.processes.len();
            self.processes.push(Process {
                origin,
                kind,
                at: id,
                cpu,
                aim: cpu,
                rss_mib: rss * self.random.between(0.6, 1.5),
                locked: false,
                flight: None,
            });
            self.places.insert(origin, place);
            self.nodes[slot(id)].members.push(place);
        }
    }

    /// Lets `seconds` pass.
    pub fn step(&mut self, seconds: f32) {
        self.drift(seconds);
        self.land(seconds);
        self.next_move -= seconds;
        if self.next_move <= 0.0 && self.nodes.len() > 1 {
            self.next_move =
                MOVE_EVERY / (1.0 + self.nodes.len() as f32 / 10.0) * self.random.between(0.5, 1.5);
            self.wander();
        }
        self.be_in_trouble(seconds);
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if node.standing != trouble::Standing::Up {
                continue;
            }
            node.uptime_s += seconds;
            node.traffic *= 1.0 - 0.6 * seconds;
            node.due -= seconds;
            if node.due <= 0.0 {
                node.due += SAMPLE_EVERY;
                let sample = self.sample(index);
                self.news.push(News::Node(sample));
            }
        }
    }

    /// What happened since the last call.
    pub fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// All nodes as they are.
    #[must_use]
    pub fn samples(&self) -> Vec<NodeSample> {
        (0..self.nodes.len())
            .filter(|index| self.nodes[*index].is_known())
            .map(|index| self.sample(index))
            .collect()
    }

    fn launch(&mut self, place: usize, to: NodeId) {
        let process = &mut self.processes[place];
        let bytes = process.rss_mib * 1_048_576.0 * 0.12;
        let statistics = MoveStatistics {
            freeze_us: self.random.between(120.0, 1900.0) as u64,
            frozen_us: self.random.between(3_000.0, 19_000.0) as u64,
            bytes: bytes as u64,
            pages: bytes as u64 / PAGE,
        };
        process.flight = Some(Flight {
            to,
            remaining: 0.9 + bytes / WIRE_SPEED,
            statistics,
        });
        let from = process.at;
        self.tell(
            place,
            from,
            to,
            MovePhase::Started,
            MoveStatistics::default(),
        );
    }

    fn land(&mut self, seconds: f32) {
        let mut touched = Vec::new();
        for place in 0..self.processes.len() {
            let Some(flight) = &mut self.processes[place].flight else {
                continue;
            };
            flight.remaining -= seconds;
            if flight.remaining > 0.0 {
                continue;
            }
            let (to, statistics) = (flight.to, flight.statistics);
            let Process { origin, at, .. } = self.processes[place];
            self.processes[place].flight = None;
            self.put(place, to);
            self.tell(place, at, to, MovePhase::Committed, statistics);
            self.news
                .push(News::Answer(origin, Outcome::Done { statistics }));
            touched.extend([
                (at, statistics.bytes),
                (to, statistics.bytes),
                (origin.home, 0),
            ]);
        }
        touched.sort_unstable();
        for (id, bytes) in touched {
            self.nodes[slot(id)].traffic += bytes as f32;
            let sample = self.sample(slot(id));
            self.news.push(News::Node(sample));
        }
    }

    /// From now on the process at `place` computes on `to`.
    fn put(&mut self, place: usize, to: NodeId) {
        let Process { at, origin, .. } = self.processes[place];
        self.processes[place].at = to;
        if at != origin.home && at != to {
            self.nodes[slot(at)]
                .members
                .retain(|member| *member != place);
        }
        let members = &mut self.nodes[slot(to)].members;
        if !members.contains(&place) {
            members.push(place);
        }
    }

    fn tell(
        &mut self,
        place: usize,
        from: NodeId,
        to: NodeId,
        phase: MovePhase,
        statistics: MoveStatistics,
    ) {
        let process = &self.processes[place];
        self.news.push(News::Move(MoveEvent {
            process: process.origin,
            comm: process.name().into(),
            from,
            to,
            phase,
            errand: String::new(),
            statistics,
        }));
    }

    fn drift(&mut self, seconds: f32) {
        for process in &mut self.processes {
            if self.random.unit() < seconds / 9.0 {
                process.aim = (KINDS[process.kind].2 * self.random.between(0.35, 1.05)).min(100.0);
            }
            process.cpu += (process.aim - process.cpu) * (seconds * 0.8).min(1.0);
        }
    }

    /// A move as a balancer would make it: from the busiest of a few nodes to the idlest; sometimes a guest goes home.
    fn wander(&mut self) {
        let place = self.random.below(self.processes.len());
        let process = &self.processes[place];
        // "calc" belongs to the people who try the buttons.
        if process.locked || process.name() == "calc" {
            return;
        }
        let Process { at, origin, .. } = *process;
        let to = if at != origin.home && self.random.unit() < 0.6 {
            origin.home
        } else {
            self.idlest(at)
        };
        if self.nodes[slot(at)].settings.balancer && self.why_not(place, to).is_none() {
            self.launch(place, to);
        }
    }

    /// The least loaded of a few nodes, not `except`.
    fn idlest(&mut self, except: NodeId) -> NodeId {
        let candidates: Vec<usize> = (0..4)
            .map(|_| self.random.below(self.nodes.len()))
            .collect();
        candidates
            .into_iter()
            .filter(|index| self.nodes[*index].id != except)
            .min_by(|a, b| self.load(*a).total_cmp(&self.load(*b)))
            .map_or(except, |index| self.nodes[index].id)
    }

    fn load(&self, index: usize) -> f32 {
        let node = &self.nodes[index];
        let share: f32 = self.computing(index).map(|process| process.cpu).sum();
        share / 100.0 / node.cores as f32
    }

    /// Processes that compute on the node at `index`.
    fn computing(&self, index: usize) -> impl Iterator<Item = &Process> {
        let node = &self.nodes[index];
        node.members
            .iter()
            .map(|place| &self.processes[*place])
            .filter(|process| process.at == node.id)
    }
}

/// Where the node with this id is.
fn slot(id: NodeId) -> usize {
    id as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::command::{Command, Target};
    use mattx_protocol::model::ProcessKind;

    pub(super) fn calc(world: &World) -> ProcessRef {
        world
            .processes
            .iter()
            .find(|process| process.name() == "calc")
            .unwrap()
            .origin
    }

    pub(super) fn run(world: &mut World, seconds: f32) -> Vec<News> {
        let mut news = Vec::new();
        for _ in 0..(seconds * 10.0) as u32 {
            world.step(0.1);
            news.extend(world.news());
        }
        news
    }

    #[test]
    fn the_same_seed_gives_the_same_cluster() {
        let (mut a, mut b) = (World::new(42, 20), World::new(42, 20));
        run(&mut a, 300.0);
        run(&mut b, 300.0);
        assert_eq!(a.samples(), b.samples());
        assert_ne!(a.samples(), World::new(43, 20).samples());
    }

    #[test]
    fn process_names_are_unique_in_the_cluster() {
        let world = World::with_processes(3, 300, Some(9_001));
        assert_eq!(world.processes.len(), 9_001);
        assert_eq!(world.places.len(), world.processes.len());
    }

    #[test]
    fn a_migration_ends_with_a_guest_a_deputy_and_an_answer() {
        let mut world = World::new(1, 3);
        let process = calc(&world);
        let command = Command::Migrate {
            process,
            target: Target::Node(2),
        };
        assert_eq!(world.command(command), Ok(Some(process)));
        let news = run(&mut world, 4.0);
        assert!(news.iter().any(
            |news| matches!(news, News::Answer(who, Outcome::Done { .. }) if *who == process)
        ));
        let samples = world.samples();
        let at_home = samples[0]
            .processes
            .iter()
            .find(|sample| sample.identity(1) == process)
            .unwrap();
        assert_eq!(at_home.kind, ProcessKind::Deputy { node: 2 });
        let away = samples[1]
            .processes
            .iter()
            .find(|sample| sample.identity(2) == process)
            .unwrap();
        assert_eq!(away.kind, ProcessKind::Guest { origin: process });
    }
}
