// SPDX-License-Identifier: GPL-2.0-or-later
//! Moving processes between nodes, and waiting for what comes of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mattx_lab::{Cluster, Config, Kernel, Node, Output, Result, SharedCluster};

use crate::programs;

/// Generous, because emulated nodes on a busy host are slow.
pub const MOMENT: Duration = Duration::from_secs(300);

/// Milliseconds that a round of `calc` takes at least, where nothing else is wanted.
pub const PACE: u32 = 30;

/// How much slower than on a stock kernel moves are on this cluster's: what shall still run after some moves must run
/// as much longer.
#[must_use]
pub fn slowness(cluster: &Cluster) -> u32 {
    match cluster.kernel() {
        Kernel::V6_12 | Kernel::V7_2 => 1,
        // Every access to memory is checked, every lock is noted.
        Kernel::Debug => 8,
    }
}

/// What a time limit is on this machine: emulated processors are 10 to 40 times slower, of which the limits of some
/// things feel `slower` times.
#[must_use]
pub fn limit(cluster: &Cluster, real: Duration, slower: u32) -> Duration {
    if cluster.is_accelerated() {
        real
    } else {
        real * slower
    }
}

/// A scenario's turn among those of its program.
pub type Turn = MutexGuard<'static, ()>;

/// Waits for this scenario's turn: those of one program that share a cluster, or measure time, run one after the other.
pub fn turn() -> Turn {
    static TURN: Mutex<()> = Mutex::new(());
    // A scenario that failed in its turn says so itself.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cluster of `nodes` linked nodes that the scenarios of a program share, and this one's turn in it: each looks at
/// everything that is there.
///
/// # Errors
/// When it cannot be booted or its nodes do not link up.
pub fn shared(nodes: usize) -> Result<(SharedCluster, Turn)> {
    let turn = turn();
    let cluster = Cluster::shared(|| Config::installed(nodes))?;
    // What a scenario that failed left there would make each of the following wait in vain, and fail.
    if !cluster.nodes().iter().all(|node| is_tidy(node)) {
        eprintln!("the scenario before left guests, or no module: the nodes are booted anew");
        cluster.boot_anew()?;
    }
    wait_for_links(&cluster)?;
    Ok((cluster, turn))
}

/// Whether no guest and no deputy is there, nor comes or goes. One that just ended may be for a moment.
fn is_tidy(node: &Node) -> bool {
    const ENDING: Duration = Duration::from_secs(10);
    node.is_on() && node.wait_until("be tidy", ENDING, NOBODY_IS_AWAY).is_ok()
}

const NOBODY_IS_AWAY: &str = "processes=$(cat /proc/mattx/processes) && test -z \"$processes\" || { echo \"$processes\"; false; }";

/// Waits until the kernels of all nodes are linked.
///
/// # Errors
/// When they are not in time, or the nodes' failures.
pub fn wait_for_links(cluster: &Cluster) -> Result<()> {
    let count = cluster.nodes().len();
    for node in cluster.nodes() {
        let peers = (1..=count).filter(|peer| *peer != node.number());
        for peer in peers {
            node.wait_until(
                "link up with all others",
                MOMENT,
                &format!("grep -q '^link {peer}:' /proc/mattx/stats"),
            )?;
        }
    }
    Ok(())
}

/// A process in a node, whose parent is a shell that notes its exit status.
pub struct Subject {
    /// Its pid at home.
    pub pid: u32,
    output: String,
}

impl Subject {
    /// A process that others started; of its output nothing is known.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self::with_output(pid, "/dev/null")
    }

    /// A process that others started, with its output in that file.
    #[must_use]
    pub fn with_output(pid: u32, output: &str) -> Self {
        Self {
            pid,
            output: output.to_owned(),
        }
    }

    /// Starts `command`, whose first word is the path of a program that runs but once, away from the agent's session.
    /// Its output goes to a file, followed by a line "status N" when it has ended.
    ///
    /// # Errors
    /// The node's failures.
    pub fn start(node: &Node, command: &str) -> Result<Self> {
        let name = command
            .split_whitespace()
            .next()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or(command);
        let output = format!("/tmp/{name}.out");
        node.sh(&format!(
            "rm -f {output}; setsid sh -c '{command} > {output} 2>&1; echo status $? >> {output}' </dev/null >/dev/null 2>&1 &"
        ))?;
        let pid = node.wait_until(
            &format!("start {name}"),
            MOMENT,
            &format!("test -s {output} && pgrep -nx {name}"),
        )?;
        Ok(Self {
            pid: pid.trim().parse().expect("pgrep prints a pid"),
            output,
        })
    }

    /// What the kernel says to `migrate PID TO`.
    ///
    /// # Errors
    /// The node's failures; not the refusal of the move.
    pub fn try_move(&self, node: &Node, to: &str) -> Result<Output> {
        // A shell's echo would not tell the errno.
        node.try_sh(&format!(
            "python3 -c 'import os; f = os.open(\"/proc/mattx/admin\", os.O_WRONLY); os.write(f, b\"migrate {} {to}\\n\")' 2>&1 | tail -n 1; test $? = 0",
            self.pid
        ))
    }

    /// Moves it; `to` is a node or "home".
    ///
    /// # Errors
    /// When the move is refused; the node's failures.
    pub fn migrate(&self, node: &Node, to: &str) -> Result<()> {
        // The shell's own echo calls each errno an "I/O error".
        node.sh(&format!(
            "env echo migrate {0} {to} > /proc/mattx/admin || {{ dmesg | grep 'pid {0} ' | tail -n 3; tail -n 2 {1}; false; }} >&2",
            self.pid, self.output
        ))
        .map(drop)
    }

    /// Sends it a signal by name.
    ///
    /// # Errors
    /// When it is gone; the node's failures.
    pub fn signal(&self, node: &Node, name: &str) -> Result<()> {
        node.sh(&format!("kill -{name} {}", self.pid)).map(drop)
    }

    /// What it has printed, and "status N".
    ///
    /// # Errors
    /// The node's failures.
    pub fn output(&self, node: &Node) -> Result<String> {
        node.sh(&format!("cat {}", self.output))
    }

    /// Waits until a line of its output is `line`.
    ///
    /// # Errors
    /// When it does not come in time; the node's failures.
    pub fn wait_for_line(&self, node: &Node, line: &str) -> Result<()> {
        node.wait_until(
            &format!("print {line:?}"),
            MOMENT,
            &format!(
                "grep -qx {line:?} {} || {{ tail -n 3 {}; false; }}",
                self.output, self.output
            ),
        )
        .map(drop)
    }

    /// Waits until it has ended, however; returns what it has printed, and "status N".
    ///
    /// # Errors
    /// When it does not end in time; the node's failures.
    pub fn wait_for_end(&self, node: &Node) -> Result<String> {
        node.wait_until("end", MOMENT, &format!("grep -q ^status {}", self.output))?;
        self.output(node)
    }

    /// Tells it to go to its end, which must come with " faults 0" and status 7; returns what it has printed.
    ///
    /// # Errors
    /// When it does not end in time; the node's failures.
    ///
    /// # Panics
    /// When it has found something wrong.
    pub fn ends_without_faults(&self, node: &Node) -> Result<String> {
        self.signal(node, "TERM")?;
        let output = self.wait_for_end(node)?;
        assert!(output.ends_with(" faults 0\nstatus 7"), "{output}");
        Ok(output)
    }

    /// Waits until it prints more than it has so far.
    ///
    /// # Errors
    /// When it does not; the node's failures.
    pub fn wait_for_progress(&self, node: &Node) -> Result<()> {
        let lines: u32 = node
            .sh(&format!("wc -l < {}", self.output))?
            .trim()
            .parse()
            .expect("wc prints a number");
        node.wait_until(
            "print more",
            MOMENT,
            &format!("test $(wc -l < {}) -gt {lines}", self.output),
        )
        .map(drop)
    }
}

/// `calc` for so many rounds that it does not end by itself.
///
/// # Errors
/// When it cannot be compiled; the node's failures.
pub fn endless(home: &Node) -> Result<Subject> {
    let program = programs::push(home, "calc")?;
    Subject::start(home, &format!("{program} 1000000 {PACE}"))
}

/// The pid on `host` of its only guest, which is of node 1.
///
/// # Errors
/// The node's failures.
///
/// # Panics
/// When there is not exactly one, of that node.
pub fn guest(host: &Node) -> Result<String> {
    let row = host.sh("cat /proc/mattx/guests")?;
    let (pid, from) = row.trim().split_once(':').expect("PID:NODE");
    assert_eq!(from, "1");
    Ok(pid.to_owned())
}

/// Waits until no guest and no deputy is left on any node.
///
/// # Errors
/// When one stays; the nodes' failures.
pub fn wait_until_gone(cluster: &Cluster) -> Result<()> {
    for node in cluster.nodes() {
        node.wait_until("see all guests and deputies end", MOMENT, NOBODY_IS_AWAY)?;
    }
    Ok(())
}
