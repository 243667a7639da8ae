// SPDX-License-Identifier: GPL-2.0-or-later
//! Who this node is: machine, boot, host name, and the number derived from them.

use std::fs;
use std::net::IpAddr;

use mattx_protocol::model::NodeId;
use ring::digest::{SHA256, digest};

use mattx_protocol::config::MAX_NODE_ID;

/// What tells this node from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Differs between any two machines of a cluster, and stays the same on one.
    pub machine: u64,
    /// Changes with every boot.
    pub boot: u64,
    /// Changes with every start of the daemon, and cannot be foreseen.
    pub session: u64,
    /// Host name.
    pub name: String,
    /// Address in the cluster's network.
    pub address: IpAddr,
}

impl Identity {
    /// Reads the identity of this machine at `address`.
    ///
    /// The address is part of it, because copied disk images share their machine id, and
    /// containers share their host's boot id.
    #[must_use]
    pub fn of_this_machine(address: IpAddr) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let place = address.to_string();
        Self {
            machine: hash(&["machine", read("/etc/machine-id").trim(), &place]),
            boot: hash(&[
                "boot",
                read("/proc/sys/kernel/random/boot_id").trim(),
                &place,
            ]),
            session: unforeseeable(),
            name: read("/proc/sys/kernel/hostname").trim().to_owned(),
            address,
        }
    }
}

/// Never 0, which means nobody.
fn unforeseeable() -> u64 {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 8];
    // Without random numbers the key exchange of every link fails as well; here a fixed one is as good.
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    u64::from_be_bytes(bytes).max(1)
}

/// The node number that `machine` tries on its `attempt`-th try; collisions lead to the next.
#[must_use]
pub fn derived_node_id(machine: u64, attempt: u32) -> NodeId {
    let spread = hash(&["node", &machine.to_string(), &attempt.to_string()]);
    // The remainder is below 1023 and fits.
    NodeId::try_from(spread % u64::from(MAX_NODE_ID)).unwrap_or(0) + 1
}

fn hash(parts: &[&str]) -> u64 {
    let digest = digest(&SHA256, parts.join("\0").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_numbers_are_valid_and_attempts_differ() {
        for machine in 0..2000 {
            let id = derived_node_id(machine, 0);
            assert!((1..=MAX_NODE_ID).contains(&id));
        }
        assert_ne!(derived_node_id(5, 0), derived_node_id(5, 1));
    }

    #[test]
    fn two_addresses_of_one_image_are_two_machines() {
        let [a, b] = ["10.0.0.1", "10.0.0.2"]
            .map(|address| Identity::of_this_machine(address.parse().expect("address")));
        assert_ne!(a.machine, b.machine);
        assert_ne!(a.boot, b.boot);
    }
}
