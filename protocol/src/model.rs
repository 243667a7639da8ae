// SPDX-License-Identifier: GPL-2.0-or-later
//! Nodes, processes and moves, as every part of MattX sees them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Number of a node as users see it: 1..=1023 unless configured otherwise.
pub type NodeId = u32;

/// The load of one runnable process, the unit of [`NodeSample::cpu_load`].
pub const LOAD_PER_RUNNABLE: u32 = 1000;
/// The affinity of one core of standard speed, the unit of [`NodeSample::affinity`].
pub const AFFINITY_PER_CORE: u32 = 1000;

/// Names a process in the whole cluster: where it was born and its pid there.
///
/// The name stays the same wherever the process computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProcessRef {
    /// The home node.
    pub home: NodeId,
    /// Process id in the home node's initial pid namespace.
    pub pid: u32,
}

/// How a node stands in the cluster, as seen by the reporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NodeState {
    /// Linked and fresh.
    Up,
    /// Linked, but its news are older than a few seconds.
    Stale,
    /// Gone; kept for a while so that viewers can show the loss.
    Down,
}

/// Pressure stall information: share of the last 10 s in which some task waited, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pressure {
    /// Waiting for a CPU.
    pub cpu: f32,
    /// Waiting for memory.
    pub memory: f32,
    /// Waiting for storage.
    pub io: f32,
}

/// One node at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeSample {
    /// Node number.
    pub id: NodeId,
    /// Host name.
    pub name: String,
    /// Address in the cluster's network.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: IpAddr,
    /// How it stands.
    pub state: NodeState,
    /// 1000 per runnable process, as in `/proc/mattx/nodes`.
    pub cpu_load: u32,
    /// 1000 per core of standard speed.
    pub affinity: u32,
    /// Busy share of each core since the last sample, 0.0..=1.0.
    pub cores: Vec<f32>,
    /// Total memory in MiB.
    pub memory_total_mib: u64,
    /// What `MemAvailable` says, in MiB.
    pub memory_available_mib: u64,
    /// Stall information of the last 10 s.
    pub pressure: Pressure,
    /// Bytes per second received on the cluster's interface.
    pub network_in: u64,
    /// Bytes per second sent on the cluster's interface.
    pub network_out: u64,
    /// Seconds since boot.
    pub uptime_s: u64,
    /// Kernel release.
    pub kernel: String,
    /// Version of the loaded module, if any.
    pub module: Option<String>,
    /// Whether the node speaks without keys.
    pub insecure: bool,
    /// The busiest processes, deputies and guests included always, by falling CPU share.
    pub processes: Vec<ProcessSample>,
}

/// What a process is on the node that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProcessKind {
    /// Lives where it was born.
    Local,
    /// The home half of a process that computes on `node`.
    Deputy {
        /// Where it computes.
        node: NodeId,
    },
    /// The away half of a process of another node.
    Guest {
        /// Who it is.
        origin: ProcessRef,
    },
}

/// One process at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProcessSample {
    /// Process id on the reporting node.
    pub pid: u32,
    /// What it is there.
    pub kind: ProcessKind,
    /// Command name, at most 15 bytes.
    pub comm: String,
    /// Command line, where the viewer may see it.
    pub command_line: Option<String>,
    /// Owner, where the viewer may see it.
    pub user: Option<String>,
    /// State letter as in `ps`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: char,
    /// CPU share since the last sample in percent of one core.
    pub cpu_percent: f32,
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Number of threads.
    pub threads: u32,
}

impl ProcessSample {
    /// The cluster-wide name of this process when node `reporter` reported it.
    #[must_use]
    pub fn identity(&self, reporter: NodeId) -> ProcessRef {
        match self.kind {
            ProcessKind::Guest { origin } => origin,
            ProcessKind::Local | ProcessKind::Deputy { .. } => ProcessRef {
                home: reporter,
                pid: self.pid,
            },
        }
    }
}

/// Where a move stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MovePhase {
    /// Frozen and offered.
    Started,
    /// The process runs at its destination.
    Committed,
    /// The process runs where it was before.
    Failed {
        /// Positive errno.
        errno: i32,
        /// In words.
        reason: String,
    },
    /// The process ended away from home.
    Ended {
        /// Wait status as `waitpid` reports it.
        status: i32,
    },
}

/// Counters of one move; zero where not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoveStatistics {
    /// Microseconds from the request until all threads were frozen.
    pub freeze_us: u64,
    /// Microseconds from freeze until the process ran again.
    pub frozen_us: u64,
    /// Bytes that crossed the wire up to the commit.
    pub bytes: u64,
    /// Pages that crossed the wire up to the commit.
    pub pages: u64,
}

/// A change in the life of a process that moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoveEvent {
    /// Who moves.
    pub process: ProcessRef,
    /// Its command name.
    pub comm: String,
    /// Where it ran.
    pub from: NodeId,
    /// Where it goes.
    pub to: NodeId,
    /// What happened.
    pub phase: MovePhase,
    /// What it comes home for by itself, as the end of "to ..."; empty: others moved it.
    pub errand: String,
    /// What it cost.
    pub statistics: MoveStatistics,
}
