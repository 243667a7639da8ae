// SPDX-License-Identifier: GPL-2.0-or-later
//! Where a camera goes that nobody steers: to what moves, what fails, what is new, what is busy, and back to the whole.

use mattx_protocol::model::{MovePhase, NodeId, NodeState, ProcessRef};

use crate::cluster::{Cluster, News};
use crate::words;

/// Seconds at one stop.
pub const STAY: f32 = 9.0;
/// Seconds for which something that happened is worth a stop.
const FRESH: f64 = 12.0;

/// What a stop of the tour looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All nodes.
    Everything,
    /// One node.
    Node(NodeId),
    /// A process and the two nodes between which it moves.
    Journey(ProcessRef, NodeId, NodeId),
}

/// A stop, with what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What is looked at.
    pub sight: Sight,
    /// Headline.
    pub words: String,
}

/// The tour.
#[derive(Clone, Debug, Default)]
pub struct Tour {
    fresh: Option<(f64, Stop)>,
    turn: usize,
}

impl Tour {
    /// Takes note of what happens.
    pub fn hear(&mut self, cluster: &Cluster, news: &News, now: f64) {
        let stop = match news {
            News::Move(event) => {
                let (from, to) = (cluster.node_name(event.from), cluster.node_name(event.to));
                let sight = Sight::Journey(event.process, event.from, event.to);
                match &event.phase {
                    MovePhase::Committed => Stop {
                        sight,
                        words: match event.statistics.frozen_us {
                            0 => format!("{} moved from {from} to {to}", event.comm),
                            frozen => format!(
                                "{} moved from {from} to {to} and stood still for {}",
                                event.comm,
                                words::microseconds(frozen)
                            ),
                        },
                    },
                    MovePhase::Failed { reason, .. } => Stop {
                        sight,
                        words: format!("{} stays on {from}: {reason}", event.comm),
                    },
                    MovePhase::Started | MovePhase::Ended { .. } => return,
                }
            }
            News::Joined(id) => Stop {
                sight: Sight::Node(*id),
                words: format!("{} has joined", cluster.node_name(*id)),
            },
            News::Left(id, name) => Stop {
                sight: Sight::Node(*id),
                words: format!("{name} is gone"),
            },
            News::Accepted(_) | News::Progress(..) | News::Answer(..) => return,
        };
        self.fresh = Some((now, stop));
    }

    /// The next stop: what just happened, or else, by turns, the whole, the busiest node, and whatever is wrong.
    pub fn next(&mut self, cluster: &Cluster, now: f64) -> Stop {
        if let Some((at, stop)) = self.fresh.take()
            && now - at < FRESH
        {
            return stop;
        }
        self.turn += 1;
        match self.turn % 4 {
            1 => wrong(cluster).or_else(|| busiest(cluster)),
            2 => busiest(cluster),
            3 => host(cluster),
            _ => None,
        }
        .unwrap_or_else(|| everything(cluster))
    }
}

fn everything(cluster: &Cluster) -> Stop {
    let away = cluster
        .processes
        .values()
        .filter(|process| process.is_away())
        .count();
    Stop {
        sight: Sight::Everything,
        words: format!(
            "{} nodes compute as one, {} of {} processes away from home",
            cluster.nodes.len(),
            away,
            cluster.processes.len()
        ),
    }
}

fn wrong(cluster: &Cluster) -> Option<Stop> {
    let (id, node) = cluster
        .nodes
        .iter()
        .find(|(_, node)| node.sample.state != NodeState::Up)?;
    let state = match node.sample.state {
        NodeState::Down => "is down",
        NodeState::Stale | NodeState::Up => "gives no news",
    };
    Some(Stop {
        sight: Sight::Node(*id),
        words: format!("{} {state}", node.sample.name),
    })
}

fn busiest(cluster: &Cluster) -> Option<Stop> {
    let (id, node) = cluster
        .nodes
        .iter()
        .max_by(|a, b| a.1.load().total_cmp(&b.1.load()))?;
    Some(Stop {
        sight: Sight::Node(*id),
        words: format!(
            "{} is the busiest node: {:.0} % of {} cores",
            node.sample.name,
            node.load() * 100.0,
            node.sample.cores.len()
        ),
    })
}

/// The node with the most guests.
fn host(cluster: &Cluster) -> Option<Stop> {
    let mut guests = std::collections::BTreeMap::<NodeId, usize>::new();
    for process in cluster.processes.values().filter(|one| one.is_away()) {
        *guests.entry(process.node).or_default() += 1;
    }
    let (id, count) = guests.into_iter().max_by_key(|(_, count)| *count)?;
    Some(Stop {
        sight: Sight::Node(id),
        words: format!("{} computes for {count} guests", cluster.node_name(id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::node;
    use mattx_protocol::browser::FromServer;

    #[test]
    fn what_just_happened_comes_first_and_then_the_rest_by_turns() {
        let mut cluster = Cluster::default();
        let mut down = node(2, vec![]);
        down.state = NodeState::Down;
        let nodes = vec![node(1, vec![]), down];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        let mut tour = Tour::default();
        tour.hear(&cluster, &News::Joined(1), 10.0);
        assert_eq!(tour.next(&cluster, 11.0).words, "n1 has joined");
        let rest: Vec<Sight> = (0..4).map(|_| tour.next(&cluster, 12.0).sight).collect();
        assert!(rest.contains(&Sight::Node(2)), "what is down is shown");
        assert!(rest.contains(&Sight::Everything));
        tour.hear(&cluster, &News::Joined(1), 20.0);
        assert_ne!(tour.next(&cluster, 90.0).words, "n1 has joined", "old news");
    }
}
