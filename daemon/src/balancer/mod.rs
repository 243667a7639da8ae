// SPDX-License-Identifier: GPL-2.0-or-later
//! Which process shall move where, and why: policy without I/O and without a clock.
//!
//! Each node decides about the processes that were born on it: those that compute here go to a
//! node that is clearly less loaded, those that are away come home when it is better there.
//! [`decide`] looks at one moment; [`memory::Memory`] keeps what must be remembered between moments, so
//! that nothing moves to and fro.

pub mod memory;
#[cfg(test)]
mod simulation;

use std::collections::BTreeMap;

use mattx_protocol::model::{LOAD_PER_RUNNABLE, NodeId};

/// A node with more runnable processes than this for each standard core has too many.
const OVERLOADED: f64 = 1.25;
/// A move must leave the process with a load around it of at most this share of the one it leaves.
/// As the process counts on both sides, no move is undone before loads change by themselves.
const CLEARLY_LESS: f64 = 0.8;
/// Memory that stays free at the destination: its own need, and this.
const MEMORY_RESERVE_MIB: u64 = 64;

/// A node as its news tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it surely carries, and what it may carry: the news of some seconds, see [`memory`].
    pub load: (f64, f64),
    /// 1000 per core of standard speed; never 0.
    pub affinity: u32,
    /// In MiB.
    pub memory_free_mib: u64,
    /// It lets guests in.
    pub takes_guests: bool,
}

impl Node {
    fn per_core(&self, load: f64) -> f64 {
        load / f64::from(self.affinity)
    }

    /// Runnable processes for each core that it has at least.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.per_core(self.load.0)
    }

    /// The same, at most, with something more to do.
    fn with(&self, demand: f64) -> f64 {
        self.per_core(self.load.1 + demand)
    }

    fn is_overloaded(&self) -> bool {
        self.now() >= OVERLOADED
    }
}

/// A process that may move by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its pid at home, which is the node that decides.
    pub pid: u32,
    /// Where it computes.
    pub at: NodeId,
    /// How many processors it keeps busy.
    pub processors: f64,
    /// Resident memory.
    pub rss_kib: u64,
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Which process.
    pub pid: u32,
    /// Where it computes.
    pub from: NodeId,
    /// Where it shall compute.
    pub to: NodeId,
    /// For people.
    pub reason: String,
}

/// What `own` does about its processes now; at most one move, so that its effect is seen before the
/// next one. `turn` differs from moment to moment and is the same on all nodes: when several nodes have
/// too much to do, it tells which of them may use which destination.
#[must_use]
pub fn decide(
    own: NodeId,
    nodes: &BTreeMap<NodeId, Node>,
    processes: &[Process],
    turn: u64,
) -> Option<Decision> {
    let mut processes: Vec<_> = processes
        .iter()
        .filter_map(|process| Some((nodes.get(&process.at)?, process)))
        .filter(|(at, _)| at.is_overloaded())
        .collect();
    // From the node with the most to do, and what is cheapest to move.
    processes.sort_by(|(a, one), (b, other)| {
        b.now()
            .total_cmp(&a.now())
            .then(one.rss_kib.cmp(&other.rss_kib))
            .then(one.pid.cmp(&other.pid))
    });
    processes.into_iter().find_map(|(at, process)| {
        let (to, after) = if process.at == own {
            destination(own, nodes, process, turn)?
        } else {
            (own, better(nodes.get(&own)?, at, process)?)
        };
        Some(Decision {
            pid: process.pid,
            from: process.at,
            to,
            reason: format!(
                "node {} has {:.1} runnable processes for each core, node {to} has {after:.1} with this one",
                process.at,
                at.now()
            ),
        })
    })
}

/// The load for each core of `to` with the process, if that is clearly less than it has at `from`.
fn better(to: &Node, from: &Node, process: &Process) -> Option<f64> {
    let demand = f64::from(LOAD_PER_RUNNABLE) * process.processors.max(1.0);
    let after = to.with(demand);
    let room = process.rss_kib / 1024 + process.rss_kib / 10_240 + MEMORY_RESERVE_MIB;
    (after <= from.now() * CLEARLY_LESS && to.memory_free_mib >= room).then_some(after)
}

/// Of the destinations that are clearly better for a process of `own`, the one that is its share: nodes
/// that have too much to do are ranked alike by all, and take destinations by their rank.
fn destination(
    own: NodeId,
    nodes: &BTreeMap<NodeId, Node>,
    process: &Process,
    turn: u64,
) -> Option<(NodeId, f64)> {
    let from = nodes.get(&own)?;
    let mut better: Vec<_> = nodes
        .iter()
        .filter(|(id, node)| **id != own && node.takes_guests)
        .filter_map(|(id, node)| Some((*id, better(node, from, process)?)))
        .collect();
    better.sort_by(|(a, one), (b, other)| one.total_cmp(other).then(a.cmp(b)));
    let crowded: Vec<_> = nodes
        .iter()
        .filter(|(_, node)| node.is_overloaded())
        .map(|(id, _)| *id)
        .collect();
    let place = crowded.iter().position(|id| *id == own)?;
    let rank = (place as u64 + turn) % crowded.len() as u64;
    better.get(usize::try_from(rank).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(load: u32, affinity: u32) -> Node {
        Node {
            load: (f64::from(load), f64::from(load)),
            affinity,
            memory_free_mib: 1024,
            takes_guests: true,
        }
    }

    fn process(pid: u32, at: NodeId) -> Process {
        Process {
            pid,
            at,
            processors: 1.0,
            rss_kib: 4096,
        }
    }

    fn way(decision: Option<Decision>) -> Option<(u32, NodeId, NodeId)> {
        decision.map(|decision| (decision.pid, decision.from, decision.to))
    }

    #[test]
    fn the_cheapest_process_goes_to_the_least_loaded_node() {
        let nodes = BTreeMap::from([
            (1, node(3000, 1000)),
            (2, node(1000, 1000)),
            (3, node(0, 1000)),
        ]);
        let mut large = process(10, 1);
        large.rss_kib = 100_000;
        let decision = decide(1, &nodes, &[large, process(11, 1)], 0);
        assert_eq!(
            decision.as_ref().map(|decision| decision.reason.as_str()),
            Some("node 1 has 3.0 runnable processes for each core, node 3 has 1.0 with this one")
        );
        assert_eq!(way(decision), Some((11, 1, 3)));
    }

    #[test]
    fn speed_and_number_of_cores_count() {
        let nodes = BTreeMap::from([
            (1, node(4000, 1000)),
            (2, node(0, 500)),
            (3, node(3000, 4000)),
        ]);
        assert_eq!(
            way(decide(1, &nodes, &[process(10, 1)], 0)),
            Some((10, 1, 3))
        );
    }

    #[test]
    fn nothing_moves_for_little() {
        // Enough cores for all.
        let nodes = BTreeMap::from([(1, node(4000, 4000)), (2, node(0, 4000))]);
        assert_eq!(decide(1, &nodes, &[process(10, 1)], 0), None);
        // There it would be as bad.
        let nodes = BTreeMap::from([(1, node(2000, 1000)), (2, node(1000, 1000))]);
        assert_eq!(decide(1, &nodes, &[process(10, 1)], 0), None);
        // Nothing can.
        let nodes = BTreeMap::from([(1, node(9000, 1000)), (2, node(0, 1000))]);
        assert_eq!(decide(1, &nodes, &[], 0), None);
    }

    #[test]
    fn a_move_is_not_undone_by_the_same_loads() {
        for load in (1000..10_000).step_by(500) {
            for other in (0..10_000).step_by(500) {
                let before = BTreeMap::from([(1, node(load, 1000)), (2, node(other, 1000))]);
                if decide(1, &before, &[process(10, 1)], 0).is_none() {
                    continue;
                }
                let after =
                    BTreeMap::from([(1, node(load - 1000, 1000)), (2, node(other + 1000, 1000))]);
                assert_eq!(decide(1, &after, &[process(10, 2)], 0), None);
            }
        }
    }

    #[test]
    fn a_node_that_blocks_or_has_no_memory_is_no_destination() {
        for spoil in [
            (|node: &mut Node| node.takes_guests = false) as fn(&mut Node),
            |node| node.memory_free_mib = 60,
        ] {
            let mut nodes = BTreeMap::from([(1, node(5000, 1000)), (2, node(0, 1000))]);
            assert!(decide(1, &nodes, &[process(10, 1)], 0).is_some());
            spoil(nodes.get_mut(&2).expect("node 2"));
            assert_eq!(decide(1, &nodes, &[process(10, 1)], 0), None);
        }
    }

    #[test]
    fn what_is_away_comes_home_when_it_is_better_there_even_if_home_blocks() {
        let mut home = node(0, 1000);
        home.takes_guests = false;
        let nodes = BTreeMap::from([(1, home), (2, node(3000, 1000))]);
        assert_eq!(
            way(decide(1, &nodes, &[process(10, 2)], 0)),
            Some((10, 2, 1))
        );
        // About processes of others, their homes decide.
        assert_eq!(decide(2, &nodes, &[], 0), None);
    }

    #[test]
    fn a_program_with_many_threads_needs_as_many_cores() {
        let nodes = BTreeMap::from([(1, node(6000, 4000)), (2, node(0, 1000))]);
        let mut parallel = process(10, 1);
        parallel.processors = 4.0;
        assert_eq!(decide(1, &nodes, &[parallel], 0), None);
    }

    #[test]
    fn two_crowded_nodes_do_not_fall_upon_the_same_idle_one() {
        let nodes = BTreeMap::from([
            (1, node(4000, 1000)),
            (2, node(4000, 1000)),
            (3, node(0, 1000)),
            (4, node(100, 1000)),
        ]);
        for turn in 0..10 {
            let one = way(decide(1, &nodes, &[process(10, 1)], turn)).expect("a move");
            let other = way(decide(2, &nodes, &[process(20, 2)], turn)).expect("a move");
            assert_ne!(one.2, other.2);
        }
    }
}
