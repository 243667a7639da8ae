// SPDX-License-Identifier: GPL-2.0-or-later
//! The help, and the line at the bottom that says what can be done now.

use bevy::prelude::*;
use mattx_viz_client::pick::Target;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlDialogElement};

use crate::app::Step;
use crate::app::dom;
use crate::app::input::{Gesture, Input};
use crate::app::interact::Pointing;
use crate::app::model::{TheActing, TheCluster};

pub fn plugin(app: &mut App) {
    app.add_systems(Startup, listen).add_systems(
        Update,
        (keys, hint.run_if(super::now_and_then)).in_set(Step::Show),
    );
}

fn dialog() -> Option<HtmlDialogElement> {
    dom::by_id("help").dyn_into().ok()
}

fn toggle() {
    let Some(dialog) = dialog() else { return };
    if dialog.open() {
        dialog.close();
    } else {
        // Fails only for a dialog that is open already.
        let _ = dialog.show_modal();
    }
}

fn listen() {
    dom::listen(&dom::by_id("help-button"), "click", |_: Event| toggle());
    dom::listen(&dom::by_id("help-close"), "click", |_: Event| toggle());
}

fn keys(input: Res<Input>) {
    if input
        .gestures
        .iter()
        .any(|gesture| matches!(gesture, Gesture::Key(key) if key == "Help"))
    {
        toggle();
    }
}

fn hint(cluster: Res<TheCluster>, acting: Res<TheActing>, pointing: Res<Pointing>) {
    let name = |process| {
        cluster
            .processes
            .get(&process)
            .map(|process| process.sample.comm.as_str())
    };
    let text = match (acting.selected, pointing.dragged) {
        (_, Some((process, _))) => format!(
            "drop {} on a node to move it there",
            name(process).unwrap_or("it")
        ),
        (Some(Target::Process(process)), _) if cluster.may_act() => {
            let name = name(process).unwrap_or("it");
            match cluster.processes.get(&process) {
                Some(known) if known.is_away() => {
                    format!(
                        "click a node to move {name} there · double-click {name} or press H to send it home"
                    )
                }
                _ => {
                    format!("click a node, or drag {name} onto one, to move it there · Esc lets go")
                }
            }
        }
        (Some(Target::Process(_)), _) => {
            "you can look but not move processes: that needs the link with the token".into()
        }
        (Some(Target::Node(_)), _) => "F flies there · Esc lets go".into(),
        (None, None) => {
            "click a process to select it · drag to look around · WASD to fly · ? for help".into()
        }
    };
    dom::text(&dom::by_id("hint"), &text);
}
