// SPDX-License-Identifier: GPL-2.0-or-later
//! A machine room from above: racks as blocks of nodes, in rows with aisles between them.
//!
//! Everything stands on tiles as wide as the distance of two neighbours, so an aisle is a tile wide, too.

use std::collections::BTreeMap;

use glam::Vec2;
use mattx_protocol::layout::{Rack, Row};
use mattx_protocol::model::NodeId;

/// Tiles between two racks, and between two rows.
const AISLE: usize = 1;
/// Tiles between the last row and the nodes that the plan does not name.
const FORECOURT: usize = 1;
/// Fewest tiles in a line of those.
const NARROWEST: usize = 4;

/// A room with a place for each node of its plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// The places of the plan by what the plan calls their nodes.
    places: BTreeMap<String, Vec2>,
    /// Where signs stand, and what they say.
    pub(super) signs: Vec<(Vec2, String)>,
    /// Tiles from left to right, and from the far wall to the near one.
    size: (usize, usize),
}

impl Room {
    pub(super) fn new(rows: &[Row]) -> Self {
        let longest = rows
            .iter()
            .flat_map(|row| &row.racks)
            .map(|rack| rack.nodes.len())
            .max()
            .unwrap_or(0);
        // Twice as deep as wide, or nearly so, as racks are; all the same, so that they stand in line.
        let wide = (1..).find(|wide| wide * wide * 2 >= longest).unwrap_or(1);
        let mut room = Self::default();
        let most = rows.iter().map(|row| row.racks.len()).max().unwrap_or(0);
        room.size.0 = (most * (wide + AISLE)).saturating_sub(AISLE).max(NARROWEST);
        for row in rows {
            if room.size.1 > 0 {
                room.size.1 += AISLE;
            }
            let far = room.size.1;
            for (index, rack) in row.racks.iter().enumerate() {
                let left = index * (wide + AISLE);
                room.put(rack, (left, far), wide);
                let name = [row.name.as_str(), rack.name.as_str()].join(" ");
                let middle = left as f32 + (wide - 1) as f32 * 0.5;
                // In the aisle before the rack, where no node stands between it and the eye.
                let before = (far + rack.nodes.len().div_ceil(wide)) as f32 - 0.4;
                room.signs
                    .push((Vec2::new(middle, before), name.trim().to_owned()));
            }
            let deepest = row.racks.iter().map(|rack| rack.nodes.len()).max();
            room.size.1 += deepest.unwrap_or(0).div_ceil(wide);
        }
        room
    }

    fn put(&mut self, rack: &Rack, (left, far): (usize, usize), wide: usize) {
        for (index, node) in rack.nodes.iter().enumerate() {
            let tile = (left + index % wide, far + index / wide);
            if let Some(name) = node {
                let at = Vec2::new(tile.0 as f32, tile.1 as f32);
                self.places.insert(name.clone(), at);
            }
        }
    }

    /// The place that the plan has for a node: by its host name, that without its domain, or its number.
    pub(super) fn of(&self, id: NodeId, name: &str) -> Option<Vec2> {
        let short = name.split('.').next().unwrap_or(name);
        [name, short, &id.to_string()]
            .iter()
            .find_map(|called| self.places.get(*called))
            .map(|tile| self.centred(*tile))
    }

    /// The place with this number for nodes that the plan does not name: in lines along the near wall.
    pub(super) fn beside(&self, slot: usize) -> Vec2 {
        let line = self.size.1 + FORECOURT + slot / self.size.0;
        self.centred(Vec2::new((slot % self.size.0) as f32, line as f32))
    }

    /// The middle of the room is the middle of the world, to a whole tile.
    pub(super) fn centred(&self, tile: Vec2) -> Vec2 {
        tile - Vec2::new((self.size.0 / 2) as f32, (self.size.1 / 2) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rack(name: &str, nodes: &[&str]) -> Rack {
        Rack {
            name: name.into(),
            nodes: nodes
                .iter()
                .map(|node| (*node != "-").then(|| (*node).to_owned()))
                .collect(),
        }
    }

    fn room() -> Room {
        let row = |name: &str, racks| Row {
            name: name.into(),
            racks,
        };
        Room::new(&[
            row(
                "north",
                vec![
                    rack("1", &["a", "b", "c", "d"]),
                    rack("2", &["e", "-", "7"]),
                ],
            ),
            row("south", vec![rack("3", &["f.example"])]),
        ])
    }

    #[test]
    fn racks_stand_side_by_side_and_rows_behind_each_other() {
        let room = room();
        let at = |name: &str| room.of(99, name).unwrap();
        assert_eq!(at("b") - at("a"), Vec2::X, "two side by side");
        assert_eq!(at("c") - at("a"), Vec2::Y, "the third before them");
        assert_eq!(at("e") - at("b"), Vec2::X * 2.0, "an aisle between racks");
        assert_eq!(
            at("f.example") - at("c"),
            Vec2::Y * 2.0,
            "an aisle between rows"
        );
        assert_eq!(room.signs.len(), 3);
        assert_eq!(room.signs[1].1, "north 2");
    }

    #[test]
    fn nodes_are_known_by_name_short_name_and_number() {
        let room = room();
        assert_eq!(room.of(7, "x"), room.of(7, "y.example"));
        assert!(room.of(7, "x").is_some());
        assert_eq!(room.of(99, "a.example.org"), room.of(98, "a"));
        assert_eq!(room.of(99, "f"), None, "the plan has the domain");
    }

    #[test]
    fn strangers_stand_before_the_room_and_not_on_each_other() {
        let room = room();
        let near = room.of(99, "f.example").unwrap().y;
        let strangers: Vec<Vec2> = (0..50).map(|slot| room.beside(slot)).collect();
        for (index, a) in strangers.iter().enumerate() {
            assert!(a.y > near);
            assert!(strangers[..index].iter().all(|b| a.distance(*b) > 0.99));
        }
    }
}
