// SPDX-License-Identifier: GPL-2.0-or-later
//! Ports, multicast, and whether other nodes can be reached.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use mattx_protocol::config::interface::choose;
use mattx_protocol::config::{AutoDiscovery, Config, PATH, parse};
use mattx_protocol::model::{NodeSample, NodeState};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::{Check, Verdict, read};

/// A node of the same network answers far sooner.
const REACHED_WITHIN: Duration = Duration::from_secs(2);
/// Most nodes that are tried.
const MOST_TRIED: usize = 64;
/// `LISTEN` in /proc/net/tcp.
const LISTENING: &str = "0A";
/// Interface flag of Linux.
const IFF_MULTICAST: u32 = 0x1000;

/// The configuration as the daemon reads it; what it would complain about is left at its default.
fn settings() -> Config {
    parse(&read(PATH)).0
}

/// What the daemon needs of this node's network; `runs`: it is there.
pub fn own(runs: bool) -> Vec<Check> {
    let settings = settings();
    let udp = is_open(&read("/proc/net/udp"), settings.port, None);
    let tcp = is_open(&read("/proc/net/tcp"), settings.data_port, Some(LISTENING));
    let mut checks = vec![
        port("UDP port", "PORT", settings.port, udp, runs),
        port("TCP port", "DATA_PORT", settings.data_port, tcp, runs),
    ];
    if settings.auto_discovery == AutoDiscovery::Multicast {
        checks.push(multicast(&settings, runs));
    }
    checks
}

fn port(name: &'static str, key: &str, port: u16, open: bool, runs: bool) -> Check {
    match (open, runs) {
        (true, true) => Check::good(name, format!("mattx-discd listens on {port}")),
        (false, true) => Check::of(
            name,
            Verdict::Bad,
            format!("nobody listens on {port}, the {key} of {PATH}"),
            "restart mattx-discd; it was started with another configuration",
        ),
        (true, false) => Check::of(
            name,
            Verdict::Bad,
            format!("another program uses {port}"),
            format!(
                "find it with `ss -lnptu | grep {port}` and stop it, or set {key} in {PATH} of all nodes"
            ),
        ),
        (false, false) => Check::good(name, format!("{port} is free for mattx-discd")),
    }
}

/// Whether a line of /proc/net/udp or tcp has this local port, and this state.
fn is_open(table: &str, port: u16, state: Option<&str>) -> bool {
    table.lines().skip(1).any(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let local = words.next().and_then(|address| address.rsplit(':').next());
        local.and_then(|port| u16::from_str_radix(port, 16).ok()) == Some(port)
            && state.is_none_or(|state| words.nth(1) == Some(state))
    })
}

fn multicast(settings: &Config, runs: bool) -> Check {
    const NAME: &str = "multicast";
    const ELSE: &str = "or set AUTODISCOVERY=sweep or static in /etc/mattx.conf of all nodes";
    let names = interfaces();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let interface = match choose(
        &names,
        settings.interface.as_deref(),
        &read("/proc/net/route"),
    ) {
        Ok(index) => names[index],
        Err(none) => {
            return Check::of(
                NAME,
                Verdict::Bad,
                none.to_string(),
                format!("`ip address` shows what there is; INTERFACE is set in {PATH}"),
            );
        }
    };
    let flags = fs::read_to_string(format!("/sys/class/net/{interface}/flags"))
        .ok()
        .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
    let Some(flags) = flags else {
        return Check::of(
            NAME,
            Verdict::Bad,
            format!("there is no network interface {interface}"),
            format!("set INTERFACE in {PATH} to one of `ip link`"),
        );
    };
    let group = settings.multicast_group;
    if flags & IFF_MULTICAST == 0 {
        Check::of(
            NAME,
            Verdict::Bad,
            format!("{interface} carries no multicast"),
            format!("run `ip link set {interface} multicast on`, {ELSE}"),
        )
    } else if runs && !is_member(&read("/proc/net/igmp"), interface, group) {
        Check::of(
            NAME,
            Verdict::Bad,
            format!("mattx-discd does not listen to {group} on {interface}"),
            format!("restart mattx-discd, {ELSE}"),
        )
    } else {
        Check::good(NAME, format!("beacons go to {group} on {interface}"))
    }
}

/// The names of the interfaces with an IPv4 address, without the loopback.
fn interfaces() -> Vec<String> {
    let mut names: Vec<String> = getifaddrs()
        .into_iter()
        .flatten()
        .filter(|entry| {
            let address = entry.address.as_ref();
            address.is_some_and(|address| address.as_sockaddr_in().is_some())
                && !entry.flags.contains(InterfaceFlags::IFF_LOOPBACK)
        })
        .map(|entry| entry.interface_name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether /proc/net/igmp has the group below the interface. Addresses are there in the byte order of the network,
/// printed as numbers of this machine.
fn is_member(table: &str, interface: &str, group: Ipv4Addr) -> bool {
    let wanted = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    let mut here = false;
    for line in table.lines().skip(1) {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            here = line.split_ascii_whitespace().nth(1) == Some(interface);
        } else if here && line.split_ascii_whitespace().next() == Some(&wanted) {
            return true;
        }
    }
    false
}

/// Whether the link port of each node of the cluster can be reached from here.
pub fn reach(nodes: &[NodeSample], own: u32) -> Option<Check> {
    const NAME: &str = "reachable";
    let port = settings().data_port;
    let others: Vec<_> = nodes
        .iter()
        .filter(|node| node.id != own && node.state != NodeState::Down)
        .take(MOST_TRIED)
        .map(|node| {
            let address = SocketAddr::new(node.address, port);
            let id = node.id;
            thread::spawn(move || {
                let silent = TcpStream::connect_timeout(&address, REACHED_WITHIN).is_err();
                silent.then(|| format!("{id} ({address})"))
            })
        })
        .collect();
    let count = others.len();
    let silent: Vec<_> = others
        .into_iter()
        .filter_map(|attempt| attempt.join().ok().flatten())
        .collect();
    if count == 0 {
        return None;
    }
    Some(if silent.is_empty() {
        Check::good(NAME, format!("TCP {port} of {count} other node(s) answers"))
    } else {
        Check::of(
            NAME,
            Verdict::Bad,
            format!("no answer from node(s) {}", silent.join(", ")),
            format!("open TCP {port} in the firewalls between the nodes, in both directions"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_ports_are_told_from_others() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 0100007F:1C3A 00000000:0000 0A 00000000:00000000\n   \
                     1: 0100007F:1C3B 0100007F:1C3A 01 00000000:00000000\n";
        assert!(is_open(table, 7226, Some(LISTENING)));
        assert!(!is_open(table, 7227, Some(LISTENING)));
        assert!(is_open(table, 7227, None));
        assert!(!is_open(table, 7228, None));
    }

    #[test]
    fn groups_are_found_below_their_interface() {
        let table = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                     1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                     2\teth0      :     2      V3\n\t\t\t\t010000EF     1 0:00000000\t\t0\n";
        let group = Ipv4Addr::new(239, 0, 0, 1);
        assert!(is_member(table, "eth0", group));
        assert!(!is_member(table, "lo", group));
        assert!(!is_member(table, "eth0", Ipv4Addr::new(239, 0, 0, 2)));
    }
}
