// SPDX-License-Identifier: GPL-2.0-or-later
//! What a command prints.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _, stdout};
use std::process::exit;

/// Prints a line like `println!`, but a reader that has seen enough, as `head` has, ends the command without a word.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::output::line(format_args!($($words)*))
    };
}
pub(crate) use say;

/// Prints a line; see [`say!`].
pub fn line(words: Arguments<'_>) {
    let mut out = stdout().lock();
    let Err(error) = writeln!(out, "{words}").and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        exit(0);
    }
    eprintln!("mattx: cannot write the answer: {error}");
    exit(1);
}
