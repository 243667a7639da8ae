// SPDX-License-Identifier: GPL-2.0-or-later
//! A cluster that outlives the command that booted it: one process owns it and takes requests on a Unix socket.

mod client;
mod request;
mod server;

pub use client::{Client, list};
pub use request::{Fault, NodeStatus, Request, Status};
pub use server::serve;

/// The socket in the cluster's run folder.
const SOCKET: &str = "control";
/// What the owner prints when the cluster is up.
const READY: &str = "ready";
