// SPDX-License-Identifier: GPL-2.0-or-later
//! Selection, camera and time are part of the page's address, so that they can be sent to others and survive a reload. A lost WebGL
//! context is answered by such a reload: it is back within a second, with the same view.

use bevy::prelude::*;
use mattx_protocol::browser::PlaybackControl;
use mattx_protocol::model::ProcessRef;
use mattx_viz_client::pick::Target;
use mattx_viz_client::rig::View;
use wasm_bindgen::JsValue;
use web_sys::Event;

use super::camera::{Steering, TheRig};
use super::dom;
use super::model::{TheActing, TheCluster};

/// Milliseconds from the loss of the context until the reload: at once the browser may refuse a new one.
const RELOAD_AFTER_MS: i32 = 400;

/// Milliseconds between two changes of the address: browsers limit how often it may be changed.
const PUBLISH_MS: f64 = 700.0;

/// What the address asked for.
#[derive(Resource, Default)]
pub struct Asked {
    /// Where the camera shall be.
    pub view: Option<View>,
    /// What shall be selected, as long as it is not known yet.
    target: Option<Target>,
    /// Where a recording shall stand, in milliseconds.
    time: Option<u64>,
}

/// Sets addresses up.
pub fn plugin(app: &mut App) {
    app.insert_resource(parse(&dom::window().location().hash().unwrap_or_default()))
        .add_systems(Startup, reload_on_loss)
        .add_systems(Update, (answer, publish).chain().in_set(super::Step::Act));
}

fn reload_on_loss() {
    dom::listen(&dom::by_id("scene"), "webglcontextlost", |_: Event| {
        dom::reload_in(RELOAD_AFTER_MS);
    });
}

fn answer(mut asked: ResMut<Asked>, mut acting: ResMut<TheActing>, cluster: Res<TheCluster>) {
    if cluster.playback.is_some()
        && let Some(time) = asked.time.take()
    {
        acting.control(PlaybackControl::Seek(time));
    }
    let known = match asked.target {
        Some(Target::Node(id)) => cluster.nodes.contains_key(&id),
        Some(Target::Process(name)) => cluster.processes.contains_key(&name),
        None => return,
    };
    if known {
        acting.selected = asked.target.take();
    }
}

fn publish(
    asked: Res<Asked>,
    acting: Res<TheActing>,
    cluster: Res<TheCluster>,
    rig: Res<TheRig>,
    steering: Res<Steering>,
    mut shown: Local<(f64, String)>,
) {
    let now = dom::now_ms();
    if asked.target.is_some() || now - shown.0 < PUBLISH_MS {
        return;
    }
    let mut parts = Vec::new();
    match acting.selected {
        Some(Target::Node(id)) => parts.push(format!("node={id}")),
        Some(Target::Process(ProcessRef { home, pid })) => {
            parts.push(format!("process={home}.{pid}"));
        }
        None => {}
    }
    // A view that moves by itself is nobody's view.
    if steering.is_taken() {
        parts.push(format!("view={}", rig.goal.to_text()));
    }
    if let Some(playback) = cluster.playback.filter(|playback| playback.paused) {
        parts.push(format!("time={}", playback.position_ms));
    }
    let text = format!("#{}", parts.join("&"));
    if shown.1 == text {
        return;
    }
    if let Ok(history) = dom::window().history() {
        // A missed change only means an older address.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&text));
    }
    *shown = (now, text);
}

fn parse(hash: &str) -> Asked {
    let mut asked = Asked::default();
    for part in hash.trim_start_matches('#').split('&') {
        match part.split_once('=') {
            Some(("node", id)) => asked.target = id.parse().ok().map(Target::Node),
            Some(("process", name)) => {
                asked.target = name.split_once('.').and_then(|(home, pid)| {
                    Some(Target::Process(ProcessRef {
                        home: home.parse().ok()?,
                        pid: pid.parse().ok()?,
                    }))
                });
            }
            Some(("view", view)) => asked.view = View::from_text(view),
            Some(("time", time)) => asked.time = time.parse().ok(),
            _ => {}
        }
    }
    asked
}
