// SPDX-License-Identifier: GPL-2.0-or-later
//! The node as a whole: load, processors, memory, pressure, network.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use mattx_protocol::model::{
    AFFINITY_PER_CORE, LOAD_PER_RUNNABLE, NodeSample, NodeState, Pressure,
};

use super::proc_files::{self, Ticks};

/// Weight of the newest observation in the smoothed load: a change shows by three quarters
/// after two samples.
const LOAD_WEIGHT: f64 = 0.5;

/// Looks at the node again and again, and keeps what differences need.
pub struct Node {
    interface: String,
    affinity: u32,
    cores: Vec<Ticks>,
    load: Option<f64>,
    traffic: Option<(Instant, u64, u64)>,
}

impl Node {
    pub fn new(interface: &str, affinity: u32) -> Self {
        Self {
            interface: interface.to_owned(),
            affinity,
            cores: Vec::new(),
            load: None,
            traffic: None,
        }
    }

    /// A sample without processes and without the node's name.
    pub fn look(&mut self) -> NodeSample {
        let (cores, runnable) = proc_files::stat(&read("/proc/stat"));
        let memory = read("/proc/meminfo");
        let (network_in, network_out) = self.network();
        let busy = cores
            .iter()
            .enumerate()
            .map(|(index, now)| {
                let before = self.cores.get(index).copied().unwrap_or_default();
                let total = now.total.saturating_sub(before.total);
                let busy = now.busy.saturating_sub(before.busy);
                if total == 0 {
                    0.0
                } else {
                    (busy as f32 / total as f32).clamp(0.0, 1.0)
                }
            })
            .collect::<Vec<_>>();
        let count = u32::try_from(cores.len()).unwrap_or(u32::MAX);
        self.cores = cores;
        NodeSample {
            id: 0,
            name: String::new(),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            state: NodeState::Up,
            cpu_load: self.smoothed(runnable),
            affinity: match self.affinity {
                0 => count.saturating_mul(AFFINITY_PER_CORE),
                configured => configured,
            },
            cores: busy,
            memory_total_mib: proc_files::meminfo(&memory, "MemTotal") / 1024,
            memory_available_mib: proc_files::meminfo(&memory, "MemAvailable") / 1024,
            pressure: Pressure {
                cpu: proc_files::pressure(&read("/proc/pressure/cpu")),
                memory: proc_files::pressure(&read("/proc/pressure/memory")),
                io: proc_files::pressure(&read("/proc/pressure/io")),
            },
            network_in,
            network_out,
            uptime_s: read("/proc/uptime")
                .split('.')
                .next()
                .and_then(|seconds| seconds.parse().ok())
                .unwrap_or(0),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            module: module_version(),
            insecure: false,
            processes: Vec::new(),
        }
    }

    fn smoothed(&mut self, runnable: u64) -> u32 {
        // This thread is running while it looks.
        let now = runnable.saturating_sub(1) as f64 * f64::from(LOAD_PER_RUNNABLE);
        let load = self
            .load
            .map_or(now, |before| before + LOAD_WEIGHT * (now - before));
        self.load = Some(load);
        load.round() as u32
    }

    fn network(&mut self) -> (u64, u64) {
        let counter = |name| {
            read(&format!(
                "/sys/class/net/{}/statistics/{name}",
                self.interface
            ))
            .trim()
            .parse::<u64>()
            .unwrap_or(0)
        };
        let now = (Instant::now(), counter("rx_bytes"), counter("tx_bytes"));
        let rates = self.traffic.map_or((0, 0), |before| {
            let elapsed = (now.0 - before.0).as_secs_f64().max(0.001);
            let rate = |new: u64, old: u64| (new.saturating_sub(old) as f64 / elapsed) as u64;
            (rate(now.1, before.1), rate(now.2, before.2))
        });
        self.traffic = Some(now);
        rates
    }
}

/// The version in the first line of `/proc/mattx/version`, if the module is loaded.
pub fn module_version() -> Option<String> {
    let text = fs::read_to_string("/proc/mattx/version").ok()?;
    let (_, version) = text.lines().next()?.split_once(':')?;
    Some(version.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
