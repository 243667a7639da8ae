// SPDX-License-Identifier: GPL-2.0-or-later
//! The command line of `mattx-viz`.

use std::future::Future;
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use listenfd::ListenFd;
use mattx_protocol::browser::Role;
use mattx_viz::access::tokens::{self, Tokens};
use mattx_viz::access::{Access, Rules};
use mattx_viz::audit::Audit;
use mattx_viz::desk::Desk;
use mattx_viz::doors::certificate::Certificate;
use mattx_viz::doors::{Doors, Peer};
use mattx_viz::hub::Hub;
use mattx_viz::layout;
use mattx_viz::record::{self, Recorder};
use mattx_viz::source::Source;
use mattx_viz::source::live::Live;
use mattx_viz::source::procfs;
use mattx_viz::source::replay::{FASTEST, Replay, SLOWEST};
use mattx_viz::source::sim::{Simulation, World};
use mattx_viz::web::{self, Site};
use options::{Action, Arguments, TokenAction};
use rustls::ServerConfig;
use tokio::net::TcpListener;

mod options;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.action {
        Some(Action::Token(action)) => manage(action),
        Some(Action::Openapi) => {
            print!("{}", web::openapi::text());
            Ok(())
        }
        None => run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("mattx-viz: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn manage(action: TokenAction) -> Result<(), String> {
    match action {
        TokenAction::Add { role, name, tokens } => {
            tokens::check_name(&name)?;
            let role =
                tokens::role_named(&role).ok_or("the roles are viewer, kiosk, operator, admin")?;
            let mut known = Tokens::load(&tokens)?.map_or_else(Tokens::none, Ok)?;
            let token = tokens::new_token()?;
            known.add(&name, role, &token);
            known.save(&tokens)?;
            println!("{token}");
            Ok(())
        }
        TokenAction::Remove { name, tokens } => {
            let mut known = Tokens::load(&tokens)?.map_or_else(Tokens::none, Ok)?;
            if !known.remove(&name) {
                return Err(format!("nobody is called {name} in {}", tokens.display()));
            }
            known.save(&tokens)
        }
        TokenAction::List { tokens } => {
            let known = Tokens::load(&tokens)?.map_or_else(Tokens::none, Ok)?;
            for grant in known.grants() {
                println!("{}\t{}", tokens::role_name(grant.role), grant.name);
            }
            Ok(())
        }
    }
}

fn run(mut arguments: Arguments) -> Result<(), String> {
    if let Some(folder) = &arguments.state {
        arguments
            .audit
            .get_or_insert_with(|| folder.join("audit.log"));
        if arguments.token_file.is_none() {
            arguments
                .tokens
                .get_or_insert_with(|| folder.join("tokens"));
        }
    }
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the threads of the server cannot be started: {error}"))?
        .block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let audit = arguments
        .audit
        .as_deref()
        .map_or_else(|| Ok(Audit::default()), Audit::to)?;
    let listeners = listeners(&arguments).await?;
    let address = listeners[0]
        .local_addr()
        .map_err(|error| format!("the listening socket has no address: {error}"))?;
    let beyond = listeners.iter().any(|listener| {
        listener
            .local_addr()
            .is_ok_and(|address| !address.ip().is_loopback())
    });
    let encryption = encryption(&arguments, beyond)?;
    let scheme = if encryption.is_some() {
        "https"
    } else {
        "http"
    };
    let rules = Rules {
        private: arguments.private,
        details: arguments.show_details,
        hosts: hosts(&arguments),
        port: address.port(),
        encrypted: encryption.is_some(),
    };
    let (access, token) = access(&arguments, rules)?;
    let layout = layout::named(&arguments.layout)?;
    let source = Simulated::of(&arguments)?;
    let hub = match source {
        Simulated::No => start(Live {
            socket: arguments.socket,
            procfs: procfs::FOLDER.into(),
        }),
        Simulated::World(world) => start(Simulation { world }),
        Simulated::Replay(replay) => start(replay),
    };
    if let Some(file) = &arguments.record {
        tokio::spawn(Recorder::begin(file)?.follow(hub.clone()));
    }
    tokio::spawn(hub.clone().publish());

    let doors = Doors::open(listeners, encryption)
        .map_err(|error| format!("the listening sockets cannot be used: {error}"))?;
    let shown = SocketAddr::new(
        if address.ip().is_unspecified() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            address.ip()
        },
        address.port(),
    );
    match token {
        Some(token) => println!("MattX is at {scheme}://{shown}/?token={token}"),
        None => println!("MattX is at {scheme}://{shown}/"),
    }
    let site = Site::new(hub, Desk { access, audit }, layout);
    tokio::spawn(site.clone().follow_tokens());
    let service = web::router(site).into_make_service_with_connect_info::<Peer>();
    tokio::select! {
        result = axum::serve(doors, service) => result.map_err(|error| format!("the server stopped: {error}")),
        () = asked_to_stop() => Ok(()),
    }
}

/// The sockets that systemd opened, or our own.
async fn listeners(arguments: &Arguments) -> Result<Vec<TcpListener>, String> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        let take =
            |error| format!("the socket number {index} that was passed is not usable: {error}");
        if let Some(listener) = passed.take_tcp_listener(index).map_err(take)? {
            listener.set_nonblocking(true).map_err(take)?;
            listeners.push(TcpListener::from_std(listener).map_err(take)?);
        }
    }
    if listeners.is_empty() {
        let own = TcpListener::bind(arguments.listen).await.map_err(|error| {
            format!(
                "cannot listen on {} ({error}); is another server there? --listen chooses another address",
                arguments.listen
            )
        })?;
        listeners.push(own);
    }
    Ok(listeners)
}

/// Beyond this machine nothing goes unencrypted unless that is asked for.
fn encryption(arguments: &Arguments, beyond: bool) -> Result<Option<Arc<ServerConfig>>, String> {
    let given = arguments
        .tls_cert
        .as_deref()
        .zip(arguments.tls_key.as_deref());
    if arguments.plain_http || (!beyond && given.is_none()) {
        if beyond {
            tracing::warn!(
                "listening beyond this machine without encryption: whoever can read the network can read the tokens"
            );
        }
        return Ok(None);
    }
    let mut names = hosts(arguments);
    names.push("localhost".into());
    names.extend(["127.0.0.1".into(), "::1".into()]);
    if !arguments.listen.ip().is_unspecified() {
        names.push(arguments.listen.ip().to_string());
    }
    let certificate = match (given, &arguments.state) {
        (Some((file, key)), _) => Certificate::given_or_made(file, key, &names)?,
        (None, Some(folder)) => {
            Certificate::given_or_made(&folder.join("cert.pem"), &folder.join("key.pem"), &names)?
        }
        (None, None) => Certificate::made(&names)?,
    };
    if certificate.self_made {
        tracing::warn!(
            "browsers do not know the certificate and will ask; its SHA-256 is {}",
            certificate.fingerprint()
        );
    }
    certificate.configuration().map(Some)
}

/// Who may do what, and the token of the link to print.
fn access(arguments: &Arguments, rules: Rules) -> Result<(Access, Option<String>), String> {
    if let Some(file) = &arguments.token_file {
        let token = tokens::token_from(file)?;
        return Ok((
            Access::new(rules, Tokens::only("token-file", Role::Admin, &token)),
            Some(token),
        ));
    }
    let token = tokens::new_token()?;
    let Some(file) = &arguments.tokens else {
        return Ok((
            Access::new(rules, Tokens::only("link", Role::Admin, &token)),
            Some(token),
        ));
    };
    let known = match Tokens::load(file)? {
        Some(known) => known,
        None => {
            let none = Tokens::none()?;
            none.save(file)?;
            none
        }
    };
    let first = known.grants().is_empty();
    let access = Access::new(rules, known).kept_in(file.clone());
    if first {
        access.open_once(&token);
    }
    Ok((access, first.then_some(token)))
}

/// What is shown instead of the real cluster.
enum Simulated {
    No,
    World(World),
    Replay(Replay),
}

impl Simulated {
    fn of(arguments: &Arguments) -> Result<Self, String> {
        Ok(match (&arguments.replay, arguments.sim) {
            (Some(file), _) => Self::Replay(Replay {
                records: record::read(file)?,
                speed_percent: ((arguments.speed * 100.0) as u32).clamp(SLOWEST, FASTEST),
            }),
            (None, Some(nodes)) => Self::World(World::with_processes(
                arguments.seed,
                nodes,
                arguments.sim_processes,
            )),
            (None, None) => Self::No,
        })
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
