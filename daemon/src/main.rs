// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-discd`: finds the other nodes, links to them, tells the kernel, and knows what goes on.
//!
//! One task, the [`hub`], owns all state; the others do I/O and tell it what happened.
//! Who belongs to the cluster is decided in [`membership`], which does no I/O at all.

mod admin;
mod balancer;
mod beacon;
mod control;
mod discovery;
#[cfg(test)]
mod fuzz;
mod guests;
mod hub;
mod identity;
mod interface;
mod kernel;
mod key;
mod link;
mod membership;
mod notify;
mod settings;
mod strangers;
mod telemetry;

use std::fs;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mattx_protocol::config::{self, Config, MAX_NODE_ID};
use nix::sys::stat::Mode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::hub::{INBOX, Inbox, Order, Parts};
use crate::identity::Identity;
use crate::interface::Interface;
use crate::key::ClusterKey;
use crate::link::handshake::Doorkeeper;
use crate::membership::Membership;

/// How long the daemon waits for its network interface to get an address.
const INTERFACE_PATIENCE: Duration = Duration::from_secs(60);
const INTERFACE_RETRY: Duration = Duration::from_secs(1);
/// Time for the last frames to leave.
const FAREWELL: Duration = Duration::from_millis(300);

/// MattX discovery and telemetry daemon.
///
/// Finds the other nodes of the cluster, links to them, hands links to mattx.ko, starts the
/// surrogates of arriving processes, and serves `mattx` and `mattx-viz` on its control socket.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file.
    #[arg(long, default_value = config::PATH)]
    config: PathBuf,
    /// Validate the configuration and exit.
    #[arg(long)]
    check: bool,
    /// Log more; RUST_LOG is understood too.
    #[arg(long, short)]
    verbose: bool,
}

/// A failure that ends the daemon, as one sentence.
type Failure = String;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.verbose);
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging(verbose: bool) {
    let level = if verbose { "debug" } else { "info" };
    // The netlink library logs its own retries as errors.
    let usual = format!("{level},neli=off");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let layer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // The journal has times of its own.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        layer.without_time().init();
    } else {
        layer.init();
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = load_config(&arguments.config)?;
    if arguments.check {
        println!("{} is valid", arguments.config.display());
        return Ok(());
    }
    prefer_this_process();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?
        .block_on(serve(config, &arguments.config))
}

/// Reads and validates the configuration, and logs what is wrong with it. A missing file at the
/// usual place means the defaults.
fn load_config(path: &Path) -> Result<Config, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && path == Path::new(config::PATH) =>
        {
            String::new()
        }
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        Ok(text) => text,
    };
    let (config, problems) = config::parse(&text);
    for problem in &problems {
        if problem.fatal {
            tracing::error!("{}: {problem}", path.display());
        } else {
            tracing::warn!("{}: {problem}", path.display());
        }
    }
    if problems.iter().any(|problem| problem.fatal) {
        return Err(format!("{} is not valid", path.display()));
    }
    Ok(config)
}

fn load_key(config: &Config) -> Result<ClusterKey, Failure> {
    if config.insecure {
        tracing::warn!(
            "INSECURE=true: anybody in this network can join the cluster and take over its nodes"
        );
        return Ok(ClusterKey::insecure());
    }
    ClusterKey::load(&config.cluster_key_file).map_err(|error| error.to_string())
}

async fn find_interface(config: &Config) -> Result<Interface, Failure> {
    let begin = tokio::time::Instant::now();
    loop {
        match interface::find(config.interface.as_deref()) {
            Ok(interface) => return Ok(interface),
            Err(error) if begin.elapsed() >= INTERFACE_PATIENCE => return Err(error.to_string()),
            Err(error) => {
                tracing::info!("waiting for the network: {error}");
                tokio::time::sleep(INTERFACE_RETRY).await;
            }
        }
    }
}

async fn serve(config: Config, path: &Path) -> Result<(), Failure> {
    // Others may look at what the daemon creates, not use it: connecting needs the right to write.
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    let key = load_key(&config)?;
    let doorkeeper = Doorkeeper::new(key.clone())
        .map_err(|error| format!("cannot derive the link keys: {error}"))?;
    let interface = find_interface(&config).await?;
    let identity = Identity::of_this_machine(IpAddr::V4(interface.address));
    tracing::info!(
        "{} at {} on {}",
        identity.name,
        interface.address,
        interface.name
    );

    let control = control::open(&config.control_socket).map_err(|error| {
        format!(
            "cannot open the control socket {}: {error}",
            config.control_socket.display()
        )
    })?;
    let listen = SocketAddr::new(IpAddr::V4(interface.address), config.data_port);
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen} (TCP): {error}"))?;
    let announcer = discovery::open(&config, &interface)
        .map_err(|error| format!("cannot use UDP port {} for discovery: {error}", config.port))?;

    let (beacons_in, beacons) = mpsc::channel(INBOX);
    let (incoming_in, incoming) = mpsc::channel(64);
    let (news_in, news) = mpsc::channel(INBOX);
    let (looks_in, looks) = mpsc::channel(4);
    let (clients_in, clients) = mpsc::channel(64);
    let (orders_in, orders) = mpsc::channel(4);
    tokio::spawn(discovery::listen(
        announcer.socket(),
        key.clone(),
        beacons_in,
    ));
    tokio::spawn(link::listener::serve(
        listener,
        doorkeeper.clone(),
        incoming_in,
    ));
    tokio::spawn(kernel::watch(news_in));
    tokio::spawn(control::serve(control, clients_in));
    tokio::spawn(obey_signals(path.to_owned(), orders_in));

    let socket = config.control_socket.clone();
    let memory = socket.with_extension("node");
    let remembered = fs::read_to_string(&memory)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|node| (1..=MAX_NODE_ID).contains(node));
    let parts = Parts {
        membership: Membership::new(
            identity,
            key.cluster_id(),
            config.data_port,
            config.node_id,
            remembered,
        ),
        sampler: telemetry::Sampler::spawn(interface.name.clone(), config.affinity, looks_in),
        config,
        key,
        doorkeeper,
        announcer,
        memory,
    };
    let inbox = Inbox {
        beacons,
        incoming,
        news,
        looks,
        clients,
        orders,
    };
    notify::notify("READY=1");
    hub::run(parts, inbox).await;
    notify::notify("STOPPING=1");
    let _ = fs::remove_file(socket);
    tokio::time::sleep(FAREWELL).await;
    Ok(())
}

/// A node that is busy is not dead: heartbeats come before the work of others, and so does what a
/// process that is on its way waits for. Priorities are those of threads, so this comes before the
/// first other one is made. Stubs inherit it; guests get the priority that they have at home.
fn prefer_this_process() {
    const NICENESS: libc::c_int = -10;
    // SAFETY: plain numbers.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) } != 0 {
        tracing::debug!("cannot raise the priority: {}", io::Error::last_os_error());
    }
}

/// Turns signals into orders.
async fn obey_signals(path: PathBuf, orders: mpsc::Sender<Order>) {
    let signals = (
        signal(SignalKind::hangup()),
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("cannot receive signals");
        return;
    };
    loop {
        let order = tokio::select! {
            _ = hangup.recv() => match load_config(&path) {
                Ok(config) => Order::Reload(Box::new(config)),
                Err(failure) => {
                    tracing::error!("{failure}; the old configuration stays");
                    continue;
                }
            },
            _ = terminate.recv() => Order::Stop,
            _ = interrupt.recv() => Order::Stop,
        };
        if orders.send(order).await.is_err() {
            return;
        }
    }
}
