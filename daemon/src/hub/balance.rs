// SPDX-License-Identifier: GPL-2.0-or-later
//! The balancer's eyes and hands: what the policy is told, and moving what it decides.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mattx_protocol::command::{Command, Target};
use mattx_protocol::model::{MoveEvent, MovePhase, NodeId, ProcessRef};
use mattx_protocol::peer::Load;

use super::{Hub, TaskReport};
use crate::admin;
use crate::balancer::memory::{Failure, Memory, SETTLING};
use crate::balancer::{Decision, decide};
use crate::telemetry::Look;

/// Where the programs of the system itself are; they do not move by themselves.
const SYSTEM_PROGRAMS: [&str; 7] = [
    "/usr/sbin/",
    "/usr/local/sbin/",
    "/sbin/",
    "/usr/lib/systemd/",
    "/lib/systemd/",
    "/usr/libexec/",
    "/usr/local/bin/mattx",
];

/// The balancer of this node.
#[derive(Debug, Default)]
pub struct Balance {
    memory: Memory,
    /// What is being moved, with its name. One at a time.
    under_way: Option<(Decision, String)>,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Attempt {
    /// It moved.
    Moved,
    /// It did not, and why.
    Failed(Failure, String),
}

impl Hub {
    /// Decides once for each look at this node.
    pub(super) fn balance(&mut self, look: &Look, own_load: Load) {
        if !look.settings.balancer || !self.kernel_ready {
            self.balance = Balance::default();
            return;
        }
        let own = self.node();
        let mut news = vec![(own, own_load)];
        let mut keepers = HashSet::new();
        for (node, load) in self.peer_loads() {
            if load.keeps_guests {
                keepers.insert(node);
            }
            news.push((node, load));
        }
        let now = self.now();
        let memory = &mut self.balance.memory;
        let nodes = memory.nodes(&news);
        if !look.with_processes {
            return;
        }
        let crowd = nodes.get(&own).map_or(1.0, crate::balancer::Node::now);
        let samples = &look.sample.processes;
        let movable = memory.processes(now, own, samples, &look.settings, crowd, &keepers);
        if self.balance.under_way.is_some() || !memory.is_settled(now) {
            return;
        }
        if let Some(decision) = decide(own, &nodes, &movable, turn()) {
            let comm = samples
                .iter()
                .find(|sample| sample.pid == decision.pid)
                .map_or_else(String::new, |sample| sample.comm.clone());
            self.try_balance(decision, comm);
        }
    }

    /// The newest load of each peer that is linked to this node's kernel.
    fn peer_loads(&self) -> Vec<(NodeId, Load)> {
        self.parts
            .membership
            .peers()
            .filter(|(node, peer)| peer.link().is_some() && self.data.is_made(*node))
            .filter_map(|(node, _)| Some((node, self.telemetry.load(node)?)))
            .collect()
    }

    fn try_balance(&mut self, decision: Decision, comm: String) {
        let reports = self.reports.clone();
        let (pid, to, own) = (decision.pid, decision.to, self.node());
        self.balance.under_way = Some((decision, comm));
        tokio::spawn(async move {
            let attempt = tokio::task::spawn_blocking(move || attempt(pid, to, own))
                .await
                .unwrap_or_else(|error| Attempt::Failed(Failure::Passing, error.to_string()));
            let _ = reports.send(TaskReport::Balanced(attempt)).await;
        });
    }

    pub(super) fn balanced(&mut self, attempt: Attempt) {
        let now = self.now();
        let Some((decision, comm)) = self.balance.under_way.take() else {
            return;
        };
        let Decision {
            pid,
            from,
            to,
            reason,
        } = decision;
        match attempt {
            Attempt::Moved => {
                tracing::info!(
                    "balancer: process {pid} ({comm}) moved from node {from} to node {to}: {reason}"
                );
                self.balance.memory.moved(now, pid);
            }
            Attempt::Failed(failure, why) => {
                tracing::info!(
                    "balancer: process {pid} ({comm}) stays on node {from} and did not move to node {to}: {why}"
                );
                self.balance.memory.failed(now, pid, &comm, failure);
            }
        }
    }

    /// Whoever moved a process, the balancer lets it be for a while.
    pub(super) fn note_move(&mut self, event: &MoveEvent) {
        if event.phase == MovePhase::Committed {
            let now = self.now();
            self.balance.memory.moved(now, event.process.pid);
        }
    }
}

/// The same on all nodes whose clocks agree, and another one after each move.
fn turn() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
        / SETTLING.as_secs()
}

/// Moves a process unless it is one of the system or would be refused, which is asked before anything
/// is done to it.
fn attempt(pid: u32, to: NodeId, own: NodeId) -> Attempt {
    let failed = |failure, why: &dyn std::fmt::Display| Attempt::Failed(failure, why.to_string());
    match fs::read_link(format!("/proc/{pid}/exe")) {
        Err(error) => return failed(Failure::Passing, &error),
        Ok(program) => {
            let program = program.to_string_lossy();
            if SYSTEM_PROGRAMS
                .iter()
                .any(|place| program.starts_with(place))
            {
                let why = format!("{program} is a program of the system");
                return failed(Failure::Fixed, &why);
            }
        }
    }
    match admin::why(pid) {
        Ok(None) => {}
        Ok(Some(refusal)) => return failed(failure(refusal.errno), &refusal.reason),
        Err(error) => return failed(Failure::Passing, &error),
    }
    let command = Command::Migrate {
        process: ProcessRef { home: own, pid },
        target: if to == own {
            Target::Home
        } else {
            Target::Node(to)
        },
    };
    match admin::write(&admin::line(&command)) {
        Ok(()) => Attempt::Moved,
        Err(error) => failed(failure(errno(&error)), &error),
    }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

fn failure(errno: i32) -> Failure {
    match errno {
        libc::EOPNOTSUPP | libc::EPERM => Failure::Fixed,
        _ => Failure::Passing,
    }
}
