// SPDX-License-Identifier: GPL-2.0-or-later
//! What the parts of MattX say to each other: types only, no I/O.
//!
//! * [`model`]: nodes, processes and moves, the words that all other modules use.
//! * [`command`]: what people ask of the cluster and how they are answered.
//! * [`local`]: the daemon's control socket on its own node.
//! * [`peer`]: the control link between two daemons.
//! * [`browser`]: the websocket between `mattx-viz` and its viewers.
//! * [`layout`]: how the nodes stand in the picture.
//! * [`why`]: whether a process would move.
//! * [`config`]: what an administrator says in `/etc/mattx.conf`.
//!
//! Every enum is encoded in serde's externally tagged form, and no field is skipped or
//! flattened, so that the same types travel as JSON and as postcard.

pub mod browser;
pub mod command;
pub mod config;
pub mod layout;
pub mod local;
pub mod model;
pub mod peer;
pub mod why;
