// SPDX-License-Identifier: GPL-2.0-or-later
//! Which system calls a guest makes on the hosting node.
//!
//! What is listed here gives the right answer where the guest computes, because it concerns its own
//! memory, threads, signals or clocks, or because its descriptors are proxies of files at home.
//! Everything else would silently mean the hosting node (its files, its processes, its network).
//! Of that the kernel notifies the filter's **listener**, which is the module: the guest goes home
//! and makes the call there, or the module answers it: POSIX timers are timers of its process at home, which the module
//! asks for them. A call that the module learns to route is added here in the same change.

use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::error::{Context, Result};
use crate::namespaces::Root;

/// Calls that are right whatever their arguments are.
const ALWAYS: &[libc::c_long] = &[
    // Its own memory. Files that are mapped are proxies.
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_munlock,
    libc::SYS_mlockall,
    libc::SYS_munlockall,
    libc::SYS_msync,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    libc::SYS_membarrier,
    libc::SYS_arch_prctl,
    // Its own signals; forwarded from home.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_pause,
    libc::SYS_restart_syscall,
    // Time.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_time,
    libc::SYS_times,
    libc::SYS_alarm,
    libc::SYS_getitimer,
    // Its own threads: waiting for each other.
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    // Identity: pids are those of home by the pid namespace, credentials by the module.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_capget,
    // Where it computes is what it should know: processors, scheduling, what it used.
    libc::SYS_getcpu,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrusage,
    libc::SYS_getrlimit,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getrandom,
    // Open descriptors, all proxies of files at home.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_dup3,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_sendfile,
    libc::SYS_fadvise64,
    // Its end; the status travels home.
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that name files, right when the guest's root is that of its home.
const FILES: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_creat,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_mknod,
    libc::SYS_mknodat,
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_chown,
    libc::SYS_fchown,
    libc::SYS_lchown,
    libc::SYS_fchownat,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_umask,
    libc::SYS_getdents,
    libc::SYS_getdents64,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_flock,
    libc::SYS_copy_file_range,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
    libc::SYS_readahead,
];

/// Locks on those files.
const FCNTL_LOCKS: &[i32] = &[
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
];

/// Descriptor operations of fcntl that stay within the guest's own table. Locks and owners
/// concern files and processes of home.
const FCNTL: &[i32] = &[
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
];

/// `FIOASYNC`, which libc does not name: signals for a file come from its own kernel.
const FIOASYNC: u64 = 0x5452;

/// What the last instructions of a filter do.
mod verdict {
    use seccompiler::SeccompAction;

    /// Stands for [`NOTIFY`], which the compiler of filters does not know.
    pub const PLACEHOLDER: SeccompAction = SeccompAction::Trace(0);
    /// `SECCOMP_RET_TRACE`: the placeholder as it comes out of the compiler.
    pub const TRACE: u32 = 0x7ff0_0000;
    /// `SECCOMP_RET_KILL_PROCESS`: the compiler's answer to calls of other architectures.
    pub const KILL: u32 = 0x8000_0000;
    /// `SECCOMP_RET_USER_NOTIF`.
    pub const NOTIFY: u32 = 0x7fc0_0000;
}

/// Of Linux 6.13; libc does not name them yet.
const MADV_GUARD_INSTALL: u64 = 102;
/// See [`MADV_GUARD_INSTALL`].
const MADV_GUARD_REMOVE: u64 = 103;

/// Thread attributes of prctl.
const PRCTL: &[i32] = &[
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_SET_TIMERSLACK,
    libc::PR_GET_TIMERSLACK,
    libc::PR_GET_DUMPABLE,
    libc::PR_SET_DUMPABLE,
];

/// A compiled filter.
pub struct Filter(BpfProgram);

/// Compiles the filter of a guest whose pid is `pid` and whose paths lead to `root`.
pub fn filter(pid: u32, root: Root) -> Result<Filter> {
    compile(pid, root).context(|| "cannot compile the guest's system call filter")
}

fn compile(pid: u32, root: Root) -> std::result::Result<Filter, seccompiler::BackendError> {
    let equals = |argument: u8, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let one_of = |argument: u8, values: &[i32]| {
        values
            .iter()
            .map(|value| {
                SeccompRule::new(vec![equals(argument, u64::from(value.cast_unsigned()))?])
            })
            .collect::<std::result::Result<Vec<_>, _>>()
    };
    let pid = pid.cast_signed();
    // The bits of `mask` in the argument are `bits`.
    let masked = |argument: u8, mask: u64, bits: u64| {
        let operator = SeccompCmpOp::MaskedEq(mask);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, bits)
    };
    let at_empty_path = |argument: u8| {
        let flag = libc::AT_EMPTY_PATH as u64;
        SeccompRule::new(vec![masked(argument, flag, flag)?])
    };

    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALWAYS.iter().map(|number| (*number, Vec::new())).collect();
    let locks: &[i32] = if root == Root::Home { FCNTL_LOCKS } else { &[] };
    let mut fcntl = one_of(1, &[FCNTL, locks].concat())?;
    fcntl.push(SeccompRule::new(vec![
        equals(1, libc::F_SETFL as u64)?,
        masked(2, libc::O_ASYNC as u64, 0)?,
    ])?);
    rules.insert(libc::SYS_fcntl, fcntl);
    let not_async = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, FIOASYNC)?;
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![not_async])?]);
    // Of guard pages the module decides.
    let no_guard =
        |advice: u64| SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, advice);
    rules.insert(
        libc::SYS_madvise,
        vec![SeccompRule::new(vec![
            no_guard(MADV_GUARD_INSTALL)?,
            no_guard(MADV_GUARD_REMOVE)?,
        ])?],
    );
    // Memory that is shared with other processes is made at home; of files the module decides.
    let file = masked(3, libc::MAP_ANONYMOUS as u64, 0)?;
    let private = masked(3, libc::MAP_TYPE as u64, libc::MAP_PRIVATE as u64)?;
    rules.insert(
        libc::SYS_mmap,
        vec![
            SeccompRule::new(vec![file])?,
            SeccompRule::new(vec![private])?,
        ],
    );
    // Threads; processes are made at home only. Of clone3, whose flags are behind a pointer, the module decides.
    let thread = (libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND) as u64;
    rules.insert(
        libc::SYS_clone,
        vec![SeccompRule::new(vec![masked(0, thread, thread)?])?],
    );
    rules.insert(libc::SYS_prctl, one_of(0, PRCTL)?);
    rules.insert(libc::SYS_setitimer, one_of(0, &[libc::ITIMER_REAL])?);
    // To itself (abort, raise); other pids name processes of home.
    rules.insert(libc::SYS_kill, one_of(0, &[pid])?);
    rules.insert(libc::SYS_tgkill, one_of(0, &[pid])?);
    rules.insert(libc::SYS_tkill, one_of(0, &[pid])?);
    rules.insert(libc::SYS_prlimit64, one_of(0, &[0, pid])?);
    // fstat in the form of newer C libraries. A path finds nothing: the root is empty.
    rules.insert(libc::SYS_newfstatat, vec![at_empty_path(3)?]);
    rules.insert(libc::SYS_statx, vec![at_empty_path(2)?]);
    if root == Root::Home {
        rules.extend(FILES.iter().map(|number| (*number, Vec::new())));
    }

    SeccompFilter::new(
        rules,
        verdict::PLACEHOLDER,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )?
    .try_into()
    .map(|program| Filter(with_notifications(program)))
}

/// Lets the listener know of all that the filter does not allow, whatever architecture it is for.
fn with_notifications(mut program: BpfProgram) -> BpfProgram {
    const RETURN: u16 = 0x06;
    for instruction in &mut program {
        if instruction.code == RETURN && matches!(instruction.k, verdict::TRACE | verdict::KILL) {
            instruction.k = verdict::NOTIFY;
        }
    }
    program
}

impl Filter {
    /// Installs the filter in all threads, for good, and returns its listener. Needs CAP_SYS_ADMIN, which the stub has until the module
    /// gives it the guest's credentials; so the guest's no_new_privs bit stays as it is at home.
    pub fn install(&self) -> Result<OwnedFd> {
        let program = libc::sock_fprog {
            len: u16::try_from(self.0.len())
                .context(|| "the guest's system call filter is too long")?,
            filter: self.0.as_ptr().cast_mut().cast(),
        };
        // SAFETY: the program outlives the call, the kernel copies and checks it.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
                    | libc::SECCOMP_FILTER_FLAG_TSYNC
                    | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
                &raw const program,
            )
        };
        let listener = Errno::result(result)
            .ok()
            .and_then(|descriptor| i32::try_from(descriptor).ok())
            .ok_or_else(Errno::last)
            .context(|| "cannot install the guest's system call filter")?;
        // SAFETY: the kernel has just made it for us.
        Ok(unsafe { OwnedFd::from_raw_fd(listener) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    /// Runs `body` in a filtered child and returns its exit status.
    fn filtered(body: fn() -> i32) -> i32 {
        // SAFETY: the child makes system calls only.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => match waitpid(child, None).expect("wait") {
                WaitStatus::Exited(_, code) => code,
                other => panic!("{other:?}"),
            },
            ForkResult::Child => {
                // SAFETY: getpid cannot fail.
                let pid = unsafe { libc::getpid() }.cast_unsigned();
                // Lets the test run without root, too.
                // SAFETY: plain numbers.
                unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
                // Without a listener the kernel answers that there is no such call.
                let code = match filter(pid, Root::Empty).and_then(|filter| filter.install()) {
                    Ok(listener) => {
                        drop(listener);
                        body()
                    }
                    Err(_) => 99,
                };
                // SAFETY: leaves without running the test harness's exit handlers.
                unsafe { libc::_exit(code) }
            }
        }
    }

    /// 0 if the listener is to know of the call.
    fn attempt(number: libc::c_long, arguments: [i64; 3]) -> i32 {
        let [a, b, c] = arguments;
        // SAFETY: the only pointer that tests pass is that of a constant.
        let result = unsafe { libc::syscall(number, a, b, c, 0, 0) };
        i32::from(!(result == -1 && Errno::last() == Errno::ENOSYS))
    }

    #[test]
    fn calls_that_mean_the_hosting_node_go_to_the_listener() {
        let attempts: [fn() -> i32; 10] = [
            || {
                attempt(
                    libc::SYS_openat,
                    [-100, c"/etc/passwd".as_ptr().addr() as i64, 0],
                )
            },
            || attempt(libc::SYS_socket, [2, 1, 0]),
            || attempt(libc::SYS_kill, [1, 0, 0]),
            || attempt(libc::SYS_clone, [i64::from(libc::SIGCHLD), 0, 0]),
            || attempt(libc::SYS_fcntl, [0, i64::from(libc::F_SETLK), 0]),
            || attempt(libc::SYS_getppid, [0, 0, 0]),
            || attempt(libc::SYS_madvise, [0, 0, MADV_GUARD_INSTALL.cast_signed()]),
            || {
                attempt(
                    libc::SYS_fcntl,
                    [0, i64::from(libc::F_SETFL), i64::from(libc::O_ASYNC)],
                )
            },
            || attempt(libc::SYS_ioctl, [0, FIOASYNC.cast_signed(), 0]),
            || {
                // SAFETY: a mapping at a place of the kernel's choice.
                let memory = unsafe {
                    libc::mmap(
                        std::ptr::null_mut(),
                        4096,
                        libc::PROT_READ,
                        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                        -1,
                        0,
                    )
                };
                i32::from(!(memory == libc::MAP_FAILED && Errno::last() == Errno::ENOSYS))
            },
        ];
        for (index, attempt) in attempts.into_iter().enumerate() {
            assert_eq!(filtered(attempt), 0, "attempt {index} went through");
        }
    }

    #[test]
    fn calls_on_itself_work() {
        let code = filtered(|| {
            // SAFETY: plain system calls with valid arguments.
            unsafe {
                let pid = libc::getpid();
                let memory = libc::mmap(
                    std::ptr::null_mut(),
                    4096,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                let ok = memory != libc::MAP_FAILED
                    && libc::kill(pid, 0) == 0
                    && libc::fcntl(2, libc::F_GETFD) >= 0
                    && libc::prctl(libc::PR_SET_NAME, c"guest".as_ptr(), 0, 0, 0) == 0
                    && libc::sched_yield() == 0;
                i32::from(!ok)
            }
        });
        assert_eq!(code, 0);
    }
}
