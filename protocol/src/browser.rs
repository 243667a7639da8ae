// SPDX-License-Identifier: GPL-2.0-or-later
//! The websocket between `mattx-viz` and its viewers.
//!
//! The server greets with [`FromServer::Hello`] and a [`FromServer::Snapshot`], then sends
//! [`FromServer::Delta`]s with rising sequence numbers. Binary messages are postcard, text
//! messages (asked for with `?format=json`) are JSON, both of these types.

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::model::{MoveEvent, NodeId, NodeSample};

/// Version of this protocol.
pub const VERSION: u32 = 1;

/// Where the picture comes from; viewers label everything but [`Source::Live`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Real kernels, now.
    Live,
    /// Invented by a seeded simulation.
    Simulated,
    /// A recording.
    Replay,
}

/// What a viewer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, without a keyboard.
    Kiosk,
    /// Move processes.
    Operator,
    /// Everything.
    Admin,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromServer {
    /// First message.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// What this viewer may do.
        role: Role,
        /// Where the picture comes from.
        source: Source,
        /// Why the picture may be incomplete, in words.
        notice: Option<String>,
    },
    /// The whole picture.
    Snapshot {
        /// Number of the last change it holds.
        sequence: u64,
        /// All nodes.
        nodes: Vec<NodeSample>,
    },
    /// What changed since the message before.
    Delta {
        /// One more than the message before; otherwise ask for a snapshot.
        sequence: u64,
        /// New or changed nodes, whole.
        nodes: Vec<NodeSample>,
        /// Nodes that left.
        gone: Vec<NodeId>,
    },
    /// Something moved; sent at once.
    Move(MoveEvent),
    /// A command was understood and is under way.
    Accepted {
        /// Of which request.
        id: u64,
    },
    /// A command ended.
    Answer {
        /// Of which request.
        id: u64,
        /// How.
        outcome: Outcome,
    },
    /// The picture became incomplete for this reason, or complete again.
    Notice(Option<String>),
}

/// What a viewer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromViewer {
    /// Carry out a command.
    Execute {
        /// Chosen by the viewer.
        id: u64,
        /// What to do.
        command: Command,
    },
    /// Send a snapshot.
    Resynchronise,
}
