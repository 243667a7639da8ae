// SPDX-License-Identifier: GPL-2.0-or-later
//! The shepherd: init of the guest's pid namespace.
//!
//! Its death ends the guest, and the guest's death ends it; it never touches the guest otherwise.
//! When job control stops the guest it tells the module, so that the process is stopped at home, too.

use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setpgid, setsid};

use crate::allowed;
use crate::departure::Departure;
use crate::device::{Device, GuestInfo};
use crate::error::{Context, Result};
use crate::namespaces::{self, Root};

/// Forks the shepherd, which makes the surrogate, and waits for both.
pub fn run(device: Device, guest: &GuestInfo, root: Root) -> Result<ExitCode> {
    // SAFETY: the program has one thread.
    match unsafe { fork() }.context(|| "cannot fork the shepherd")? {
        ForkResult::Parent { child } => {
            drop(device);
            Ok(relay(wait_for(child, None)?))
        }
        ForkResult::Child => {
            let code = match shepherd(device, guest, root) {
                Ok(status) => relay(status),
                Err(error) => {
                    eprintln!("mattx-stub: no surrogate for pid {}: {error}", guest.pid);
                    ExitCode::FAILURE
                }
            };
            Ok(code)
        }
    }
}

fn shepherd(device: Device, guest: &GuestInfo, root: Root) -> Result<WaitStatus> {
    prctl::set_pdeathsig(Signal::SIGKILL).context(|| "cannot tie the shepherd to the stub")?;
    prctl::set_name(c"mattx-shepherd").context(|| "cannot name the shepherd")?;
    setsid().context(|| "cannot leave the daemon's session")?;
    // Prepared here, where an error can still be told in words.
    namespaces::mount_own(root)?;
    let filter = allowed::filter(guest.pid, root)?;
    let tids = device.tids(guest)?;
    let departure = Departure::prepare(&device, guest)?;
    match clone_with_pid(guest.pid)
        .context(|| format!("cannot take pid {} in the guest's namespace", guest.pid))?
    {
        Some(surrogate) => wait_for(surrogate, Some(&device)),
        None => match surrogate(&device, &filter, &tids, departure) {
            Err(error) => Err(error),
            Ok(never) => match never {},
        },
    }
}

/// What becomes the guest. Until it departs, a failure is told and ends the process, which
/// closes the device and so refuses the offer.
fn surrogate(
    device: &Device,
    filter: &allowed::Filter,
    tids: &[libc::pid_t],
    departure: Departure,
) -> Result<std::convert::Infallible> {
    // With its parent in the same session, but another group: the kernel does not stop orphaned groups.
    setpgid(Pid::from_raw(0), Pid::from_raw(0))
        .context(|| "cannot make the guest's process group")?;
    // Before the filter, which allows the guest no such clone.
    departure.make_threads(tids)?;
    if !tids.is_empty() {
        device.await_threads()?;
    }
    let listener = filter.install()?;
    device.listen(&listener)?;
    drop(listener);
    departure.depart(device)
}

/// `fork` that gives the child `pid` in the caller's pid namespace.
fn clone_with_pid(pid: u32) -> nix::Result<Option<Pid>> {
    let set_tid = [pid.cast_signed()];
    // SAFETY: all fields of clone_args are numbers for which zero means "nothing".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.set_tid = set_tid.as_ptr().addr() as u64;
    arguments.set_tid_size = set_tid.len() as u64;
    // SAFETY: without CLONE_VM this is a fork, and the program has one thread; both structures
    // outlive the call.
    let child = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match Errno::result(child)? {
        0 => Ok(None),
        child => Ok(Some(Pid::from_raw(
            i32::try_from(child).map_err(|_| Errno::ERANGE)?,
        ))),
    }
}

/// Waits until `child` is gone, and tells `device` of its stops meanwhile.
fn wait_for(child: Pid, device: Option<&Device>) -> Result<WaitStatus> {
    let flags = device.map(|_| WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED);
    let tell = |signal| {
        if let Some(Err(error)) = device.map(|device| device.stopped(signal)) {
            eprintln!("mattx-stub: {error}");
        }
    };
    loop {
        match waitpid(child, flags) {
            Err(Errno::EINTR) => {}
            Ok(status @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => return Ok(status),
            Ok(WaitStatus::Stopped(_, signal)) => tell(Some(signal)),
            Ok(WaitStatus::Continued(_)) => tell(None),
            Ok(_) => {}
            Err(error) => return Err(error).context(|| format!("cannot wait for {child}")),
        }
    }
}

/// The shell's way to tell a wait status in one byte; for the log only, the module carries the
/// exact status home.
fn relay(status: WaitStatus) -> ExitCode {
    match status {
        WaitStatus::Exited(_, code) => ExitCode::from(code.to_le_bytes()[0]),
        WaitStatus::Signaled(_, signal, _) => {
            ExitCode::from((128 + signal as i32).to_le_bytes()[0])
        }
        _ => ExitCode::FAILURE,
    }
}
