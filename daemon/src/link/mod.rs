// SPDX-License-Identifier: GPL-2.0-or-later
//! Connections between two daemons.
//!
//! A connection begins with a knock: the beacon of who connects, so that strangers get no answer
//! at all. Then comes the TLS handshake, unless the cluster goes without keys, and a greeting in
//! each direction, which says what the connection is for. A control connection then carries
//! frames; a data connection is handed to the kernel.

pub mod connection;
pub mod frame;
pub mod handshake;
mod ktls;
pub mod listener;
mod record;
pub mod stream;
pub mod tls;
mod waiting;

use std::io;
use std::time::Duration;

use crate::beacon::Stranger;

/// A new connection must have greeted within this time.
pub const GREETING_DEADLINE: Duration = Duration::from_secs(5);

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The network said so.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The other side closed it.
    #[error("the peer closed the connection")]
    Closed,
    /// Longer than a frame may be.
    #[error("a frame of {0} bytes, more than a frame may have")]
    TooLong(usize),
    /// Not a frame.
    #[error("a frame that cannot be read: {0}")]
    Malformed(serde_json::Error),
    /// A frame that has no place here.
    #[error("a frame out of order")]
    Unexpected,
    /// The other side does not want it.
    #[error("refused by the peer: {0}")]
    Refused(String),
    /// It does not begin with a knock of this cluster.
    #[error("a stranger: {0}")]
    Stranger(#[from] Stranger),
    /// Too slow.
    #[error("no greeting within {} s", GREETING_DEADLINE.as_secs())]
    Late,
}
