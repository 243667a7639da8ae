// SPDX-License-Identifier: GPL-2.0-or-later
//! Moves that wait at one of their steps, see `kernel/step.h`.

use mattx_lab::{Node, Result};

use crate::moves::{MOMENT, Subject};

/// Moves wait on `node` when they come to `step`; "none" lets them go on.
///
/// # Errors
/// The node's failures.
pub fn wait_at(node: &Node, step: &str) -> Result<()> {
    node.sh(&format!(
        "echo {step} > /sys/module/mattx/parameters/wait_at"
    ))
    .map(drop)
}

/// Begins to move `subject` from or to its `home`, and returns when the move waits on node `at` at `step`.
///
/// # Errors
/// When it does not come there; the nodes' failures.
pub fn move_up_to(subject: &Subject, home: &Node, to: &str, at: &Node, step: &str) -> Result<()> {
    at.sh("dmesg -C")?;
    wait_at(at, step)?;
    home.sh(&format!(
        "setsid sh -c 'echo migrate {} {to} > /proc/mattx/admin' </dev/null >/dev/null 2>&1 &",
        subject.pid
    ))?;
    at.wait_until(
        &format!("come to step {step}"),
        MOMENT,
        &format!("dmesg | grep -q 'reached {step}'"),
    )
    .map(drop)
}
