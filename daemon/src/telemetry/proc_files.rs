// SPDX-License-Identifier: GPL-2.0-or-later
//! Text files of the kernel into numbers. Lines that cannot be read are left out: another kernel
//! may write more, and telemetry must not end because of it.

/// Busy and total ticks of a processor since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Not idle.
    pub busy: u64,
    /// All.
    pub total: u64,
}

/// `/proc/stat`: ticks of each processor and the number of runnable threads.
#[must_use]
pub fn stat(text: &str) -> (Vec<Ticks>, u64) {
    let mut cores = Vec::new();
    let mut runnable = 0;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("procs_running") => {
                runnable = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            }
            Some(name) if name.len() > 3 && name.starts_with("cpu") => {
                // user nice system idle iowait irq softirq steal; guest time is part of user.
                let ticks: Vec<u64> = words.take(8).filter_map(|word| word.parse().ok()).collect();
                let total = ticks.iter().sum();
                let idle: u64 = ticks.iter().skip(3).take(2).sum();
                cores.push(Ticks {
                    busy: total - idle,
                    total,
                });
            }
            _ => {}
        }
    }
    (cores, runnable)
}

/// A field of `/proc/meminfo` in KiB.
#[must_use]
pub fn meminfo(text: &str, field: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The share of the last 10 s in which some task waited, from a file in `/proc/pressure`.
#[must_use]
pub fn pressure(text: &str) -> f32 {
    text.lines()
        .find_map(|line| line.strip_prefix("some avg10="))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0.0)
}

/// `/proc/PID/stat`, the fields that telemetry uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// Command name.
    pub comm: String,
    /// State letter.
    pub state: char,
    /// Whether it is a thread of the kernel.
    pub kernel_thread: bool,
    /// User and system time in ticks.
    pub ticks: u64,
    /// Threads.
    pub threads: u32,
    /// Ticks after boot; tells processes of one pid apart.
    pub start: u64,
    /// Resident pages.
    pub rss_pages: u64,
}

/// Reads `/proc/PID/stat`. The command name may hold anything, blanks and brackets included.
#[must_use]
pub fn process_stat(text: &str) -> Option<ProcessStat> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let comm = text.get(open + 1..close)?.to_owned();
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(ProcessStat {
        comm,
        state: fields.first()?.chars().next()?,
        kernel_thread: number(6)? & PF_KTHREAD != 0,
        ticks: number(11)? + number(12)?,
        threads: u32::try_from(number(17)?).ok()?,
        start: number(19)?,
        rss_pages: number(21)?,
    })
}

/// `pid:node` lines of `/proc/mattx/remote` and `/proc/mattx/guests`.
pub fn pid_and_node(text: &str) -> impl Iterator<Item = (u32, u32)> {
    text.lines().filter_map(|line| {
        let (pid, node) = line.trim().split_once(':')?;
        Some((pid.parse().ok()?, node.parse().ok()?))
    })
}

/// The pid in the innermost namespace, from `/proc/PID/status`: for a guest its pid at home.
#[must_use]
pub fn innermost_pid(status: &str) -> Option<u32> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))?
        .split_ascii_whitespace()
        .last()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stat_gives_cores_and_runnable_threads() {
        let text = "cpu  30 0 10 60 0 0 0 0 0 0\ncpu0 20 0 5 70 5 0 0 0 0 0\ncpu1 1 2 3 4 5 6 7 8 9 10\nintr 5\nprocs_running 3\nprocs_blocked 0\n";
        let (cores, runnable) = stat(text);
        assert_eq!(runnable, 3);
        assert_eq!(
            cores,
            [
                Ticks {
                    busy: 25,
                    total: 100
                },
                Ticks {
                    busy: 27,
                    total: 36
                }
            ]
        );
    }

    #[test]
    fn a_command_name_may_hold_anything() {
        let text = "77 (a) b( c) R 1 77 77 0 -1 4194304 9 0 0 0 150 50 0 0 20 0 4 0 1234 999 250 18446744073709551615 0";
        let stat = process_stat(text).expect("stat");
        assert_eq!(stat.comm, "a) b( c");
        assert_eq!((stat.state, stat.ticks, stat.threads), ('R', 200, 4));
        assert_eq!((stat.start, stat.rss_pages), (1234, 250));
        assert!(!stat.kernel_thread);
    }

    #[test]
    fn the_innermost_pid_is_the_one_at_home() {
        assert_eq!(innermost_pid("Pid:\t900\nNSpid:\t900\t77\n"), Some(77));
        assert_eq!(innermost_pid("Pid:\t900\n"), None);
    }

    #[test]
    fn lists_of_the_module_are_read() {
        let pairs: Vec<_> = pid_and_node("12:3\nbroken\n 7:1 \n").collect();
        assert_eq!(pairs, [(12, 3), (7, 1)]);
    }

    #[test]
    fn meminfo_and_pressure_find_their_fields() {
        assert_eq!(
            meminfo("MemTotal:  100 kB\nMemAvailable:   42 kB\n", "MemAvailable"),
            42
        );
        let text = "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=9 x\n";
        assert!((pressure(text) - 1.5).abs() < f32::EPSILON);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,300}") {
            let _ = stat(&text);
            let _ = meminfo(&text, "MemTotal");
            let _ = pressure(&text);
            let _ = process_stat(&text);
            let _ = pid_and_node(&text).count();
            let _ = innermost_pid(&text);
        }
    }
}
