// SPDX-License-Identifier: GPL-2.0-or-later
//! The middle of the daemon: one task that owns all state and decides; all I/O is done by other
//! tasks that tell it what happened.
//!
//! * [`links`]: what membership wants done with control links.
//! * [`data`]: sockets for the kernel.
//! * [`telemetry`]: samples and who gets them.
//! * [`balance`]: what moves by itself.
//! * [`commands`]: commands and their way to the node that carries them out.

mod balance;
mod commands;
mod data;
mod links;
mod telemetry;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use mattx_protocol::local::{Operation, Reply, Request, VERSION};
use mattx_protocol::model::{MoveEvent, NodeId};
use mattx_protocol::peer::{Frame, Greeting, Purpose};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::beacon::Beacon;
use crate::control::{ClientEvent, ClientId, Line, line};
use crate::discovery::Announcer;
use crate::guests::{Arrival, Guests};
use crate::kernel::{Event as KernelEvent, Kernel, News};
use crate::key::ClusterKey;
use crate::link::LinkError;
use crate::link::connection::{Connection, Report};
use crate::link::handshake::Doorkeeper;
use crate::link::listener::Incoming;
use crate::link::stream::Stream;
use crate::membership::{LinkId, Membership, Moment};
use crate::telemetry::{Look, Sampler};
use mattx_protocol::config::Config;

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Beacons are sent at most this often, whatever causes them.
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(150);
/// Capacity of the channels into the hub.
pub const INBOX: usize = 1024;

/// What tasks started by the hub report.
#[derive(Debug)]
pub enum TaskReport {
    /// A control connection was made, or not.
    Dialled {
        /// To whom.
        node: NodeId,
        /// Where.
        address: SocketAddr,
        /// The connection and who answered.
        result: Result<(Stream, Greeting), LinkError>,
    },
    /// A data socket was handed to the kernel, or not.
    DataLinked {
        /// To whom.
        node: NodeId,
        /// Why not, in words.
        result: Result<(), String>,
    },
    /// The module knows who this node is, or why not.
    LocalSet(Result<(), String>),
    /// What the balancer decided was done, or not.
    Balanced(balance::Attempt),
    /// A command was written to the module.
    Executed {
        /// Which.
        execution: u64,
        /// What the module answered.
        result: std::io::Result<()>,
    },
}

/// Everything that flows into the hub.
pub struct Inbox {
    /// Authentic beacons and their senders.
    pub beacons: mpsc::Receiver<(Beacon, IpAddr)>,
    /// Connections that greeted.
    pub incoming: mpsc::Receiver<Incoming>,
    /// What the module says.
    pub news: mpsc::Receiver<News>,
    /// Samples of this node.
    pub looks: mpsc::Receiver<Look>,
    /// What local programs do.
    pub clients: mpsc::Receiver<ClientEvent>,
    /// Signals and the like.
    pub orders: mpsc::Receiver<Order>,
}

/// What the operator wants of the running daemon.
#[derive(Debug)]
pub enum Order {
    /// Use a changed configuration.
    Reload(Box<Config>),
    /// Say farewell and end.
    Stop,
}

/// What the hub is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The cluster's secret.
    pub key: ClusterKey,
    /// The first words with other members.
    pub doorkeeper: Doorkeeper,
    /// The table of nodes.
    pub membership: Membership,
    /// Sends beacons.
    pub announcer: Announcer,
    /// Takes samples.
    pub sampler: Sampler,
    /// Where the node's number is remembered over restarts.
    pub memory: PathBuf,
}

struct Client {
    lines: mpsc::Sender<Line>,
    may_execute: bool,
    subscribed: bool,
}

/// All state of the daemon.
pub struct Hub {
    parts: Parts,
    guests: Guests,
    started: Instant,
    next_number: u64,
    last_announce: Option<Instant>,
    /// A beacon that came too soon after another one waits for its turn: what it says may be news.
    announce_owed: bool,
    reports: mpsc::Sender<TaskReport>,
    frames: mpsc::Sender<(NodeId, LinkId, Report)>,
    connections: HashMap<NodeId, (LinkId, Connection)>,
    clients: BTreeMap<ClientId, Client>,
    kernel: Option<Kernel>,
    kernel_ready: bool,
    data: data::DataLinks,
    telemetry: telemetry::Telemetry,
    commands: commands::Commands,
    balance: balance::Balance,
}

/// Runs the daemon until it is told to stop.
pub async fn run(parts: Parts, mut inbox: Inbox) {
    let (reports, mut report_queue) = mpsc::channel(INBOX);
    let (frames, mut frame_queue) = mpsc::channel(INBOX);
    let guests = Guests::new(&parts.config);
    let mut hub = Hub {
        parts,
        guests,
        started: Instant::now(),
        next_number: 1,
        last_announce: None,
        announce_owed: false,
        reports,
        frames,
        connections: HashMap::new(),
        clients: BTreeMap::new(),
        kernel: None,
        kernel_ready: false,
        data: data::DataLinks::default(),
        telemetry: telemetry::Telemetry::default(),
        commands: commands::Commands::default(),
        balance: balance::Balance::default(),
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => hub.tick(),
            Some(order) = inbox.orders.recv() => match order {
                Order::Stop => break,
                Order::Reload(config) => hub.reload(*config),
            },
            Some((node, link, report)) = frame_queue.recv() => hub.link_report(node, link, report),
            Some(report) = report_queue.recv() => hub.report(report),
            Some(news) = inbox.news.recv() => hub.kernel_news(news),
            Some(look) = inbox.looks.recv() => hub.looked(look),
            Some(event) = inbox.clients.recv() => hub.client(event),
            Some(incoming) = inbox.incoming.recv() => hub.incoming(incoming),
            Some((beacon, source)) = inbox.beacons.recv() => hub.beacon(&beacon, source),
        }
    }
    hub.farewell();
}

impl Hub {
    fn now(&self) -> Moment {
        self.started.elapsed()
    }

    fn node(&self) -> NodeId {
        self.parts.membership.node()
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    fn greeting(&self, purpose: Purpose) -> Greeting {
        let identity = self.parts.membership.identity();
        Greeting {
            version: mattx_protocol::peer::VERSION,
            purpose,
            node: self.node(),
            machine: identity.machine,
            boot: identity.boot,
            address: identity.address,
            name: identity.name.clone(),
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        let actions = self.parts.membership.tick(now);
        self.perform(actions);
        if self.announce_owed {
            self.announce(false);
        }
        self.tend_data_links();
        self.tend_telemetry();
        self.tend_commands();
    }

    fn report(&mut self, report: TaskReport) {
        match report {
            TaskReport::Dialled {
                node,
                address,
                result,
            } => self.dialled(node, address, result),
            TaskReport::DataLinked { node, result } => self.data_linked(node, result),
            TaskReport::LocalSet(result) => self.local_set_done(result),
            TaskReport::Balanced(attempt) => self.balanced(attempt),
            TaskReport::Executed { execution, result } => self.executed(execution, result),
        }
    }

    fn kernel_news(&mut self, news: News) {
        match news {
            News::Connected(kernel) => {
                tracing::info!("mattx.ko is loaded; telling it who this node is");
                self.kernel = Some(kernel);
                self.introduce();
            }
            News::Disconnected => {
                tracing::warn!("mattx.ko is gone; telemetry goes on, processes cannot move");
                self.kernel = None;
                self.kernel_ready = false;
                self.data.forget_all();
            }
            News::Event(KernelEvent::StubWanted {
                ticket,
                process,
                comm,
            }) => {
                let hostname = self
                    .parts
                    .membership
                    .peer(process.home)
                    .map(|peer| peer.name.clone());
                if let Some(kernel) = self.kernel.clone() {
                    self.guests.receive(
                        kernel,
                        Arrival {
                            ticket,
                            process,
                            comm,
                            hostname,
                        },
                    );
                }
            }
            News::Event(KernelEvent::LinkUp(node)) => {
                tracing::info!("the kernel is linked to node {node}");
                self.data.made(node);
            }
            News::Event(KernelEvent::LinkDown { node, reason }) => {
                tracing::info!("the data link to node {node} is gone: {reason}");
                self.data.lost(node, self.started.elapsed());
            }
            News::Event(KernelEvent::Move(event)) => self.moved(&event),
            News::Event(KernelEvent::Lost(count)) => {
                tracing::warn!("{count} events of the module were lost");
                self.data
                    .adopt(data::linked_by_kernel(), self.started.elapsed());
            }
        }
    }

    /// Tells the module who this node is, as soon as both are ready for it.
    fn introduce(&mut self) {
        self.kernel_ready = false;
        self.data.forget_all();
        let Some(kernel) = self.kernel.clone() else {
            return;
        };
        if !self.parts.membership.is_settled() {
            return;
        }
        let node = self.node();
        let identity = self.parts.membership.identity();
        let (address, boot) = (identity.address, identity.boot);
        let lines = self.module_settings();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = kernel
                .local_set(node, address, boot)
                .await
                .map_err(|error| error.to_string());
            if result.is_ok() {
                apply_settings(lines).await;
            }
            let _ = reports.send(TaskReport::LocalSet(result)).await;
        });
    }

    fn local_set_done(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => {
                tracing::info!("mattx.ko knows this node as number {}", self.node());
                self.kernel_ready = true;
                self.data
                    .adopt(data::linked_by_kernel(), self.started.elapsed());
            }
            Err(error) => tracing::error!(
                "mattx.ko does not accept number {} for this node: {error}; processes cannot \
                 move here until the module is loaded anew",
                self.node()
            ),
        }
    }

    /// The settings of the configuration that the module keeps, as admin commands.
    fn module_settings(&self) -> Vec<String> {
        let config = &self.parts.config;
        let mut lines = Vec::new();
        if let Some(balancer) = config.balancer {
            lines.push(format!("balancer {}", u8::from(balancer)));
        }
        if !config.mattxfs_enabled {
            lines.push("mattxfs 0".to_owned());
        }
        if config.affinity != 0 {
            lines.push(format!("affinity {}", config.affinity));
        }
        if !config.exclude.is_empty() {
            lines.push(format!("exclude {}", config.exclude.join(",")));
        }
        if !config.include.is_empty() {
            lines.push(format!("include {}", config.include.join(",")));
        }
        lines
    }

    fn moved(&mut self, event: &MoveEvent) {
        // Both ends tell; the home's is the one to count.
        if event.process.home != self.node() {
            return;
        }
        self.move_of_command(event);
        self.note_move(event);
        self.publish_move(event);
        for (_, connection) in self.watching_connections() {
            let _ = connection.send(Frame::Move(event.clone()));
        }
    }

    fn publish_move(&mut self, event: &MoveEvent) {
        self.publish(&Reply::Move(event.clone()));
    }

    /// Sends `reply` to every subscribed program. One that does not read loses its connection,
    /// and finds a consistent picture when it comes back.
    fn publish(&mut self, reply: &Reply) {
        if self.has_subscribers() {
            self.publish_line(&line(reply));
        }
    }

    fn has_subscribers(&self) -> bool {
        self.clients.values().any(|client| client.subscribed)
    }

    fn publish_line(&mut self, line: &Line) {
        self.clients.retain(|id, client| {
            let kept = !client.subscribed || client.lines.try_send(line.clone()).is_ok();
            if !kept {
                tracing::warn!("program {id} on the control socket does not read; it is dropped");
            }
            kept
        });
    }

    fn reply(&mut self, client: ClientId, reply: &Reply) {
        if let Some(entry) = self.clients.get(&client)
            && entry.lines.try_send(line(reply)).is_err()
        {
            self.clients.remove(&client);
        }
    }

    fn client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Joined {
                client,
                lines,
                may_execute,
            } => {
                self.clients.insert(
                    client,
                    Client {
                        lines,
                        may_execute,
                        subscribed: false,
                    },
                );
                let hello = Reply::Hello {
                    version: VERSION,
                    node: self.node(),
                    insecure: self.parts.key.is_insecure(),
                };
                self.reply(client, &hello);
            }
            ClientEvent::Left(client) => {
                self.clients.remove(&client);
            }
            ClientEvent::Asked { client, request } => {
                let Request { id, operation } = request;
                match operation {
                    Operation::Subscribe => self.subscribe(client, id),
                    Operation::Snapshot => self.snapshot(client, id),
                    Operation::Execute(command) => self.execute_for_client(client, id, command),
                }
            }
        }
    }

    fn reload(&mut self, config: Config) {
        let old = &self.parts.config;
        let fixed = |config: &Config| {
            (
                config.interface.clone(),
                config.multicast_group,
                (config.port, config.data_port),
                config.auto_discovery,
                config.peers.clone(),
                config.node_id,
                (config.cluster_key_file.clone(), config.insecure),
                config.control_socket.clone(),
            )
        };
        if fixed(old) != fixed(&config) {
            tracing::warn!(
                "changes of interface, ports, discovery, keys, NODE_ID and sockets take effect at the next start"
            );
        }
        self.guests.reload(&config);
        self.parts.config = config;
        if self.kernel_ready {
            tokio::spawn(apply_settings(self.module_settings()));
        }
        tracing::info!("configuration reloaded");
    }

    fn own_beacon(&self, leaving: bool) -> Beacon {
        self.parts.membership.beacon(uptime_ms(), leaving)
    }

    fn announce(&mut self, leaving: bool) {
        let now = Instant::now();
        if !leaving
            && self
                .last_announce
                .is_some_and(|last| now < last + ANNOUNCE_PAUSE)
        {
            self.announce_owed = true;
            return;
        }
        self.last_announce = Some(now);
        self.announce_owed = false;
        let datagram = self.own_beacon(leaving).encode(&self.parts.key);
        self.parts.announcer.announce(&datagram);
    }

    fn farewell(&mut self) {
        self.announce(true);
        for (_, connection) in self.connections.values() {
            let _ = connection.send(Frame::Bye);
        }
        self.connections.clear();
        self.clients.clear();
    }
}

async fn apply_settings(lines: Vec<String>) {
    for line in lines {
        let shown = line.clone();
        let written = tokio::task::spawn_blocking(move || crate::admin::write(&line)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("the module does not accept {shown:?}: {error}");
        }
    }
}

/// Milliseconds since boot, which rise over restarts of the daemon.
fn uptime_ms() -> u64 {
    let seconds: f64 = std::fs::read_to_string("/proc/uptime")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    (seconds * 1000.0) as u64
}
