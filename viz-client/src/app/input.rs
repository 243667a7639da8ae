// SPDX-License-Identifier: GPL-2.0-or-later
//! Pointers, wheel and keys, taken from the page with the browser's own time stamps: where frames take long, a double
//! click may begin and end within one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use bevy::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, KeyboardEvent, PointerEvent, WheelEvent};

use super::dom;

/// Pixels of a wheel step as browsers report it.
const WHEEL_STEP: f32 = 100.0;

/// What a pointer did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stroke {
    /// It touched down.
    Down,
    /// It moved.
    Move,
    /// It was lifted.
    Up,
    /// The browser took it away.
    Cancel,
}

/// Something that happened, in the order in which it did.
#[derive(Clone, Debug)]
pub enum Gesture {
    /// A pointer did something at a place of the canvas.
    Pointer {
        /// Which pointer.
        id: i32,
        /// What it did.
        stroke: Stroke,
        /// Where, in CSS pixels from the top left of the canvas.
        at: Vec2,
        /// Whether it means panning: another button than the first, or with shift.
        second: bool,
        /// Whether what is clicked is added to what is selected.
        also: bool,
        /// Whether it is a finger or a pen.
        touch: bool,
        /// When, in milliseconds.
        time: f64,
    },
    /// The wheel turned by so many steps, positive away from the person.
    Wheel(f32),
    /// A key was pressed, by the name of its place on the keyboard; digits with shift are `Keep`, with alt `View`.
    Key(String),
    /// The mouse moved while it was locked to the view.
    Look(Vec2),
    /// The mouse was locked to the view, or let go.
    Locked(bool),
    /// A menu was asked for at a place of the canvas.
    Menu(Vec2),
}

/// What happened since the last frame.
#[derive(Resource, Default, Debug)]
pub struct Input {
    /// In order.
    pub gestures: Vec<Gesture>,
    /// Keys that are held.
    pub held: BTreeSet<String>,
    /// Where the pointer is, if it is over the canvas.
    pub pointer: Option<Vec2>,
}

impl Input {
    /// -1.0, 0.0 or 1.0 from two opposite sets of keys.
    #[must_use]
    pub fn axis(&self, less: &[&str], more: &[&str]) -> f32 {
        let any =
            |keys: &[&str]| f32::from(u8::from(keys.iter().any(|key| self.held.contains(*key))));
        any(more) - any(less)
    }
}

type Shared = Rc<RefCell<Input>>;

/// Begins to listen.
pub fn plugin(app: &mut App) {
    app.init_resource::<Input>()
        .insert_non_send(listen())
        .add_systems(Update, collect.in_set(super::Step::Hear));
}

pub(super) fn collect(shared: NonSend<Shared>, mut input: ResMut<Input>) {
    let mut fresh = shared.borrow_mut();
    input.gestures = std::mem::take(&mut fresh.gestures);
    input.held.clone_from(&fresh.held);
    input.pointer = fresh.pointer;
}

fn listen() -> Shared {
    let shared = Shared::default();
    let canvas = dom::by_id("scene");
    for (kind, stroke) in [
        ("pointerdown", Stroke::Down),
        ("pointermove", Stroke::Move),
        ("pointerup", Stroke::Up),
        ("pointercancel", Stroke::Cancel),
    ] {
        let (to, target) = (shared.clone(), canvas.clone());
        dom::listen(&canvas, kind, move |event: PointerEvent| {
            let at = Vec2::new(event.offset_x() as f32, event.offset_y() as f32);
            match stroke {
                Stroke::Down => {
                    // Drags go on when they leave the canvas. It fails only for a pointer that is gone already.
                    let _ = target.set_pointer_capture(event.pointer_id());
                    let _ = target.focus();
                    event.prevent_default();
                }
                Stroke::Move | Stroke::Up | Stroke::Cancel => {}
            }
            let second = event.button() > 0 || event.buttons() & 0b110 != 0 || event.shift_key();
            let mut to = to.borrow_mut();
            if dom::document().pointer_lock_element().is_some() {
                if stroke == Stroke::Move {
                    let way = Vec2::new(event.movement_x() as f32, event.movement_y() as f32);
                    to.gestures.push(Gesture::Look(way));
                }
                return;
            }
            to.pointer = Some(at);
            to.gestures.push(Gesture::Pointer {
                id: event.pointer_id(),
                stroke,
                at,
                second,
                also: event.shift_key() || event.ctrl_key() || event.meta_key(),
                touch: event.pointer_type() != "mouse",
                time: event.time_stamp(),
            });
        });
    }
    let to = shared.clone();
    dom::listen(&canvas, "pointerleave", move |_: PointerEvent| {
        to.borrow_mut().pointer = None
    });
    let to = shared.clone();
    dom::listen(&canvas, "wheel", move |event: WheelEvent| {
        event.prevent_default();
        // Lines and pages instead of pixels come from old mice.
        let unit = if event.delta_mode() == WheelEvent::DOM_DELTA_PIXEL {
            WHEEL_STEP
        } else {
            3.0
        };
        let steps = (-event.delta_y() as f32 / unit).clamp(-4.0, 4.0);
        to.borrow_mut().gestures.push(Gesture::Wheel(steps));
    });
    dom::listen(&canvas, "contextmenu", |event: Event| {
        event.prevent_default()
    });
    let to = shared.clone();
    dom::listen(&dom::document(), "pointerlockchange", move |_: Event| {
        let locked = dom::document().pointer_lock_element().is_some();
        to.borrow_mut().gestures.push(Gesture::Locked(locked));
    });
    let window = dom::window();
    let target = canvas.clone();
    let to = shared.clone();
    dom::listen(&window, "keydown", move |event: KeyboardEvent| {
        let code = event.code();
        let digit = code.strip_prefix("Digit");
        let bookmark = event.alt_key() && !event.ctrl_key() && digit.is_some();
        // Control alone flies down, unless a shortcut of the browser follows.
        let shortcut = (event.ctrl_key() && code != "ControlLeft") || event.meta_key();
        // Keys belong to the form field that has them, and shortcuts to the browser.
        if is_for_a_control(&event) || shortcut || (event.alt_key() && !bookmark) {
            to.borrow_mut().held.remove("ControlLeft");
            return;
        }
        if code == "KeyM" && !event.repeat() {
            // Only a gesture of the person may lock the mouse, so it cannot wait for the next frame.
            if dom::document().pointer_lock_element().is_some() {
                dom::document().exit_pointer_lock();
            } else {
                target.request_pointer_lock();
            }
        }
        if bookmark
            || matches!(
                code.as_str(),
                "ContextMenu"
                    | "Space"
                    | "ArrowUp"
                    | "ArrowDown"
                    | "ArrowLeft"
                    | "ArrowRight"
                    | "Home"
            )
        {
            event.prevent_default();
        }
        let mut to = to.borrow_mut();
        if to.held.insert(code.clone()) || event.repeat() {
            let key = match code.strip_prefix("Digit") {
                _ if event.key() == "?" => "Help".to_owned(),
                Some(digit) if event.alt_key() => format!("View{digit}"),
                Some(digit) if event.shift_key() => format!("Keep{digit}"),
                _ => code,
            };
            if !(event.repeat() && key.starts_with("Keep")) {
                to.gestures.push(Gesture::Key(key));
            }
        }
    });
    // Fingers have no Home key.
    let to = shared.clone();
    dom::listen(&dom::by_id("overview-button"), "click", move |_: Event| {
        to.borrow_mut().gestures.push(Gesture::Key("Home".into()));
    });
    let to = shared.clone();
    dom::listen(&window, "keyup", move |event: KeyboardEvent| {
        to.borrow_mut().held.remove(&event.code());
    });
    let to = shared.clone();
    dom::listen(&window, "blur", move |_: Event| {
        to.borrow_mut().held.clear()
    });
    shared
}

/// Whether a form field or a button has the keyboard.
pub fn is_for_a_control(event: &KeyboardEvent) -> bool {
    let Some(element) = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    else {
        return false;
    };
    let tag = element.tag_name();
    let takes_text = matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT");
    let takes_enter = matches!(tag.as_str(), "BUTTON" | "A")
        && matches!(event.code().as_str(), "Space" | "Enter");
    takes_text || takes_enter
}
