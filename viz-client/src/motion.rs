// SPDX-License-Identifier: GPL-2.0-or-later
//! Smooth change that does not depend on the frame rate.

use glam::Vec3;

/// Share of the way to a goal that is covered in `seconds`, when half of it takes `half_life` seconds.
#[must_use]
pub fn share(seconds: f32, half_life: f32) -> f32 {
    1.0 - (-seconds / half_life).exp2()
}

/// Slow at both ends; `t` is taken as 0.0..=1.0.
#[must_use]
pub fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A point of the arc from `from` to `to` that rises `height` above the straight line in its middle.
#[must_use]
pub fn arc(from: Vec3, to: Vec3, height: f32, t: f32) -> Vec3 {
    from.lerp(to, t) + Vec3::Y * (height * 4.0 * t * (1.0 - t))
}

/// How high an arc between two points rises, so that long ways look like journeys.
#[must_use]
pub fn arc_height(from: Vec3, to: Vec3) -> f32 {
    1.2 + from.distance(to) * 0.28
}

/// A number in 0.0..1.0 that looks random and is always the same for `seed`.
#[must_use]
pub fn scatter(seed: u32) -> f32 {
    let mut bits = seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x7FEB_352D);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x846C_A68B);
    f32::from((bits >> 16) as u16) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_rate_does_not_change_where_a_glide_ends() {
        let glide = |steps: u32| {
            (0..steps).fold(0.0, |at: f32, _| {
                at + (1.0 - at) * share(1.0 / steps as f32, 0.3)
            })
        };
        assert!((glide(5) - glide(120)).abs() < 1e-4);
    }

    #[test]
    fn an_arc_begins_and_ends_where_it_should() {
        let (from, to) = (Vec3::new(1.0, 2.0, 3.0), Vec3::new(-4.0, 0.0, 9.0));
        assert!(arc(from, to, 5.0, 0.0).distance(from) < 1e-5);
        assert!(arc(from, to, 5.0, 1.0).distance(to) < 1e-5);
        assert!(arc(from, to, 5.0, 0.5).y > from.lerp(to, 0.5).y + 4.9);
    }
}
