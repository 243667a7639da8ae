// SPDX-License-Identifier: GPL-2.0-or-later
//! What a move would probably cost and what stands in its way, from what has been seen of other moves.

use std::collections::{HashMap, VecDeque};

use mattx_protocol::model::{MovePhase, NodeId, NodeState, ProcessRef};

use crate::cluster::{Cluster, News};
use crate::words;

/// Moves that are remembered.
const MEMORY: usize = 64;

/// What has been learnt from moves so far.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// Microseconds for which processes stood still, newest last.
    frozen_us: VecDeque<u64>,
    /// The last refusal of each process.
    refused: HashMap<ProcessRef, String>,
}

impl Outlook {
    /// Learns from what was told.
    pub fn hear(&mut self, news: &News) {
        let News::Move(event) = news else { return };
        match &event.phase {
            MovePhase::Committed => {
                self.refused.remove(&event.process);
                if event.statistics.frozen_us > 0 {
                    self.frozen_us.push_back(event.statistics.frozen_us);
                    if self.frozen_us.len() > MEMORY {
                        self.frozen_us.pop_front();
                    }
                }
            }
            MovePhase::Failed { reason, .. } => {
                if self.refused.len() > MEMORY {
                    self.refused.clear();
                }
                self.refused.insert(event.process, reason.clone());
            }
            MovePhase::Started | MovePhase::Ended { .. } => {}
        }
    }

    /// For how long a process will probably stand still, in words.
    #[must_use]
    pub fn prediction(&self) -> String {
        let mut sorted: Vec<u64> = self.frozen_us.iter().copied().collect();
        sorted.sort_unstable();
        match sorted.len() {
            0 => "not measured yet".into(),
            count => format!("about {}", words::microseconds(sorted[count / 2])),
        }
    }

    /// Why this process was refused when it was last asked to move.
    #[must_use]
    pub fn refusal(&self, process: ProcessRef) -> Option<&str> {
        self.refused.get(&process).map(String::as_str)
    }
}

/// Why `process` cannot go to `node`, as far as it is seen from here.
#[must_use]
pub fn obstacle(cluster: &Cluster, process: ProcessRef, node: NodeId) -> Option<String> {
    if let Some(reason) = cluster.obstacle() {
        return Some(reason.to_owned());
    }
    let name = cluster.node_name(node);
    let there = &cluster.nodes.get(&node)?.sample;
    let known = cluster.processes.get(&process)?;
    match there.state {
        NodeState::Down => return Some(format!("{name} is down")),
        NodeState::Stale => return Some(format!("there is no news of {name}")),
        NodeState::Up => {}
    }
    if known.node == node {
        return Some(format!("it computes on {name} already"));
    }
    let free_kib = there.memory_available_mib * 1024;
    (known.sample.rss_kib > free_kib).then(|| {
        format!(
            "it needs {} and {name} has {} free",
            words::kib(known.sample.rss_kib),
            words::kib(free_kib)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::{FromServer, Role, Source};
    use mattx_protocol::model::{MoveEvent, MoveStatistics, ProcessKind};

    const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

    fn moved(phase: MovePhase, frozen_us: u64) -> News {
        News::Move(MoveEvent {
            process: WHO,
            comm: "calc".into(),
            from: 1,
            to: 2,
            phase,
            errand: String::new(),
            statistics: MoveStatistics {
                frozen_us,
                ..MoveStatistics::default()
            },
        })
    }

    #[test]
    fn predictions_are_the_middle_of_what_was_seen() {
        let mut outlook = Outlook::default();
        assert_eq!(outlook.prediction(), "not measured yet");
        for frozen_us in [9_000, 1_000, 4_000] {
            outlook.hear(&moved(MovePhase::Committed, frozen_us));
        }
        assert_eq!(outlook.prediction(), "about 4.0 ms");
        let failed = MovePhase::Failed {
            errno: 1,
            reason: "it shares memory".into(),
        };
        outlook.hear(&moved(failed, 0));
        assert_eq!(outlook.refusal(WHO), Some("it shares memory"));
    }

    #[test]
    fn obstacles_are_told_before_anything_is_asked() {
        let mut cluster = Cluster::default();
        let hello = FromServer::Hello {
            version: 1,
            role: Role::Operator,
            source: Source::Live,
            notice: None,
        };
        cluster.hear(hello, 0.0);
        let mut down = node(2, vec![]);
        down.state = NodeState::Down;
        let mut small = node(3, vec![]);
        small.memory_available_mib = 0;
        let nodes = vec![node(1, vec![process(77, ProcessKind::Local)]), down, small];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        let why = |node| obstacle(&cluster, WHO, node).unwrap_or_default();
        assert!(why(1).contains("already"), "{}", why(1));
        assert!(why(2).contains("down"), "{}", why(2));
        assert!(why(3).contains("free"), "{}", why(3));
    }
}
