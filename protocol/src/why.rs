// SPDX-License-Identifier: GPL-2.0-or-later
//! Whether a process would move, as the module answers it in a file of its own: pid in, a line out.

use std::io::{self, Read, Write};

/// Where the module answers.
pub const QUESTIONS: &str = "/proc/mattx/why";

/// A process that would not move, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason as a word, see docs/MOVING.md.
    pub code: String,
    /// Positive errno.
    pub errno: i32,
    /// In words.
    pub reason: String,
}

/// Asks about a process of this node in [`QUESTIONS`], which was just opened; nothing is done to the process.
/// `None`: it would move.
///
/// # Errors
/// What the module says when there is no such process, or nobody may ask.
pub fn ask(mut questions: impl Read + Write, pid: u32) -> io::Result<Option<Refusal>> {
    questions.write_all(pid.to_string().as_bytes())?;
    let mut answer = String::new();
    questions.read_to_string(&mut answer)?;
    Ok(parse(&answer))
}

/// Fields of an answer: code, errno, words; or "yes".
fn parse(answer: &str) -> Option<Refusal> {
    let mut fields = answer.trim_end().splitn(3, '\t');
    let code = fields.next()?.to_owned();
    if code == "yes" {
        return None;
    }
    Some(Refusal {
        code,
        errno: fields
            .next()
            .and_then(|errno| errno.parse().ok())
            .unwrap_or(0),
        reason: fields.next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert_eq!(parse("yes\n"), None);
        for (code, errno, reason) in [
            ("init", 95, "it is the init process of its pid namespace"),
            ("locked", 1, "it is locked where it is"),
        ] {
            assert_eq!(
                parse(&format!("{code}\t{errno}\t{reason}\n")),
                Some(Refusal {
                    code: code.to_owned(),
                    errno,
                    reason: reason.to_owned(),
                })
            );
        }
    }
}
