// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx ps`: the processes of the cluster.
//!
//! A process that computes away from home is one process to people: one row, with the numbers
//! of the node where it computes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mattx_protocol::model::{NodeId, NodeSample, ProcessKind, ProcessRef, ProcessSample};
use serde_json::json;

use crate::Failure;
use crate::daemon::Daemon;
use crate::output::say;
use crate::table::{self, Align, Cell, Style};

/// The columns of [`cells`].
pub const COLUMNS: [(&str, Align); 9] = [
    ("HOME", Align::Right),
    ("PID", Align::Right),
    ("WHERE", Align::Right),
    ("USER", Align::Left),
    ("S", Align::Left),
    ("%CPU", Align::Right),
    ("MEMORY", Align::Right),
    ("THREADS", Align::Right),
    ("COMMAND", Align::Left),
];

/// One process of the cluster.
pub struct Row<'a> {
    /// Its name in the whole cluster.
    pub identity: ProcessRef,
    computes_on: NodeId,
    away: bool,
    /// What the node where it computes says, or its home if that says nothing.
    pub sample: &'a ProcessSample,
    /// What its home says, where that knows more: its owner and its command line.
    at_home: Option<&'a ProcessSample>,
}

impl Row<'_> {
    fn user(&self) -> &str {
        self.at_home
            .and_then(|sample| sample.user.as_deref())
            .or(self.sample.user.as_deref())
            .unwrap_or("?")
    }

    fn command(&self) -> &str {
        self.at_home
            .and_then(|sample| sample.command_line.as_deref())
            .or(self.sample.command_line.as_deref())
            .unwrap_or(&self.sample.comm)
    }
}

/// Prints the table of processes.
pub fn run(socket: &Path, json: bool, all: bool) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let nodes = daemon.nodes()?;
    if json {
        say!("{}", json!({ "processes": as_json(&nodes) }));
        return Ok(());
    }
    table::print(&COLUMNS, &cells(&rows(&nodes, all)));
    if !all {
        say!("\nonly those that work or are away; `mattx ps --all` shows more");
    }
    Ok(())
}

/// A line of the table for each.
pub fn cells(rows: &[Row<'_>]) -> Vec<Vec<Cell>> {
    rows.iter()
        .map(|row| {
            let place = if row.away {
                Cell::styled(format!("→ {}", row.computes_on), Style::Good)
            } else {
                Cell::styled("home", Style::Faint)
            };
            vec![
                Cell::from(row.identity.home),
                Cell::from(row.identity.pid),
                place,
                Cell::from(row.user()),
                Cell::from(row.sample.state),
                Cell::from(format!("{:.1}", row.sample.cpu_percent)),
                Cell::from(table::kibibytes(row.sample.rss_kib)),
                Cell::from(row.sample.threads),
                Cell::from(row.command()),
            ]
        })
        .collect()
}

/// All processes, for programs.
pub fn as_json(nodes: &[NodeSample]) -> Vec<serde_json::Value> {
    rows(nodes, true).iter().map(row_as_json).collect()
}

fn row_as_json(row: &Row<'_>) -> serde_json::Value {
    json!({
        "home": row.identity.home,
        "pid": row.identity.pid,
        "node": row.computes_on,
        "away": row.away,
        "user": row.user(),
        "state": row.sample.state,
        "cpu_percent": row.sample.cpu_percent,
        "rss_kib": row.sample.rss_kib,
        "threads": row.sample.threads,
        "comm": row.sample.comm,
        "command_line": row.command(),
    })
}

/// One row for each process, away ones first, then by processor share.
pub fn rows(nodes: &[NodeSample], all: bool) -> Vec<Row<'_>> {
    let deputies: BTreeMap<ProcessRef, (&ProcessSample, NodeId)> = nodes
        .iter()
        .flat_map(|node| {
            node.processes
                .iter()
                .filter_map(|process| match process.kind {
                    ProcessKind::Deputy { node: away } => {
                        Some((process.identity(node.id), (process, away)))
                    }
                    _ => None,
                })
        })
        .collect();
    let guests: BTreeSet<ProcessRef> = nodes
        .iter()
        .flat_map(|node| {
            node.processes
                .iter()
                .filter(|process| matches!(process.kind, ProcessKind::Guest { .. }))
                .map(|process| process.identity(node.id))
        })
        .collect();
    let mut rows = Vec::new();
    for node in nodes {
        for sample in &node.processes {
            let identity = sample.identity(node.id);
            let deputy = deputies.get(&identity);
            let row = match sample.kind {
                // The guest's row stands for both.
                ProcessKind::Deputy { .. } if guests.contains(&identity) => continue,
                ProcessKind::Deputy { node: away } => Row {
                    identity,
                    computes_on: away,
                    away: true,
                    sample,
                    at_home: None,
                },
                ProcessKind::Guest { .. } => Row {
                    identity,
                    computes_on: node.id,
                    away: true,
                    sample,
                    at_home: deputy.map(|(sample, _)| *sample),
                },
                ProcessKind::Local if all || sample.cpu_percent >= 1.0 => Row {
                    identity,
                    computes_on: node.id,
                    away: false,
                    sample,
                    at_home: None,
                },
                ProcessKind::Local => continue,
            };
            rows.push(row);
        }
    }
    rows.sort_by(|a, b| {
        b.away
            .cmp(&a.away)
            .then(b.sample.cpu_percent.total_cmp(&a.sample.cpu_percent))
    });
    rows
}
