// SPDX-License-Identifier: GPL-2.0-or-later
//! Patterns without a plan: place number N is the same however many nodes there are, and low numbers are in the middle.

use std::f32::consts::TAU;

use glam::{IVec2, Vec2};

/// A hexagonal spiral; three nodes are a triangle. In units of the distance of two neighbours.
pub(super) fn honeycomb(slot: usize) -> Vec2 {
    let (ring, side, along) = around(slot, 6);
    if ring == 0 {
        return Vec2::ZERO;
    }
    // Axial coordinates: the first corner of the ring, then along its sides.
    const DIRECTIONS: [IVec2; 6] = [
        IVec2::new(-1, 1),
        IVec2::new(-1, 0),
        IVec2::new(0, -1),
        IVec2::new(1, -1),
        IVec2::new(1, 0),
        IVec2::new(0, 1),
    ];
    let corner = DIRECTIONS[..side]
        .iter()
        .fold(IVec2::new(ring, 0), |at, way| at + *way * ring);
    let at = (corner + DIRECTIONS[side] * along).as_vec2();
    Vec2::new(at.x + at.y * 0.5, at.y * 0.866_025_4)
}

/// A square spiral.
pub(super) fn grid(slot: usize) -> Vec2 {
    let (ring, side, along) = around(slot, 8);
    if ring == 0 {
        return Vec2::ZERO;
    }
    // Eight half sides, so that the numbers go as they do for the other patterns.
    const DIRECTIONS: [IVec2; 8] = [
        IVec2::new(0, 1),
        IVec2::new(-1, 0),
        IVec2::new(-1, 0),
        IVec2::new(0, -1),
        IVec2::new(0, -1),
        IVec2::new(1, 0),
        IVec2::new(1, 0),
        IVec2::new(0, 1),
    ];
    let start = DIRECTIONS[..side]
        .iter()
        .fold(IVec2::new(ring, 0), |at, way| at + *way * ring);
    (start + DIRECTIONS[side] * along).as_vec2()
}

/// Circles, of which the N-th has six times N nodes.
pub(super) fn rings(slot: usize) -> Vec2 {
    let (ring, side, along) = around(slot, 6);
    if ring == 0 {
        return Vec2::ZERO;
    }
    let angle = (side as f32 + along as f32 / ring as f32) * TAU / 6.0;
    Vec2::from_angle(angle) * ring as f32
}

/// In which ring a place is, on which of its sides, and how far along that; the N-th ring has `sides` times N places.
fn around(slot: usize, sides: usize) -> (i32, usize, i32) {
    if slot == 0 {
        return (0, 0, 0);
    }
    let mut ring = 1;
    let mut first = 1;
    while slot >= first + sides * ring {
        first += sides * ring;
        ring += 1;
    }
    let (side, along) = ((slot - first) / ring, (slot - first) % ring);
    let small = |number| i32::try_from(number).unwrap_or(i32::MAX);
    (small(ring), side, small(along))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_are_nearer_than_neighbours() {
        for pattern in [honeycomb, grid, rings] {
            let all: Vec<Vec2> = (0..400).map(pattern).collect();
            for (index, a) in all.iter().enumerate() {
                for b in &all[..index] {
                    assert!(a.distance(*b) > 0.99, "{a} and {b}");
                }
            }
        }
    }

    #[test]
    fn patterns_are_filled_from_the_middle() {
        for pattern in [honeycomb, grid, rings] {
            let reach = |slots| {
                (0..slots)
                    .map(|slot| pattern(slot).length())
                    .fold(0.0, f32::max)
            };
            assert!(
                reach(9) < 2.3 && reach(100) < 9.0,
                "{} {}",
                reach(9),
                reach(100)
            );
        }
    }

    #[test]
    fn three_nodes_form_a_triangle() {
        let [a, b, c] = [0, 1, 2].map(honeycomb);
        for side in [a.distance(b), b.distance(c), c.distance(a)] {
            assert!((side - 1.0).abs() < 1e-3, "{side}");
        }
    }
}
