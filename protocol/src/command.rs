// SPDX-License-Identifier: GPL-2.0-or-later
//! What people ask of the cluster and how they are answered.

use serde::{Deserialize, Serialize};

use crate::model::{MoveStatistics, NodeId, ProcessRef};

/// Where a process shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// To this node.
    Node(NodeId),
    /// Back to where it was born.
    Home,
    /// Wherever the balancer thinks best.
    Best,
}

/// A request; it is carried out on the node it concerns, whichever node receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Move a process.
    Migrate {
        /// Which process.
        process: ProcessRef,
        /// Whereto.
        target: Target,
    },
}

impl Command {
    /// The node that must carry this out.
    #[must_use]
    pub fn executor(&self) -> NodeId {
        match self {
            Self::Migrate { process, .. } => process.home,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Carried out.
    Done {
        /// What it cost.
        statistics: MoveStatistics,
    },
    /// Not carried out; nothing changed.
    Failed {
        /// Positive errno, 0 where no system call was involved.
        errno: i32,
        /// What happened, to what, why, and what to do.
        reason: String,
    },
}
