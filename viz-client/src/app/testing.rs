// SPDX-License-Identifier: GPL-2.0-or-later
//! What scripts may ask the page, as `window.mattx`:
//!
//! * `state()`: everything that is known and shown, with positions in CSS pixels, as JSON text;
//! * `pick(x, y)`: what a click there would hit, as JSON text;
//! * `numbers()`: frames, draw calls, shapes, bytes of the heap, cheap enough to be asked while it is measured, as JSON text;
//! * `quiet()`: ends the copies that `state()` needs, before something is measured;
//! * `sharp(on)`: has all pixels drawn however long that takes, for a picture to keep.
//!
//! The application's data cannot be reached from a call of the page, so after each frame a copy is left here. Copies are
//! made only for a while after somebody asked.

use std::cell::RefCell;

use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use mattx_protocol::browser::{Role, Source};
use mattx_protocol::command::Outcome;
use mattx_protocol::model::{NodeId, ProcessRef};
use mattx_viz_client::bodies::Bodies;
use mattx_viz_client::cluster::Cluster;
use mattx_viz_client::pick::{self, Target, height};
use mattx_viz_client::rig::Rig;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::camera::TheRig;
use super::dom;
use super::model::{TheActing, TheBodies, TheCluster};
use super::net::Connection;
use super::render::Drawing;
use super::theme::Theme;

/// Frames for which copies are made after a question.
const INTEREST: u32 = 600;

#[derive(Default)]
struct Copy {
    sharp: bool,
    numbers: Numbers,
    interest: u32,
    answer: Answer,
    rig: Rig,
    cluster: Cluster,
    bodies: Bodies,
}

#[derive(Clone, Default, Serialize)]
struct Answer {
    /// The cluster is known and drawn.
    ready: bool,
    frame: u64,
    connected: bool,
    garbled: u64,
    role: Option<Role>,
    source: Option<Source>,
    notice: Option<String>,
    adapter: String,
    size: [f32; 2],
    shapes: usize,
    selected_process: Option<ProcessRef>,
    selected_node: Option<NodeId>,
    group: usize,
    /// It shows what was, not what is.
    past: bool,
    theme: &'static str,
    eye: [f32; 3],
    nodes: Vec<NodeView>,
    processes: Vec<ProcessView>,
    outcomes: Vec<(ProcessRef, Outcome)>,
}

/// What is measured.
#[derive(Clone, Copy, Default, Serialize)]
struct Numbers {
    frame: u64,
    connected: bool,
    /// The cluster is known and drawn.
    ready: bool,
    draws: usize,
    shapes: usize,
    processes: usize,
    messages: u64,
    /// Pixels drawn per pixel of the canvas, in each direction.
    scale: f32,
    /// Bytes of the program's memory, which never shrinks.
    heap: u64,
}

#[derive(Clone, Serialize)]
struct NodeView {
    id: NodeId,
    name: String,
    load: f32,
    memory: f32,
    /// Where it stands on the floor.
    foot: Option<[f32; 3]>,
    /// CSS pixels from the top left of the canvas; none behind the eye.
    screen: Option<[f32; 2]>,
}

#[derive(Clone, Serialize)]
struct ProcessView {
    name: ProcessRef,
    comm: String,
    node: NodeId,
    away: bool,
    cpu: f32,
    flying: bool,
    pending: bool,
    screen: Option<[f32; 2]>,
}

#[derive(Serialize)]
struct Hit {
    node: Option<NodeId>,
    process: Option<ProcessRef>,
}

thread_local! {
    static COPY: RefCell<Copy> = RefCell::default();
}

/// Whether a script wants all pixels drawn.
pub fn wants_all_pixels() -> bool {
    COPY.with_borrow(|copy| copy.sharp)
}

/// Sets the hooks up.
pub fn plugin(app: &mut App) {
    install();
    app.add_systems(Last, copy);
}

fn install() {
    let mattx = js_sys::Object::new();
    let numbers = Closure::<dyn Fn() -> String>::new(|| {
        COPY.with_borrow(|copy| {
            let numbers = Numbers {
                heap: heap(),
                ..copy.numbers
            };
            serde_json::to_string(&numbers).unwrap_or_default()
        })
    });
    let state = Closure::<dyn Fn() -> String>::new(|| {
        COPY.with_borrow_mut(|copy| {
            copy.interest = INTEREST;
            serde_json::to_string(&copy.answer).unwrap_or_default()
        })
    });
    let hit = Closure::<dyn Fn(f32, f32) -> String>::new(|x, y| {
        COPY.with_borrow(|copy| {
            let target = pick::pick(&copy.rig, &copy.cluster, &copy.bodies, Vec2::new(x, y));
            let hit = match target {
                Some(Target::Node(node)) => Hit {
                    node: Some(node),
                    process: None,
                },
                Some(Target::Process(process)) => Hit {
                    node: None,
                    process: Some(process),
                },
                None => Hit {
                    node: None,
                    process: None,
                },
            };
            serde_json::to_string(&hit).unwrap_or_default()
        })
    });
    let sharp = Closure::<dyn Fn(bool)>::new(|on| COPY.with_borrow_mut(|copy| copy.sharp = on));
    let quiet = Closure::<dyn Fn()>::new(|| COPY.with_borrow_mut(|copy| copy.interest = 0));
    let functions = [
        ("quiet", quiet.into_js_value()),
        ("state", state.into_js_value()),
        ("pick", hit.into_js_value()),
        ("numbers", numbers.into_js_value()),
        ("sharp", sharp.into_js_value()),
    ];
    let put = |object: &JsValue, name: &str, value: &JsValue| {
        if js_sys::Reflect::set(object, &name.into(), value).is_err() {
            warn!("the page does not let {name} be defined");
        }
    };
    for (name, function) in functions {
        put(&mattx, name, &function);
    }
    put(&dom::window(), "mattx", &mattx);
}

fn heap() -> u64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    let buffer: js_sys::ArrayBuffer = memory.buffer().unchecked_into();
    u64::from(buffer.byte_length())
}

fn copy(
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    acting: Res<TheActing>,
    rig: Res<TheRig>,
    connection: Res<Connection>,
    drawing: Res<Drawing>,
    theme: Res<Theme>,
    adapter: Option<Res<RenderAdapterInfo>>,
    mut frame: Local<u64>,
) {
    *frame += 1;
    COPY.with_borrow_mut(|copy| {
        copy.answer.frame = *frame;
        let ready = *frame > 3 && !cluster.nodes.is_empty();
        copy.numbers = Numbers {
            frame: *frame,
            connected: connection.open,
            ready,
            draws: drawing.calls(),
            shapes: drawing.len(),
            processes: cluster.processes.len(),
            messages: connection.messages,
            scale: drawing.scale,
            heap: 0,
        };
        if copy.interest == 0 {
            return;
        }
        copy.interest -= 1;
        let screen = |at| rig.project(at).map(|pixel| pixel.to_array());
        copy.answer = Answer {
            ready,
            frame: *frame,
            connected: connection.open,
            garbled: connection.garbled,
            role: cluster.role,
            source: cluster.source,
            notice: cluster.notice.clone(),
            adapter: adapter.map(|info| info.name.clone()).unwrap_or_default(),
            size: rig.size.to_array(),
            shapes: drawing.len(),
            selected_process: acting.selected_process(),
            selected_node: acting.selected_node(),
            group: acting.group.len(),
            past: cluster.past,
            theme: theme.name,
            eye: rig.eye().to_array(),
            nodes: cluster
                .nodes
                .iter()
                .map(|(id, node)| NodeView {
                    id: *id,
                    name: node.sample.name.clone(),
                    load: node.load(),
                    memory: node.memory(),
                    foot: cluster.places.of(*id).map(|foot| foot.to_array()),
                    screen: cluster.places.of(*id).and_then(|foot| {
                        screen(foot + Vec3::Y * (height(node.load(), node.sample.state) * 0.7))
                    }),
                })
                .collect(),
            processes: cluster
                .processes
                .iter()
                .map(|(name, process)| {
                    let body = bodies.all.get(name);
                    ProcessView {
                        name: *name,
                        comm: process.sample.comm.clone(),
                        node: process.node,
                        away: process.is_away(),
                        cpu: process.sample.cpu_percent,
                        flying: body.is_some_and(|body| body.flight.is_some()),
                        pending: acting.is_pending(*name),
                        screen: body.and_then(|body| screen(body.position)),
                    }
                })
                .collect(),
            outcomes: acting.outcomes.clone(),
        };
        copy.rig = rig.0;
        copy.cluster = cluster.0.clone();
        copy.bodies = bodies.0.clone();
    });
}
