// SPDX-License-Identifier: GPL-2.0-or-later
//! The control link between two daemons: frames of a big-endian `u32` length and that many
//! bytes of JSON.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::model::{MoveEvent, NodeId, NodeSample};

/// Version of this protocol.
pub const VERSION: u32 = 1;
/// Longest frame either side accepts, in bytes.
pub const MAX_FRAME: usize = 4 << 20;

/// What a new connection is for; the first frame in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Frames of this module.
    Control,
    /// After the greeting the socket belongs to the kernel modules.
    Data,
}

/// The load news that every node tells every other, in the units of `/proc/mattx/nodes`.
///
/// A node that is quiet says 0 for all of them: no affinity means that nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// 1000 per runnable process.
    pub cpu_load: u32,
    /// 1000 per core of standard speed.
    pub affinity: u32,
    /// `MemAvailable` in MiB.
    pub memory_free_mib: u64,
    /// No guests are taken there.
    #[serde(default)]
    pub takes_no_guests: bool,
    /// Balancers leave there what is there.
    #[serde(default)]
    pub keeps_guests: bool,
}

/// Who speaks on a new connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// [`VERSION`] of the speaker.
    pub version: u32,
    /// What the connection is for.
    pub purpose: Purpose,
    /// Node number of the speaker.
    pub node: NodeId,
    /// Differs between any two machines, and stays the same on one.
    pub machine: u64,
    /// Random number that changes with every boot of the speaker.
    pub boot: u64,
    /// Address of the speaker in the cluster's network.
    pub address: IpAddr,
    /// Host name of the speaker.
    pub name: String,
}

/// A frame between daemons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    /// Who speaks; first in each direction.
    Hello(Greeting),
    /// In place of the answering greeting: the receiver does not want this connection.
    Refused {
        /// In words.
        reason: String,
    },
    /// Heartbeat with the speaker's load, every second.
    Load(Load),
    /// Ask for samples and events of the receiver, or stop them.
    Subscribe(bool),
    /// The speaker's own sample.
    Sample(Box<NodeSample>),
    /// Something moved at the speaker.
    Move(MoveEvent),
    /// Carry out a command at the receiver.
    Execute {
        /// Chosen by the asker.
        id: u64,
        /// What to do.
        command: Command,
    },
    /// The end of a command.
    Answer {
        /// Of which request.
        id: u64,
        /// How it ended.
        outcome: Outcome,
    },
    /// The speaker leaves on purpose.
    Bye,
}
