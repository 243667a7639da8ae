// SPDX-License-Identifier: GPL-2.0-or-later
//! The small C programs of `lab/programs/`, each the subject of a scenario.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mattx_lab::{Error, Node, Result, cache, repository};

/// Compiles `lab/programs/NAME.c` statically and copies it to `/root/NAME` in the node; returns that path.
///
/// # Errors
/// The compiler's words, or the node's failures.
pub fn push(node: &Node, name: &str) -> Result<String> {
    push_built(node, name, &["-static"])
}

/// The same, linked dynamically against the C library of the nodes' own distribution.
///
/// # Errors
/// The compiler's words, or the node's failures.
pub fn push_dynamic(node: &Node, name: &str) -> Result<String> {
    push_built(node, name, &[])
}

/// Copies the script `lab/programs/NAME` to `remote` in the node.
///
/// # Errors
/// The node's failures.
pub fn push_script(node: &Node, name: &str, remote: &str) -> Result<()> {
    node.push(&repository().join("lab/programs").join(name), remote)
}

fn push_built(node: &Node, name: &str, options: &[&str]) -> Result<String> {
    let program = build(name, options)?;
    let remote = format!("/root/{name}");
    node.push(&program, &remote)?;
    Ok(remote)
}

fn build(name: &str, options: &[&str]) -> Result<PathBuf> {
    let failed = |source| Error::Io {
        what: format!("cannot compile {name}"),
        source,
    };
    let source = repository().join(format!("lab/programs/{name}.c"));
    let dir = cache()?.join("programs");
    fs::create_dir_all(&dir).map_err(failed)?;
    let target = dir.join(format!("{name}{}", options.join("")));
    let age = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    if age(&target).is_some_and(|built| age(&source).is_some_and(|written| written < built)) {
        return Ok(target);
    }
    // Tests of other programs may compile the same file at the same time.
    let scratch = dir.join(format!("{name}.{}", std::process::id()));
    let output = Command::new("cc")
        .args([
            "-std=gnu11",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pthread",
            "-o",
        ])
        .arg(&scratch)
        .arg(&source)
        .args(options)
        .arg("-lm")
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Usage(format!(
            "{} does not compile:\n{text}",
            source.display()
        )));
    }
    fs::rename(&scratch, &target).map_err(failed)?;
    Ok(target)
}
