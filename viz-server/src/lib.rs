// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-viz`: the living picture of the cluster for browsers, kiosks and scripts.
//!
//! * [`source`] tells what happens: the daemon of this node, a simulation, or a recording ([`record`]).
//! * [`picture`] is the state that all viewers see; [`hub`] spreads its changes.
//! * [`doors`] is where they come in, [`web`] speaks HTTP and websocket.
//! * [`layout`] reads how the nodes stand.
//! * [`desk`] has commands carried out; [`access`] decides who may give them, [`audit`] writes them down.

pub mod access;
pub mod audit;
pub mod desk;
pub mod doors;
pub mod frame;
pub mod hub;
pub mod layout;
pub mod picture;
pub mod record;
pub mod source;
pub mod web;
