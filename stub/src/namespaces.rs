// SPDX-License-Identifier: GPL-2.0-or-later
//! What the guest may see of the hosting node: nothing by accident.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pivot_root, sethostname};

use crate::error::{Context, Result};

/// A folder that every system has, where the empty root is mounted. It is hidden only in the
/// private mount namespace.
const NEW_ROOT: &str = "/proc";

/// Leaves the hosting node's namespaces. Children of the caller are born in a new pid namespace.
///
/// The root becomes an empty read-only file system, so that no path can name a file of the
/// hosting node, whatever call takes it.
pub fn enter(hostname: Option<&str>) -> Result<()> {
    unshare(
        CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )
    .context(|| "cannot make the guest's namespaces (root rights needed)")?;
    if let Some(name) = hostname {
        sethostname(name).context(|| format!("cannot take the home's host name {name:?}"))?;
    }
    empty_root()
}

fn empty_root() -> Result<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context(|| "cannot make the mounts private")?;
    mount(
        Some("mattx"),
        NEW_ROOT,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        Some("size=4k,mode=0755"),
    )
    .context(|| "cannot mount the guest's empty root")?;
    chdir(NEW_ROOT).context(|| "cannot enter the guest's empty root")?;
    // Both names the same: the old root is stacked on the new one and taken away below.
    pivot_root(".", ".").context(|| "cannot change to the guest's empty root")?;
    umount2(".", MntFlags::MNT_DETACH).context(|| "cannot leave the hosting node's files")?;
    chdir("/").context(|| "cannot enter the guest's empty root")?;
    mount(
        none,
        "/",
        none,
        MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC,
        none,
    )
    .context(|| "cannot make the guest's empty root read-only")
}
