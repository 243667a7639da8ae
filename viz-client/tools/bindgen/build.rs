// SPDX-License-Identifier: GPL-2.0-or-later
//! Finds the version that trunk compares with the client's: that of wasm-bindgen in this workspace's lock file.

use std::path::Path;

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).expect("the workspace has a Cargo.lock");
    let version = text
        .lines()
        .skip_while(|line| *line != "name = \"wasm-bindgen-cli-support\"")
        .nth(1)
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .expect("Cargo.lock names a version of wasm-bindgen-cli-support");
    println!("cargo::rustc-env=WASM_BINDGEN_VERSION={version}");
}
