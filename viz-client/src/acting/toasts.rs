// SPDX-License-Identifier: GPL-2.0-or-later
//! Messages to the person.

use super::Acting;

/// How a message to the person looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Something is under way.
    Working,
    /// Something succeeded.
    Good,
    /// Something failed.
    Bad,
    /// A hint.
    Plain,
}

/// A message to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Messages of one command have one key; the newer replaces the older.
    pub key: u64,
    /// How it looks.
    pub mood: Mood,
    /// What it says.
    pub text: String,
}

impl Acting {
    /// Messages to show since the last call.
    pub fn take_toasts(&mut self) -> Vec<Toast> {
        std::mem::take(&mut self.toasts)
    }

    /// Whether there are messages to show.
    #[must_use]
    pub fn has_toasts(&self) -> bool {
        !self.toasts.is_empty()
    }

    /// Says something that belongs to no command.
    pub fn hint(&mut self, text: String) {
        self.say(0, Mood::Plain, text);
    }

    pub(super) fn say(&mut self, key: u64, mood: Mood, text: String) {
        self.toasts.push(Toast { key, mood, text });
    }
}
