// SPDX-License-Identifier: GPL-2.0-or-later
//! Virtual clusters of real kernels, for tests and the demonstration.
//!
//! ```no_run
//! use mattx_lab::{Cluster, Config};
//!
//! # fn main() -> mattx_lab::Result<()> {
//! let cluster = Cluster::boot(Config::bare(2)?)?;
//! cluster.node(1).sh("ping -c 1 node2")?;
//! cluster.node(2).cut();
//! assert_ne!(cluster.node(1).try_sh("ping -c 1 -W 1 node2")?.status, 0);
//! cluster.finish()
//! # }
//! ```
//!
//! Every node is a virtual machine with a stock kernel and Debian's user land; they share an Ethernet whose cables
//! can be cut, slowed down and damaged. A kernel that reports a defect (oops, warning, lockdep, KASAN, leak) fails
//! whatever uses the cluster. Machines, sockets and files vanish with the [`Cluster`], however the program ends.

mod agent;
pub mod background;
mod cleanup;
mod cluster;
mod console;
mod counter;
mod error;
mod forward;
pub mod frame;
mod install;
mod node;
mod paths;
mod process;
mod qemu;
mod qmp;
mod rundir;
mod switch;

pub use cluster::{Cluster, Config, SharedCluster};
pub use console::find_report;
pub use error::{Error, Result};
pub use node::{BOOT_LIMIT, COMMAND_LIMIT, Node, Output};
pub use paths::{Kernel, cache, repository};
pub use process::Process;
pub use switch::Cable;
