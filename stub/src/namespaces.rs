// SPDX-License-Identifier: GPL-2.0-or-later
//! What the guest may see of the hosting node: nothing by accident.

use std::fs;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pivot_root, sethostname};

use crate::error::{Context, Result};
use crate::shared;

/// A folder that every system has, where the new root is mounted. It is hidden only in the
/// private mount namespace.
const NEW_ROOT: &str = "/proc";

/// What the guest's paths lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The files of its home.
    Home,
    /// Nothing: MattXFS is not there, so that it can use only what it has open.
    Empty,
}

/// What a guest sees of its home instead.
pub struct Home<'a> {
    /// Number of the node.
    pub node: u32,
    /// Host name.
    pub hostname: Option<&'a str>,
    /// How far CLOCK_MONOTONIC is ahead there, in nanoseconds.
    pub monotonic_ahead: i64,
    /// How far CLOCK_BOOTTIME is ahead there, in nanoseconds.
    pub boottime_ahead: i64,
    /// Folder that all nodes share.
    pub shared: Option<&'a Path>,
}

/// What [`enter`] has found.
pub struct Entered<'a> {
    /// What the guest's paths lead to.
    pub root: Root,
    /// The folder that is used here, not through the home.
    pub shared: Option<&'a Path>,
}

/// Where people expect the files of all nodes.
const MATTXFS: &str = "/mattxfs";

const NONE: Option<&str> = None;

/// `CLONE_NEWTIME`, which nix does not name yet. Like a pid namespace it is for children only.
const CLONE_NEWTIME: CloneFlags = CloneFlags::from_bits_retain(libc::CLONE_NEWTIME);

/// Leaves the hosting node's namespaces. Children of the caller are born in a new pid namespace.
///
/// The root becomes that of its home, or an empty read-only file system: no path can name a file
/// of the hosting node, whatever call takes it.
pub fn enter<'a>(home: &Home<'a>) -> Result<Entered<'a>> {
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
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .context(|| "cannot make the mounts private")?;
    match home_root(home) {
        Ok(shared) => Ok(Entered {
            root: Root::Home,
            shared,
        }),
        Err(error) => {
            eprintln!("mattx-stub: the guest gets no files by name: {error}");
            empty_root().map(|()| Entered {
                root: Root::Empty,
                shared: None,
            })
        }
    }
}

/// What the guest finds below `/proc`, and other nodes' files. For init of its pid namespace.
pub fn mount_own(root: Root) -> Result<()> {
    if root == Root::Empty {
        return Ok(());
    }
    mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        NONE,
    )
    .context(|| "cannot mount the guest's /proc")?;
    // Homes without the folder have no use for it.
    let _ = mount(
        Some("none"),
        MATTXFS,
        Some("mattxfs"),
        MsFlags::empty(),
        NONE,
    );
    Ok(())
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

/// The root of the home as ours; returns the folder of it that is used here.
fn home_root<'a>(home: &Home<'a>) -> Result<Option<&'a Path>> {
    mount(
        Some("none"),
        NEW_ROOT,
        Some("mattxfs"),
        MsFlags::empty(),
        NONE,
    )
    .context(|| "cannot mount MattXFS (is mattxfs.ko loaded?)")?;
    let node = home.node;
    let tree = format!("{NEW_ROOT}/{node}");
    let bound = mount(Some(tree.as_str()), NEW_ROOT, NONE, MsFlags::MS_BIND, NONE)
        .context(|| format!("cannot reach the files of node {node}"));
    if bound.is_err() {
        // The empty root goes to the same place.
        let _ = umount2(NEW_ROOT, MntFlags::MNT_DETACH);
    }
    bound?;
    let shared = home.shared.filter(|folder| {
        shared::mount_over(Path::new(NEW_ROOT), folder)
            .inspect_err(|error| {
                eprintln!(
                    "mattx-stub: the guest uses {} through its home: {error}",
                    folder.display()
                );
            })
            .is_ok()
    });
    enter_root("the root of the guest's home")?;
    Ok(shared)
}

/// Changes the root to what is mounted at [`NEW_ROOT`], and leaves everything else behind.
fn enter_root(what: &str) -> Result<()> {
    chdir(NEW_ROOT).context(|| format!("cannot enter {what}"))?;
    // Both names the same: the old root is stacked on the new one and taken away below.
    pivot_root(".", ".").context(|| format!("cannot change to {what}"))?;
    umount2(".", MntFlags::MNT_DETACH).context(|| "cannot leave the hosting node's files")?;
    chdir("/").context(|| format!("cannot enter {what}"))
}

fn empty_root() -> Result<()> {
    mount(
        Some("mattx"),
        NEW_ROOT,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        Some("size=4k,mode=0755"),
    )
    .context(|| "cannot mount the guest's empty root")?;
    enter_root("the guest's empty root")?;
    mount(
        NONE,
        "/",
        NONE,
        MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC,
        NONE,
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
