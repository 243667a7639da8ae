// SPDX-License-Identifier: GPL-2.0-or-later
//! What lies under a pointer: one ray against what is drawn, only when somebody points.

use glam::{Vec2, Vec3};
use mattx_protocol::model::{NodeId, NodeState, ProcessRef};

use crate::bodies::Bodies;
use crate::cluster::Cluster;
use crate::places::{LOAD_HEIGHT, NODE_HALF_WIDTH, NODE_HEIGHT};
use crate::rig::Rig;

/// Processes are found within at least this many pixels of their middle, so that fingers hit them.
const FINGER: f32 = 11.0;

/// A half line.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Where it begins.
    pub origin: Vec3,
    /// Its direction, of length one.
    pub direction: Vec3,
}

impl Ray {
    /// Distance to where it enters the box from `low` to `high`.
    #[must_use]
    pub fn enters_box(&self, low: Vec3, high: Vec3) -> Option<f32> {
        let inverse = self.direction.recip();
        let (a, b) = (
            (low - self.origin) * inverse,
            (high - self.origin) * inverse,
        );
        let (enter, leave) = (a.min(b).max_element(), a.max(b).min_element());
        (leave >= enter.max(0.0)).then_some(enter.max(0.0))
    }

    /// Where it meets the horizontal plane at `height`.
    #[must_use]
    pub fn meets_plane(&self, height: f32) -> Option<Vec3> {
        let way = (height - self.origin.y) / self.direction.y;
        (way.is_finite() && way > 0.0).then(|| self.origin + self.direction * way)
    }
}

/// Something that can be pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node.
    Node(NodeId),
    /// A process.
    Process(ProcessRef),
}

/// Height of the box that stands for a node under `load`.
#[must_use]
pub fn height(load: f32, state: NodeState) -> f32 {
    if state == NodeState::Down {
        NODE_HEIGHT * 0.35
    } else {
        NODE_HEIGHT + LOAD_HEIGHT * load.clamp(0.0, 1.15)
    }
}

/// What is under `pixel`. A process is preferred to the node behind it, and the nearest to others.
#[must_use]
pub fn pick(rig: &Rig, cluster: &Cluster, bodies: &Bodies, pixel: Vec2) -> Option<Target> {
    let ray = rig.ray(pixel);
    let lens = rig.lens();
    let node = pick_node(&ray, cluster);
    let mut best: Option<(f32, ProcessRef)> = None;
    for (name, body) in bodies.all.iter() {
        let along = (body.position - ray.origin).dot(ray.direction);
        // What stands behind a node cannot be meant.
        if along <= 0.0
            || node.is_some_and(|(distance, _)| along > distance + 2.0 * NODE_HALF_WIDTH)
        {
            continue;
        }
        let pixels = lens.pixels_per_unit(body.position);
        let away = (body.position - ray.origin).cross(ray.direction).length() * pixels;
        let reach = (body.radius * pixels).max(FINGER);
        if away <= reach {
            // The nearest to the pointer wins; the ball itself beats the margin around another.
            let score = away / reach;
            if best.is_none_or(|(other, _)| score < other) {
                best = Some((score, *name));
            }
        }
    }
    best.map(|(_, name)| Target::Process(name))
        .or(node.map(|(_, id)| Target::Node(id)))
}

fn pick_node(ray: &Ray, cluster: &Cluster) -> Option<(f32, NodeId)> {
    let mut best: Option<(f32, NodeId)> = None;
    for (id, node, foot) in cluster.standing() {
        let half = Vec3::new(NODE_HALF_WIDTH, 0.0, NODE_HALF_WIDTH);
        let top = Vec3::Y * height(node.load(), node.sample.state);
        if let Some(distance) = ray.enters_box(foot - half, foot + half + top)
            && best.is_none_or(|(nearest, _)| distance < nearest)
        {
            best = Some((distance, id));
        }
    }
    // The pad around a node belongs to it, where no box is in front.
    best.or_else(|| {
        let point = ray.meets_plane(0.0)?;
        cluster.standing().find_map(|(id, _, foot)| {
            (foot.distance(point) < NODE_HALF_WIDTH * 1.7).then(|| (ray.origin.distance(point), id))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::FromServer;
    use mattx_protocol::model::ProcessKind;

    fn scene() -> (Rig, Cluster, Bodies) {
        let mut cluster = Cluster::default();
        let processes = (70..74)
            .map(|pid| process(pid, ProcessKind::Local))
            .collect();
        let nodes = vec![node(1, processes), node(2, vec![])];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        let mut bodies = Bodies::default();
        bodies.step(&cluster, 1.0, true);
        let mut rig = Rig {
            size: Vec2::new(640.0, 360.0),
            ..Default::default()
        };
        rig.arrive();
        (rig, cluster, bodies)
    }

    #[test]
    fn nodes_are_found_where_they_are_seen() {
        let (rig, cluster, bodies) = scene();
        let top = cluster.places.of(2).unwrap() + Vec3::Y * 1.0;
        let pixel = rig.project(top).unwrap();
        assert_eq!(pick(&rig, &cluster, &bodies, pixel), Some(Target::Node(2)));
        assert_eq!(pick(&rig, &cluster, &bodies, Vec2::new(1.0, 1.0)), None);
    }

    #[test]
    fn every_visible_process_is_found_at_its_middle() {
        let (rig, cluster, bodies) = scene();
        let mut found = 0;
        for (name, body) in bodies.all.iter() {
            let pixel = rig.project(body.position).unwrap();
            found +=
                u32::from(pick(&rig, &cluster, &bodies, pixel) == Some(Target::Process(*name)));
        }
        assert!(
            found >= 3,
            "only those behind the node may be hidden: {found}"
        );
    }
}
