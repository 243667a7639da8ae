// SPDX-License-Identifier: GPL-2.0-or-later
//! Starts a stub for each arriving process.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use mattx_protocol::config::Config;
use mattx_protocol::model::ProcessRef;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::kernel::Kernel;

/// Most guests at a time; more are refused.
const MAX_GUESTS: usize = 4096;
const CGROUP_ROOT: &str = "/sys/fs/cgroup";
const SLICE: &str = "mattx.slice";
/// Where the stub may be installed, besides beside this program.
const STUB_PATHS: [&str; 3] = [
    "/usr/local/bin/mattx-stub",
    "/usr/libexec/mattx/mattx-stub",
    "/usr/bin/mattx-stub",
];

/// Someone who arrives.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Names the offer in the module.
    pub ticket: u64,
    /// Who arrives.
    pub process: ProcessRef,
    /// Its command name.
    pub comm: String,
    /// Host name of its home.
    pub hostname: Option<String>,
}

/// Starts stubs and waits for them.
#[derive(Clone, Debug)]
pub struct Guests {
    configured: Option<PathBuf>,
    /// Folder that all nodes share.
    shared: Option<PathBuf>,
    permits: Arc<Semaphore>,
    /// How many stubs use each control group: a guest that comes back may meet its last visit.
    cgroups: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

impl Guests {
    /// Uses the configured stub, or the one installed in a usual place.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        remove_empty_cgroups(&Path::new(CGROUP_ROOT).join(SLICE));
        Self {
            configured: config.stub.clone(),
            shared: config.dfsa_dir.clone(),
            permits: Arc::new(Semaphore::new(MAX_GUESTS)),
            cgroups: Arc::default(),
        }
    }

    /// Those who arrive from now on are received as `config` says.
    pub fn reload(&mut self, config: &Config) {
        self.configured.clone_from(&config.stub);
        self.shared.clone_from(&config.dfsa_dir);
    }

    /// Starts a stub for `arrival`, or tells the module why there is none.
    pub fn receive(&self, kernel: Kernel, arrival: Arrival) {
        let guests = self.clone();
        tokio::spawn(async move {
            let ticket = arrival.ticket;
            if let Err((errno, reason)) = guests.run(&arrival).await {
                let process = arrival.process;
                tracing::warn!(
                    "process {} ({}) of node {} is refused: {reason}",
                    process.pid,
                    arrival.comm,
                    process.home
                );
                // An offer that is settled in the meantime is no longer known: nothing to refuse.
                let _ = kernel.guest_refuse(ticket, errno, &reason).await;
            }
        });
    }

    async fn run(&self, arrival: &Arrival) -> Result<(), (i32, String)> {
        let _permit = self.permits.try_acquire().map_err(|_| {
            (
                libc::EAGAIN,
                format!("this node already has {MAX_GUESTS} guests"),
            )
        })?;
        let stub = self.stub().ok_or_else(|| {
            (
                libc::ENOENT,
                "mattx-stub is not installed on the destination".to_owned(),
            )
        })?;
        let cgroup = self.enter_cgroup(arrival.process);
        let mut command = Command::new(&stub);
        command
            .arg("--ticket")
            .arg(arrival.ticket.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(name) = arrival.hostname.as_deref().filter(|name| !name.is_empty()) {
            command.arg("--hostname").arg(name);
        }
        if let Some(cgroup) = &cgroup {
            command.arg("--cgroup").arg(cgroup);
        }
        if let Some(folder) = &self.shared {
            command.arg("--shared").arg(folder);
        }
        let outcome = supervise(&stub, command).await;
        if let Some(cgroup) = cgroup {
            self.leave_cgroup(cgroup);
        }
        outcome
    }

    /// Makes the control group of a guest where version 2 is mounted.
    fn enter_cgroup(&self, process: ProcessRef) -> Option<PathBuf> {
        let root = Path::new(CGROUP_ROOT);
        if !root.join("cgroup.controllers").exists() {
            return None;
        }
        let folder = root
            .join(SLICE)
            .join(format!("guest-{}-{}", process.home, process.pid));
        let mut cgroups = self.cgroups.lock().ok()?;
        match fs::create_dir_all(&folder) {
            Ok(()) => {
                *cgroups.entry(folder.clone()).or_default() += 1;
                Some(folder)
            }
            Err(error) => {
                tracing::warn!(
                    "a guest stays in the daemon's control group: cannot make {}: {error}",
                    folder.display()
                );
                None
            }
        }
    }

    /// Removes it when its last user is gone.
    fn leave_cgroup(&self, folder: PathBuf) {
        let Ok(mut cgroups) = self.cgroups.lock() else {
            return;
        };
        let Some(users) = cgroups.get_mut(&folder) else {
            return;
        };
        *users -= 1;
        if *users == 0 {
            if let Err(error) = fs::remove_dir(&folder) {
                tracing::debug!("cannot remove {}: {error}", folder.display());
            }
            cgroups.remove(&folder);
        }
    }

    fn stub(&self) -> Option<PathBuf> {
        if let Some(configured) = &self.configured {
            return configured.exists().then(|| configured.clone());
        }
        let beside = std::env::current_exe()
            .ok()
            .and_then(|daemon| Some(daemon.parent()?.join("mattx-stub")));
        beside
            .into_iter()
            .chain(STUB_PATHS.iter().map(PathBuf::from))
            .find(|path| path.exists())
    }
}

/// Removes what a daemon that was killed left behind. The control groups of living guests are
/// not empty, and stay.
fn remove_empty_cgroups(slice: &Path) {
    for entry in fs::read_dir(slice).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("guest-") {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Runs a stub to its end, which is the end of the guest. A stub that failed says why on its
/// standard error; one that became a guest says nothing.
async fn supervise(stub: &Path, mut command: Command) -> Result<(), (i32, String)> {
    let failed = |error: io::Error| {
        (
            error.raw_os_error().unwrap_or(libc::EIO),
            format!("cannot start {}: {error}", stub.display()),
        )
    };
    let mut child = command.spawn().map_err(failed)?;
    let mut complaint = None;
    if let Some(errors) = child.stderr.take() {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // Not all that it says is why it fails.
            tracing::warn!("{line}");
            complaint = Some(line);
        }
    }
    let status = child.wait().await.map_err(failed)?;
    match complaint {
        Some(complaint) if !status.success() => Err((libc::EIO, complaint)),
        _ => {
            tracing::debug!("a guest's stub ended: {status}");
            Ok(())
        }
    }
}
