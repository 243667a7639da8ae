// SPDX-License-Identifier: GPL-2.0-or-later
//! The command line of `mattx-lab`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mattx_lab::{Config, Error, Kernel};

/// Virtual clusters of real kernels.
#[derive(Parser)]
#[command(name = "scripts/lab", version, about)]
pub struct Options {
    /// Name of the cluster, for several at once.
    #[arg(long, global = true, default_value = "default")]
    pub name: String,
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// Boot a cluster and leave it running.
    Up(UpOptions),
    /// Own a cluster (started by `up`).
    #[command(hide = true)]
    Own(UpOptions),
    /// Run a command in a node, with its output and exit status; without one, an interactive shell.
    ///
    /// One word is given to the node's shell, several are a program and its arguments.
    Sh {
        /// Node number.
        #[arg(value_parser = node_number)]
        node: usize,
        /// Leave standard input alone (for use in loops that read it).
        #[arg(short = 'n', long)]
        no_stdin: bool,
        /// Kill it after so many seconds (status 124); 0 means never.
        #[arg(short, long, default_value_t = 0)]
        timeout: u64,
        /// The command.
        #[arg(trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// Copy a file or folder into a node.
    Push {
        /// Node number.
        #[arg(value_parser = node_number)]
        node: usize,
        /// File or folder here.
        local: PathBuf,
        /// File or folder there.
        remote: String,
    },
    /// Copy a file from a node.
    Pull {
        /// Node number.
        #[arg(value_parser = node_number)]
        node: usize,
        /// File there.
        remote: String,
        /// File here.
        local: PathBuf,
    },
    /// Print what a node's kernel said.
    Logs {
        /// Node number.
        #[arg(value_parser = node_number)]
        node: usize,
        /// Go on as it says more.
        #[arg(short, long)]
        follow: bool,
    },
    /// Break a node or its network, or mend it.
    Fault(FaultOptions),
    /// Make a port of a node reachable on this machine's loopback; prints the port.
    Forward {
        /// Node number.
        #[arg(value_parser = node_number)]
        node: usize,
        /// Port in the node.
        node_port: u16,
        /// Port here; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Fail when a kernel of the cluster reported a defect.
    Check,
    /// Show the running clusters.
    Status,
    /// Check the kernels a last time and end the cluster.
    Down {
        /// All clusters.
        #[arg(long)]
        all: bool,
    },
}

/// What to boot.
#[derive(Args)]
pub struct UpOptions {
    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    pub nodes: usize,
    /// 6.12, 7.2 or debug.
    #[arg(long, env = "MATTX_KERNEL", default_value = "7.2", value_parser = kernel)]
    pub kernel: Kernel,
    /// Only the operating system, without our software.
    #[arg(long)]
    pub bare: bool,
    /// Processors of each node.
    #[arg(long, default_value_t = 1)]
    pub cpus: u32,
    /// Memory of each node in MiB.
    #[arg(long)]
    pub memory: Option<u32>,
    /// Words added to the kernels' command line.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub append: String,
    /// A line added to the nodes' /etc/mattx.conf (may be repeated).
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl UpOptions {
    /// For the library.
    pub fn config(&self, name: &str) -> Config {
        Config {
            nodes: self.nodes,
            kernel: self.kernel,
            bare: self.bare,
            cpus: self.cpus,
            memory_mib: self.memory,
            name: Some(name.to_owned()),
            kernel_options: self.append.clone(),
            configuration: self.set.join("\n"),
            count_instructions: false,
        }
    }

    /// The same options again, for the process that owns the cluster.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--nodes={}", self.nodes),
            format!("--kernel={}", self.kernel),
            format!("--cpus={}", self.cpus),
            format!("--append={}", self.append),
        ];
        arguments.extend(self.memory.map(|memory| format!("--memory={memory}")));
        arguments.extend(self.set.iter().map(|line| format!("--set={line}")));
        if self.bare {
            arguments.push("--bare".into());
        }
        arguments
    }
}

/// A fault.
#[derive(Args)]
pub struct FaultOptions {
    /// What to do.
    pub fault: FaultName,
    /// Node number.
    #[arg(value_parser = node_number)]
    pub node: usize,
    /// Milliseconds of delay, or per cent of the frames.
    pub amount: Option<f64>,
    /// With cut: only the way to that node.
    #[arg(long, value_parser = node_number)]
    pub from: Option<usize>,
}

/// Names of faults.
#[derive(Clone, Copy, ValueEnum)]
pub enum FaultName {
    /// Cut the power.
    PowerOff,
    /// Switch on again.
    PowerOn,
    /// Power off and on.
    Reset,
    /// Stop the processors.
    Pause,
    /// Let them go on.
    Resume,
    /// Pull the network cable.
    Cut,
    /// Slow the network down.
    Delay,
    /// Lose frames.
    Lose,
    /// Damage frames.
    Corrupt,
    /// End all network faults.
    Mend,
}

fn kernel(name: &str) -> Result<Kernel, String> {
    name.parse().map_err(|error: Error| error.to_string())
}

/// `2` and `node2` mean the same.
fn node_number(text: &str) -> Result<usize, String> {
    text.strip_prefix("node")
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("\"{text}\" is no node; nodes are numbered from 1"))
}
