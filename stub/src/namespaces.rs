// SPDX-License-Identifier: GPL-2.0-or-later
//! What the guest may see of the hosting node: nothing by accident.

use std::fs;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pivot_root, sethostname};

use crate::error::{Context, Result};

/// A folder that every system has, where the empty root is mounted. It is hidden only in the
/// private mount namespace.
const NEW_ROOT: &str = "/proc";

/// What a guest sees of its home instead.
pub struct Home<'a> {
    /// Host name.
    pub hostname: Option<&'a str>,
    /// How far CLOCK_MONOTONIC is ahead there, in nanoseconds.
    pub monotonic_ahead: i64,
    /// How far CLOCK_BOOTTIME is ahead there, in nanoseconds.
    pub boottime_ahead: i64,
}

/// `CLONE_NEWTIME`, which nix does not name yet. Like a pid namespace it is for children only.
const CLONE_NEWTIME: CloneFlags = CloneFlags::from_bits_retain(libc::CLONE_NEWTIME);

/// Leaves the hosting node's namespaces. Children of the caller are born in a new pid namespace.
///
/// The root becomes an empty read-only file system, so that no path can name a file of the
/// hosting node, whatever call takes it.
pub fn enter(home: &Home<'_>) -> Result<()> {
    unshare(
        CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CLONE_NEWTIME,
    )
    .context(|| "cannot make the guest's namespaces (root rights needed)")?;
    let offsets = format!(
        "monotonic {}\nboottime {}\n",
        offset(home.monotonic_ahead),
        offset(home.boottime_ahead)
    );
    fs::write("/proc/self/timens_offsets", offsets)
        .context(|| "cannot set the guest's clocks to those of its home")?;
    if let Some(name) = home.hostname {
        sethostname(name).context(|| format!("cannot take the home's host name {name:?}"))?;
    }
    empty_root()
}

/// Seconds and nanoseconds as the kernel wants them: only the seconds may be negative.
fn offset(nanoseconds: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    format!(
        "{} {}",
        nanoseconds.div_euclid(SECOND),
        nanoseconds.rem_euclid(SECOND)
    )
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

#[cfg(test)]
mod tests {
    use super::offset;

    #[test]
    fn only_seconds_are_negative() {
        assert_eq!(offset(1_500_000_000), "1 500000000");
        assert_eq!(offset(-1), "-1 999999999");
        assert_eq!(offset(0), "0 0");
    }
}
