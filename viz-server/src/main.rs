// SPDX-License-Identifier: GPL-2.0-or-later
//! See Cargo.toml for what this program does.

fn main() {}
