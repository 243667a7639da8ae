// SPDX-License-Identifier: GPL-2.0-or-later
//! Who may do what: everybody who reaches the server may look (unless it is private), whoever has the token may act.
//!
//! The token comes in the link that the server prints. The browser changes it for a cookie at once, so that it does not
//! stay in the address bar. Scripts send it as `Authorization: Bearer TOKEN`.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mattx_protocol::browser::Role;
use sha2::{Digest as _, Sha256};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 24;
/// Shortest token that a file may hold, in characters.
const SHORTEST_TOKEN: usize = 16;

/// The rules of this server.
#[derive(Debug)]
pub struct Access {
    digest: [u8; 32],
    cookie: String,
    private: bool,
    hosts: Vec<String>,
}

impl Access {
    /// Rules with `token` as the operator's token for a server on `port`; a private server shows strangers nothing.
    /// `hosts` are names, beside addresses and localhost, under which browsers may know this server.
    #[must_use]
    pub fn new(token: &str, port: u16, private: bool, hosts: Vec<String>) -> Self {
        // Cookies do not know ports, so the name does.
        Self {
            digest: Sha256::digest(token).into(),
            cookie: format!("mattx_{port}"),
            private,
            hosts,
        }
    }

    /// Whether `token` is the operator's. Digests are compared, so that the time taken tells nothing.
    #[must_use]
    pub fn is_operator(&self, token: &str) -> bool {
        self.digest == <[u8; 32]>::from(Sha256::digest(token))
    }

    /// What the sender of these headers may do; `None` is nothing at all.
    #[must_use]
    pub fn role(&self, headers: &HeaderMap) -> Option<Role> {
        let bearer =
            text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let cookie = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value);
        if bearer
            .or(cookie)
            .is_some_and(|token| self.is_operator(token))
        {
            Some(Role::Operator)
        } else if self.private {
            None
        } else {
            Some(Role::Viewer)
        }
    }

    /// The cookie that stands for `token` in a browser. No script can read it, no other site can have it sent.
    #[must_use]
    pub fn set_cookie(&self, token: &str) -> String {
        format!("{}={token}; Path=/; HttpOnly; SameSite=Strict", self.cookie)
    }

    /// Whether the request was meant for this server. A name that is not ours may be another site's, pointed at our
    /// address to get around the browser's same-origin rule.
    #[must_use]
    pub fn knows_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, header::HOST) else {
            return false;
        };
        let name = host_name(host);
        let literal = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok();
        literal
            || name == "localhost"
            || self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether a page of another origin is behind the request. Programs send no origin.
    #[must_use]
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return false;
        };
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_none() || authority != text(headers, header::HOST)
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A new token.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_token() -> Result<String, String> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the system gave no random numbers for a token: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The token in `file`, which is made, readable by its owner only, when it is not there.
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

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn access(private: bool) -> Access {
        Access::new(
            "correct-horse-battery",
            5000,
            private,
            vec!["node7.lan".into()],
        )
    }

    #[test]
    fn only_the_token_makes_an_operator() {
        let rules = access(false);
        let role = |name, value| rules.role(&headers(&[(name, value)]));
        assert_eq!(
            role(header::COOKIE, "a=b; mattx_5000=correct-horse-battery"),
            Some(Role::Operator)
        );
        assert_eq!(
            role(header::AUTHORIZATION, "Bearer correct-horse-battery"),
            Some(Role::Operator)
        );
        assert_eq!(
            role(header::COOKIE, "mattx_5001=correct-horse-battery"),
            Some(Role::Viewer)
        );
        assert_eq!(
            role(header::COOKIE, "mattx_5000=correct-horse-batterY"),
            Some(Role::Viewer)
        );
        assert_eq!(
            role(header::AUTHORIZATION, "correct-horse-battery"),
            Some(Role::Viewer)
        );
        assert_eq!(access(true).role(&HeaderMap::new()), None);
    }

    #[test]
    fn a_name_that_is_not_ours_is_refused() {
        let rules = access(false);
        let known = |host| rules.knows_host(&headers(&[(header::HOST, host)]));
        assert!(
            known("127.0.0.1:5000")
                && known("[::1]:5000")
                && known("localhost")
                && known("NODE7.lan:80")
        );
        assert!(
            !known("rebind.example:5000") && !known("") && !rules.knows_host(&HeaderMap::new())
        );
    }

    #[test]
    fn a_page_of_another_origin_is_foreign() {
        let rules = access(false);
        let foreign = |origin| {
            rules.is_foreign(&headers(&[
                (header::HOST, "127.0.0.1:5000"),
                (header::ORIGIN, origin),
            ]))
        };
        assert!(!foreign("http://127.0.0.1:5000"));
        assert!(
            foreign("http://127.0.0.1:5001")
                && foreign("https://elsewhere.example")
                && foreign("null")
        );
        assert!(!rules.is_foreign(&headers(&[(header::HOST, "127.0.0.1:5000")])));
    }
}
