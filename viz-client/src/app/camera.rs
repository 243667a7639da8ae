// SPDX-License-Identifier: GPL-2.0-or-later
//! Flying, orbiting and touring.

use std::cell::Cell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_viz_client::motion::share;
use mattx_viz_client::pick::{Target, height};
use mattx_viz_client::rig::{Rig, View};
use mattx_viz_client::tour::{STAY, Sight, Tour};

use super::dom;
use super::gamepad::Sticks;
use super::input::{Gesture, Input};
use super::model::{FrameNews, TheActing, TheBodies, TheCluster, Wishes};

/// Radians per second of a tour.
const TOUR_SPEED: f32 = 0.05;
/// Distance from which one node or process is looked at.
const CLOSE_UP: f32 = 13.0;
/// The same for those who watch from afar.
const KIOSK_CLOSE_UP: f32 = 22.0;
/// Pixels that the panel covers, and the width below which it lies at the bottom; the same as in `style.css`.
const PANEL_WIDTH: f32 = 304.0;
const NARROW: f32 = 900.0;
/// Radians per second by arrow keys.
const TURN_SPEED: f32 = 1.2;

/// The camera.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheRig(pub Rig);

/// Views to come back to, by the digits of their keys; the browser keeps them.
#[derive(Default)]
pub(super) struct Bookmarks([Option<View>; 10]);

/// Whether somebody steers.
#[derive(Resource, Default)]
pub struct Steering {
    /// Turning slowly until somebody takes over.
    pub touring: bool,
    /// Another part of the program wants this to be looked at.
    pub wanted: Option<Target>,
    /// How many nodes the view was last fitted to, until somebody takes over.
    fitted: usize,
    taken: bool,
}

impl Steering {
    /// Whether somebody has chosen this view.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken
    }

    /// Somebody moved the camera: nothing moves it by itself from now on.
    pub fn take(&mut self) {
        self.touring = false;
        self.taken = true;
    }
}

/// Sets the camera up.
pub fn plugin(app: &mut App) {
    app.init_resource::<TheRig>()
        .init_resource::<Steering>()
        .insert_non_send(dom::watch_canvas_size())
        .add_systems(Startup, begin)
        .add_systems(Update, (fit, tour, steer).chain().in_set(super::Step::Act));
}

fn begin(
    mut steering: ResMut<Steering>,
    mut rig: ResMut<TheRig>,
    wishes: Res<Wishes>,
    asked: Res<super::address::Asked>,
) {
    steering.touring = !wishes.still;
    if let Some(view) = asked.view {
        rig.goal = view;
        rig.arrive();
        steering.take();
    }
}

/// Looks at the whole cluster as long as nobody has chosen another view.
fn fit(
    mut rig: ResMut<TheRig>,
    mut steering: ResMut<Steering>,
    cluster: Res<TheCluster>,
    canvas: NonSend<Rc<Cell<Vec2>>>,
) {
    let size = canvas.get().max(Vec2::ONE);
    let resized = rig.size != size;
    rig.size = size;
    let nodes = cluster.nodes.len();
    if nodes > 0 && !steering.taken && (resized || steering.fitted != nodes) {
        let first = steering.fitted == 0;
        steering.fitted = nodes;
        overview(&mut rig, &cluster);
        if first {
            rig.arrive();
        }
    }
}

/// Shares of the picture's height that the bar and the lines at the bottom cover.
const BAR: f32 = 0.13;
const BOTTOM: f32 = 0.09;

/// The direction from which the nodes of a small cluster hide each other least.
fn best_yaw(cluster: &TheCluster) -> f32 {
    const FEW: usize = 10;
    let usual = View::default().yaw;
    let feet: Vec<Vec3> = cluster
        .nodes
        .keys()
        .filter_map(|id| cluster.places.of(*id))
        .collect();
    if feet.len() > FEW {
        return usual;
    }
    let apart = |yaw: f32| {
        let right = Quat::from_rotation_y(yaw) * Vec3::X;
        let mut across: Vec<f32> = feet.iter().map(|foot| foot.dot(right)).collect();
        across.sort_by(f32::total_cmp);
        let gaps = across.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.fold(f32::INFINITY, f32::min)
    };
    (0..12)
        .map(|step| usual + step as f32 * std::f32::consts::TAU / 24.0)
        .max_by(|a, b| apart(*a).total_cmp(&apart(*b)))
        .unwrap_or(usual)
}

/// Looks at everything: low over a small cluster, so that the sky is seen, and from higher up over a large one.
fn overview(rig: &mut Rig, cluster: &TheCluster) {
    let (_, radius) = cluster.places.extent();
    rig.goal.yaw = best_yaw(cluster);
    rig.goal.pitch = 0.29 + 0.20 * (radius / 110.0).min(1.0);
    let points: Vec<Vec3> = cluster
        .nodes
        .iter()
        .filter_map(|(id, node)| {
            let foot = cluster.places.of(*id)?;
            let top = foot + Vec3::Y * (height(node.load(), node.sample.state) + 0.6);
            Some([
                foot - Vec3::X * 2.2,
                foot + Vec3::X * 2.2,
                foot + Vec3::Z * 1.8,
                top,
            ])
        })
        .flatten()
        .collect();
    rig.frame(&points, BAR, BOTTOM);
    // A small cluster stands in some space, as a thing to be looked at.
    rig.goal.distance *= 1.0 + 0.30 * (1.0 - (radius / 30.0).min(1.0));
}

/// The point of a target that is looked at.
fn middle_of(target: Target, cluster: &TheCluster, bodies: &TheBodies) -> Option<Vec3> {
    match target {
        Target::Node(id) => cluster.places.of(id).map(|foot| foot + Vec3::Y * 1.6),
        Target::Process(name) => bodies.all.get(&name).map(|body| body.position),
    }
}

/// Moves the camera by keys, sticks, wheel and time.
pub(super) fn steer(
    mut rig: ResMut<TheRig>,
    mut steering: ResMut<Steering>,
    mut bookmarks: Local<Bookmarks>,
    mut acting: ResMut<TheActing>,
    input: Res<Input>,
    sticks: Res<Sticks>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    wishes: Res<Wishes>,
    time: Res<Time>,
) {
    let seconds = time.delta_secs().min(0.25);
    let focus = steering.wanted.take().map_or_else(
        || {
            let pressed = input
                .gestures
                .iter()
                .any(|gesture| matches!(gesture, Gesture::Key(key) if key == "KeyF"));
            acting.selected.filter(|_| pressed)
        },
        Some,
    );
    if let Some(focus) = focus.and_then(|target| middle_of(target, &cluster, &bodies)) {
        rig.look_at(focus, CLOSE_UP);
        steering.take();
    }
    for gesture in &input.gestures {
        match gesture {
            Gesture::Wheel(steps) if !wishes.kiosk => {
                rig.zoom(*steps);
                steering.take();
            }
            Gesture::Look(way) => {
                rig.look_around(*way);
                steering.take();
            }
            Gesture::Key(key) if !wishes.kiosk => match key.as_str() {
                "Home" | "Digit0" => {
                    overview(&mut rig, &cluster);
                    steering.take();
                }
                "KeyT" => steering.touring = !steering.touring,
                key => {
                    if let Some(text) = bookmark(&mut bookmarks, &mut rig, key) {
                        acting.hint(text);
                        steering.take();
                    }
                }
            },
            Gesture::Locked(locked) => {
                let text = if *locked {
                    "the mouse turns the view and WASD flies; Esc or M gives the mouse back"
                } else {
                    "the mouse points again"
                };
                acting.hint(text.into());
            }
            Gesture::Key(_) | Gesture::Wheel(_) | Gesture::Pointer { .. } | Gesture::Menu(_) => {}
        }
    }
    let way = sticks.way
        + Vec3::new(
            input.axis(&["KeyA"], &["KeyD"]),
            input.axis(&["KeyQ", "ControlLeft", "KeyC"], &["KeyE", "Space"]),
            input.axis(&["KeyS"], &["KeyW"]),
        );
    let turn = sticks.turn
        + Vec2::new(
            input.axis(&["ArrowRight"], &["ArrowLeft"]),
            input.axis(&["ArrowDown"], &["ArrowUp"]),
        );
    let steps = input.axis(&["Minus", "NumpadSubtract"], &["Equal", "NumpadAdd"]);
    if !wishes.kiosk && (way != Vec3::ZERO || turn != Vec2::ZERO || steps != 0.0) {
        let quick = input.held.contains("ShiftLeft") || input.held.contains("ShiftRight");
        let fast = if quick || sticks.fast { 3.0 } else { 1.0 };
        rig.fly(way, fast, seconds);
        rig.orbit(turn * TURN_SPEED * seconds / 0.006);
        rig.zoom(steps * seconds * 8.0);
        steering.take();
    }
    if steering.touring || (wishes.kiosk && !wishes.still) {
        rig.goal.yaw += TOUR_SPEED * seconds;
    }
    // The panel covers a part of the right side: the view makes room for it.
    let covered = if acting.selected.is_some() && rig.size.x > NARROW {
        PANEL_WIDTH / rig.size.x
    } else {
        0.0
    };
    rig.shift += (-covered - rig.shift) * share(seconds, 0.12);
    rig.step(seconds);
}

/// Keeps the view under a digit with shift, and flies back to it with alt; says what it did.
fn bookmark(bookmarks: &mut Bookmarks, rig: &mut TheRig, key: &str) -> Option<String> {
    let (keep, digit) = match key.strip_prefix("Keep") {
        Some(digit) => (true, digit),
        None => (false, key.strip_prefix("View")?),
    };
    let digit: usize = digit.parse().ok()?;
    let slot = bookmarks.0.get_mut(digit)?;
    let name = format!("mattx-view-{digit}");
    let storage = dom::storage();
    if keep {
        *slot = Some(rig.goal);
        if let Some(storage) = storage {
            // Browsers may forbid to store; then the view is kept as long as the page.
            let _ = storage.set_item(&name, &rig.goal.to_text());
        }
        return Some(format!("this view is kept: Alt {digit} comes back to it"));
    }
    let stored = || View::from_text(&storage?.get_item(&name).ok()??);
    match slot.or_else(stored) {
        Some(view) => {
            rig.goal = view;
            Some(format!("view {digit}"))
        }
        None => Some(format!(
            "no view is kept under {digit}: Shift {digit} keeps one"
        )),
    }
}

/// Leads the camera where nobody steers: a stop after the other, each with a headline.
fn tour(
    mut tour: Local<Tour>,
    mut left: Local<f32>,
    mut rig: ResMut<TheRig>,
    cluster: Res<TheCluster>,
    news: Res<FrameNews>,
    wishes: Res<Wishes>,
    time: Res<Time>,
) {
    if !wishes.kiosk || cluster.nodes.is_empty() {
        return;
    }
    let now = time.elapsed_secs_f64();
    for item in &news.0 {
        tour.hear(&cluster, item, now);
    }
    *left -= time.delta_secs();
    if *left > 0.0 {
        return;
    }
    *left = STAY;
    let stop = tour.next(&cluster, now);
    let headline = dom::by_id("headline");
    dom::text(&headline, &stop.words);
    dom::show(&headline, true);
    let place = |id| cluster.places.of(id).map(|foot| foot + Vec3::Y * 1.6);
    match stop.sight {
        Sight::Node(id) => {
            if let Some(at) = place(id) {
                rig.look_at(at, KIOSK_CLOSE_UP);
                rig.goal.pitch = 0.24;
            }
        }
        Sight::Journey(_, from, to) => {
            if let (Some(from), Some(to)) = (place(from), place(to)) {
                rig.goal.pitch = 0.30;
                rig.frame(&[from, to, from.lerp(to, 0.5) + Vec3::Y * 2.0], 0.28, 0.26);
                rig.goal.distance = rig.goal.distance.max(KIOSK_CLOSE_UP);
            }
        }
        Sight::Everything => {
            let yaw = rig.goal.yaw;
            overview(&mut rig, &cluster);
            rig.goal.yaw = yaw;
        }
    }
    if wishes.still {
        rig.arrive();
    }
}
