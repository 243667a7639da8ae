// SPDX-License-Identifier: GPL-2.0-or-later
//! What can be asked of `mattx-viz` on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mattx_protocol::local;

/// Serves the living picture of the cluster to browsers.
///
/// Everybody who reaches it may look, unless it is private; whoever opens the link that it prints, or has another token,
/// may move processes.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// What else to do than to serve
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Address and port to listen on; port 0 takes a free one. Sockets that systemd passes come first
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    pub listen: SocketAddr,
    /// Show an invented cluster of this many nodes instead of the real one
    #[arg(long, value_name = "NODES", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sim: Option<u32>,
    /// Processes of the invented cluster, in all
    #[arg(long, value_name = "COUNT", requires = "sim", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sim_processes: Option<u32>,
    /// Seed of the invented cluster
    #[arg(long, default_value_t = 1, requires = "sim")]
    pub seed: u64,
    /// Show a recording, again and again
    #[arg(long, value_name = "FILE", conflicts_with = "sim")]
    pub replay: Option<PathBuf>,
    /// How many times faster than it happened, at first
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        requires = "replay"
    )]
    pub speed: f32,
    /// Record what viewers are told into this new file; it holds user names and command lines
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How nodes stand in the picture: honeycomb, grid, rings, or a file that tells which node is in which rack
    #[arg(long, value_name = "NAME|FILE", default_value = "honeycomb")]
    pub layout: String,
    /// Control socket of the daemon
    #[arg(long, value_name = "PATH", default_value = local::SOCKET_PATH)]
    pub socket: PathBuf,
    /// Keep who may do what in this file; while nobody is in it, a link is printed that can be opened once
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub tokens: Option<PathBuf>,
    /// Keep the only token, an administrator's, in this file instead of making a new one at every start
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Keep tokens, audit log and the certificate that is needed beyond this machine in this folder
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
    /// Show nothing to those who have no token
    #[arg(long)]
    pub private: bool,
    /// Show command lines and user names to viewers and kiosks, too
    #[arg(long)]
    pub show_details: bool,
    /// A host name under which browsers may know this server, beside its addresses
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// Certificate for https; made together with the key when both files are missing
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Do not encrypt, even beyond this machine: for tunnels and proxies that do
    #[arg(long, conflicts_with = "tls_cert")]
    pub plain_http: bool,
    /// Append every command and its result to this file
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// What else to do than to serve.
#[derive(Subcommand)]
pub enum Action {
    /// Say who may do what
    #[command(subcommand)]
    Token(TokenAction),
    /// Print the description of the REST interface
    Openapi,
}

/// Changes of a file of tokens; a running server follows them within a second.
#[derive(Subcommand)]
pub enum TokenAction {
    /// Print a new token for somebody, instead of the one they may have
    Add {
        /// viewer, kiosk, operator or admin
        role: String,
        /// Who, as the audit log will call them
        name: String,
        /// The file of tokens
        #[arg(long, value_name = "FILE", default_value = FILE)]
        tokens: PathBuf,
    },
    /// Let somebody in no longer
    Remove {
        /// Who
        name: String,
        /// The file of tokens
        #[arg(long, value_name = "FILE", default_value = FILE)]
        tokens: PathBuf,
    },
    /// Print who may do what
    List {
        /// The file of tokens
        #[arg(long, value_name = "FILE", default_value = FILE)]
        tokens: PathBuf,
    },
}

/// Where the service keeps its tokens.
const FILE: &str = "/var/lib/mattx-viz/tokens";
