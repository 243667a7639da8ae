// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx expel`, `bring`, `lock` and the switches of a node: orders whose whole answer is that they were carried out.

use std::path::Path;

use mattx_protocol::command::{Command, NodeSwitch};
use mattx_protocol::model::{NodeId, ProcessRef};
use serde_json::json;

use crate::Failure;
use crate::arguments::{State, Switch};
use crate::daemon::{Daemon, resolve};
use crate::output::say;

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

/// Locks a process where it is, or lets it move again.
pub fn lock(
    socket: &Path,
    json: bool,
    pid: u32,
    locked: bool,
    home: Option<&str>,
) -> Result<(), Failure> {
    let (mut daemon, home) = connect(socket, home)?;
    let process = ProcessRef { home, pid };
    daemon.execute(Command::Lock { process, locked })?;
    let how = if locked {
        "stays where it is"
    } else {
        "may move"
    };
    let sentence = format!("process {pid} of node {home} {how}");
    tell(
        json,
        &json!({ "process": process, "locked": locked }),
        &sentence,
    );
    Ok(())
}

/// Turns a switch of a node.
pub fn turn(
    socket: &Path,
    json: bool,
    which: NodeSwitch,
    Switch { state, node }: &Switch,
) -> Result<(), Failure> {
    let (mut daemon, node) = connect(socket, node.as_deref())?;
    let on = *state == State::On;
    let switch = which;
    daemon.execute(Command::Switch { node, switch, on })?;
    let sentence = match (which, on) {
        (NodeSwitch::Balancer, true) => "processes of node {} move by themselves",
        (NodeSwitch::Balancer, false) => "processes of node {} move only when told to",
        (NodeSwitch::Block, true) => "node {} takes no guests",
        (NodeSwitch::Block, false) => "node {} takes guests",
        (NodeSwitch::Stay, true) => "nothing moves away from node {}",
        (NodeSwitch::Stay, false) => "processes may move away from node {}",
        (NodeSwitch::StayLocal, true) => "processes of node {} stay where they are",
        (NodeSwitch::StayLocal, false) => "processes of node {} may move",
        (NodeSwitch::Quiet, true) => "node {} tells nobody its load",
        (NodeSwitch::Quiet, false) => "node {} tells the others its load",
    };
    let value = json!({ "node": node, "switch": which, "on": on });
    tell(json, &value, &sentence.replace("{}", &node.to_string()));
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
        say!("{value}");
    } else {
        say!("{sentence}");
    }
}
