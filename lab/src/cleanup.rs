// SPDX-License-Identifier: GPL-2.0-or-later
//! The ends that no destructor sees: Ctrl-C, a terminating signal, and the exit of a test program whose shared
//! cluster lives in a static. Virtual machines die with this process by themselves (see `qemu`); what is left is
//! to remove the run folders.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static ARMED: Once = Once::new();

/// Remembers a folder to be removed however this process ends.
pub(crate) fn register(path: &Path) {
    ARMED.call_once(arm);
    live().push(path.to_path_buf());
}

/// The folder is gone.
pub(crate) fn forget(path: &Path) {
    live().retain(|other| other != path);
}

fn arm() {
    // SAFETY: the handler is a plain function that lives as long as the program.
    unsafe { libc::atexit(at_exit) };
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Runs the exit handler below.
                std::process::exit(128 + signal);
            }
        });
    }
}

extern "C" fn at_exit() {
    crate::qemu::kill_all();
    for path in live().drain(..) {
        crate::rundir::remove(&path);
    }
}

fn live() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
