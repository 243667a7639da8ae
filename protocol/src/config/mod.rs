// SPDX-License-Identifier: GPL-2.0-or-later
//! The daemon's configuration: every key of `/etc/mattx.conf`, its meaning and its default.

pub mod interface;
mod parse;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::local::SOCKET_PATH;
use crate::model::NodeId;

pub use parse::parse;

/// Where the configuration is looked for.
pub const PATH: &str = "/etc/mattx.conf";
/// Where the cluster's secret is looked for.
pub const KEY_PATH: &str = "/etc/mattx/cluster.key";
/// UDP port of discovery.
pub const DISCOVERY_PORT: u16 = 7225;
/// TCP port of control and data links.
pub const LINK_PORT: u16 = 7226;
/// Multicast group of discovery.
pub const MULTICAST_GROUP: Ipv4Addr = Ipv4Addr::new(239, 0, 0, 1);
/// Highest node number; node numbers begin with 1.
pub const MAX_NODE_ID: NodeId = 1023;

/// How nodes find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoDiscovery {
    /// Beacons to a multicast group.
    Multicast,
    /// Beacons to every address of the subnet.
    Sweep,
    /// Beacons to the configured peers.
    Static,
}

/// A validated configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Network interface of the cluster; the one of the default route if not set.
    pub interface: Option<String>,
    /// Multicast group of discovery.
    pub multicast_group: Ipv4Addr,
    /// UDP port of discovery.
    pub port: u16,
    /// TCP port of control and data links.
    pub data_port: u16,
    /// How nodes find each other.
    pub auto_discovery: AutoDiscovery,
    /// Addresses that get beacons whatever the discovery is.
    pub peers: Vec<SocketAddr>,
    /// This node's number; derived from the machine if not set.
    pub node_id: Option<NodeId>,
    /// Whether processes with network connections may move.
    pub migrate_network_io: bool,
    /// Whether processes with open files may move.
    pub migrate_file_io: bool,
    /// Whether guests see the files of their home.
    pub mattxfs_enabled: bool,
    /// A directory that all nodes share.
    pub dfsa_dir: Option<PathBuf>,
    /// The cluster's secret.
    pub cluster_key_file: PathBuf,
    /// Speak without keys.
    pub insecure: bool,
    /// Whether processes move by themselves; the module's setting is left alone if not set.
    pub balancer: Option<bool>,
    /// Names of processes that never move by themselves.
    pub exclude: Vec<String>,
    /// Names of the only processes that move by themselves.
    pub include: Vec<String>,
    /// Weight of this node, 1000 per core of standard speed; 0 = by its cores.
    pub affinity: u32,
    /// The stub; looked for in the usual places if not set.
    pub stub: Option<PathBuf>,
    /// The control socket.
    pub control_socket: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interface: None,
            multicast_group: MULTICAST_GROUP,
            port: DISCOVERY_PORT,
            data_port: LINK_PORT,
            auto_discovery: AutoDiscovery::Multicast,
            peers: Vec::new(),
            node_id: None,
            migrate_network_io: true,
            migrate_file_io: true,
            mattxfs_enabled: true,
            dfsa_dir: None,
            cluster_key_file: PathBuf::from(KEY_PATH),
            insecure: false,
            balancer: None,
            exclude: Vec::new(),
            include: Vec::new(),
            affinity: 0,
            stub: None,
            control_socket: PathBuf::from(SOCKET_PATH),
        }
    }
}
