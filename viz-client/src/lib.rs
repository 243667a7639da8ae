// SPDX-License-Identifier: GPL-2.0-or-later
//! The part of the 3D view that needs no browser: what is known, where it stands, what a gesture means.
//!
//! * [`cluster`] holds what the server told, [`places`] gives every node its place.
//! * [`bodies`] moves processes smoothly between their seats; [`rig`] moves the camera.
//! * [`pick`] finds what lies under a pointer, [`acting`] turns gestures into commands.

pub mod acting;
pub mod bodies;
pub mod cluster;
pub mod filter;
pub mod motion;
pub mod pick;
pub mod places;
pub mod rig;
pub mod words;
