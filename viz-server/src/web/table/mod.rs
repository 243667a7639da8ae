// SPDX-License-Identifier: GPL-2.0-or-later
//! The twin of the 3D view in plain HTML: the same nodes, processes and commands in tables, for phones, screen readers
//! and machines without WebGL; for text browsers even without scripts.

use std::fmt::Write as _;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mattx_protocol::browser::Role;
use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{NodeId, NodeSample, NodeState, ProcessRef};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Site;
use super::api::audience;
use crate::access::Visitor;
use crate::frame::{Audience, redact};
use page::{Wishes, page, rows, tables};
use words::Text;

mod page;
mod words;

const EPERM: i32 = 1;

fn visible(site: &Site, visitor: &Visitor) -> Vec<NodeSample> {
    let mut nodes = site.0.hub.nodes();
    if audience(site, visitor.role) == Audience::Public {
        nodes.iter_mut().for_each(redact);
    }
    nodes
}

/// `GET /table`
pub async fn table(visitor: Visitor, State(site): State<Site>, wishes: Query<Wishes>) -> Response {
    let nodes = visible(&site, &visitor);
    let body = tables(&nodes, visitor.role, &wishes);
    page(&site, visitor.role, "MattX", true, &body)
}

/// `GET /table/HOME/PID`: one process, with a button for each place where it could go.
pub async fn process(
    visitor: Visitor,
    State(site): State<Site>,
    Path((home, pid)): Path<(NodeId, u32)>,
) -> Response {
    let role = visitor.role;
    let nodes = visible(&site, &visitor);
    let name = ProcessRef { home, pid };
    let Some(row) = rows(&nodes).into_iter().find(|row| row.name == name) else {
        let body = "<p>This process has ended or is not among the busiest. <a href=\"/table\">All processes</a></p>";
        return (
            StatusCode::NOT_FOUND,
            page(&site, role, "MattX", false, body),
        )
            .into_response();
    };
    let comm = Text(&row.sample.comm);
    let mut body = format!(
        "<h2>{comm}</h2><p>Process {pid} of node {home}; it computes on node {} and uses {:.0} % of a core.</p>",
        row.node, row.sample.cpu_percent
    );
    if role < Role::Operator {
        body += "<p>Moving it needs a link with a token.</p>";
    } else {
        let _ = write!(body, "<form method=post action=\"/table/{home}/{pid}\">");
        if row.node != home {
            body += "<button name=to value=home>Send it home</button> ";
        }
        body += "<button name=to value=best>Where it computes best</button> ";
        for node in nodes
            .iter()
            .filter(|node| node.id != row.node && node.state == NodeState::Up)
        {
            let _ = write!(
                body,
                "<button name=to value={}>Move it to {}</button> ",
                node.id,
                Text(&node.name)
            );
        }
        body += "<button name=to value=lock>Lock it here</button> <button name=to value=unlock>Unlock it</button></form>";
    }
    let _ = write!(
        body,
        "<p><a href=\"/table\">All processes</a> · <a href=\"/#process={home}.{pid}\">In 3D</a></p>"
    );
    page(&site, role, &row.sample.comm, false, &body)
}

/// What a form wants of a process.
#[derive(Deserialize)]
pub struct Wish {
    to: String,
}

/// `POST /table/HOME/PID`: moves the process, or locks it, and says how that ended.
pub async fn migrate(
    visitor: Visitor,
    State(site): State<Site>,
    Path((home, pid)): Path<(NodeId, u32)>,
    Form(wish): Form<Wish>,
) -> Response {
    let process = ProcessRef { home, pid };
    let command = match (wish.to.as_str(), wish.to.parse()) {
        (lock @ ("lock" | "unlock"), _) => Command::Lock {
            process,
            locked: lock == "lock",
        },
        ("home", _) => Command::Migrate {
            process,
            target: Target::Home,
        },
        ("best", _) => Command::Migrate {
            process,
            target: Target::Best,
        },
        (_, Ok(node)) => Command::Migrate {
            process,
            target: Target::Node(node),
        },
        _ => return (StatusCode::BAD_REQUEST, "There is no such place.\n").into_response(),
    };
    let outcome = site
        .0
        .desk
        .carry_out(&site.0.hub, &visitor, vec![command], |_| {})
        .await;
    let (status, words) = match &outcome {
        Outcome::Done { statistics } if statistics.frozen_us > 0 => (
            StatusCode::OK,
            format!(
                "<p>Done: it stood still for {} µs, {} bytes were sent.</p>",
                statistics.frozen_us, statistics.bytes
            ),
        ),
        Outcome::Done { .. } => (StatusCode::OK, "<p>Done.</p>".into()),
        Outcome::Failed { errno, reason } => (
            if *errno == EPERM {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::CONFLICT
            },
            format!("<p class=bad>It did not happen: {}</p>", Text(reason)),
        ),
    };
    let body = format!(
        "{words}<p><a href=\"/table/{home}/{pid}\">The process</a> · <a href=\"/table\">All processes</a></p>"
    );
    (status, page(&site, visitor.role, "MattX", false, &body)).into_response()
}

/// The tables as they are now, for the page of the 3D view while that is loading.
pub fn first(site: &Site, visitor: &Visitor) -> String {
    let nodes = visible(site, visitor);
    let body = tables(&nodes, visitor.role, &Wishes::default());
    format!(
        "<link rel=stylesheet href=\"/first.css\"><div id=tables-first><template shadowrootmode=open>\
         <link rel=stylesheet href=\"/table.css\"><main>{body}</main></template></div>"
    )
}

/// `GET /first.css`
pub async fn first_style(headers: HeaderMap) -> Response {
    fixed(
        &headers,
        "text/css; charset=utf-8",
        include_str!("first.css"),
    )
}

/// `GET /table.css`
pub async fn style(headers: HeaderMap) -> Response {
    fixed(
        &headers,
        "text/css; charset=utf-8",
        include_str!("table.css"),
    )
}

/// `GET /table.js`
pub async fn script(headers: HeaderMap) -> Response {
    fixed(
        &headers,
        "text/javascript; charset=utf-8",
        include_str!("table.js"),
    )
}

/// A text that changes with the program only. Browsers ask whether it did, because its name does not change with it.
fn fixed(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let tag = format!("\"{}\"", STANDARD.encode(&Sha256::digest(text)[..12]));
    let about = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::ETAG, tag.clone()),
    ];
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        (StatusCode::NOT_MODIFIED, about).into_response()
    } else {
        (about, text).into_response()
    }
}
