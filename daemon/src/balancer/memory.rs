// SPDX-License-Identifier: GPL-2.0-or-later
//! What the balancer remembers: how loads were, who worked all the time, who moved lately, and who
//! cannot move.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use mattx_protocol::model::{NodeId, ProcessKind, ProcessSample};
use mattx_protocol::peer::Load;

use super::{Node, Process};
use crate::membership::Moment;
use crate::settings::Settings;

/// Weight of the newest load in the slow average: peaks of a few seconds do not move processes.
const SLOWLY: f64 = 0.2;
/// A process must have been busy at this many looks in a row; who has run for long will run on.
const BUSY_LOOKS: u32 = 5;
/// Share of a core, as far as there is one for it, above which a process is busy.
const BUSY_PERCENT: f64 = 60.0;
/// Who moved stays where it is for this long, whoever moved it.
pub const RESIDENCE: Duration = Duration::from_secs(30);
/// After a move its effect on loads is waited for.
pub const SETTLING: Duration = Duration::from_secs(10);
/// What cannot move is not asked again for this long; what it uses may change.
const FOR_LONG: Duration = Duration::from_secs(600);
/// After a failure that will pass.
const FOR_A_WHILE: Duration = Duration::from_secs(60);
/// Most that is remembered of processes: far more than telemetry ever tells.
const MOST: usize = 4096;

/// Whether there is sense in trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It uses something that cannot move, or must not.
    Fixed,
    /// Something was in the way.
    Passing,
}

/// A process by pid and name: after an exec it is another one.
type Who = (u32, String);

/// See the module.
#[derive(Debug, Default)]
pub struct Memory {
    slow: BTreeMap<NodeId, f64>,
    busy: HashMap<Who, u32>,
    /// Until when they are left alone, by pid and by name.
    resting: HashMap<u32, Moment>,
    refused: HashMap<Who, Moment>,
    next: Moment,
}

impl Memory {
    /// Nodes as the policy sees them, from the newest news of those that tell their load. Call once a
    /// second; nodes that are not among `news` are forgotten.
    pub fn nodes(&mut self, news: &[(NodeId, Load)]) -> BTreeMap<NodeId, Node> {
        let mut nodes = BTreeMap::new();
        let mut slow = BTreeMap::new();
        for (id, load) in news {
            if load.affinity == 0 {
                continue;
            }
            let now = f64::from(load.cpu_load);
            let average = self
                .slow
                .get(id)
                .map_or(now, |before| before + SLOWLY * (now - before));
            slow.insert(*id, average);
            let node = Node {
                load: (average.min(now), average.max(now)),
                affinity: load.affinity,
                memory_free_mib: load.memory_free_mib,
                takes_guests: !load.takes_no_guests,
            };
            nodes.insert(*id, node);
        }
        self.slow = slow;
        nodes
    }

    /// The processes born here that may move by themselves now. `crowd` is how many runnable processes
    /// share each core here, `keepers` are the nodes that keep their guests.
    pub fn processes(
        &mut self,
        now: Moment,
        own: NodeId,
        samples: &[ProcessSample],
        settings: &Settings,
        crowd: f64,
        keepers: &HashSet<NodeId>,
    ) -> Vec<Process> {
        let mut busy = HashMap::new();
        let mut movable = Vec::new();
        self.resting.retain(|_, until| now < *until);
        self.refused.retain(|_, until| now < *until);
        for sample in samples {
            let who = (sample.pid, sample.comm.clone());
            let wanted = f64::from(sample.cpu_percent) * crowd.max(1.0);
            let at = match sample.kind {
                ProcessKind::Guest { .. } => continue,
                ProcessKind::Deputy { node } => node,
                ProcessKind::Local => {
                    if wanted < BUSY_PERCENT {
                        continue;
                    }
                    let looks = self.busy.get(&who).copied().unwrap_or(0) + 1;
                    busy.insert(who.clone(), looks);
                    if looks < BUSY_LOOKS {
                        continue;
                    }
                    own
                }
            };
            let kept = settings.stay
                || settings.stay_local
                || settings.locked.contains(&sample.pid)
                || settings.exclude.contains(&sample.comm)
                || !(settings.include.is_empty() || settings.include.contains(&sample.comm))
                || keepers.contains(&at);
            if kept || self.resting.contains_key(&sample.pid) || self.refused.contains_key(&who) {
                continue;
            }
            movable.push(Process {
                pid: sample.pid,
                at,
                processors: f64::from(sample.cpu_percent) / 100.0,
                rss_kib: sample.rss_kib,
            });
        }
        self.busy = busy;
        movable
    }

    /// Whether the effect of the last move is seen by now.
    #[must_use]
    pub fn is_settled(&self, now: Moment) -> bool {
        now >= self.next
    }

    /// A process of this node arrived somewhere.
    pub fn moved(&mut self, now: Moment, pid: u32) {
        if self.resting.len() < MOST {
            self.resting.insert(pid, now + RESIDENCE);
        }
        self.next = now + SETTLING;
    }

    /// A move that was decided did not come about.
    pub fn failed(&mut self, now: Moment, pid: u32, comm: &str, failure: Failure) {
        let pause = match failure {
            Failure::Fixed => FOR_LONG,
            Failure::Passing => FOR_A_WHILE,
        };
        if self.refused.len() < MOST {
            self.refused.insert((pid, comm.to_owned()), now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::model::ProcessRef;

    const SECOND: Duration = Duration::from_secs(1);
    const NOBODY: [u32; 0] = [];

    fn sample(pid: u32, comm: &str, kind: ProcessKind, cpu_percent: f32) -> ProcessSample {
        ProcessSample {
            pid,
            kind,
            comm: comm.to_owned(),
            command_line: None,
            user: None,
            state: 'R',
            cpu_percent,
            rss_kib: 1000,
            threads: 1,
        }
    }

    /// The pids that may move after `looks` more looks.
    fn look(
        memory: &mut Memory,
        begin: Moment,
        looks: u32,
        samples: &[ProcessSample],
        settings: &Settings,
    ) -> Vec<u32> {
        let mut found = Vec::new();
        for look in 0..looks {
            let now = begin + look * SECOND;
            found = memory.processes(now, 1, samples, settings, 2.0, &HashSet::from([9]));
        }
        found.into_iter().map(|process| process.pid).collect()
    }

    #[test]
    fn only_who_works_all_the_time_may_move() {
        let mut memory = Memory::default();
        let settings = Settings::default();
        let busy = [
            sample(1, "calc", ProcessKind::Local, 50.0),
            sample(2, "editor", ProcessKind::Local, 5.0),
        ];
        assert_eq!(
            look(&mut memory, Moment::ZERO, BUSY_LOOKS - 1, &busy, &settings),
            NOBODY
        );
        assert_eq!(look(&mut memory, Moment::ZERO, 1, &busy, &settings), [1]);
        assert_eq!(look(&mut memory, Moment::ZERO, 1, &[], &settings), NOBODY);
        assert_eq!(look(&mut memory, Moment::ZERO, 1, &busy, &settings), NOBODY);
    }

    #[test]
    fn whom_somebody_keeps_does_not_move() {
        let origin = ProcessRef { home: 7, pid: 7 };
        let samples = [
            sample(1, "calc", ProcessKind::Local, 50.0),
            sample(2, "away", ProcessKind::Deputy { node: 2 }, 0.0),
            sample(3, "kept-there", ProcessKind::Deputy { node: 9 }, 0.0),
            sample(4, "foreign", ProcessKind::Guest { origin }, 50.0),
        ];
        let names = |name: &str| HashSet::from([name.to_owned()]);
        let plain = Settings::default();
        for (settings, expected) in [
            (plain.clone(), vec![1, 2]),
            (
                Settings {
                    locked: [1].into(),
                    ..plain.clone()
                },
                vec![2],
            ),
            (
                Settings {
                    exclude: names("away"),
                    ..plain.clone()
                },
                vec![1],
            ),
            (
                Settings {
                    include: names("away"),
                    ..plain.clone()
                },
                vec![2],
            ),
            (
                Settings {
                    stay: true,
                    ..plain.clone()
                },
                vec![],
            ),
            (
                Settings {
                    stay_local: true,
                    ..plain
                },
                vec![],
            ),
        ] {
            let mut memory = Memory::default();
            let found = look(&mut memory, Moment::ZERO, BUSY_LOOKS, &samples, &settings);
            assert_eq!(found, expected, "{settings:?}");
        }
    }

    #[test]
    fn who_moved_rests_and_who_was_refused_is_left_alone() {
        let settings = Settings::default();
        let busy = [sample(1, "calc", ProcessKind::Local, 50.0)];
        let mut memory = Memory::default();
        memory.moved(Moment::ZERO, 1);
        assert!(!memory.is_settled(SETTLING - SECOND));
        assert!(memory.is_settled(SETTLING));
        assert_eq!(
            look(&mut memory, Moment::ZERO, 20, &busy, &settings),
            NOBODY
        );
        assert_eq!(look(&mut memory, RESIDENCE, 1, &busy, &settings), [1]);
        memory.failed(Moment::ZERO, 1, "calc", Failure::Fixed);
        assert_eq!(
            look(&mut memory, FOR_LONG - SECOND, 1, &busy, &settings),
            NOBODY
        );
        // After an exec it is another program.
        let other = [sample(1, "other", ProcessKind::Local, 50.0)];
        assert_eq!(
            look(&mut memory, SECOND, BUSY_LOOKS, &other, &settings),
            [1]
        );
    }

    #[test]
    fn a_peak_is_no_load_and_a_pause_no_idleness() {
        let mut memory = Memory::default();
        let news = |cpu_load| {
            let affinity = 1000;
            [(
                1,
                Load {
                    cpu_load,
                    affinity,
                    memory_free_mib: 1,
                    ..Load::default()
                },
            )]
        };
        memory.nodes(&news(0));
        let node = &memory.nodes(&news(4000))[&1];
        assert!(node.load.0 < 1000.0 && node.load.1 >= 4000.0, "{node:?}");
        for _ in 0..30 {
            memory.nodes(&news(4000));
        }
        let node = &memory.nodes(&news(0))[&1];
        assert!(node.load.0 < 1.0 && node.load.1 > 3000.0, "{node:?}");
        // A quiet node is not known.
        assert!(memory.nodes(&[(1, Load::default())]).is_empty());
    }
}
