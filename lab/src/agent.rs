// SPDX-License-Identifier: GPL-2.0-or-later
//! The lab's end of the command channel to one node.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Result};
use crate::frame::{Exec, Frame, Kind, MAX_PAYLOAD, STDIN_WINDOW};

/// Channel 0 is the agent's own (its hello).
const FIRST_CHANNEL: u32 = 1;

/// A connection to the agent of one node, from the start of its virtual machine to the end of it.
pub(crate) struct Agent {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Mutex<UnixStream>,
    state: Mutex<State>,
    changed: Condvar,
    next: AtomicU32,
}

#[derive(Default)]
struct State {
    hello: Option<String>,
    closed: bool,
    channels: HashMap<u32, Sender<Event>>,
}

/// What a channel hears from the agent.
#[derive(Debug)]
pub(crate) enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Credit(usize),
    Exit(i32),
    Failed(String),
}

impl Agent {
    /// Connects to the virtio-serial socket of a machine that may still be booting.
    pub fn connect(socket: &Path) -> Result<Self> {
        let what = || format!("cannot reach the command port {}", socket.display());
        let writer = UnixStream::connect(socket).context(what)?;
        let mut reader = writer.try_clone().context(what)?;
        let shared = Arc::new(Shared {
            writer: Mutex::new(writer),
            state: Mutex::default(),
            changed: Condvar::new(),
            next: AtomicU32::new(FIRST_CHANNEL),
        });
        let receiver = shared.clone();
        thread::spawn(move || {
            while let Ok(frame) = Frame::read_from(&mut reader) {
                receiver.dispatch(frame);
            }
            let mut state = lock(&receiver.state);
            state.closed = true;
            // Dropping the senders ends every conversation.
            state.channels.clear();
            receiver.changed.notify_all();
        });
        Ok(Self { shared })
    }

    /// Waits for the agent's first word; false when the machine is gone or the time is over.
    pub fn wait_for_hello(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = lock(&self.shared.state);
        while state.hello.is_none() && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.hello.is_some()
    }

    /// The kernel release that the node told.
    pub fn release(&self) -> Option<String> {
        lock(&self.shared.state).hello.clone()
    }

    /// Starts a command.
    pub fn exec(&self, exec: &Exec) -> io::Result<Channel> {
        self.open(Kind::Exec, exec.encode())
    }

    /// Opens a TCP connection from inside the node.
    pub fn tcp(&self, address: &str) -> io::Result<Channel> {
        self.open(Kind::Connect, address.as_bytes().to_vec())
    }

    /// Ends all conversations.
    pub fn close(&self) {
        let _ = lock(&self.shared.writer).shutdown(Shutdown::Both);
    }

    fn open(&self, kind: Kind, payload: Vec<u8>) -> io::Result<Channel> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, events) = mpsc::channel();
        {
            let mut state = lock(&self.shared.state);
            if state.closed {
                return Err(io::ErrorKind::NotConnected.into());
            }
            state.channels.insert(number, sender);
        }
        self.shared.send(&Frame::new(number, kind, payload))?;
        Ok(Channel {
            input: Input {
                shared: self.shared.clone(),
                number,
            },
            events,
        })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn send(&self, frame: &Frame) -> io::Result<()> {
        frame.write_to(&mut *lock(&self.writer))
    }

    fn dispatch(&self, frame: Frame) {
        let mut state = lock(&self.state);
        let number = |payload: &[u8]| {
            payload
                .first_chunk::<4>()
                .map_or(0, |bytes| i32::from_le_bytes(*bytes))
        };
        let event = match frame.kind {
            Kind::Hello => {
                state.hello = Some(String::from_utf8_lossy(&frame.payload).into_owned());
                self.changed.notify_all();
                return;
            }
            Kind::Stdout => Event::Stdout(frame.payload),
            Kind::Stderr => Event::Stderr(frame.payload),
            Kind::Credit => Event::Credit(number(&frame.payload).unsigned_abs() as usize),
            Kind::Exit => Event::Exit(number(&frame.payload)),
            Kind::Failed => Event::Failed(String::from_utf8_lossy(&frame.payload).into_owned()),
            _ => return,
        };
        let is_last = matches!(event, Event::Exit(_) | Event::Failed(_));
        if let Some(sender) = state.channels.get(&frame.channel) {
            // A listener that went away does not mind.
            let _ = sender.send(event);
        }
        if is_last {
            state.channels.remove(&frame.channel);
        }
    }
}

/// One running command or connection.
pub(crate) struct Channel {
    input: Input,
    events: Receiver<Event>,
}

/// The sending half of a channel.
#[derive(Clone)]
pub(crate) struct Input {
    shared: Arc<Shared>,
    number: u32,
}

impl Input {
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.shared
            .send(&Frame::new(self.number, Kind::Stdin, bytes))
    }

    pub fn end(&self) -> io::Result<()> {
        self.shared
            .send(&Frame::new(self.number, Kind::StdinEnd, []))
    }

    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.shared
            .send(&Frame::new(self.number, Kind::Signal, [signal as u8]))
    }
}

impl Channel {
    pub fn input(&self) -> Input {
        self.input.clone()
    }

    /// The next event; `None` when the node is gone, `Err` when nothing came in time.
    pub fn next(&self, limit: Duration) -> std::result::Result<Option<Event>, ()> {
        match self.events.recv_timeout(limit) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(()),
        }
    }

    /// Feeds all of `source` to the command, never more at a time than the agent's window. Output that comes
    /// meanwhile is handed to `output`. Returns early with the last event when the command ends before its input.
    pub fn feed(
        &self,
        source: &mut impl io::Read,
        limit: Duration,
        mut output: impl FnMut(Event),
    ) -> io::Result<Option<Event>> {
        let mut buffer = vec![0; MAX_PAYLOAD];
        let mut in_flight = 0;
        loop {
            let count = source.read(&mut buffer)?;
            if count == 0 {
                self.input.end()?;
                return Ok(None);
            }
            self.input.bytes(&buffer[..count])?;
            in_flight += count;
            while in_flight + MAX_PAYLOAD > STDIN_WINDOW {
                match self.next(limit) {
                    Ok(Some(Event::Credit(bytes))) => in_flight = in_flight.saturating_sub(bytes),
                    Ok(Some(last @ (Event::Exit(_) | Event::Failed(_)))) => return Ok(Some(last)),
                    Ok(Some(event)) => output(event),
                    Ok(None) => return Err(io::ErrorKind::NotConnected.into()),
                    Err(()) => return Err(io::ErrorKind::TimedOut.into()),
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
