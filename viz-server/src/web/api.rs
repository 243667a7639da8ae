// SPDX-License-Identifier: GPL-2.0-or-later
//! The REST twin of the websocket, below `/api/v1`.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use mattx_protocol::browser::{Role, Source};
use mattx_protocol::command::{Command, Outcome};
use mattx_protocol::model::{NodeId, NodeSample, ProcessRef, ProcessSample};
use serde::Serialize;

use super::Site;
use crate::frame::{Audience, redact};

const PRIVATE: &str = "This server is private; send the token as Authorization: Bearer TOKEN.\n";

#[derive(Serialize)]
struct Status {
    version: &'static str,
    source: Source,
    role: Role,
    notice: Option<String>,
    nodes: usize,
    processes: usize,
    viewers: usize,
    uptime_s: u64,
}

#[derive(Serialize)]
struct Process {
    process: ProcessRef,
    node: NodeId,
    sample: ProcessSample,
}

/// `GET /api/v1/status`
pub async fn status(State(site): State<Site>, headers: HeaderMap) -> Response {
    let Some(role) = site.0.access.role(&headers) else {
        return (StatusCode::UNAUTHORIZED, PRIVATE).into_response();
    };
    let hub = &site.0.hub;
    let nodes = hub.nodes();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        source: hub.source(),
        role,
        notice: hub.notice(),
        nodes: nodes.len(),
        processes: nodes.iter().map(|node| node.processes.len()).sum(),
        viewers: hub.viewers(),
        uptime_s: hub.uptime().as_secs(),
    })
    .into_response()
}

/// `GET /api/v1/nodes`
pub async fn nodes(State(site): State<Site>, headers: HeaderMap) -> Response {
    match visible(&site, &headers) {
        Some(nodes) => Json(nodes).into_response(),
        None => (StatusCode::UNAUTHORIZED, PRIVATE).into_response(),
    }
}

/// `GET /api/v1/processes`: each with its name in the cluster and the node that reports it.
pub async fn processes(State(site): State<Site>, headers: HeaderMap) -> Response {
    let Some(nodes) = visible(&site, &headers) else {
        return (StatusCode::UNAUTHORIZED, PRIVATE).into_response();
    };
    let list: Vec<Process> = nodes
        .into_iter()
        .flat_map(|node| {
            let id = node.id;
            node.processes.into_iter().map(move |sample| Process {
                process: sample.identity(id),
                node: id,
                sample,
            })
        })
        .collect();
    Json(list).into_response()
}

/// `GET /api/v1/moves`: the latest moves, oldest first.
pub async fn moves(State(site): State<Site>, headers: HeaderMap) -> Response {
    match site.0.access.role(&headers) {
        Some(_) => Json(site.0.hub.history()).into_response(),
        None => (StatusCode::UNAUTHORIZED, PRIVATE).into_response(),
    }
}

/// `POST /api/v1/commands`: carries out a command and answers with its outcome.
pub async fn command(
    State(site): State<Site>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(command): Json<Command>,
) -> Response {
    let role = site.0.access.role(&headers);
    let Some(role) = role.filter(|role| *role >= Role::Operator) else {
        return (
            StatusCode::FORBIDDEN,
            "Commands need the token: send it as Authorization: Bearer TOKEN.\n",
        )
            .into_response();
    };
    let outcome = site.0.hub.execute(command.clone()).await;
    site.0.audit.record(from, role, &command, &outcome);
    let status = match outcome {
        Outcome::Done { .. } => StatusCode::OK,
        Outcome::Failed { .. } => StatusCode::CONFLICT,
    };
    (status, Json(outcome)).into_response()
}

/// `GET /readyz`: whether the picture is complete.
pub async fn ready(State(site): State<Site>) -> Response {
    match site.0.hub.notice() {
        None => "ok\n".into_response(),
        Some(notice) => (StatusCode::SERVICE_UNAVAILABLE, notice + "\n").into_response(),
    }
}

fn visible(site: &Site, headers: &HeaderMap) -> Option<Vec<NodeSample>> {
    let role = site.0.access.role(headers)?;
    let mut nodes = site.0.hub.nodes();
    if Audience::from(role) == Audience::Public {
        nodes.iter_mut().for_each(redact);
    }
    Some(nodes)
}
