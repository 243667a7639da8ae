// SPDX-License-Identifier: GPL-2.0-or-later
//! Nodes that fail, leave and come back. Small clusters are spared, so that people can try things in peace.

use mattx_protocol::model::{MovePhase, MoveStatistics, NodeId, NodeState};

use super::commands::refused;
use super::{News, Node, World, slot};

/// Seconds until the first trouble, and between two for each hundred nodes.
pub(super) const FIRST_AFTER: f32 = 60.0;
const EVERY: f32 = 75.0;
/// Nodes that are never in trouble, and the smallest cluster that knows any.
const SAFE: NodeId = 3;
const SMALLEST: usize = 8;
/// Seconds that a node is away.
const AWAY: f32 = 15.0;

const EHOSTUNREACH: i32 = 113;
const SIGKILL: i32 = 9;

/// How a node stands in the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Standing {
    Up,
    /// It has no power, for so many more seconds.
    Down(f32),
    /// It left on purpose, for so many more seconds.
    Gone(f32),
}

impl Node {
    pub(super) fn state(&self) -> NodeState {
        match self.standing {
            Standing::Up => NodeState::Up,
            Standing::Down(_) | Standing::Gone(_) => NodeState::Down,
        }
    }

    /// Whether the others have it in their tables.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.standing, Standing::Gone(_))
    }
}

impl World {
    pub(super) fn is_up(&self, id: NodeId) -> bool {
        id > 0
            && self
                .nodes
                .get(slot(id))
                .is_some_and(|node| node.standing == Standing::Up)
    }

    pub(super) fn be_in_trouble(&mut self, seconds: f32) {
        if self.nodes.len() < SMALLEST {
            return;
        }
        for node in &mut self.nodes {
            if let Standing::Down(left) | Standing::Gone(left) = &mut node.standing {
                *left -= seconds;
                if *left <= 0.0 {
                    node.standing = Standing::Up;
                    node.uptime_s = 0.0;
                    node.due = 0.0;
                }
            }
        }
        self.next_trouble -= seconds;
        if self.next_trouble > 0.0 {
            return;
        }
        self.next_trouble =
            EVERY / (1.0 + self.nodes.len() as f32 / 100.0) * self.random.between(0.7, 1.3);
        let index = SAFE as usize + self.random.below(self.nodes.len() - SAFE as usize);
        if self.nodes[index].standing != Standing::Up {
            return;
        }
        let fails = self.random.unit() < 0.6;
        self.clear(index);
        let node = &mut self.nodes[index];
        if fails {
            node.standing = Standing::Down(AWAY);
            let sample = self.sample(index);
            self.news.push(News::Node(sample));
        } else {
            node.standing = Standing::Gone(AWAY);
            let gone = News::Gone(node.id);
            self.news.push(gone);
        }
    }

    /// Ends everything that has to do with a node: its guests start anew at their homes, its own come to it.
    fn clear(&mut self, index: usize) {
        let id = self.nodes[index].id;
        for place in 0..self.processes.len() {
            let process = &mut self.processes[place];
            let (origin, at) = (process.origin, process.at);
            if let Some(flight) = &process.flight
                && [flight.to, at, origin.home].contains(&id)
            {
                let to = flight.to;
                process.flight = None;
                let reason = format!("{} did not move: node {id} was lost", process.name());
                let phase = MovePhase::Failed {
                    errno: EHOSTUNREACH,
                    reason: reason.clone(),
                };
                self.tell(place, at, to, phase, MoveStatistics::default());
                self.news
                    .push(News::Answer(origin, refused(EHOSTUNREACH, reason)));
            }
            if at != origin.home && (at == id || origin.home == id) {
                let phase = MovePhase::Ended { status: SIGKILL };
                self.tell(place, at, origin.home, phase, MoveStatistics::default());
                self.put(place, origin.home);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn nodes_fail_and_leave_and_come_back_and_no_process_is_lost() {
        let mut world = World::new(11, 40);
        let before = world.processes.len();
        let news = run(&mut world, 600.0);
        let failed = news
            .iter()
            .filter(|news| matches!(news, News::Node(node) if node.state == NodeState::Down))
            .count();
        let left = news
            .iter()
            .filter(|news| matches!(news, News::Gone(_)))
            .count();
        assert!(failed > 1 && left > 1, "{failed} failed, {left} left");
        world.next_trouble = f32::MAX;
        run(&mut world, AWAY + 1.0);
        assert!(
            world
                .samples()
                .iter()
                .all(|node| node.state == NodeState::Up)
        );
        assert_eq!(world.samples().len(), 40);
        assert_eq!(world.processes.len(), before);
        for (index, node) in world.nodes.iter().enumerate() {
            assert_eq!(node.members.len(), world.samples()[index].processes.len());
        }
    }
}
