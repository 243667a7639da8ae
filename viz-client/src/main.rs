// SPDX-License-Identifier: GPL-2.0-or-later
//! The 3D view of the cluster; see Cargo.toml.

fn main() {}
