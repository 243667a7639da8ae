// SPDX-License-Identifier: GPL-2.0-or-later
//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mattx_protocol::local::SOCKET_PATH;

/// One system made of many: nodes, processes, and moving them.
#[derive(Parser)]
#[command(name = "mattx", version, propagate_version = true)]
pub struct Arguments {
    /// Print JSON for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// Control socket of mattx-discd.
    #[arg(long, global = true, default_value = SOCKET_PATH, value_name = "PATH")]
    pub socket: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The commands.
#[derive(Subcommand)]
pub enum Verb {
    /// The nodes of the cluster.
    Status,
    /// The processes of the cluster.
    Ps {
        /// Also those that use no processor time and never moved.
        #[arg(long, short)]
        all: bool,
    },
    /// Nodes and processes as they are now; keys move processes.
    Top {
        /// Print them once and end, as also happens without a terminal.
        #[arg(long)]
        once: bool,
    },
    /// Move a process to another node.
    Migrate {
        /// Process id at its home.
        pid: u32,
        /// Node number, address or host name; `home`; or `best`.
        #[arg(value_name = "NODE|home|best")]
        target: String,
        /// The node where the process was born, if it is not this one.
        #[arg(long, value_name = "NODE")]
        home: Option<String>,
    },
    /// Bring a process home.
    Home {
        /// Process id at its home.
        pid: u32,
        /// The node where the process was born, if it is not this one.
        #[arg(long, value_name = "NODE")]
        home: Option<String>,
    },
    /// Send all guests of a node to their homes.
    Expel {
        /// Node number, address or host name; this node without it.
        node: Option<String>,
    },
    /// Call all processes of a node home.
    Bring {
        /// Node number, address or host name; this node without it.
        node: Option<String>,
    },
    /// Keep a process where it is, for people and for the balancer; it can still come home.
    Lock {
        /// Process id at its home.
        pid: u32,
        /// The node where the process was born, if it is not this one.
        #[arg(long, value_name = "NODE")]
        home: Option<String>,
    },
    /// Let a locked process move again.
    Unlock {
        /// Process id at its home.
        pid: u32,
        /// The node where the process was born, if it is not this one.
        #[arg(long, value_name = "NODE")]
        home: Option<String>,
    },
    /// Let the processes of a node move by themselves, or not.
    Balancer(Switch),
    /// Let a node take no guests, or take them again.
    Block(Switch),
    /// Let nothing move away from a node, neither its own processes nor, by themselves, its guests.
    Stay(Switch),
    /// Let the processes born on a node stay where they are.
    Lstay(Switch),
    /// Let a node tell the others nothing of its load, so that nothing comes to it by itself.
    Quiet(Switch),
    /// Tell whether a process of this node can move, and why not.
    Why {
        /// Process id.
        pid: u32,
    },
    /// The secret that all nodes of a cluster share.
    Cluster {
        /// Where it is kept.
        #[arg(long, default_value = "/etc/mattx/cluster.key", value_name = "PATH")]
        key_file: PathBuf,
        /// What to do.
        #[command(subcommand)]
        verb: ClusterVerb,
    },
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Manual,
    /// Check that this node can take part, and say what to do where it cannot.
    Doctor,
}

/// Which way to turn a switch, and where.
#[derive(Args)]
pub struct Switch {
    /// Which way.
    pub state: State,
    /// Node number, address or host name; this node without it.
    pub node: Option<String>,
}

/// The two sides of a switch.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// It is so.
    On,
    /// It is not.
    Off,
}

/// What can be done with the secret.
#[derive(Subcommand)]
pub enum ClusterVerb {
    /// Make a new secret: the first node of a new cluster.
    Init,
    /// Take over the secret of another node, given on standard input.
    Join,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_habits_of_mattx_admin_work() {
        for line in [
            &["mattx-admin", "status"][..],
            &["mattx-admin", "migrate", "77", "814"],
            &["mattx-admin", "migrate", "77", "192.168.122.38"],
            &["mattx-admin", "migrate", "77", "home"],
            &["mattx-admin", "migrate", "77", "best"],
            &["mattx-admin", "expel"],
            &["mattx-admin", "expel", "node2"],
            &["mattx-admin", "bring"],
            &["mattx-admin", "lock", "77"],
            &["mattx-admin", "unlock", "77", "--home", "node2"],
            &["mattx-admin", "balancer", "on"],
            &["mattx-admin", "stay", "off", "192.168.122.38"],
        ] {
            assert!(Arguments::try_parse_from(line).is_ok(), "{line:?}");
        }
    }
}
