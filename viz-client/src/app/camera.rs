// SPDX-License-Identifier: GPL-2.0-or-later
//! Flying, orbiting and touring.

use bevy::prelude::*;
use mattx_viz_client::motion::share;
use mattx_viz_client::pick::Target;
use mattx_viz_client::rig::{Rig, View};

use super::dom;
use super::input::{Gesture, Input};
use super::model::{TheActing, TheBodies, TheCluster, Wishes};

/// Radians per second of a tour.
const TOUR_SPEED: f32 = 0.05;
/// Distance from which one node or process is looked at.
const CLOSE_UP: f32 = 13.0;
/// Pixels that the panel covers, and the width below which it lies at the bottom; the same as in `style.css`.
const PANEL_WIDTH: f32 = 304.0;
const NARROW: f32 = 900.0;
/// Radians per second by arrow keys.
const TURN_SPEED: f32 = 1.2;

/// The camera.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheRig(pub Rig);

/// Whether somebody steers.
#[derive(Resource, Default)]
pub struct Steering {
    /// Turning slowly until somebody takes over.
    pub touring: bool,
    /// How many nodes the view was last fitted to, until somebody takes over.
    fitted: usize,
    taken: bool,
}

impl Steering {
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
        .add_systems(Startup, begin)
        .add_systems(Update, (fit, steer).chain().in_set(super::Step::Act));
}

fn begin(mut steering: ResMut<Steering>, wishes: Res<Wishes>) {
    steering.touring = !wishes.still;
}

/// Looks at the whole cluster as long as nobody has chosen another view.
fn fit(mut rig: ResMut<TheRig>, mut steering: ResMut<Steering>, cluster: Res<TheCluster>) {
    let size = dom::canvas_size().max(Vec2::ONE);
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

fn overview(rig: &mut Rig, cluster: &TheCluster) {
    let (middle, radius) = cluster.places.extent();
    let distance = rig.distance_for(radius);
    rig.look_at(middle + Vec3::Y * 1.4, distance);
}

/// Moves the camera by keys, wheel and time.
pub(super) fn steer(
    mut rig: ResMut<TheRig>,
    mut steering: ResMut<Steering>,
    input: Res<Input>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    acting: Res<TheActing>,
    wishes: Res<Wishes>,
    time: Res<Time>,
) {
    let seconds = time.delta_secs().min(0.25);
    for gesture in &input.gestures {
        match gesture {
            Gesture::Wheel(steps) => {
                rig.zoom(*steps);
                steering.take();
            }
            Gesture::Key(key) => match key.as_str() {
                "Home" | "Digit0" => {
                    let View { yaw, pitch, .. } = View::default();
                    (rig.goal.yaw, rig.goal.pitch) = (yaw, pitch);
                    overview(&mut rig, &cluster);
                    steering.take();
                }
                "KeyF" => {
                    let focus = match acting.selected {
                        Some(Target::Node(id)) => {
                            cluster.places.of(id).map(|foot| foot + Vec3::Y * 1.4)
                        }
                        Some(Target::Process(name)) => {
                            bodies.all.get(&name).map(|body| body.position)
                        }
                        None => None,
                    };
                    if let Some(focus) = focus {
                        rig.look_at(focus, CLOSE_UP);
                        steering.take();
                    }
                }
                "KeyT" => steering.touring = !steering.touring,
                _ => {}
            },
            Gesture::Pointer { .. } => {}
        }
    }
    let way = Vec3::new(
        input.axis(&["KeyA"], &["KeyD"]),
        input.axis(&["KeyQ", "ControlLeft", "KeyC"], &["KeyE", "Space"]),
        input.axis(&["KeyS"], &["KeyW"]),
    );
    let turn = Vec2::new(
        input.axis(&["ArrowRight"], &["ArrowLeft"]),
        input.axis(&["ArrowDown"], &["ArrowUp"]),
    );
    if way != Vec3::ZERO || turn != Vec2::ZERO {
        let fast = if input.held.contains("ShiftLeft") || input.held.contains("ShiftRight") {
            3.0
        } else {
            1.0
        };
        rig.fly(way, fast, seconds);
        rig.orbit(turn * TURN_SPEED * seconds / 0.006);
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
