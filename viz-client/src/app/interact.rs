// SPDX-License-Identifier: GPL-2.0-or-later
//! Pointing, clicking, dragging: what pointers mean.

use std::collections::BTreeMap;

use bevy::prelude::*;
use mattx_protocol::command;
use mattx_protocol::model::ProcessRef;
use mattx_viz_client::cluster::Cluster;
use mattx_viz_client::pick::{Target, pick};

use super::camera::{Steering, TheRig};
use super::dom;
use super::hud::Filter;
use super::input::{Gesture, Input, Stroke};
use super::model::{TheActing, TheBodies, TheCluster, Wishes};

/// Pixels that a pointer may move in a click.
const STEADY: f32 = 6.0;
/// Milliseconds and pixels between the two clicks of a double click.
const DOUBLE_MS: f64 = 450.0;
const DOUBLE_REACH: f32 = 24.0;
/// Milliseconds for which a finger rests that asks for the menu.
const LONG_PRESS_MS: f64 = 550.0;

/// What the pointers do.
#[derive(Resource, Default)]
pub struct Pointing {
    /// What is pointed at.
    pub hovered: Option<Target>,
    /// A process that is being dragged, and where the pointer is.
    pub dragged: Option<(ProcessRef, Vec2)>,
    down: BTreeMap<i32, Finger>,
    last_click: Option<(f64, Vec2, Option<Target>)>,
}

impl Pointing {
    /// What is at a place of the canvas.
    #[must_use]
    pub fn under(
        &self,
        rig: &TheRig,
        cluster: &Cluster,
        bodies: &TheBodies,
        at: Vec2,
    ) -> Option<Target> {
        pick(rig, cluster, bodies, at)
    }
}

struct Finger {
    since: f64,
    touch: bool,
    start: Vec2,
    at: Vec2,
    target: Option<Target>,
    second: bool,
    moved: bool,
}

/// Sets pointing up.
pub fn plugin(app: &mut App) {
    app.init_resource::<Pointing>().add_systems(
        Update,
        (point, keys)
            .chain()
            .in_set(super::Step::Act)
            .after(super::camera::steer),
    );
}

pub(super) fn point(
    mut pointing: ResMut<Pointing>,
    mut acting: ResMut<TheActing>,
    mut rig: ResMut<TheRig>,
    mut steering: ResMut<Steering>,
    mut input: ResMut<Input>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    wishes: Res<Wishes>,
) {
    if wishes.kiosk {
        return;
    }
    let mut menus = Vec::new();
    for gesture in &input.gestures {
        let Gesture::Pointer {
            id,
            stroke,
            at,
            second,
            also,
            touch,
            time,
        } = gesture
        else {
            continue;
        };
        let under = |at: Vec2| pick(&rig, &cluster, &bodies, at);
        match stroke {
            Stroke::Down => {
                let finger = Finger {
                    since: *time,
                    touch: *touch,
                    start: *at,
                    at: *at,
                    target: under(*at),
                    second: *second,
                    moved: false,
                };
                pointing.down.insert(*id, finger);
            }
            Stroke::Move => drag(
                &mut pointing,
                &mut rig,
                &mut steering,
                *id,
                *at,
                cluster.may_act(),
            ),
            Stroke::Up => {
                let Some(finger) = pointing.down.remove(id) else {
                    continue;
                };
                if let Some((process, at)) = pointing.dragged.take() {
                    acting.drop_on(&cluster, process, under(at));
                } else if !finger.moved && finger.second && !also {
                    menus.push(*at);
                } else if !finger.moved && *also {
                    acting.click_also(finger.target);
                } else if !finger.moved && pointing.down.is_empty() {
                    click(
                        &mut pointing,
                        &mut acting,
                        &mut steering,
                        &cluster,
                        finger.target,
                        *at,
                        *time,
                    );
                }
            }
            Stroke::Cancel => {
                pointing.down.remove(id);
                pointing.dragged = None;
            }
        }
    }
    // A finger that rests asks for the menu.
    let now = dom::now_ms();
    let long =
        |finger: &Finger| finger.touch && !finger.moved && now - finger.since > LONG_PRESS_MS;
    if pointing.down.len() == 1 && pointing.down.values().all(long) {
        menus.extend(pointing.down.values().map(|finger| finger.at));
        pointing.down.clear();
    }
    input.gestures.extend(menus.into_iter().map(Gesture::Menu));
    let moving_camera =
        pointing.dragged.is_none() && pointing.down.values().any(|finger| finger.moved);
    pointing.hovered = input
        .pointer
        .filter(|_| !moving_camera)
        .and_then(|at| pick(&rig, &cluster, &bodies, at));
    // A process that is dragged hides what is under it.
    if let Some((process, _)) = pointing.dragged
        && pointing.hovered == Some(Target::Process(process))
    {
        pointing.hovered = None;
    }
}

fn drag(
    pointing: &mut Pointing,
    rig: &mut TheRig,
    steering: &mut Steering,
    id: i32,
    at: Vec2,
    may_act: bool,
) {
    let other = pointing
        .down
        .iter()
        .find(|(other, _)| **other != id)
        .map(|(_, finger)| finger.at);
    let Some(finger) = pointing.down.get_mut(&id) else {
        return;
    };
    let way = at - finger.at;
    finger.moved |= at.distance(finger.start) > STEADY;
    if !finger.moved {
        return;
    }
    let before = std::mem::replace(&mut finger.at, at);
    if let Some(other) = other {
        // Two fingers: what is between them stays between them.
        let (was, is) = (before.distance(other).max(1.0), at.distance(other).max(1.0));
        rig.zoom((is / was).ln() / 0.88_f32.recip().ln());
        rig.pan(way * 0.5);
        steering.take();
        return;
    }
    match finger.target {
        Some(Target::Process(process)) if !finger.second && may_act => {
            pointing.dragged = Some((process, at))
        }
        _ if finger.second => {
            rig.pan(way);
            steering.take();
        }
        _ => {
            rig.orbit(way);
            steering.take();
        }
    }
}

fn click(
    pointing: &mut Pointing,
    acting: &mut TheActing,
    steering: &mut Steering,
    cluster: &Cluster,
    target: Option<Target>,
    at: Vec2,
    time: f64,
) {
    // What was hit first counts: the first click may have changed what is under the pointer.
    let double = pointing.last_click.take().filter(|(before, place, first)| {
        time - before < DOUBLE_MS && at.distance(*place) < DOUBLE_REACH && first.is_some()
    });
    match double {
        Some((_, _, first @ Some(Target::Node(_)))) => steering.wanted = first,
        Some((_, _, first)) => acting.double_click(cluster, first),
        None => {
            acting.click(cluster, target);
            pointing.last_click = Some((time, at, target));
        }
    }
}

/// Everything that a pointer can do, from the keyboard.
fn keys(
    mut acting: ResMut<TheActing>,
    input: Res<Input>,
    cluster: Res<TheCluster>,
    filter: Res<Filter>,
    wishes: Res<Wishes>,
) {
    if wishes.kiosk {
        return;
    }
    for gesture in &input.gestures {
        let Gesture::Key(key) = gesture else { continue };
        match key.as_str() {
            "Escape" => acting.let_go(),
            "KeyG" => match filter.found() {
                Some(found) if !found.is_empty() => {
                    acting.select_all(found.iter().copied());
                    let count = acting.group.len();
                    acting.hint(format!("{count} processes are meant together"));
                }
                Some(_) => acting.hint("no process matches".into()),
                None => acting.hint("search first (/): what is found is then selected".into()),
            },
            "KeyN" => select_next(&mut acting, &cluster, 1),
            "KeyP" => select_next(&mut acting, &cluster, -1),
            "KeyH" => {
                acting.move_meant(&cluster, command::Target::Home);
            }
            "KeyB" => {
                acting.move_meant(&cluster, command::Target::Best);
            }
            _ => {
                let digit = key
                    .strip_prefix("Digit")
                    .and_then(|digit| digit.parse::<usize>().ok());
                if let Some(nth @ 1..) = digit
                    && let Some(node) = cluster.nodes.keys().nth(nth - 1)
                {
                    acting.move_meant(&cluster, command::Target::Node(*node));
                }
            }
        }
    }
}

fn select_next(acting: &mut TheActing, cluster: &Cluster, step: isize) {
    let mut busiest: Vec<_> = cluster.processes.values().collect();
    busiest.sort_by(|a, b| {
        b.sample
            .cpu_percent
            .total_cmp(&a.sample.cpu_percent)
            .then(a.name.cmp(&b.name))
    });
    if busiest.is_empty() {
        return;
    }
    let at = acting
        .selected_process()
        .and_then(|name| busiest.iter().position(|process| process.name == name));
    let next = match at {
        Some(at) => (at as isize + step).rem_euclid(busiest.len() as isize) as usize,
        None => 0,
    };
    acting.group.clear();
    acting.selected = Some(Target::Process(busiest[next].name));
}
