// SPDX-License-Identifier: GPL-2.0-or-later
//! How often somebody may try a token that is not valid.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens at once, and the time after which one is forgotten.
const BURST: u32 = 10;
const FORGIVEN_AFTER: Duration = Duration::from_secs(6);
/// Addresses that are remembered.
const MOST: usize = 4096;

/// Wrong tokens by address; of IPv6 by network, because whoever has one has all its addresses.
#[derive(Debug, Default)]
pub struct Limit(Mutex<HashMap<IpAddr, Instant>>);

impl Limit {
    /// How long `from` has to wait before it may try again, if it has to.
    #[must_use]
    pub fn wait(&self, from: IpAddr) -> Option<Duration> {
        self.wait_at(from, Instant::now())
    }

    /// `from` tried a wrong token.
    pub fn failed(&self, from: IpAddr) {
        self.failed_at(from, Instant::now());
    }

    // An entry is the time at which all is forgiven.
    fn wait_at(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = book.get(&network(from))?.saturating_duration_since(now);
        (left > FORGIVEN_AFTER * (BURST - 1)).then(|| left - FORGIVEN_AFTER * (BURST - 1))
    }

    fn failed_at(&self, from: IpAddr, now: Instant) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= MOST {
            book.retain(|_, forgiven| *forgiven > now);
        }
        if book.len() < MOST || book.contains_key(&network(from)) {
            let forgiven = book.entry(network(from)).or_insert(now);
            *forgiven = (*forgiven).max(now) + FORGIVEN_AFTER;
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_wrong_token_has_to_wait_and_others_do_not() {
        let limit = Limit::default();
        let (bad, good) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let now = Instant::now();
        for _ in 0..BURST - 1 {
            limit.failed_at(bad, now);
            assert_eq!(limit.wait_at(bad, now), None);
        }
        limit.failed_at(bad, now);
        assert_eq!(limit.wait_at(bad, now), Some(FORGIVEN_AFTER));
        assert_eq!(limit.wait_at(good, now), None);
        assert_eq!(limit.wait_at(bad, now + FORGIVEN_AFTER), None);
    }

    #[test]
    fn all_addresses_of_one_network_are_one() {
        let limit = Limit::default();
        let now = Instant::now();
        for host in 0..BURST {
            limit.failed_at(format!("2001:db8::{host}").parse().unwrap(), now);
        }
        assert!(
            limit
                .wait_at("2001:db8::77".parse().unwrap(), now)
                .is_some()
        );
        assert!(
            limit
                .wait_at("2001:db8:1::".parse().unwrap(), now)
                .is_none()
        );
    }
}
