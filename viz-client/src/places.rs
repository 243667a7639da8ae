// SPDX-License-Identifier: GPL-2.0-or-later
//! Where nodes stand: on a hexagonal grid that is filled from the middle, so that a node keeps its place whoever joins.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};
use mattx_protocol::model::NodeId;

/// Distance between two neighbours.
pub const SPACING: f32 = 8.5;

/// Half the width of a node.
pub const NODE_HALF_WIDTH: f32 = 0.95;
/// Height of an idle node, and what full load adds.
pub const NODE_HEIGHT: f32 = 1.5;
/// Height that full load adds.
pub const LOAD_HEIGHT: f32 = 3.4;

/// Which node has which place.
#[derive(Clone, Debug, Default)]
pub struct Places {
    slots: BTreeMap<NodeId, usize>,
}

impl Places {
    /// Gives `id` the free place nearest to the middle, unless it has one.
    pub fn admit(&mut self, id: NodeId) {
        if !self.slots.contains_key(&id) {
            let mut taken: Vec<usize> = self.slots.values().copied().collect();
            taken.sort_unstable();
            let free = taken
                .iter()
                .enumerate()
                .find(|(slot, taken)| slot != *taken)
                .map_or(taken.len(), |(slot, _)| slot);
            self.slots.insert(id, free);
        }
    }

    /// Frees the place of `id`.
    pub fn release(&mut self, id: NodeId) {
        self.slots.remove(&id);
    }

    /// The middle of the foot of `id`.
    #[must_use]
    pub fn of(&self, id: NodeId) -> Option<Vec3> {
        self.slots.get(&id).map(|slot| place(*slot))
    }

    /// The middle of all places in use, and the radius of the circle around it that holds them all.
    #[must_use]
    pub fn extent(&self) -> (Vec3, f32) {
        let all: Vec<Vec3> = self.slots.values().map(|slot| place(*slot)).collect();
        let middle = all.iter().sum::<Vec3>() / all.len().max(1) as f32;
        let radius = all.iter().map(|at| at.distance(middle)).fold(0.0, f32::max);
        (middle, radius + SPACING * 0.5)
    }
}

/// The place with the number `slot`: rings around the first, each begun in the same direction.
#[must_use]
pub fn place(slot: usize) -> Vec3 {
    let (q, r) = spiral(slot);
    let at = Vec2::new(q as f32 + r as f32 * 0.5, r as f32 * 0.866_025_4) * SPACING;
    Vec3::new(at.x, 0.0, at.y)
}

/// Axial coordinates of the hexagonal spiral. Consecutive numbers are neighbours, and the first three a triangle.
fn spiral(slot: usize) -> (i32, i32) {
    if slot == 0 {
        return (0, 0);
    }
    let mut ring = 1;
    let mut first = 1;
    while slot >= first + 6 * ring {
        first += 6 * ring;
        ring += 1;
    }
    const DIRECTIONS: [(i32, i32); 6] = [(-1, 1), (-1, 0), (0, -1), (1, -1), (1, 0), (0, 1)];
    let (side, along) = ((slot - first) / ring, (slot - first) % ring);
    let ring = i32::try_from(ring).unwrap_or(i32::MAX);
    let along = i32::try_from(along).unwrap_or(0);
    let mut at = (ring, 0);
    for (q, r) in &DIRECTIONS[..side] {
        at = (at.0 + q * ring, at.1 + r * ring);
    }
    let (q, r) = DIRECTIONS[side];
    (at.0 + q * along, at.1 + r * along)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_are_nearer_than_neighbours() {
        let all: Vec<Vec3> = (0..400).map(place).collect();
        for (index, a) in all.iter().enumerate() {
            for b in &all[..index] {
                assert!(a.distance(*b) > SPACING * 0.99);
            }
        }
    }

    #[test]
    fn three_nodes_form_a_triangle() {
        let [a, b, c] = [place(0), place(1), place(2)];
        for side in [a.distance(b), b.distance(c), c.distance(a)] {
            assert!((side - SPACING).abs() < 1e-3, "{side}");
        }
    }

    #[test]
    fn a_node_keeps_its_place_when_others_come_and_go() {
        let mut places = Places::default();
        (1..=9).for_each(|id| places.admit(id));
        let before = places.of(7);
        places.release(3);
        (20..=40).for_each(|id| places.admit(id));
        assert_eq!(places.of(7), before);
        assert_eq!(
            places.of(20),
            Some(place(2)),
            "the freed place is given away first"
        );
    }
}
