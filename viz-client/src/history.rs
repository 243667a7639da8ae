// SPDX-License-Identifier: GPL-2.0-or-later
//! What was seen, for looking back: pictures of the cluster within a fixed amount of memory, and what happened between.
//!
//! Pictures are taken once a second at first, or as often as the memory lasts for a minute. When the memory is full,
//! every second one is dropped and from then on half as many are taken, so that a small cluster is remembered finely and
//! a large one coarsely, and both for an hour.

use std::borrow::Cow;
use std::collections::VecDeque;

use mattx_protocol::model::NodeSample;
use serde::{Deserialize, Serialize};

use crate::cluster::Process;

/// Seconds that are remembered.
pub const SPAN: f64 = 3600.0;
/// Seconds that are remembered at least before every second picture is dropped: of a large cluster none is taken for
/// nothing.
const LEAST_SPAN: f64 = 60.0;
/// Bytes that all pictures may take; they are reserved at once, so that the page does not grow later.
const BUDGET: usize = 12 << 20;
const MOST_EVENTS: usize = 2000;

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture<'a> {
    /// Nodes, without their processes.
    pub nodes: Vec<Cow<'a, NodeSample>>,
    /// Processes, each once.
    pub processes: Vec<Cow<'a, Process>>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in seconds of the viewer's clock.
    pub at: f64,
    /// Whether it was good news.
    pub good: bool,
    /// What, in words.
    pub text: String,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    at: f64,
    start: usize,
    length: usize,
}

/// Pictures and events, oldest first.
#[derive(Debug)]
pub struct History {
    frames: Vec<Frame>,
    bytes: Vec<u8>,
    interval: f64,
    budget: usize,
    /// What happened.
    pub events: VecDeque<Event>,
}

impl Default for History {
    fn default() -> Self {
        Self::with_budget(BUDGET)
    }
}

impl History {
    /// A history whose pictures take at most this many bytes.
    #[must_use]
    pub fn with_budget(budget: usize) -> Self {
        Self {
            frames: Vec::new(),
            bytes: Vec::with_capacity(budget),
            interval: 1.0,
            budget,
            events: VecDeque::new(),
        }
    }

    /// Whether it is time for another picture.
    #[must_use]
    pub fn is_due(&self, now: f64) -> bool {
        self.frames
            .last()
            .is_none_or(|last| now - last.at >= self.interval)
    }

    /// Keeps a picture.
    pub fn keep(&mut self, now: f64, picture: &Picture<'_>) {
        // About as long as the one before: a buffer that grows is copied again and again.
        let usual = self.frames.last().map_or(0, |last| last.length);
        let buffer = Vec::with_capacity(usual + usual / 8);
        let Ok(fresh) = postcard::to_extend(picture, buffer) else {
            return;
        };
        if fresh.len() > self.budget / 2 {
            return;
        }
        let share = fresh.len() as f64 / self.budget as f64;
        self.interval = self.interval.max(LEAST_SPAN * share);
        while self.bytes.len() + fresh.len() > self.budget {
            self.thin(now);
        }
        self.frames.push(Frame {
            at: now,
            start: self.bytes.len(),
            length: fresh.len(),
        });
        self.bytes.extend_from_slice(&fresh);
    }

    /// Drops what is too old, or every second picture when nothing is.
    fn thin(&mut self, now: f64) {
        let before = self.frames.len();
        self.frames.retain(|frame| now - frame.at <= SPAN);
        if self.frames.len() * 8 > before * 7 {
            let mut nth = 0;
            self.frames.retain(|_| {
                nth += 1;
                nth % 2 == 1
            });
            self.interval *= 2.0;
        }
        let mut end = 0;
        for frame in &mut self.frames {
            self.bytes
                .copy_within(frame.start..frame.start + frame.length, end);
            frame.start = end;
            end += frame.length;
        }
        self.bytes.truncate(end);
    }

    /// The picture that was true at this time: the last before it, or the first.
    #[must_use]
    pub fn at(&self, time: f64) -> Option<(f64, Picture<'static>)> {
        let after = self.frames.partition_point(|frame| frame.at <= time);
        let frame = self.frames.get(after.saturating_sub(1))?;
        let bytes = self.bytes.get(frame.start..frame.start + frame.length)?;
        Some((frame.at, postcard::from_bytes(bytes).ok()?))
    }

    /// From when until when something is remembered.
    #[must_use]
    pub fn span(&self) -> Option<(f64, f64)> {
        Some((self.frames.first()?.at, self.frames.last()?.at))
    }

    /// Keeps something that happened.
    pub fn note(&mut self, event: Event) {
        self.events.push_back(event);
        if self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
    }

    /// The event after `time`, or the one before it.
    #[must_use]
    pub fn next_event(&self, time: f64, forward: bool) -> Option<&Event> {
        // What is shown now is not the next.
        const SAME: f64 = 0.3;
        if forward {
            self.events.iter().find(|event| event.at > time + SAME)
        } else {
            self.events.iter().rfind(|event| event.at < time - SAME)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::node;

    fn picture(load: u32) -> Picture<'static> {
        let mut sample = node(1, vec![]);
        sample.cpu_load = load;
        Picture {
            nodes: vec![Cow::Owned(sample)],
            processes: vec![],
        }
    }

    #[test]
    fn an_hour_is_remembered_within_the_budget() {
        let mut history = History::with_budget(4000);
        let (bytes, mut now) = (history.bytes.capacity(), 0.0);
        while now < 3.0 * SPAN {
            if history.is_due(now) {
                history.keep(now, &picture(now as u32));
            }
            now += 1.0;
        }
        assert_eq!(history.bytes.capacity(), bytes, "nothing grows");
        let (first, last) = history.span().unwrap();
        assert!(last - first > SPAN * 0.6, "{first} {last}");
        let (at, then) = history.at(last - 1800.0).unwrap();
        assert_eq!(then.nodes[0].cpu_load, at as u32);
        assert!((last - 1800.0 - at).abs() <= 2.0 * history.interval);
    }

    #[test]
    fn before_the_first_picture_the_first_is_shown() {
        let mut history = History::default();
        assert_eq!(history.at(5.0), None);
        history.keep(10.0, &picture(7));
        assert_eq!(history.at(5.0).unwrap().0, 10.0);
    }

    #[test]
    fn events_are_found_in_both_directions() {
        let mut history = History::default();
        for at in [1.0, 5.0, 9.0] {
            history.note(Event {
                at,
                good: true,
                text: String::new(),
            });
        }
        let next = |time, forward| history.next_event(time, forward).map(|event| event.at);
        assert_eq!([next(5.0, true), next(5.0, false)], [Some(9.0), Some(1.0)]);
        assert_eq!([next(9.0, true), next(1.0, false)], [None, None]);
    }
}
