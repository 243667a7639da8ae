// SPDX-License-Identifier: GPL-2.0-or-later
//! The lab's hand inside a node: runs commands and opens connections that come over a virtio-serial port, many at
//! the same time. It works while the node's network is what a test breaks.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mattx_lab::frame::{Exec, Frame, Kind, MAX_PAYLOAD, PORT_NAME};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// After its end, output of a program is awaited so long: programs that it left behind may hold the pipe for ever.
const LINGER: Duration = Duration::from_millis(300);
/// Status of a program that ran out of time, as of timeout(1).
const TIMED_OUT: i32 = 124;

/// What the port's reader hands to a channel.
enum Input {
    Bytes(Vec<u8>),
    End,
    Signal(i32),
}

/// The sending half of the port, shared by all channels.
#[derive(Clone)]
struct Port(Arc<Mutex<File>>);

impl Port {
    fn send(&self, channel: u32, kind: Kind, payload: impl Into<Vec<u8>>) {
        // A failed write means that the lab went away; it takes this node with it.
        let _ = Frame::new(channel, kind, payload).write_to(&mut *lock(&self.0));
    }
}

type Channels = Arc<Mutex<HashMap<u32, Sender<Input>>>>;

fn main() {
    if let Err(error) = serve() {
        eprintln!("lab-agent: {error}");
        std::process::exit(1);
    }
}

fn serve() -> io::Result<()> {
    let path = find_port()?;
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let port = Port(Arc::new(Mutex::new(file.try_clone()?)));
    let mut reader = PortReader(file);
    let channels: Channels = Channels::default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    port.send(0, Kind::Hello, release.trim().as_bytes());
    loop {
        let frame = Frame::read_from(&mut reader)?;
        let (channel, payload) = (frame.channel, frame.payload);
        match frame.kind {
            Kind::Exec | Kind::Connect => {
                let (sender, input) = mpsc::channel();
                lock(&channels).insert(channel, sender);
                let (port, channels) = (port.clone(), channels.clone());
                thread::spawn(move || {
                    let result = match frame.kind {
                        Kind::Exec => run(channel, &payload, input, &port),
                        _ => connect(channel, &payload, input, &port),
                    };
                    match result {
                        Ok(status) => port.send(channel, Kind::Exit, status.to_le_bytes()),
                        Err(error) => port.send(channel, Kind::Failed, error.to_string()),
                    }
                    lock(&channels).remove(&channel);
                });
            }
            Kind::Stdin => deliver(&channels, channel, Input::Bytes(payload)),
            Kind::StdinEnd => deliver(&channels, channel, Input::End),
            Kind::Signal => deliver(
                &channels,
                channel,
                Input::Signal(payload.first().copied().unwrap_or(15).into()),
            ),
            _ => {}
        }
    }
}

fn deliver(channels: &Channels, channel: u32, input: Input) {
    if let Some(sender) = lock(channels).get(&channel) {
        // The channel may just have ended.
        let _ = sender.send(input);
    }
}

/// The character device of our port.
fn find_port() -> io::Result<String> {
    for entry in fs::read_dir("/sys/class/virtio-ports")? {
        let entry = entry?;
        if fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim() == PORT_NAME)
        {
            return Ok(format!("/dev/{}", entry.file_name().to_string_lossy()));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "this machine has no virtio-serial port of the lab",
    ))
}

/// A port without anybody at its other end reads as end of file; that is a pause, not the end.
struct PortReader(File);

impl Read for PortReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer)? {
                0 => thread::sleep(Duration::from_millis(20)),
                count => return Ok(count),
            }
        }
    }
}

fn run(channel: u32, payload: &[u8], input: Receiver<Input>, port: &Port) -> io::Result<i32> {
    let exec = Exec::decode(payload)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed command"))?;
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(&exec.script)
        .current_dir("/root")
        .process_group(0);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(child.id() as i32);
    let ended = Arc::new(AtomicBool::new(false));
    let (done, drained) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        spawn_output(stdout, channel, Kind::Stdout, port, &ended, &done);
    }
    if let Some(stderr) = child.stderr.take() {
        spawn_output(stderr, channel, Kind::Stderr, port, &ended, &done);
    }
    let stdin = child.stdin.take();
    {
        let port = port.clone();
        thread::spawn(move || feed(stdin, input, group, channel, &port));
    }
    let status = wait(&mut child, group, exec.timeout_ms)?;
    let deadline = Instant::now() + LINGER;
    for _ in 0..2 {
        let _ = drained.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    ended.store(true, Ordering::Release);
    Ok(status)
}

/// Copies a pipe to the port. Output that comes after the command's end is read and dropped, so that programs left
/// behind do not die of a broken pipe.
fn spawn_output(
    mut pipe: impl Read + Send + 'static,
    channel: u32,
    kind: Kind,
    port: &Port,
    ended: &Arc<AtomicBool>,
    done: &Sender<()>,
) {
    let (port, ended, done) = (port.clone(), ended.clone(), done.clone());
    thread::spawn(move || {
        let mut buffer = vec![0; MAX_PAYLOAD];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if !ended.load(Ordering::Acquire) {
                port.send(channel, kind, &buffer[..count]);
            }
        }
        let _ = done.send(());
    });
}

/// Feeds standard input and delivers signals until the channel is closed.
fn feed(
    mut stdin: Option<impl Write>,
    input: Receiver<Input>,
    group: Pid,
    channel: u32,
    port: &Port,
) {
    for message in input {
        match message {
            Input::Bytes(bytes) => {
                if let Some(pipe) = &mut stdin
                    && pipe.write_all(&bytes).is_err()
                {
                    stdin = None;
                }
                port.send(channel, Kind::Credit, (bytes.len() as u32).to_le_bytes());
            }
            Input::End => stdin = None,
            Input::Signal(number) => {
                if let Ok(signal) = Signal::try_from(number) {
                    let _ = killpg(group, signal);
                }
            }
        }
    }
}

fn wait(child: &mut Child, group: Pid, timeout_ms: u64) -> io::Result<i32> {
    if timeout_ms == 0 {
        return Ok(status_number(child.wait()?));
    }
    // The guard thread holds no child handle: it kills the group unless told in time that all is well.
    let (cancel, cancelled) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        let timed_out = cancelled
            .recv_timeout(Duration::from_millis(timeout_ms))
            .is_err();
        if timed_out {
            let _ = killpg(group, Signal::SIGKILL);
        }
        timed_out
    });
    let status = child.wait()?;
    let _ = cancel.send(());
    let timed_out = guard.join().unwrap_or(false);
    Ok(if timed_out {
        TIMED_OUT
    } else {
        status_number(status)
    })
}

fn status_number(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn connect(channel: u32, payload: &[u8], input: Receiver<Input>, port: &Port) -> io::Result<i32> {
    let stream = TcpStream::connect(String::from_utf8_lossy(payload).as_ref())?;
    let mut reader = stream.try_clone()?;
    let mut writer = stream;
    let sender = port.clone();
    thread::spawn(move || {
        for message in input {
            match message {
                Input::Bytes(bytes) => {
                    if writer.write_all(&bytes).is_err() {
                        let _ = writer.shutdown(Shutdown::Both);
                    }
                    sender.send(channel, Kind::Credit, (bytes.len() as u32).to_le_bytes());
                }
                Input::End => {
                    let _ = writer.shutdown(Shutdown::Write);
                }
                Input::Signal(_) => {
                    let _ = writer.shutdown(Shutdown::Both);
                }
            }
        }
    });
    let mut buffer = vec![0; MAX_PAYLOAD];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        port.send(channel, Kind::Stdout, &buffer[..count]);
    }
    Ok(0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
