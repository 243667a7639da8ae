// SPDX-License-Identifier: GPL-2.0-or-later
//! Who did what, with which result: one JSON object a line, appended to a file and never rewritten.

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use mattx_protocol::browser::{PlaybackControl, Role};
use mattx_protocol::command::{Command, Outcome};
use serde::Serialize;

use crate::access::Visitor;

/// Where the lines go.
#[derive(Debug, Default)]
pub struct Audit {
    file: Option<Mutex<File>>,
}

/// What somebody did.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed<'a> {
    /// Asked for something to be done in the cluster.
    Command(&'a Command),
    /// Steered a recording.
    Playback(PlaybackControl),
    /// Opened a link with a token.
    Login,
}

#[derive(Serialize)]
struct Line<'a> {
    unix_seconds: u64,
    from: IpAddr,
    who: &'a str,
    role: Option<Role>,
    #[serde(flatten)]
    deed: Deed<'a>,
    outcome: &'a Outcome,
}

impl Audit {
    /// Appends to `file`.
    ///
    /// # Errors
    /// In words, when the file cannot be opened.
    pub fn to(file: &Path) -> Result<Self, String> {
        let opened = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(file)
            .map_err(|error| {
                format!("the audit log {} cannot be opened: {error}", file.display())
            })?;
        Ok(Self {
            file: Some(Mutex::new(opened)),
        })
    }

    /// Writes down how something ended that `visitor` did.
    pub fn record(&self, visitor: &Visitor, deed: Deed<'_>, outcome: &Outcome) {
        self.write(
            visitor.from,
            &visitor.name,
            Some(visitor.role),
            deed,
            outcome,
        );
    }

    /// Writes down that somebody tried a token that is not valid.
    pub fn stranger(&self, from: IpAddr, outcome: &Outcome) {
        self.write(from, "stranger", None, Deed::Login, outcome);
    }

    fn write(
        &self,
        from: IpAddr,
        who: &str,
        role: Option<Role>,
        deed: Deed<'_>,
        outcome: &Outcome,
    ) {
        match outcome {
            Outcome::Done { .. } => tracing::info!(%from, who, ?role, ?deed, "done"),
            Outcome::Failed { reason, .. } => {
                tracing::info!(%from, who, ?role, ?deed, reason, "failed");
            }
        }
        let Some(file) = &self.file else { return };
        let unix_seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let line = Line {
            unix_seconds,
            from,
            who,
            role,
            deed,
            outcome,
        };
        let Ok(mut text) = serde_json::to_vec(&line) else {
            return;
        };
        text.push(b'\n');
        // One write for each line, so that lines of a crash are whole or absent.
        if let Err(error) = file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&text)
        {
            tracing::error!(
                "the audit log cannot be written ({error}): {}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}
