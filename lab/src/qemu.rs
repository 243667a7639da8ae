// SPDX-License-Identifier: GPL-2.0-or-later
//! One virtual machine: its command line and its process.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::counter;
use crate::error::{Context, Result};
use crate::frame::PORT_NAME;
use crate::paths::BootFiles;

/// Hardware of one node.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub number: usize,
    pub files: BootFiles,
    /// The disk with the agent and, where wanted, the software under test.
    pub install: PathBuf,
    pub memory_mib: u32,
    pub cpus: u32,
    /// The switch's socket for this node.
    pub lan: PathBuf,
    /// Folder of its sockets and logs.
    pub dir: PathBuf,
    /// Words added to the kernel's command line.
    pub kernel_options: String,
    /// Count instructions instead of time: slow, but costs can be measured repeatably.
    pub count_instructions: bool,
}

impl Machine {
    pub fn console(&self) -> PathBuf {
        self.file("console")
    }

    pub fn output(&self) -> PathBuf {
        self.file("qemu")
    }

    pub fn command_socket(&self) -> PathBuf {
        self.file("cmd")
    }

    pub fn qmp_socket(&self) -> PathBuf {
        self.file("qmp")
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("node{}.{suffix}", self.number))
    }

    /// Starts the virtual machine. It dies with this process.
    pub fn start(&self) -> Result<Vm> {
        let what = || format!("cannot start QEMU ({})", self.files.qemu.display());
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.output())
            .context(what)?;
        let mut command = Command::new(&self.files.qemu);
        command.args(self.arguments());
        let errors = output.try_clone().context(what)?;
        let child = spawner().spawn(command, output, errors).context(what)?;
        lock_children().insert(child.id());
        Ok(Vm { child })
    }

    fn arguments(&self) -> Vec<String> {
        let number = self.number;
        let drive = |id: &str, path: &Path| {
            format!(
                "if=none,id={id},file={},format=raw,readonly=on,file.locking=off",
                escape(path)
            )
        };
        let mut arguments: Vec<String> = Vec::new();
        let mut add =
            |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
        if kvm_works() && !self.count_instructions {
            add(&["-accel", "kvm", "-cpu", "host"]);
        } else if self.count_instructions {
            add(&[
                "-accel",
                "tcg,thread=single",
                "-icount",
                "shift=0",
                "-cpu",
                "max",
            ]);
        } else {
            // Without the "fast string" features: kernels that see them copy and clear memory byte by byte, as this
            // emulator does it, which takes twice as long as by words. Without a fifth level of page tables, which
            // nodes have no use for and which the emulator walks at each miss.
            add(&["-accel", "tcg,thread=multi,tb-size=256"]);
            add(&["-cpu", "max,-la57,-erms,-fsrm,-fzrm,-fsrs,-fsrc"]);
        }
        add(&[
            "-machine",
            "q35",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]);
        add(&[
            "-m",
            &self.memory_mib.to_string(),
            "-smp",
            &self.cpus.to_string(),
        ]);
        add(&["-kernel", &self.files.kernel.to_string_lossy()]);
        add(&["-initrd", &self.files.initramfs.to_string_lossy()]);
        add(&["-append", &self.kernel_command_line()]);
        add(&[
            "-chardev",
            &format!("file,id=console,append=on,path={}", escape(&self.console())),
        ]);
        add(&["-serial", "chardev:console"]);
        add(&[
            "-qmp",
            &format!("unix:{},server=on,wait=off", escape(&self.qmp_socket())),
        ]);
        for (id, path) in [("root", &self.files.root), ("install", &self.install)] {
            add(&[
                "-drive",
                &drive(id, path),
                "-device",
                &format!("virtio-blk-pci,drive={id}"),
            ]);
        }
        add(&["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]);
        add(&[
            "-chardev",
            &format!(
                "socket,id=cmd,server=on,wait=off,path={}",
                escape(&self.command_socket())
            ),
        ]);
        add(&[
            "-device",
            &format!("virtserialport,chardev=cmd,name={PORT_NAME}"),
        ]);
        add(&[
            "-netdev",
            &format!(
                "stream,id=lan,server=off,addr.type=unix,addr.path={}",
                escape(&self.lan)
            ),
        ]);
        add(&[
            "-device",
            &format!(
                "virtio-net-pci,netdev=lan,romfile=,mac=52:54:00:77:{:02x}:{:02x}",
                number >> 8,
                number & 255
            ),
        ]);
        arguments
    }

    fn kernel_command_line(&self) -> String {
        // loglevel 7: lockdep and KASAN print warnings, which must reach the console to be seen by tests.
        // no_timer_check: on a loaded host the emulated timer fails the boot-time check.
        // tsc=reliable: the emulated counter is the host's and never skews, but on a loaded host the kernel's watchdog
        // thinks so, and the clock that it falls back to costs a hundred times as much to read. Without that watchdog
        // nobody notices a wrong rate, so the kernel must not guess it.
        let checkers = if self.files.is_debug() {
            // Every report counts, not only the first of a boot. Memory that nobody set does not look like zero. And what is
            // still on an emulated processor after a minute need not be stuck.
            "kasan_multi_shot slab_debug=P,kmalloc-* rcupdate.rcu_cpu_stall_timeout=120"
        } else {
            ""
        };
        // A counter of instructions has its own rate, and a hardware's guest is told by its clock.
        let counts_time = !self.count_instructions && !kvm_works();
        let rate = counts_time
            .then(counter::khz)
            .flatten()
            .map_or_else(String::new, |khz| format!("tsc_early_khz={khz}"));
        format!(
            "console=ttyS0 loglevel=7 panic=-1 no_timer_check tsc=reliable {rate} net.ifnames=0 random.trust_cpu=on lab.node={} {checkers} {}",
            self.number, self.kernel_options
        )
    }
}

/// QEMU reads commas in option values as separators unless doubled.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// Whether hardware virtualisation runs stock kernels. A writable /dev/kvm alone proves nothing: paravirtual hosts
/// offer it as well and fail on the first unmodified kernel.
pub(crate) fn kvm_works() -> bool {
    let vendor = ["kvm_intel", "kvm_amd"]
        .iter()
        .any(|module| Path::new("/sys/module").join(module).exists());
    vendor
        && OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok()
}

/// A running QEMU process; killed when dropped.
pub(crate) struct Vm {
    child: Child,
}

impl Vm {
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        lock_children().remove(&self.child.id());
    }
}

/// Processes to kill at exit.
static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn lock_children() -> MutexGuard<'static, BTreeSet<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every virtual machine of this process.
pub(crate) fn kill_all() {
    for pid in lock_children().iter() {
        let _ = kill(Pid::from_raw(*pid as i32), Signal::SIGKILL);
    }
}

/// The kernel sends the "parent died" signal when the *thread* that started a child ends. Test threads come and go,
/// so one thread that lives as long as the process starts all virtual machines.
struct Spawner(Mutex<Sender<Order>>);

struct Order {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

fn spawner() -> &'static Spawner {
    static SPAWNER: OnceLock<Spawner> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for mut order in orders {
                let _ = order.answer.send(order.command.spawn());
            }
        });
        Spawner(Mutex::new(sender))
    })
}

impl Spawner {
    fn spawn(&self, mut command: Command, stdout: File, stderr: File) -> io::Result<Child> {
        // A process group of its own: Ctrl-C at the terminal reaches the lab, which then ends its machines in order.
        command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        // SAFETY: prctl(2) is async-signal-safe and allocates nothing.
        unsafe {
            command.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?));
        }
        let (answer, result) = mpsc::channel();
        let gone = || io::Error::other("the starting thread is gone");
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.send(Order { command, answer }).map_err(|_| gone())?;
        result.recv().map_err(|_| gone())?
    }
}
