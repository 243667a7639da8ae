// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx migrate` and `mattx home`.

use std::path::Path;

use mattx_protocol::command::{Command, Target};
use mattx_protocol::model::ProcessRef;
use serde_json::json;

use crate::Failure;
use crate::daemon::{Daemon, resolve};
use crate::output::say;

/// Moves a process and tells what it cost.
pub fn run(
    socket: &Path,
    json: bool,
    pid: u32,
    target: &str,
    home: Option<&str>,
) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    let by_name = home.is_some_and(|home| !is_number(home))
        || !(is_number(target) || ["home", "best"].contains(&target));
    let nodes = if by_name { daemon.nodes()? } else { Vec::new() };
    let home = match home {
        Some(home) => resolve(&nodes, home)?,
        None => daemon.node,
    };
    let process = ProcessRef { home, pid };
    let goal = match target {
        "home" => Target::Home,
        "best" => Target::Best,
        node => Target::Node(resolve(&nodes, node)?),
    };
    let statistics = daemon.execute(Command::Migrate {
        process,
        target: goal,
    })?;
    if json {
        say!(
            "{}",
            json!({ "process": process, "target": goal, "statistics": statistics })
        );
        return Ok(());
    }
    let place = match goal {
        Target::Home => "runs at home again".to_owned(),
        Target::Node(node) => format!("runs on node {node}"),
        Target::Best => "runs on the best node".to_owned(),
    };
    let cost = if statistics.frozen_us > 0 {
        format!(
            " after {:.1} ms without running, {} pages and {} KiB sent",
            statistics.frozen_us as f64 / 1000.0,
            statistics.pages,
            statistics.bytes.div_ceil(1024)
        )
    } else {
        String::new()
    };
    say!("process {pid} of node {home} {place}{cost}");
    Ok(())
}
