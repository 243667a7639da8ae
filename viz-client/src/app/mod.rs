// SPDX-License-Identifier: GPL-2.0-or-later
//! The Bevy application: a plugin for each concern, ordered here and nowhere else.

#![expect(
    clippy::too_many_arguments,
    reason = "the arguments of a system are the resources that it reads and writes"
)]

use bevy::prelude::*;
use bevy::window::{ExitCondition, PresentMode};

mod address;
mod camera;
mod dom;
mod gamepad;
mod hud;
mod input;
mod interact;
mod labels;
mod model;
mod net;
mod quality;
mod render;
mod scene;
mod testing;
mod theme;

/// The steps of a frame.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Messages of the server become the model.
    Hear,
    /// Gestures become movement and commands.
    Act,
    /// The model becomes a picture.
    Show,
}

/// Starts the view in the page's canvas.
pub fn run() {
    run_constructors();
    std::panic::set_hook(Box::new(tell_of_panic));
    if !dom::has_webgl2() {
        dom::announce_failure(
            "This browser offers no WebGL 2, which the 3D view needs. Turn hardware or software rendering on, or use another browser.",
        );
        return;
    }
    let window = Window {
        title: "MattX".into(),
        canvas: Some("#scene".into()),
        fit_canvas_to_parent: true,
        // Gestures and keys are taken from the page itself (see input), which decides what the browser still does.
        prevent_default_event_handling: false,
        present_mode: PresentMode::AutoVsync,
        ..default()
    };
    App::new()
        .add_plugins(
            DefaultPlugins
                .set(WindowPlugin {
                    primary_window: Some(window),
                    exit_condition: ExitCondition::DontExit,
                    ..default()
                })
                .set(bevy::log::LogPlugin {
                    level: bevy::log::Level::WARN,
                    ..default()
                }),
        )
        .configure_sets(Update, (Step::Hear, Step::Act, Step::Show).chain())
        .add_plugins((
            address::plugin,
            theme::plugin,
            model::plugin,
            net::plugin,
            input::plugin,
            gamepad::plugin,
            camera::plugin,
            interact::plugin,
            render::plugin,
            scene::plugin,
            labels::plugin,
            hud::plugin,
            quality::plugin,
            testing::plugin,
        ))
        .run();
}

/// A defect of this program is told where people look, and not to the console alone. Where nobody is, the page is begun
/// anew after a while.
fn tell_of_panic(info: &std::panic::PanicHookInfo<'_>) {
    const BEGIN_ANEW_MS: i32 = 8000;
    console_error_panic_hook::hook(info);
    dom::announce_failure(
        "The 3D view has stopped because of a defect in it. Reload the page to go on; the tables still work.",
    );
    if dom::query("kiosk").is_some() {
        dom::reload_in(BEGIN_ANEW_MS);
    }
}

/// Runs the module's constructors (type registrations of `bevy_reflect`) once. Without any call to it the linker takes
/// the module for a command and has every export, so every frame, run all of them again.
fn run_constructors() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker makes this function; it is called once, before anything else runs.
    unsafe { __wasm_call_ctors() }
}
