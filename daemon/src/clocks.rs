// SPDX-License-Identifier: GPL-2.0-or-later
//! How far the clocks of a peer are ahead of ours, so that its processes see the clocks of their
//! home when they compute here.
//!
//! Clocks arrive late, so each observation makes the peer's clock look slower than it is, by the
//! time that it travelled. The largest of the last observations is the one that travelled least.
//! It still errs to the slow side, by less time than a move takes: a guest's clock never runs
//! backwards, neither when it comes nor when it goes home.

use std::collections::VecDeque;

use mattx_protocol::peer::Clocks;
use nix::time::{ClockId, clock_gettime};

/// Observations that count; older ones would hide the drift of two clocks.
const OBSERVATIONS: usize = 16;

/// Reads this node's clocks.
#[must_use]
pub fn own() -> Clocks {
    let read = |clock| {
        clock_gettime(clock).map_or(0, |time| time.tv_sec() * 1_000_000_000 + time.tv_nsec())
    };
    Clocks {
        monotonic_ns: read(ClockId::CLOCK_MONOTONIC),
        boottime_ns: read(ClockId::CLOCK_BOOTTIME),
    }
}

/// What was observed of a peer's clocks.
#[derive(Debug, Default)]
pub struct Observations(VecDeque<Clocks>);

impl Observations {
    /// The peer's clocks were `theirs` a moment before ours were `ours`.
    pub fn observe(&mut self, theirs: Clocks, ours: Clocks) {
        if self.0.len() == OBSERVATIONS {
            self.0.pop_front();
        }
        self.0.push_back(Clocks {
            monotonic_ns: theirs.monotonic_ns.saturating_sub(ours.monotonic_ns),
            boottime_ns: theirs.boottime_ns.saturating_sub(ours.boottime_ns),
        });
    }

    /// How far the peer's clocks are ahead; `None` before the first observation.
    #[must_use]
    pub fn ahead(&self) -> Option<Clocks> {
        Some(Clocks {
            monotonic_ns: self.0.iter().map(|offset| offset.monotonic_ns).max()?,
            boottime_ns: self.0.iter().map(|offset| offset.boottime_ns).max()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(both: i64) -> Clocks {
        Clocks {
            monotonic_ns: both,
            boottime_ns: both,
        }
    }

    #[test]
    fn the_observation_that_travelled_least_counts() {
        let mut observations = Observations::default();
        assert_eq!(observations.ahead(), None);
        for (delay, now) in [(30, 1000), (2, 2000), (50, 3000)] {
            observations.observe(clocks(now + 500), clocks(now + delay));
        }
        assert_eq!(observations.ahead(), Some(clocks(498)));
        for now in 0..100 {
            observations.observe(clocks(now + 400), clocks(now));
        }
        assert_eq!(observations.ahead(), Some(clocks(400)), "drift is followed");
    }

    #[test]
    fn own_clocks_run() {
        let before = own();
        assert!(before.monotonic_ns > 0 && before.boottime_ns >= before.monotonic_ns);
        assert!(own().monotonic_ns >= before.monotonic_ns);
    }
}
