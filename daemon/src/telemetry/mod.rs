// SPDX-License-Identifier: GPL-2.0-or-later
//! What this node looks like, once a second.
//!
//! Load and memory are always sampled, the process list only while somebody watches.

mod node;
mod proc_files;
mod processes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use mattx_protocol::model::NodeSample;
use tokio::sync::mpsc;

use crate::settings::Settings;

/// Interval of samples.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// CPU shares of processes need two looks; the second comes this long after the first.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// One look at this node.
#[derive(Clone, Debug)]
pub struct Look {
    /// The sample; the node's number, name and address are filled in by the receiver.
    pub sample: NodeSample,
    /// Whether the process list was taken.
    pub with_processes: bool,
    /// What people told the module.
    pub settings: Settings,
}

/// Steers the sampling thread. The thread ends with it.
#[derive(Debug)]
pub struct Sampler {
    watched: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

impl Sampler {
    /// Starts sampling the node whose cluster traffic goes over `interface`; `affinity` is the
    /// configured weight, 0 for automatic.
    pub fn spawn(interface: String, affinity: u32, looks: mpsc::Sender<Look>) -> Self {
        let watched = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        let shared = Arc::clone(&watched);
        thread::spawn(move || run(&interface, affinity, &shared, &woken, &looks));
        Self { watched, wake }
    }

    /// Whether the process list shall be taken. Turning it on gives a look soon.
    pub fn watch(&self, watched: bool) {
        if !self.watched.swap(watched, Ordering::Relaxed) && watched {
            // A full queue means that the thread is about to look anyway.
            let _ = self.wake.try_send(());
        }
    }
}

fn run(
    interface: &str,
    affinity: u32,
    watched: &AtomicBool,
    woken: &Receiver<()>,
    looks: &mpsc::Sender<Look>,
) {
    let mut node = node::Node::new(interface, affinity);
    let mut processes = processes::Processes::new();
    let mut next = Instant::now();
    loop {
        match woken.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(()) => {
                processes.look();
                thread::sleep(FIRST_LOOK);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        next = Instant::now() + INTERVAL;
        let settings = Settings::read();
        let mut sample = node.look();
        if settings.affinity != 0 {
            sample.affinity = settings.affinity;
        }
        let with_processes =
            watched.load(Ordering::Relaxed) || settings.balancer && balancer_looks(&sample);
        if with_processes {
            sample.processes = processes.look();
        }
        let look = Look {
            sample,
            with_processes,
            settings,
        };
        // A receiver that is late gets the next one.
        if let Err(mpsc::error::TrySendError::Closed(_)) = looks.try_send(look) {
            return;
        }
    }
}

/// Whether a balancer has something to look at: more to do than cores, or processes that are away.
fn balancer_looks(sample: &NodeSample) -> bool {
    sample.cpu_load > sample.affinity
        || std::fs::read("/proc/mattx/remote").is_ok_and(|remote| !remote.is_empty())
}
