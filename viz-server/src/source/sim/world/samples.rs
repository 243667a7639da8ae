// SPDX-License-Identifier: GPL-2.0-or-later
//! What the simulated nodes report.

use std::net::{IpAddr, Ipv4Addr};

use mattx_protocol::model::{
    LOAD_PER_RUNNABLE, NodeId, NodeSample, Pressure, ProcessKind, ProcessSample,
};

use super::{KINDS, Process, World};

impl World {
    pub(super) fn sample(&self, index: usize) -> NodeSample {
        let node = &self.nodes[index];
        let (mut demand, mut used, mut runnable) = (0.0, 0.0, 0);
        for process in self.computing(index) {
            demand += process.cpu / 100.0;
            used += process.rss_mib;
            runnable += u32::from(process.cpu > 20.0);
        }
        let busy = demand / node.cores as f32;
        let available = (node.memory_mib as f32 * 0.93 - used).max(node.memory_mib as f32 * 0.02);
        let mut processes: Vec<ProcessSample> = node
            .members
            .iter()
            .map(|place| self.processes[*place].sample(node.id))
            .collect();
        processes.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent));
        NodeSample {
            id: node.id,
            name: format!("node-{:02}", node.id),
            address: IpAddr::V4(Ipv4Addr::new(
                10,
                77,
                (node.id / 250) as u8,
                (node.id % 250 + 1) as u8,
            )),
            state: node.state(),
            cpu_load: LOAD_PER_RUNNABLE * runnable,
            affinity: node.settings.affinity(node.cores),
            cores: (0..node.cores)
                .map(|core| (demand - core as f32).clamp(0.02, 1.0))
                .collect(),
            memory_total_mib: node.memory_mib,
            memory_available_mib: available as u64,
            pressure: Pressure {
                cpu: ((busy - 0.8) * 90.0).clamp(0.0, 100.0),
                memory: 0.0,
                io: 0.4,
            },
            network_in: 12_000 + node.traffic as u64,
            network_out: 9_000 + node.traffic as u64 / 2,
            uptime_s: node.uptime_s as u64,
            kernel: "6.12.0-simulated".into(),
            module: Some("2.0".into()),
            insecure: false,
            processes,
        }
    }
}

impl Process {
    fn sample(&self, reporter: NodeId) -> ProcessSample {
        let (comm, user, _, _, threads, _) = KINDS[self.kind];
        let (kind, pid) = if self.at == reporter && self.origin.home == reporter {
            (ProcessKind::Local, self.origin.pid)
        } else if self.at == reporter {
            (
                ProcessKind::Guest {
                    origin: self.origin,
                },
                self.origin.pid + 20_000,
            )
        } else {
            (ProcessKind::Deputy { node: self.at }, self.origin.pid)
        };
        let deputy = matches!(kind, ProcessKind::Deputy { .. });
        ProcessSample {
            pid,
            kind,
            comm: comm.into(),
            command_line: Some(format!("/usr/bin/{comm} --input data/{}", self.origin.pid)),
            user: Some(user.into()),
            state: if deputy || self.cpu < 5.0 { 'S' } else { 'R' },
            cpu_percent: if deputy { 0.0 } else { self.cpu },
            rss_kib: if deputy {
                512
            } else {
                (self.rss_mib * 1024.0) as u64
            },
            threads,
        }
    }
}
