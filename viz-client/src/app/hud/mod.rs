// SPDX-License-Identifier: GPL-2.0-or-later
//! Numbers and words around the picture, as elements of the page.

use bevy::prelude::*;

mod bar;
mod feed;
mod help;
mod menu;
mod panel;
mod search;
mod timeline;
mod toasts;

pub use feed::line;
pub use search::Filter;

/// Seconds between two looks at the model: faster than people read would only cost.
const REFRESH_SECONDS: f32 = 0.2;

/// Sets all parts up.
pub fn plugin(app: &mut App) {
    app.add_plugins((
        bar::plugin,
        feed::plugin,
        help::plugin,
        menu::plugin,
        panel::plugin,
        search::plugin,
        timeline::plugin,
        toasts::plugin,
    ));
}

/// A run condition: a few times per second.
fn now_and_then(time: Res<Time>, mut waited: Local<f32>) -> bool {
    *waited += time.delta_secs();
    let due = *waited >= REFRESH_SECONDS;
    if due {
        *waited = 0.0;
    }
    due
}
