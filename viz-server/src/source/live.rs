// SPDX-License-Identifier: GPL-2.0-or-later
//! The cluster as the daemon of this node knows it, through its control socket.
//!
//! The connection is made again whenever it ends. As long as there is no daemon, viewers get the read-only picture of
//! `/proc/mattx` with a notice that says so.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mattx_protocol::browser;
use mattx_protocol::command::Outcome;
use mattx_protocol::local::{self, Operation, Reply, Request};
use mattx_protocol::model::NodeId;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::{Source, procfs};
use crate::hub::{Hub, NO_RECORDING, Order, Wish, failed};

/// Time between two attempts to reach the daemon, and between two looks at `/proc/mattx` meanwhile.
const RETRY: Duration = Duration::from_secs(1);
/// The daemon samples its node every second; a longer silence than this means that it hangs.
const SILENCE: Duration = Duration::from_millis(2250);
/// How often the age of the news is looked at; with [`SILENCE`] it is less than 3 s.
const LOOK: Duration = Duration::from_millis(250);
/// After a new connection, nodes that were not told again within this time are gone.
const RETELL: Duration = Duration::from_secs(3);
/// Length of one read from the daemon's socket.
const CHUNK: usize = 64 << 10;

const EINVAL: i32 = 22;
const EPROTO: i32 = 71;
const ENOTCONN: i32 = 107;

/// The daemon of this node.
#[derive(Debug)]
pub struct Live {
    /// Its control socket.
    pub socket: PathBuf,
    /// Where the module shows its tables.
    pub procfs: PathBuf,
}

impl Source for Live {
    fn kind(&self) -> browser::Source {
        browser::Source::Live
    }

    async fn run(self, hub: Hub, mut orders: mpsc::Receiver<Order>) {
        let mut told = String::new();
        loop {
            let reason = match connect(&self.socket).await {
                Ok(connection) => connection.follow(&hub, &mut orders).await,
                Err(reason) => reason,
            };
            if reason != told {
                tracing::warn!("{reason}");
                told.clone_from(&reason);
            }
            self.stand_in(&hub, &mut orders, &reason).await;
        }
    }
}

impl Live {
    /// Shows `/proc/mattx` until it is time to look for the daemon again.
    async fn stand_in(&self, hub: &Hub, orders: &mut mpsc::Receiver<Order>, reason: &str) {
        match procfs::read(&self.procfs) {
            Ok(nodes) => {
                hub.retain(&nodes.iter().map(|node| node.id).collect::<Vec<_>>());
                nodes.into_iter().for_each(|node| hub.put(node));
                hub.set_notice(Some(format!(
                    "{reason}. Showing the read-only tables of /proc/mattx."
                )));
            }
            Err(other) => hub.lost(format!("{reason}. {other}")),
        }
        let retry = tokio::time::sleep(RETRY);
        tokio::pin!(retry);
        loop {
            tokio::select! {
                () = &mut retry => return,
                Some(order) = orders.recv() => {
                    // The asker may have gone; then nobody needs the answer.
                    let _ = order.answer.send(failed(ENOTCONN, format!("nothing was moved: {reason}")));
                }
            }
        }
    }
}

struct Connection {
    reader: BufReader<tokio::net::unix::OwnedReadHalf>,
    writer: tokio::net::unix::OwnedWriteHalf,
}

async fn connect(socket: &Path) -> Result<Connection, String> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        format!(
            "The daemon mattx-discd cannot be reached at {} ({error}); start it, or give this program the right to use its socket",
            socket.display()
        )
    })?;
    let (reader, writer) = stream.into_split();
    let mut connection = Connection {
        reader: BufReader::with_capacity(CHUNK, reader),
        writer,
    };
    let hello = tokio::time::timeout(SILENCE, connection.next(&mut Vec::new()))
        .await
        .map_err(|_| {
            format!(
                "The daemon at {} accepts connections but does not greet",
                socket.display()
            )
        })??;
    match hello {
        Reply::Hello {
            version: local::VERSION,
            ..
        } => {}
        Reply::Hello { version, .. } => {
            return Err(format!(
                "The daemon speaks version {version} of its protocol and this server {}; install the same release of both",
                local::VERSION
            ));
        }
        _ => {
            return Err(
                "The daemon's first word is no greeting; is this its control socket?".into(),
            );
        }
    }
    connection
        .send(&Request {
            id: 0,
            operation: Operation::Subscribe,
        })
        .await?;
    Ok(connection)
}

impl Connection {
    /// Passes on everything until the connection ends; returns why it did.
    async fn follow(mut self, hub: &Hub, orders: &mut mpsc::Receiver<Order>) -> String {
        hub.set_notice(None);
        let mut fresh: HashMap<NodeId, Instant> = HashMap::new();
        let mut untold: BTreeSet<NodeId> = hub.nodes().iter().map(|node| node.id).collect();
        let mut waiting: HashMap<u64, oneshot::Sender<Outcome>> = HashMap::new();
        let mut next_id = 1;
        let mut line = Vec::new();
        let (connected, mut heard) = (Instant::now(), Instant::now());
        let mut clock = tokio::time::interval(LOOK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                reply = self.next(&mut line) => {
                    let reply = match reply {
                        Ok(reply) => reply,
                        Err(reason) => return reason,
                    };
                    line.clear();
                    heard = Instant::now();
                    hub.set_notice(None);
                    match reply {
                        Reply::Node(sample) => {
                            untold.remove(&sample.id);
                            fresh.insert(sample.id, heard);
                            hub.put(sample);
                        }
                        Reply::Gone(id) => {
                            fresh.remove(&id);
                            hub.remove(id);
                        },
                        Reply::Move(event) => hub.moved(event),
                        Reply::Answer { id, outcome } => {
                            if let Some(answer) = waiting.remove(&id) {
                                let _ = answer.send(outcome);
                            }
                        }
                        Reply::Hello { .. } => {}
                    }
                }
                Some(order) = orders.recv() => {
                    let Wish::Command(command) = order.wish else {
                        let _ = order.answer.send(failed(EINVAL, NO_RECORDING));
                        continue;
                    };
                    let request = Request { id: next_id, operation: Operation::Execute(command) };
                    next_id += 1;
                    if let Err(reason) = self.send(&request).await {
                        let _ = order.answer.send(failed(EPROTO, format!("the command was not sent: {reason}")));
                        return reason;
                    }
                    waiting.retain(|_, answer| !answer.is_closed());
                    waiting.insert(request.id, order.answer);
                }
                _ = clock.tick() => {
                    if heard.elapsed() > SILENCE {
                        hub.lost("The daemon mattx-discd has been silent for seconds; what is shown is old.".into());
                    }
                    // A node whose daemon hangs goes on being told of by ours, but has no news.
                    fresh.retain(|id, when| {
                        let keep = when.elapsed() <= SILENCE;
                        if !keep {
                            hub.age(*id);
                        }
                        keep
                    });
                    if connected.elapsed() > RETELL {
                        std::mem::take(&mut untold).into_iter().for_each(|id| hub.remove(id));
                    }
                }
            }
        }
    }

    /// The next message. Cancellation keeps what was read of it in `line`.
    async fn next(&mut self, line: &mut Vec<u8>) -> Result<Reply, String> {
        loop {
            let available = self
                .reader
                .fill_buf()
                .await
                .map_err(|error| format!("The daemon's socket broke ({error})"))?;
            if available.is_empty() {
                return Err("The daemon mattx-discd closed the connection".into());
            }
            let (taken, complete) = match available.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (available.len(), false),
            };
            line.extend_from_slice(&available[..taken]);
            self.reader.consume(taken);
            if line.len() > local::MAX_LINE {
                return Err("The daemon sent a longer line than its protocol allows".into());
            }
            if complete {
                return serde_json::from_slice(line).map_err(|error| {
                    format!(
                        "The daemon sent something that this server does not understand ({error})"
                    )
                });
            }
        }
    }

    async fn send(&mut self, request: &Request) -> Result<(), String> {
        let mut text = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        text.push(b'\n');
        self.writer
            .write_all(&text)
            .await
            .map_err(|error| format!("The daemon does not read its socket ({error})"))
    }
}
