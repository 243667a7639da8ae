// SPDX-License-Identifier: GPL-2.0-or-later
//! What can go wrong in the lab, in words that tell what to do next.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Result of the lab's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the lab or of what runs in it.
#[derive(thiserror::Error)]
pub enum Error {
    /// Something that `scripts/setup` makes is not there.
    #[error("{} is missing; run scripts/setup {stage}", path.display())]
    NotSetUp {
        /// The missing file.
        path: PathBuf,
        /// The setup stage that makes it.
        stage: &'static str,
    },
    /// A file or socket operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted, with its object.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A virtual machine ended although nobody asked it to.
    #[error("{node} ended unexpectedly; its last words were:\n{last_words}")]
    NodeDied {
        /// Name of the node.
        node: String,
        /// End of the console and of QEMU's own output.
        last_words: String,
    },
    /// A node did not do something in time.
    #[error("{node} did not {what} within {} s; its console ends with:\n{console}", limit.as_secs())]
    Timeout {
        /// Name of the node.
        node: String,
        /// What was awaited.
        what: String,
        /// How long.
        limit: Duration,
        /// End of its console.
        console: String,
    },
    /// A command in a node failed.
    #[error("{node}: `{command}` ended with status {status}\n{output}")]
    Command {
        /// Name of the node.
        node: String,
        /// The shell command.
        command: String,
        /// Its exit status, 128 + signal number, or 124 for a timeout.
        status: i32,
        /// What it printed to both streams.
        output: String,
    },
    /// The agent could not open a channel.
    #[error("{node}: {reason}")]
    Refused {
        /// Name of the node.
        node: String,
        /// The agent's reason.
        reason: String,
    },
    /// The kernel of a node reported a defect.
    #[error("the kernel of {node} reported:\n{report}")]
    KernelReport {
        /// Name of the node.
        node: String,
        /// The lines around the report.
        report: String,
    },
    /// A request that cannot be fulfilled as it stands.
    #[error("{0}")]
    Usage(String),
}

/// The words, not the structure: a test that returns this error prints it this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Adds what was attempted to an I/O error.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull => Error::Usage(format!(
                "{}: the disk is full; free some space and try again",
                what()
            )),
            _ => Error::Io {
                what: what(),
                source,
            },
        })
    }
}

impl<T> Context<T> for std::result::Result<T, nix::errno::Errno> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(io::Error::from).context(what)
    }
}
