// SPDX-License-Identifier: GPL-2.0-or-later
//! What people ask of the cluster and how they are answered.

use serde::{Deserialize, Serialize};

use crate::model::{MoveStatistics, NodeId, ProcessRef};

/// Longest command name that the kernel keeps, in bytes.
pub const MAX_NAME: usize = 15;
/// Names that a [`NameList`] may hold.
pub const MOST_NAMES: usize = 64;

/// Where a process shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Target {
    /// To this node.
    Node(NodeId),
    /// Back to where it was born.
    Home,
    /// Wherever the balancer thinks best.
    Best,
}

/// A switch of one node, as in `/proc/mattx/admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NodeSwitch {
    /// The node's balancer moves processes by itself.
    Balancer,
    /// The node takes no guests.
    Block,
    /// Nothing moves away from the node.
    Stay,
    /// Processes born on the node stay; its guests may go on.
    StayLocal,
    /// The node spreads no news of its load.
    Quiet,
}

/// A list of command names on one node, as in `/proc/mattx/admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NameList {
    /// These never move.
    Exclude,
    /// When not empty, only these move.
    Include,
}

/// A request; it is carried out on the node it concerns, whichever node receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Command {
    /// Move a process.
    Migrate {
        /// Which process.
        process: ProcessRef,
        /// Whereto.
        target: Target,
    },
    /// Let a process move by itself, or not.
    Lock {
        /// Which process.
        process: ProcessRef,
        /// Whether it stays where it is.
        locked: bool,
    },
    /// Send all guests of a node to their homes.
    Expel {
        /// Which node.
        node: NodeId,
    },
    /// Call all processes of a node home.
    Bring {
        /// Which node.
        node: NodeId,
    },
    /// Turn a switch of a node.
    Switch {
        /// Which node.
        node: NodeId,
        /// Which switch.
        switch: NodeSwitch,
        /// To which side.
        on: bool,
    },
    /// Set how much work a node attracts.
    Affinity {
        /// Which node.
        node: NodeId,
        /// 1000 per core of standard speed, 0 for automatic.
        affinity: u32,
    },
    /// Replace a list of command names of a node.
    Names {
        /// Which node.
        node: NodeId,
        /// Which list.
        list: NameList,
        /// Command names, each at most 15 bytes.
        names: Vec<String>,
    },
}

impl Command {
    /// The node that must carry this out.
    #[must_use]
    pub fn executor(&self) -> NodeId {
        match self {
            Self::Migrate { process, .. } | Self::Lock { process, .. } => process.home,
            Self::Expel { node }
            | Self::Bring { node }
            | Self::Switch { node, .. }
            | Self::Affinity { node, .. }
            | Self::Names { node, .. } => *node,
        }
    }

    /// Says what is wrong with a command that no node could carry out: names that the kernel could not keep apart.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let Self::Names { names, .. } = self else {
            return Ok(());
        };
        if names.len() > MOST_NAMES {
            return Err(format!("a list holds at most {MOST_NAMES} names"));
        }
        let separates = |c: char| c == ',' || c.is_whitespace() || c.is_control();
        match names
            .iter()
            .find(|name| name.is_empty() || name.len() > MAX_NAME || name.contains(separates))
        {
            None => Ok(()),
            Some(name) => Err(format!(
                "{name:?} is no command name: it has 1 to {MAX_NAME} bytes, no blank and no comma"
            )),
        }
    }

    /// The process that this is about, if it is about one.
    #[must_use]
    pub fn process(&self) -> Option<ProcessRef> {
        match self {
            Self::Migrate { process, .. } | Self::Lock { process, .. } => Some(*process),
            _ => None,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_become_several_are_refused() {
        let names = |names: &[&str]| Command::Names {
            node: 1,
            list: NameList::Exclude,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(names(&[]).check(), Ok(()));
        assert_eq!(names(&["sshd"]).check(), Ok(()));
        for wrong in ["", "a,b", "a b", "a\nbalancer 0", "longer-than-comms"] {
            assert!(names(&["sshd", wrong]).check().is_err(), "{wrong:?}");
        }
        assert!(names(&["x"; MOST_NAMES + 1]).check().is_err());
    }
}
