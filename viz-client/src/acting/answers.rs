// SPDX-License-Identifier: GPL-2.0-or-later
//! What was told about commands.

use mattx_protocol::browser::Step;
use mattx_protocol::command::{Command, Outcome};
use mattx_protocol::model::MoveStatistics;

use super::orders::{Pending, target_at};
use super::{Acting, Mood};
use crate::cluster::{Cluster, News};
use crate::words;

/// Answers that are kept for tests and the timeline.
const MOST_OUTCOMES: usize = 200;

impl Acting {
    /// Follows what was told about commands.
    pub fn hear(&mut self, cluster: &Cluster, news: &News) {
        match news {
            News::Progress(id, Step::Moving { .. }) => {
                if let Some(pending) = self.pending.get(id).filter(|one| one.bulk.is_none()) {
                    let text = format!(
                        "{} → {}: it stands still and moves …",
                        pending.what, pending.to
                    );
                    self.say(*id, Mood::Working, text);
                }
            }
            News::Progress(id, Step::Part { index, of, .. }) => {
                if let Some(pending) = self.pending.get(id) {
                    let text = format!("{} → {}: {} of {of}", pending.what, pending.to, index + 1);
                    self.say(*id, Mood::Working, text);
                }
            }
            News::Answer(id, outcome) => self.answered(cluster, *id, outcome),
            News::Move(_) | News::Accepted(_) | News::Joined(_) | News::Left(..) => {}
        }
    }

    fn answered(&mut self, cluster: &Cluster, id: u64, outcome: &Outcome) {
        let Some(pending) = self.pending.remove(&id) else {
            if let Outcome::Failed { reason, .. } = outcome {
                // A recording that cannot be steered, for example.
                self.say(id, Mood::Bad, reason.clone());
            }
            return;
        };
        let Pending {
            command,
            what,
            to,
            from,
            bulk,
            called_off,
        } = pending;
        let process = command.process();
        if let Some(process) = process {
            self.outcomes.push((process, outcome.clone()));
            if self.outcomes.len() > MOST_OUTCOMES {
                self.outcomes.remove(0);
            }
        }
        let moved = match (&command, process, from) {
            (Command::Migrate { .. }, Some(process), Some(from)) => Some((process, from)),
            _ => None,
        };
        if let Some(bulk) = bulk.and_then(|bulk| self.bulks.get_mut(&bulk)) {
            match outcome {
                Outcome::Done { .. } => bulk.moved.extend(moved),
                Outcome::Failed { reason, .. } => bulk.refused.push(format!("{what}: {reason}")),
            }
        } else {
            match outcome {
                Outcome::Done { statistics } => {
                    self.say(
                        id,
                        Mood::Good,
                        format!("{what} → {to} {}", cost(statistics)),
                    );
                    if let Some(moved) = moved {
                        self.undo = vec![moved];
                    }
                }
                Outcome::Failed { reason, .. } => {
                    let stays = if moved.is_some() { " stays" } else { "" };
                    self.say(id, Mood::Bad, format!("{what}{stays}: {reason}"));
                }
            }
        }
        if let (true, Some((process, from)), Outcome::Done { .. }) = (called_off, moved, outcome) {
            self.send_move(cluster, process, target_at(process, from), None);
        }
        if let Some(bulk) = bulk {
            self.feed_bulk(cluster, bulk);
        }
    }

    /// The connection ended: nobody will answer what was asked.
    pub fn disconnected(&mut self) {
        self.bulks.clear();
        self.outbox.clear();
        for (id, pending) in std::mem::take(&mut self.pending) {
            self.say(
                pending.bulk.unwrap_or(id),
                Mood::Bad,
                format!(
                    "{}: the connection ended before the answer came",
                    pending.what
                ),
            );
        }
    }
}

fn cost(statistics: &MoveStatistics) -> String {
    match statistics {
        MoveStatistics {
            frozen_us: 0,
            bytes: 0,
            ..
        } => "done".into(),
        MoveStatistics {
            frozen_us,
            bytes: 0,
            ..
        } => format!("done, stood still {}", words::microseconds(*frozen_us)),
        MoveStatistics {
            frozen_us, bytes, ..
        } => {
            format!(
                "done, stood still {}, {} sent",
                words::microseconds(*frozen_us),
                words::bytes(*bytes)
            )
        }
    }
}
