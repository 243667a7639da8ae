// SPDX-License-Identifier: GPL-2.0-or-later
//! Names over the picture, as elements of the page: crisp, cheap, and readable by assistive programs.

use std::collections::BTreeMap;

use bevy::prelude::*;
use mattx_protocol::model::{NodeId, NodeState, ProcessRef};
use mattx_viz_client::pick::{Ray, Target, height};
use mattx_viz_client::places::{NODE_HALF_WIDTH, SPACING};
use mattx_viz_client::rig::Lens;
use web_sys::HtmlElement;

use super::camera::TheRig;
use super::dom;
use super::interact::Pointing;
use super::model::{TheActing, TheBodies, TheCluster};

/// Nodes that may have a name at once; the nearest get it.
const MOST_NODES: usize = 24;
/// A node whose width is fewer pixels than this has no name, unless it is pointed at.
const SMALLEST: f32 = 26.0;
/// Pixels between two names, so that both can be read.
const ROOM: Vec2 = Vec2::new(96.0, 17.0);
/// Away processes that may have a name at once.
const MOST_GUESTS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Node(NodeId),
    Process(ProcessRef),
    /// Of a rack, by its number in the layout.
    Sign(usize),
}

struct Label {
    element: HtmlElement,
    name: Words,
    detail: Words,
    class: &'static str,
    place: String,
}

/// A text in the page, and what it says: the page itself is slow to ask.
struct Words {
    element: HtmlElement,
    text: String,
}

impl Words {
    fn new(parent: &HtmlElement, tag: &str) -> Self {
        let element = dom::make(tag, "", "");
        dom::append(parent, &element);
        Self {
            element,
            text: String::new(),
        }
    }

    fn say(&mut self, text: String) {
        if self.text != text {
            self.element.set_text_content(Some(&text));
            self.text = text;
        }
    }
}

/// Labels in the page now.
#[derive(Default)]
struct Labels(BTreeMap<Key, Label>);

struct Wanted {
    key: Key,
    at: Vec3,
    name: String,
    detail: String,
    class: &'static str,
}

/// Sets labels up.
pub fn plugin(app: &mut App) {
    app.insert_non_send(Labels::default())
        .add_systems(Update, place.in_set(super::Step::Show));
}

fn place(
    mut labels: NonSendMut<Labels>,
    rig: Res<TheRig>,
    cluster: Res<TheCluster>,
    bodies: Res<TheBodies>,
    acting: Res<TheActing>,
    pointing: Res<Pointing>,
) {
    let lens = rig.lens();
    let mut taken = Vec::new();
    let mut wanted = nodes(&rig, &lens, &cluster, &acting, &pointing, &mut taken);
    wanted.extend(processes(
        &rig, &lens, &cluster, &bodies, &acting, &pointing, &mut taken,
    ));
    wanted.extend(signs(&lens, &cluster, &mut taken));
    labels.0.retain(|key, label| {
        let stays = wanted.iter().any(|wanted| wanted.key == *key);
        if !stays {
            label.element.remove();
        }
        stays
    });
    let layer = dom::by_id("labels");
    for Wanted {
        key,
        at,
        name,
        detail,
        class,
    } in wanted
    {
        let Some(pixel) = lens.project(at) else {
            continue;
        };
        let label = labels.0.entry(key).or_insert_with(|| {
            let element = dom::make("div", class, "");
            dom::append(&layer, &element);
            Label {
                name: Words::new(&element, "b"),
                detail: Words::new(&element, "span"),
                element,
                class,
                place: String::new(),
            }
        });
        let place = format!(
            "translate({:.1}px,{:.1}px) translate(-50%,-100%)",
            pixel.x, pixel.y
        );
        if label.place != place {
            dom::style(&label.element, "transform", &place);
            label.place = place;
        }
        if label.class != class {
            label.element.set_class_name(class);
            label.class = class;
        }
        label.name.say(name);
        label.detail.say(detail);
    }
}

fn nodes(
    rig: &TheRig,
    lens: &Lens,
    cluster: &TheCluster,
    acting: &TheActing,
    pointing: &Pointing,
    taken: &mut Vec<Vec2>,
) -> Vec<Wanted> {
    let mut near: Vec<(f32, Wanted)> = Vec::new();
    for (id, node, foot) in cluster.standing() {
        let at = foot + Vec3::Y * (height(node.load(), node.sample.state) + 0.35);
        let meant =
            acting.selected_node() == Some(id) || pointing.hovered == Some(Target::Node(id));
        let size = lens.pixels_per_unit(at) * 2.0;
        if size < SMALLEST && !meant {
            continue;
        }
        let visible = lens.project(at).is_some_and(|pixel| {
            pixel.x > -80.0
                && pixel.y > 0.0
                && pixel.x < rig.size.x + 80.0
                && pixel.y < rig.size.y + 40.0
        });
        if !visible {
            continue;
        }
        let (detail, class) = match node.sample.state {
            NodeState::Up => (format!("{:.0} %", node.load() * 100.0), "label node"),
            NodeState::Stale => ("no news".to_owned(), "label node stale"),
            NodeState::Down => ("down".to_owned(), "label node down"),
        };
        let rank = if meant { f32::MAX } else { size };
        near.push((
            rank,
            Wanted {
                key: Key::Node(id),
                at,
                name: node.sample.name.clone(),
                detail,
                class,
            },
        ));
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.retain(|(rank, wanted)| {
        let Some(pixel) = lens.project(wanted.at) else {
            return false;
        };
        let free = is_free(taken, pixel);
        let stays = (free || *rank == f32::MAX) && taken.len() < MOST_NODES;
        if stays {
            taken.push(pixel);
        }
        stays
    });
    near.into_iter().map(|(_, wanted)| wanted).collect()
}

fn processes(
    rig: &TheRig,
    lens: &Lens,
    cluster: &TheCluster,
    bodies: &TheBodies,
    acting: &TheActing,
    pointing: &Pointing,
    taken: &mut Vec<Vec2>,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut guests = 0;
    for (name, body) in bodies.all.iter() {
        let meant = acting.selected_process() == Some(*name)
            || pointing.hovered == Some(Target::Process(*name))
            || body.flight.is_some();
        let guest = body.is_away_from(name.home)
            && guests < MOST_GUESTS
            && lens.pixels_per_unit(body.position) > 16.0;
        if !meant && (!guest || is_hidden(rig, cluster, body.position)) {
            continue;
        }
        let Some(process) = cluster.processes.get(name) else {
            continue;
        };
        let at = body.position + Vec3::Y * (body.radius + 0.18);
        let Some(pixel) = lens.project(at) else {
            continue;
        };
        if !meant && !is_free(taken, pixel) {
            continue;
        }
        taken.push(pixel);
        guests += usize::from(!meant);
        let detail = if body.flight.is_some() {
            "moving".to_owned()
        } else if process.is_away() {
            format!("from {}", cluster.node_name(name.home))
        } else {
            format!("{:.0} %", process.sample.cpu_percent)
        };
        wanted.push(Wanted {
            key: Key::Process(*name),
            at,
            name: process.sample.comm.clone(),
            detail,
            class: if meant {
                "label process meant"
            } else {
                "label process"
            },
        });
    }
    wanted
}

/// What racks and rows are called, where nothing else is written.
fn signs(lens: &Lens, cluster: &TheCluster, taken: &mut Vec<Vec2>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (index, (at, text)) in cluster.places.signs().enumerate() {
        let readable = lens.pixels_per_unit(at) * SPACING > SMALLEST;
        let Some(pixel) = lens.project(at).filter(|_| readable && !text.is_empty()) else {
            continue;
        };
        if is_free(taken, pixel) {
            taken.push(pixel);
            wanted.push(Wanted {
                key: Key::Sign(index),
                at,
                name: text.to_owned(),
                detail: String::new(),
                class: "label sign",
            });
        }
    }
    wanted
}

/// Whether a name at `pixel` leaves all others readable.
fn is_free(taken: &[Vec2], pixel: Vec2) -> bool {
    taken
        .iter()
        .all(|other| (other.x - pixel.x).abs() > ROOM.x || (other.y - pixel.y).abs() > ROOM.y)
}

/// Whether a node stands before this point.
fn is_hidden(rig: &TheRig, cluster: &TheCluster, point: Vec3) -> bool {
    let way = point - rig.eye();
    let ray = Ray {
        origin: rig.eye(),
        direction: way.normalize(),
    };
    let half = Vec3::new(NODE_HALF_WIDTH, 0.0, NODE_HALF_WIDTH);
    cluster.standing().any(|(_, node, foot)| {
        let top = Vec3::Y * height(node.load(), node.sample.state);
        ray.enters_box(foot - half, foot + half + top)
            .is_some_and(|distance| distance < way.length())
    })
}
