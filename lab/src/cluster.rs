// SPDX-License-Identifier: GPL-2.0-or-later
//! A whole cluster: boots, is used, is checked, and vanishes.

use std::fmt::Write as _;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::install;
use crate::node::Node;
use crate::paths::{BootFiles, Kernel};
use crate::qemu::{self, Machine};
use crate::rundir::RunDir;
use crate::switch::Switch;

/// More nodes than this need another address plan.
const MAX_NODES: usize = 250;

/// What to boot.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many nodes.
    pub nodes: usize,
    /// Which kernel they run.
    pub kernel: Kernel,
    /// Only the operating system, without the project's software.
    pub bare: bool,
    /// Processors of each node.
    pub cpus: u32,
    /// Memory of each node in MiB; `None` for what the kernel and software need.
    pub memory_mib: Option<u32>,
    /// Name of the cluster; `None` for one that is unique.
    pub name: Option<String>,
    /// Words added to the kernels' command line.
    pub kernel_options: String,
    /// Lines added to the nodes' /etc/mattx.conf.
    pub configuration: String,
    /// Count instructions instead of time (slow, repeatable within 2 %): for measuring costs.
    pub count_instructions: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nodes: 3,
            kernel: Kernel::default(),
            bare: false,
            cpus: 1,
            memory_mib: None,
            name: None,
            kernel_options: String::new(),
            configuration: String::new(),
            count_instructions: false,
        }
    }
}

impl Config {
    /// Nodes without the project's software, with the kernel that `MATTX_KERNEL` names.
    ///
    /// # Errors
    /// [`Error::Usage`] for a wrong name in `MATTX_KERNEL`.
    pub fn bare(nodes: usize) -> Result<Self> {
        Ok(Self {
            nodes,
            bare: true,
            kernel: Kernel::from_environment()?,
            ..Self::default()
        })
    }

    /// Nodes with the project's software, with the kernel that `MATTX_KERNEL` names.
    ///
    /// # Errors
    /// [`Error::Usage`] for a wrong name in `MATTX_KERNEL`.
    pub fn installed(nodes: usize) -> Result<Self> {
        Ok(Self {
            nodes,
            kernel: Kernel::from_environment()?,
            ..Self::default()
        })
    }

    fn memory(&self) -> u32 {
        self.memory_mib.unwrap_or(match (self.kernel, self.bare) {
            // Shadow memory, quarantine and lock history of the checkers.
            (Kernel::Debug, _) => 1024,
            (_, true) => 384,
            (_, false) => 512,
        })
    }
}

/// A running cluster. Dropping it ends every machine and removes every file.
pub struct Cluster {
    nodes: Vec<Arc<Node>>,
    config: Config,
    boot_time: Duration,
    checked: bool,
    // Fields are dropped in this order: first the machines above, then the network, then the folder.
    _switch: Arc<Switch>,
    dir: RunDir,
}

impl Cluster {
    /// Boots a cluster and waits until every node takes commands.
    ///
    /// # Errors
    /// What is missing, or which node did not come up and its last words.
    pub fn boot(config: Config) -> Result<Self> {
        let begin = Instant::now();
        if config.nodes == 0 || config.nodes > MAX_NODES {
            return Err(Error::Usage(format!(
                "a cluster has 1 to {MAX_NODES} nodes, not {}",
                config.nodes
            )));
        }
        let files = BootFiles::find(config.kernel)?;
        let name = config.name.clone().unwrap_or_else(unique_name);
        let dir = RunDir::create(&name)?;
        let disk = install::pack(
            dir.path(),
            config.kernel,
            config.bare,
            &config.configuration,
        )?;
        let switch = Arc::new(Switch::start(dir.path(), config.nodes)?);
        let mut cluster = Self {
            nodes: Vec::new(),
            boot_time: Duration::ZERO,
            checked: false,
            _switch: switch.clone(),
            dir,
            config,
        };
        for number in 1..=cluster.config.nodes {
            let machine = Machine {
                number,
                files: files.clone(),
                install: disk.clone(),
                memory_mib: cluster.config.memory(),
                cpus: cluster.config.cpus,
                lan: switch.socket(number - 1).to_path_buf(),
                dir: cluster.dir.path().to_path_buf(),
                kernel_options: format!(
                    "lab.nodes={} {}",
                    cluster.config.nodes, cluster.config.kernel_options
                ),
                count_instructions: cluster.config.count_instructions,
            };
            cluster
                .nodes
                .push(Arc::new(Node::new(machine, switch.clone())));
        }
        if let Err(error) = cluster.power_on() {
            cluster.checked = true;
            return Err(error);
        }
        cluster.boot_time = begin.elapsed();
        Ok(cluster)
    }

    fn power_on(&self) -> Result<()> {
        for node in &self.nodes {
            node.start()?;
        }
        self.nodes.iter().try_for_each(|node| node.wait_for_boot())
    }

    /// Takes the power from all nodes and boots them again: nothing is left of what was on them.
    ///
    /// # Errors
    /// Which node did not come up, and its last words.
    pub fn boot_anew(&self) -> Result<()> {
        for node in &self.nodes {
            node.power_off();
            node.mend();
        }
        self.power_on()
    }

    /// One cluster for all tests of a program: booted by the first that asks, ended with the program.
    ///
    /// # Errors
    /// Those of [`Cluster::boot`], for everybody who asks.
    pub fn shared(config: impl FnOnce() -> Result<Config>) -> Result<SharedCluster> {
        static SHARED: OnceLock<std::result::Result<Mutex<Cluster>, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            config()
                .and_then(Cluster::boot)
                .map(Mutex::new)
                .map_err(|error| error.to_string())
        });
        match shared {
            Ok(cluster) => {
                // A failed test does not make the cluster unusable for the next.
                let guard = cluster.lock().unwrap_or_else(PoisonError::into_inner);
                for node in &guard.nodes {
                    node.forgive();
                }
                Ok(SharedCluster { guard })
            }
            Err(error) => Err(Error::Usage(error.clone())),
        }
    }

    /// A node by its number, from 1.
    ///
    /// # Panics
    /// When there is no such node: an error in the test.
    pub fn node(&self, number: usize) -> &Arc<Node> {
        match self.find(number) {
            Ok(node) => node,
            Err(error) => panic!("{error}"),
        }
    }

    /// A node by its number, from 1.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such node.
    pub fn find(&self, number: usize) -> Result<&Arc<Node>> {
        number
            .checked_sub(1)
            .and_then(|index| self.nodes.get(index))
            .ok_or_else(|| {
                Error::Usage(format!(
                    "there is no node {number}; this cluster has nodes 1 to {}",
                    self.nodes.len()
                ))
            })
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The kernel that the nodes run.
    pub fn kernel(&self) -> Kernel {
        self.config.kernel
    }

    /// From the call of [`Cluster::boot`] until all nodes took commands.
    pub fn boot_time(&self) -> Duration {
        self.boot_time
    }

    /// Whether the processors are virtualised by hardware rather than emulated (10 to 40 times slower).
    pub fn is_accelerated(&self) -> bool {
        qemu::kvm_works() && !self.config.count_instructions
    }

    /// The folder of its sockets and logs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Fails when any kernel reported a defect since the last check. On the debug kernel this also looks for leaked
    /// memory.
    ///
    /// # Errors
    /// [`Error::KernelReport`] of the first node that has one.
    pub fn check(&self) -> Result<()> {
        if self.config.kernel == Kernel::Debug {
            self.scan_for_leaks()?;
        }
        for node in &self.nodes {
            node.check()?;
        }
        Ok(())
    }

    /// Checks all nodes a last time and ends the cluster.
    ///
    /// # Errors
    /// Those of [`Cluster::check`].
    pub fn finish(mut self) -> Result<()> {
        self.checked = true;
        self.check()
    }

    /// kmemleak reports what it found unreachable in two scans, and only what is older than five seconds.
    fn scan_for_leaks(&self) -> Result<()> {
        const SCAN: &str = "test -w /sys/kernel/debug/kmemleak || exit 0; sleep 6; \
            echo scan >/sys/kernel/debug/kmemleak; sleep 1; echo scan >/sys/kernel/debug/kmemleak; \
            cat /sys/kernel/debug/kmemleak";
        thread::scope(|scope| {
            let scans: Vec<_> = self
                .nodes
                .iter()
                .filter(|node| node.is_on())
                .map(|node| {
                    (
                        node,
                        scope.spawn(|| node.run(SCAN, Duration::from_secs(300))),
                    )
                })
                .collect();
            let mut reports = String::new();
            for (node, scan) in scans {
                let output = scan
                    .join()
                    .map_err(|_| Error::Usage("the leak scan panicked".into()))??;
                if output.stdout.contains("unreferenced object") {
                    let _ = writeln!(reports, "{}:\n{}", node.name(), output.stdout);
                }
            }
            if reports.is_empty() {
                Ok(())
            } else {
                Err(Error::KernelReport {
                    node: "the cluster".into(),
                    report: reports,
                })
            }
        })
    }
}

impl Drop for Cluster {
    /// A test that forgot to check, or failed before, still tells what the kernels said.
    fn drop(&mut self) {
        if !self.checked {
            for node in &self.nodes {
                if let Err(error) = node.check() {
                    if thread::panicking() {
                        eprintln!("{error}");
                    } else {
                        panic!("{error}");
                    }
                }
            }
        }
    }
}

/// Exclusive use of the shared cluster by one test. Its end checks the kernels: the test that made a kernel
/// complain is the one that fails.
pub struct SharedCluster {
    guard: std::sync::MutexGuard<'static, Cluster>,
}

impl std::ops::Deref for SharedCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.guard
    }
}

impl Drop for SharedCluster {
    fn drop(&mut self) {
        for node in self.guard.nodes() {
            node.mend();
            if let Err(error) = node.check() {
                if thread::panicking() {
                    eprintln!("{error}");
                } else {
                    panic!("{error}");
                }
            }
        }
    }
}

fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!(
        "test-{}-{}",
        process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
