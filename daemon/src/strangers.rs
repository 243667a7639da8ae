// SPDX-License-Identifier: GPL-2.0-or-later
//! Strangers are counted and logged once in a while; they get no answer.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::beacon::Stranger;

/// They are logged this often at most.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts one kind of attempts of strangers.
#[derive(Debug)]
pub struct Strangers {
    what: &'static str,
    count: u64,
    logged: Option<Instant>,
}

impl Strangers {
    /// A counter of `what`, a plural.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            count: 0,
            logged: None,
        }
    }

    /// Counts one.
    pub fn count(&mut self, stranger: &Stranger, source: IpAddr) {
        self.count += 1;
        if self
            .logged
            .is_none_or(|logged| logged.elapsed() >= INTERVAL)
        {
            tracing::warn!(
                "{} {} of strangers so far; the last from {source}: {stranger}",
                self.count,
                self.what
            );
            self.logged = Some(Instant::now());
        }
    }
}
