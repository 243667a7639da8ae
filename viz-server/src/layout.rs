// SPDX-License-Identifier: GPL-2.0-or-later
//! The layout of the picture, by its name or from a file that tells which node stands in which rack.
//!
//! ```text
//! # from the far row to the near one, racks from left to right
//! row window side
//! rack A1: web[1-4] db1 - db2
//! rack A2: 17 18 19
//! ```
//!
//! A node is named by its host name, with or without its domain, or by its number; `web[01-12]` means twelve of them,
//! and `-` leaves a place free.

use std::collections::BTreeSet;
use std::path::Path;

use mattx_protocol::layout::{Layout, Rack, Row};

/// Longest file, in bytes; ten thousand long names are shorter.
const LONGEST: u64 = 1 << 20;
/// Places that a layout may have.
const MOST_PLACES: usize = 10_000;
/// Longest name of a row, a rack or a node, in bytes.
const LONGEST_NAME: usize = 253;

/// The layout that `--layout` means: a name, or else a file.
///
/// # Errors
/// In words, when there is no such layout or the file cannot be understood.
pub fn named(wish: &str) -> Result<Layout, String> {
    match wish {
        "honeycomb" => Ok(Layout::Honeycomb),
        "grid" => Ok(Layout::Grid),
        "rings" => Ok(Layout::Rings),
        file => read(Path::new(file)),
    }
}

fn read(file: &Path) -> Result<Layout, String> {
    let problem = |reason: String| {
        format!(
            "the layout {} cannot be used: {reason}; honeycomb, grid and rings need no file, docs/LAYOUT.md describes one",
            file.display()
        )
    };
    let length = std::fs::metadata(file)
        .map_err(|error| problem(error.to_string()))?
        .len();
    if length > LONGEST {
        return Err(problem(format!("it has more than {LONGEST} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    parse(&text).map_err(problem)
}

/// What the text of a file says.
///
/// # Errors
/// In words, with the number of the line.
pub fn parse(text: &str) -> Result<Layout, String> {
    let mut rows: Vec<Row> = Vec::new();
    let mut known = BTreeSet::new();
    let mut places = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let problem = |reason: String| format!("line {number}: {reason}");
        let line = line.split('#').next().unwrap_or_default().trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "" => {}
            "row" => rows.push(Row {
                name: short(rest.trim()).map_err(problem)?,
                racks: Vec::new(),
            }),
            "rack" => {
                let (name, nodes) = rest
                    .split_once(':')
                    .ok_or_else(|| problem("a rack is \"rack NAME: NODE...\"".into()))?;
                let mut rack = Rack {
                    name: short(name.trim()).map_err(problem)?,
                    nodes: Vec::new(),
                };
                for word in nodes.split_whitespace() {
                    for node in spread(word).map_err(problem)? {
                        places += 1;
                        if places > MOST_PLACES {
                            return Err(problem(format!("more than {MOST_PLACES} places")));
                        }
                        if let Some(name) = &node
                            && !known.insert(name.clone())
                        {
                            return Err(problem(format!("{name} has a place already")));
                        }
                        rack.nodes.push(node);
                    }
                }
                match rows.last_mut() {
                    Some(row) => row.racks.push(rack),
                    None => rows.push(Row {
                        name: String::new(),
                        racks: vec![rack],
                    }),
                }
            }
            other => {
                return Err(problem(format!(
                    "\"{other}\" is neither \"row NAME\" nor \"rack NAME: NODE...\""
                )));
            }
        }
    }
    if places == 0 {
        return Err("it names no node".into());
    }
    Ok(Layout::Racks(rows))
}

fn short(name: &str) -> Result<String, String> {
    if name.len() > LONGEST_NAME {
        return Err(format!("a name has more than {LONGEST_NAME} bytes"));
    }
    Ok(name.to_owned())
}

/// The places that a word means: `web[01-12]` is twelve nodes, `-` a free place, everything else a node.
fn spread(word: &str) -> Result<Vec<Option<String>>, String> {
    if word == "-" {
        return Ok(vec![None]);
    }
    let Some((before, rest)) = word.split_once('[') else {
        return Ok(vec![Some(short(word)?)]);
    };
    let wrong = || format!("\"{word}\" is no range such as web[1-4]");
    let (range, after) = rest.split_once(']').ok_or_else(wrong)?;
    let (first, last) = range.split_once('-').ok_or_else(wrong)?;
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| wrong());
    let (from, to) = (number(first)?, number(last)?);
    if from > to || (to - from) as usize >= MOST_PLACES {
        return Err(wrong());
    }
    // As many digits as the first number has: web[01-12] begins with web01.
    let width = first.len();
    (from..=to)
        .map(|number| short(&format!("{before}{number:0width$}{after}")).map(Some))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_racks_ranges_and_free_places_are_understood() {
        let text = "# the room\nrow window side\nrack A1: web[08-10] - db.example # old\nrack A2:17\n\nrow door\nrack B: x\n";
        let rack = |name: &str, nodes: &[&str]| Rack {
            name: name.into(),
            nodes: nodes
                .iter()
                .map(|node| (*node != "-").then(|| (*node).to_owned()))
                .collect(),
        };
        let row = |name: &str, racks| Row {
            name: name.into(),
            racks,
        };
        let expected = Layout::Racks(vec![
            row(
                "window side",
                vec![
                    rack("A1", &["web08", "web09", "web10", "-", "db.example"]),
                    rack("A2", &["17"]),
                ],
            ),
            row("door", vec![rack("B", &["x"])]),
        ]);
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("", "names no node"),
            ("row a\n", "names no node"),
            ("rack a b", "line 1: a rack is"),
            ("\nshelf a: b", "line 2: \"shelf\" is neither"),
            ("rack a: n[1-3\n", "line 1: \"n[1-3\" is no range"),
            ("rack a: n[3-1]", "is no range"),
            ("rack a: n[0-4294967295]", "is no range"),
            ("rack a: n[1-x]", "is no range"),
            (
                "rack a: n1\nrack b: n[1-2]",
                "line 2: n1 has a place already",
            ),
            (
                "rack a: n[1-9999]\nrack b: m[1-9]",
                "line 2: more than 10000 places",
            ),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(expected), "{text:?} gave {told:?}");
        }
        assert!(parse(&format!("row {}", "x".repeat(300))).is_err());
    }

    #[test]
    fn names_need_no_file() {
        assert_eq!(named("grid"), Ok(Layout::Grid));
        assert_eq!(named("rings"), Ok(Layout::Rings));
        assert_eq!(named("honeycomb"), Ok(Layout::Honeycomb));
        assert!(
            named("/nowhere/at/all")
                .unwrap_err()
                .contains("docs/LAYOUT.md")
        );
    }
}
