// SPDX-License-Identifier: GPL-2.0-or-later
//! The part of the 3D view that needs no browser: what is known, where it stands, what a gesture means.
//!
//! * [`cluster`] holds what the server told, [`places`] gives every node its place.
//! * [`bodies`] moves processes smoothly between their seats; [`rig`] moves the camera.
//! * [`pick`] finds what lies under a pointer, [`acting`] turns gestures into commands, [`choices`] and [`outlook`] say what
//!   could be done and what it would cost.
//! * [`history`] remembers the last hour, [`tour`] leads a camera that nobody steers.

pub mod acting;
pub mod bodies;
pub mod changes;
pub mod choices;
pub mod cluster;
pub mod filter;
pub mod history;
pub mod motion;
pub mod outlook;
pub mod pick;
pub mod places;
pub mod rig;
pub mod sorted;
pub mod tour;
pub mod words;
