// SPDX-License-Identifier: GPL-2.0-or-later
//! Where nodes stand. A node keeps its place whoever joins or leaves.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};
use mattx_protocol::layout::Layout;
use mattx_protocol::model::NodeId;

mod patterns;
mod room;

use room::Room;

/// Distance between two neighbours; the same as in `floor.wgsl`.
pub const SPACING: f32 = 8.5;

/// Half the width of a node.
pub const NODE_HALF_WIDTH: f32 = 0.95;
/// Height of an idle node, and what full load adds.
pub const NODE_HEIGHT: f32 = 1.5;
/// Height that full load adds.
pub const LOAD_HEIGHT: f32 = 3.4;

/// What the floor is made of; the numbers are those of `floor.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiles {
    /// Tiles of six sides.
    #[default]
    Hexagons = 0,
    /// Square tiles.
    Squares = 1,
    /// Circles around the middle.
    Circles = 2,
}

/// Places are given away by this.
#[derive(Clone, Debug, Default)]
enum Plan {
    #[default]
    Honeycomb,
    Grid,
    Rings,
    Room(Room),
}

/// The place of a node.
#[derive(Clone, Copy, Debug)]
enum Seat {
    /// The plan has one for it.
    Reserved(Vec2),
    /// The one with this number, which was free.
    Numbered(usize),
}

/// Which node has which place.
#[derive(Clone, Debug, Default)]
pub struct Places {
    plan: Plan,
    /// The seat of each node, and where in the world that is: it is asked for in every frame.
    seats: BTreeMap<NodeId, (Seat, Vec3)>,
}

impl Places {
    /// Arranges all anew. `nodes` are those that are there, with their host names.
    pub fn arrange<'a>(
        &mut self,
        layout: &Layout,
        nodes: impl IntoIterator<Item = (NodeId, &'a str)>,
    ) {
        self.plan = match layout {
            Layout::Honeycomb => Plan::Honeycomb,
            Layout::Grid => Plan::Grid,
            Layout::Rings => Plan::Rings,
            Layout::Racks(rows) => Plan::Room(Room::new(rows)),
        };
        self.seats.clear();
        for (id, name) in nodes {
            self.admit(id, name);
        }
    }

    /// Gives `id` the place that the plan has for it, or else the free one nearest to the middle, unless it has one.
    pub fn admit(&mut self, id: NodeId, name: &str) {
        if self.seats.contains_key(&id) {
            return;
        }
        let reserved = match &self.plan {
            Plan::Room(room) => room.of(id, name),
            Plan::Honeycomb | Plan::Grid | Plan::Rings => None,
        };
        let seat = match reserved {
            // Two nodes of one name: the second stands beside.
            Some(at) if !self.is_taken(at) => Seat::Reserved(at),
            _ => Seat::Numbered(self.free()),
        };
        self.seats.insert(id, (seat, self.at(seat)));
    }

    fn is_taken(&self, at: Vec2) -> bool {
        self.seats
            .values()
            .any(|(seat, _)| matches!(seat, Seat::Reserved(other) if *other == at))
    }

    /// The lowest number that nobody has.
    fn free(&self) -> usize {
        let mut taken: Vec<usize> = self
            .seats
            .values()
            .filter_map(|(seat, _)| match seat {
                Seat::Numbered(slot) => Some(*slot),
                Seat::Reserved(_) => None,
            })
            .collect();
        taken.sort_unstable();
        taken
            .iter()
            .enumerate()
            .find(|(slot, taken)| slot != *taken)
            .map_or(taken.len(), |(slot, _)| slot)
    }

    /// Frees the place of `id`.
    pub fn release(&mut self, id: NodeId) {
        self.seats.remove(&id);
    }

    /// The middle of the foot of `id`.
    #[must_use]
    pub fn of(&self, id: NodeId) -> Option<Vec3> {
        self.seats.get(&id).map(|(_, at)| *at)
    }

    fn at(&self, seat: Seat) -> Vec3 {
        on_floor(match (seat, &self.plan) {
            (Seat::Reserved(at), _) => at,
            (Seat::Numbered(slot), Plan::Honeycomb) => patterns::honeycomb(slot),
            (Seat::Numbered(slot), Plan::Grid) => patterns::grid(slot),
            (Seat::Numbered(slot), Plan::Rings) => patterns::rings(slot),
            (Seat::Numbered(slot), Plan::Room(room)) => room.beside(slot),
        })
    }

    /// All nodes and where they stand, in the order of nodes.
    pub fn all(&self) -> impl Iterator<Item = (NodeId, Vec3)> {
        self.seats.iter().map(|(id, (_, at))| (*id, *at))
    }

    /// The middle of all places in use, and the radius of the circle around it that holds them all.
    #[must_use]
    pub fn extent(&self) -> (Vec3, f32) {
        let all = || self.seats.values().map(|(_, at)| *at);
        let Some(first) = all().next() else {
            return (Vec3::ZERO, SPACING * 0.5);
        };
        let (least, most) = all().fold((first, first), |(least, most), at| {
            (least.min(at), most.max(at))
        });
        let middle = (least + most) * 0.5;
        let radius = all()
            .map(|at| at.distance_squared(middle))
            .fold(0.0, f32::max)
            .sqrt();
        (middle, radius + SPACING * 0.5)
    }

    /// What racks and rows are called, and where that is written.
    pub fn signs(&self) -> impl Iterator<Item = (Vec3, &str)> {
        let room = match &self.plan {
            Plan::Room(room) => Some(room),
            Plan::Honeycomb | Plan::Grid | Plan::Rings => None,
        };
        room.into_iter().flat_map(|room| {
            room.signs
                .iter()
                .map(|(tile, text)| (on_floor(room.centred(*tile)), text.as_str()))
        })
    }

    /// What the floor is made of, so that nodes stand in the middle of tiles.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        match self.plan {
            Plan::Honeycomb => Tiles::Hexagons,
            Plan::Grid | Plan::Room(_) => Tiles::Squares,
            Plan::Rings => Tiles::Circles,
        }
    }
}

/// From tiles to the world: what is near in a plan is near to the eye.
fn on_floor(at: Vec2) -> Vec3 {
    Vec3::new(at.x, 0.0, at.y) * SPACING
}

#[cfg(test)]
mod tests {
    use mattx_protocol::layout::{Rack, Row};

    use super::*;

    fn admit(places: &mut Places, ids: impl IntoIterator<Item = NodeId>) {
        ids.into_iter()
            .for_each(|id| places.admit(id, &format!("node{id}")));
    }

    fn racks() -> Layout {
        let rack = |name: &str, ids: std::ops::Range<u32>| Rack {
            name: name.into(),
            nodes: ids.map(|id| Some(format!("node{id}"))).collect(),
        };
        Layout::Racks(vec![Row {
            name: "A".into(),
            racks: vec![rack("1", 1..5), rack("2", 5..9)],
        }])
    }

    #[test]
    fn a_node_keeps_its_place_when_others_come_and_go() {
        for layout in [Layout::Honeycomb, Layout::Grid, Layout::Rings, racks()] {
            let mut places = Places::default();
            places.arrange(&layout, []);
            admit(&mut places, 1..=9);
            let before = places.of(7);
            places.release(3);
            admit(&mut places, 20..=40);
            assert_eq!(places.of(7), before, "{layout:?}");
        }
    }

    #[test]
    fn a_freed_place_is_given_away_first() {
        let mut places = Places::default();
        admit(&mut places, 1..=9);
        let third = places.of(3);
        places.release(3);
        admit(&mut places, [20]);
        assert_eq!(places.of(20), third);
    }

    #[test]
    fn a_place_of_the_plan_waits_for_its_node() {
        let mut places = Places::default();
        places.arrange(&racks(), []);
        admit(&mut places, 1..=8);
        let third = places.of(3);
        places.release(3);
        admit(&mut places, [20]);
        assert_ne!(places.of(20), third);
        admit(&mut places, [3]);
        assert_eq!(places.of(3), third);
        // Whoever has the same name stands elsewhere.
        places.admit(30, "node3");
        assert_ne!(places.of(30), third);
    }

    #[test]
    fn another_layout_moves_everybody() {
        let mut places = Places::default();
        admit(&mut places, 1..=9);
        let before = places.of(9);
        let names: Vec<(NodeId, String)> = (1..=9).map(|id| (id, format!("node{id}"))).collect();
        places.arrange(
            &racks(),
            names.iter().map(|(id, name)| (*id, name.as_str())),
        );
        assert_ne!(places.of(9), before);
        assert_eq!(
            places.signs().map(|(_, text)| text).collect::<Vec<_>>(),
            ["A 1", "A 2"]
        );
        assert_eq!(places.tiles(), Tiles::Squares);
    }
}
