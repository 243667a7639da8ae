// SPDX-License-Identifier: GPL-2.0-or-later
//! Gamepads, asked once per frame as browsers want it. What they do is what keys do, so that nothing else knows of them.
//!
//! Left stick flies, right stick turns, shoulder buttons go down and up; A selects the next process, B lets go, X sends
//! home, Y shows everything.

use bevy::prelude::*;
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use super::dom;
use super::input::{Gesture, Input};

/// Sticks rest within this much of their middle.
const REST: f32 = 0.18;
/// Buttons of the standard layout and the keys that they stand for.
const BUTTONS: [(u32, &str); 5] = [
    (0, "KeyN"),
    (1, "Escape"),
    (2, "KeyH"),
    (3, "Home"),
    (9, "KeyT"),
];
const DOWN: u32 = 4;
const UP: u32 = 5;
const FAST: u32 = 7;

/// What the sticks say now, each -1.0..=1.0.
#[derive(Resource, Default, Debug)]
pub struct Sticks {
    /// Right, up, forward.
    pub way: Vec3,
    /// To the left, upwards.
    pub turn: Vec2,
    /// Whether it shall be fast.
    pub fast: bool,
}

/// Sets gamepads up.
pub fn plugin(app: &mut App) {
    app.init_resource::<Sticks>().add_systems(
        Update,
        ask.in_set(super::Step::Hear).after(super::input::collect),
    );
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// The first gamepad that is there, read by name: bindings of their own would double what has to be built.
fn first() -> Option<JsValue> {
    let navigator: JsValue = dom::window().navigator().into();
    let function = get(&navigator, "getGamepads").dyn_into::<Function>().ok()?;
    let pads: Array = function.call0(&navigator).ok()?.into();
    pads.iter().find(|pad| {
        pad.is_object() && get(pad, "mapping").as_string().as_deref() == Some("standard")
    })
}

fn ask(mut sticks: ResMut<Sticks>, mut input: ResMut<Input>, mut held: Local<Vec<u32>>) {
    let Some(pad) = first() else {
        *sticks = Sticks::default();
        return;
    };
    let axes: Array = get(&pad, "axes").into();
    let axis = |index| {
        let value = axes.get(index).as_f64().unwrap_or(0.0) as f32;
        // Beyond the rest it begins at nought, not with a jump.
        value.signum() * ((value.abs() - REST).max(0.0) / (1.0 - REST)).min(1.0)
    };
    let buttons: Array = get(&pad, "buttons").into();
    let pressed = |index| get(&buttons.get(index), "pressed").is_truthy();
    let level = |on| f32::from(u8::from(on));
    *sticks = Sticks {
        way: Vec3::new(axis(0), level(pressed(UP)) - level(pressed(DOWN)), -axis(1)),
        turn: Vec2::new(-axis(2), axis(3)),
        fast: pressed(FAST),
    };
    for (button, key) in BUTTONS {
        let before = held.contains(&button);
        match (before, pressed(button)) {
            (false, true) => {
                held.push(button);
                input.gestures.push(Gesture::Key(key.into()));
            }
            (true, false) => held.retain(|other| *other != button),
            _ => {}
        }
    }
}
