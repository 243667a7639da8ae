// SPDX-License-Identifier: GPL-2.0-or-later
//! The paths of the earlier 3DMattX server, for scripts that know them. All values are strings, as there.

use axum::Json;
use axum::extract::State;
use mattx_protocol::model::{NodeSample, NodeState, ProcessKind};
use serde_json::{Value, json};

use super::Site;
use crate::access::Visitor;

fn up(site: &Site) -> Vec<NodeSample> {
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
pub async fn mattx(_: Visitor, State(site): State<Site>) -> Json<Value> {
    Json(json!({ "mattx": up(&site).iter().map(row).collect::<Vec<_>>() }))
}

/// `GET /api/nodes`
pub async fn nodes(_: Visitor, State(site): State<Site>) -> Json<Value> {
    Json(up(&site).iter().map(row).collect())
}

/// `GET /api/migrations`: what is away from home now.
pub async fn migrations(_: Visitor, State(site): State<Site>) -> Json<Value> {
    let nodes = up(&site);
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
