// SPDX-License-Identifier: GPL-2.0-or-later
//! The 3D view of the cluster. It runs in browsers only: `scripts/build-web` builds it, `mattx-viz` serves it.

#[cfg(target_arch = "wasm32")]
mod app;

#[cfg(target_arch = "wasm32")]
fn main() {
    app::run();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "mattx-viz-client runs in a browser: build it with scripts/build-web and start mattx-viz"
    );
    std::process::ExitCode::FAILURE
}
