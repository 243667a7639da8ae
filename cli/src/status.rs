// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx status`: the nodes.

use std::path::Path;

use mattx_protocol::model::{LOAD_PER_RUNNABLE, NodeSample, NodeState, ProcessKind};

use crate::Failure;
use crate::daemon::Daemon;
use crate::output::say;
use crate::table::{self, Align, Cell, Style};

/// The columns of [`rows`].
pub const COLUMNS: [(&str, Align); 13] = [
    ("NODE", Align::Right),
    ("NAME", Align::Left),
    ("ADDRESS", Align::Left),
    ("STATE", Align::Left),
    ("LOAD", Align::Right),
    ("CORES", Align::Right),
    ("BUSY", Align::Left),
    ("FREE MEMORY", Align::Right),
    ("GUESTS", Align::Right),
    ("AWAY", Align::Right),
    ("UP", Align::Right),
    ("KERNEL", Align::Left),
    ("MODULE", Align::Left),
];

/// Prints the table of nodes.
pub fn run(socket: &Path, json: bool) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let nodes = daemon.nodes()?;
    if json {
        say!(
            "{}",
            serde_json::json!({
                "node": daemon.node,
                "insecure": daemon.insecure,
                "nodes": nodes,
            })
        );
        return Ok(());
    }
    table::print(&COLUMNS, &rows(&nodes, daemon.node));
    let alive = nodes
        .iter()
        .filter(|node| node.state != NodeState::Down)
        .count();
    say!("\n{alive} of {} nodes up; * is this node", nodes.len());
    if daemon.insecure {
        say!("INSECURE: this cluster speaks without keys; anybody in its network can join it");
    }
    Ok(())
}

/// A line of the table for each; `own` is marked.
pub fn rows(nodes: &[NodeSample], own: u32) -> Vec<Vec<Cell>> {
    nodes.iter().map(|node| row(node, own)).collect()
}

fn row(node: &NodeSample, own: u32) -> Vec<Cell> {
    let state = match node.state {
        NodeState::Up => Cell::styled("up", Style::Good),
        NodeState::Stale => Cell::styled("stale", Style::Notable),
        NodeState::Down => Cell::styled("down", Style::Bad),
    };
    let mark = if node.id == own { "*" } else { "" };
    let mut cells = vec![
        Cell::from(format!("{mark}{}", node.id)),
        Cell::from(&node.name),
        Cell::from(node.address),
        state,
    ];
    if node.state == NodeState::Down {
        return cells;
    }
    let cores = node.cores.len();
    let busy = node
        .cores
        .iter()
        .map(|share| f64::from(*share))
        .sum::<f64>()
        / cores.max(1) as f64;
    let count = |wanted: fn(&ProcessKind) -> bool| {
        node.processes
            .iter()
            .filter(|process| wanted(&process.kind))
            .count()
    };
    cells.extend([
        Cell::from(format!(
            "{:.1}",
            f64::from(node.cpu_load) / f64::from(LOAD_PER_RUNNABLE)
        )),
        Cell::from(cores),
        Cell::from(format!("{} {:3.0}%", table::bar(busy, 8), busy * 100.0)),
        Cell::from(table::mebibytes(node.memory_available_mib)),
        Cell::from(count(|kind| matches!(kind, ProcessKind::Guest { .. }))),
        Cell::from(count(|kind| matches!(kind, ProcessKind::Deputy { .. }))),
        Cell::from(table::duration(node.uptime_s)),
        Cell::from(&node.kernel),
        match &node.module {
            Some(version) => Cell::from(version),
            None => Cell::styled("not loaded", Style::Notable),
        },
    ]);
    cells
}
