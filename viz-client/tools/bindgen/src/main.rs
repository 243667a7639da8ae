// SPDX-License-Identifier: GPL-2.0-or-later
//! The part of the `wasm-bindgen` command line that trunk uses.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut bindgen = Bindgen::new();
    let mut output = PathBuf::from(".");
    let mut input = None;
    let mut typescript = true;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let (key, mut value) = match argument.split_once('=') {
            Some((key, value)) if key.starts_with("--") => (key.to_owned(), Some(value.to_owned())),
            _ => (argument.clone(), None),
        };
        let mut value = || {
            value
                .take()
                .or_else(|| arguments.next())
                .with_context(|| format!("{argument} wants a value"))
        };
        match key.as_str() {
            "--version" | "-V" => {
                println!("wasm-bindgen {}", env!("WASM_BINDGEN_VERSION"));
                return Ok(());
            }
            "--target" => {
                let target = value()?;
                ensure!(
                    target == "web",
                    "only --target web is supported, not {target}"
                );
                bindgen.web(true)?;
            }
            "--out-dir" => output = value()?.into(),
            "--out-name" => {
                bindgen.out_name(&value()?);
            }
            "--keep-debug" => {
                bindgen.keep_debug(true);
            }
            "--no-demangle" => {
                bindgen.demangle(false);
            }
            // Found out by the library itself.
            "--reference-types" | "--weak-refs" => {}
            "--no-typescript" => typescript = false,
            key if key.starts_with('-') => bail!("unknown option {key}"),
            _ => input = Some(argument),
        }
    }
    let input = input.context("no input file was given")?;
    // Names are a third of a release build and trunk has no option to drop them; a debug build keeps them for its
    // stack traces.
    bindgen.remove_name_section(!input.contains("/debug/"));
    bindgen
        .input_path(&input)
        .typescript(typescript)
        .generate(output)
}
