// SPDX-License-Identifier: GPL-2.0-or-later
//! Where the lab finds what `scripts/setup` made, and the kernels it can boot.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A kernel that nodes can boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Kernel {
    /// Debian 13's own 6.12.
    V6_12,
    /// The newest series, from Debian's backports.
    #[default]
    V7_2,
    /// 7.2 with KASAN, lockdep, kmemleak and UBSAN.
    Debug,
}

impl Kernel {
    /// Both stock kernels.
    pub const STOCK: [Kernel; 2] = [Kernel::V6_12, Kernel::V7_2];

    /// The name that people and scripts use.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::V6_12 => "6.12",
            Kernel::V7_2 => "7.2",
            Kernel::Debug => "debug",
        }
    }

    /// The kernel that `MATTX_KERNEL` asks for, else the default.
    ///
    /// # Errors
    /// [`Error::Usage`] for a wrong name.
    pub fn from_environment() -> Result<Self> {
        match env::var("MATTX_KERNEL") {
            Ok(name) if !name.is_empty() => name.parse(),
            _ => Ok(Self::default()),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kernel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Kernel::V6_12, Kernel::V7_2, Kernel::Debug]
            .into_iter()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| {
                Error::Usage(format!(
                    "there is no kernel \"{name}\"; choose one of: 6.12, 7.2, debug"
                ))
            })
    }
}

/// The cache folder: `MATTX_CACHE`, else `mattx` below the user's cache folder.
///
/// # Errors
/// [`Error::Usage`] when the environment names neither.
pub fn cache() -> Result<PathBuf> {
    let from = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("MATTX_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("mattx")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/mattx")))
        .ok_or_else(|| {
            Error::Usage(
                "neither MATTX_CACHE nor HOME is set; set MATTX_CACHE to the cache folder".into(),
            )
        })
}

/// The repository whose scripts and programs are used: `MATTX_ROOT`, which all scripts set, else the one that this library
/// was built from. Two checkouts that share a target folder share the build, so the latter can be the other one.
pub fn repository() -> PathBuf {
    env::var_os("MATTX_ROOT")
        .filter(|root| !root.is_empty())
        .map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
            PathBuf::from,
        )
}

/// The files that one node boots from.
#[derive(Clone, Debug)]
pub(crate) struct BootFiles {
    pub series: Kernel,
    pub kernel: PathBuf,
    pub initramfs: PathBuf,
    pub root: PathBuf,
    pub qemu: PathBuf,
}

impl BootFiles {
    /// Whether the kernel is the slow one with all the checkers.
    pub fn is_debug(&self) -> bool {
        self.series == Kernel::Debug
    }

    /// # Errors
    /// [`Error::NotSetUp`] naming the stage that makes what is missing.
    pub fn find(kernel: Kernel) -> Result<Self> {
        let cache = cache()?;
        let dir = cache.join("kernels").join(kernel.name());
        let (image, stage) = match kernel {
            // A self-built kernel is booted as bzImage: its ELF form has no PVH entry that survives KASAN's early code.
            Kernel::Debug => ("bzImage", "debug-kernel"),
            _ => ("vmlinux", "kernels"),
        };
        let need = |path: PathBuf, stage| {
            if path.exists() {
                Ok(path)
            } else {
                Err(Error::NotSetUp { path, stage })
            }
        };
        Ok(Self {
            series: kernel,
            kernel: need(dir.join(image), stage)?,
            initramfs: need(dir.join("initramfs"), stage)?,
            root: need(cache.join("node-image/root.ext4"), "node-image")?,
            qemu: need(cache.join("tools/bin/mattx-qemu"), "qemu")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_by_their_names() {
        for kernel in [Kernel::V6_12, Kernel::V7_2, Kernel::Debug] {
            assert_eq!(kernel.to_string().parse::<Kernel>().unwrap(), kernel);
        }
        let message = "5.10".parse::<Kernel>().unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no kernel \"5.10\"; choose one of: 6.12, 7.2, debug"
        );
    }
}
