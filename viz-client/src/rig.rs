// SPDX-License-Identifier: GPL-2.0-or-later
//! The camera: it looks at a focus from a distance, flies, orbits, zooms, and glides to where it is sent.

use std::f32::consts::FRAC_PI_2;

use glam::{EulerRot, Mat4, Quat, Vec2, Vec3};

use crate::motion::share;
use crate::pick::Ray;

/// Vertical field of view in radians.
const FIELD_OF_VIEW: f32 = 0.80;
const NEAR: f32 = 0.1;
/// Limits of where the camera may look.
const LEAST_FOCUS: Vec3 = Vec3::new(-900.0, 0.0, -900.0);
const MOST_FOCUS: Vec3 = Vec3::new(900.0, 300.0, 900.0);
const CLOSEST: f32 = 3.0;
const FARTHEST: f32 = 900.0;
const LOWEST: f32 = 0.03;
const HIGHEST: f32 = FRAC_PI_2 - 0.04;
/// Seconds in which half of the way to a goal is done.
const GLIDE: f32 = 0.09;
/// Distances per second that flying covers, in units of the distance to the focus.
const FLY_SPEED: f32 = 0.9;

/// Where the camera is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// What it looks at.
    pub focus: Vec3,
    /// Direction around the vertical axis in radians.
    pub yaw: f32,
    /// Angle above the horizon in radians.
    pub pitch: f32,
    /// Distance to the focus.
    pub distance: f32,
}

impl Default for View {
    fn default() -> Self {
        Self {
            focus: Vec3::new(0.0, 1.2, 0.0),
            yaw: 0.14,
            pitch: 0.42,
            distance: 24.0,
        }
    }
}

impl View {
    /// Six numbers, as they stand in the page's address.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Vec3 { x, y, z } = self.focus;
        format!(
            "{x:.1},{y:.1},{z:.1},{:.3},{:.3},{:.1}",
            self.yaw, self.pitch, self.distance
        )
    }

    /// Understands what [`Self::to_text`] wrote; values from outside are brought within the limits of the camera.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let numbers: Vec<f32> = text
            .split(',')
            .map(|number| {
                number
                    .parse()
                    .ok()
                    .filter(|number: &f32| number.is_finite())
            })
            .collect::<Option<_>>()?;
        let [x, y, z, yaw, pitch, distance] = numbers.try_into().ok()?;
        Some(Self {
            focus: Vec3::new(x, y, z).clamp(LEAST_FOCUS, MOST_FOCUS),
            yaw: yaw % std::f32::consts::TAU,
            pitch: pitch.clamp(LOWEST, HIGHEST),
            distance: distance.clamp(CLOSEST, FARTHEST),
        })
    }
}

/// The camera with where it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rig {
    /// Where it is.
    pub view: View,
    /// Where it goes.
    pub goal: View,
    /// Size of the picture in pixels.
    pub size: Vec2,
    /// How far the middle of the view is moved to the right, in half widths of the picture; what covers one side of it
    /// moves it to the other.
    pub shift: f32,
}

impl Rig {
    /// Lets `seconds` pass.
    pub fn step(&mut self, seconds: f32) {
        let part = share(seconds, GLIDE);
        self.view.focus = self.view.focus.lerp(self.goal.focus, part);
        self.view.yaw += (self.goal.yaw - self.view.yaw) * part;
        self.view.pitch += (self.goal.pitch - self.view.pitch) * part;
        self.view.distance += (self.goal.distance - self.view.distance) * part;
    }

    /// Jumps to the goal.
    pub fn arrive(&mut self) {
        self.view = self.goal;
    }

    /// Turns around the focus by pixels of a drag.
    pub fn orbit(&mut self, pixels: Vec2) {
        self.goal.yaw -= pixels.x * 0.006;
        self.goal.pitch = (self.goal.pitch + pixels.y * 0.006).clamp(LOWEST, HIGHEST);
    }

    /// Turns the head by pixels of a mouse that is locked to the view: the eye stays, what it looks at moves.
    pub fn look_around(&mut self, pixels: Vec2) {
        let eye = |view: &View| {
            let turn = Quat::from_euler(EulerRot::YXZ, view.yaw, -view.pitch, 0.0);
            turn * Vec3::Z * view.distance
        };
        let before = self.goal.focus + eye(&self.goal);
        self.goal.yaw -= pixels.x * 0.003;
        self.goal.pitch = (self.goal.pitch + pixels.y * 0.003).clamp(LOWEST, HIGHEST);
        let focus = before - eye(&self.goal);
        self.goal.focus = focus.clamp(LEAST_FOCUS, MOST_FOCUS);
    }

    /// Shifts the focus by pixels of a drag, so that what was grabbed stays under the pointer.
    pub fn pan(&mut self, pixels: Vec2) {
        let unit = 2.0 * Self::tangent() * self.goal.distance / self.size.y.max(1.0);
        let (right, forward) = self.ground();
        self.move_focus((forward * pixels.y - right * pixels.x) * unit);
    }

    /// Comes nearer by `steps` turns of a wheel, or goes away.
    pub fn zoom(&mut self, steps: f32) {
        self.goal.distance = (self.goal.distance * 0.88_f32.powf(steps)).clamp(CLOSEST, FARTHEST);
    }

    /// Flies for `seconds`: `way` is right, up, forward, each -1.0..=1.0; `fast` is a factor.
    pub fn fly(&mut self, way: Vec3, fast: f32, seconds: f32) {
        let (right, forward) = self.ground();
        let speed = FLY_SPEED * fast * seconds * self.goal.distance.max(8.0);
        self.move_focus((right * way.x + Vec3::Y * way.y + forward * way.z) * speed);
    }

    /// Looks at `focus` from `distance`.
    pub fn look_at(&mut self, focus: Vec3, distance: f32) {
        self.goal.focus = focus;
        self.goal.distance = distance.clamp(CLOSEST, FARTHEST);
    }

    /// Looks at the middle of `points` in the direction of the goal, from so near that they just fill the picture
    /// between `top` and `bottom`, shares of its height that something covers.
    pub fn frame(&mut self, points: &[Vec3], top: f32, bottom: f32) {
        const SIDE: f32 = 0.06;
        const STEPS: u32 = 28;
        if points.is_empty() {
            return;
        }
        let mut trial = Self {
            shift: 0.0,
            ..*self
        };
        let middle = points.iter().sum::<Vec3>() / points.len() as f32;
        let spread = points
            .iter()
            .map(|at| at.distance(middle))
            .fold(1.0, f32::max);
        trial.goal.focus = middle;
        // So far away that nothing is behind the eye.
        trial.goal.distance = (spread * 3.0).clamp(CLOSEST, FARTHEST);
        trial.arrive();
        // The part of clip space that nothing covers.
        let (low, high) = (2.0 * bottom - 1.0, 1.0 - 2.0 * top);
        let open = Vec2::new(1.0 - 2.0 * SIDE, (high - low) / 2.0);
        let centre = Vec2::new(0.0, (low + high) / 2.0);
        for _ in 0..STEPS {
            let clip = trial.clip_from_world();
            let mut bounds = (Vec2::INFINITY, Vec2::NEG_INFINITY);
            for point in points {
                let at = clip * point.extend(1.0);
                let at = Vec2::new(at.x, at.y) / at.w.max(NEAR);
                bounds = (bounds.0.min(at), bounds.1.max(at));
            }
            let needed = ((bounds.1 - bounds.0) / (2.0 * open)).max_element();
            trial.view.distance =
                (trial.view.distance * needed.clamp(0.75, 1.5)).clamp(CLOSEST, FARTHEST);
            // What is seen in the middle of the bounds moves to the middle of the open part.
            let aside = (bounds.0 + bounds.1) / 2.0 - centre;
            let pixel = (aside * Vec2::new(1.0, -1.0) * 0.5 + 0.5) * self.size;
            let seen = trial.ray(pixel).meets_plane(trial.view.focus.y);
            if let Some(seen) = seen.filter(|seen| seen.distance(middle) < spread * 3.0) {
                trial.view.focus = trial.view.focus.lerp(seen, 0.6);
            }
        }
        (self.goal.focus, self.goal.distance) = (trial.view.focus, trial.view.distance);
    }

    /// The distance from which a circle of `radius` on the ground is wholly seen.
    #[must_use]
    pub fn distance_for(&self, radius: f32) -> f32 {
        let aspect = (self.size.x / self.size.y.max(1.0)).max(0.1);
        // Seen from above at an angle, a circle is flatter than wide.
        let across = radius / (Self::tangent() * aspect) * 1.15;
        let along = radius / Self::tangent() * 0.62;
        across.max(along) + 5.0
    }

    fn move_focus(&mut self, way: Vec3) {
        // Not below the floor, and never so far that nobody finds back.
        self.goal.focus = (self.goal.focus + way).clamp(LEAST_FOCUS, MOST_FOCUS);
    }

    fn ground(&self) -> (Vec3, Vec3) {
        let turn = Quat::from_rotation_y(self.goal.yaw);
        (turn * Vec3::X, turn * Vec3::NEG_Z)
    }

    fn rotation(&self) -> Quat {
        Quat::from_euler(EulerRot::YXZ, self.view.yaw, -self.view.pitch, 0.0)
    }

    /// Where the eye is.
    #[must_use]
    pub fn eye(&self) -> Vec3 {
        self.view.focus + self.rotation() * Vec3::Z * self.view.distance
    }

    /// The directions right and up of the picture.
    #[must_use]
    pub fn axes(&self) -> (Vec3, Vec3) {
        let rotation = self.rotation();
        (rotation * Vec3::X, rotation * Vec3::Y)
    }

    /// Tangent of half the vertical field of view.
    #[must_use]
    pub fn tangent() -> f32 {
        (FIELD_OF_VIEW / 2.0).tan()
    }

    /// From world to clip space, depth reversed: 1.0 near, 0.0 at infinity.
    #[must_use]
    pub fn clip_from_world(&self) -> Mat4 {
        let aspect = (self.size.x / self.size.y.max(1.0)).max(0.01);
        let eye = self.eye();
        let world = Mat4::look_to_rh(
            eye,
            self.rotation() * Vec3::NEG_Z,
            self.rotation() * Vec3::Y,
        );
        let shift = Mat4::from_translation(Vec3::X * self.shift);
        shift * Mat4::perspective_infinite_reverse_rh(FIELD_OF_VIEW, aspect, NEAR) * world
    }

    /// What turns many points of the world into pixels, worked out once.
    #[must_use]
    pub fn lens(&self) -> Lens {
        Lens {
            clip: self.clip_from_world(),
            eye: self.eye(),
            size: self.size,
            unit: self.size.y / (2.0 * Self::tangent()),
        }
    }

    /// Where a point of the world is in the picture, in pixels from the top left; `None` behind the eye.
    #[must_use]
    pub fn project(&self, point: Vec3) -> Option<Vec2> {
        self.lens().project(point)
    }

    /// Pixels that one unit of length covers at `point`.
    #[must_use]
    pub fn pixels_per_unit(&self, point: Vec3) -> f32 {
        self.lens().pixels_per_unit(point)
    }

    /// The line of sight through a pixel.
    #[must_use]
    pub fn ray(&self, pixel: Vec2) -> Ray {
        let ndc = pixel / self.size * 2.0 - 1.0 - Vec2::X * self.shift;
        let tangent = Self::tangent();
        let aspect = self.size.x / self.size.y.max(1.0);
        let (right, up) = self.axes();
        let forward = self.rotation() * Vec3::NEG_Z;
        let direction = forward + right * (ndc.x * tangent * aspect) - up * (ndc.y * tangent);
        Ray {
            origin: self.eye(),
            direction: direction.normalize(),
        }
    }
}

/// The camera as it is in one frame.
#[derive(Clone, Copy, Debug)]
pub struct Lens {
    clip: Mat4,
    eye: Vec3,
    size: Vec2,
    /// Pixels that one unit of length covers at a distance of one.
    unit: f32,
}

impl Lens {
    /// Where a point of the world is in the picture, in pixels from the top left; `None` behind the eye.
    #[must_use]
    pub fn project(&self, point: Vec3) -> Option<Vec2> {
        let clip = self.clip * point.extend(1.0);
        (clip.w > NEAR).then(|| {
            let ndc = Vec2::new(clip.x, -clip.y) / clip.w;
            (ndc * 0.5 + 0.5) * self.size
        })
    }

    /// Pixels that one unit of length covers at `point`.
    #[must_use]
    pub fn pixels_per_unit(&self, point: Vec3) -> f32 {
        self.unit / self.eye.distance(point).max(NEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rig() -> Rig {
        let mut rig = Rig {
            size: Vec2::new(1280.0, 720.0),
            ..Default::default()
        };
        rig.look_at(Vec3::new(3.0, 1.0, -2.0), 20.0);
        rig.arrive();
        rig
    }

    #[test]
    fn the_focus_is_in_the_middle_of_the_picture() {
        let rig = rig();
        assert!(
            rig.project(rig.view.focus)
                .unwrap()
                .distance(rig.size / 2.0)
                < 0.1
        );
        assert_eq!(rig.project(rig.eye() + (rig.eye() - rig.view.focus)), None);
    }

    #[test]
    fn what_is_framed_fills_the_picture_and_is_wholly_in_it() {
        for spread in [2.0, 30.0, 140.0] {
            let points: Vec<Vec3> = (0..12)
                .map(|nth| {
                    let turn = nth as f32 * 0.52;
                    Vec3::new(
                        turn.cos() * spread + 9.0,
                        (nth % 3) as f32,
                        turn.sin() * spread,
                    )
                })
                .collect();
            let mut rig = rig();
            rig.frame(&points, 0.12, 0.10);
            rig.arrive();
            let seen: Vec<Vec2> = points.iter().map(|at| rig.project(*at).unwrap()).collect();
            let low = seen.iter().copied().reduce(Vec2::min).unwrap();
            let high = seen.iter().copied().reduce(Vec2::max).unwrap();
            assert!(
                low.x > 0.0 && high.x < 1280.0 && low.y > 60.0 && high.y < 690.0,
                "{low} {high}"
            );
            let share = (high - low) / Vec2::new(1280.0, 720.0);
            assert!(share.max_element() > 0.6, "{share}");
        }
    }

    #[test]
    fn a_ray_goes_through_the_point_that_its_pixel_shows() {
        let rig = rig();
        for point in [
            Vec3::ZERO,
            Vec3::new(5.0, 2.0, 1.0),
            Vec3::new(-3.0, 0.5, 4.0),
        ] {
            let ray = rig.ray(rig.project(point).unwrap());
            let away = (point - ray.origin).cross(ray.direction).length();
            assert!(away < 1e-3, "{away}");
        }
    }

    #[test]
    fn dragging_keeps_what_was_grabbed_under_the_pointer() {
        let mut rig = rig();
        rig.goal.pitch = HIGHEST;
        rig.arrive();
        let grabbed = rig.view.focus;
        rig.pan(Vec2::new(40.0, 25.0));
        rig.arrive();
        assert!(
            rig.project(grabbed)
                .unwrap()
                .distance(rig.size / 2.0 + Vec2::new(40.0, 25.0))
                < 1.0
        );
    }

    #[test]
    fn a_view_survives_its_way_through_an_address() {
        let view = View {
            focus: Vec3::new(3.5, 1.2, -20.0),
            yaw: 1.25,
            pitch: 0.5,
            distance: 42.0,
        };
        assert_eq!(View::from_text(&view.to_text()), Some(view));
        assert_eq!(View::from_text("1,2,3"), None);
        assert_eq!(View::from_text("NaN,0,0,0,0,0"), None);
        let wild = View::from_text("1e9,-5,0,0,9,0").unwrap();
        assert!(wild.focus.x <= 900.0 && wild.focus.y >= 0.0 && wild.pitch < 1.6);
    }

    #[test]
    fn the_camera_stays_above_the_floor() {
        let mut rig = rig();
        rig.orbit(Vec2::new(0.0, -1e6));
        rig.fly(Vec3::NEG_Y, 9.0, 100.0);
        rig.arrive();
        assert!(rig.eye().y > 0.0);
    }
}
