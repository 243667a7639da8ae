// SPDX-License-Identifier: GPL-2.0-or-later
//! The network interface that the cluster uses.

use std::fs;
use std::net::Ipv4Addr;

use mattx_protocol::config::interface::{NoInterface, choose};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// An interface with its IPv4 network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name, such as `eth0`.
    pub name: String,
    /// First IPv4 address.
    pub address: Ipv4Addr,
    /// Mask of its network.
    pub netmask: Ipv4Addr,
}

/// Why there is no interface to use.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// The system call failed.
    #[error("cannot list the network interfaces: {0}")]
    List(#[from] nix::Error),
    /// None can be chosen.
    #[error(transparent)]
    Choice(#[from] NoInterface),
}

/// The configured interface, or that of the default route, or the only one.
pub fn find(wanted: Option<&str>) -> Result<Interface, InterfaceError> {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let mut all = all()?;
    let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
    let chosen = choose(&names, wanted, &routes)?;
    Ok(all.swap_remove(chosen))
}

fn all() -> Result<Vec<Interface>, InterfaceError> {
    let mut found: Vec<Interface> = Vec::new();
    for entry in getifaddrs()? {
        let ipv4 = |address: Option<nix::sys::socket::SockaddrStorage>| {
            address.and_then(|address| Some(address.as_sockaddr_in()?.ip()))
        };
        let (Some(address), Some(netmask)) = (ipv4(entry.address), ipv4(entry.netmask)) else {
            continue;
        };
        if entry.flags.contains(InterfaceFlags::IFF_LOOPBACK)
            || found
                .iter()
                .any(|interface| interface.name == entry.interface_name)
        {
            continue;
        }
        found.push(Interface {
            name: entry.interface_name,
            address,
            netmask,
        });
    }
    Ok(found)
}

impl Interface {
    /// All other host addresses of the network, at most `limit`.
    #[must_use]
    pub fn neighbours(&self, limit: usize) -> Vec<Ipv4Addr> {
        let (address, mask) = (self.address.to_bits(), self.netmask.to_bits());
        let (first, last) = (address & mask, address | !mask);
        (u64::from(first) + 1..u64::from(last))
            .take(limit)
            .filter_map(|bits| u32::try_from(bits).ok())
            .filter(|bits| *bits != address)
            .map(Ipv4Addr::from_bits)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, address: [u8; 4], netmask: [u8; 4]) -> Interface {
        Interface {
            name: name.to_owned(),
            address: address.into(),
            netmask: netmask.into(),
        }
    }

    #[test]
    fn neighbours_are_the_other_hosts_of_the_network() {
        let small = interface("eth0", [10, 0, 0, 2], [255, 255, 255, 252]);
        assert_eq!(small.neighbours(100), [Ipv4Addr::new(10, 0, 0, 1)]);
        let alone = interface("eth0", [10, 0, 0, 2], [255, 255, 255, 255]);
        assert!(alone.neighbours(100).is_empty());
        let large = interface("eth0", [10, 0, 0, 2], [255, 0, 0, 0]);
        assert_eq!(large.neighbours(500).len(), 499);
    }
}
