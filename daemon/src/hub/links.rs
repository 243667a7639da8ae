// SPDX-License-Identifier: GPL-2.0-or-later
//! Control links: doing what membership decides, and telling it what came of it.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use mattx_protocol::local::Reply;
use mattx_protocol::model::NodeId;
use mattx_protocol::peer::{Frame, Greeting, Purpose};

use super::{Hub, TaskReport};
use crate::beacon::Beacon;
use crate::link::LinkError;
use crate::link::connection::{Connection, Report};
use crate::link::handshake;
use crate::link::listener::Incoming;
use crate::link::stream::Stream;
use crate::membership::{Action, LinkId};

impl Hub {
    pub(super) fn beacon(&mut self, beacon: &Beacon, source: IpAddr) {
        let actions = self
            .parts
            .membership
            .heard_beacon(self.started.elapsed(), beacon, source);
        self.perform(actions);
    }

    pub(super) fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Announce => self.announce(false),
                Action::Settled => {
                    tracing::info!("this node is number {}", self.node());
                    self.remember_number();
                    self.introduce();
                }
                Action::Renumbered { from } => {
                    tracing::warn!(
                        "number {from} belongs to another node; this node tries {}",
                        self.node()
                    );
                    self.kernel_ready = false;
                }
                Action::Dial { node, address } => self.dial(node, address),
                Action::Close { link } => self.connections.retain(|_, (id, _)| *id != link),
                Action::Up(node) => self.node_up(node),
                Action::Down { node, reason } => self.node_down(node, &reason),
                Action::Gone(node) => {
                    self.telemetry.forget(node);
                    self.publish(&Reply::Gone(node));
                }
                Action::Complain(text) => tracing::error!("{text}"),
            }
        }
    }

    /// Keeps an automatic number over restarts of the daemon: the module cannot change it.
    fn remember_number(&self) {
        let memory = &self.parts.memory;
        let content = format!("{}\n", self.node());
        if let Err(error) = fs::write(memory, content) {
            tracing::debug!("cannot write {}: {error}", memory.display());
        }
    }

    fn dial(&mut self, node: NodeId, address: SocketAddr) {
        let greeting = self.greeting(Purpose::Control);
        let knock = self.own_beacon(false);
        let doorkeeper = self.parts.doorkeeper.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = doorkeeper.dial(address, &knock, greeting).await;
            let report = TaskReport::Dialled {
                node,
                address,
                result,
            };
            let _ = reports.send(report).await;
        });
    }

    pub(super) fn dialled(
        &mut self,
        node: NodeId,
        address: SocketAddr,
        result: Result<(Stream, Greeting), LinkError>,
    ) {
        let now = self.now();
        let result = result.map_err(|error| error.to_string());
        let welcome = result.and_then(|(stream, greeting)| {
            let link = self.number();
            let actions = self
                .parts
                .membership
                .greeted(now, &greeting, address, link)?;
            Ok((stream, greeting.node, link, actions))
        });
        self.parts
            .membership
            .dialled(now, node, address, welcome.is_ok());
        match welcome {
            Ok((stream, node, link, actions)) => {
                self.adopt_connection(stream, node, link, actions);
            }
            Err(error) => tracing::debug!("no link to node {node} at {address}: {error}"),
        }
    }

    pub(super) fn incoming(&mut self, incoming: Incoming) {
        let Incoming {
            mut stream,
            greeting,
        } = incoming;
        let address = stream
            .peer_addr()
            .map_or(greeting.address, |address| address.ip());
        if let Err(reason) = self.accept(&greeting) {
            tracing::debug!(
                "a connection of node {} from {address} is refused: {reason}",
                greeting.node
            );
            tokio::spawn(async move { handshake::refuse(&mut stream, reason).await });
            return;
        }
        match greeting.purpose {
            Purpose::Data => self.incoming_data(stream, &greeting, address),
            Purpose::Control => {
                let link = self.number();
                let listens = SocketAddr::new(address, self.parts.config.data_port);
                let now = self.now();
                match self.parts.membership.greeted(now, &greeting, listens, link) {
                    Ok(actions) => {
                        let answer = Frame::Hello(self.greeting(Purpose::Control));
                        self.adopt_connection_with(
                            stream,
                            greeting.node,
                            link,
                            actions,
                            Some(answer),
                        );
                    }
                    Err(reason) => {
                        tokio::spawn(async move { handshake::refuse(&mut stream, reason).await });
                    }
                }
            }
        }
    }

    fn accept(&self, greeting: &Greeting) -> Result<(), String> {
        self.parts.membership.admissible(greeting)?;
        if greeting.node > self.node() {
            return Err("of two nodes the one with the lower number connects".to_owned());
        }
        if greeting.purpose == Purpose::Data {
            let linked = self
                .parts
                .membership
                .peer(greeting.node)
                .is_some_and(|peer| peer.link().is_some() && peer.boot == greeting.boot);
            if !linked {
                return Err("a data link needs a control link first".to_owned());
            }
            if !self.kernel_ready {
                return Err("mattx.ko is not loaded".to_owned());
            }
        }
        Ok(())
    }

    fn adopt_connection(
        &mut self,
        stream: Stream,
        node: NodeId,
        link: LinkId,
        actions: Vec<Action>,
    ) {
        self.adopt_connection_with(stream, node, link, actions, None);
    }

    /// Takes a connection that membership welcomes. `first` is sent before all else. The actions
    /// close an older connection to the same node, so they come before the new one is stored.
    fn adopt_connection_with(
        &mut self,
        stream: Stream,
        node: NodeId,
        link: LinkId,
        actions: Vec<Action>,
        first: Option<Frame>,
    ) {
        let connection = Connection::spawn(stream, node, link, self.frames.clone());
        if let Some(first) = first {
            let _ = connection.send(first);
        }
        let (ups, before): (Vec<_>, Vec<_>) = actions
            .into_iter()
            .partition(|action| matches!(action, Action::Up(_)));
        self.perform(before);
        self.connections.insert(node, (link, connection));
        self.perform(ups);
    }

    /// Sends a frame to a node; `false` if it is not linked. A node that does not read is lost.
    pub(super) fn send(&mut self, node: NodeId, frame: Frame) -> bool {
        let Some((link, connection)) = self.connections.get(&node) else {
            return false;
        };
        if connection.send(frame) {
            return true;
        }
        let link = *link;
        self.end_link(node, link, "it does not read what it is sent");
        false
    }

    fn end_link(&mut self, node: NodeId, link: LinkId, reason: &str) {
        let now = self.now();
        let mut actions = vec![Action::Close { link }];
        actions.extend(self.parts.membership.lost(now, node, link, reason));
        self.perform(actions);
    }

    pub(super) fn link_report(&mut self, node: NodeId, link: LinkId, report: Report) {
        // A report of a link that was replaced in the meantime.
        if self
            .connections
            .get(&node)
            .is_none_or(|(id, _)| *id != link)
        {
            return;
        }
        match report {
            Report::Ended(error) => self.end_link(node, link, &error.to_string()),
            Report::Frame(frame) => {
                let now = self.now();
                self.parts.membership.heard(now, node, link);
                self.frame(node, link, frame);
            }
        }
    }

    fn frame(&mut self, node: NodeId, link: LinkId, frame: Frame) {
        match frame {
            Frame::Load(load) => self.peer_load(node, load),
            Frame::Subscribe(watches) => self.peer_watches(node, watches),
            Frame::Sample(sample) => self.peer_sample(node, *sample),
            Frame::Move(event) => {
                // A node speaks for its own processes only.
                if event.process.home == node {
                    self.publish_move(&event);
                }
            }
            Frame::Execute { id, command } => self.execute_for_peer(node, link, id, command),
            Frame::Answer { id, outcome } => self.relayed_answer(node, id, outcome),
            Frame::Bye => self.end_link(node, link, "it left"),
            Frame::Hello(_) => self.end_link(node, link, "it greeted twice"),
            Frame::Refused { reason } => self.end_link(node, link, &reason),
        }
    }

    fn node_up(&mut self, node: NodeId) {
        let Some(peer) = self.parts.membership.peer(node) else {
            return;
        };
        tracing::info!(
            "node {node} ({}) at {} joined",
            peer.name,
            peer.address.ip()
        );
        let boot = peer.boot;
        self.data.greeted(node, boot);
        self.welcome_peer(node);
    }

    fn node_down(&mut self, node: NodeId, reason: &str) {
        tracing::warn!("node {node} is lost: {reason}");
        self.telemetry.lost(node);
        self.fail_relays(node);
        if let Some(sample) = self.view(node) {
            self.publish(&Reply::Node(sample));
        }
    }
}
