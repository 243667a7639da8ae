// SPDX-License-Identifier: GPL-2.0-or-later
//! Makes cargo look at the browser client again after trunk built it. The folder is created when it is missing, because
//! cargo takes a missing path for changed at every build.

fn main() {
    let dist = "../viz-client/dist";
    // Only a speed-up: a read-only source tree builds as well.
    let _ = std::fs::create_dir_all(dist);
    println!("cargo::rerun-if-changed={dist}");
}
