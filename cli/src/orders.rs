// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx expel` and `mattx bring`: orders whose whole answer is that they were carried out.

use std::path::Path;

use mattx_protocol::command::Command;
use mattx_protocol::model::NodeId;
use serde_json::json;

use crate::Failure;
use crate::daemon::{Daemon, resolve};

/// Sends the guests of a node to their homes.
pub fn expel(socket: &Path, json: bool, node: Option<&str>) -> Result<(), Failure> {
    let (mut daemon, node) = connect(socket, node)?;
    daemon.execute(Command::Expel { node })?;
    let sentence = format!("the guests of node {node} went home");
    tell(json, &json!({ "node": node }), &sentence);
    Ok(())
}

/// Calls the processes of a node home.
pub fn bring(socket: &Path, json: bool, node: Option<&str>) -> Result<(), Failure> {
    let (mut daemon, node) = connect(socket, node)?;
    daemon.execute(Command::Bring { node })?;
    let sentence = format!("the processes of node {node} are at home");
    tell(json, &json!({ "node": node }), &sentence);
    Ok(())
}

/// Connects, and finds the node that a person means; nothing means the one they are on.
fn connect(socket: &Path, node: Option<&str>) -> Result<(Daemon, NodeId), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let number = match node {
        None => daemon.node,
        Some(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => resolve(&daemon.nodes()?, text)?,
        },
    };
    Ok((daemon, number))
}

fn tell(json: bool, value: &serde_json::Value, sentence: &str) {
    if json {
        println!("{value}");
    } else {
        println!("{sentence}");
    }
}
