// SPDX-License-Identifier: GPL-2.0-or-later
//! Talks to a cluster in the background.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::SOCKET;
use super::request::{Answer, Request, Status};
use crate::error::{Context, Error, Result};
use crate::frame::{Frame, Kind, MAX_PAYLOAD, STDIN_WINDOW};
use crate::rundir;

/// The way to one cluster.
pub struct Client {
    name: String,
    socket: PathBuf,
}

/// Names of the clusters that run in the background.
///
/// # Errors
/// When there is no place for run folders.
pub fn list() -> Result<Vec<String>> {
    let mut names: Vec<String> = rundir::running()?
        .into_iter()
        .filter(|dir| dir.join(SOCKET).exists())
        .filter_map(|dir| Some(dir.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

impl Client {
    /// A client of the cluster `name`.
    ///
    /// # Errors
    /// When there is no place for run folders.
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            socket: rundir::base()?.join(name).join(SOCKET),
        })
    }

    /// The state of the cluster.
    ///
    /// # Errors
    /// When it does not run.
    pub fn status(&self) -> Result<Status> {
        match self.ask(&Request::Status)? {
            Answer::Status(status) => Ok(*status),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a request that is answered with success or failure only.
    ///
    /// # Errors
    /// The reason why it was not done.
    pub fn request(&self, request: &Request) -> Result<()> {
        self.ask(request).map(|_| ())
    }

    /// Forwards a port; returns the port of this host.
    ///
    /// # Errors
    /// The reason why it was not done.
    pub fn forward(&self, node: usize, node_port: u16, port: u16) -> Result<u16> {
        match self.ask(&Request::Forward {
            node,
            node_port,
            port,
        })? {
            Answer::Port(port) => Ok(port),
            other => Err(unexpected(&other)),
        }
    }

    /// Runs a command with this process's standard streams; returns its exit status.
    ///
    /// # Errors
    /// When the cluster or the node is not there.
    pub fn sh(&self, node: usize, command: &str, timeout_ms: u64, with_stdin: bool) -> Result<i32> {
        let what = || format!("the cluster \"{}\" went away", self.name);
        let mut stream = self.connect()?;
        let request = Request::Sh {
            node,
            command: command.to_owned(),
            timeout_ms,
        };
        send_line(&mut stream, &request).context(what)?;
        let mut reader = BufReader::new(stream.try_clone().context(what)?);
        let window = Arc::new((Mutex::new(0_usize), Condvar::new()));
        if with_stdin {
            let window = window.clone();
            thread::spawn(move || feed_stdin(&mut stream, &window));
        } else {
            Frame::new(0, Kind::StdinEnd, [])
                .write_to(&mut stream)
                .context(what)?;
        }
        let number = |payload: &[u8]| {
            payload
                .first_chunk::<4>()
                .map_or(0, |bytes| i32::from_le_bytes(*bytes))
        };
        loop {
            let frame = Frame::read_from(&mut reader).context(what)?;
            match frame.kind {
                Kind::Stdout => print_to(&mut io::stdout(), &frame.payload)?,
                Kind::Stderr => print_to(&mut io::stderr(), &frame.payload)?,
                Kind::Credit => {
                    let (in_flight, changed) = &*window;
                    let mut in_flight = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
                    *in_flight =
                        in_flight.saturating_sub(number(&frame.payload).unsigned_abs() as usize);
                    changed.notify_all();
                }
                Kind::Exit => return Ok(number(&frame.payload)),
                Kind::Failed => {
                    let reason = String::from_utf8_lossy(&frame.payload).into_owned();
                    return Err(Error::Refused {
                        node: format!("node{node}"),
                        reason,
                    });
                }
                _ => {}
            }
        }
    }

    fn ask(&self, request: &Request) -> Result<Answer> {
        let what = || format!("the cluster \"{}\" went away", self.name);
        let mut stream = self.connect()?;
        send_line(&mut stream, request).context(what)?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).context(what)?;
        let answer = serde_json::from_str(&line)
            .map_err(io::Error::from)
            .context(what)?;
        match answer {
            Answer::Failed(reason) => Err(Error::Usage(reason)),
            answer => Ok(answer),
        }
    }

    fn connect(&self) -> Result<UnixStream> {
        UnixStream::connect(&self.socket).map_err(|_| {
            Error::Usage(format!(
                "no cluster named \"{}\" is running; boot one with scripts/lab up",
                self.name
            ))
        })
    }
}

fn send_line(stream: &mut UnixStream, request: &Request) -> io::Result<()> {
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

fn feed_stdin(stream: &mut UnixStream, window: &(Mutex<usize>, Condvar)) {
    let (in_flight, changed) = window;
    let mut buffer = vec![0; MAX_PAYLOAD];
    while let Ok(count @ 1..) = io::stdin().read(&mut buffer) {
        if Frame::new(0, Kind::Stdin, &buffer[..count])
            .write_to(stream)
            .is_err()
        {
            return;
        }
        let mut in_flight = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        *in_flight += count;
        while *in_flight + MAX_PAYLOAD > STDIN_WINDOW {
            in_flight = changed
                .wait(in_flight)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
    let _ = Frame::new(0, Kind::StdinEnd, []).write_to(stream);
}

fn print_to(stream: &mut impl Write, bytes: &[u8]) -> Result<()> {
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    written.context(|| "cannot write the command's output".into())
}

fn unexpected(answer: &Answer) -> Error {
    Error::Usage(format!(
        "the cluster gave an answer to another question: {answer:?}"
    ))
}
