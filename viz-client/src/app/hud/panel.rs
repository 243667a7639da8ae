// SPDX-License-Identifier: GPL-2.0-or-later
//! The panel of what is selected: exact numbers, a curve, and buttons for everything that gestures do.

use std::cell::RefCell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::model::{LOAD_PER_RUNNABLE, NodeState, ProcessRef};
use mattx_viz_client::acting::Acting;
use mattx_viz_client::choices::{Choice, choices, perform};
use mattx_viz_client::cluster::{Cluster, HISTORY, Node, Process};
use mattx_viz_client::outlook::Outlook;
use mattx_viz_client::pick::Target;
use mattx_viz_client::words;
use web_sys::Event;

use super::menu::{action_of, fill};
use crate::app::Step;
use crate::app::camera::Steering;
use crate::app::dom;
use crate::app::model::{TheActing, TheCluster, TheOutlook};
use crate::app::theme::{Theme, css};

const CURVE_WIDTH: f32 = 240.0;
const CURVE_HEIGHT: f32 = 44.0;

type Clicks = Rc<RefCell<Vec<String>>>;

/// What the panel shows now, so that it is rebuilt only when that changes.
#[derive(Default, PartialEq, Eq)]
struct Shown {
    selected: Option<Target>,
    buttons: Vec<Choice>,
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
        to.borrow_mut().extend(action_of(&event));
    });
    clicks
}

fn buttons(
    clicks: NonSend<Clicks>,
    mut acting: ResMut<TheActing>,
    mut steering: ResMut<Steering>,
    cluster: Res<TheCluster>,
) {
    for action in clicks.borrow_mut().drain(..) {
        match (action.as_str(), acting.selected) {
            ("close", _) => acting.let_go(),
            (action, Some(target)) => match action.strip_prefix("why:") {
                Some(reason) => acting.hint(reason.to_owned()),
                None => {
                    steering.wanted =
                        perform(&mut acting, &cluster, action, target).or(steering.wanted);
                }
            },
            (_, None) => {}
        }
    }
}

/// CPU shares of the selected process, as they came.
#[derive(Default)]
struct Trace {
    of: Option<ProcessRef>,
    revision: u64,
    values: Vec<f32>,
}

impl Trace {
    fn follow(&mut self, cluster: &Cluster, of: Option<ProcessRef>) {
        if self.of != of {
            (self.of, self.revision) = (of, 0);
            self.values.clear();
        }
        if self.revision == cluster.revision {
            return;
        }
        self.revision = cluster.revision;
        if let Some(process) = of.and_then(|name| cluster.processes.get(&name)) {
            self.values.push(process.sample.cpu_percent / 100.0);
            if self.values.len() > HISTORY {
                self.values.remove(0);
            }
        }
    }
}

fn refresh(
    mut shown: NonSendMut<Shown>,
    acting: Res<TheActing>,
    cluster: Res<TheCluster>,
    theme: Res<Theme>,
    time: Res<Time>,
    outlook: Res<TheOutlook>,
    mut trace: Local<Trace>,
    mut waited: Local<f32>,
) {
    trace.follow(&cluster, acting.selected_process());
    *waited += time.delta_secs();
    if shown.selected == acting.selected && *waited < super::REFRESH_SECONDS {
        return;
    }
    *waited = 0.0;
    let panel = dom::by_id("panel");
    let group = acting.group.len();
    let (title, kind, rows, curve, color) = match acting.selected {
        Some(Target::Process(_)) if group > 1 => (
            format!("{group} processes"),
            "selected together",
            group_rows(&acting, &cluster, &outlook),
            Vec::new(),
            css(theme.accent),
        ),
        Some(Target::Process(name)) => match cluster.processes.get(&name) {
            Some(process) => {
                let color = css(theme.tint(name.home));
                (
                    process.sample.comm.clone(),
                    "process",
                    process_rows(process, &cluster, &outlook),
                    trace.values.clone(),
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
                    css(theme.load(node.load())),
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
    dom::text(
        &dom::by_id("panel-caption"),
        &match kind {
            "node" => format!("load, last {} samples", curve.len()),
            _ => format!("CPU, last {} samples", curve.len()),
        },
    );
    dom::style(&panel, "--tint", &color);
    fill_rows(&rows);
    draw_curve(&curve);
    let wanted = Shown {
        selected: acting.selected,
        buttons: acting
            .selected
            .map(|target| choices(&acting, &cluster, target))
            .unwrap_or_default(),
    };
    if *shown != wanted {
        fill(&dom::by_id("panel-actions"), &wanted.buttons, "");
        *shown = wanted;
    }
    dom::show(&panel, true);
}

fn process_rows(
    process: &Process,
    cluster: &Cluster,
    outlook: &Outlook,
) -> Vec<(&'static str, String)> {
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
    rows.push(("move would freeze", outlook.prediction()));
    if let Some(reason) = outlook.refusal(process.name) {
        rows.push(("last refusal", reason.to_owned()));
    }
    rows
}

fn group_rows(
    acting: &Acting,
    cluster: &Cluster,
    outlook: &Outlook,
) -> Vec<(&'static str, String)> {
    let all: Vec<&Process> = acting
        .group
        .iter()
        .filter_map(|name| cluster.processes.get(name))
        .collect();
    let memory = all.iter().map(|process| process.sample.rss_kib).sum();
    let cpu: f32 = all.iter().map(|process| process.sample.cpu_percent).sum();
    let away = all.iter().filter(|process| process.is_away()).count();
    vec![
        ("CPU together", format!("{cpu:.0} %")),
        ("memory together", words::kib(memory)),
        ("away from home", away.to_string()),
        ("each would freeze", outlook.prediction()),
    ]
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
    let step = CURVE_WIDTH / (HISTORY - 1) as f32;
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
