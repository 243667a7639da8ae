// SPDX-License-Identifier: GPL-2.0-or-later
//! The daemon's control socket: one JSON object a line, in both directions.
//!
//! The daemon greets with [`Reply::Hello`]. Each [`Request`] carries a number that its
//! [`Reply::Answer`] repeats; samples and events flow after [`Operation::Subscribe`].

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::model::{MoveEvent, NodeId, NodeSample};

/// Version of this protocol; a different major number is refused with a message.
pub const VERSION: u32 = 1;
/// Where the daemon listens.
pub const SOCKET_PATH: &str = "/run/mattx/discd.sock";
/// Longest line either side accepts, in bytes.
pub const MAX_LINE: usize = 4 << 20;

/// What a local program asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the asker, repeated in the answer.
    pub id: u64,
    /// What to do.
    pub operation: Operation,
}

/// The operations of the control socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// Send all nodes now and every change from now on.
    Subscribe,
    /// Send all nodes once, then [`Reply::Answer`].
    Snapshot,
    /// Carry out a command; needs root or group `mattx`.
    Execute(Command),
}

/// What the daemon says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// First line of a connection.
    Hello {
        /// [`VERSION`] of the daemon.
        version: u32,
        /// The daemon's own node.
        node: NodeId,
        /// Whether the cluster speaks without keys.
        insecure: bool,
    },
    /// A node's news: new, changed, or [`crate::model::NodeState::Down`].
    Node(NodeSample),
    /// A node left the table.
    Gone(NodeId),
    /// A process moved, or tried to.
    Move(MoveEvent),
    /// The end of a request.
    Answer {
        /// Of which request.
        id: u64,
        /// How it ended.
        outcome: Outcome,
    },
}
