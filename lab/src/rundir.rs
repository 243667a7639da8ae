// SPDX-License-Identifier: GPL-2.0-or-later
//! Folders of running clusters. Each is locked by its owner for as long as that lives; whoever finds one without
//! an owner removes it, so nothing is left behind even by a killed test.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::getuid;

use crate::cleanup;
use crate::error::{Context, Error, Result};

const LOCK: &str = "lock";

/// A folder that vanishes with its owner.
pub(crate) struct RunDir {
    path: PathBuf,
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes the folder `name`.
    pub fn create(name: &str) -> Result<Self> {
        let base = base()?;
        remove_stale(&base);
        let path = base.join(name);
        let what = || format!("cannot make the run folder {}", path.display());
        match make(&base, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Usage(format!(
                    "a cluster named \"{name}\" is running already; end it (scripts/lab down --name {name}) or choose another name"
                )));
            }
            result => result.context(what)?,
        }
        let lock = File::create(path.join(LOCK)).context(what)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| error)
            .context(what)?;
        cleanup::register(&path);
        Ok(Self { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        remove(&self.path);
        cleanup::forget(&self.path);
    }
}

/// Makes `path` in `base`, which goes with the last cluster that was in it.
fn make(base: &Path, path: &Path) -> io::Result<()> {
    const TRIES: usize = 5;
    let mut made = Ok(());
    for _ in 0..TRIES {
        fs::create_dir_all(base)?;
        made = fs::create_dir(path);
        match &made {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => break,
        }
    }
    made
}

/// Removes a run folder, and the folder that it is in when it was the last.
pub(crate) fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
    if let Some(base) = path.parent() {
        // Fails when others are there.
        let _ = fs::remove_dir(base);
    }
}

/// Where run folders are: short, because the names of Unix sockets are limited to about a hundred bytes.
pub(crate) fn base() -> Result<PathBuf> {
    let dir = match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(dir) if dir.is_dir() => dir.join("mattx-lab"),
        _ => env::temp_dir().join(format!("mattx-lab-{}", getuid())),
    };
    if dir.as_os_str().len() > 70 {
        return Err(Error::Usage(format!(
            "the name {} is too long for sockets; set TMPDIR or XDG_RUNTIME_DIR to a shorter one",
            dir.display()
        )));
    }
    Ok(dir)
}

/// The folders of clusters that are alive.
pub(crate) fn running() -> Result<Vec<PathBuf>> {
    let base = base()?;
    remove_stale(&base);
    Ok(fs::read_dir(&base).map_or_else(
        |_| Vec::new(),
        |dir| dir.flatten().map(|entry| entry.path()).collect(),
    ))
}

fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            // Without its lock file it is being made at this moment, or somebody who removed it was ended.
            if is_older_than_a_minute(&entry) {
                remove(&entry.path());
            }
            continue;
        };
        if let Ok(_lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            remove(&entry.path());
        }
    }
}

fn is_older_than_a_minute(entry: &fs::DirEntry) -> bool {
    let age = entry
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Instant, SystemTime};

    use super::*;

    /// Another run folder's owner may be at removing this one already; that takes it a moment.
    fn assert_vanishes(path: &Path) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while path.exists() {
            running().unwrap();
            assert!(Instant::now() < deadline, "{} stays", path.display());
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_run_folder_has_one_owner_and_vanishes_with_it() {
        let name = format!("unit-{}", std::process::id());
        let dir = RunDir::create(&name).unwrap();
        let path = dir.path().to_path_buf();
        assert!(path.exists());
        assert!(RunDir::create(&name).is_err());
        assert!(
            path.exists(),
            "a second owner must not remove the first one's folder"
        );
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn the_folder_of_all_goes_with_the_last() {
        let base = env::temp_dir().join(format!("mattx-lab-unit-{}", std::process::id()));
        let (one, other) = (base.join("one"), base.join("other"));
        make(&base, &one).unwrap();
        make(&base, &other).unwrap();
        remove(&one);
        assert!(other.exists());
        remove(&other);
        assert!(!base.exists());
        make(&base, &one).unwrap();
        remove(&one);
    }

    #[test]
    fn a_folder_without_an_owner_is_removed() {
        let path = base()
            .unwrap()
            .join(format!("stale-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        File::create(path.join(LOCK)).unwrap();
        assert_vanishes(&path);
    }

    #[test]
    fn a_folder_without_a_lock_is_removed_when_it_is_old() {
        let path = base()
            .unwrap()
            .join(format!("halfway-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        running().unwrap();
        assert!(path.exists(), "its owner is just making it");
        let before = SystemTime::now() - Duration::from_secs(120);
        File::open(&path).unwrap().set_modified(before).unwrap();
        assert_vanishes(&path);
    }
}
