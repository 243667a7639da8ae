// SPDX-License-Identifier: GPL-2.0-or-later
//! The selection is part of the page's address, so that it can be sent to others and survives a reload. A lost WebGL
//! context is answered by such a reload: it is back within a second, with the same selection.

use bevy::prelude::*;
use mattx_protocol::model::ProcessRef;
use mattx_viz_client::pick::Target;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::Event;

use super::dom;
use super::model::{TheActing, TheCluster};

/// Milliseconds from the loss of the context until the reload: at once the browser may refuse a new one.
const RELOAD_AFTER_MS: i32 = 400;

/// What the address asked for and is not known yet.
#[derive(Resource, Default)]
struct Asked(Option<Target>);

/// Sets addresses up.
pub fn plugin(app: &mut App) {
    let hash = dom::window().location().hash().unwrap_or_default();
    app.insert_resource(Asked(parse(hash.trim_start_matches('#'))))
        .add_systems(Startup, reload_on_loss)
        .add_systems(Update, (answer, publish).chain().in_set(super::Step::Act));
}

fn reload_on_loss() {
    dom::listen(&dom::by_id("scene"), "webglcontextlost", |_: Event| {
        let reload = Closure::once_into_js(|| {
            // It fails only where the page is being left already.
            let _ = dom::window().location().reload();
        });
        let window = dom::window();
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(
            reload.unchecked_ref(),
            RELOAD_AFTER_MS,
        );
    });
}

fn answer(mut asked: ResMut<Asked>, mut acting: ResMut<TheActing>, cluster: Res<TheCluster>) {
    let known = match asked.0 {
        Some(Target::Node(id)) => cluster.nodes.contains_key(&id),
        Some(Target::Process(name)) => cluster.processes.contains_key(&name),
        None => return,
    };
    if known {
        acting.selected = asked.0.take();
    }
}

fn publish(asked: Res<Asked>, acting: Res<TheActing>, mut shown: Local<Option<Target>>) {
    if asked.0.is_some() || *shown == acting.selected {
        return;
    }
    *shown = acting.selected;
    let text = format(acting.selected);
    let Ok(history) = dom::window().history() else {
        return;
    };
    // Browsers limit how often this may be called; a missed one only means an older address.
    let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&text));
}

fn format(target: Option<Target>) -> String {
    match target {
        Some(Target::Node(id)) => format!("#node={id}"),
        Some(Target::Process(ProcessRef { home, pid })) => format!("#process={home}.{pid}"),
        None => "#".into(),
    }
}

fn parse(text: &str) -> Option<Target> {
    match text.split_once('=')? {
        ("node", id) => Some(Target::Node(id.parse().ok()?)),
        ("process", name) => {
            let (home, pid) = name.split_once('.')?;
            Some(Target::Process(ProcessRef {
                home: home.parse().ok()?,
                pid: pid.parse().ok()?,
            }))
        }
        _ => None,
    }
}
