// SPDX-License-Identifier: GPL-2.0-or-later
//! The kernel modules as files, for scenarios on bare nodes.

use std::path::PathBuf;

use mattx_lab::{Error, Kernel, Node, Result, cache};

use crate::moves::MOMENT;

/// Names of the modules, in the order in which they are loaded.
pub const MODULES: [&str; 2] = ["mattx", "mattxfs"];

/// Copies the modules for the node's kernel to `/root/NAME.ko` in the node.
///
/// # Errors
/// When they are not built, or the node's failures.
pub fn push(node: &Node, kernel: Kernel) -> Result<()> {
    for name in MODULES {
        node.push(&file(kernel, name)?, &format!("/root/{name}.ko"))?;
    }
    Ok(())
}

/// Unloads the installed modules of a node, as soon as nothing uses them, and loads them again.
///
/// # Errors
/// When something goes on using them, or the node's failures.
pub fn reload(node: &Node) -> Result<()> {
    unload(node)?;
    load(node)
}

/// Loads the installed modules and mounts `MattXFS`.
///
/// # Errors
/// The node's failures.
pub fn load(node: &Node) -> Result<()> {
    node.sh("modprobe mattx && modprobe mattxfs && mount -t mattxfs none /mattxfs")
        .map(drop)
}

/// Unmounts `MattXFS` and unloads the modules, as soon as nothing uses them.
///
/// # Errors
/// When something goes on using them, or the node's failures.
pub fn unload(node: &Node) -> Result<()> {
    node.wait_until(
        "unload the modules",
        MOMENT,
        "{ ! mountpoint -q /mattxfs || umount /mattxfs; rmmod mattxfs mattx; } 2>&1; ! grep -q '^mattx' /proc/modules",
    )
    .map(drop)
}

/// What of the modules is left in the kernel of a node that has unloaded them, a line each; empty, as it should be.
///
/// # Errors
/// The node's failures.
pub fn left_behind(node: &Node) -> Result<String> {
    node.sh(
        "ls -d /proc/mattx /sys/module/mattx* /sys/kernel/slab/mattx* 2>/dev/null; \
         for of in modules mounts filesystems slabinfo kallsyms; do \
             grep -H mattx /proc/$of; \
         done; \
         for task in /proc/[0-9]*/comm; do grep -HE '^(mattx_|kworker/R-mattx)' $task; done 2>/dev/null; true",
    )
}

fn file(kernel: Kernel, name: &str) -> Result<PathBuf> {
    let path = cache()?.join(format!("modules/{kernel}/{name}.ko"));
    if path.exists() {
        Ok(path)
    } else {
        Err(Error::Usage(format!(
            "{} is missing; run scripts/build-kernel {kernel}",
            path.display()
        )))
    }
}
