// SPDX-License-Identifier: GPL-2.0-or-later
//! Where the picture comes from.

use std::future::Future;

use mattx_protocol::browser;
use tokio::sync::mpsc;

use crate::hub::{Hub, Order};

pub mod live;
pub mod procfs;
pub mod replay;
pub mod sim;

/// Something that knows what happens in a cluster and can act on it.
pub trait Source: Send + 'static {
    /// How viewers label it.
    fn kind(&self) -> browser::Source;

    /// Tells `hub` everything and answers `orders`, until the end of the program.
    fn run(self, hub: Hub, orders: mpsc::Receiver<Order>) -> impl Future<Output = ()> + Send;
}
