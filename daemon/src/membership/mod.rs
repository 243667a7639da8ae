// SPDX-License-Identifier: GPL-2.0-or-later
//! Who belongs to the cluster: a state machine without I/O and without a clock.
//!
//! Beacons are hints where to knock; a node belongs to the cluster while a control link to it
//! is up and not silent. Of two nodes the one with the lower number connects, so there is one
//! link for each pair. Every method takes the time and returns what must be done.
//!
//! A node number is taken in two steps: the node announces it for [`PROBE_TIME`] without joining
//! anything, and gives way when somebody with more right to it objects; then it is settled. An
//! objection names the very start of the daemon that it is meant for, so that no recorded one keeps
//! anybody from a number.

mod claim;
#[cfg(test)]
mod simulation;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mattx_protocol::model::NodeId;
use mattx_protocol::peer::{Greeting, VERSION};

use crate::beacon::{Beacon, Flags};
use crate::identity::{Identity, derived_node_id};

use claim::{Claim, MAX_CLAIMS};

/// Time since the daemon started.
pub type Moment = Duration;
/// Names a control link within this daemon.
pub type LinkId = u64;

/// How long a number is announced before it is used.
pub const PROBE_TIME: Duration = Duration::from_millis(1000);
/// Interval of beacons in small clusters.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(1000);
/// Each node more than this stretches the interval, so that the traffic does not grow with the square.
const ANNOUNCE_NODES: u32 = 32;
/// A link without a frame for this long is dead. Heartbeats come every second.
pub const LINK_SILENCE: Duration = Duration::from_millis(4500);
/// This daemon itself did not run for so long that its peers may have spoken unheard.
const STALL: Duration = Duration::from_millis(1000);
/// A connection attempt is given up after this.
pub const DIAL_DEADLINE: Duration = Duration::from_millis(3000);
/// Pause after the first failed attempt; doubled by each further one.
const DIAL_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause between attempts.
const DIAL_PAUSE_MAX: Duration = Duration::from_secs(8);
/// A node that is not linked and was not heard for this long is no longer dialled.
const HEARD_LIFETIME: Duration = Duration::from_secs(15);
/// How long a lost node is remembered, so that viewers can show the loss.
pub const REMEMBER_DOWN: Duration = Duration::from_secs(60);
/// Most nodes that are remembered without a link, against floods of beacons.
const MAX_UNLINKED: usize = 4096;
/// How long beacons carry an objection.
const OBJECTION_LIFETIME: Duration = Duration::from_millis(2000);

/// How a peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its beacons are heard.
    Heard,
    /// Linked.
    Up {
        /// By which link.
        link: LinkId,
        /// When it was last heard on it.
        heard: Moment,
    },
    /// Was linked.
    Down {
        /// Since when.
        since: Moment,
    },
}

/// Another node.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its machine.
    pub machine: u64,
    /// Its boot.
    pub boot: u64,
    /// Where it listens for links.
    pub address: SocketAddr,
    /// Its host name, known from its greeting.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    claims: Vec<Claim>,
}

impl Peer {
    /// The control link, if the peer is up.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        match self.standing {
            Standing::Up { link, .. } => Some(link),
            Standing::Heard | Standing::Down { .. } => None,
        }
    }

    fn owner(&self) -> (u64, u64) {
        (self.machine, self.boot)
    }

    /// Notes what a beacon says. `None` if it is an old one; else whether it is a new claim.
    fn claim(&mut self, now: Moment, beacon: &Beacon, address: SocketAddr) -> Option<bool> {
        let owner = (beacon.machine, beacon.boot);
        if let Some(claim) = self.claims.iter_mut().find(|claim| claim.owner() == owner) {
            if beacon.uptime_ms <= claim.uptime_ms {
                return None;
            }
            claim.uptime_ms = beacon.uptime_ms;
            claim.last_beacon = now;
            claim.settled = beacon.flags.settled;
            claim.address = address;
            return Some(false);
        }
        if self.claims.len() >= MAX_CLAIMS {
            let holder = self.link().map(|_| self.owner());
            let oldest = self
                .claims
                .iter()
                .enumerate()
                .filter(|(_, claim)| claim.dialing.is_none() && Some(claim.owner()) != holder)
                .min_by_key(|(_, claim)| claim.last_beacon)
                .map(|(index, _)| index)?;
            self.claims.swap_remove(oldest);
        }
        self.claims.push(Claim::of(beacon, address, now));
        Some(true)
    }

    /// Where to knock now; to a holder that is linked there is no need.
    fn due(&mut self, now: Moment) -> impl Iterator<Item = SocketAddr> {
        let holder = self.link().map(|_| self.owner());
        self.claims
            .iter_mut()
            .filter(move |claim| Some(claim.owner()) != holder && claim.is_due(now))
            .map(move |claim| {
                claim.dialing = Some(now);
                claim.address
            })
    }
}

/// What must be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a beacon now.
    Announce,
    /// This node keeps its number: tell the kernel, accept and make links.
    Settled,
    /// This node had to take another number: close all links.
    Renumbered {
        /// The number given up.
        from: NodeId,
    },
    /// Connect to a peer; report to [`Membership::dialled`].
    Dial {
        /// The peer.
        node: NodeId,
        /// Where.
        address: SocketAddr,
    },
    /// Close a link.
    Close {
        /// Which.
        link: LinkId,
    },
    /// A node joined.
    Up(NodeId),
    /// A node was lost.
    Down {
        /// Which.
        node: NodeId,
        /// Why, in words.
        reason: String,
    },
    /// A lost node is forgotten.
    Gone(NodeId),
    /// Something that a person must settle.
    Complain(String),
}

/// The table of nodes.
#[derive(Debug)]
pub struct Membership {
    identity: Identity,
    cluster: u64,
    tcp_port: u16,
    node: NodeId,
    fixed: bool,
    attempt: u32,
    settle_at: Option<Moment>,
    next_announce: Moment,
    last_complaint: Option<Moment>,
    /// Whom this node's beacons tell that the number is taken, and until when.
    objection: Option<(u64, Moment)>,
    last_tick: Moment,
    peers: BTreeMap<NodeId, Peer>,
}

impl Membership {
    /// A table with nobody in it. `wanted` is a configured number, `remembered` the automatic
    /// number that this machine had before.
    #[must_use]
    pub fn new(
        identity: Identity,
        cluster: u64,
        tcp_port: u16,
        wanted: Option<NodeId>,
        remembered: Option<NodeId>,
    ) -> Self {
        let node = wanted
            .or(remembered)
            .unwrap_or_else(|| derived_node_id(identity.machine, 0));
        Self {
            identity,
            cluster,
            tcp_port,
            node,
            fixed: wanted.is_some(),
            attempt: 0,
            settle_at: Some(PROBE_TIME),
            next_announce: Moment::ZERO,
            last_complaint: None,
            objection: None,
            last_tick: Moment::ZERO,
            peers: BTreeMap::new(),
        }
    }

    /// This node's number; final once [`Self::is_settled`].
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Whether this node keeps its number.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settle_at.is_none()
    }

    /// Who this node is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A peer by its number.
    #[must_use]
    pub fn peer(&self, node: NodeId) -> Option<&Peer> {
        self.peers.get(&node)
    }

    /// All peers that are or were linked.
    pub fn peers(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.standing != Standing::Heard)
            .map(|(node, peer)| (*node, peer))
    }

    /// The beacon to send now.
    #[must_use]
    pub fn beacon(&self, uptime_ms: u64, leaving: bool) -> Beacon {
        Beacon {
            flags: Flags {
                settled: self.is_settled(),
                fixed: self.fixed,
                leaving,
            },
            cluster: self.cluster,
            machine: self.identity.machine,
            boot: self.identity.boot,
            session: self.identity.session,
            objects_to: self.objection.map_or(0, |(session, _)| session),
            uptime_ms,
            node: self.node,
            tcp_port: self.tcp_port,
            addresses: vec![self.identity.address],
        }
    }

    /// An authentic beacon came from `source`.
    pub fn heard_beacon(&mut self, now: Moment, beacon: &Beacon, source: IpAddr) -> Vec<Action> {
        let own = &self.identity;
        // What this machine itself says, or said before it rebooted: an echo, or a replay that must
        // not make it give way to its own past.
        if beacon.cluster != self.cluster || beacon.machine == own.machine {
            return Vec::new();
        }
        if beacon.node == self.node {
            return self.contest(now, beacon, source);
        }
        if beacon.flags.leaving {
            // A linked node says so on its link; beacons do not end anything.
            let owner = (beacon.machine, beacon.boot);
            if let Some(peer) = self.peers.get_mut(&beacon.node)
                && peer.standing == Standing::Heard
            {
                peer.claims.retain(|claim| claim.owner() != owner);
                if peer.claims.is_empty() {
                    self.peers.remove(&beacon.node);
                }
            }
            return Vec::new();
        }
        let address = SocketAddr::new(source, beacon.tcp_port);
        let mut actions = Vec::new();
        if !self.peers.contains_key(&beacon.node) {
            if self.peers.len() >= MAX_UNLINKED {
                return actions;
            }
            let peer = Peer {
                machine: beacon.machine,
                boot: beacon.boot,
                address,
                name: String::new(),
                standing: Standing::Heard,
                claims: Vec::new(),
            };
            self.peers.insert(beacon.node, peer);
        }
        let Some(peer) = self.peers.get_mut(&beacon.node) else {
            return actions;
        };
        match peer.claim(now, beacon, address) {
            None => return actions,
            Some(true) => actions.push(Action::Announce),
            Some(false) => {}
        }
        if peer.link().is_none() {
            (peer.machine, peer.boot, peer.address) = (beacon.machine, beacon.boot, address);
        }
        // Of a linked node: rebooted, taken over, or a replay; only a new link can tell. The entry
        // of the link stays what it is.
        actions.extend(self.dial_if_due(now, beacon.node));
        actions
    }

    /// Somebody else uses our number.
    fn contest(&mut self, now: Moment, beacon: &Beacon, source: IpAddr) -> Vec<Action> {
        // A configured number before an automatic one, a used one before a wanted one, then any
        // order that both sides see alike.
        let other = (beacon.flags.fixed, beacon.flags.settled, beacon.machine);
        let own = (self.fixed, self.is_settled(), self.identity.machine);
        if own >= other {
            self.objection = Some((beacon.session, now + OBJECTION_LIFETIME));
            return vec![Action::Announce];
        }
        if beacon.objects_to != self.identity.session {
            // Whoever really has the number hears the announcement and objects; a replay cannot.
            return vec![Action::Announce];
        }
        if !self.fixed {
            let from = self.node;
            while {
                self.attempt += 1;
                self.node = derived_node_id(self.identity.machine, self.attempt);
                self.node == from || self.peers.contains_key(&self.node)
            } {}
            self.settle_at = Some(now + PROBE_TIME);
            let mut actions: Vec<_> = self.lose_all_links(now);
            actions.push(Action::Renumbered { from });
            actions.push(Action::Announce);
            return actions;
        }
        if self.settle_at.is_some() {
            self.settle_at = Some(now + PROBE_TIME);
        }
        let quiet = Duration::from_secs(60);
        if self.last_complaint.is_none_or(|last| now >= last + quiet) {
            self.last_complaint = Some(now);
            return vec![Action::Complain(format!(
                "NODE_ID={} of this node is already the number of the node at {source}; this \
                 node stays outside of the cluster until one of the two gets another NODE_ID",
                self.node
            ))];
        }
        Vec::new()
    }

    fn lose_all_links(&mut self, now: Moment) -> Vec<Action> {
        let linked: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(node, peer)| peer.link().map(|link| (*node, link)))
            .collect();
        linked
            .into_iter()
            .flat_map(|(node, link)| {
                let mut actions = vec![Action::Close { link }];
                actions.extend(self.lost(now, node, link, "this node takes another number"));
                actions
            })
            .collect()
    }

    fn dial_if_due(&mut self, now: Moment, node: NodeId) -> Vec<Action> {
        if !self.is_settled() || self.node >= node {
            return Vec::new();
        }
        self.peers.get_mut(&node).map_or_else(Vec::new, |peer| {
            peer.due(now)
                .map(|address| Action::Dial { node, address })
                .collect()
        })
    }

    /// An attempt to connect to `node` at `address` ended.
    pub fn dialled(&mut self, now: Moment, node: NodeId, address: SocketAddr, success: bool) {
        if let Some(peer) = self.peers.get_mut(&node) {
            for claim in &mut peer.claims {
                if claim.address == address && claim.dialing.is_some() {
                    claim.dialled(now, success);
                }
            }
        }
    }

    /// A node greets on a new control link. `Err` is why it is not welcome.
    pub fn greeted(
        &mut self,
        now: Moment,
        greeting: &Greeting,
        address: SocketAddr,
        link: LinkId,
    ) -> Result<Vec<Action>, String> {
        self.admissible(greeting)?;
        let node = greeting.node;
        let mut actions = Vec::new();
        if let Some(old) = self.peers.get(&node).and_then(Peer::link) {
            // The peer knows better than we do that the old link is gone.
            actions.push(Action::Close { link: old });
            actions.extend(self.lost(now, node, old, "it made a new link"));
        }
        let mut claims = self
            .peers
            .remove(&node)
            .map_or_else(Vec::new, |peer| peer.claims);
        let owner = (greeting.machine, greeting.boot);
        if !claims.iter().any(|claim| claim.owner() == owner) {
            claims.truncate(MAX_CLAIMS - 1);
            claims.push(Claim {
                machine: greeting.machine,
                boot: greeting.boot,
                address,
                uptime_ms: 0,
                last_beacon: now,
                settled: true,
                dialing: None,
                next_dial: now,
                failures: 0,
            });
        }
        self.peers.insert(
            node,
            Peer {
                machine: greeting.machine,
                boot: greeting.boot,
                address,
                name: greeting.name.clone(),
                standing: Standing::Up { link, heard: now },
                claims,
            },
        );
        actions.push(Action::Up(node));
        Ok(actions)
    }

    /// Whether a node that greets like this may link at all.
    pub fn admissible(&self, greeting: &Greeting) -> Result<(), String> {
        let Greeting { node, .. } = *greeting;
        if greeting.version != VERSION {
            return Err(format!(
                "node {node} speaks version {} of the control link and this node version \
                 {VERSION}; install the same MattX on both",
                greeting.version
            ));
        }
        if !self.is_settled() {
            return Err("this node has not settled on its number yet".to_owned());
        }
        if node == self.node {
            return Err(format!(
                "both nodes have number {node}; change NODE_ID of one"
            ));
        }
        match self.peers.get(&node) {
            Some(peer) if peer.link().is_some() && peer.machine != greeting.machine => {
                Err(format!(
                    "number {node} is in use by the node at {}; change NODE_ID of one",
                    peer.address.ip()
                ))
            }
            _ => Ok(()),
        }
    }

    /// A frame came on a control link.
    pub fn heard(&mut self, now: Moment, node: NodeId, link: LinkId) {
        if let Some(peer) = self.peers.get_mut(&node)
            && let Standing::Up {
                link: current,
                heard,
            } = &mut peer.standing
            && *current == link
        {
            *heard = now;
        }
    }

    /// A control link ended.
    pub fn lost(&mut self, now: Moment, node: NodeId, link: LinkId, reason: &str) -> Vec<Action> {
        match self.peers.get_mut(&node) {
            Some(peer) if peer.link() == Some(link) => {
                peer.standing = Standing::Down { since: now };
                for claim in &mut peer.claims {
                    claim.next_dial = claim.next_dial.max(now + DIAL_PAUSE);
                }
                vec![Action::Down {
                    node,
                    reason: reason.to_owned(),
                }]
            }
            _ => Vec::new(),
        }
    }

    /// Time passed. Call several times a second.
    pub fn tick(&mut self, now: Moment) -> Vec<Action> {
        self.forgive_own_stall(now);
        self.objection = self.objection.filter(|(_, until)| now < *until);
        let mut actions = Vec::new();
        if self.settle_at.is_some_and(|at| now >= at) {
            self.settle_at = None;
            actions.push(Action::Settled);
            actions.push(Action::Announce);
            self.next_announce = now + ANNOUNCE_INTERVAL;
        }
        if now >= self.next_announce {
            let nodes = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
            let interval = ANNOUNCE_INTERVAL * (1 + nodes / ANNOUNCE_NODES).min(10);
            self.next_announce = now + interval;
            actions.push(Action::Announce);
        }
        let nodes: Vec<_> = self.peers.keys().copied().collect();
        for node in nodes {
            actions.extend(self.tick_peer(now, node));
        }
        actions
    }

    /// A machine that was paused or starved of processor time finds its peers' heartbeats in its
    /// sockets; they must not be declared dead before those are read.
    fn forgive_own_stall(&mut self, now: Moment) {
        let gap = now.saturating_sub(self.last_tick);
        self.last_tick = now;
        if gap >= STALL {
            for peer in self.peers.values_mut() {
                if let Standing::Up { heard, .. } = &mut peer.standing {
                    *heard = (*heard + gap).min(now);
                }
            }
        }
    }

    fn tick_peer(&mut self, now: Moment, node: NodeId) -> Vec<Action> {
        let Some(peer) = self.peers.get_mut(&node) else {
            return Vec::new();
        };
        let holder = peer.link().map(|_| peer.owner());
        for claim in &mut peer.claims {
            claim.expire(now);
        }
        peer.claims
            .retain(|claim| Some(claim.owner()) == holder || !claim.is_forgotten(now));
        match peer.standing {
            Standing::Up { link, heard } if now >= heard + LINK_SILENCE => {
                let reason = format!("silent for {:.1} s", LINK_SILENCE.as_secs_f32());
                let mut actions = vec![Action::Close { link }];
                actions.extend(self.lost(now, node, link, &reason));
                actions
            }
            Standing::Up { .. } => Vec::new(),
            Standing::Down { since } if now >= since + REMEMBER_DOWN => {
                self.peers.remove(&node);
                vec![Action::Gone(node)]
            }
            Standing::Heard if peer.claims.is_empty() => {
                self.peers.remove(&node);
                Vec::new()
            }
            Standing::Heard | Standing::Down { .. } => self.dial_if_due(now, node),
        }
    }
}
