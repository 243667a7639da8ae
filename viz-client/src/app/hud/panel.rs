// SPDX-License-Identifier: GPL-2.0-or-later
//! The panel of what is selected: exact numbers, a curve, and buttons for everything that gestures do.

use std::cell::RefCell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::command;
use mattx_protocol::model::{LOAD_PER_RUNNABLE, NodeState};
use mattx_viz_client::acting::Acting;
use mattx_viz_client::cluster::{Cluster, Node, Process};
use mattx_viz_client::pick::Target;
use mattx_viz_client::words;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlButtonElement, HtmlElement};

use crate::app::Step;
use crate::app::dom;
use crate::app::model::{TheActing, TheCluster};
use crate::app::theme::{css, tint};

/// Nodes that have a button each.
const MOST_BUTTONS: usize = 12;
const CURVE_WIDTH: f32 = 240.0;
const CURVE_HEIGHT: f32 = 44.0;

type Clicks = Rc<RefCell<Vec<String>>>;

/// What the panel shows now, so that it is rebuilt only when that changes.
#[derive(Default, PartialEq, Eq)]
struct Shown {
    selected: Option<Target>,
    buttons: Vec<(String, String)>,
}

pub fn plugin(app: &mut App) {
    app.insert_non_send(listen())
        .insert_non_send(Shown::default())
        .add_systems(Update, buttons.in_set(Step::Act))
        .add_systems(Update, refresh.in_set(Step::Show));
}

fn listen() -> Clicks {
    let clicks = Clicks::default();
    let to = clicks.clone();
    dom::listen(&dom::by_id("panel"), "click", move |event: Event| {
        let button = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlElement>().ok());
        if let Some(action) = button.and_then(|button| button.get_attribute("data-action")) {
            to.borrow_mut().push(action);
        }
    });
    clicks
}

fn buttons(clicks: NonSend<Clicks>, mut acting: ResMut<TheActing>, cluster: Res<TheCluster>) {
    for action in clicks.borrow_mut().drain(..) {
        match (action.as_str(), acting.selected_process()) {
            ("close", _) => acting.selected = None,
            ("home", Some(process)) => acting.send_home(&cluster, process),
            ("best", Some(process)) => acting.migrate(&cluster, process, command::Target::Best),
            (other, Some(process)) => {
                if let Some(node) = other.strip_prefix("node:").and_then(|id| id.parse().ok()) {
                    acting.migrate(&cluster, process, command::Target::Node(node));
                }
            }
            (_, None) => {}
        }
    }
}

fn refresh(
    mut shown: NonSendMut<Shown>,
    acting: Res<TheActing>,
    cluster: Res<TheCluster>,
    time: Res<Time>,
    mut waited: Local<f32>,
) {
    *waited += time.delta_secs();
    if shown.selected == acting.selected && *waited < super::REFRESH_SECONDS {
        return;
    }
    *waited = 0.0;
    let panel = dom::by_id("panel");
    let (title, kind, rows, curve, color) = match acting.selected {
        Some(Target::Process(name)) => match cluster.processes.get(&name) {
            Some(process) => {
                let color = css(tint(name.home));
                (
                    process.sample.comm.clone(),
                    "process",
                    process_rows(process, &cluster),
                    Vec::new(),
                    color,
                )
            }
            None => return dom::show(&panel, false),
        },
        Some(Target::Node(id)) => match cluster.nodes.get(&id) {
            Some(node) => {
                let rows = node_rows(node, &cluster);
                (
                    node.sample.name.clone(),
                    "node",
                    rows,
                    node.busy.clone(),
                    css(tint(id)),
                )
            }
            None => return dom::show(&panel, false),
        },
        None => {
            *shown = Shown::default();
            return dom::show(&panel, false);
        }
    };
    dom::text(&dom::by_id("panel-title"), &title);
    dom::text(&dom::by_id("panel-kind"), kind);
    dom::style(&panel, "--tint", &color);
    fill_rows(&rows);
    draw_curve(&curve);
    let wanted = Shown {
        selected: acting.selected,
        buttons: wanted_buttons(&acting, &cluster),
    };
    if *shown != wanted {
        make_buttons(&wanted.buttons, cluster.may_act());
        *shown = wanted;
    }
    dom::show(&panel, true);
}

fn process_rows(process: &Process, cluster: &Cluster) -> Vec<(&'static str, String)> {
    let sample = &process.sample;
    let mut rows = vec![
        ("computes on", cluster.node_name(process.node)),
        ("home", cluster.node_name(process.name.home)),
        ("process id", process.name.pid.to_string()),
        ("CPU", format!("{:.0} %", sample.cpu_percent)),
        ("memory", words::kib(sample.rss_kib)),
        ("threads", sample.threads.to_string()),
        ("state", sample.state.to_string()),
    ];
    if process.is_away() && sample.pid != process.name.pid {
        rows.insert(3, ("process id there", sample.pid.to_string()));
    }
    if let Some(user) = &sample.user {
        rows.push(("user", user.clone()));
    }
    if let Some(line) = &sample.command_line {
        rows.push(("command", line.clone()));
    }
    rows
}

fn node_rows(node: &Node, cluster: &Cluster) -> Vec<(&'static str, String)> {
    let sample = &node.sample;
    let state = match sample.state {
        NodeState::Up => "up",
        NodeState::Stale => "no news",
        NodeState::Down => "down",
    };
    let total = sample.memory_total_mib * 1024;
    let used = total.saturating_sub(sample.memory_available_mib * 1024);
    let guests = cluster
        .processes_on(sample.id)
        .filter(|process| process.is_away())
        .count();
    let away = cluster
        .processes
        .values()
        .filter(|p| p.name.home == sample.id && p.is_away())
        .count();
    let mut rows = vec![
        ("node", format!("{} · {state}", sample.id)),
        ("address", sample.address.to_string()),
        (
            "load",
            format!(
                "{:.0} % of {} cores",
                node.load() * 100.0,
                sample.cores.len()
            ),
        ),
        (
            "runnable",
            format!("{:.1}", sample.cpu_load as f32 / LOAD_PER_RUNNABLE as f32),
        ),
        (
            "memory",
            format!("{} of {}", words::kib(used), words::kib(total)),
        ),
        ("guests here", guests.to_string()),
        ("its own away", away.to_string()),
        (
            "network",
            format!(
                "{}/s in, {}/s out",
                words::bytes(sample.network_in),
                words::bytes(sample.network_out)
            ),
        ),
        ("waiting for CPU", format!("{:.0} %", sample.pressure.cpu)),
        ("up since", words::duration(sample.uptime_s)),
        ("kernel", sample.kernel.clone()),
    ];
    rows.push((
        "module",
        sample.module.clone().unwrap_or_else(|| "not loaded".into()),
    ));
    rows
}

fn fill_rows(rows: &[(&str, String)]) {
    let list = dom::by_id("panel-rows");
    let wanted = u32::try_from(rows.len() * 2).unwrap_or(u32::MAX);
    while list.child_element_count() > wanted {
        match list.last_element_child() {
            Some(last) => last.remove(),
            None => break,
        }
    }
    while list.child_element_count() < wanted {
        dom::append(&list, &dom::make("dt", "", ""));
        dom::append(&list, &dom::make("dd", "", ""));
    }
    let children = list.children();
    for (index, (name, value)) in (0_u32..).zip(rows) {
        if let Some(term) = children.item(index * 2) {
            dom::text(&term, name);
        }
        if let Some(detail) = children.item(index * 2 + 1) {
            dom::text(&detail, value);
        }
    }
}

fn draw_curve(values: &[f32]) {
    let figure = dom::by_id("panel-figure");
    dom::show(&figure, values.len() > 1);
    let Some(line) = dom::document().get_element_by_id("panel-curve") else {
        return;
    };
    let step = CURVE_WIDTH / (mattx_viz_client::cluster::HISTORY - 1) as f32;
    let first = CURVE_WIDTH - step * values.len().saturating_sub(1) as f32;
    let points: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(nth, value)| {
            format!(
                "{:.1},{:.1}",
                first + step * nth as f32,
                (CURVE_HEIGHT - 2.0) * (1.0 - value.min(1.0)) + 1.0
            )
        })
        .collect();
    dom::attribute(&line, "points", &points.join(" "));
}

/// Name of the action and text of each button.
fn wanted_buttons(acting: &Acting, cluster: &Cluster) -> Vec<(String, String)> {
    let Some(process) = acting
        .selected_process()
        .and_then(|name| cluster.processes.get(&name))
    else {
        return Vec::new();
    };
    let mut buttons = Vec::new();
    if process.is_away() {
        buttons.push((
            "home".to_owned(),
            format!("Home to {}", cluster.node_name(process.name.home)),
        ));
    }
    let others = cluster.nodes.values().filter(|node| {
        node.sample.id != process.node
            && node.sample.state == NodeState::Up
            && node.sample.id != process.name.home
    });
    let others: Vec<_> = others.take(MOST_BUTTONS).collect();
    buttons.extend(others.iter().map(|node| {
        (
            format!("node:{}", node.sample.id),
            format!("→ {}", node.sample.name),
        )
    }));
    buttons
}

fn make_buttons(buttons: &[(String, String)], may_act: bool) {
    let actions = dom::by_id("panel-actions");
    actions.set_text_content(None);
    for (action, text) in buttons {
        let Ok(button) = dom::make("button", "", text).dyn_into::<HtmlButtonElement>() else {
            continue;
        };
        dom::attribute(&button, "type", "button");
        dom::attribute(&button, "data-action", action);
        dom::attribute(&button, "aria-label", &format!("Move the process: {text}"));
        if !may_act {
            button.set_disabled(true);
            dom::attribute(
                &button,
                "title",
                "Moving processes needs the link with the token that mattx-viz printed",
            );
        }
        dom::append(&actions, &button);
    }
}
