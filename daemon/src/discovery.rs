// SPDX-License-Identifier: GPL-2.0-or-later
//! Beacons on the network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::beacon::{Beacon, MAX_LENGTH};
use crate::interface::Interface;
use crate::key::ClusterKey;
use crate::strangers::Strangers;
use mattx_protocol::config::{AutoDiscovery, Config};

/// Most addresses that a sweep reaches.
const MAX_SWEEP: usize = 4096;
/// Addresses of a sweep that get a beacon at each announcement.
const SWEEP_STEP: usize = 256;

/// Sends this node's beacons.
#[derive(Debug)]
pub struct Announcer {
    socket: Arc<UdpSocket>,
    group: Option<SocketAddr>,
    peers: Vec<SocketAddr>,
    sweep: Vec<SocketAddr>,
    next_sweep: usize,
    trouble: Option<io::ErrorKind>,
}

/// Opens the socket of discovery.
pub fn open(config: &Config, interface: &Interface) -> io::Result<Announcer> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Only groups that this socket joined, not those of every socket on the machine.
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, config.port).into())?;
    let mut group = None;
    if config.auto_discovery == AutoDiscovery::Multicast {
        socket.join_multicast_v4(&config.multicast_group, &interface.address)?;
        socket.set_multicast_if_v4(&interface.address)?;
        group = Some(SocketAddr::new(config.multicast_group.into(), config.port));
    }
    let sweep = match config.auto_discovery {
        AutoDiscovery::Sweep => interface
            .neighbours(MAX_SWEEP)
            .into_iter()
            .map(|address| SocketAddr::new(address.into(), config.port))
            .collect(),
        AutoDiscovery::Multicast | AutoDiscovery::Static => Vec::new(),
    };
    Ok(Announcer {
        socket: Arc::new(UdpSocket::from_std(socket.into())?),
        group,
        peers: config.peers.clone(),
        sweep,
        next_sweep: 0,
        trouble: None,
    })
}

impl Announcer {
    /// The socket, for [`listen`].
    #[must_use]
    pub fn socket(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.socket)
    }

    /// Sends a beacon to everybody who may listen. Networks lose datagrams; so a send that fails
    /// is not an error, but a trouble that stays is told once.
    pub fn announce(&mut self, datagram: &[u8]) {
        let sweep = self.sweep.len();
        let swept = (0..SWEEP_STEP.min(sweep)).map(|i| self.sweep[(self.next_sweep + i) % sweep]);
        let mut trouble = None;
        for target in self.group.into_iter().chain(self.peers.iter().copied()) {
            if let Err(error) = self.socket.try_send_to(datagram, target)
                && error.kind() != io::ErrorKind::WouldBlock
            {
                trouble = Some(error.kind());
                if self.trouble != trouble {
                    tracing::warn!("cannot send beacons to {target}: {error}");
                }
            }
        }
        for target in swept {
            let _ = self.socket.try_send_to(datagram, target);
        }
        self.trouble = trouble;
        if sweep > 0 {
            self.next_sweep = (self.next_sweep + SWEEP_STEP) % sweep;
        }
    }
}

/// Reports authentic beacons until `beacons` is closed.
pub async fn listen(
    socket: Arc<UdpSocket>,
    key: ClusterKey,
    beacons: mpsc::Sender<(Beacon, IpAddr)>,
) {
    // One byte more than a beacon can have, so that longer ones are noticed.
    let mut buffer = [0; MAX_LENGTH + 1];
    let mut strangers = Strangers::new("datagram(s) to the discovery port");
    loop {
        let (length, source) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // A port that answered with ICMP; nothing to do with what comes next.
            Err(error) => {
                tracing::debug!("discovery: {error}");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        match Beacon::decode(&buffer[..length], &key) {
            Ok(beacon) => match beacons.try_send((beacon, source.ip())) {
                // More beacons than can be looked at: each comes again.
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            },
            Err(stranger) => strangers.count(&stranger, source.ip()),
        }
    }
}
