// SPDX-License-Identifier: GPL-2.0-or-later
//! The command line of `mattx-viz`.

use std::future::Future;
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mattx_protocol::local;
use mattx_viz::access::{self, Access};
use mattx_viz::audit::Audit;
use mattx_viz::hub::Hub;
use mattx_viz::record::{self, Recorder};
use mattx_viz::source::Source;
use mattx_viz::source::live::Live;
use mattx_viz::source::procfs;
use mattx_viz::source::replay::Replay;
use mattx_viz::source::sim::{Simulation, World};
use mattx_viz::web::{self, Site};
use tokio::net::TcpListener;

/// Limits of the speed of a replay.
const SLOWEST: f32 = 0.01;
const FASTEST: f32 = 1000.0;

/// Serves the living picture of the cluster to browsers.
///
/// It prints a link that holds a token: whoever opens that link may move processes, everybody else may look.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Show an invented cluster of this many nodes instead of the real one
    #[arg(long, value_name = "NODES", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    sim: Option<u32>,
    /// Seed of the invented cluster
    #[arg(long, default_value_t = 1, requires = "sim")]
    seed: u64,
    /// Show a recording, again and again
    #[arg(long, value_name = "FILE", conflicts_with = "sim")]
    replay: Option<PathBuf>,
    /// How many times faster than it happened
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        requires = "replay"
    )]
    speed: f32,
    /// Record what viewers are told into this new file; it holds user names and command lines
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Control socket of the daemon
    #[arg(long, value_name = "PATH", default_value = local::SOCKET_PATH)]
    socket: PathBuf,
    /// Keep the token in this file instead of making a new one at every start
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Show nothing to those who do not have the token
    #[arg(long)]
    private: bool,
    /// A host name under which browsers may know this server, beside its addresses
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Append every command and its result to this file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&format!(
                "the threads of the server cannot be started: {error}"
            ));
        }
    };
    match runtime.block_on(serve(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason),
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("mattx-viz: {reason}");
    ExitCode::FAILURE
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let token = match &arguments.token_file {
        Some(file) => access::token_from(file)?,
        None => access::new_token()?,
    };
    let audit = arguments
        .audit
        .as_deref()
        .map_or_else(|| Ok(Audit::default()), Audit::to)?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        format!("cannot listen on {} ({error}); is another server there? --listen chooses another address", arguments.listen)
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("the listening socket has no address: {error}"))?;
    let access = Access::new(&token, address.port(), arguments.private, hosts(&arguments));
    let hub = match (&arguments.replay, arguments.sim) {
        (Some(file), _) => start(Replay {
            records: record::read(file)?,
            speed: arguments.speed.clamp(SLOWEST, FASTEST),
        }),
        (None, Some(nodes)) => start(Simulation {
            world: World::new(arguments.seed, nodes),
        }),
        (None, None) => start(Live {
            socket: arguments.socket,
            procfs: procfs::FOLDER.into(),
        }),
    };
    if let Some(file) = &arguments.record {
        tokio::spawn(Recorder::begin(file)?.follow(hub.clone()));
    }
    tokio::spawn(hub.clone().publish());

    if !address.ip().is_loopback() {
        tracing::warn!(
            "listening beyond this machine without encryption: whoever can read the network can read the token"
        );
    }
    let shown = SocketAddr::new(
        if address.ip().is_unspecified() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            address.ip()
        },
        address.port(),
    );
    println!("MattX is at http://{shown}/?token={token}");
    let site = web::router(Site::new(hub, access, audit))
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        result = axum::serve(listener, site) => result.map_err(|error| format!("the server stopped: {error}")),
        () = asked_to_stop() => Ok(()),
    }
}

fn start<S: Source>(source: S) -> Hub {
    let (hub, orders) = Hub::new(source.kind());
    tokio::spawn(source.run(hub.clone(), orders));
    hub
}

/// The names that this server may be called by.
fn hosts(arguments: &Arguments) -> Vec<String> {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = Some(own.trim().to_owned()).filter(|name| !name.is_empty());
    arguments.allow_host.iter().cloned().chain(own).collect()
}

/// Waits for an interrupt or a request to terminate.
fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    async {
        let mut terminate = match signal(SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(error) => {
                tracing::warn!("SIGTERM will end the server without a farewell: {error}");
                return std::future::pending().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
