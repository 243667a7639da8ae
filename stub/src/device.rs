// SPDX-License-Identifier: GPL-2.0-or-later
//! The stub's side of `kernel/uapi/mattx.h`.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::error::{Context, Result};

/// `MATTX_DEVICE`.
pub const PATH: &str = "/dev/mattx";

/// `struct mattx_guest_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GuestInfo {
    pub ticket: u64,
    pub vdso_start: u64,
    pub vdso_end: u64,
    pub home: u32,
    pub pid: u32,
    pub threads: u32,
    pub pad: u32,
    /// Nanoseconds by which the clocks at home are ahead of this node's.
    pub monotonic_ahead: i64,
    pub boottime_ahead: i64,
}

/// `struct mattx_guest_shared`.
#[repr(C)]
struct GuestShared {
    path: u64,
    length: u32,
    pad: u32,
}

/// `struct mattx_guest_tids`.
#[repr(C)]
struct GuestTids {
    tids: u64,
    count: u32,
    pad: u32,
}

const MAGIC: u8 = 0x4d;
nix::ioctl_readwrite!(guest_info, MAGIC, 1, GuestInfo);
nix::ioctl_write_ptr!(guest_tids, MAGIC, 3, GuestTids);
nix::ioctl_none!(guest_await, MAGIC, 5);
nix::ioctl_write_int!(guest_listen, MAGIC, 6);
nix::ioctl_write_int!(guest_stopped, MAGIC, 7);
nix::ioctl_write_ptr!(guest_shared, MAGIC, 8, GuestShared);

/// `MATTX_IOC_GUEST_BECOME`.
pub const GUEST_BECOME: libc::c_ulong =
    nix::request_code_write!(MAGIC, 2, size_of::<GuestInfo>()) as libc::c_ulong;

/// `MATTX_IOC_GUEST_JOIN`.
pub const GUEST_JOIN: libc::c_ulong = nix::request_code_none!(MAGIC, 4) as libc::c_ulong;

/// The open device. The module refuses the offer when its last descriptor is closed before
/// the surrogate became the guest, so nobody but the surrogate and its parent may keep one.
pub struct Device(File);

impl Device {
    /// Opens the device at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map(Self)
            .context(|| format!("cannot open {} (is mattx.ko loaded?)", path.display()))
    }

    /// Asks the module who arrives under `ticket`.
    pub fn guest(&self, ticket: u64) -> Result<GuestInfo> {
        let mut info = GuestInfo {
            ticket,
            ..GuestInfo::default()
        };
        // SAFETY: `info` has the layout that the request code names, and outlives the call.
        unsafe { guest_info(self.0.as_raw_fd(), &raw mut info) }
            .context(|| "the module does not know this ticket (withdrawn, or too late)")?;
        Ok(info)
    }

    /// The ids of all threads but the main one.
    pub fn tids(&self, guest: &GuestInfo) -> Result<Vec<libc::pid_t>> {
        let count = guest.threads.saturating_sub(1);
        let mut tids = vec![0; count as usize];
        let request = GuestTids {
            tids: tids.as_mut_ptr().addr() as u64,
            count,
            pad: 0,
        };
        // SAFETY: the request has the layout that its code names and points to room for `count` ids.
        unsafe { guest_tids(self.0.as_raw_fd(), &raw const request) }
            .context(|| "cannot learn the ids of the guest's threads")?;
        Ok(tids)
    }

    /// Waits until all threads that were made have joined, after which they need no memory of ours.
    pub fn await_threads(&self) -> Result<()> {
        // SAFETY: the request has no argument.
        unsafe { guest_await(self.0.as_raw_fd()) }
            .map(drop)
            .context(|| "the guest's threads do not come up")
    }

    /// Hands the filter's listener over.
    pub fn listen(&self, listener: &OwnedFd) -> Result<()> {
        let argument = u64::from(listener.as_raw_fd().cast_unsigned());
        // SAFETY: the argument is a number.
        unsafe { guest_listen(self.0.as_raw_fd(), argument) }
            .map(drop)
            .context(|| "the module does not take the listener of the guest's system call filter")
    }

    /// Tells that `folder` of the guest's root is storage that this node shares with its home.
    pub fn shared(&self, folder: &Path) -> Result<()> {
        let path = folder.as_os_str().as_bytes();
        let request = GuestShared {
            path: path.as_ptr().addr() as u64,
            // The module knows how long a path may be.
            length: u32::try_from(path.len()).unwrap_or(u32::MAX),
            pad: 0,
        };
        // SAFETY: the request has the layout that its code names and points to `length` bytes.
        unsafe { guest_shared(self.0.as_raw_fd(), &raw const request) }
            .map(drop)
            .context(|| "the module does not take the folder that is shared with the home")
    }

    /// Tells that the guest has been stopped by `signal`, or continued.
    pub fn stopped(&self, signal: Option<Signal>) -> Result<()> {
        let argument = signal.map_or(0, |signal| signal as u64);
        // SAFETY: the argument is a number.
        unsafe { guest_stopped(self.0.as_raw_fd(), argument) }
            .map(drop)
            .context(|| "the module does not take the news that the guest was stopped")
    }

    /// Number of the descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
impl From<File> for Device {
    fn from(file: File) -> Self {
        Self(file)
    }
}
