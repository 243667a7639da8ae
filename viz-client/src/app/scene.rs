// SPDX-License-Identifier: GPL-2.0-or-later
//! Turns the model into shapes, every frame anew.

use std::collections::BTreeMap;

use bevy::prelude::*;
use mattx_protocol::browser::Source;
use mattx_protocol::model::{NodeId, NodeSample, NodeState, ProcessRef};
use mattx_viz_client::bodies::{Body, Stage};
use mattx_viz_client::motion::{arc_height, ease, scatter, share};
use mattx_viz_client::pick::{Target, height};
use mattx_viz_client::places::NODE_HALF_WIDTH;
use mattx_viz_client::rig::Rig;

use super::camera::TheRig;
use super::hud::Filter;
use super::interact::Pointing;
use super::model::{TheActing, TheBodies, TheCluster, Wishes};
use super::quality::Quality;
use super::render::{Drawing, Globals, Instance, Layer};
use super::theme::Theme;

/// Radius of the gauge around a node.
const PAD: f32 = NODE_HALF_WIDTH * 3.1;
const STARS: u32 = 420;
/// Pixels per unit of length below which the light around a process cannot be told from the process.
const SMALL: f32 = 3.5;
/// Seconds in which half of a change of load is shown.
const LOAD_HALF_LIFE: f32 = 0.35;

/// What a node looks like now, on its way to what it should look like.
#[derive(Default)]
struct NodeLook {
    load: f32,
    memory: f32,
    rise: f32,
}

#[derive(Resource, Default)]
struct Looks(BTreeMap<NodeId, NodeLook>);

/// Sets the scene up.
pub fn plugin(app: &mut App) {
    app.init_resource::<Looks>().add_systems(
        Update,
        (globals, nodes, processes, gestures)
            .chain()
            .in_set(super::Step::Show),
    );
}

fn four(xyz: Vec3, w: f32) -> [f32; 4] {
    [xyz.x, xyz.y, xyz.z, w]
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

fn globals(
    mut drawing: ResMut<Drawing>,
    rig: Res<TheRig>,
    cluster: Res<TheCluster>,
    theme: Res<Theme>,
    wishes: Res<Wishes>,
    quality: Res<Quality>,
    time: Res<Time>,
    mut extent: Local<(Vec3, f32)>,
    mut stars: Local<Vec<Instance>>,
) {
    drawing.clear();
    drawing.scale = quality.scale;
    drawing.smooth = quality.is_rich();
    drawing.tiles = cluster.places.tiles();
    let (middle, around) = cluster.places.extent();
    let part = share(time.delta_secs(), 0.4);
    extent.0 = extent.0.lerp(middle, part);
    extent.1 += (around - extent.1) * part;
    let (right, up) = rig.axes();
    let clip = rig.clip_from_world();
    drawing.globals = Globals {
        clip_from_world: clip.to_cols_array_2d(),
        eye: four(rig.eye(), time.elapsed_secs_wrapped()),
        right: four(right, rig.size.x),
        up: four(up, rig.size.y),
        middle: four(extent.0, extent.1),
        sky_low: four(theme.sky[0], Rig::tangent()),
        sky_high: four(theme.sky[1], flag(!wishes.still)),
        floor: four(theme.floor[0], rig.shift),
        lines: four(theme.floor[1], flag(theme.bright)),
        horizon: four(
            theme.horizon,
            flag(cluster.source == Some(Source::Simulated)),
        ),
        memory: four(theme.memory, 0.0),
        accent: four(theme.accent, 0.0),
    };
    if !theme.bright {
        if stars.is_empty() {
            stars.extend((0..STARS).map(star));
        }
        drawing.extend(Layer::Glow, &stars);
    }
}

/// One of the stars, always the same for a number.
fn star(number: u32) -> Instance {
    let dice = |salt: u32| scatter(number * 7 + salt);
    let turn = dice(1) * std::f32::consts::TAU;
    let rise = 0.03 + 0.97 * dice(2).powf(1.4);
    let flat = (1.0 - rise * rise).sqrt();
    let warm = dice(3);
    let color = Vec3::new(0.70 + 0.30 * warm, 0.82, 1.0 - 0.25 * warm);
    let bright = 0.12 + 0.75 * dice(4).powi(6);
    Instance {
        a: four(
            Vec3::new(turn.cos() * flat, rise, turn.sin() * flat),
            1.6 + 2.6 * dice(4).powi(4),
        ),
        b: four(color, bright),
        c: [2.0, dice(5), 0.0, 0.0],
        d: [0.0; 4],
    }
}

fn nodes(
    mut drawing: ResMut<Drawing>,
    mut looks: ResMut<Looks>,
    cluster: Res<TheCluster>,
    acting: Res<TheActing>,
    pointing: Res<Pointing>,
    filter: Res<Filter>,
    theme: Res<Theme>,
    quality: Res<Quality>,
    time: Res<Time>,
) {
    if looks.0.len() > cluster.nodes.len() {
        looks.0.retain(|id, _| cluster.nodes.contains_key(id));
    }
    let aiming = pointing
        .dragged
        .map(|(process, _)| process)
        .or(acting.selected_process());
    let computes_on = aiming
        .and_then(|name| cluster.processes.get(&name))
        .map(|process| process.node);
    let mirrors = quality.is_rich();
    let seconds = time.delta_secs();
    let (part, grown) = (share(seconds, LOAD_HALF_LIFE), share(seconds, 0.3));
    for (id, node, foot) in cluster.standing() {
        let look = looks.0.entry(id).or_default();
        look.load += (node.load().min(1.15) - look.load) * part;
        look.memory += (node.memory() - look.memory) * part;
        look.rise += (1.0 - look.rise) * grown;
        let color = theme.load(look.load);
        let state = match node.sample.state {
            NodeState::Up if acting.is_draining(id) => 3.0,
            NodeState::Up => 0.0,
            NodeState::Stale => 1.0,
            NodeState::Down => 2.0,
        };
        let selected = acting.selected_node() == Some(id);
        let hovered = pointing.hovered == Some(Target::Node(id));
        let can_receive = hovered && computes_on.is_some_and(|at| at != id);
        let dim = flag(!filter.shows_node(id));
        let tall = height(look.load, node.sample.state) * ease(look.rise);
        let tower = |way| Instance {
            a: four(foot, tall),
            b: four(color, look.load),
            c: [scatter(id) * 10.0, state, flag(selected), flag(hovered)],
            d: [NODE_HALF_WIDTH, way, dim, 0.0],
        };
        drawing.add(Layer::Tower, tower(1.0));
        if mirrors {
            drawing.add(Layer::Mirror, tower(-1.0));
        }
        let pad = if selected || can_receive || hovered {
            Layer::Chosen
        } else {
            Layer::Pad
        };
        drawing.add(
            pad,
            Instance {
                a: four(foot + Vec3::Y * 0.012, PAD * (0.9 + 0.1 * look.rise)),
                b: four(color, look.load),
                c: [
                    look.memory,
                    flag(selected),
                    flag(can_receive) + 0.25 * flag(hovered && !can_receive),
                    flag(state == 1.0 || state == 2.0),
                ],
                d: [dim, 0.0, 0.0, 0.0],
            },
        );
        if (state == 0.0 || state == 3.0) && dim == 0.0 && !theme.bright {
            // The core of light on top of a node spills over.
            drawing.add(
                Layer::Glow,
                Instance {
                    a: four(foot + Vec3::Y * (tall + 0.05), 1.15 + 0.75 * look.load),
                    b: four(color, 0.04 + 0.30 * look.load),
                    c: [4.0, 0.0, 0.0, 0.0],
                    d: [0.0; 4],
                },
            );
        }
    }
}

fn processes(
    mut drawing: ResMut<Drawing>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    acting: Res<TheActing>,
    pointing: Res<Pointing>,
    filter: Res<Filter>,
    theme: Res<Theme>,
    rig: Res<TheRig>,
) {
    let small = rig.pixels_per_unit(rig.view.focus) < SMALL;
    let shines = !theme.bright && !small;
    let chosen = acting.selected_process();
    let pointed = match pointing.hovered {
        Some(Target::Process(name)) => Some(name),
        _ => None,
    };
    // Names are in the order of homes: a colour serves for all processes of a home.
    let mut tint = (0, Vec3::ZERO);
    for (name, body) in bodies.all.iter() {
        if tint.0 != name.home {
            tint = (name.home, theme.tint(name.home));
        }
        let look = Look {
            color: tint.1,
            selected: chosen == Some(*name) || acting.group.contains(name),
            hovered: pointed == Some(*name),
            dim: !filter.shows(*name),
            shines,
        };
        ball(&mut drawing, *name, body, &look);
        if look.dim {
            continue;
        }
        if body.is_away_from(name.home) && body.flight.is_none() {
            tether(&mut drawing, &cluster, *name, body, &look);
        }
        journey(&mut drawing, &cluster, body, &look, &theme);
        if acting.is_pending(*name) && body.flight.is_none() {
            let size = body.radius * 2.4;
            ring(&mut drawing, body.position, size, theme.accent, 0.7);
        }
        if look.selected {
            let size = body.radius * 2.1 + 0.12;
            ring(&mut drawing, body.position, size, theme.accent, 0.9);
        }
    }
}

/// How a process is looked at.
struct Look {
    /// The colour of its home.
    color: Vec3,
    selected: bool,
    hovered: bool,
    /// Not what is searched for.
    dim: bool,
    /// Light around it would be seen.
    shines: bool,
}

fn ball(drawing: &mut Drawing, name: ProcessRef, body: &Body, look: &Look) {
    let cpu = if look.dim { 0.0 } else { body.busy };
    let size = body.radius * (1.0 + 0.25 * flag(look.hovered || look.selected));
    drawing.add(
        Layer::Glyph,
        Instance {
            a: four(body.position, size),
            b: four(look.color, cpu),
            c: [
                flag(look.selected),
                flag(look.hovered),
                flag(body.is_away_from(name.home)),
                body.presence,
            ],
            d: [flag(look.dim), 0.0, 0.0, 0.0],
        },
    );
    if cpu > 0.04 && look.shines {
        drawing.add(
            Layer::Glow,
            Instance {
                a: four(body.position, size * (2.0 + 1.3 * cpu)),
                b: four(look.color, 0.34 * cpu * body.presence),
                c: [0.0; 4],
                d: [0.0; 4],
            },
        );
    }
}

/// From where a process computes to its home: its files and connections run along it.
fn tether(drawing: &mut Drawing, cluster: &TheCluster, name: ProcessRef, body: &Body, look: &Look) {
    let Some(home) = cluster.places.of(name.home) else {
        return;
    };
    let end = home + Vec3::Y * 0.9;
    // The more passes between the two nodes, the denser and quicker the light that runs along.
    let traffic = cluster
        .nodes
        .get(&body.node)
        .map_or(0.0, |node| traffic(&node.sample));
    let chosen = flag(look.selected);
    drawing.add(
        Layer::Ribbon,
        Instance {
            a: four(body.position, arc_height(body.position, end) * 0.55),
            b: four(end, 0.035 + 0.02 * chosen),
            c: four(look.color, (0.55 + 0.7 * chosen) * body.presence),
            d: [1.0, 0.25 + 0.55 * traffic, 10.0 + 12.0 * traffic, 0.0],
        },
    );
}

/// How much passes over the network of a node: 0.0 for a kilobyte per second or less, 1.0 for a hundred megabytes.
fn traffic(sample: &NodeSample) -> f32 {
    let bytes = (sample.network_in + sample.network_out).max(1) as f32;
    ((bytes.log10() - 3.0) / 5.0).clamp(0.0, 1.0)
}

/// A flight under way, and what remains to be seen of one that ended.
fn journey(drawing: &mut Drawing, cluster: &TheCluster, body: &Body, look: &Look, theme: &Theme) {
    let [good, bad] = theme.outcome;
    if body.afterglow != 0.0 {
        let color = if body.afterglow > 0.0 { good } else { bad };
        let age = 1.0 - body.afterglow.abs();
        let light = (1.0 - age) * (1.0 - age);
        if body.afterglow > 0.0 {
            ring(
                drawing,
                body.position,
                0.4 + 2.2 * ease(age),
                color,
                1.2 * light,
            );
        } else {
            // Failures look different in shape, too: a cross that stays.
            drawing.add(
                Layer::Sign,
                Instance {
                    a: four(body.position, 1.3),
                    b: four(color, 1.6 * (1.0 - age)),
                    c: [5.0, 0.0, 0.0, 0.0],
                    d: [0.0; 4],
                },
            );
        }
        drawing.add(
            Layer::Glow,
            Instance {
                a: four(body.position, 1.8),
                b: four(color, 0.9 * light),
                c: [0.0; 4],
                d: [0.0; 4],
            },
        );
    }
    let Some(flight) = &body.flight else { return };
    let (Some(from), Some(to)) = (cluster.places.of(flight.from), cluster.places.of(flight.to))
    else {
        return;
    };
    let (from, to) = (from + Vec3::Y * 1.1, to + Vec3::Y * 1.1);
    let color = match flight.stage {
        Stage::Pending => theme.accent.lerp(look.color, 0.35),
        Stage::Landing => good,
        Stage::Returning => bad,
    };
    let shape = |width, light, head, glow| Instance {
        a: four(from, arc_height(from, to)),
        b: four(to, width),
        c: four(color, light),
        d: [head, 1.4, 7.0, glow],
    };
    // The whole way faintly, the part that is done brightly.
    drawing.add(Layer::Ribbon, shape(0.03, 0.35, 1.0, 0.0));
    drawing.add(Layer::Ribbon, shape(0.10, 0.8, ease(flight.progress), 2.2));
    drawing.add(
        Layer::Sign,
        Instance {
            a: four(body.position, 1.7),
            b: four(color, 0.9),
            c: [3.0, 0.0, 0.0, 0.0],
            d: [0.0; 4],
        },
    );
}

fn ring(drawing: &mut Drawing, at: Vec3, size: f32, color: Vec3, light: f32) {
    let instance = Instance {
        a: four(at, size),
        b: four(color, light),
        c: [1.0, 0.0, 0.0, 0.0],
        d: [0.0; 4],
    };
    drawing.add(Layer::Sign, instance);
}

/// The line from a process that is dragged to where the pointer is.
fn gestures(
    mut drawing: ResMut<Drawing>,
    rig: Res<TheRig>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    pointing: Res<Pointing>,
    theme: Res<Theme>,
) {
    let Some((name, at)) = pointing.dragged else {
        return;
    };
    let Some(body) = bodies.all.get(&name) else {
        return;
    };
    let aim = match pointing.hovered {
        Some(Target::Node(id)) => cluster.places.of(id).map(|foot| foot + Vec3::Y * 1.2),
        _ => rig.ray(at).meets_plane(0.6),
    };
    let Some(end) = aim.filter(|end| end.distance(rig.eye()) < 400.0) else {
        return;
    };
    let sure = matches!(pointing.hovered, Some(Target::Node(_)));
    drawing.add(
        Layer::Ribbon,
        Instance {
            a: four(body.position, arc_height(body.position, end)),
            b: four(end, if sure { 0.10 } else { 0.05 }),
            c: four(theme.accent, if sure { 1.1 } else { 0.6 }),
            d: [1.0, 1.6, 10.0, 0.0],
        },
    );
    ring(
        &mut drawing,
        end,
        0.7,
        theme.accent,
        if sure { 1.0 } else { 0.5 },
    );
}
