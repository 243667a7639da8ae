// SPDX-License-Identifier: GPL-2.0-or-later
//! The menu of a thing: right click, long press, or the O key for what is selected. And what can be taken back.

use std::cell::RefCell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_viz_client::choices::{Choice, choices, perform};
use mattx_viz_client::pick::Target;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlButtonElement, HtmlElement, KeyboardEvent};

use crate::app::Step;
use crate::app::camera::{Steering, TheRig};
use crate::app::dom;
use crate::app::input::{Gesture, Input};
use crate::app::interact::Pointing;
use crate::app::model::{TheActing, TheBodies, TheCluster};

/// Entries that fit; a node that is not among them is reached by dragging.
const MOST: usize = 10;

/// What was clicked: in the menu, or of the two buttons for what is under way and what is done.
#[derive(Default)]
struct Clicks {
    actions: Vec<String>,
    close: bool,
}

type Shared = Rc<RefCell<Clicks>>;

/// The thing that the menu is about.
#[derive(Default)]
struct Open(Option<Target>);

pub fn plugin(app: &mut App) {
    app.insert_non_send(listen())
        .insert_non_send(Open::default())
        .add_systems(
            Update,
            (open, act)
                .chain()
                .in_set(Step::Act)
                .after(super::super::interact::point),
        )
        .add_systems(
            Update,
            orders.in_set(Step::Show).run_if(super::now_and_then),
        );
}

/// Fills `list` with a button for each choice.
pub fn fill(list: &HtmlElement, all: &[Choice], role: &str) {
    list.set_text_content(None);
    for Choice {
        action,
        text,
        obstacle,
    } in all
    {
        let Ok(button) = dom::make("button", "", text).dyn_into::<HtmlButtonElement>() else {
            continue;
        };
        dom::attribute(&button, "type", "button");
        dom::attribute(&button, "data-action", action);
        if !role.is_empty() {
            dom::attribute(&button, "role", role);
        }
        if let Some(reason) = obstacle {
            // Not disabled for the keyboard and for those who listen: they shall learn the reason, too.
            dom::attribute(&button, "aria-disabled", "true");
            dom::attribute(&button, "title", reason);
            dom::append(&button, &dom::make("small", "", reason));
        }
        dom::append(list, &button);
    }
}

/// The action of the button that an event hit; none for one that cannot be used now.
pub fn action_of(event: &Event) -> Option<String> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let button = target.closest("[data-action]").ok()??;
    if button.get_attribute("aria-disabled").is_some() {
        return Some(format!("why:{}", button.get_attribute("title")?));
    }
    button.get_attribute("data-action")
}

fn listen() -> Shared {
    let shared = Shared::default();
    let menu = dom::by_id("menu");
    let to = shared.clone();
    dom::listen(&menu, "click", move |event: Event| {
        to.borrow_mut().actions.extend(action_of(&event));
    });
    let to = shared.clone();
    dom::listen(&menu, "keydown", move |event: KeyboardEvent| {
        let way = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            "Escape" | "Tab" => {
                to.borrow_mut().close = true;
                0
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        step(way);
    });
    for (id, action) in [("call-off", "call-off"), ("undo", "undo")] {
        let to = shared.clone();
        dom::listen(&dom::by_id(id), "click", move |_: Event| {
            to.borrow_mut().actions.push(action.to_owned());
        });
    }
    shared
}

/// Moves the keyboard to the next entry of the menu.
fn step(way: i32) {
    let entries = dom::by_id("menu").children();
    let count = i32::try_from(entries.length()).unwrap_or(0).max(1);
    let active = dom::document().active_element();
    let at = (0..count)
        .find(|nth| entries.item(nth.unsigned_abs()) == active)
        .unwrap_or(-way.min(0) - 1);
    let next = entries.item((at + way).rem_euclid(count).unsigned_abs());
    if let Some(entry) = next.and_then(|entry| entry.dyn_into::<HtmlElement>().ok()) {
        let _ = entry.focus();
    }
}

fn open(
    mut open: NonSendMut<Open>,
    input: Res<Input>,
    pointing: Res<Pointing>,
    acting: Res<TheActing>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    rig: Res<TheRig>,
) {
    let mut wanted = None;
    for gesture in &input.gestures {
        match gesture {
            Gesture::Menu(at) => {
                wanted = pointing
                    .under(&rig, &cluster, &bodies, *at)
                    .map(|target| (target, *at))
            }
            Gesture::Key(key) if key == "KeyO" || key == "ContextMenu" => {
                let place = |target| match target {
                    Target::Node(id) => cluster.places.of(id),
                    Target::Process(name) => bodies.all.get(&name).map(|body| body.position),
                };
                wanted = acting
                    .selected
                    .and_then(|target| Some((target, rig.project(place(target)?)?)));
            }
            Gesture::Pointer {
                stroke: crate::app::input::Stroke::Down,
                ..
            } => close(&mut open),
            _ => {}
        }
    }
    let Some((target, at)) = wanted else { return };
    let mut all = choices(&acting, &cluster, target);
    if all.len() > MOST {
        let last = all.split_off(all.len() - 3);
        all.truncate(MOST - 3);
        all.extend(last);
    }
    let menu = dom::by_id("menu");
    fill(&menu, &all, "menuitem");
    dom::show(&menu, true);
    // Wholly inside the page.
    let (width, height) = (menu.offset_width() as f32, menu.offset_height() as f32);
    let at = at
        .min(rig.size - Vec2::new(width, height) - 8.0)
        .max(Vec2::splat(8.0));
    dom::style(
        &menu,
        "transform",
        &format!("translate({:.0}px,{:.0}px)", at.x, at.y),
    );
    open.0 = Some(target);
    step(1);
}

fn close(open: &mut Open) {
    if open.0.take().is_some() {
        dom::show(&dom::by_id("menu"), false);
        let _ = dom::by_id("scene").focus();
    }
}

fn act(
    clicks: NonSend<Shared>,
    mut open: NonSendMut<Open>,
    mut acting: ResMut<TheActing>,
    mut steering: ResMut<Steering>,
    cluster: Res<TheCluster>,
    input: Res<Input>,
) {
    let mut clicks = clicks.borrow_mut();
    if std::mem::take(&mut clicks.close) {
        close(&mut open);
    }
    for action in clicks.actions.drain(..) {
        match (action.as_str(), open.0) {
            ("call-off", _) => acting.call_off(),
            ("undo", _) => acting.undo(&cluster),
            (action, Some(target)) => {
                if let Some(reason) = action.strip_prefix("why:") {
                    acting.hint(reason.to_owned());
                } else {
                    steering.wanted =
                        perform(&mut acting, &cluster, action, target).or(steering.wanted);
                }
                close(&mut open);
            }
            (_, None) => {}
        }
    }
    for gesture in &input.gestures {
        let Gesture::Key(key) = gesture else { continue };
        match key.as_str() {
            "Escape" => close(&mut open),
            "Backspace" => acting.call_off(),
            "KeyU" => acting.undo(&cluster),
            _ => {}
        }
    }
}

/// The buttons for what can be called off and what can be undone.
fn orders(acting: Res<TheActing>, cluster: Res<TheCluster>) {
    dom::show(&dom::by_id("call-off"), acting.is_working());
    let undo = dom::by_id("undo");
    let text = acting.undoable(&cluster).filter(|_| cluster.may_act());
    dom::show(&undo, text.is_some() && !acting.is_working());
    dom::text(&undo, &format!("Undo (U): {}", text.unwrap_or_default()));
}
