// SPDX-License-Identifier: GPL-2.0-or-later
//! The balancers of whole clusters against simulated processes: loads even out, and then there is peace.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use mattx_protocol::model::{NodeId, ProcessKind, ProcessSample};
use mattx_protocol::peer::Load;

use super::decide;
use super::memory::{Memory, RESIDENCE, SETTLING};
use crate::settings::Settings;

/// Nodes with cores, and processes that compute for ever.
struct World {
    cores: BTreeMap<NodeId, u32>,
    /// Home, pid, where it is.
    processes: Vec<(NodeId, u32, NodeId)>,
    memories: HashMap<NodeId, Memory>,
    now: Duration,
    moves: Vec<(Duration, u32, NodeId)>,
    /// What each node last told, a second ago.
    told: Vec<(NodeId, Load)>,
    deciding: Duration,
}

impl World {
    fn new(cores: impl IntoIterator<Item = (NodeId, u32)>) -> Self {
        let cores: BTreeMap<_, _> = cores.into_iter().collect();
        let memories = cores.keys().map(|id| (*id, Memory::default())).collect();
        Self {
            cores,
            processes: Vec::new(),
            memories,
            now: Duration::ZERO,
            moves: Vec::new(),
            told: Vec::new(),
            deciding: Duration::ZERO,
        }
    }

    fn start(&mut self, home: NodeId, count: u32) {
        for _ in 0..count {
            let pid = 100 + self.processes.len() as u32;
            self.processes.push((home, pid, home));
        }
    }

    fn runnable(&self, node: NodeId) -> u32 {
        self.processes
            .iter()
            .filter(|(_, _, at)| *at == node)
            .count() as u32
    }

    fn crowd(&self, node: NodeId) -> f64 {
        f64::from(self.runnable(node)) / f64::from(self.cores[&node])
    }

    fn second(&mut self) {
        self.now += Duration::from_secs(1);
        let nodes: Vec<_> = self.cores.keys().copied().collect();
        let mut decisions = Vec::new();
        for own in &nodes {
            let crowd = self.crowd(*own);
            let samples: Vec<_> = self
                .processes
                .iter()
                .filter(|(home, ..)| home == own)
                .map(|(_, pid, at)| ProcessSample {
                    pid: *pid,
                    kind: if at == own {
                        ProcessKind::Local
                    } else {
                        ProcessKind::Deputy { node: *at }
                    },
                    comm: "calc".to_owned(),
                    command_line: None,
                    user: None,
                    state: 'R',
                    cpu_percent: (100.0 / crowd.max(1.0)) as f32,
                    rss_kib: 10_000,
                    threads: 1,
                })
                .collect();
            let memory = self.memories.get_mut(own).expect("a node");
            let begin = Instant::now();
            let view = memory.nodes(&self.told);
            let settings = Settings::default();
            let keepers = HashSet::new();
            let movable = memory.processes(self.now, *own, &samples, &settings, crowd, &keepers);
            if memory.is_settled(self.now) {
                decisions.extend(decide(*own, &view, &movable, self.now.as_secs() / 10));
            }
            self.deciding += begin.elapsed();
        }
        for decision in decisions {
            let process = self
                .processes
                .iter_mut()
                .find(|(_, pid, _)| *pid == decision.pid)
                .expect("a process");
            assert_eq!(process.2, decision.from);
            process.2 = decision.to;
            self.moves.push((self.now, decision.pid, decision.to));
            let home = process.0;
            self.memories
                .get_mut(&home)
                .expect("a node")
                .moved(self.now, decision.pid);
        }
        self.told = nodes
            .iter()
            .map(|id| {
                let load = Load {
                    cpu_load: 1000 * self.runnable(*id),
                    affinity: 1000 * self.cores[id],
                    memory_free_mib: 4096,
                    ..Load::default()
                };
                (*id, load)
            })
            .collect();
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.second();
        }
    }
}

#[test]
fn work_spreads_and_then_there_is_peace() {
    let mut world = World::new((1..=4).map(|id| (id, 1)));
    world.start(1, 8);
    world.run(300);
    for node in 1..=4 {
        assert!(
            (1..=3).contains(&world.runnable(node)),
            "{node}: {}",
            world.runnable(node)
        );
    }
    let moves = world.moves.len();
    assert!((5..=6).contains(&moves), "{:?}", world.moves);
    for pair in world.moves.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= SETTLING, "{pair:?}");
    }
    world.run(3600);
    assert_eq!(world.moves.len(), moves, "{:?}", world.moves);
}

#[test]
fn what_is_away_comes_home_when_its_host_gets_work_of_its_own() {
    let mut world = World::new([(1, 1), (2, 1)]);
    world.start(1, 2);
    world.run(60);
    assert_eq!((world.runnable(1), world.runnable(2)), (1, 1));
    // The work at home ends, and the host gets some.
    world.processes.retain(|(_, _, at)| *at == 2);
    world.start(2, 3);
    let begin = world.now;
    world.run(120);
    assert_eq!(world.runnable(1) + world.runnable(2), 4);
    assert!((1..=2).contains(&world.runnable(1)), "{:?}", world.moves);
    // Nobody moved twice within its residence.
    for (index, (when, pid, _)) in world.moves.iter().enumerate() {
        for (before, other, _) in &world.moves[..index] {
            assert!(
                pid != other || *when - *before >= RESIDENCE,
                "{:?}",
                world.moves
            );
        }
    }
    assert!(world.moves.iter().any(|(when, ..)| *when > begin));
}

#[test]
fn many_crowded_nodes_do_not_bury_an_idle_one() {
    let mut world = World::new((1..=40).map(|id| (id, 1)));
    for node in 1..=30 {
        world.start(node, 3);
    }
    let mut most = 0;
    for _ in 0..600 {
        world.second();
        most = most.max(
            (31..=40)
                .map(|node| world.runnable(node))
                .max()
                .unwrap_or(0),
        );
    }
    assert!(most <= 4, "{most} at once on a node that was idle");
    let moves = world.moves.len();
    world.run(600);
    assert!(
        world.moves.len() <= moves + 5,
        "{moves}, then {}",
        world.moves.len()
    );
    let crowds: Vec<_> = (1..=40).map(|node| world.runnable(node)).collect();
    assert!(
        crowds.iter().all(|count| (1..=3).contains(count)),
        "{crowds:?}"
    );
    assert!(crowds[30..].iter().all(|count| *count >= 2), "{crowds:?}");
}

#[test]
fn a_decision_in_a_large_cluster_is_cheap() {
    let mut world = World::new((1..=1000).map(|id| (id, 2)));
    world.start(7, 40);
    world.run(5);
    let each = world.deciding / (5 * 1000);
    println!("1,000 nodes: {each:?} a second for the balancer of each");
    assert!(each < Duration::from_millis(20), "{each:?}");
}
