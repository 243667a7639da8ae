// SPDX-License-Identifier: GPL-2.0-or-later
//! Who says that a number is theirs, and when to knock there.
//!
//! Beacons can be replayed, so that several machines and boots may claim one number at a time. Each claim
//! has its own attempts and pauses: whoever is really there is reached, whatever is replayed of others.

use std::net::SocketAddr;

use super::{DIAL_DEADLINE, DIAL_PAUSE, DIAL_PAUSE_MAX, HEARD_LIFETIME, Moment};
use crate::beacon::Beacon;

/// Most claims of one number, and so most attempts at a time; of those that are not tried at the moment the one
/// that was silent for longest goes first.
pub(super) const MAX_CLAIMS: usize = 8;

/// One claim.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) machine: u64,
    pub(super) boot: u64,
    /// Where it listens for links.
    pub(super) address: SocketAddr,
    pub(super) uptime_ms: u64,
    pub(super) last_beacon: Moment,
    pub(super) settled: bool,
    pub(super) dialing: Option<Moment>,
    pub(super) next_dial: Moment,
    pub(super) failures: u32,
}

impl Claim {
    /// The claim that a beacon makes.
    pub(super) fn of(beacon: &Beacon, address: SocketAddr, now: Moment) -> Self {
        Self {
            machine: beacon.machine,
            boot: beacon.boot,
            address,
            uptime_ms: beacon.uptime_ms,
            last_beacon: now,
            settled: beacon.flags.settled,
            dialing: None,
            next_dial: now,
            failures: 0,
        }
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> (u64, u64) {
        (self.machine, self.boot)
    }

    /// Whether to knock there now.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.settled
            && self.dialing.is_none()
            && now >= self.next_dial
            && now < self.last_beacon + HEARD_LIFETIME
    }

    /// Nothing was heard of it for long, and nothing is under way.
    pub(super) fn is_forgotten(&self, now: Moment) -> bool {
        self.dialing.is_none() && now >= self.last_beacon + HEARD_LIFETIME
    }

    /// An attempt that never reported is over.
    pub(super) fn expire(&mut self, now: Moment) {
        if self
            .dialing
            .is_some_and(|since| now >= since + 2 * DIAL_DEADLINE)
        {
            self.dialing = None;
        }
    }

    /// An attempt ended; the next one waits, longer after each failure.
    pub(super) fn dialled(&mut self, now: Moment, success: bool) {
        self.dialing = None;
        if success {
            self.failures = 0;
        } else {
            let pause = DIAL_PAUSE * 2u32.saturating_pow(self.failures.min(10));
            self.next_dial = now + pause.min(DIAL_PAUSE_MAX);
            self.failures += 1;
        }
    }
}
