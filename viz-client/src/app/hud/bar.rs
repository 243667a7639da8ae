// SPDX-License-Identifier: GPL-2.0-or-later
//! The bar at the top: where the picture comes from, how old it is, and the cluster in four numbers.

use bevy::prelude::*;
use mattx_protocol::browser::{Role, Source};
use mattx_protocol::model::{NodeState, ProcessRef};
use mattx_viz_client::bodies::Body;

use crate::app::Step;
use crate::app::dom;
use crate::app::model::{TheBodies, TheCluster};
use crate::app::net::Connection;

/// Milliseconds after which the picture counts as old: a running cluster has news every second.
const OLD_MS: f64 = 3000.0;

pub fn plugin(app: &mut App) {
    app.add_systems(
        Update,
        refresh.in_set(Step::Show).run_if(super::now_and_then),
    );
}

fn refresh(cluster: Res<TheCluster>, bodies: Res<TheBodies>, connection: Res<Connection>) {
    let age = dom::now_ms() - connection.heard_ms;
    let (state, words) = match (connection.open, cluster.source) {
        (false, None) => ("wait", "connecting …".to_owned()),
        (false, _) => (
            "bad",
            format!("no connection, picture is {:.0} s old", age / 1000.0),
        ),
        (true, _) if age > OLD_MS => ("bad", format!("no news for {:.0} s", age / 1000.0)),
        (true, _) if cluster.past => ("wait", "the past".to_owned()),
        (true, Some(Source::Replay)) => ("good", "recording".to_owned()),
        (true, _) => ("good", format!("live, {:.0} s old", age / 1000.0)),
    };
    let link = dom::by_id("link");
    dom::text(&link, &words);
    dom::attribute(&link, "data-state", state);

    let badge = dom::by_id("source");
    let label = match cluster.source {
        Some(Source::Simulated) => "SIMULATED",
        Some(Source::Replay) => "REPLAY",
        Some(Source::Live) | None => "",
    };
    dom::text(&badge, label);
    dom::show(&badge, !label.is_empty());
    let role = match cluster.role {
        Some(Role::Viewer) => "view only",
        Some(Role::Kiosk) => "kiosk",
        Some(Role::Operator) => "operator",
        Some(Role::Admin) => "admin",
        None => "",
    };
    dom::text(&dom::by_id("role"), role);

    let notice = dom::by_id("notice");
    dom::text(&notice, cluster.notice.as_deref().unwrap_or_default());
    dom::show(&notice, cluster.notice.is_some());
    let insecure = cluster.nodes.values().any(|node| node.sample.insecure);
    dom::show(&dom::by_id("insecure"), insecure);

    let up = cluster
        .nodes
        .values()
        .filter(|node| node.sample.state == NodeState::Up)
        .count();
    let all = cluster.nodes.len();
    let nodes = if up == all {
        all.to_string()
    } else {
        format!("{up}/{all}")
    };
    dom::text(&dom::by_id("count-nodes"), &nodes);
    dom::text(
        &dom::by_id("count-processes"),
        &cluster.processes.len().to_string(),
    );
    // Bodies lie side by side in memory, which processes do not.
    let is_away = |(name, body): &(&ProcessRef, &Body)| body.is_away_from(name.home);
    let away = bodies.all.iter().filter(is_away).count();
    dom::text(&dom::by_id("count-away"), &away.to_string());
    let load = cluster
        .nodes
        .values()
        .map(|node| node.load().min(1.0))
        .sum::<f32>()
        / all.max(1) as f32;
    dom::text(&dom::by_id("count-load"), &format!("{:.0} %", load * 100.0));
    dom::style(
        &dom::by_id("load-bar"),
        "transform",
        &format!("scaleX({load:.3})"),
    );
    if !cluster.nodes.is_empty() || cluster.notice.is_some() {
        dom::show(&dom::by_id("loading"), false);
    }
}
