// SPDX-License-Identifier: GPL-2.0-or-later
//! The websocket between `mattx-viz` and its viewers.
//!
//! The server greets with [`FromServer::Hello`], [`FromServer::Layout`] and a [`FromServer::Snapshot`], then sends
//! [`FromServer::Delta`]s with rising sequence numbers. Binary messages are postcard, text
//! messages (asked for with `?format=json`) are JSON, both of these types.

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::layout::Layout;
use crate::model::{MoveEvent, NodeId, NodeSample, ProcessRef};

/// Version of this protocol.
pub const VERSION: u32 = 1;
/// Commands that one [`FromViewer::ExecuteAll`] may hold.
pub const MOST_COMMANDS: usize = 1000;

/// Where the picture comes from; viewers label everything but [`Source::Live`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, without a keyboard.
    Kiosk,
    /// Move and lock processes, empty nodes, steer recordings.
    Operator,
    /// Everything: switches, affinity and name lists of nodes too.
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
    /// A command goes on; its [`FromServer::Answer`] is still to come.
    Progress {
        /// Of which request.
        id: u64,
        /// What happened.
        step: Step,
    },
    /// Where a recording stands; only from [`Source::Replay`], whenever somebody changed it and once a second.
    Playback(Playback),
    /// Where nodes stand in the picture; told before the first snapshot.
    Layout(Layout),
}

/// What happens between [`FromServer::Accepted`] and [`FromServer::Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Step {
    /// The process stands still and is on its way.
    Moving {
        /// Which process.
        process: ProcessRef,
    },
    /// One of several commands ended.
    Part {
        /// Which one, counted from 0.
        index: u32,
        /// Of how many.
        of: u32,
        /// What it was.
        command: Command,
        /// How it ended.
        outcome: Outcome,
    },
}

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Playback {
    /// Milliseconds since the recording began.
    pub position_ms: u64,
    /// Length of the recording in milliseconds.
    pub length_ms: u64,
    /// Speed in percent of the original.
    pub speed_percent: u32,
    /// Whether time stands still.
    pub paused: bool,
}

/// What operators may do with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PlaybackControl {
    /// Let time stand still.
    Pause,
    /// Let time go on.
    Play,
    /// Go to this time, in milliseconds since the recording began.
    Seek(u64),
    /// Percent of the original speed, 1..=100 000.
    Speed(u32),
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
    /// Carry out several commands; each end is told as [`Step::Part`], the last answer sums up.
    ExecuteAll {
        /// Chosen by the viewer.
        id: u64,
        /// What to do, at most [`MOST_COMMANDS`].
        commands: Vec<Command>,
    },
    /// Change where a recording stands, for all viewers; answered by [`FromServer::Answer`].
    Playback {
        /// Chosen by the viewer.
        id: u64,
        /// What to do.
        control: PlaybackControl,
    },
}

impl Role {
    /// The least role that may give `command`.
    #[must_use]
    pub fn needed_for(command: &Command) -> Self {
        match command {
            Command::Migrate { .. }
            | Command::Lock { .. }
            | Command::Expel { .. }
            | Command::Bring { .. } => Self::Operator,
            Command::Switch { .. } | Command::Affinity { .. } | Command::Names { .. } => {
                Self::Admin
            }
        }
    }
}
