// SPDX-License-Identifier: GPL-2.0-or-later
//! Storage that all nodes have mounted at the same place (DFSA): used where the guest is, not through its home.
//!
//! Nobody's word is taken for it. A file that is made here must be there as well, seen through the home.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::error::{Context, Result};

/// Where files that prove it are made, if the shared folder has it: storage whose root may not be
/// written by the root of a node needs one that everybody may write.
const PROVING_GROUND: &str = ".mattx";

const NONE: Option<&str> = None;

/// A place, for what is relative to it.
fn place() -> OFlag {
    OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC
}

/// Mounts this node's `folder` over the folder of that name below `root`, the root of the guest's
/// home, if both are the same storage.
pub fn mount_over(root: &Path, folder: &Path) -> Result<()> {
    let here = open(folder, place(), Mode::empty())
        .context(|| format!("cannot open {} here", folder.display()))?;
    let home =
        open(root, place(), Mode::empty()).context(|| format!("cannot open {}", root.display()))?;
    let name = folder.strip_prefix("/").unwrap_or(folder);
    // A link of the home would lead somewhere on this node.
    let how = OpenHow::new()
        .flags(place())
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let there = openat2(&home, name, how).context(|| {
        format!(
            "cannot open {} at its home (is it a folder, not a link?)",
            folder.display()
        )
    })?;
    prove_same(here.as_fd(), there.as_fd())?;
    bind(folder, &root.join(name))
}

/// Makes a file in the folder that is open as `here`, and looks for it in `there`.
fn prove_same(here: BorrowedFd<'_>, there: BorrowedFd<'_>) -> Result<()> {
    let mut random = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .context(|| "cannot think of a name")?;
    let name = format!(".mattx-{:032x}", u128::from_ne_bytes(random));
    let ground = openat(
        here,
        PROVING_GROUND,
        place() | OFlag::O_NOFOLLOW,
        Mode::empty(),
    );
    let (ground, name_there) = match &ground {
        Ok(ground) => (ground.as_fd(), format!("{PROVING_GROUND}/{name}")),
        Err(_) => (here, name.clone()),
    };
    let flags =
        OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = openat(ground, name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR).context(|| {
        format!(
            "cannot make a file in it that shows whether it is the same storage \
             (root of this node must be allowed to, or everybody in a folder {PROVING_GROUND} of it)"
        )
    })?;
    let inode = fstat(&made).map(|about| about.st_ino);
    drop(made);
    let found =
        fstatat(there, name_there.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW).map(|about| about.st_ino);
    // The one who comes next may be another node.
    let removed = unlinkat(ground, name.as_str(), UnlinkatFlags::NoRemoveDir);
    match (inode, found) {
        (Ok(inode), Ok(found)) if inode == found => removed,
        (_, Ok(_) | Err(Errno::ENOENT)) => Err(Errno::EXDEV),
        (_, Err(error)) => Err(error),
    }
    .context(|| "it is not the same storage here and there")
}

/// Mounts `folder` at `target`, without devices and set-user-ID programs of this node, and as
/// read-only as it is.
fn bind(folder: &Path, target: &Path) -> Result<()> {
    mount(Some(folder), target, NONE, MsFlags::MS_BIND, NONE)
        .context(|| format!("cannot mount it at {}", target.display()))?;
    let flags = statvfs(target).map_or(FsFlags::empty(), |about| about.flags());
    let mut options =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    for (flag, option) in [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
    ] {
        options.set(option, flags.contains(flag));
    }
    let restricted = mount(NONE, target, NONE, options, NONE)
        .context(|| format!("cannot restrict the mount at {}", target.display()));
    if restricted.is_err() {
        let _ = umount2(target, MntFlags::MNT_DETACH);
    }
    restricted
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::OwnedFd;

    use super::*;

    fn folder(path: &Path) -> OwnedFd {
        fs::create_dir_all(path).unwrap();
        open(path, place(), Mode::empty()).unwrap()
    }

    #[test]
    fn one_folder_is_the_same_storage_and_two_are_not() {
        let base = std::env::temp_dir().join(format!("mattx-shared-{}", std::process::id()));
        let (one, other) = (base.join("one"), base.join("other"));
        let (here, there) = (folder(&one), folder(&other));
        assert!(prove_same(here.as_fd(), folder(&one).as_fd()).is_ok());
        let error = prove_same(here.as_fd(), there.as_fd()).unwrap_err();
        assert!(
            error.to_string().contains("not the same storage"),
            "{error}"
        );
        let ground = one.join(PROVING_GROUND);
        fs::create_dir(&ground).unwrap();
        assert!(prove_same(here.as_fd(), folder(&one).as_fd()).is_ok());
        // Nothing stays.
        assert_eq!(fs::read_dir(&one).unwrap().count(), 1);
        assert_eq!(fs::read_dir(&ground).unwrap().count(), 0);
        fs::remove_dir_all(&base).unwrap();
    }
}
