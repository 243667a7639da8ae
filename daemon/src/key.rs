// SPDX-License-Identifier: GPL-2.0-or-later
//! The cluster's secret: 32 random bytes that every node of a cluster shares.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ring::hmac;

/// Length of the secret in bytes.
pub const LENGTH: usize = 32;

/// What is derived from the secret; each derivation serves one purpose, so that nothing said for
/// one purpose can be used for another.
#[derive(Clone)]
pub struct ClusterKey {
    beacons: hmac::Key,
    cluster_id: u64,
    link_seed: [u8; 32],
    insecure: bool,
}

/// Why there is no secret to use.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It could not be read.
    #[error(
        "cannot read the cluster key {path}: {source}; make one with `mattx cluster init`, copy \
         it from another node, or set INSECURE=true to go without"
    )]
    Unreadable {
        /// Of what.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "the cluster key {path} can be read by others (mode {mode:04o}); run `chmod 600 {path}`"
    )]
    Exposed {
        /// Of what.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It is something else.
    #[error("{path} is not a cluster key: it must hold {} hexadecimal digits", 2 * LENGTH)]
    Malformed {
        /// Of what.
        path: String,
    },
}

impl ClusterKey {
    /// The all-zero key of clusters that go without.
    #[must_use]
    pub fn insecure() -> Self {
        Self {
            insecure: true,
            ..Self::from_bytes([0; LENGTH])
        }
    }

    /// A key of the given bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derive = |purpose: &str| {
            let mut derived = [0; 32];
            derived.copy_from_slice(hmac::sign(&secret, purpose.as_bytes()).as_ref());
            derived
        };
        let mut first = [0; 8];
        first.copy_from_slice(&derive("mattx cluster id")[..8]);
        Self {
            beacons: hmac::Key::new(hmac::HMAC_SHA256, &derive("mattx beacon 1")),
            cluster_id: u64::from_be_bytes(first),
            link_seed: derive("mattx link identity 1"),
            insecure: false,
        }
    }

    /// Reads the key file, which nobody but its owner may read.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        let unreadable = |source| KeyError::Unreadable {
            path: name(),
            source,
        };
        let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: name(), mode });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        parse(text.trim())
            .map(Self::from_bytes)
            .ok_or_else(|| KeyError::Malformed { path: name() })
    }

    /// Whether this is the key that everybody knows.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// Names the cluster without telling its key.
    #[must_use]
    pub fn cluster_id(&self) -> u64 {
        self.cluster_id
    }

    /// Seed of the key pair by which members of the cluster know each other on links.
    #[must_use]
    pub fn link_seed(&self) -> &[u8; 32] {
        &self.link_seed
    }

    /// The MAC of a beacon.
    #[must_use]
    pub fn sign(&self, content: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.beacons, content).as_ref());
        mac
    }

    /// Whether `mac` is the MAC of a beacon, in constant time.
    #[must_use]
    pub fn verify(&self, content: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.beacons, content, mac).is_ok()
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({:016x})", self.cluster_id)
    }
}

fn parse(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    if text.len() != 2 * LENGTH || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_hexadecimal_digits_are_a_key() {
        assert_eq!(parse(&"ab".repeat(32)), Some([0xab; 32]));
        assert_eq!(parse(&"ab".repeat(31)), None);
        assert_eq!(parse(&"zz".repeat(32)), None);
        assert_eq!(parse(&"é".repeat(32)), None);
    }

    #[test]
    fn different_keys_name_different_clusters() {
        let [a, b] = [[1; 32], [2; 32]].map(ClusterKey::from_bytes);
        assert_ne!(a.cluster_id(), b.cluster_id());
        assert!(ClusterKey::insecure().is_insecure());
    }
}
