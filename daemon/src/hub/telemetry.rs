// SPDX-License-Identifier: GPL-2.0-or-later
//! Samples: from this node and its peers to whoever watches, and to nobody else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mattx_protocol::command::Outcome;
use mattx_protocol::local::Reply;
use mattx_protocol::model::{MoveStatistics, NodeId, NodeSample, NodeState, Pressure};
use mattx_protocol::peer::{Frame, Load};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Hub;
use crate::control::{ClientId, node_line};
use crate::link::connection::Connection;
use crate::membership::Standing;
use crate::telemetry::Look;

/// A sample older than this is shown as stale.
const FRESH: Duration = Duration::from_millis(3500);
/// A sample younger than this needs no new one for a snapshot.
const CURRENT: Duration = Duration::from_millis(1500);
/// A snapshot waits this long for news of all nodes.
const SNAPSHOT_DEADLINE: Duration = Duration::from_millis(2500);
/// Peers go on sending for this long after the last program stopped watching.
const LINGER: Duration = Duration::from_secs(10);
/// Most load news on their way to the module.
const MAX_LOAD_NEWS: usize = 64;

#[derive(Debug, Default)]
struct PeerNews {
    load: Option<Load>,
    sample: Option<(Instant, NodeSample)>,
    watches_us: bool,
    shown: Option<NodeState>,
}

#[derive(Debug)]
struct Snapshot {
    client: ClientId,
    id: u64,
    since: Instant,
}

/// What is known of all nodes, and who wants to know it.
#[derive(Debug)]
pub struct Telemetry {
    own: Option<(Instant, Look)>,
    peers: HashMap<NodeId, PeerNews>,
    snapshots: Vec<Snapshot>,
    watching: bool,
    watch_until: Option<Instant>,
    load_news: Arc<Semaphore>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            own: None,
            peers: HashMap::new(),
            snapshots: Vec::new(),
            watching: false,
            watch_until: None,
            load_news: Arc::new(Semaphore::new(MAX_LOAD_NEWS)),
        }
    }
}

impl Telemetry {
    /// A link was lost, and with it who watched over it.
    pub fn lost(&mut self, node: NodeId) {
        if let Some(news) = self.peers.get_mut(&node) {
            news.watches_us = false;
            news.shown = Some(NodeState::Down);
        }
    }

    /// The newest load news of a peer.
    #[must_use]
    pub fn load(&self, node: NodeId) -> Option<Load> {
        self.peers.get(&node)?.load
    }

    /// A node left the table.
    pub fn forget(&mut self, node: NodeId) {
        self.peers.remove(&node);
    }
}

/// The load of this node.
fn load(look: &Look) -> Load {
    Load {
        cpu_load: look.sample.cpu_load,
        affinity: look.sample.affinity,
        memory_free_mib: look.sample.memory_available_mib,
        takes_no_guests: look.settings.block,
        keeps_guests: look.settings.stay,
    }
}

/// What peers are told of it.
fn told(look: &Look) -> Load {
    if look.settings.quiet {
        Load::default()
    } else {
        load(look)
    }
}

impl Hub {
    /// A new sample of this node.
    pub(super) fn looked(&mut self, mut look: Look) {
        let identity = self.parts.membership.identity();
        look.sample.id = self.node();
        look.sample.name = identity.name.clone();
        look.sample.address = identity.address;
        look.sample.insecure = self.parts.key.is_insecure();
        let (load, told) = (load(&look), told(&look));
        self.balance(&look, load);
        let sample = look.sample.clone();
        let with_processes = look.with_processes;
        self.telemetry.own = Some((Instant::now(), look));
        self.load_to_kernel(self.node(), load);
        let nodes: Vec<_> = self.connections.keys().copied().collect();
        for node in nodes {
            self.send(node, Frame::Load(told));
        }
        if with_processes {
            for (_, connection) in self.watching_connections() {
                let _ = connection.send(Frame::Sample(Box::new(sample.clone())));
            }
            if self.parts.membership.is_settled() {
                self.publish(&Reply::Node(sample));
            }
        }
    }

    /// Connections of the peers that watch this node.
    pub(super) fn watching_connections(&self) -> impl Iterator<Item = (NodeId, &Connection)> {
        self.connections
            .iter()
            .filter(|(node, _)| {
                self.telemetry
                    .peers
                    .get(node)
                    .is_some_and(|news| news.watches_us)
            })
            .map(|(node, (_, connection))| (*node, connection))
    }

    fn load_to_kernel(&self, node: NodeId, load: Load) {
        if !self.kernel_ready {
            return;
        }
        let (Some(kernel), Ok(permit)) = (
            self.kernel.clone(),
            Arc::clone(&self.telemetry.load_news).try_acquire_owned(),
        ) else {
            return;
        };
        tokio::spawn(async move {
            let _permit = permit;
            // A peer without a data link is not in the module's table; its load is not needed.
            if let Err(error) = kernel.load_set(node, load).await {
                tracing::trace!("load of node {node}: {error}");
            }
        });
    }

    pub(super) fn welcome_peer(&mut self, node: NodeId) {
        self.telemetry.peers.insert(node, PeerNews::default());
        if let Some((_, look)) = &self.telemetry.own {
            self.send(node, Frame::Load(told(look)));
        }
        if self.telemetry.watching {
            self.send(node, Frame::Subscribe(true));
        }
        self.show(node);
    }

    pub(super) fn peer_load(&mut self, node: NodeId, load: Load) {
        self.telemetry.peers.entry(node).or_default().load = Some(load);
        self.load_to_kernel(node, load);
    }

    pub(super) fn peer_watches(&mut self, node: NodeId, watches: bool) {
        self.telemetry.peers.entry(node).or_default().watches_us = watches;
        let current = self.current_own_sample();
        if watches && let Some(sample) = current {
            self.send(node, Frame::Sample(Box::new(sample)));
        }
        self.tend_telemetry();
    }

    fn current_own_sample(&self) -> Option<NodeSample> {
        self.telemetry
            .own
            .as_ref()
            .filter(|(when, look)| look.with_processes && when.elapsed() < CURRENT)
            .map(|(_, look)| look.sample.clone())
    }

    pub(super) fn peer_sample(&mut self, node: NodeId, mut sample: NodeSample) {
        // A node speaks for itself only.
        sample.id = node;
        if let Some(peer) = self.parts.membership.peer(node) {
            sample.address = peer.address.ip();
        }
        sample.state = NodeState::Up;
        // As `view` would show it, without a copy: this is most of the work while somebody watches.
        let line = self.has_subscribers().then(|| node_line(&sample));
        let news = self.telemetry.peers.entry(node).or_default();
        news.sample = Some((Instant::now(), sample));
        news.shown = Some(NodeState::Up);
        if let Some(line) = line {
            self.publish_line(&line);
        }
    }

    /// Tells all subscribers how a peer stands.
    fn show(&mut self, node: NodeId) {
        if let Some(sample) = self.view(node) {
            self.telemetry.peers.entry(node).or_default().shown = Some(sample.state);
            self.publish(&Reply::Node(sample));
        }
    }

    /// A node as subscribers see it.
    pub(super) fn view(&self, node: NodeId) -> Option<NodeSample> {
        if node == self.node() {
            return self
                .telemetry
                .own
                .as_ref()
                .map(|(_, look)| look.sample.clone());
        }
        let peer = self.parts.membership.peer(node)?;
        let news = self.telemetry.peers.get(&node);
        let sample = news.and_then(|news| news.sample.as_ref());
        let state = match peer.standing {
            Standing::Heard => return None,
            Standing::Down { .. } => NodeState::Down,
            Standing::Up { .. } if sample.is_some_and(|(when, _)| when.elapsed() < FRESH) => {
                NodeState::Up
            }
            Standing::Up { .. } => NodeState::Stale,
        };
        let mut view = sample.map_or_else(
            || {
                let load = news.and_then(|news| news.load);
                NodeSample {
                    id: node,
                    name: peer.name.clone(),
                    address: peer.address.ip(),
                    state,
                    cpu_load: load.map_or(0, |load| load.cpu_load),
                    affinity: load.map_or(0, |load| load.affinity),
                    cores: Vec::new(),
                    memory_total_mib: 0,
                    memory_available_mib: load.map_or(0, |load| load.memory_free_mib),
                    pressure: Pressure::default(),
                    network_in: 0,
                    network_out: 0,
                    uptime_s: 0,
                    kernel: String::new(),
                    module: None,
                    insecure: self.parts.key.is_insecure(),
                    processes: Vec::new(),
                }
            },
            |(_, sample)| sample.clone(),
        );
        view.state = state;
        if state == NodeState::Down {
            view.processes.clear();
            view.cores.clear();
            view.cpu_load = 0;
        }
        Some(view)
    }

    fn all_nodes(&self) -> Vec<NodeId> {
        std::iter::once(self.node())
            .chain(self.parts.membership.peers().map(|(node, _)| node))
            .collect()
    }

    fn send_all_nodes(&mut self, client: ClientId) {
        for node in self.all_nodes() {
            if let Some(sample) = self.view(node) {
                self.reply(client, &Reply::Node(sample));
            }
        }
    }

    fn answer_done(&mut self, client: ClientId, id: u64) {
        let outcome = Outcome::Done {
            statistics: MoveStatistics::default(),
        };
        self.reply(client, &Reply::Answer { id, outcome });
    }

    pub(super) fn subscribe(&mut self, client: ClientId, id: u64) {
        self.send_all_nodes(client);
        if let Some(client) = self.clients.get_mut(&client) {
            client.subscribed = true;
        }
        self.answer_done(client, id);
        self.tend_telemetry();
    }

    pub(super) fn snapshot(&mut self, client: ClientId, id: u64) {
        self.telemetry.snapshots.push(Snapshot {
            client,
            id,
            since: Instant::now(),
        });
        self.tend_telemetry();
    }

    /// Whether news of every node are current enough for a snapshot that is asked for `since`.
    fn is_complete(&self, since: Instant) -> bool {
        let current = |when: Instant| when + CURRENT >= since;
        self.telemetry
            .own
            .as_ref()
            .is_some_and(|(when, look)| look.with_processes && current(*when))
            && self
                .parts
                .membership
                .peers()
                .filter(|(_, peer)| peer.link().is_some())
                .all(|(node, _)| {
                    self.telemetry
                        .peers
                        .get(&node)
                        .and_then(|news| news.sample.as_ref())
                        .is_some_and(|(when, _)| current(*when))
                })
    }

    pub(super) fn tend_telemetry(&mut self) {
        let now = Instant::now();
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.telemetry.snapshots)
            .into_iter()
            .partition(|snapshot| {
                now >= snapshot.since + SNAPSHOT_DEADLINE || self.is_complete(snapshot.since)
            });
        self.telemetry.snapshots = waiting;
        for snapshot in ready {
            self.send_all_nodes(snapshot.client);
            self.answer_done(snapshot.client, snapshot.id);
            self.telemetry.watch_until = Some(now + LINGER);
        }
        if self.clients.values().any(|client| client.subscribed)
            || !self.telemetry.snapshots.is_empty()
        {
            self.telemetry.watch_until = Some(now + LINGER);
        }
        let watching = self.telemetry.watch_until.is_some_and(|until| now < until);
        if watching != self.telemetry.watching {
            self.telemetry.watching = watching;
            let nodes: Vec<_> = self.connections.keys().copied().collect();
            for node in nodes {
                self.send(node, Frame::Subscribe(watching));
            }
        }
        let watched = watching || self.watching_connections().next().is_some();
        self.parts.sampler.watch(watched);
        self.show_aged();
    }

    /// Shows peers whose news became old without a new sample telling so.
    fn show_aged(&mut self) {
        if !self.telemetry.watching {
            return;
        }
        let aged: Vec<_> = self
            .telemetry
            .peers
            .iter()
            .filter(|(_, news)| news.shown == Some(NodeState::Up))
            .filter(|(_, news)| {
                news.sample
                    .as_ref()
                    .is_none_or(|(when, _)| when.elapsed() >= FRESH)
            })
            .map(|(node, _)| *node)
            .collect();
        for node in aged {
            self.show(node);
        }
    }
}
