// SPDX-License-Identifier: GPL-2.0-or-later
//! Aligned columns, and numbers that people can read.

use std::io::{IsTerminal, stdout};

use crate::output::say;

/// How a column is aligned.
#[derive(Clone, Copy)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A cell: its text, and how it stands out on a terminal.
#[derive(Clone, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

/// How a cell stands out.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    #[default]
    Plain,
    /// Less than the others.
    Faint,
    /// As good.
    Good,
    /// As worth a look.
    Notable,
    /// As bad.
    Bad,
}

impl Style {
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Notable => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self {
            text: value.to_string(),
            style: Style::Plain,
        }
    }
}

impl Cell {
    /// A cell that stands out.
    pub fn styled(text: impl ToString, style: Style) -> Self {
        Self {
            text: text.to_string(),
            style,
        }
    }
}

/// Prints a table. On a terminal the last column ends where the terminal does; elsewhere it is as
/// wide as it needs to be.
pub fn print(columns: &[(&str, Align)], rows: &[Vec<Cell>]) {
    let is_terminal = stdout().is_terminal();
    let limit = terminal_size::terminal_size()
        .filter(|_| is_terminal)
        .map(|(width, _)| usize::from(width.0));
    say!("{}", render(columns, rows, is_terminal, limit).trim_end());
}

/// The table as lines of text. `colour` lets cells stand out; the last column ends at `limit`.
pub fn render(
    columns: &[(&str, Align)],
    rows: &[Vec<Cell>],
    colour: bool,
    limit: Option<usize>,
) -> String {
    let width = |text: &str| text.chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, (title, _))| {
            rows.iter()
                .filter_map(|row| row.get(index))
                .map(|cell| width(&cell.text))
                .chain([width(title)])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let heading: Vec<Cell> = columns
        .iter()
        .map(|(title, _)| Cell::styled(title, Style::Faint))
        .collect();
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        for (index, (cell, (_, align))) in row.iter().zip(columns).enumerate() {
            let last = index + 1 == columns.len();
            let gap = " ".repeat(widths[index] - width(&cell.text));
            let before: usize = widths[..index].iter().map(|width| width + 2).sum();
            let shown = match limit {
                Some(limit) if last => shortened(&cell.text, limit.saturating_sub(before)),
                _ => cell.text.clone(),
            };
            let styled = if colour && cell.style != Style::Plain {
                format!("{}{shown}\x1b[0m", cell.style.codes())
            } else {
                shown
            };
            match align {
                Align::Left if last => text.push_str(&styled),
                Align::Left => text.push_str(&(styled + &gap)),
                Align::Right => text.push_str(&(gap + &styled)),
            }
            if !last {
                text.push_str("  ");
            }
        }
        text.push('\n');
    }
    text
}

/// A line without the codes that colour it.
pub fn without_codes(line: &str) -> String {
    let mut text = String::new();
    let mut coded = false;
    for character in line.chars() {
        match (coded, character) {
            (false, '\x1b') => coded = true,
            (false, _) => text.push(character),
            (true, _) => coded = !character.is_ascii_alphabetic(),
        }
    }
    text
}

/// A line of at most `width` characters. One that is cut loses its colours.
pub fn cut(line: &str, width: usize) -> String {
    let text = without_codes(line);
    if text.chars().count() <= width {
        line.to_owned()
    } else if line.starts_with("\x1b[7m") {
        format!(
            "\x1b[7m{}\x1b[0m",
            text.chars().take(width).collect::<String>()
        )
    } else {
        text.chars().take(width).collect()
    }
}

/// At most `limit` characters, but enough to see what it is.
fn shortened(text: &str, limit: usize) -> String {
    const LEAST: usize = 12;
    let limit = limit.max(LEAST);
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// Mebibytes as people write them.
pub fn mebibytes(mib: u64) -> String {
    match mib {
        0..1024 => format!("{mib} MiB"),
        _ => format!("{:.1} GiB", mib as f64 / 1024.0),
    }
}

/// Kibibytes as people write them.
pub fn kibibytes(kib: u64) -> String {
    match kib {
        0..1024 => format!("{kib} KiB"),
        _ => mebibytes(kib / 1024),
    }
}

/// Seconds as people write them.
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours:02}h"),
    }
}

/// A share of 1 as a bar.
pub fn bar(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "█".repeat(filled) + &"░".repeat(width - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_is_in_them() {
        let text = render(
            &[("NAME", Align::Left), ("LOAD", Align::Right)],
            &[
                vec!["grün".into(), 5.into()],
                vec!["a-long-name".into(), 12345.into()],
            ],
            false,
            None,
        );
        assert_eq!(
            text,
            "NAME          LOAD\ngrün             5\na-long-name  12345\n"
        );
    }

    #[test]
    fn codes_take_no_room() {
        let line = "\x1b[32mup\x1b[0m 12345";
        assert_eq!(without_codes(line), "up 12345");
        assert_eq!(cut(line, 8), line);
        assert_eq!(cut(line, 4), "up 1");
        assert_eq!(cut("\x1b[7mabcdef\x1b[0m", 3), "\x1b[7mabc\x1b[0m");
    }

    #[test]
    fn the_last_column_ends_with_the_terminal() {
        let rows = [vec!["1".into(), "a very long command line".into()]];
        let columns = [("PID", Align::Right), ("COMMAND", Align::Left)];
        let text = render(&columns, &rows, false, Some(20));
        assert_eq!(text, "PID  COMMAND\n  1  a very long co…\n");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(mebibytes(900), "900 MiB");
        assert_eq!(kibibytes(3 * 1024 * 1024), "3.0 GiB");
        assert_eq!(duration(59), "59s");
        assert_eq!(duration(3700), "1h 01m");
        assert_eq!(duration(200_000), "2d 07h");
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(7.0, 2), "██");
    }
}
