// SPDX-License-Identifier: GPL-2.0-or-later
//! The last steps of the surrogate, after which nothing of this program is left.
//!
//! The guest's vDSO must lie where it lies at home, and there may be anything of ours: libraries,
//! stack, or our own vDSO. So the surrogate moves into a **lounge**, two pages at a place that is
//! free and clear of the guest's vDSO, and from there executes a prepared list of system calls:
//! unmap everything below and above, map the vDSO, hand over. The interpreter of that list is
//! a dozen position-independent instructions without a stack. So it does not matter whether this
//! program is static, position-independent, or where its parts were loaded.

use std::convert::Infallible;
use std::ffi::c_void;
use std::ptr;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

use crate::device::{Device, GUEST_BECOME, GUEST_JOIN, GuestInfo};
use crate::error::{Context, Result};

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the surrogate's last steps are written for x86-64 only");

const PAGE: usize = 4096;
/// One page of instructions and one of data.
const LOUNGE: usize = 2 * PAGE;
/// End of user space with four page-table levels: the module maps nothing above it.
const TASK_SIZE: u64 = 0x7fff_ffff_f000;
const ARCH_MAP_VDSO_64: u64 = 0x2003;
/// Exit statuses of the surrogate when a step of the list fails. Seen in the stub's log only:
/// the module refuses the offer when the device is closed.
const FAILED_UNMAP: u64 = 121;
const FAILED_VDSO: u64 = 122;
const FAILED_BECOME: u64 = 123;
const FAILED_JOIN: u64 = 124;

/// A system call of the list.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Call {
    number: u64,
    arguments: [u64; 3],
    /// Exit status if the call fails.
    failed: u64,
}

/// The data page of the lounge.
#[repr(C)]
struct Data {
    calls: [Call; 5],
    /// What a thread other than the main one executes.
    thread: [Call; 2],
    guest: GuestInfo,
}

/// The interpreter, copied into the lounge. In: rbx = first [`Call`].
#[unsafe(naked)]
unsafe extern "C" fn interpreter() -> ! {
    core::arch::naked_asm!(
        "2:",
        "mov rax, [rbx]",
        "mov rdi, [rbx + 8]",
        "mov rsi, [rbx + 16]",
        "mov rdx, [rbx + 24]",
        "xor r10d, r10d",
        "syscall",
        "cmp rax, -4095",
        "jae 3f",
        "add rbx, {size}",
        "jmp 2b",
        "3:",
        "mov rdi, [rbx + 32]",
        "mov eax, {exit_group}",
        "syscall",
        "ud2",
        size = const size_of::<Call>(),
        exit_group = const libc::SYS_exit_group,
    )
}
/// Upper bound of the interpreter's length.
const INTERPRETER: usize = 64;

/// A lounge, ready for the surrogate.
pub struct Departure {
    lounge: *mut c_void,
}

impl Departure {
    /// Maps the lounge and writes down the surrogate's last system calls.
    pub fn prepare(device: &Device, guest: &GuestInfo) -> Result<Self> {
        let lounge = map_lounge(guest).context(|| "no free place for the surrogate's last code")?;
        let begin = lounge.addr() as u64;
        let end = begin + LOUNGE as u64;
        let data = begin + PAGE as u64;
        let unmap = |start: u64, end: u64| Call {
            number: libc::SYS_munmap as u64,
            arguments: [start, end - start, 0],
            failed: FAILED_UNMAP,
        };
        let map_vdso = if guest.vdso_start == 0 {
            // A home without a vDSO: a second unmapping does no harm and keeps the list's form.
            unmap(end, TASK_SIZE)
        } else {
            // The address is a hint to the kernel; the module checks where the vDSO is.
            Call {
                number: libc::SYS_arch_prctl as u64,
                arguments: [ARCH_MAP_VDSO_64, guest.vdso_start, 0],
                failed: FAILED_VDSO,
            }
        };
        let calls = [
            unmap(0, begin),
            unmap(end, TASK_SIZE),
            map_vdso,
            Call {
                number: libc::SYS_ioctl as u64,
                arguments: [
                    u64::from(device.descriptor().cast_unsigned()),
                    GUEST_BECOME,
                    data + std::mem::offset_of!(Data, guest) as u64,
                ],
                failed: FAILED_BECOME,
            },
            // Never reached: success of the call above does not come back here.
            Call {
                number: libc::SYS_exit_group as u64,
                arguments: [FAILED_BECOME, 0, 0],
                failed: FAILED_BECOME,
            },
        ];
        let thread = [
            Call {
                number: libc::SYS_ioctl as u64,
                arguments: [
                    u64::from(device.descriptor().cast_unsigned()),
                    GUEST_JOIN,
                    0,
                ],
                failed: FAILED_JOIN,
            },
            // Never reached either.
            Call {
                number: libc::SYS_exit_group as u64,
                arguments: [FAILED_JOIN, 0, 0],
                failed: FAILED_JOIN,
            },
        ];
        // SAFETY: the lounge is LOUNGE bytes of fresh writable memory that nothing else names;
        // the interpreter's instructions are shorter than INTERPRETER and readable, as all code.
        unsafe {
            ptr::copy_nonoverlapping(interpreter as *const u8, lounge.cast::<u8>(), INTERPRETER);
            lounge.byte_add(PAGE).cast::<Data>().write(Data {
                calls,
                thread,
                guest: *guest,
            });
        }
        // SAFETY: the first page of the lounge belongs to nobody else.
        Errno::result(unsafe { libc::mprotect(lounge, PAGE, libc::PROT_READ | libc::PROT_EXEC) })
            .context(|| "cannot make the surrogate's last code executable")?;
        Ok(Self { lounge })
    }

    /// Makes a thread for each of `tids`; they go to the lounge at once and wait in the module.
    ///
    /// All signals are blocked from here on, in the caller too.
    pub fn make_threads(&self, tids: &[libc::pid_t]) -> Result<()> {
        // Handlers and the memory they would run in are about to go. The module sets the guest's mask.
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)
            .context(|| "cannot block signals")?;
        for tid in tids {
            self.make_thread(*tid)
                .context(|| format!("cannot make thread {tid} in the guest's namespace"))?;
        }
        Ok(())
    }

    fn make_thread(&self, tid: libc::pid_t) -> nix::Result<()> {
        let set_tid = [tid];
        // SAFETY: all fields of clone_args are numbers for which zero means "nothing".
        let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
        arguments.flags = (libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM) as u64;
        arguments.set_tid = set_tid.as_ptr().addr() as u64;
        arguments.set_tid_size = set_tid.len() as u64;
        let result: i64;
        // SAFETY: the new thread shares the stack pointer and does not use it: it jumps to the lounge,
        // which has no stack and never comes back. rbx cannot be named as an operand.
        unsafe {
            core::arch::asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "mov rbx, r12",
                "jmp r13",
                "2:",
                inlateout("rax") libc::SYS_clone3 => result,
                in("rdi") &raw const arguments,
                in("rsi") size_of::<libc::clone_args>(),
                in("r12") self.lounge.byte_add(PAGE + std::mem::offset_of!(Data, thread)),
                in("r13") self.lounge,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        if result < 0 {
            return Err(Errno::from_raw(i32::try_from(-result).unwrap_or(libc::EIO)));
        }
        Ok(())
    }

    /// Leaves. Returns only if a step before the last code failed.
    pub fn depart(self, device: &Device) -> Result<Infallible> {
        // SAFETY: forgets the address that the kernel clears at exit; it is about to be unmapped.
        unsafe { libc::syscall(libc::SYS_set_tid_address, ptr::null::<c_void>()) };
        unregister_rseq().context(|| "cannot unregister restartable sequences")?;
        // Last, because errors are told on an inherited descriptor.
        close_all_but(device).context(|| "cannot close inherited descriptors")?;
        // SAFETY: the lounge holds the interpreter and, one page on, its list of calls. The jump
        // never comes back, so nothing of this program is used after its memory is gone.
        // rbx cannot be named as an operand, so it is loaded by hand.
        unsafe {
            core::arch::asm!(
                "mov rbx, {list}",
                "jmp {code}",
                list = in(reg) self.lounge.byte_add(PAGE),
                code = in(reg) self.lounge,
                options(noreturn),
            )
        }
    }
}

/// Maps the lounge at a low place where neither this program nor the guest's vDSO is.
fn map_lounge(guest: &GuestInfo) -> nix::Result<*mut c_void> {
    const FIRST: usize = 0x10_0000;
    const STEP: usize = 0x10_0000;
    const TRIES: usize = 1024;
    let clear_of_vdso = |start: &usize| {
        let (start, end) = (*start as u64, (*start + LOUNGE) as u64);
        end <= guest.vdso_start || start >= guest.vdso_end
    };
    let mut last = Errno::ENOMEM;
    for start in (0..TRIES).map(|i| FIRST + i * STEP).filter(clear_of_vdso) {
        // SAFETY: a fixed mapping that replaces nothing disturbs nothing.
        let place = unsafe {
            libc::mmap(
                ptr::without_provenance_mut(start),
                LOUNGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
                -1,
                0,
            )
        };
        if place != libc::MAP_FAILED {
            return Ok(place);
        }
        last = Errno::last();
    }
    Err(last)
}

/// Closes what the surrogate inherited from the daemon.
fn close_all_but(device: &Device) -> nix::Result<()> {
    let keep = device.descriptor().cast_unsigned();
    let close = |first: u32, last: u32| {
        // SAFETY: nothing that runs from here on uses another descriptor.
        Errno::result(unsafe { libc::close_range(first, last, 0) }).map(drop)
    };
    if keep > 0 {
        close(0, keep - 1)?;
    }
    close(keep + 1, u32::MAX)
}

/// The kernel writes to the registered area whenever the thread was preempted, and kills the
/// process when it is not there any more.
fn unregister_rseq() -> nix::Result<()> {
    unsafe extern "C" {
        static __rseq_offset: isize;
        static __rseq_size: u32;
    }
    const RSEQ_FLAG_UNREGISTER: i32 = 1;
    const RSEQ_SIGNATURE: u32 = 0x5305_3053;
    /// The length of the first layout. Later ones are as long as the features that the kernel
    /// offers, rounded up by rules of the C library that changed more than once.
    const FIRST_LENGTH: u32 = 32;
    const LONGEST: u32 = 512;

    // SAFETY: constants of the C library, written before main.
    let (offset, size) = unsafe { (__rseq_offset, __rseq_size) };
    if size == 0 {
        return Ok(());
    }
    let thread: usize;
    // SAFETY: reads the thread pointer, which on x86-64 stands in the first word it points to.
    unsafe {
        core::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, readonly, preserves_flags));
    }
    let area = thread.wrapping_add_signed(offset);
    let mut last = Errno::EINVAL;
    let likely = size.max(FIRST_LENGTH);
    for length in std::iter::once(likely).chain(FIRST_LENGTH..=LONGEST) {
        // SAFETY: tells the kernel to forget the area; nobody uses it from here on.
        let result = unsafe {
            libc::syscall(
                libc::SYS_rseq,
                area,
                length,
                RSEQ_FLAG_UNREGISTER,
                RSEQ_SIGNATURE,
            )
        };
        match Errno::result(result) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    use super::*;

    /// Departs in a child with a device that knows no ioctl, so that the list runs up to
    /// [`GUEST_BECOME`] and tells how far it came by its exit status.
    fn status_of_departure(guest: &GuestInfo) -> i32 {
        let device = Device::from(File::open("/dev/null").expect("/dev/null"));
        let departure = Departure::prepare(&device, guest).expect("prepare");
        // SAFETY: the child makes system calls only.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => match waitpid(child, None).expect("wait") {
                WaitStatus::Exited(_, code) => code,
                other => panic!("{other:?}"),
            },
            ForkResult::Child => {
                let _ = departure.depart(&device);
                // SAFETY: leaves without running the test harness's exit handlers.
                unsafe { libc::_exit(1) }
            }
        }
    }

    /// Start and end of the mapping called `name` in this process.
    fn mapping(name: &str) -> (u64, u64) {
        let maps = fs::read_to_string("/proc/self/maps").expect("maps");
        let line = maps.lines().find(|line| line.ends_with(name)).expect(name);
        let range = line.split(' ').next().expect("range");
        let (start, end) = range.split_once('-').expect("two addresses");
        let address = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
        (address(start), address(end))
    }

    fn guest(vdso_start: u64) -> GuestInfo {
        GuestInfo {
            vdso_start,
            vdso_end: if vdso_start == 0 {
                0
            } else {
                vdso_start + 0x6000
            },
            ..GuestInfo::default()
        }
    }

    #[test]
    fn the_surrogate_reaches_the_module_wherever_the_vdso_must_lie() {
        let (stack, _) = mapping("[stack]");
        let (own, _) = mapping("[vdso]");
        let code = (interpreter as *const u8).addr() as u64 & !0xfff;
        for vdso in [0, stack, own - 0x3000, code, 0x10_0000, 0x7fff_0000_0000] {
            assert_eq!(
                status_of_departure(&guest(vdso)),
                i32::try_from(FAILED_BECOME).expect("small"),
                "vDSO at {vdso:#x}"
            );
        }
    }

    #[test]
    fn the_interpreter_fits_its_bound() {
        // The instruction after the last one of the interpreter is found by its `ud2`.
        // SAFETY: code is readable.
        let code = unsafe { std::slice::from_raw_parts(interpreter as *const u8, INTERPRETER) };
        assert!(code.windows(2).any(|pair| pair == [0x0f, 0x0b]));
    }
}
