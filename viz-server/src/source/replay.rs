// SPDX-License-Identifier: GPL-2.0-or-later
//! A recording, played again and again, which operators can pause, wind and speed up.

use std::time::Duration;

use mattx_protocol::browser::{self, FromServer, Playback, PlaybackControl};
use mattx_protocol::command::Outcome;
use mattx_protocol::model::MoveStatistics;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Source;
use crate::hub::{Hub, Order, Wish, failed};
use crate::record::Record;

const EROFS: i32 = 30;
const EINVAL: i32 = 22;
/// Pause between the end of a recording and its next beginning, in milliseconds.
const PAUSE_MS: u64 = 2000;
/// How often viewers are told where the recording stands.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Limits of the speed in percent.
pub const SLOWEST: u32 = 1;
/// See [`SLOWEST`].
pub const FASTEST: u32 = 100_000;

/// A recording as a source.
#[derive(Debug)]
pub struct Replay {
    /// What was told.
    pub records: Vec<Record>,
    /// Speed in percent of the original.
    pub speed_percent: u32,
}

/// Where a replay stands.
struct Player {
    records: Vec<Record>,
    /// The first record that was not told yet.
    next: usize,
    /// Time of the recording when the clock was set, and when that was.
    origin_ms: u64,
    set: Instant,
    speed_percent: u32,
    paused: bool,
}

impl Source for Replay {
    fn kind(&self) -> browser::Source {
        browser::Source::Replay
    }

    async fn run(self, hub: Hub, mut orders: mpsc::Receiver<Order>) {
        let mut player = Player {
            records: self.records,
            next: 0,
            origin_ms: 0,
            set: Instant::now(),
            speed_percent: self.speed_percent.clamp(SLOWEST, FASTEST),
            paused: false,
        };
        let mut tell = tokio::time::interval(TELL_EVERY);
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = player.due();
            tokio::select! {
                () = until(due) => player.advance(&hub),
                _ = tell.tick() => hub.played(player.state()),
                order = orders.recv() => {
                    let Some(order) = order else { return };
                    let outcome = match order.wish {
                        // Commands cannot change what has happened.
                        Wish::Command(_) => failed(EROFS, "nothing was moved: this is a recording"),
                        Wish::Playback(control) => player.steer(&hub, control),
                    };
                    // The asker may have gone; then nobody needs the answer.
                    let _ = order.answer.send(outcome);
                }
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Player {
    fn length_ms(&self) -> u64 {
        self.records.last().map_or(0, |record| record.milliseconds)
    }

    fn position_ms(&self) -> u64 {
        let passed = if self.paused {
            0
        } else {
            let milliseconds = u64::try_from(self.set.elapsed().as_millis()).unwrap_or(u64::MAX);
            milliseconds.saturating_mul(self.speed_percent.into()) / 100
        };
        self.origin_ms.saturating_add(passed)
    }

    fn state(&self) -> Playback {
        Playback {
            position_ms: self.position_ms().min(self.length_ms()),
            length_ms: self.length_ms(),
            speed_percent: self.speed_percent,
            paused: self.paused,
        }
    }

    /// When the next record is due, or the first one again.
    fn due(&self) -> Option<Instant> {
        if self.paused || self.records.is_empty() {
            return None;
        }
        let next = self.records.get(self.next).map_or_else(
            || self.length_ms() + PAUSE_MS * u64::from(self.speed_percent) / 100,
            |record| record.milliseconds,
        );
        let left = next.saturating_sub(self.origin_ms) * 100;
        Some(self.set + Duration::from_millis(left.div_ceil(self.speed_percent.into())))
    }

    /// Tells every record that is due.
    fn advance(&mut self, hub: &Hub) {
        if self.next == self.records.len() {
            self.next = 0;
            self.set_clock(0);
        }
        let now = self.position_ms();
        while let Some(record) = self.records.get(self.next)
            && record.milliseconds <= now
        {
            apply(hub, record.message.clone());
            // At once, so that viewers see every state that was recorded.
            hub.publish_now();
            self.next += 1;
        }
    }

    fn set_clock(&mut self, position_ms: u64) {
        self.origin_ms = position_ms;
        self.set = Instant::now();
    }

    fn steer(&mut self, hub: &Hub, control: PlaybackControl) -> Outcome {
        let position = self.position_ms().min(self.length_ms());
        match control {
            PlaybackControl::Pause => {
                self.set_clock(position);
                self.paused = true;
            }
            PlaybackControl::Play => {
                self.set_clock(position);
                self.paused = false;
            }
            PlaybackControl::Speed(percent) if (SLOWEST..=FASTEST).contains(&percent) => {
                self.set_clock(position);
                self.speed_percent = percent;
            }
            PlaybackControl::Speed(percent) => {
                return failed(
                    EINVAL,
                    format!(
                        "the speed stays: {percent} is not within {SLOWEST} to {FASTEST} percent"
                    ),
                );
            }
            PlaybackControl::Seek(target) => self.seek(hub, target.min(self.length_ms())),
        }
        hub.played(self.state());
        Outcome::Done {
            statistics: MoveStatistics::default(),
        }
    }

    /// Shows the picture as it was at `target_ms`. Moves before it are passed over: they do not happen again.
    fn seek(&mut self, hub: &Hub, target_ms: u64) {
        self.set_clock(target_ms);
        self.next = self
            .records
            .partition_point(|record| record.milliseconds <= target_ms);
        let told = &self.records[..self.next];
        let from = told
            .iter()
            .rposition(|record| matches!(record.message, FromServer::Snapshot { .. }))
            .unwrap_or(0);
        for record in &told[from..] {
            if !matches!(record.message, FromServer::Move(_)) {
                apply(hub, record.message.clone());
            }
        }
    }
}

/// Makes the picture what the message says.
pub fn apply(hub: &Hub, message: FromServer) {
    match message {
        FromServer::Snapshot { nodes, .. } => {
            hub.retain(&nodes.iter().map(|node| node.id).collect::<Vec<_>>());
            nodes.into_iter().for_each(|node| hub.put(node));
        }
        FromServer::Delta { nodes, gone, .. } => {
            gone.into_iter().for_each(|id| hub.remove(id));
            nodes.into_iter().for_each(|node| hub.put(node));
        }
        FromServer::Move(event) => hub.moved(event),
        FromServer::Notice(notice) => hub.set_notice(notice),
        FromServer::Hello { .. }
        | FromServer::Accepted { .. }
        | FromServer::Answer { .. }
        | FromServer::Progress { .. }
        | FromServer::Playback(_)
        | FromServer::Layout(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sim::World;

    /// A recording in which second N shows N nodes.
    fn records() -> Vec<Record> {
        let mut nodes = World::new(1, 5).samples();
        let snapshot = FromServer::Snapshot {
            sequence: 0,
            nodes: vec![nodes.remove(0)],
        };
        let deltas = nodes.into_iter().zip(1..).map(|(node, sequence)| {
            let nodes = vec![node];
            let gone = Vec::new();
            (
                sequence * 1000,
                FromServer::Delta {
                    sequence,
                    nodes,
                    gone,
                },
            )
        });
        std::iter::once((0, snapshot))
            .chain(deltas)
            .map(|(milliseconds, message)| Record {
                milliseconds,
                message,
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_pauses_seeks_and_changes_its_speed() {
        let replay = Replay {
            records: records(),
            speed_percent: 100,
        };
        let (hub, orders) = Hub::new(replay.kind());
        tokio::spawn(replay.run(hub.clone(), orders));
        let shown = async |milliseconds| {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            hub.nodes().len()
        };
        let steer = async |control| match hub.playback(control).await {
            Outcome::Done { .. } => true,
            Outcome::Failed { .. } => false,
        };
        assert_eq!(shown(100).await, 1);
        assert_eq!(shown(2000).await, 3);
        assert!(steer(PlaybackControl::Pause).await);
        assert_eq!(shown(60_000).await, 3);
        assert!(steer(PlaybackControl::Seek(4000)).await);
        assert_eq!(shown(1).await, 5);
        assert!(steer(PlaybackControl::Seek(1500)).await);
        assert_eq!(shown(60_000).await, 2);
        let state = hub.playback_state().unwrap();
        assert_eq!(
            (state.position_ms, state.length_ms, state.paused),
            (1500, 4000, true)
        );
        assert!(steer(PlaybackControl::Speed(1000)).await);
        assert!(!steer(PlaybackControl::Speed(0)).await);
        assert!(steer(PlaybackControl::Play).await);
        assert_eq!(shown(100).await, 3);
        assert_eq!(shown(160).await, 5);
        // At its end it begins anew.
        assert_eq!(shown(2030).await, 1);
    }
}
