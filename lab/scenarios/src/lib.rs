// SPDX-License-Identifier: GPL-2.0-or-later
//! What scenario tests share. A scenario is a file in `tests/`: it boots its own cluster, lets real programs run,
//! does something to them, and compares. Which kernel the nodes run is decided by `MATTX_KERNEL`.

pub mod modules;
pub mod moves;
pub mod nfs;
pub mod programs;
pub mod steps;
pub mod viewer;
