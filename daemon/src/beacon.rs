// SPDX-License-Identifier: GPL-2.0-or-later
//! The beacon: one authenticated UDP datagram that says "here is a node".
//!
//! All numbers are big-endian.
//!
//! | bytes | field |
//! |---|---|
//! | 4 | magic `MTXB` |
//! | 1 | version |
//! | 1 | flags, see [`Flags`] |
//! | 1 | number of addresses, 1..=[`MAX_ADDRESSES`] |
//! | 1 | zero |
//! | 8 | cluster id, derived from the key |
//! | 8 | machine |
//! | 8 | boot |
//! | 8 | start of the daemon, a random number |
//! | 8 | the start of another daemon that claims this node's number, 0 if there is none |
//! | 8 | milliseconds since boot; rises within a boot |
//! | 4 | node number |
//! | 2 | TCP port |
//! | each 5 or 17 | address: 4 or 6, then 4 or 16 bytes |
//! | 32 | HMAC-SHA256 over all of the above, keyed by the cluster key |
//!
//! A beacon is a hint where to knock, nothing more: membership is decided on the control link.
//! So a replayed beacon can cause a connection attempt, and no change.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mattx_protocol::model::NodeId;

use crate::key::ClusterKey;

const MAGIC: [u8; 4] = *b"MTXB";
/// Version of this layout.
pub const VERSION: u8 = 2;
/// Most addresses in one beacon.
pub const MAX_ADDRESSES: usize = 8;
/// Longest datagram that can be a beacon.
pub const MAX_LENGTH: usize = HEADER + MAX_ADDRESSES * 17 + MAC;
/// Length of the datagram that MattX 1 sends: node id and IPv4 address, 4 bytes each.
pub const LEGACY_LENGTH: usize = 8;
const HEADER: usize = 4 + 4 + 6 * 8 + 4 + 2;
/// Length of the MAC at the end.
pub const MAC: usize = 32;

/// What a node says about itself besides its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The node keeps its number; without it, it is still looking for a free one.
    pub settled: bool,
    /// The number was configured, and the node will not take another one.
    pub fixed: bool,
    /// The node leaves.
    pub leaving: bool,
}

/// One announcement of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// What it says about itself.
    pub flags: Flags,
    /// Which cluster, see [`ClusterKey::cluster_id`].
    pub cluster: u64,
    /// Machine of the node.
    pub machine: u64,
    /// Boot of the node.
    pub boot: u64,
    /// Start of the node's daemon.
    pub session: u64,
    /// Start of another daemon, which wants this node's number and must not have it; 0: none.
    pub objects_to: u64,
    /// Milliseconds since that boot.
    pub uptime_ms: u64,
    /// Number of the node.
    pub node: NodeId,
    /// Where it listens for links.
    pub tcp_port: u16,
    /// Its addresses, the preferred one first.
    pub addresses: Vec<IpAddr>,
}

/// Why a datagram is not a beacon of this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// A node of MattX 1.
    #[error("node {id} at {address} sends unauthenticated beacons of MattX 1")]
    Legacy {
        /// Its number.
        id: NodeId,
        /// The address it claims.
        address: Ipv4Addr,
    },
    /// Not a beacon.
    #[error("not a beacon")]
    Malformed,
    /// A later version of the layout.
    #[error("beacon of layout version {0}, known is {VERSION}")]
    Version(u8),
    /// Another key.
    #[error("beacon that does not carry this cluster's key")]
    Unauthenticated,
}

impl Beacon {
    /// Writes the datagram.
    #[must_use]
    pub fn encode(&self, key: &ClusterKey) -> Vec<u8> {
        let addresses = &self.addresses[..self.addresses.len().min(MAX_ADDRESSES)];
        let mut bytes = Vec::with_capacity(MAX_LENGTH);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.push(
            u8::from(self.flags.settled)
                | u8::from(self.flags.fixed) << 1
                | u8::from(self.flags.leaving) << 2,
        );
        bytes.push(u8::try_from(addresses.len()).unwrap_or(0));
        bytes.push(0);
        for number in [
            self.cluster,
            self.machine,
            self.boot,
            self.session,
            self.objects_to,
            self.uptime_ms,
        ] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.node.to_be_bytes());
        bytes.extend(self.tcp_port.to_be_bytes());
        for address in addresses {
            match address {
                IpAddr::V4(address) => {
                    bytes.push(4);
                    bytes.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    bytes.push(6);
                    bytes.extend(address.octets());
                }
            }
        }
        let mac = key.sign(&bytes);
        bytes.extend(mac);
        bytes
    }

    /// Reads a datagram and checks that it comes from a holder of `key`.
    pub fn decode(datagram: &[u8], key: &ClusterKey) -> Result<Self, Stranger> {
        if datagram.len() == LEGACY_LENGTH {
            let mut reader = Reader(datagram);
            return Err(Stranger::Legacy {
                id: u32::from_ne_bytes(reader.take()?),
                address: Ipv4Addr::from(reader.take::<4>()?),
            });
        }
        let mut reader = Reader(datagram);
        if reader.take::<4>()? != MAGIC {
            return Err(Stranger::Malformed);
        }
        let version = reader.byte()?;
        if version != VERSION {
            return Err(Stranger::Version(version));
        }
        // The key before the content: nothing else of a stranger's datagram is looked at.
        let signed = datagram
            .len()
            .checked_sub(MAC)
            .filter(|length| (HEADER..=MAX_LENGTH - MAC).contains(length))
            .ok_or(Stranger::Malformed)?;
        let (content, mac) = datagram.split_at(signed);
        if !key.verify(content, mac) {
            return Err(Stranger::Unauthenticated);
        }
        let mut reader = Reader(&content[5..]);
        let flags = reader.byte()?;
        let count = usize::from(reader.byte()?);
        let _reserved = reader.byte()?;
        let mut number = || reader.take().map(u64::from_be_bytes);
        let [cluster, machine, boot] = [number()?, number()?, number()?];
        let [session, objects_to, uptime_ms] = [number()?, number()?, number()?];
        let node = u32::from_be_bytes(reader.take()?);
        let tcp_port = u16::from_be_bytes(reader.take()?);
        if count == 0 || count > MAX_ADDRESSES || node == 0 || tcp_port == 0 {
            return Err(Stranger::Malformed);
        }
        let addresses = (0..count)
            .map(|_| reader.address())
            .collect::<Result<_, _>>()?;
        if !reader.0.is_empty() {
            return Err(Stranger::Malformed);
        }
        Ok(Self {
            flags: Flags {
                settled: flags & 1 != 0,
                fixed: flags & 2 != 0,
                leaving: flags & 4 != 0,
            },
            cluster,
            machine,
            boot,
            session,
            objects_to,
            uptime_ms,
            node,
            tcp_port,
            addresses,
        })
    }
}

/// Bounds-checked reading.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stranger> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Stranger::Malformed)?;
        self.0 = tail;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, Stranger> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn address(&mut self) -> Result<IpAddr, Stranger> {
        match self.byte()? {
            4 => Ok(IpAddr::V4(Ipv4Addr::from(self.take::<4>()?))),
            6 => Ok(IpAddr::V6(Ipv6Addr::from(self.take::<16>()?))),
            _ => Err(Stranger::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn beacons() -> impl Strategy<Value = Beacon> {
        (
            any::<[bool; 3]>(),
            any::<[u64; 6]>(),
            1..u32::MAX,
            1..u16::MAX,
            prop::collection::vec(any::<IpAddr>(), 1..=MAX_ADDRESSES),
        )
            .prop_map(|(flags, numbers, node, tcp_port, addresses)| Beacon {
                flags: Flags {
                    settled: flags[0],
                    fixed: flags[1],
                    leaving: flags[2],
                },
                cluster: numbers[0],
                machine: numbers[1],
                boot: numbers[2],
                session: numbers[3],
                objects_to: numbers[4],
                uptime_ms: numbers[5],
                node,
                tcp_port,
                addresses,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(beacon in beacons()) {
            let key = ClusterKey::from_bytes([7; 32]);
            let datagram = beacon.encode(&key);
            prop_assert!(datagram.len() <= MAX_LENGTH);
            prop_assert_eq!(Beacon::decode(&datagram, &key), Ok(beacon));
        }

        #[test]
        fn another_key_is_a_stranger(beacon in beacons()) {
            let datagram = beacon.encode(&ClusterKey::from_bytes([7; 32]));
            let other = ClusterKey::from_bytes([8; 32]);
            prop_assert_eq!(Beacon::decode(&datagram, &other), Err(Stranger::Unauthenticated));
        }

        #[test]
        fn any_changed_bit_is_noticed(beacon in beacons(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let key = ClusterKey::from_bytes([7; 32]);
            let mut datagram = beacon.encode(&key);
            let at = at.index(datagram.len());
            datagram[at] ^= 1 << bit;
            prop_assert!(Beacon::decode(&datagram, &key).is_err());
        }

        #[test]
        fn any_truncation_is_noticed(beacon in beacons(), length in any::<prop::sample::Index>()) {
            let key = ClusterKey::from_bytes([7; 32]);
            let datagram = beacon.encode(&key);
            let length = length.index(datagram.len());
            prop_assert!(Beacon::decode(&datagram[..length], &key).is_err());
        }

        #[test]
        fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Beacon::decode(&bytes, &ClusterKey::from_bytes([7; 32])).is_err());
        }
    }

    #[test]
    fn a_legacy_beacon_is_recognised() {
        let mut datagram = 709u32.to_ne_bytes().to_vec();
        datagram.extend([192, 168, 122, 131]);
        assert_eq!(
            Beacon::decode(&datagram, &ClusterKey::insecure()),
            Err(Stranger::Legacy {
                id: 709,
                address: Ipv4Addr::new(192, 168, 122, 131)
            })
        );
    }
}
