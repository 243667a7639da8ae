// SPDX-License-Identifier: GPL-2.0-or-later
//! Connections that have not greeted yet: strangers that keep many open must not keep members out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use tokio::task::AbortHandle;

/// Most of all of them.
const MOST: usize = 128;
/// Most of one address. A member opens two at a time, one for each kind of link.
const MOST_OF_ONE: usize = 8;

/// Those that wait, the oldest first.
#[derive(Debug, Default)]
pub struct Waiting {
    connections: VecDeque<(u64, IpAddr, AbortHandle)>,
    last: u64,
}

impl Waiting {
    /// Names a new connection from `address`; with too many, the oldest one of the address that has most
    /// of them is given up. Members greet at once, so it is not theirs.
    pub fn make_room(&mut self, address: IpAddr) -> u64 {
        let addresses = || self.connections.iter().map(|(_, address, _)| *address);
        if let Some(victim) = victim(addresses(), address)
            && let Some((.., task)) = self.connections.remove(victim)
        {
            task.abort();
        }
        self.last += 1;
        self.last
    }

    /// Adds the connection that [`Self::make_room`] named.
    pub fn add(&mut self, name: u64, address: IpAddr, task: AbortHandle) {
        self.connections.push_back((name, address, task));
    }

    /// One greeted, or ended.
    pub fn remove(&mut self, name: u64) {
        self.connections.retain(|(other, ..)| *other != name);
    }
}

/// Which of the waiting connections, the oldest first, must go for a new one from `address`.
fn victim(waiting: impl Iterator<Item = IpAddr> + Clone, address: IpAddr) -> Option<usize> {
    let mut counts = HashMap::<_, usize>::new();
    for other in waiting.clone() {
        *counts.entry(other).or_default() += 1;
    }
    let own = counts.get(&address).copied().unwrap_or(0);
    let crowd = if own >= MOST_OF_ONE {
        address
    } else if counts.values().sum::<usize>() >= MOST {
        let most = counts.values().copied().max()?;
        let mut addresses = waiting.clone();
        addresses.find(|other| counts.get(other) == Some(&most))?
    } else {
        return None;
    };
    let mut waiting = waiting;
    waiting.position(|other| other == crowd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, number).into()
    }

    #[test]
    fn a_new_connection_costs_an_old_one_of_who_has_most() {
        let few = [1, 2, 2].map(address);
        assert_eq!(victim(few.into_iter(), address(1)), None);
        // One address has its share already.
        let many: Vec<_> = [1; MOST_OF_ONE]
            .into_iter()
            .chain([2])
            .map(address)
            .collect();
        assert_eq!(victim(many.iter().copied(), address(1)), Some(0));
        assert_eq!(victim(many.iter().copied(), address(2)), None);
        // All places are taken.
        let full: Vec<_> = (0..MOST)
            .map(|index| {
                address(if index == 0 {
                    1
                } else {
                    2 + (index % 40) as u8
                })
            })
            .collect();
        let gone = victim(full.iter().copied(), address(1)).expect("somebody goes");
        assert_ne!(full[gone], address(1));
        // Nobody has more than others: the oldest.
        let even: Vec<_> = (0..MOST).map(|index| address(index as u8)).collect();
        assert_eq!(victim(even.iter().copied(), address(200)), Some(0));
    }
}
