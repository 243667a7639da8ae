// SPDX-License-Identifier: GPL-2.0-or-later
//! A terminal that shows one picture and tells each key at once.

use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The picture goes to the other screen that terminals have; the cursor is hidden.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// What a terminal without a size is taken for.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One that writes.
    Char(char),
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Return.
    Enter,
    /// Away from here.
    Escape,
    /// Removes a character.
    Backspace,
    /// Ctrl-C, or the terminal is gone.
    Interrupt,
}

/// The terminal while it is ours; dropping it gives it back as it was.
pub struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Takes it.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        let terminal = Self { before };
        terminal.write(ENTER)?;
        Ok(terminal)
    }

    /// Columns and lines.
    pub fn size(&self) -> (usize, usize) {
        terminal_size::terminal_size().map_or(USUAL_SIZE, |(width, height)| {
            (usize::from(width.0), usize::from(height.0))
        })
    }

    /// Shows lines from the top; what was below them goes.
    pub fn show(&self, lines: &[String]) -> io::Result<()> {
        let mut picture = String::from("\x1b[H");
        picture.push_str(&lines.join("\x1b[K\r\n"));
        picture.push_str("\x1b[K\x1b[J");
        self.write(&picture)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.flush()
    }

    /// The keys that were pressed, at most after `patience`.
    pub fn keys(&self, patience: Duration) -> io::Result<Vec<Key>> {
        let input = io::stdin();
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(1),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match poll(&mut ready, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 256];
        match input.lock().read(&mut bytes)? {
            0 => Ok(vec![Key::Interrupt]),
            count => Ok(keys(&bytes[..count])),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It cannot be told to anybody when this fails.
        let _ = self.write(LEAVE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Keys out of what the terminal sends; sequences that are not known are left out.
fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut keys = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let key = match character {
            '\x03' | '\x04' => Key::Interrupt,
            '\r' | '\n' => Key::Enter,
            '\x08' | '\x7f' => Key::Backspace,
            '\x1b' => match characters.next_if(|next| matches!(next, '[' | 'O')) {
                None => Key::Escape,
                Some(_) => {
                    let end = characters.find(|next| next.is_ascii_alphabetic() || *next == '~');
                    match end {
                        Some('A') => Key::Up,
                        Some('B') => Key::Down,
                        _ => continue,
                    }
                }
            },
            character if character.is_control() => continue,
            character => Key::Char(character),
        };
        keys.push(key);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        assert_eq!(
            keys("a\x1b[A\x1b[B\x1bOA\r\x7f\x03ü".as_bytes()),
            [
                Key::Char('a'),
                Key::Up,
                Key::Down,
                Key::Up,
                Key::Enter,
                Key::Backspace,
                Key::Interrupt,
                Key::Char('ü')
            ]
        );
        assert_eq!(keys(b"\x1b"), [Key::Escape]);
        // Page down, F5, and a sequence that is cut off.
        assert_eq!(keys(b"\x1b[6~\x1b[15~q\x1b["), [Key::Char('q')]);
    }
}
