// SPDX-License-Identifier: GPL-2.0-or-later
//! A program that runs in a node while a test does other things.

use std::time::{Duration, Instant};

use crate::agent::{Channel, Event};
use crate::error::{Error, Result};
use crate::node::Output;

/// A running program; killed when dropped.
pub struct Process {
    node: String,
    command: String,
    channel: Channel,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<i32>,
}

impl Process {
    pub(crate) fn new(node: String, command: String, channel: Channel) -> Self {
        Self {
            node,
            command,
            channel,
            stdout: Vec::new(),
            stderr: Vec::new(),
            status: None,
        }
    }

    /// Everything it printed to its standard output until now.
    pub fn stdout(&mut self) -> String {
        while let Ok(Some(event)) = self.channel.next(Duration::ZERO) {
            self.take(event);
        }
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Waits until its standard output contains `text`.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::Command`] when it ends before.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !String::from_utf8_lossy(&self.stdout).contains(text) {
            if let Some(status) = self.status {
                return Err(self.ended(status));
            }
            self.advance(deadline, &format!("print \"{text}\""), limit)?;
        }
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Error::Timeout`], or the node's failures.
    pub fn wait(mut self, limit: Duration) -> Result<Output> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status {
                return Ok(Output {
                    status,
                    stdout: String::from_utf8_lossy(&self.stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
                });
            }
            self.advance(deadline, "end", limit)?;
        }
    }

    /// Writes to its standard input.
    ///
    /// # Errors
    /// When the node is gone.
    pub fn write(&mut self, text: &str) -> Result<()> {
        let sent = self.channel.input().bytes(text.as_bytes());
        sent.map_err(|source| Error::Io {
            what: format!("{}: cannot write to `{}`", self.node, self.command),
            source,
        })
    }

    /// Sends a signal to it and all it started.
    ///
    /// # Errors
    /// When the node is gone.
    pub fn signal(&mut self, signal: i32) -> Result<()> {
        let sent = self.channel.input().signal(signal);
        sent.map_err(|source| Error::Io {
            what: format!("{}: cannot signal `{}`", self.node, self.command),
            source,
        })
    }

    fn advance(&mut self, deadline: Instant, what: &str, limit: Duration) -> Result<()> {
        match self
            .channel
            .next(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(Some(event)) => {
                self.take(event);
                Ok(())
            }
            Ok(None) => Err(Error::Refused {
                node: self.node.clone(),
                reason: format!("it went away while `{}` ran", self.command),
            }),
            Err(()) => Err(Error::Timeout {
                node: self.node.clone(),
                what: format!("let `{}` {what}", self.command),
                limit,
                console: String::from_utf8_lossy(
                    &[self.stdout.as_slice(), self.stderr.as_slice()].concat(),
                )
                .into_owned(),
            }),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Stdout(bytes) => self.stdout.extend_from_slice(&bytes),
            Event::Stderr(bytes) => self.stderr.extend_from_slice(&bytes),
            Event::Exit(status) => self.status = Some(status),
            Event::Failed(reason) => {
                self.stderr.extend_from_slice(reason.as_bytes());
                self.status = Some(127);
            }
            Event::Credit(_) => {}
        }
    }

    fn ended(&self, status: i32) -> Error {
        Error::Command {
            node: self.node.clone(),
            command: self.command.clone(),
            status,
            output: String::from_utf8_lossy(
                &[self.stdout.as_slice(), self.stderr.as_slice()].concat(),
            )
            .into_owned(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            // The node may be gone already, and the process with it.
            let _ = self.channel.input().signal(libc::SIGKILL);
        }
    }
}
