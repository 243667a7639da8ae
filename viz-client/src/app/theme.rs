// SPDX-License-Identifier: GPL-2.0-or-later
//! Colours, in linear light.

use bevy::prelude::*;
use mattx_protocol::model::NodeId;

/// The colours of the picture.
#[derive(Resource, Clone, Debug)]
pub struct Theme {
    /// Sky at the horizon and above.
    pub sky: [Vec3; 2],
    /// Floor and its lines.
    pub floor: [Vec3; 2],
    /// Load from idle to overloaded.
    pub load: [Vec3; 4],
    /// Selection and the pointer.
    pub accent: Vec3,
    /// Success and failure.
    pub outcome: [Vec3; 2],
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            sky: [srgb(0x0b1a33), srgb(0x03050d)],
            floor: [srgb(0x060b18), srgb(0x2a5c9e)],
            load: [
                srgb(0x17b8ee),
                srgb(0x2fe0b0),
                srgb(0xffb02e),
                srgb(0xff3355),
            ],
            accent: srgb(0xe8f4ff),
            outcome: [srgb(0x5dffa8), srgb(0xff4060)],
        }
    }
}

impl Theme {
    /// The colour of a node under `load`.
    #[must_use]
    pub fn load(&self, load: f32) -> Vec3 {
        // No straight way from cyan to amber: it leads through grey.
        let at = (load.clamp(0.0, 1.0) * 3.0).min(2.999);
        let step = at as usize;
        self.load[step].lerp(self.load[step + 1], at.fract())
    }
}

/// The colour of the processes that were born on `home`. Neighbouring numbers get colours far apart.
#[must_use]
pub fn tint(home: NodeId) -> Vec3 {
    let hue = (home as f32 * 0.381_966 + 0.14).fract();
    hue_to_linear(hue)
}

fn hue_to_linear(hue: f32) -> Vec3 {
    let channel = |offset: f32| {
        let distance = ((hue + offset).fract() * 6.0 - 3.0).abs() - 1.0;
        let full = distance.clamp(0.0, 1.0);
        // Pastel: on a dark ground full colours differ too much in brightness.
        (0.30 + 0.70 * full).powf(2.2)
    };
    Vec3::new(channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0))
}

fn srgb(code: u32) -> Vec3 {
    let channel = |shift: u32| ((code >> shift & 0xff) as f32 / 255.0).powf(2.2);
    Vec3::new(channel(16), channel(8), channel(0))
}

/// `colour` as a page writes it.
#[must_use]
pub fn css(colour: Vec3) -> String {
    let byte = |value: f32| (value.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8;
    format!(
        "rgb({} {} {})",
        byte(colour.x),
        byte(colour.y),
        byte(colour.z)
    )
}

/// Makes the colours known.
pub fn plugin(app: &mut App) {
    app.init_resource::<Theme>();
}
