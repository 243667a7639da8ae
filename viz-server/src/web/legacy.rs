// SPDX-License-Identifier: GPL-2.0-or-later
//! The paths of the earlier 3DMattX server, for scripts that know them. All values are strings, as there.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use mattx_protocol::model::{NodeSample, NodeState, ProcessKind};
use serde_json::{Value, json};

use super::Site;

fn up(site: &Site, headers: &HeaderMap) -> Vec<NodeSample> {
    if site.0.access.role(headers).is_none() {
        return Vec::new();
    }
    site.0
        .hub
        .nodes()
        .into_iter()
        .filter(|node| node.state != NodeState::Down)
        .collect()
}

fn row(node: &NodeSample) -> Value {
    json!({
        "nodeid": node.id.to_string(),
        "ipaddress": node.address.to_string(),
        "cpuload": node.cpu_load.to_string(),
        "memfree": node.memory_available_mib.to_string(),
    })
}

/// `GET /mattx`
pub async fn mattx(State(site): State<Site>, headers: HeaderMap) -> Json<Value> {
    Json(json!({ "mattx": up(&site, &headers).iter().map(row).collect::<Vec<_>>() }))
}

/// `GET /api/nodes`
pub async fn nodes(State(site): State<Site>, headers: HeaderMap) -> Json<Value> {
    Json(up(&site, &headers).iter().map(row).collect())
}

/// `GET /api/migrations`: what is away from home now.
pub async fn migrations(State(site): State<Site>, headers: HeaderMap) -> Json<Value> {
    let nodes = up(&site, &headers);
    let away = nodes.iter().flat_map(|home| {
        home.processes
            .iter()
            .filter_map(move |process| match process.kind {
                ProcessKind::Deputy { node } => Some(json!({
                    "pid": process.pid.to_string(),
                    "name": process.comm,
                    "from": home.id.to_string(),
                    "to": node.to_string(),
                })),
                ProcessKind::Local | ProcessKind::Guest { .. } => None,
            })
    });
    Json(away.collect())
}
