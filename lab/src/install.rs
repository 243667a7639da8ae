// SPDX-License-Identifier: GPL-2.0-or-later
//! The second disk of a node: the lab's agent and, unless the cluster is bare, the software under test, put there by
//! the same script that an administrator uses. It is packed anew for each cluster, because the software changes
//! all the time while the user land below it does not.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::error::{Context, Error, Result};
use crate::paths::{self, Kernel};

/// Room for files that a test writes into the disk's folders costs nothing: the disk is read-only, nodes write to
/// memory. This only covers the file system's own structures. In MiB.
const OVERHEAD_MIB: u64 = 8;

/// Packs the disk in `dir` and returns it. `configuration` is appended to /etc/mattx.conf.
pub(crate) fn pack(dir: &Path, kernel: Kernel, bare: bool, configuration: &str) -> Result<PathBuf> {
    let tree = dir.join("install");
    let what = || format!("cannot prepare the nodes' software in {}", tree.display());
    let agent = agent_binary()?;
    fs::create_dir_all(tree.join("usr/sbin")).context(what)?;
    fs::copy(&agent, tree.join("usr/sbin/lab-agent")).context(what)?;
    fs::set_permissions(
        tree.join("usr/sbin/lab-agent"),
        fs::Permissions::from_mode(0o755),
    )
    .context(what)?;
    if !bare {
        install(&tree, kernel)?;
        let sbin = tree.join("usr/local/sbin");
        fs::create_dir_all(&sbin).context(what)?;
        fs::write(sbin.join("lab-services"), include_str!("../image/services")).context(what)?;
        fs::set_permissions(sbin.join("lab-services"), fs::Permissions::from_mode(0o755))
            .context(what)?;
        write_key(&tree.join("etc/mattx/cluster.key")).context(what)?;
        let path = tree.join("etc/mattx.conf");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        text.push('\n');
        text.push_str(configuration);
        text.push('\n');
        fs::write(path, text).context(what)?;
    }
    let disk = dir.join("install.ext4");
    make_disk(&tree, &disk)?;
    fs::remove_dir_all(&tree).context(what)?;
    Ok(disk)
}

/// The secret that makes the nodes one cluster and all others strangers: 32 random bytes, as hexadecimal digits.
fn write_key(path: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path, digits + "\n")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// The agent is built beside this program, or beside the test that uses this library.
fn agent_binary() -> Result<PathBuf> {
    let own = env::current_exe().context(|| "cannot find this program's own file".into())?;
    // A test program lives in deps/, one level below the programs.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("lab-agent"))
        .find(|path| path.exists())
        .ok_or_else(|| {
            Error::Usage("the nodes' agent is not built; run cargo build -p mattx-lab".into())
        })
}

fn install(tree: &Path, kernel: Kernel) -> Result<()> {
    let script = paths::repository().join("scripts/install");
    let output = Command::new(&script)
        .arg("--root")
        .arg(tree)
        .args(["--kernel", kernel.name(), "--profile", "dev"])
        .stdin(Stdio::null())
        .output()
        .context(|| format!("cannot run {}", script.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Usage(format!(
            "the software could not be installed for the nodes:\n{text}"
        )));
    }
    Ok(())
}

/// An ext4 image of a folder, all files owned by root. mke2fs of the build tree, run by that tree's own loader,
/// needs nothing of the host.
fn make_disk(tree: &Path, disk: &Path) -> Result<()> {
    let cache = paths::cache()?;
    let build_tree = cache.join("build-tree");
    let program = build_tree.join("usr/sbin/mke2fs");
    if !program.exists() {
        return Err(Error::NotSetUp {
            path: program,
            stage: "build-tree",
        });
    }
    let size = folder_size(tree)? * 13 / 10 / (1 << 20) + OVERHEAD_MIB;
    // A user namespace shows an ordinary user's files as root's.
    let wrapper: &[&str] = if geteuid().is_root() {
        &[]
    } else {
        &["unshare", "-r"]
    };
    let loader = build_tree.join("usr/lib64/ld-linux-x86-64.so.2");
    let mut words = wrapper
        .iter()
        .map(|word| (*word).into())
        .collect::<Vec<std::ffi::OsString>>();
    words.push(loader.into());
    words.push("--library-path".into());
    words.push(build_tree.join("usr/lib/x86_64-linux-gnu").into());
    words.push(program.into());
    words.extend(["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d"].map(Into::into));
    words.push(tree.into());
    words.push(disk.into());
    words.push(format!("{size}M").into());
    let output = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .output()
        .context(|| "cannot run mke2fs".into())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Usage(format!(
            "cannot make the disk {}: {text}",
            disk.display()
        )));
    }
    Ok(())
}

/// Bytes of all files below, each rounded up to a block.
fn folder_size(dir: &Path) -> Result<u64> {
    const BLOCK: u64 = 4096;
    let what = || format!("cannot read {}", dir.display());
    let mut sum = BLOCK;
    for entry in fs::read_dir(dir).context(what)? {
        let entry = entry.context(what)?;
        let metadata = entry.metadata().context(what)?;
        sum += if metadata.is_dir() {
            folder_size(&entry.path())?
        } else {
            metadata.len().next_multiple_of(BLOCK) + BLOCK
        };
    }
    Ok(sum)
}
