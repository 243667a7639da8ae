// SPDX-License-Identifier: GPL-2.0-or-later
//! The busiest processes of this node, and all that came from or went to other nodes.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use mattx_protocol::model::{ProcessKind, ProcessRef, ProcessSample};
use nix::unistd::{SysconfVar, Uid, User, sysconf};

use super::proc_files::{self, ProcessStat};

/// How many of the busiest processes are reported, besides deputies and guests.
const BUSIEST: usize = 20;
/// Longer than `/proc/PID/stat` can be: 52 numbers and a name of at most 64 bytes.
const STAT_LENGTH: usize = 2048;
/// Longest command line that is reported, in bytes.
const MAX_COMMAND_LINE: usize = 200;

/// Looks at the processes again and again, and keeps what CPU shares need.
pub struct Processes {
    ticks_per_second: f64,
    kib_per_page: u64,
    before: HashMap<u32, (u64, u64)>,
    looked: Option<Instant>,
    users: HashMap<u32, Option<String>>,
    /// Room for the name and the content of a file.
    path: String,
    text: [u8; STAT_LENGTH],
}

impl Processes {
    pub fn new() -> Self {
        let system = |name, usual: i64| sysconf(name).ok().flatten().unwrap_or(usual);
        Self {
            ticks_per_second: system(SysconfVar::CLK_TCK, 100) as f64,
            kib_per_page: u64::try_from(system(SysconfVar::PAGE_SIZE, 4096)).unwrap_or(4096) / 1024,
            before: HashMap::new(),
            looked: None,
            users: HashMap::new(),
            path: String::new(),
            text: [0; STAT_LENGTH],
        }
    }

    /// The processes that matter now, by falling CPU share since the last look.
    pub fn look(&mut self) -> Vec<ProcessSample> {
        let now = Instant::now();
        let elapsed = self
            .looked
            .replace(now)
            .map(|before| (now - before).as_secs_f64().max(0.001));
        let kinds = kinds();
        let mut seen = HashMap::new();
        let mut found: Vec<(u32, ProcessStat, f32)> = Vec::new();
        for pid in pids() {
            let Some(stat) = self.stat(pid) else {
                continue;
            };
            if stat.kernel_thread || stat.state == 'Z' {
                continue;
            }
            let before = self
                .before
                .get(&pid)
                .filter(|(start, _)| *start == stat.start)
                .map(|(_, ticks)| *ticks);
            let share = match (elapsed, before) {
                (Some(elapsed), Some(before)) => {
                    stat.ticks.saturating_sub(before) as f64 / self.ticks_per_second / elapsed
                }
                // A process that is new since the last look used all its ticks since then.
                (Some(elapsed), None) => stat.ticks as f64 / self.ticks_per_second / elapsed,
                (None, _) => 0.0,
            };
            seen.insert(pid, (stat.start, stat.ticks));
            found.push((pid, stat, (share * 100.0) as f32));
        }
        self.before = seen;
        found.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.1.rss_pages.cmp(&a.1.rss_pages)));
        let mut taken = 0;
        let mut samples = Vec::new();
        for (pid, stat, cpu_percent) in found {
            let kind = kinds.get(&pid).copied();
            if kind.is_none() {
                if taken == BUSIEST {
                    continue;
                }
                taken += 1;
            }
            samples.push(self.sample(pid, kind.unwrap_or(ProcessKind::Local), stat, cpu_percent));
        }
        samples
    }

    /// `/proc/PID/stat` by three system calls; asking for its size first, as usual, takes as many more, for
    /// every process of the node.
    fn stat(&mut self, pid: u32) -> Option<ProcessStat> {
        self.path.clear();
        write!(self.path, "/proc/{pid}/stat").ok()?;
        let mut file = File::open(&self.path).ok()?;
        let length = file.read(&mut self.text).ok()?;
        proc_files::process_stat(&String::from_utf8_lossy(&self.text[..length]))
    }

    fn sample(
        &mut self,
        pid: u32,
        kind: ProcessKind,
        stat: ProcessStat,
        cpu_percent: f32,
    ) -> ProcessSample {
        let user = fs::metadata(format!("/proc/{pid}"))
            .ok()
            .and_then(|metadata| self.user(metadata.uid()));
        ProcessSample {
            pid,
            kind,
            comm: stat.comm,
            command_line: command_line(pid),
            user,
            state: stat.state,
            cpu_percent,
            rss_kib: stat.rss_pages * self.kib_per_page,
            threads: stat.threads,
        }
    }

    fn user(&mut self, uid: u32) -> Option<String> {
        self.users
            .entry(uid)
            .or_insert_with(|| {
                let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
                Some(user.map_or_else(|| uid.to_string(), |user| user.name))
            })
            .clone()
    }
}

fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Which processes of this node are deputies and guests.
fn kinds() -> HashMap<u32, ProcessKind> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut kinds = HashMap::new();
    for (pid, node) in proc_files::pid_and_node(&read("/proc/mattx/remote")) {
        kinds.insert(pid, ProcessKind::Deputy { node });
    }
    for (pid, home) in proc_files::pid_and_node(&read("/proc/mattx/guests")) {
        let status = read(&format!("/proc/{pid}/status"));
        if let Some(at_home) = proc_files::innermost_pid(&status) {
            let origin = ProcessRef { home, pid: at_home };
            kinds.insert(pid, ProcessKind::Guest { origin });
        }
    }
    kinds
}

fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text: String = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_COMMAND_LINE)])
        .trim_end_matches('\0')
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_among_the_busiest_when_it_works() {
        let mut processes = Processes::new();
        processes.look();
        let begin = Instant::now();
        let mut number = 1u64;
        while begin.elapsed().as_millis() < 300 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
        std::hint::black_box(number);
        let samples = processes.look();
        let own = samples
            .iter()
            .find(|sample| sample.pid == std::process::id())
            .expect("this process");
        assert!(own.cpu_percent > 5.0, "{own:?}");
        assert!(own.rss_kib > 0 && own.threads > 0);
        assert!(samples.len() <= BUSIEST);
    }
}
