// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx cluster`: the secret that all nodes of a cluster share.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Failure;
use crate::arguments::ClusterVerb;
use crate::output::say;

/// Length of the secret in bytes.
const LENGTH: usize = 32;

/// Makes, shows or takes over a secret.
pub fn run(verb: &ClusterVerb, path: &Path, json: bool) -> Result<(), Failure> {
    match verb {
        ClusterVerb::Init => {
            store(path, &fresh()?)?;
            told(json, path, "made");
            if !json {
                say!(
                    "take it to every other node, for example with\n  ssh root@NODE mattx cluster \
                     join < {}\nand restart mattx-discd on all of them",
                    path.display()
                );
            }
        }
        ClusterVerb::Join => {
            let mut text = String::new();
            io::stdin()
                .take(4096)
                .read_to_string(&mut text)
                .map_err(|error| Failure::Usage(format!("cannot read the key: {error}")))?;
            store(path, text.trim())?;
            told(json, path, "stored");
        }
    }
    Ok(())
}

fn told(json: bool, path: &Path, what: &str) {
    if json {
        say!("{}", serde_json::json!({ "key_file": path }));
    } else {
        say!("the cluster key is {what} in {}", path.display());
    }
}

fn fresh() -> Result<String, Failure> {
    let mut bytes = [0; LENGTH];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(|error| Failure::Usage(format!("cannot read random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a new key file. An existing one is another cluster's, and losing it would take this
/// node out of that.
fn store(path: &Path, key: &str) -> Result<(), Failure> {
    if key.len() != 2 * LENGTH || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::Usage(format!(
            "this is not a cluster key: it must be {} hexadecimal digits, the content of the key \
             file of another node",
            2 * LENGTH
        )));
    }
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{key}")?;
        file.sync_all()
    };
    write().map_err(|error: io::Error| {
        Failure::Usage(if error.kind() == io::ErrorKind::AlreadyExists {
            format!(
                "{} exists already; move it away first to take this node to another cluster",
                path.display()
            )
        } else {
            format!("cannot write {}: {error}", path.display())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_secret_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("mattx-key-{}", std::process::id()));
        let path = folder.join("cluster.key");
        let key = fresh().expect("random bytes");
        store(&path, &key).expect("stored");
        let mode = fs::metadata(&path).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(store(&path, &key).is_err());
        assert_eq!(fs::read_to_string(&path).expect("file").trim(), key);
        assert!(store(&folder.join("other"), "abc").is_err());
        fs::remove_dir_all(folder).expect("clean");
    }
}
