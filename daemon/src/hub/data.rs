// SPDX-License-Identifier: GPL-2.0-or-later
//! Data links: a second connection to each peer, which belongs to the kernel.
//!
//! The kernel notices itself when one dies. A data link outlives the daemons: a daemon that
//! starts anew takes from `/proc/mattx/nodes` which peers the module is still linked to.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mattx_protocol::model::NodeId;
use mattx_protocol::peer::{Greeting, Purpose};

use super::{Hub, TaskReport};
use crate::kernel::Kernel;
use crate::link::handshake;
use crate::link::stream::Stream;
use crate::membership::Moment;

/// Pause before a lost link is made again.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between attempts; a peer without the module refuses all of them.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// From the moment in which the kernel took a socket until it says that the other kernel answered on it.
/// The module gives up after five seconds and says so; this is for the case that it cannot.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct DataLink {
    boot: u64,
    /// What the kernel said last. Only the kernel's own events come in the order in which things happened.
    linked: bool,
    dialing: bool,
    /// The kernel lost the link while our attempt was not yet reported as finished.
    lost_while_dialing: bool,
    next_try: Moment,
    failures: u32,
}

/// Which peers the kernel is linked to, as far as known.
#[derive(Debug, Default)]
pub struct DataLinks {
    links: HashMap<NodeId, DataLink>,
}

impl DataLinks {
    /// A peer greeted on a control link. After a reboot it knows nothing of the old data link.
    pub fn greeted(&mut self, node: NodeId, boot: u64) {
        let link = self.links.entry(node).or_default();
        if link.boot != boot {
            link.linked = link.boot == 0 && link.linked;
            link.boot = boot;
        }
        link.failures = 0;
        link.next_try = Moment::ZERO;
    }

    /// The kernel made use of a link.
    pub fn made(&mut self, node: NodeId) {
        self.links.entry(node).or_default().linked = true;
    }

    /// Whether the kernel is linked to a node.
    #[must_use]
    pub fn is_made(&self, node: NodeId) -> bool {
        self.links.get(&node).is_some_and(|link| link.linked)
    }

    /// The kernel lost a link.
    pub fn lost(&mut self, node: NodeId, now: Moment) {
        let link = self.links.entry(node).or_default();
        link.linked = false;
        link.lost_while_dialing = link.dialing;
        link.next_try = now + PAUSE;
    }

    /// The kernel is linked to exactly these peers.
    pub fn adopt(&mut self, linked: HashSet<NodeId>, now: Moment) {
        for (node, link) in &mut self.links {
            link.linked = linked.contains(node);
            link.next_try = now;
        }
        for node in linked {
            self.links.entry(node).or_default().linked = true;
        }
    }

    /// The module is gone, and all its links.
    pub fn forget_all(&mut self) {
        for link in self.links.values_mut() {
            link.linked = false;
        }
    }

    fn due(&mut self, node: NodeId, now: Moment) -> bool {
        let link = self.links.entry(node).or_default();
        let due = !link.linked && !link.dialing && now >= link.next_try;
        link.dialing |= due;
        due
    }

    fn finished(&mut self, node: NodeId, now: Moment, success: bool) {
        let link = self.links.entry(node).or_default();
        link.dialing = false;
        if success && !std::mem::take(&mut link.lost_while_dialing) {
            link.failures = 0;
            link.next_try = now + ANSWER;
        } else {
            link.lost_while_dialing = false;
            let pause = PAUSE * 2u32.saturating_pow(link.failures.min(10));
            link.next_try = now + pause.min(PAUSE_MAX);
            link.failures += 1;
        }
    }
}

/// The peers that the module lists as linked.
pub fn linked_by_kernel() -> HashSet<NodeId> {
    parse_nodes(&fs::read_to_string("/proc/mattx/nodes").unwrap_or_default())
}

/// The numbers of the peers in `/proc/mattx/nodes`.
fn parse_nodes(table: &str) -> HashSet<NodeId> {
    table
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok())
        .filter(|node| {
            !table
                .lines()
                .any(|line| line.starts_with(&format!("{node} (Local)")))
        })
        .collect()
}

impl Hub {
    /// Makes the data links that are missing.
    pub(super) fn tend_data_links(&mut self) {
        if !self.kernel_ready {
            return;
        }
        let Some(kernel) = self.kernel.clone() else {
            return;
        };
        let now = self.now();
        let own = self.node();
        let peers: Vec<_> = self
            .parts
            .membership
            .peers()
            .filter(|(node, peer)| own < *node && peer.link().is_some())
            .map(|(node, peer)| (node, peer.address))
            .collect();
        for (node, address) in peers {
            if self.data.due(node, now) {
                self.dial_data(kernel.clone(), node, address);
            }
        }
    }

    fn dial_data(&self, kernel: Kernel, node: NodeId, address: SocketAddr) {
        let greeting = self.greeting(Purpose::Data);
        let knock = self.own_beacon(false);
        let doorkeeper = self.parts.doorkeeper.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = match doorkeeper.dial(address, &knock, greeting).await {
                Ok((stream, answer)) if answer.node == node => {
                    hand_over(&kernel, stream, &answer, address.ip()).await
                }
                Ok((_, answer)) => Err(format!("node {} answered there", answer.node)),
                Err(error) => Err(error.to_string()),
            };
            let _ = reports.send(TaskReport::DataLinked { node, result }).await;
        });
    }

    pub(super) fn incoming_data(&self, mut stream: Stream, greeting: &Greeting, address: IpAddr) {
        let Some(kernel) = self.kernel.clone() else {
            return;
        };
        let answer = self.greeting(Purpose::Data);
        let greeting = greeting.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let node = greeting.node;
            let result = match handshake::welcome(&mut stream, answer).await {
                Ok(()) => hand_over(&kernel, stream, &greeting, address).await,
                Err(error) => Err(error.to_string()),
            };
            let _ = reports.send(TaskReport::DataLinked { node, result }).await;
        });
    }

    pub(super) fn data_linked(&mut self, node: NodeId, result: Result<(), String>) {
        let now = self.now();
        if let Err(error) = &result {
            tracing::debug!("no data link to node {node}: {error}");
        }
        self.data.finished(node, now, result.is_ok());
    }
}

/// Gives the socket of a greeted connection to the module.
async fn hand_over(
    kernel: &Kernel,
    stream: Stream,
    peer: &Greeting,
    address: IpAddr,
) -> Result<(), String> {
    let socket = stream
        .into_kernel_socket()
        .map_err(|error| error.to_string())?;
    kernel
        .link_add(peer.node, address, peer.boot, socket)
        .await
        .map_err(|error| format!("the module does not take the socket: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_peers_are_read_from_the_table_of_nodes() {
        let table = "MattX Cluster Nodes:\n--------\nNode ID\t\tIP Address\tCPU Load\tAffinity\tMem Free (MB)\n--------\n709 (Local)\t192.168.122.131\t2000\t\t4000\t\t725\n814\t\t192.168.122.38\t0\t\t4000\t\t748\n\nBalancer Enabled: YES\n12 monkeys\n";
        assert_eq!(parse_nodes(table), HashSet::from([814]));
        assert_eq!(parse_nodes(""), HashSet::new());
    }

    #[test]
    fn a_rebooted_peer_needs_a_new_link() {
        let mut links = DataLinks::default();
        links.adopt(HashSet::from([7]), Moment::ZERO);
        links.greeted(7, 1);
        assert!(!links.due(7, Moment::ZERO), "the kernel is linked already");
        links.greeted(7, 2);
        assert!(links.due(7, Moment::ZERO));
        assert!(!links.due(7, Moment::ZERO), "one attempt at a time");
    }

    #[test]
    fn a_link_that_broke_before_its_attempt_was_reported_is_made_again() {
        let mut links = DataLinks::default();
        assert!(links.due(7, Moment::ZERO));
        links.made(7);
        links.lost(7, Moment::ZERO);
        links.finished(7, Moment::ZERO, true);
        assert!(links.due(7, PAUSE), "the kernel said that it is gone");
        links.finished(7, PAUSE, true);
        links.made(7);
        assert!(!links.due(7, PAUSE + ANSWER), "and now that it is there");
    }

    #[test]
    fn a_socket_on_which_nobody_answers_is_given_up() {
        let mut links = DataLinks::default();
        assert!(links.due(7, Moment::ZERO));
        links.finished(7, Moment::ZERO, true);
        assert!(!links.due(7, PAUSE));
        assert!(links.due(7, ANSWER));
    }

    #[test]
    fn failed_attempts_wait_longer_each_time() {
        let mut links = DataLinks::default();
        let mut now = Moment::ZERO;
        for _ in 0..20 {
            assert!(links.due(7, now));
            links.finished(7, now, false);
            assert!(!links.due(7, now));
            now += PAUSE_MAX;
        }
    }
}
