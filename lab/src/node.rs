// SPDX-License-Identifier: GPL-2.0-or-later
//! One machine of a cluster, as tests and people handle it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::{Agent, Channel, Event};
use crate::console;
use crate::error::{Context, Error, Result};
use crate::forward;
use crate::frame::Exec;
use crate::process::Process;
use crate::qemu::{Machine, Vm};
use crate::qmp;
use crate::switch::{Cable, Switch};

/// How long a command may take unless told otherwise. Emulated nodes on a busy host are slow.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// How long a node may take to boot: ten seconds on an idle machine, but tests share machines with builds.
pub const BOOT_LIMIT: Duration = Duration::from_secs(300);
/// The checkers of the debug kernel make everything four times as slow.
const DEBUG_BOOT_LIMIT: Duration = Duration::from_secs(1200);
/// What a node gets on top of a command's limit before it counts as dead.
const GRACE: Duration = Duration::from_secs(30);

/// What a command printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + signal number when killed; 124 when out of time.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A node of a cluster.
pub struct Node {
    machine: Machine,
    switch: Arc<Switch>,
    power: Mutex<Power>,
    /// Up to where the console has been read for reports.
    checked: Mutex<usize>,
}

/// What exists only while the machine is switched on.
#[derive(Default)]
struct Power {
    vm: Option<Vm>,
    agent: Option<Arc<Agent>>,
}

impl Node {
    pub(crate) fn new(machine: Machine, switch: Arc<Switch>) -> Self {
        Self {
            machine,
            switch,
            power: Mutex::default(),
            checked: Mutex::new(0),
        }
    }

    /// Number within the cluster, from 1.
    pub fn number(&self) -> usize {
        self.machine.number
    }

    /// `node1`, `node2`, ...: its host name, too.
    pub fn name(&self) -> String {
        format!("node{}", self.machine.number)
    }

    /// Its address on the cluster's network.
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(
            10,
            77,
            (self.machine.number >> 8) as u8,
            (self.machine.number & 255) as u8,
        )
    }

    // Commands

    /// Runs a shell command that must succeed; returns its standard output without trailing blanks.
    ///
    /// # Errors
    /// [`Error::Command`] with both outputs when the status is not zero; the node's failures.
    pub fn sh(&self, command: &str) -> Result<String> {
        let output = self.run(command, COMMAND_LIMIT)?;
        if output.status != 0 {
            return Err(self.command_error(command, &output));
        }
        Ok(output.stdout.trim_end().to_owned())
    }

    /// Runs a shell command and returns what came of it, failure of the command included.
    ///
    /// # Errors
    /// Those of the node, not of the command.
    pub fn try_sh(&self, command: &str) -> Result<Output> {
        self.run(command, COMMAND_LIMIT)
    }

    /// Runs a shell command for at most `limit`, after which it is killed and has status 124.
    ///
    /// # Errors
    /// Those of the node, not of the command.
    pub fn run(&self, command: &str, limit: Duration) -> Result<Output> {
        let channel = self.exec(command, limit)?;
        self.collect(command, &channel, limit)
    }

    /// Starts a shell command and lets it run.
    ///
    /// # Errors
    /// Those of the node.
    pub fn spawn(&self, command: &str) -> Result<Process> {
        Ok(Process::new(
            self.name(),
            command.to_owned(),
            self.exec(command, Duration::ZERO)?,
        ))
    }

    /// Repeats a shell command until it succeeds; returns its standard output. `what` completes the sentence
    /// "node1 did not ... within 10 s".
    ///
    /// # Errors
    /// [`Error::Timeout`] with the last output.
    pub fn wait_until(&self, what: &str, limit: Duration, command: &str) -> Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            let output = self.run(command, COMMAND_LIMIT)?;
            if output.status == 0 {
                return Ok(output.stdout.trim_end().to_owned());
            }
            if Instant::now() >= deadline {
                return Err(Error::Timeout {
                    node: self.name(),
                    what: format!("{what} (last try: {}{})", output.stdout, output.stderr),
                    limit,
                    console: console::tail(&self.console(), 20),
                });
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Copies a file or folder of the host into the node; permissions are kept, a missing target folder is made.
    ///
    /// # Errors
    /// When it cannot be read here or written there.
    pub fn push(&self, local: &Path, remote: &str) -> Result<()> {
        let what = || format!("cannot read {}", local.display());
        let metadata = fs::metadata(local).context(what)?;
        if metadata.is_dir() {
            for entry in fs::read_dir(local).context(what)? {
                let entry = entry.context(what)?;
                self.push(
                    &entry.path(),
                    &format!("{remote}/{}", entry.file_name().to_string_lossy()),
                )?;
            }
            return Ok(());
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        let file = File::open(local).context(what)?;
        self.write_from(file, remote, mode)
    }

    /// Writes a file in the node.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, remote: &str, content: impl AsRef<[u8]>) -> Result<()> {
        self.write_from(io::Cursor::new(content.as_ref()), remote, 0o644)
    }

    fn write_from(&self, mut source: impl Read, remote: &str, mode: u32) -> Result<()> {
        let path = quote(remote);
        // Written beside and renamed, so that a running program's file can be replaced.
        let command = format!(
            "set -e; target={path}; [ ! -d \"$target\" ] || {{ echo \"$target is a folder\" >&2; exit 21; }}; \
             mkdir -p \"$(dirname \"$target\")\"; cat >\"$target.part\"; chmod {mode:o} \"$target.part\"; \
             mv \"$target.part\" \"$target\""
        );
        let channel = self.exec(&command, Duration::ZERO)?;
        let mut output = Collected::default();
        let fed = channel.feed(&mut source, COMMAND_LIMIT, |event| output.add(event));
        let last = fed.context(|| format!("{}: cannot write {remote}", self.name()))?;
        let output = match last {
            Some(event) => self.finish(&format!("write {remote}"), event, output)?,
            None => {
                self.collect_into(&format!("write {remote}"), &channel, COMMAND_LIMIT, output)?
            }
        };
        if output.status != 0 {
            return Err(self.command_error(&format!("write {remote}"), &output));
        }
        Ok(())
    }

    /// Copies a file of the node to the host.
    ///
    /// # Errors
    /// When it cannot be read there or written here.
    pub fn pull(&self, remote: &str, local: &Path) -> Result<()> {
        let what = || format!("cannot write {}", local.display());
        let command = format!("cat {}", quote(remote));
        let channel = self.exec(&command, Duration::ZERO)?;
        let mut file = File::create(local).context(what)?;
        let mut rest = Collected::default();
        loop {
            match self.next(&command, &channel, COMMAND_LIMIT)? {
                Event::Stdout(bytes) => file.write_all(&bytes).context(what)?,
                event @ (Event::Exit(_) | Event::Failed(_)) => {
                    let output = self.finish(&command, event, rest)?;
                    if output.status != 0 {
                        let _ = fs::remove_file(local);
                        return Err(self.command_error(&command, &output));
                    }
                    return Ok(());
                }
                event => rest.add(event),
            }
        }
    }

    /// Makes a TCP port of the node reachable at a port of this host's loopback; returns that port. Connections
    /// reach the service from the node's own loopback. `port` 0 lets the system choose.
    ///
    /// # Errors
    /// When the host port is taken.
    pub fn forward(self: &Arc<Self>, port: u16, node_port: u16) -> Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context(|| {
            format!("cannot listen on port {port} of this machine; is something else using it?")
        })?;
        let port = listener
            .local_addr()
            .context(|| "a listening socket has no address".into())?
            .port();
        let node = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let node = node.clone();
                thread::spawn(move || node.carry(stream, node_port));
            }
        });
        Ok(port)
    }

    fn carry(&self, stream: TcpStream, node_port: u16) {
        // Without an agent (machine switched off) the connection just closes, as it would on a real network.
        if let Ok(agent) = self.agent()
            && let Ok(channel) = agent.tcp(&format!("127.0.0.1:{node_port}"))
        {
            forward::carry(stream, channel);
        }
    }

    // Faults

    /// Cuts the power: no shutdown, no word to anybody.
    pub fn power_off(&self) {
        let mut power = self.power();
        if let Some(agent) = power.agent.take() {
            agent.close();
        }
        power.vm = None;
    }

    /// Switches a machine on that is off, and waits until it takes commands.
    ///
    /// # Errors
    /// [`Error::NodeDied`] or [`Error::Timeout`].
    pub fn power_on(&self) -> Result<()> {
        self.start()?;
        self.wait_for_boot()
    }

    /// Presses the reset button: power off and on.
    ///
    /// # Errors
    /// Those of [`Node::power_on`].
    pub fn reset(&self) -> Result<()> {
        self.power_off();
        self.power_on()
    }

    /// Stops all processors of the node; its clock stands still as well.
    ///
    /// # Errors
    /// When QEMU does not answer.
    pub fn pause(&self) -> Result<()> {
        qmp::execute(&self.machine.qmp_socket(), "stop")
    }

    /// Continues after [`Node::pause`].
    ///
    /// # Errors
    /// When QEMU does not answer.
    pub fn resume(&self) -> Result<()> {
        qmp::execute(&self.machine.qmp_socket(), "cont")
    }

    /// The state of its network cable.
    pub fn cable(&self) -> Cable {
        self.switch.cable(self.machine.number - 1)
    }

    /// Changes the state of its network cable.
    pub fn set_cable(&self, cable: Cable) {
        self.switch.set_cable(self.machine.number - 1, cable);
    }

    /// Pulls the network cable.
    pub fn cut(&self) {
        self.set_cable(Cable {
            cut: true,
            ..self.cable()
        });
    }

    /// Makes this node and `other` deaf for each other only.
    pub fn separate_from(&self, other: &Node) {
        self.switch
            .separate(self.machine.number - 1, other.machine.number - 1);
    }

    /// A good cable again, and nobody deaf.
    pub fn mend(&self) {
        self.set_cable(Cable::default());
        self.switch.reunite(self.machine.number - 1);
    }

    // State

    /// Everything the kernel and early user land printed, all boots of this node.
    pub fn console(&self) -> String {
        fs::read(self.machine.console()).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Whether the machine is switched on (it may be paused or still booting).
    pub fn is_on(&self) -> bool {
        self.power().vm.as_mut().is_some_and(|vm| !vm.has_ended())
    }

    /// Process id of its QEMU, while it is on.
    pub fn pid(&self) -> Option<u32> {
        self.power().vm.as_ref().map(Vm::pid)
    }

    /// The kernel release it runs, e.g. `7.2.12+deb13-cloud-amd64`; `None` before it is up.
    pub fn release(&self) -> Option<String> {
        self.power()
            .agent
            .as_ref()
            .and_then(|agent| agent.release())
    }

    /// Fails when the kernel reported a defect since the last check.
    ///
    /// # Errors
    /// [`Error::KernelReport`].
    pub fn check(&self) -> Result<()> {
        let console = self.console();
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = console.get(*checked..).unwrap_or_default();
        let report = console::find_report(fresh);
        *checked = console.len();
        match report {
            Some(report) => Err(Error::KernelReport {
                node: self.name(),
                report,
            }),
            None => Ok(()),
        }
    }

    /// Accepts a report that a test provoked on purpose: reads the console up to here without complaint.
    pub fn forgive(&self) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = self.console().len();
    }

    pub(crate) fn start(&self) -> Result<()> {
        let mut power = self.power();
        if power.vm.as_mut().is_some_and(|vm| !vm.has_ended()) {
            return Err(Error::Usage(format!("{} is on already", self.name())));
        }
        *power = Power::default();
        // Sockets of an earlier boot would be mistaken for those of the new one.
        let _ = fs::remove_file(self.machine.command_socket());
        let _ = fs::remove_file(self.machine.qmp_socket());
        power.vm = Some(self.machine.start()?);
        Ok(())
    }

    pub(crate) fn wait_for_boot(&self) -> Result<()> {
        let limit = if self.machine.files.is_debug() {
            DEBUG_BOOT_LIMIT
        } else {
            BOOT_LIMIT
        };
        let deadline = Instant::now() + limit;
        let agent = loop {
            match Agent::connect(&self.machine.command_socket()) {
                Ok(agent) => break Arc::new(agent),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
            self.must_be_on()?;
        };
        self.power().agent = Some(agent.clone());
        while !agent.wait_for_hello(Duration::from_millis(500)) {
            self.must_be_on()?;
            if Instant::now() >= deadline {
                return Err(Error::Timeout {
                    node: self.name(),
                    what: "boot".into(),
                    limit,
                    console: console::tail(&self.console(), 20),
                });
            }
        }
        Ok(())
    }

    fn must_be_on(&self) -> Result<()> {
        if self.is_on() {
            Ok(())
        } else {
            Err(self.died())
        }
    }

    fn died(&self) -> Error {
        let output = fs::read_to_string(self.machine.output()).unwrap_or_default();
        let last_words = format!(
            "{}\n{}",
            console::tail(&self.console(), 40),
            console::tail(&output, 10)
        );
        Error::NodeDied {
            node: self.name(),
            last_words,
        }
    }

    pub(crate) fn agent(&self) -> Result<Arc<Agent>> {
        self.power()
            .agent
            .clone()
            .ok_or_else(|| Error::Usage(format!("{} is switched off", self.name())))
    }

    pub(crate) fn exec(&self, command: &str, limit: Duration) -> Result<Channel> {
        let exec = Exec {
            script: command.to_owned(),
            timeout_ms: limit.as_millis() as u64,
        };
        match self.agent()?.exec(&exec) {
            Ok(channel) => Ok(channel),
            Err(_) if !self.is_on() => Err(self.died()),
            Err(error) => Err(error).context(|| format!("{}: cannot run `{command}`", self.name())),
        }
    }

    fn collect(&self, command: &str, channel: &Channel, limit: Duration) -> Result<Output> {
        let _ = channel.input().end();
        self.collect_into(command, channel, limit, Collected::default())
    }

    fn collect_into(
        &self,
        command: &str,
        channel: &Channel,
        limit: Duration,
        mut output: Collected,
    ) -> Result<Output> {
        loop {
            match self.next(command, channel, limit + GRACE)? {
                event @ (Event::Exit(_) | Event::Failed(_)) => {
                    return self.finish(command, event, output);
                }
                event => output.add(event),
            }
        }
    }

    fn next(&self, command: &str, channel: &Channel, limit: Duration) -> Result<Event> {
        match channel.next(limit) {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(self.died()),
            Err(()) => Err(Error::Timeout {
                node: self.name(),
                what: format!("answer to `{command}`"),
                limit,
                console: console::tail(&self.console(), 20),
            }),
        }
    }

    fn finish(&self, command: &str, last: Event, output: Collected) -> Result<Output> {
        match last {
            Event::Exit(status) => Ok(Output {
                status,
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            }),
            Event::Failed(reason) => Err(Error::Refused {
                node: self.name(),
                reason: format!("cannot run `{command}`: {reason}"),
            }),
            _ => Err(self.died()),
        }
    }

    fn command_error(&self, command: &str, output: &Output) -> Error {
        Error::Command {
            node: self.name(),
            command: command.to_owned(),
            status: output.status,
            output: format!("{}{}", output.stdout, output.stderr),
        }
    }

    fn power(&self) -> MutexGuard<'_, Power> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Collected {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Collected {
    fn add(&mut self, event: Event) {
        match event {
            Event::Stdout(bytes) => self.stdout.extend_from_slice(&bytes),
            Event::Stderr(bytes) => self.stderr.extend_from_slice(&bytes),
            Event::Credit(_) | Event::Exit(_) | Event::Failed(_) => {}
        }
    }
}

/// For a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
