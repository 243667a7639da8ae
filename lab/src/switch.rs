// SPDX-License-Identifier: GPL-2.0-or-later
//! The nodes' Ethernet: a learning switch in user space. Each node's network card is a stream of length-prefixed
//! frames on a Unix socket, so no privilege is needed, clusters never meet, and cables can be cut, slowed down and
//! damaged at will.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Result};

/// What a port holds back at most before it drops frames, as a real switch would. In bytes.
const QUEUE_LIMIT: usize = 4 << 20;
/// No Ethernet frame of a node is longer.
const MAX_FRAME: usize = 68 * 1024;

/// What is wrong with one node's cable. The default is a good cable.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cable {
    /// Nothing passes.
    pub cut: bool,
    /// Every frame, in both directions, takes so much longer.
    pub delay: Duration,
    /// Share of frames that are lost, 0 to 1.
    pub loss: f64,
    /// Share of frames in which one byte is changed, 0 to 1.
    pub corrupt: f64,
}

/// A running switch; it stops when dropped.
pub struct Switch {
    shared: Arc<Shared>,
    sockets: Vec<PathBuf>,
}

struct Shared {
    ports: Vec<Port>,
    /// Which port a hardware address was last seen at.
    table: Mutex<HashMap<[u8; 6], usize>>,
    /// Pairs of ports that cannot hear each other.
    separated: Mutex<HashSet<(usize, usize)>>,
    random: AtomicU64,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Port {
    cable: Mutex<Cable>,
    stream: Mutex<Option<UnixStream>>,
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Switch {
    /// Starts a switch with `ports` sockets in `dir`.
    ///
    /// # Errors
    /// When the sockets cannot be made.
    pub fn start(dir: &Path, ports: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            ports: (0..ports).map(|_| Port::default()).collect(),
            table: Mutex::default(),
            separated: Mutex::default(),
            random: AtomicU64::new(0x9e37_79b9_7f4a_7c15),
            stopping: AtomicBool::new(false),
        });
        let mut sockets = Vec::new();
        for index in 0..ports {
            let path = dir.join(format!("lan{}", index + 1));
            let listener = UnixListener::bind(&path)
                .context(|| format!("cannot listen on {}", path.display()))?;
            sockets.push(path);
            let reader = shared.clone();
            thread::spawn(move || reader.serve(index, &listener));
            let writer = shared.clone();
            thread::spawn(move || writer.send_queued(index));
        }
        Ok(Self { shared, sockets })
    }

    /// The socket that a node's network card connects to.
    pub fn socket(&self, port: usize) -> &Path {
        &self.sockets[port]
    }

    /// The state of a cable.
    pub fn cable(&self, port: usize) -> Cable {
        *lock(&self.shared.ports[port].cable)
    }

    /// Changes a cable.
    pub fn set_cable(&self, port: usize, cable: Cable) {
        *lock(&self.shared.ports[port].cable) = cable;
    }

    /// Makes two nodes deaf for each other while both still hear everybody else.
    pub fn separate(&self, one: usize, other: usize) {
        lock(&self.shared.separated).insert((one.min(other), one.max(other)));
    }

    /// Undoes every [`Switch::separate`] that concerns `port`.
    pub fn reunite(&self, port: usize) {
        lock(&self.shared.separated).retain(|&(one, other)| one != port && other != port);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for (port, socket) in self.shared.ports.iter().zip(&self.sockets) {
            if let Some(stream) = lock(&port.stream).take() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            // Wakes the thread that accepts, and the one that sends.
            let _ = UnixStream::connect(socket);
            port.filled.notify_all();
            let _ = fs::remove_file(socket);
        }
    }
}

impl Shared {
    /// Takes one connection after the other: a node that is switched off and on connects again.
    fn serve(&self, port: usize, listener: &UnixListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            let Ok(mut reader) = stream.try_clone() else {
                continue;
            };
            *lock(&self.ports[port].stream) = Some(stream);
            while let Ok(frame) = read_frame(&mut reader) {
                self.forward(port, frame);
            }
            *lock(&self.ports[port].stream) = None;
        }
    }

    fn forward(&self, from: usize, mut frame: Vec<u8>) {
        let (Some(&target), Some(&source)) = (
            frame.first_chunk::<6>(),
            frame[6.min(frame.len())..].first_chunk::<6>(),
        ) else {
            return;
        };
        let cable = *lock(&self.ports[from].cable);
        if !self.passes(&cable, &mut frame) {
            return;
        }
        let is_group = target[0] & 1 == 1;
        let known = {
            let mut table = lock(&self.table);
            table.insert(source, from);
            if is_group {
                None
            } else {
                table.get(&target).copied()
            }
        };
        let due = Instant::now() + cable.delay;
        match known {
            Some(to) if to != from => self.enqueue(from, to, due, frame),
            Some(_) => {}
            None => {
                for to in (0..self.ports.len()).filter(|&to| to != from) {
                    self.enqueue(from, to, due, frame.clone());
                }
            }
        }
    }

    fn enqueue(&self, from: usize, to: usize, due: Instant, mut frame: Vec<u8>) {
        if lock(&self.separated).contains(&(from.min(to), from.max(to))) {
            return;
        }
        let port = &self.ports[to];
        let cable = *lock(&port.cable);
        if !self.passes(&cable, &mut frame) {
            return;
        }
        let mut queue = lock(&port.queue);
        if queue.bytes + frame.len() > QUEUE_LIMIT {
            return;
        }
        queue.bytes += frame.len();
        // Frames of a slow sender wait among those of fast ones, and never overtake frames of the same sender.
        let due = due + cable.delay;
        let place = queue.frames.partition_point(|(other, _)| *other <= due);
        queue.frames.insert(place, (due, frame));
        port.filled.notify_one();
    }

    /// Applies a cable's defects to a frame; false when the frame is lost.
    fn passes(&self, cable: &Cable, frame: &mut [u8]) -> bool {
        if cable.cut || (cable.loss > 0.0 && self.chance() < cable.loss) {
            return false;
        }
        if cable.corrupt > 0.0 && self.chance() < cable.corrupt {
            // Behind the addresses: a frame to nobody would be lost rather than damaged.
            let at = 14 + (self.chance() * (frame.len().saturating_sub(14)) as f64) as usize;
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= 0x55;
            }
        }
        true
    }

    /// A number from 0 to 1 (xorshift: damage needs no better randomness).
    fn chance(&self) -> f64 {
        let mut next = 0;
        let _ = self
            .random
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mut x| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                next = x;
                Some(x)
            });
        (next >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sends a port's frames when they are due.
    fn send_queued(&self, port: usize) {
        let port = &self.ports[port];
        loop {
            let frame = {
                let mut queue = lock(&port.queue);
                loop {
                    if self.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    let now = Instant::now();
                    match queue.frames.front().map(|(due, _)| *due) {
                        Some(due) if due <= now => break,
                        Some(due) => {
                            let (guard, _) = port
                                .filled
                                .wait_timeout(queue, due - now)
                                .unwrap_or_else(PoisonError::into_inner);
                            queue = guard;
                        }
                        None => {
                            queue = port
                                .filled
                                .wait(queue)
                                .unwrap_or_else(PoisonError::into_inner)
                        }
                    }
                }
                let Some((_, frame)) = queue.frames.pop_front() else {
                    continue;
                };
                queue.bytes -= frame.len();
                frame
            };
            // The stream is cloned out of its lock: a paused node may not read for long.
            let stream = lock(&port.stream)
                .as_ref()
                .and_then(|stream| stream.try_clone().ok());
            if let Some(mut stream) = stream {
                // A node that went away misses its frames, as on a real wire.
                let _ = write_frame(&mut stream, &frame);
            }
        }
    }
}

/// QEMU's framing of packets on a stream: length as u32, big endian, then the bytes.
fn read_frame(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame is longer than any of Ethernet",
        ));
    }
    let mut frame = vec![0; length];
    reader.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(writer: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(4 + frame.len());
    bytes.extend_from_slice(&(frame.len() as u32).to_be_bytes());
    bytes.extend_from_slice(frame);
    writer.write_all(&bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Card(UnixStream);

    impl Card {
        fn plug(switch: &Switch, port: usize) -> Self {
            let stream = UnixStream::connect(switch.socket(port)).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            while lock(&switch.shared.ports[port].stream).is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            Self(stream)
        }

        fn send(&mut self, target: u8, source: u8, text: &str) {
            let mut frame = vec![0, 0, 0, 0, 0, target, 0, 0, 0, 0, 0, source, 8, 0];
            if target == 255 {
                frame[..6].fill(255);
            }
            frame.extend_from_slice(text.as_bytes());
            write_frame(&mut self.0, &frame).unwrap();
        }

        fn hear(&mut self) -> Option<String> {
            read_frame(&mut self.0)
                .ok()
                .map(|frame| String::from_utf8_lossy(&frame[14..]).into_owned())
        }
    }

    fn three() -> (tempdir::Dir, Switch, [Card; 3]) {
        let dir = tempdir::Dir::new();
        let switch = Switch::start(&dir.0, 3).unwrap();
        let cards = [
            Card::plug(&switch, 0),
            Card::plug(&switch, 1),
            Card::plug(&switch, 2),
        ];
        (dir, switch, cards)
    }

    mod tempdir {
        use std::path::PathBuf;
        use std::sync::atomic::{AtomicU32, Ordering};

        pub struct Dir(pub PathBuf);

        impl Dir {
            pub fn new() -> Self {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let path = std::env::temp_dir()
                    .join(format!("mattx-switch-{}-{number}", std::process::id()));
                std::fs::create_dir_all(&path).unwrap();
                Self(path)
            }
        }

        impl Drop for Dir {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    #[test]
    fn a_broadcast_reaches_everybody_and_a_known_address_only_its_owner() {
        let (_dir, _switch, [mut a, mut b, mut c]) = three();
        a.send(255, 1, "who is there");
        assert_eq!(b.hear().as_deref(), Some("who is there"));
        assert_eq!(c.hear().as_deref(), Some("who is there"));
        b.send(1, 2, "me");
        assert_eq!(a.hear().as_deref(), Some("me"));
        assert_eq!(c.hear(), None);
    }

    #[test]
    fn a_cut_cable_carries_nothing_until_it_is_mended() {
        let (_dir, switch, [mut a, mut b, mut c]) = three();
        switch.set_cable(
            1,
            Cable {
                cut: true,
                ..Cable::default()
            },
        );
        a.send(255, 1, "one");
        assert_eq!(c.hear().as_deref(), Some("one"));
        assert_eq!(b.hear(), None);
        switch.set_cable(1, Cable::default());
        a.send(255, 1, "two");
        assert_eq!(b.hear().as_deref(), Some("two"));
    }

    #[test]
    fn separated_nodes_still_hear_the_others() {
        let (_dir, switch, [mut a, mut b, mut c]) = three();
        switch.separate(1, 0);
        a.send(255, 1, "from a");
        assert_eq!(c.hear().as_deref(), Some("from a"));
        assert_eq!(b.hear(), None);
        switch.reunite(1);
        a.send(255, 1, "again");
        assert_eq!(b.hear().as_deref(), Some("again"));
    }

    #[test]
    fn a_slow_cable_delays_in_order() {
        let (_dir, switch, [mut a, mut b, _c]) = three();
        switch.set_cable(
            0,
            Cable {
                delay: Duration::from_millis(120),
                ..Cable::default()
            },
        );
        let begin = Instant::now();
        a.send(255, 1, "first");
        a.send(255, 1, "second");
        assert_eq!(b.hear().as_deref(), Some("first"));
        assert!(begin.elapsed() >= Duration::from_millis(120));
        assert_eq!(b.hear().as_deref(), Some("second"));
    }

    #[test]
    fn a_bad_cable_damages_the_content_but_not_the_addresses() {
        let (_dir, switch, [mut a, mut b, _c]) = three();
        switch.set_cable(
            0,
            Cable {
                corrupt: 1.0,
                ..Cable::default()
            },
        );
        a.send(255, 1, "precious");
        let heard = b.hear().unwrap();
        assert_ne!(heard, "precious");
        assert_eq!(
            heard
                .bytes()
                .zip("precious".bytes())
                .filter(|(was, is)| was != is)
                .count(),
            1
        );
    }
}
