// SPDX-License-Identifier: GPL-2.0-or-later
//! Who may do what: everybody who reaches the server may look (unless it is private), whoever has a token may do what
//! its role allows.
//!
//! A token comes in a link. The browser changes it for a cookie at once, so that it does not stay in the address bar.
//! Scripts send it as `Authorization: Bearer TOKEN`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use mattx_protocol::browser::Role;

use limit::Limit;
use tokens::{Digest, Tokens};

pub mod limit;
pub mod tokens;

/// How often the file of tokens is looked at.
pub const RELOAD_EVERY: Duration = Duration::from_secs(1);
/// Names of those who have no token, and of whoever opened the one-time link.
const ANYBODY: &str = "anybody";
const FIRST: &str = "first";

/// What is fixed when a server starts.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether those without a token see nothing.
    pub private: bool,
    /// Whether viewers and kiosks see command lines and user names.
    pub details: bool,
    /// Names, beside addresses and localhost, under which browsers may know this server.
    pub hosts: Vec<String>,
    /// Where the server listens.
    pub port: u16,
    /// Whether connections are encrypted.
    pub encrypted: bool,
}

/// The rules of a server, and its tokens.
#[derive(Debug)]
pub struct Access {
    rules: Rules,
    cookie: String,
    tokens: RwLock<Tokens>,
    file: Option<PathBuf>,
    /// When the file was last changed and how long it was.
    seen: Mutex<Option<(SystemTime, u64)>>,
    /// The one-time link, until it was used.
    once: Mutex<Option<Digest>>,
    limit: Limit,
}

/// Somebody who asks for something.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who, for the audit log.
    pub name: String,
    /// What they may do, as it was when they came.
    pub role: Role,
    /// From where.
    pub from: IpAddr,
    token: Option<Digest>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server is private, and there was no token.
    Private,
    /// The token is not valid (any more).
    Wrong,
    /// Too many tokens were not valid; after this time another may be tried.
    Wait(Duration),
}

impl Access {
    /// A server with these rules and tokens.
    #[must_use]
    pub fn new(rules: Rules, tokens: Tokens) -> Self {
        // Cookies do not know ports, so the name does.
        Self {
            cookie: format!("mattx_{}", rules.port),
            rules,
            tokens: RwLock::new(tokens),
            file: None,
            seen: Mutex::new(None),
            once: Mutex::new(None),
            limit: Limit::default(),
        }
    }

    /// Tokens are kept in `file` and follow its changes.
    #[must_use]
    pub fn kept_in(mut self, file: PathBuf) -> Self {
        self.file = Some(file);
        self
    }

    /// Makes `code` the token of a link that can be opened once.
    pub fn open_once(&self, code: &str) {
        *lock(&self.once) = Some(self.tokens().digest(code));
    }

    /// Reads the file of tokens again when it has changed.
    ///
    /// # Errors
    /// In words, when that cannot be done; then the tokens stay what they were.
    pub fn reload(&self) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let now = std::fs::metadata(file)
            .and_then(|known| Ok((known.modified()?, known.len())))
            .ok();
        let mut seen = lock(&self.seen);
        if *seen == now {
            return Ok(());
        }
        *seen = now;
        if let Some(tokens) = Tokens::load(file)? {
            *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
        }
        Ok(())
    }

    /// Whether viewers and kiosks see command lines and user names.
    #[must_use]
    pub fn shows_details(&self) -> bool {
        self.rules.details
    }

    /// Who sent these headers.
    ///
    /// # Errors
    /// When they get nothing at all.
    pub fn visitor(&self, from: IpAddr, headers: &HeaderMap) -> Result<Visitor, Refusal> {
        let tokens = self.tokens();
        let visitor = |grant: &tokens::Grant| Visitor {
            name: grant.name.clone(),
            role: grant.role,
            from,
            token: Some(grant.digest),
        };
        if let Some(token) =
            text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "))
        {
            if let Some(wait) = self.limit.wait(from) {
                return Err(Refusal::Wait(wait));
            }
            return tokens.by_token(token).map(visitor).ok_or_else(|| {
                self.limit.failed(from);
                Refusal::Wrong
            });
        }
        // A browser keeps the cookie of a token that is not valid any more; that is no attempt to guess one.
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let known = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie)
            .and_then(|(_, value)| tokens.by_cookie(value));
        match known {
            Some(grant) => Ok(visitor(grant)),
            None if self.rules.private => Err(Refusal::Private),
            None => Ok(Visitor {
                name: ANYBODY.into(),
                role: Role::Viewer,
                from,
                token: None,
            }),
        }
    }

    /// What a visitor may do now; `None` when the token is not valid any more.
    #[must_use]
    pub fn role_now(&self, visitor: &Visitor) -> Option<Role> {
        match &visitor.token {
            None => Some(visitor.role),
            Some(digest) => self.tokens().by_digest(digest).map(|grant| grant.role),
        }
    }

    /// Changes the token of a link for a cookie.
    ///
    /// # Errors
    /// When the token is not valid.
    pub fn enter(&self, from: IpAddr, token: &str) -> Result<(Visitor, String), Refusal> {
        if let Some(wait) = self.limit.wait(from) {
            return Err(Refusal::Wait(wait));
        }
        let known = self.tokens().by_token(token).cloned();
        let grant = match known {
            Some(grant) => grant,
            None => self.enter_once(token).ok_or_else(|| {
                self.limit.failed(from);
                Refusal::Wrong
            })?,
        };
        let cookie = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{}",
            self.cookie,
            self.tokens().cookie(&grant),
            if self.rules.encrypted { "; Secure" } else { "" }
        );
        let visitor = Visitor {
            name: grant.name,
            role: grant.role,
            from,
            token: Some(grant.digest),
        };
        Ok((visitor, cookie))
    }

    fn enter_once(&self, code: &str) -> Option<tokens::Grant> {
        let digest = self.tokens().digest(code);
        lock(&self.once).take_if(|once| *once == digest)?;
        let token = tokens::new_token().ok()?;
        // Others may have been added to the file a moment ago; an unreadable one is told about by whoever follows it.
        let _ = self.reload();
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let grant = tokens.add(FIRST, Role::Admin, &token).clone();
        if let Some(file) = &self.file
            && let Err(reason) = tokens.save(file)
        {
            tracing::error!(
                "whoever opened the link is known only until the server ends: {reason}"
            );
        }
        Some(grant)
    }

    fn tokens(&self) -> std::sync::RwLockReadGuard<'_, Tokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
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
                .rules
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
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn access(private: bool) -> Access {
        let rules = Rules {
            private,
            hosts: vec!["node7.lan".into()],
            port: 5000,
            ..Rules::default()
        };
        Access::new(rules, Tokens::only("ana", Role::Operator, TOKEN))
    }

    #[test]
    fn only_the_token_or_its_cookie_makes_an_operator() {
        let rules = access(false);
        let role = |name, value: &str| {
            rules
                .visitor(HERE, &headers(&[(name, value)]))
                .map(|visitor| visitor.role)
        };
        let (_, cookie) = rules.enter(HERE, TOKEN).unwrap();
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(
            role(header::COOKIE, &format!("a=b; {cookie}")),
            Ok(Role::Operator)
        );
        assert_eq!(
            role(header::AUTHORIZATION, &format!("Bearer {TOKEN}")),
            Ok(Role::Operator)
        );
        assert_eq!(
            role(header::AUTHORIZATION, "Bearer wrong"),
            Err(Refusal::Wrong)
        );
        for useless in [
            &*format!("mattx_5000={TOKEN}"),
            &*cookie.replace("5000", "5001"),
        ] {
            assert_eq!(role(header::COOKIE, useless), Ok(Role::Viewer), "{useless}");
        }
        assert_eq!(role(header::AUTHORIZATION, TOKEN), Ok(Role::Viewer));
        let nothing = access(true).visitor(HERE, &HeaderMap::new());
        assert_eq!(nothing.map(|_| ()), Err(Refusal::Private));
    }

    #[test]
    fn a_link_of_one_use_is_used_once() {
        let rules = Access::new(Rules::default(), Tokens::none().unwrap());
        rules.open_once("one-time");
        assert_eq!(
            rules.enter(HERE, "another").map(|_| ()),
            Err(Refusal::Wrong)
        );
        let (visitor, cookie) = rules.enter(HERE, "one-time").unwrap();
        assert_eq!(visitor.role, Role::Admin);
        assert_eq!(
            rules.enter(HERE, "one-time").map(|_| ()),
            Err(Refusal::Wrong)
        );
        let sent = headers(&[(header::COOKIE, cookie.split(';').next().unwrap())]);
        let again = rules.visitor(HERE, &sent).unwrap();
        assert_eq!(rules.role_now(&again), Some(Role::Admin));
        rules.tokens.write().unwrap().remove(FIRST);
        assert_eq!(rules.role_now(&again), None, "a token that was taken away");
    }

    #[test]
    fn whoever_guesses_has_to_wait_even_with_the_right_token() {
        let rules = access(false);
        for _ in 0..10 {
            assert!(rules.enter(HERE, "guess").is_err());
        }
        assert!(matches!(rules.enter(HERE, TOKEN), Err(Refusal::Wait(_))));
        let bearer = headers(&[(header::AUTHORIZATION, &format!("Bearer {TOKEN}"))]);
        assert!(matches!(
            rules.visitor(HERE, &bearer),
            Err(Refusal::Wait(_))
        ));
        let other = IpAddr::from([10, 0, 0, 1]);
        assert!(rules.visitor(other, &bearer).is_ok());
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
