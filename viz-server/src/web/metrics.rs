// SPDX-License-Identifier: GPL-2.0-or-later
//! `GET /metrics` in Prometheus' text form: base units, and no label per process.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mattx_protocol::model::{LOAD_PER_RUNNABLE, NodeSample, NodeState, ProcessKind};

use super::Site;
use crate::access::Visitor;

const MIB: u64 = 1 << 20;

/// Writes all metrics.
pub async fn metrics(_: Visitor, State(site): State<Site>) -> Response {
    let hub = &site.0.hub;
    let mut text = String::new();
    let nodes = hub.nodes();
    let mut per_node = |name: &str, help: &str, value: &dyn Fn(&NodeSample) -> f64| {
        let _ = writeln!(
            text,
            "# HELP mattx_{name} {help}\n# TYPE mattx_{name} gauge"
        );
        for node in &nodes {
            let _ = writeln!(text, "mattx_{name}{{node=\"{}\"}} {}", node.id, value(node));
        }
    };
    per_node("node_up", "1 when the node is linked and fresh.", &|node| {
        f64::from(u8::from(node.state == NodeState::Up))
    });
    per_node("node_runnable_processes", "Runnable processes.", &|node| {
        f64::from(node.cpu_load) / f64::from(LOAD_PER_RUNNABLE)
    });
    per_node("node_cpu_busy_ratio", "Busy share of all cores.", &|node| {
        node.cores.iter().copied().map(f64::from).sum::<f64>() / node.cores.len().max(1) as f64
    });
    per_node(
        "node_memory_available_bytes",
        "Memory that programs can have.",
        &|node| (node.memory_available_mib * MIB) as f64,
    );
    per_node("node_memory_total_bytes", "Memory.", &|node| {
        (node.memory_total_mib * MIB) as f64
    });
    per_node(
        "node_guests",
        "Processes of other nodes that compute here.",
        &|node| count(node, |kind| matches!(kind, ProcessKind::Guest { .. })),
    );
    per_node(
        "node_deputies",
        "Processes of this node that compute elsewhere.",
        &|node| count(node, |kind| matches!(kind, ProcessKind::Deputy { .. })),
    );
    let counters = hub.counters();
    for (name, help, kind, value) in [
        (
            "moves_committed_total",
            "Moves that ended at their destination.",
            "counter",
            counters.committed,
        ),
        (
            "moves_failed_total",
            "Moves that ended where they began.",
            "counter",
            counters.failed,
        ),
        (
            "commands_done_total",
            "Commands that were carried out.",
            "counter",
            counters.commands_done,
        ),
        (
            "commands_failed_total",
            "Commands that were refused or failed.",
            "counter",
            counters.commands_failed,
        ),
        (
            "viewers",
            "Websockets that are open.",
            "gauge",
            hub.viewers() as u64,
        ),
        (
            "server_uptime_seconds",
            "Time since the server started.",
            "gauge",
            hub.uptime().as_secs(),
        ),
    ] {
        let _ = writeln!(
            text,
            "# HELP mattx_{name} {help}\n# TYPE mattx_{name} {kind}\nmattx_{name} {value}"
        );
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn count(node: &NodeSample, is: impl Fn(&ProcessKind) -> bool) -> f64 {
    node.processes
        .iter()
        .filter(|process| is(&process.kind))
        .count() as f64
}
