// SPDX-License-Identifier: GPL-2.0-or-later
//! The owner of a cluster in the background.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::request::{Answer, Fault, NodeStatus, Request, Status};
use super::{READY, SOCKET};
use crate::agent::{Channel, Event};
use crate::cluster::{Cluster, Config};
use crate::error::{Context, Error, Result};
use crate::frame::{Frame, Kind};
use crate::node::Node;
use crate::switch::Cable;

/// A silent command is a healthy one; this only bounds how often the relay looks around.
const LOOK_AROUND: Duration = Duration::from_secs(3600);

struct Server {
    cluster: Cluster,
    name: String,
    forwards: Mutex<Vec<(u16, usize, u16)>>,
    end: Mutex<Sender<()>>,
}

/// Boots a cluster and serves requests until one of them is `Down`. Prints "ready" to standard output when it is up;
/// until a line has come back on standard input, the end of that means that nobody wants the cluster any more.
///
/// # Errors
/// Those of booting.
pub fn serve(config: Config) -> Result<()> {
    let wanted = thread::spawn(|| {
        let mut line = String::new();
        if !matches!(io::stdin().read_line(&mut line), Ok(1..)) {
            std::process::exit(1);
        }
    });
    let name = config.name.clone().unwrap_or_default();
    let cluster = Cluster::boot(config)?;
    let path = cluster.dir().join(SOCKET);
    let listener =
        UnixListener::bind(&path).context(|| format!("cannot listen on {}", path.display()))?;
    let (end, ended) = mpsc::channel();
    let server = Arc::new(Server {
        cluster,
        name,
        forwards: Mutex::default(),
        end: Mutex::new(end),
    });
    println!("{READY}");
    let _ = wanted.join();
    let owner = server.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = server.clone();
            thread::spawn(move || {
                // A client that went away needs no answer.
                let _ = server.handle(stream);
            });
        }
    });
    let _ = ended.recv();
    // The exit handler ends the machines and removes the folder; threads of clients still hold the cluster.
    drop(owner);
    std::process::exit(0);
}

impl Server {
    fn handle(&self, stream: UnixStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let request: Request = serde_json::from_str(&line)?;
        if let Request::Sh {
            node,
            command,
            timeout_ms,
        } = &request
        {
            let channel = self
                .cluster
                .find(*node)
                .and_then(|node| node.exec(command, Duration::from_millis(*timeout_ms)));
            return match channel {
                Ok(channel) => relay(reader, writer, &channel),
                Err(error) => Frame::new(0, Kind::Failed, error.to_string()).write_to(&mut writer),
            };
        }
        let is_last = matches!(request, Request::Down);
        let answer = self
            .answer(request)
            .unwrap_or_else(|error| Answer::Failed(error.to_string()));
        let mut line = serde_json::to_string(&answer)?;
        line.push('\n');
        if is_last {
            // Whoever reads this answer may rely on the cluster being gone.
            for node in self.cluster.nodes() {
                node.power_off();
            }
            let _ = fs::remove_dir_all(self.cluster.dir());
        }
        writer.write_all(line.as_bytes())?;
        if is_last {
            let _ = self
                .end
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .send(());
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Result<Answer> {
        match request {
            Request::Status => return Ok(Answer::Status(Box::new(self.status()))),
            Request::Push {
                node,
                local,
                remote,
            } => self.cluster.find(node)?.push(&local, &remote)?,
            Request::Pull {
                node,
                remote,
                local,
            } => self.cluster.find(node)?.pull(&remote, &local)?,
            Request::Fault { node, fault } => self.fault(self.cluster.find(node)?, &fault)?,
            Request::Forward {
                node,
                node_port,
                port,
            } => {
                let port = self.cluster.find(node)?.forward(port, node_port)?;
                self.forwards
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((port, node, node_port));
                return Ok(Answer::Port(port));
            }
            Request::Check | Request::Down => self.cluster.check()?,
            Request::Sh { .. } => return Err(Error::Usage("a command needs frames".into())),
        }
        Ok(Answer::Done)
    }

    fn status(&self) -> Status {
        let nodes = self.cluster.nodes().iter().map(|node| NodeStatus {
            number: node.number(),
            address: node.address().to_string(),
            on: node.is_on(),
            release: node.release(),
            pid: node.pid(),
        });
        Status {
            name: self.name.clone(),
            kernel: self.cluster.kernel().to_string(),
            boot_seconds: self.cluster.boot_time().as_secs_f64(),
            accelerated: self.cluster.is_accelerated(),
            dir: self.cluster.dir().to_path_buf(),
            nodes: nodes.collect(),
            forwards: self
                .forwards
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    fn fault(&self, node: &Arc<Node>, fault: &Fault) -> Result<()> {
        let share = |percent: &f64| {
            if (0.0..=100.0).contains(percent) {
                Ok(percent / 100.0)
            } else {
                Err(Error::Usage(format!(
                    "{percent} is no percentage; give a number from 0 to 100"
                )))
            }
        };
        let cable = node.cable();
        match fault {
            Fault::PowerOff => node.power_off(),
            Fault::PowerOn => node.power_on()?,
            Fault::Reset => node.reset()?,
            Fault::Pause => node.pause()?,
            Fault::Resume => node.resume()?,
            Fault::Cut { from: None } => node.cut(),
            Fault::Cut { from: Some(other) } => node.separate_from(self.cluster.find(*other)?),
            Fault::Delay { ms } => node.set_cable(Cable {
                delay: Duration::from_millis(*ms),
                ..cable
            }),
            Fault::Lose { percent } => node.set_cable(Cable {
                loss: share(percent)?,
                ..cable
            }),
            Fault::Corrupt { percent } => node.set_cable(Cable {
                corrupt: share(percent)?,
                ..cable
            }),
            Fault::Mend => node.mend(),
        }
        Ok(())
    }
}

/// Carries a command between a client and a node.
fn relay(
    mut reader: BufReader<UnixStream>,
    mut writer: UnixStream,
    channel: &Channel,
) -> io::Result<()> {
    let input = channel.input();
    let ended = Arc::new(AtomicBool::new(false));
    let over = ended.clone();
    thread::spawn(move || {
        loop {
            let sent = match Frame::read_from(&mut reader) {
                Ok(Frame {
                    kind: Kind::Stdin,
                    payload,
                    ..
                }) => input.bytes(&payload),
                Ok(Frame {
                    kind: Kind::StdinEnd,
                    ..
                }) => input.end(),
                Ok(Frame {
                    kind: Kind::Signal,
                    payload,
                    ..
                }) => input.signal(payload.first().copied().unwrap_or(15).into()),
                Ok(_) => Ok(()),
                // The client is gone, by Ctrl-C perhaps: its command goes, too. What a command that ended of itself
                // left behind stays.
                Err(_) => {
                    if !over.load(Ordering::Acquire) {
                        let _ = input.signal(libc::SIGKILL);
                    }
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    loop {
        let frame = match channel.next(LOOK_AROUND) {
            Ok(Some(Event::Stdout(bytes))) => Frame::new(0, Kind::Stdout, bytes),
            Ok(Some(Event::Stderr(bytes))) => Frame::new(0, Kind::Stderr, bytes),
            Ok(Some(Event::Credit(count))) => {
                Frame::new(0, Kind::Credit, (count as u32).to_le_bytes())
            }
            Ok(Some(Event::Exit(status))) => {
                ended.store(true, Ordering::Release);
                return Frame::new(0, Kind::Exit, status.to_le_bytes()).write_to(&mut writer);
            }
            Ok(Some(Event::Failed(reason))) => {
                return Frame::new(0, Kind::Failed, reason).write_to(&mut writer);
            }
            Ok(None) => {
                return Frame::new(0, Kind::Failed, "the node went away").write_to(&mut writer);
            }
            Err(()) => continue,
        };
        frame.write_to(&mut writer)?;
    }
}
