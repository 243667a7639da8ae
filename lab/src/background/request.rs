// SPDX-License-Identifier: GPL-2.0-or-later
//! What can be asked of a cluster in the background. One JSON line asks, one answers; after `Sh`, frames follow.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// How are you? Answered with [`Status`].
    Status,
    /// Run a shell command; frames carry its input and output.
    Sh {
        /// Node number.
        node: usize,
        /// For `/bin/sh -c`.
        command: String,
        /// 0 for none.
        timeout_ms: u64,
    },
    /// Copy a file or folder of the host into a node.
    Push {
        /// Node number.
        node: usize,
        /// Absolute path.
        local: PathBuf,
        /// Path in the node.
        remote: String,
    },
    /// Copy a file of a node to the host.
    Pull {
        /// Node number.
        node: usize,
        /// Path in the node.
        remote: String,
        /// Absolute path.
        local: PathBuf,
    },
    /// Break something, or mend it.
    Fault {
        /// Node number.
        node: usize,
        /// What.
        fault: Fault,
    },
    /// Make a TCP port of a node reachable on this host's loopback; answered with the port.
    Forward {
        /// Node number.
        node: usize,
        /// Port in the node.
        node_port: u16,
        /// Port of the host, 0 for any.
        port: u16,
    },
    /// Fail when a kernel reported a defect.
    Check,
    /// Check, then end.
    Down,
}

/// What can be done to a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Power off without a shutdown.
    PowerOff,
    /// Power on.
    PowerOn,
    /// Power off and on.
    Reset,
    /// Stop its processors.
    Pause,
    /// Let them go on.
    Resume,
    /// Pull its network cable, or only the way to another node.
    Cut {
        /// The other node.
        from: Option<usize>,
    },
    /// Slow its network down.
    Delay {
        /// One way, in milliseconds.
        ms: u64,
    },
    /// Lose a share of its frames.
    Lose {
        /// 0 to 100.
        percent: f64,
    },
    /// Damage a share of its frames.
    Corrupt {
        /// 0 to 100.
        percent: f64,
    },
    /// All network faults end.
    Mend,
}

/// State of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The kernel its nodes were booted with.
    pub kernel: String,
    /// How long it took to come up, in seconds.
    pub boot_seconds: f64,
    /// Whether hardware helps.
    pub accelerated: bool,
    /// Folder of sockets and logs.
    pub dir: PathBuf,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Ports of this host: (port, node, port in the node).
    pub forwards: Vec<(u16, usize, u16)>,
}

/// State of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Number within the cluster.
    pub number: usize,
    /// Its address on the cluster's network.
    pub address: String,
    /// Switched on.
    pub on: bool,
    /// Kernel release.
    pub release: Option<String>,
    /// Process id of its virtual machine.
    pub pid: Option<u32>,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Done.
    Done,
    /// Done; this port.
    Port(u16),
    /// As asked.
    Status(Box<Status>),
    /// Not done; the reason.
    Failed(String),
}
