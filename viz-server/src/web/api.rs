// SPDX-License-Identifier: GPL-2.0-or-later
//! The REST twin of the websocket, below `/api/v1`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mattx_protocol::browser::{MOST_COMMANDS, Playback, PlaybackControl, Role, Source, Step};
use mattx_protocol::command::{Command, Outcome};
use mattx_protocol::model::{MoveEvent, NodeId, NodeSample, ProcessRef, ProcessSample};
use serde::Serialize;
use utoipa::ToSchema;

use super::Site;
use crate::access::Visitor;
use crate::frame::{Audience, redact};

const EPERM: i32 = 1;
const E2BIG: i32 = 7;

/// The server and what it shows.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// Version of the server.
    version: &'static str,
    /// Where the picture comes from.
    source: Source,
    /// What the asker may do.
    role: Role,
    /// Why the picture may be incomplete.
    notice: Option<String>,
    /// Nodes in the picture.
    nodes: usize,
    /// Processes in the picture.
    processes: usize,
    /// Open websockets.
    viewers: usize,
    /// Seconds since the server started.
    uptime_s: u64,
}

/// A process and who reports it; one that is away is reported by two nodes.
#[derive(Serialize, ToSchema)]
pub struct Process {
    /// Its name in the cluster.
    process: ProcessRef,
    /// Who reports it.
    node: NodeId,
    /// What that node says.
    sample: ProcessSample,
}

/// One of several commands and how it ended.
#[derive(Serialize, ToSchema)]
pub struct Part {
    /// What was to be done.
    command: Command,
    /// How it ended.
    outcome: Outcome,
}

/// How several commands ended.
#[derive(Serialize, ToSchema)]
pub struct Report {
    /// All together.
    outcome: Outcome,
    /// Each, in the order in which they ended.
    parts: Vec<Part>,
}

/// The server and what it shows.
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status)))]
pub async fn status(visitor: Visitor, State(site): State<Site>) -> Json<Status> {
    let hub = &site.0.hub;
    let nodes = hub.nodes();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        source: hub.source(),
        role: visitor.role,
        notice: hub.notice(),
        nodes: nodes.len(),
        processes: nodes.iter().map(|node| node.processes.len()).sum(),
        viewers: hub.viewers(),
        uptime_s: hub.uptime().as_secs(),
    })
}

/// All nodes.
#[utoipa::path(get, path = "/api/v1/nodes", responses((status = 200, body = Vec<NodeSample>)))]
pub async fn nodes(visitor: Visitor, State(site): State<Site>) -> Json<Vec<NodeSample>> {
    Json(visible(&site, &visitor))
}

/// One node.
#[utoipa::path(
    get, path = "/api/v1/nodes/{id}", params(("id" = NodeId, Path, description = "Number of the node")),
    responses((status = 200, body = NodeSample), (status = 404, description = "There is no such node"))
)]
pub async fn node(
    visitor: Visitor,
    State(site): State<Site>,
    Path(id): Path<NodeId>,
) -> Result<Json<NodeSample>, StatusCode> {
    let mut node = site.0.hub.node(id).ok_or(StatusCode::NOT_FOUND)?;
    if audience(&site, visitor.role) == Audience::Public {
        redact(&mut node);
    }
    Ok(Json(node))
}

/// All processes that nodes report.
#[utoipa::path(get, path = "/api/v1/processes", responses((status = 200, body = Vec<Process>)))]
pub async fn processes(visitor: Visitor, State(site): State<Site>) -> Json<Vec<Process>> {
    let nodes = visible(&site, &visitor);
    let list = nodes.into_iter().flat_map(|node| {
        let id = node.id;
        node.processes.into_iter().map(move |sample| Process {
            process: sample.identity(id),
            node: id,
            sample,
        })
    });
    Json(list.collect())
}

/// The latest moves, oldest first.
#[utoipa::path(get, path = "/api/v1/moves", responses((status = 200, body = Vec<MoveEvent>)))]
pub async fn moves(_: Visitor, State(site): State<Site>) -> Json<Vec<MoveEvent>> {
    Json(site.0.hub.history())
}

/// Carries out a command.
#[utoipa::path(
    post, path = "/api/v1/commands", request_body = Command,
    responses(
        (status = 200, body = Outcome, description = "Carried out"),
        (status = 403, body = Outcome, description = "Your role does not allow it"),
        (status = 409, body = Outcome, description = "Not carried out, for the reason given"),
    )
)]
pub async fn command(
    visitor: Visitor,
    State(site): State<Site>,
    Json(command): Json<Command>,
) -> Response {
    let outcome = site
        .0
        .desk
        .carry_out(&site.0.hub, &visitor, vec![command], |_| {})
        .await;
    answer(outcome)
}

/// Carries out several commands.
#[utoipa::path(
    post, path = "/api/v1/commands/batch", request_body = Vec<Command>,
    responses(
        (status = 200, body = Report, description = "Each of them ended as told"),
        (status = 413, body = Outcome, description = "Too many commands at once"),
    )
)]
pub async fn commands(
    visitor: Visitor,
    State(site): State<Site>,
    Json(commands): Json<Vec<Command>>,
) -> Response {
    if commands.len() > MOST_COMMANDS {
        let outcome = crate::hub::failed(
            E2BIG,
            format!("nothing was done: at most {MOST_COMMANDS} commands go together"),
        );
        return (StatusCode::PAYLOAD_TOO_LARGE, Json(outcome)).into_response();
    }
    let mut parts = Vec::new();
    let only = <[Command; 1]>::try_from(commands.clone()).ok();
    let outcome = site
        .0
        .desk
        .carry_out(&site.0.hub, &visitor, commands, |step| {
            if let Step::Part {
                command, outcome, ..
            } = step
            {
                parts.push(Part { command, outcome });
            }
        })
        .await;
    if let (Some([command]), true) = (only, parts.is_empty()) {
        parts.push(Part {
            command,
            outcome: outcome.clone(),
        });
    }
    Json(Report { outcome, parts }).into_response()
}

/// Where the recording stands that is shown.
#[utoipa::path(
    get, path = "/api/v1/playback",
    responses((status = 200, body = Playback), (status = 404, description = "What is shown is no recording"))
)]
pub async fn playback(
    _: Visitor,
    State(site): State<Site>,
) -> Result<Json<Playback>, (StatusCode, &'static str)> {
    site.0
        .hub
        .playback_state()
        .map(Json)
        .ok_or((StatusCode::NOT_FOUND, "What is shown is no recording.\n"))
}

/// Changes where the recording stands, for all viewers.
#[utoipa::path(
    post, path = "/api/v1/playback", request_body = PlaybackControl,
    responses(
        (status = 200, body = Outcome, description = "Done"),
        (status = 403, body = Outcome, description = "Your role does not allow it"),
        (status = 409, body = Outcome, description = "What is shown is no recording"),
    )
)]
pub async fn steer(
    visitor: Visitor,
    State(site): State<Site>,
    Json(control): Json<PlaybackControl>,
) -> Response {
    answer(site.0.desk.playback(&site.0.hub, &visitor, control).await)
}

/// `GET /readyz`: whether the picture is complete.
pub async fn ready(State(site): State<Site>) -> Response {
    match site.0.hub.notice() {
        None => "ok\n".into_response(),
        Some(notice) => (StatusCode::SERVICE_UNAVAILABLE, notice + "\n").into_response(),
    }
}

fn answer(outcome: Outcome) -> Response {
    let status = match outcome {
        Outcome::Done { .. } => StatusCode::OK,
        Outcome::Failed { errno: EPERM, .. } => StatusCode::FORBIDDEN,
        Outcome::Failed { .. } => StatusCode::CONFLICT,
    };
    (status, Json(outcome)).into_response()
}

/// How much a role may see here.
pub fn audience(site: &Site, role: Role) -> Audience {
    if site.0.desk.access.shows_details() {
        Audience::Trusted
    } else {
        role.into()
    }
}

fn visible(site: &Site, visitor: &Visitor) -> Vec<NodeSample> {
    let mut nodes = site.0.hub.nodes();
    if audience(site, visitor.role) == Audience::Public {
        nodes.iter_mut().for_each(redact);
    }
    nodes
}
