// SPDX-License-Identifier: GPL-2.0-or-later
//! The tokens of a server: who has one and what it opens. Only keyed hashes are kept.
//!
//! A file of tokens has a line `key KEY` and then lines `ROLE NAME HASH`. Tokens are random numbers that nobody can
//! guess, so one keyed hash is as good as many rounds of one; the key makes hashes of different servers incomparable.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mattx_protocol::browser::Role;
use ring::hmac;
use sha2::{Digest as _, Sha256};

/// Random bytes in a token and in a key.
const SECRET_BYTES: usize = 24;
/// Shortest token that a file may hold, in characters.
const SHORTEST_TOKEN: usize = 16;
/// Longest name of a token, in characters.
const LONGEST_NAME: usize = 40;
/// Longest file that is taken for one of tokens, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// What is kept of a token.
pub type Digest = [u8; 32];

/// Somebody who may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who, for the audit log.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Of their token.
    pub digest: Digest,
}

/// Everybody who may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    key: Vec<u8>,
    grants: Vec<Grant>,
}

impl Tokens {
    /// Nobody, with a new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn none() -> Result<Self, String> {
        Ok(Self {
            key: new_token()?.into_bytes(),
            grants: Vec::new(),
        })
    }

    /// One token. The key follows from it, so that cookies outlive the server when the token does.
    #[must_use]
    pub fn only(name: &str, role: Role, token: &str) -> Self {
        let mut tokens = Self {
            key: Sha256::digest(format!("key of mattx-viz\0{token}")).to_vec(),
            grants: Vec::new(),
        };
        tokens.add(name, role, token);
        tokens
    }

    /// Everybody.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Whoever has `token`. Keyed hashes are compared, so that the time taken tells nothing.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<&Grant> {
        let digest = self.digest(token);
        self.by_digest(&digest)
    }

    /// Whoever has the token with this hash.
    #[must_use]
    pub fn by_digest(&self, digest: &Digest) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.digest == *digest)
    }

    /// Whoever has this cookie.
    #[must_use]
    pub fn by_cookie(&self, cookie: &str) -> Option<&Grant> {
        self.grants
            .iter()
            .find(|grant| self.cookie(grant) == cookie)
    }

    /// What stands for a token in a browser: it cannot be guessed, tells nothing of the token, and ends with it.
    #[must_use]
    pub fn cookie(&self, grant: &Grant) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(b"cookie\0", &grant.digest))
    }

    /// The hash of a token.
    #[must_use]
    pub fn digest(&self, token: &str) -> Digest {
        self.mac(b"token\0", token.as_bytes())
    }

    /// Lets whoever has `token` in.
    pub fn add(&mut self, name: &str, role: Role, token: &str) -> &Grant {
        let grant = Grant {
            name: name.into(),
            role,
            digest: self.digest(token),
        };
        self.grants.retain(|other| other.name != name);
        let at = self.grants.len();
        self.grants.push(grant);
        &self.grants[at]
    }

    /// Lets `name` in no longer; `false` when they were not.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.grants.len();
        self.grants.retain(|grant| grant.name != name);
        self.grants.len() < before
    }

    fn mac(&self, purpose: &[u8], data: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key));
        context.update(purpose);
        context.update(data);
        let mut digest = Digest::default();
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    /// The tokens in `file`; `None` when there is no such file.
    ///
    /// # Errors
    /// In words, when it cannot be read or understood.
    pub fn load(file: &Path) -> Result<Option<Self>, String> {
        let problem = |error| format!("the tokens in {} cannot be read: {error}", file.display());
        match std::fs::metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(error)),
            Ok(known) if known.len() > LONGEST_FILE => {
                return Err(format!("{} is too long for tokens", file.display()));
            }
            Ok(known) if known.mode() & 0o077 != 0 => {
                return Err(format!(
                    "{} can be read by others than its owner; run chmod 600 on it",
                    file.display()
                ));
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(file).map_err(problem)?;
        Self::parse(&text)
            .map(Some)
            .map_err(|reason| format!("{}: {reason}", file.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Self {
            key: Vec::new(),
            grants: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let wrong = |what: &str| format!("line {}: {what}", number + 1);
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["key", key] => tokens.key = key.as_bytes().to_vec(),
                [role, name, hash] => {
                    let digest = URL_SAFE_NO_PAD
                        .decode(hash)
                        .ok()
                        .and_then(|bytes| Digest::try_from(bytes).ok())
                        .ok_or_else(|| wrong("the hash is damaged"))?;
                    tokens.grants.push(Grant {
                        name: (*name).into(),
                        role: role_named(role).ok_or_else(|| wrong("there is no such role"))?,
                        digest,
                    });
                }
                _ => return Err(wrong("expected ROLE NAME HASH")),
            }
        }
        if tokens.key.len() < SHORTEST_TOKEN {
            return Err("there is no key".into());
        }
        Ok(tokens)
    }

    fn render(&self) -> String {
        let mut text = String::from(
            "# Tokens of mattx-viz: role, name, keyed hash. Change it with mattx-viz token add, remove and list.\n",
        );
        text += &format!("key {}\n", String::from_utf8_lossy(&self.key));
        for grant in &self.grants {
            text += &format!(
                "{} {} {}\n",
                role_name(grant.role),
                grant.name,
                URL_SAFE_NO_PAD.encode(grant.digest)
            );
        }
        text
    }

    /// Replaces `file`, readable by the owner of its folder only.
    ///
    /// # Errors
    /// In words, when it cannot be written.
    pub fn save(&self, file: &Path) -> Result<(), String> {
        let scratch = file.with_extension("new");
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let write = || {
            let _ = std::fs::remove_file(&scratch);
            let mut opened = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&scratch)?;
            opened.write_all(self.render().as_bytes())?;
            opened.sync_all()?;
            // Root adds tokens for a server that runs as somebody else.
            let owner = std::fs::metadata(folder)?;
            if opened.metadata()?.uid() == 0 && owner.uid() != 0 {
                chown(&scratch, Some(owner.uid()), Some(owner.gid()))?;
            }
            std::fs::rename(&scratch, file)
        };
        write().map_err(|error| {
            format!(
                "the tokens cannot be written to {}: {error}",
                file.display()
            )
        })
    }
}

/// The role with this name.
#[must_use]
pub fn role_named(name: &str) -> Option<Role> {
    [Role::Viewer, Role::Kiosk, Role::Operator, Role::Admin]
        .into_iter()
        .find(|role| role_name(*role) == name)
}

/// The name of a role, as files and people write it.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Kiosk => "kiosk",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

/// Says what is wrong with a name for a token.
///
/// # Errors
/// In words.
pub fn check_name(name: &str) -> Result<(), String> {
    let right = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(right) {
        Ok(())
    } else {
        Err(format!(
            "{name:?} is no name for a token: it has 1 to {LONGEST_NAME} letters, digits, or any of - _ . @"
        ))
    }
}

/// A new token.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_token() -> Result<String, String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the system gave no random numbers for a token: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The one token in plain words in `file`, which is made, readable by its owner only, when it is not there.
///
/// # Errors
/// In words, when the file can neither be read nor made, or holds no usable token.
pub fn token_from(file: &Path) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().len() >= SHORTEST_TOKEN => Ok(text.trim().to_owned()),
        Ok(_) => Err(format!(
            "the token in {} is shorter than {SHORTEST_TOKEN} characters; remove the file to get a new one",
            file.display()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = new_token()?;
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(file)
                .and_then(|mut file| writeln!(file, "{token}"))
                .map_err(|error| {
                    format!(
                        "the token file {} cannot be written: {error}",
                        file.display()
                    )
                })?;
            Ok(token)
        }
        Err(error) => Err(format!(
            "the token file {} cannot be read: {error}",
            file.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_hashes_and_no_tokens() {
        let mut tokens = Tokens::none().unwrap();
        tokens.add("ana", Role::Operator, "correct-horse-battery");
        tokens.add("hall", Role::Kiosk, "another-horse-battery");
        let text = tokens.render();
        assert!(!text.contains("horse"), "{text}");
        let again = Tokens::parse(&text).unwrap();
        assert_eq!(again, tokens);
        assert_eq!(
            again
                .by_token("correct-horse-battery")
                .map(|grant| grant.role),
            Some(Role::Operator)
        );
        assert_eq!(again.by_token("correct-horse-batterY"), None);
        let cookie = again.cookie(&again.grants()[1]);
        assert_eq!(
            again.by_cookie(&cookie).map(|grant| &*grant.name),
            Some("hall")
        );
        assert!(
            Tokens::none().unwrap().by_cookie(&cookie).is_none(),
            "keys differ"
        );
    }

    #[test]
    fn damaged_files_are_refused_with_their_line() {
        let key = "key 0123456789abcdef\n";
        for (text, expected) in [
            ("", "no key"),
            ("key short\n", "no key"),
            (&*format!("{key}admin ana\n"), "line 2"),
            (&*format!("{key}god ana AAAA\n"), "line 2"),
            (&*format!("{key}\n# note\nadmin ana AAAA\n"), "line 4"),
        ] {
            assert!(
                Tokens::parse(text).unwrap_err().contains(expected),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_readable_by_its_owner_only() {
        let file = std::env::temp_dir().join(format!("mattx-viz-tokens-{}", std::process::id()));
        assert_eq!(Tokens::load(&file), Ok(None));
        let mut tokens = Tokens::none().unwrap();
        tokens.save(&file).unwrap();
        tokens.add("ana", Role::Admin, "correct-horse-battery");
        tokens.save(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Tokens::load(&file), Ok(Some(tokens)));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&file, mode).unwrap();
        assert!(Tokens::load(&file).unwrap_err().contains("chmod 600"));
        std::fs::remove_file(&file).unwrap();
    }
}
