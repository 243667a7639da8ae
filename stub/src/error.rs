// SPDX-License-Identifier: GPL-2.0-or-later
//! One error type: what was tried, and what the system said.

/// Why there is no surrogate.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct Error {
    what: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Result of every step of the stub.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was tried to an error of the system.
pub trait Context<T> {
    /// Names the step in words; only called on failure.
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E> Context<T> for std::result::Result<T, E>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|source| Error {
            what: what().into(),
            source: source.into(),
        })
    }
}
