// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-viz`: the living picture of the cluster for browsers, kiosks and scripts.
//!
//! * [`source`] tells what happens: the daemon of this node, a simulation, or a recording ([`record`]).
//! * [`picture`] is the state that all viewers see; [`hub`] spreads its changes.
//! * [`web`] speaks HTTP and websocket; [`access`] decides who may do what.

pub mod access;
pub mod audit;
pub mod frame;
pub mod hub;
pub mod picture;
pub mod record;
pub mod source;
pub mod web;
