// SPDX-License-Identifier: GPL-2.0-or-later
//! The read-only view of `/proc/mattx`, for a node whose daemon does not answer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use mattx_protocol::model::{
    NodeId, NodeSample, NodeState, Pressure, ProcessKind, ProcessRef, ProcessSample,
};

/// Where the module shows its tables.
pub const FOLDER: &str = "/proc/mattx";

/// Everything that `/proc/mattx` of this node tells, or why it tells nothing.
///
/// # Errors
/// The reason in words when the tables cannot be read.
pub fn read(folder: &Path) -> Result<Vec<NodeSample>, String> {
    let file = folder.join("nodes");
    let nodes = std::fs::read_to_string(&file).map_err(|error| {
        format!(
            "{} cannot be read ({error}); is the module mattx loaded?",
            file.display()
        )
    })?;
    let mut samples = parse_nodes(&nodes);
    if let Some(local) = samples.first_mut() {
        let pairs = |name: &str| {
            parse_pairs(&std::fs::read_to_string(folder.join(name)).unwrap_or_default())
        };
        let module = std::fs::read_to_string(folder.join("version")).unwrap_or_default();
        local.module = module
            .lines()
            .next()
            .and_then(|line| line.split_once(": "))
            .map(|(_, version)| version.into());
        for (pid, node) in pairs("remote") {
            local
                .processes
                .push(process(pid, ProcessKind::Deputy { node }));
        }
        for (pid, home) in pairs("guests") {
            // The table does not tell the pid at home; the local one keeps the name unique.
            local.processes.push(process(
                pid,
                ProcessKind::Guest {
                    origin: ProcessRef { home, pid },
                },
            ));
        }
    }
    Ok(samples)
}

/// The table of `/proc/mattx/nodes`; the local node first, as there.
#[must_use]
pub fn parse_nodes(text: &str) -> Vec<NodeSample> {
    text.lines().filter_map(parse_node).collect()
}

fn parse_node(line: &str) -> Option<NodeSample> {
    let mut columns = line.split('\t').filter(|column| !column.is_empty());
    let id: NodeId = columns.next()?.split(' ').next()?.parse().ok()?;
    let address: IpAddr = columns.next()?.trim().parse().ok()?;
    let mut number = || columns.next()?.trim().parse::<u64>().ok();
    let (cpu_load, affinity, available) = (number()?, number()?, number()?);
    let affinity = u32::try_from(affinity).ok()?;
    let cpu_load = u32::try_from(cpu_load).ok()?;
    Some(NodeSample {
        id,
        name: format!("node {id}"),
        address,
        state: NodeState::Up,
        cpu_load,
        affinity,
        cores: Vec::new(),
        memory_total_mib: 0,
        memory_available_mib: available,
        pressure: Pressure::default(),
        network_in: 0,
        network_out: 0,
        uptime_s: 0,
        kernel: String::new(),
        module: None,
        insecure: false,
        processes: Vec::new(),
    })
}

/// Lines of `/proc/mattx/remote` or `guests`: a pid and a node.
fn parse_pairs(text: &str) -> BTreeMap<u32, NodeId> {
    text.lines()
        .filter_map(|line| {
            let (pid, node) = line.trim().split_once(':')?;
            Some((pid.parse().ok()?, node.parse().ok()?))
        })
        .collect()
}

fn process(pid: u32, kind: ProcessKind) -> ProcessSample {
    let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    ProcessSample {
        pid,
        kind,
        comm: comm.trim().to_owned(),
        command_line: None,
        user: None,
        state: '?',
        cpu_percent: 0.0,
        rss_kib: 0,
        threads: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "MattX Cluster Nodes:\n\
        ------------------------------------------------------------------------\n\
        Node ID\t\tIP Address\tCPU Load\tAffinity\tMem Free (MB)\n\
        ------------------------------------------------------------------------\n\
        709 (Local)\t192.168.122.131\t2000\t\t4000\t\t725\n\
        814\t\t192.168.122.38\t0\t\t4000\t\t748\n\
        \n\
        Balancer Enabled: YES\n";

    #[test]
    fn the_documented_table_is_understood() {
        let nodes = parse_nodes(TABLE);
        let rows: Vec<_> = nodes
            .iter()
            .map(|node| {
                (
                    node.id,
                    node.address.to_string(),
                    node.cpu_load,
                    node.affinity,
                    node.memory_available_mib,
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                (709, "192.168.122.131".into(), 2000, 4000, 725),
                (814, "192.168.122.38".into(), 0, 4000, 748)
            ]
        );
    }

    #[test]
    fn lines_that_are_no_pairs_are_passed_over() {
        assert_eq!(
            parse_pairs("12:3\n\nnonsense\n14:x\n15:4\n"),
            BTreeMap::from([(12, 3), (15, 4)])
        );
    }
}
