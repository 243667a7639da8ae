// SPDX-License-Identifier: GPL-2.0-or-later
//! Keeps the view fluid where there is no GPU: when frames take too long, fewer pixels are drawn and stretched.
//!
//! The page's address may say otherwise: `?quality=full` never lowers, `?fps=N` draws at most N frames per second.

use std::time::Duration;

use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use bevy::winit::{UpdateMode, WinitSettings};

use super::{dom, testing};

/// Seconds per frame above which there are too many pixels, and below which there may be more.
const SLOW: f32 = 0.060;
const FAST: f32 = 0.020;
/// Seconds between two changes, so that each is measured before the next.
const PATIENCE: f32 = 2.0;
/// Seconds after the start in which pipelines are made and nothing is measured.
const WARM_UP: f32 = 2.5;
const STEP: f32 = 0.75;
const COARSEST: f32 = 0.5;

/// How much is drawn.
#[derive(Resource, Debug)]
pub struct Quality {
    /// Pixels drawn per pixel of the canvas, in each direction.
    pub scale: f32,
    /// Seconds per frame, smoothed.
    frame: f32,
    waited: f32,
    fixed: bool,
    /// Whether there is a GPU that draws.
    hardware: bool,
    /// A scale that turned out to be too fine.
    limit: f32,
}

impl Quality {
    /// Whether edges are smoothed and the floor mirrors, which the CPU cannot draw in time.
    #[must_use]
    pub fn is_rich(&self) -> bool {
        self.fixed || testing::wants_all_pixels() || (self.hardware && self.scale >= 0.99)
    }
}

/// Sets the adaption up.
pub fn plugin(app: &mut App) {
    let fixed = dom::query("quality").is_some_and(|quality| quality == "full");
    let quality = Quality {
        scale: 1.0,
        frame: 0.016,
        waited: -WARM_UP,
        fixed,
        hardware: false,
        limit: 1.0,
    };
    app.insert_resource(quality)
        .add_systems(Update, adapt.in_set(super::Step::Show));
    if let Some(most) = dom::query("fps")
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|most| *most >= 1.0)
    {
        let mode = UpdateMode::Reactive {
            wait: Duration::from_secs_f64(1.0 / most),
            react_to_device_events: false,
            react_to_user_events: false,
            react_to_window_events: false,
        };
        app.insert_resource(WinitSettings {
            focused_mode: mode,
            unfocused_mode: mode,
        });
    }
}

fn adapt(
    mut quality: ResMut<Quality>,
    time: Res<Time<Real>>,
    adapter: Option<Res<RenderAdapterInfo>>,
) {
    quality.hardware = adapter.is_some_and(|adapter| {
        let name = adapter.name.to_lowercase();
        !["swiftshader", "llvmpipe", "software", "basic render"]
            .iter()
            .any(|slow| name.contains(slow))
    });
    let seconds = time.delta_secs();
    // A frame that took this long was none: the page was hidden.
    if seconds > 1.5 {
        return;
    }
    quality.frame += (seconds - quality.frame) * 0.1;
    quality.waited += seconds;
    if testing::wants_all_pixels() {
        quality.scale = 1.0;
        return;
    }
    if quality.fixed || quality.waited < PATIENCE {
        return;
    }
    if quality.frame > SLOW && quality.scale > COARSEST {
        quality.limit = quality.scale;
        // The time grows with the number of pixels, so with the square of the scale.
        let factor = (SLOW / quality.frame).sqrt().min(STEP);
        quality.scale = (quality.scale * factor).max(COARSEST);
        quality.waited = 0.0;
    } else if quality.frame < FAST && quality.scale < 1.0 && quality.scale / STEP < quality.limit {
        quality.scale /= STEP;
        quality.waited = 0.0;
    }
}
