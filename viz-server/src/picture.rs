// SPDX-License-Identifier: GPL-2.0-or-later
//! The state that all viewers see, and what changed in it since it was last published.

use std::collections::{BTreeMap, BTreeSet};

use mattx_protocol::browser::FromServer;
use mattx_protocol::model::{NodeId, NodeSample, NodeState};

/// All nodes, the number of the last published change, and what changed since.
#[derive(Debug, Default)]
pub struct Picture {
    nodes: BTreeMap<NodeId, NodeSample>,
    notice: Option<String>,
    changed: BTreeSet<NodeId>,
    gone: BTreeSet<NodeId>,
    sequence: u64,
}

impl Picture {
    /// Takes in the news of one node.
    pub fn put(&mut self, sample: NodeSample) {
        self.gone.remove(&sample.id);
        self.changed.insert(sample.id);
        self.nodes.insert(sample.id, sample);
    }

    /// Forgets a node.
    pub fn remove(&mut self, id: NodeId) {
        if self.nodes.remove(&id).is_some() {
            self.changed.remove(&id);
            self.gone.insert(id);
        }
    }

    /// Forgets every node that `keep` does not name.
    pub fn retain(&mut self, keep: &[NodeId]) {
        let gone: Vec<NodeId> = self
            .nodes
            .keys()
            .copied()
            .filter(|id| !keep.contains(id))
            .collect();
        for id in gone {
            self.remove(id);
        }
    }

    /// Marks every node that was fresh as stale: its news stopped.
    pub fn age(&mut self) {
        for (id, node) in &mut self.nodes {
            if node.state == NodeState::Up {
                node.state = NodeState::Stale;
                self.changed.insert(*id);
            }
        }
    }

    /// Marks a node that was fresh as stale; `true` when it was.
    pub fn age_node(&mut self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get_mut(&id) else {
            return false;
        };
        let fresh = node.state == NodeState::Up;
        if fresh {
            node.state = NodeState::Stale;
            self.changed.insert(id);
        }
        fresh
    }

    /// Sets why the picture is incomplete; `true` when that is new.
    pub fn set_notice(&mut self, notice: Option<String>) -> bool {
        let new = self.notice != notice;
        self.notice = notice;
        new
    }

    /// Why the picture is incomplete.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Number of the last published change.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeSample> {
        self.nodes.get(&id)
    }

    /// All nodes by rising number.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeSample> {
        self.nodes.values()
    }

    /// The whole picture as a message. It may hold changes that the next delta repeats, which is harmless because
    /// deltas carry whole nodes.
    #[must_use]
    pub fn snapshot(&self) -> FromServer {
        FromServer::Snapshot {
            sequence: self.sequence,
            nodes: self.nodes.values().cloned().collect(),
        }
    }

    /// What changed since the last call, as a message with the next sequence number.
    pub fn publish(&mut self) -> Option<FromServer> {
        if self.changed.is_empty() && self.gone.is_empty() {
            return None;
        }
        self.sequence += 1;
        let nodes = self
            .changed
            .iter()
            .filter_map(|id| self.nodes.get(id).cloned())
            .collect();
        self.changed.clear();
        Some(FromServer::Delta {
            sequence: self.sequence,
            nodes,
            gone: std::mem::take(&mut self.gone).into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sim::World;

    fn two_nodes() -> Vec<NodeSample> {
        World::new(7, 2).samples()
    }

    #[test]
    fn nothing_is_published_when_nothing_changed() {
        let mut picture = Picture::default();
        assert_eq!(picture.publish(), None);
        picture.put(two_nodes().remove(0));
        assert!(picture.publish().is_some());
        assert_eq!(picture.publish(), None);
        assert_eq!(picture.sequence(), 1);
    }

    #[test]
    fn a_node_that_left_and_came_back_within_a_tick_is_only_changed() {
        let mut picture = Picture::default();
        let node = two_nodes().remove(0);
        picture.put(node.clone());
        picture.publish();
        picture.remove(node.id);
        picture.put(node.clone());
        assert_eq!(
            picture.publish(),
            Some(FromServer::Delta {
                sequence: 2,
                nodes: vec![node],
                gone: vec![]
            })
        );
    }

    #[test]
    fn deltas_replayed_on_a_snapshot_give_the_same_picture() {
        let mut picture = Picture::default();
        for node in two_nodes() {
            picture.put(node);
        }
        picture.publish();
        let mut replica: BTreeMap<NodeId, NodeSample> = match picture.snapshot() {
            FromServer::Snapshot { nodes, .. } => {
                nodes.into_iter().map(|node| (node.id, node)).collect()
            }
            other => panic!("not a snapshot: {other:?}"),
        };
        picture.age();
        picture.remove(1);
        if let Some(FromServer::Delta { nodes, gone, .. }) = picture.publish() {
            replica.extend(nodes.into_iter().map(|node| (node.id, node)));
            for id in gone {
                replica.remove(&id);
            }
        }
        assert!(replica.values().eq(picture.nodes()));
        assert!(picture.nodes().all(|node| node.state == NodeState::Stale));
    }
}
