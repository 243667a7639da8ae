// SPDX-License-Identifier: GPL-2.0-or-later
//! The simulated cluster itself, without clocks and channels.

use std::net::{IpAddr, Ipv4Addr};

use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{
    AFFINITY_PER_CORE, LOAD_PER_RUNNABLE, MoveEvent, MovePhase, MoveStatistics, NodeId, NodeSample,
    NodeState, Pressure, ProcessKind, ProcessRef, ProcessSample,
};

use super::random::Random;

/// Seconds between two samples of a node.
const SAMPLE_EVERY: f32 = 1.0;
/// Seconds between two moves that happen by themselves, for each ten nodes.
const MOVE_EVERY: f32 = 7.0;
/// Bytes per second that a migration sends.
const WIRE_SPEED: f32 = 60e6;
const PAGE: u64 = 4096;

const ESRCH: i32 = 3;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const EOPNOTSUPP: i32 = 95;
const EHOSTUNREACH: i32 = 113;

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
    flight: Option<Flight>,
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
    nodes: Vec<Node>,
    processes: Vec<Process>,
    next_move: f32,
    news: Vec<News>,
}

impl World {
    /// A cluster of `nodes` nodes with ids from 1.
    #[must_use]
    pub fn new(seed: u64, nodes: u32) -> Self {
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
                    }
                })
                .collect(),
            processes: Vec::new(),
            next_move: 4.0,
            random,
            news: Vec::new(),
        };
        for id in 1..=nodes {
            world.populate(id);
        }
        world
    }

    fn populate(&mut self, id: NodeId) {
        let movable = KINDS.iter().filter(|kind| kind.5).count();
        let mut kinds: Vec<usize> = (movable..KINDS.len()).collect();
        // The first node is busy and has the program that people move first.
        let extra = if id == 1 { 7 } else { 2 + self.random.below(8) };
        kinds.extend((0..extra).map(|nth| {
            if id == 1 {
                nth % movable
            } else {
                1 + self.random.below(movable - 1)
            }
        }));
        for (nth, kind) in kinds.into_iter().enumerate() {
            let (_, _, cpu, rss, _, _) = KINDS[kind];
            let cpu = cpu * self.random.between(0.7, 1.0);
            let pid = 300
                + id % 7 * 31
                + u32::try_from(nth).unwrap_or(0) * 53
                + 7 * self.random.below(7) as u32;
            self.processes.push(Process {
                origin: ProcessRef { home: id, pid },
                kind,
                at: id,
                cpu,
                aim: cpu,
                rss_mib: rss * self.random.between(0.6, 1.5),
                flight: None,
            });
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
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
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
            .map(|index| self.sample(index))
            .collect()
    }

    /// Begins to carry out a command; its end is told as [`News::Answer`].
    ///
    /// # Errors
    /// The outcome, when it is refused at once.
    pub fn command(&mut self, command: Command) -> Result<ProcessRef, Outcome> {
        let Command::Migrate { process, target } = command else {
            return Err(refused(
                EOPNOTSUPP,
                "the simulated nodes do not know this command".to_owned(),
            ));
        };
        let Some(index) = self
            .processes
            .iter()
            .position(|candidate| candidate.origin == process)
        else {
            return Err(refused(
                ESRCH,
                format!(
                    "there is no process {} of node {}",
                    process.pid, process.home
                ),
            ));
        };
        let to = match target {
            Target::Node(node) => node,
            Target::Home => process.home,
            Target::Best => self.idlest(self.processes[index].at),
        };
        let candidate = &self.processes[index];
        let name = KINDS[candidate.kind].0;
        if !self.nodes.iter().any(|node| node.id == to) {
            return Err(refused(
                EHOSTUNREACH,
                format!("{name} was not moved: node {to} is not in the cluster"),
            ));
        }
        if candidate.flight.is_some() {
            return Err(refused(
                EBUSY,
                format!("{name} is already on its way; wait until it has arrived"),
            ));
        }
        if !KINDS[candidate.kind].5 {
            return Err(refused(
                EOPNOTSUPP,
                format!(
                    "{name} stays where it is: it is a system service of its node, which never moves"
                ),
            ));
        }
        if candidate.at == to {
            return Err(refused(
                EINVAL,
                format!("{name} computes on node {to} already"),
            ));
        }
        self.launch(index, to);
        Ok(process)
    }

    fn launch(&mut self, index: usize, to: NodeId) {
        let process = &mut self.processes[index];
        let bytes = process.rss_mib * 1_048_576.0 * 0.12;
        let statistics = MoveStatistics {
            freeze_us: self.random.between(120.0, 1900.0) as u64,
            frozen_us: self.random.between(3_000.0, 19_000.0) as u64,
            bytes: bytes as u64,
            pages: bytes as u64 / PAGE,
        };
        let event = MoveEvent {
            process: process.origin,
            comm: KINDS[process.kind].0.into(),
            from: process.at,
            to,
            phase: MovePhase::Started,
            statistics: MoveStatistics::default(),
        };
        process.flight = Some(Flight {
            to,
            remaining: 0.9 + bytes / WIRE_SPEED,
            statistics,
        });
        self.news.push(News::Move(event));
    }

    fn land(&mut self, seconds: f32) {
        let mut touched = Vec::new();
        for process in &mut self.processes {
            let Some(flight) = &mut process.flight else {
                continue;
            };
            flight.remaining -= seconds;
            if flight.remaining > 0.0 {
                continue;
            }
            let (to, from, statistics) = (flight.to, process.at, flight.statistics);
            process.flight = None;
            process.at = to;
            self.news.push(News::Move(MoveEvent {
                process: process.origin,
                comm: KINDS[process.kind].0.into(),
                from,
                to,
                phase: MovePhase::Committed,
                statistics,
            }));
            self.news
                .push(News::Answer(process.origin, Outcome::Done { statistics }));
            touched.extend([
                (from, statistics.bytes),
                (to, statistics.bytes),
                (process.origin.home, 0),
            ]);
        }
        touched.sort_unstable();
        for (id, bytes) in touched {
            if let Some(index) = self.nodes.iter().position(|node| node.id == id) {
                self.nodes[index].traffic += bytes as f32;
                let sample = self.sample(index);
                self.news.push(News::Node(sample));
            }
        }
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
        let index = self.random.below(self.processes.len());
        let process = &self.processes[index];
        // "calc" belongs to the people who try the buttons.
        if process.flight.is_some() || !KINDS[process.kind].5 || KINDS[process.kind].0 == "calc" {
            return;
        }
        let away = process.at != process.origin.home;
        let to = if away && self.random.unit() < 0.6 {
            self.processes[index].origin.home
        } else {
            self.idlest(self.processes[index].at)
        };
        if to != self.processes[index].at {
            self.launch(index, to);
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
        let share: f32 = self
            .processes
            .iter()
            .filter(|process| process.at == node.id)
            .map(|process| process.cpu)
            .sum();
        share / 100.0 / node.cores as f32
    }

    fn sample(&self, index: usize) -> NodeSample {
        let node = &self.nodes[index];
        let here = |process: &&Process| process.at == node.id;
        let demand: f32 = self
            .processes
            .iter()
            .filter(here)
            .map(|process| process.cpu / 100.0)
            .sum();
        let used: f32 = self
            .processes
            .iter()
            .filter(here)
            .map(|process| process.rss_mib)
            .sum();
        let runnable = self
            .processes
            .iter()
            .filter(here)
            .filter(|process| process.cpu > 20.0)
            .count();
        let busy = demand / node.cores as f32;
        let available = (node.memory_mib as f32 * 0.93 - used).max(node.memory_mib as f32 * 0.02);
        let mut processes: Vec<ProcessSample> = self
            .processes
            .iter()
            .filter(|process| process.at == node.id || process.origin.home == node.id)
            .map(|process| process.sample(node.id))
            .collect();
        processes.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent));
        NodeSample {
            id: node.id,
            name: format!("node-{:02}", node.id),
            address: IpAddr::V4(Ipv4Addr::new(
                10,
                77,
                (node.id / 250) as u8,
                (node.id % 250 + 1) as u8,
            )),
            state: NodeState::Up,
            cpu_load: LOAD_PER_RUNNABLE * u32::try_from(runnable).unwrap_or(0),
            affinity: AFFINITY_PER_CORE * u32::try_from(node.cores).unwrap_or(1),
            cores: (0..node.cores)
                .map(|core| (demand - core as f32).clamp(0.02, 1.0))
                .collect(),
            memory_total_mib: node.memory_mib,
            memory_available_mib: available as u64,
            pressure: Pressure {
                cpu: ((busy - 0.8) * 90.0).clamp(0.0, 100.0),
                memory: 0.0,
                io: 0.4,
            },
            network_in: 12_000 + node.traffic as u64,
            network_out: 9_000 + node.traffic as u64 / 2,
            uptime_s: node.uptime_s as u64,
            kernel: "6.12.0-simulated".into(),
            module: Some("2.0".into()),
            insecure: false,
            processes,
        }
    }
}

impl Process {
    fn sample(&self, reporter: NodeId) -> ProcessSample {
        let (comm, user, _, _, threads, _) = KINDS[self.kind];
        let (kind, pid) = if self.at == reporter && self.origin.home == reporter {
            (ProcessKind::Local, self.origin.pid)
        } else if self.at == reporter {
            (
                ProcessKind::Guest {
                    origin: self.origin,
                },
                self.origin.pid + 20_000,
            )
        } else {
            (ProcessKind::Deputy { node: self.at }, self.origin.pid)
        };
        let deputy = matches!(kind, ProcessKind::Deputy { .. });
        ProcessSample {
            pid,
            kind,
            comm: comm.into(),
            command_line: Some(format!("/usr/bin/{comm} --input data/{}", self.origin.pid)),
            user: Some(user.into()),
            state: if deputy || self.cpu < 5.0 { 'S' } else { 'R' },
            cpu_percent: if deputy { 0.0 } else { self.cpu },
            rss_kib: if deputy {
                512
            } else {
                (self.rss_mib * 1024.0) as u64
            },
            threads,
        }
    }
}

fn refused(errno: i32, reason: String) -> Outcome {
    Outcome::Failed { errno, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calc(world: &World) -> ProcessRef {
        world
            .processes
            .iter()
            .find(|process| KINDS[process.kind].0 == "calc")
            .unwrap()
            .origin
    }

    fn run(world: &mut World, seconds: f32) -> Vec<News> {
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
        run(&mut a, 30.0);
        run(&mut b, 30.0);
        assert_eq!(a.samples(), b.samples());
        assert_ne!(a.samples(), World::new(43, 20).samples());
    }

    #[test]
    fn process_names_are_unique_in_the_cluster() {
        let world = World::new(3, 300);
        let mut names: Vec<_> = world
            .processes
            .iter()
            .map(|process| process.origin)
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), world.processes.len());
    }

    #[test]
    fn a_migration_ends_with_a_guest_a_deputy_and_an_answer() {
        let mut world = World::new(1, 3);
        let process = calc(&world);
        let command = Command::Migrate {
            process,
            target: Target::Node(2),
        };
        assert_eq!(world.command(command), Ok(process));
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

    #[test]
    fn refusals_name_their_reason_and_change_nothing() {
        let mut world = World::new(1, 3);
        let process = calc(&world);
        for (process, target, expected) in [
            (process, Target::Node(99), EHOSTUNREACH),
            (process, Target::Home, EINVAL),
            (ProcessRef { home: 1, pid: 1 }, Target::Home, ESRCH),
        ] {
            match world.command(Command::Migrate { process, target }) {
                Err(Outcome::Failed { errno, reason }) => {
                    assert_eq!(errno, expected);
                    assert!(reason.len() > 20, "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(world.news().is_empty());
    }
}
