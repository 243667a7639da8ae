// SPDX-License-Identifier: GPL-2.0-or-later
//! The control socket: local programs, one JSON object a line (`protocol/src/local.rs`).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mattx_protocol::command::Outcome;
use mattx_protocol::local::{MAX_LINE, Reply, Request};
use mattx_protocol::model::NodeSample;
use nix::unistd::{Gid, Group, Uid, chown};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, UCred};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Group whose members may use the socket.
const GROUP: &str = "mattx";
/// Most programs at a time.
const MAX_CLIENTS: usize = 256;
/// Lines that wait for a slow program. More than this is a program that does not read.
const QUEUE: usize = 1024;
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Names a connected program.
pub type ClientId = u64;
/// A reply, serialised once for all who get it.
pub type Line = Arc<str>;

/// What programs do.
#[derive(Debug)]
pub enum ClientEvent {
    /// One connected. Dropping `lines` closes the connection.
    Joined {
        /// Its name from now on.
        client: ClientId,
        /// Where its replies go.
        lines: mpsc::Sender<Line>,
        /// Whether it may change anything.
        may_execute: bool,
    },
    /// One asks.
    Asked {
        /// Who.
        client: ClientId,
        /// What.
        request: Request,
    },
    /// One is gone.
    Left(ClientId),
}

/// [`Reply::Node`] of a sample that stays where it is.
#[derive(Serialize)]
enum Shown<'a> {
    Node(&'a NodeSample),
}

/// The line that shows a node.
#[must_use]
pub fn node_line(sample: &NodeSample) -> Line {
    to_line(&Shown::Node(sample))
}

/// Makes a reply line.
#[must_use]
pub fn line(reply: &Reply) -> Line {
    to_line(reply)
}

fn to_line(reply: &impl Serialize) -> Line {
    // All keys of our types are texts, so this cannot fail; an empty line would be skipped.
    let mut text = serde_json::to_string(reply).unwrap_or_default();
    text.push('\n');
    text.into()
}

/// Opens the socket at `path`, for root and the group `mattx`.
pub fn open(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A socket that nobody answers on is left over from a daemon that was killed.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another mattx-discd answers there",
        ));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    match Group::from_name(GROUP) {
        Ok(Some(group)) => chown(path, None, Some(group.gid))?,
        _ => tracing::info!(
            "there is no group {GROUP}: only root may use {}",
            path.display()
        ),
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves programs until `events` is closed.
pub async fn serve(listener: UnixListener, events: mpsc::Sender<ClientEvent>) {
    let next = AtomicU64::new(1);
    let permits = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("control socket: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        if events.is_closed() {
            return;
        }
        let client = next.fetch_add(1, Ordering::Relaxed);
        let events = events.clone();
        tokio::spawn(async move {
            let _permit = permit;
            run(stream, client, &events).await;
            let _ = events.send(ClientEvent::Left(client)).await;
        });
    }
}

async fn run(stream: UnixStream, client: ClientId, events: &mpsc::Sender<ClientEvent>) {
    let may_execute = stream.peer_cred().is_ok_and(|who| may_execute(&who));
    let (input, output) = stream.into_split();
    let (lines, queue) = mpsc::channel(QUEUE);
    let refusals = lines.downgrade();
    let joined = ClientEvent::Joined {
        client,
        lines,
        may_execute,
    };
    if events.send(joined).await.is_err() {
        return;
    }
    tokio::select! {
        () = write(output, queue) => {}
        () = read(input, client, events, &refusals) => {}
    }
}

async fn read(
    input: OwnedReadHalf,
    client: ClientId,
    events: &mpsc::Sender<ClientEvent>,
    refusals: &mpsc::WeakSender<Line>,
) {
    let mut input = BufReader::new(input);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = MAX_LINE as u64 + 1;
        match (&mut input).take(limit).read_until(b'\n', &mut bytes).await {
            Ok(read) if read > 0 && bytes.ends_with(b"\n") => {}
            // The end, or a line that has none.
            _ => return,
        }
        match serde_json::from_slice(&bytes) {
            Ok(request) => {
                if events
                    .send(ClientEvent::Asked { client, request })
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Err(error) => {
                let reply = line(&Reply::Answer {
                    id: 0,
                    outcome: Outcome::Failed {
                        errno: libc::EINVAL,
                        reason: format!("not a request of this protocol: {error}"),
                    },
                });
                if let Some(lines) = refusals.upgrade() {
                    let _ = lines.try_send(reply);
                }
            }
        }
    }
}

async fn write(mut output: OwnedWriteHalf, mut queue: mpsc::Receiver<Line>) {
    while let Some(line) = queue.recv().await {
        match timeout(WRITE_DEADLINE, output.write_all(line.as_bytes())).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// Root, the daemon's own user, and members of the group.
fn may_execute(who: &UCred) -> bool {
    let uid = Uid::from_raw(who.uid());
    if uid.is_root() || uid == Uid::effective() {
        return true;
    }
    let Ok(Some(group)) = Group::from_name(GROUP) else {
        return false;
    };
    Gid::from_raw(who.gid()) == group.gid || who.pid().is_some_and(|pid| is_member(pid, group.gid))
}

/// Whether a process has `gid` among its supplementary groups.
fn is_member(pid: i32, gid: Gid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Groups:"))
        .is_some_and(|groups| {
            groups
                .split_ascii_whitespace()
                .any(|group| group.parse() == Ok(gid.as_raw()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::model::{NodeState, Pressure};

    #[test]
    fn a_node_is_shown_alike_by_both_ways() {
        let sample = NodeSample {
            id: 7,
            name: "node7".to_owned(),
            address: [10, 0, 0, 7].into(),
            state: NodeState::Up,
            cpu_load: 1,
            affinity: 2,
            cores: vec![0.5],
            memory_total_mib: 3,
            memory_available_mib: 4,
            pressure: Pressure::default(),
            network_in: 5,
            network_out: 6,
            uptime_s: 7,
            kernel: "7.2".to_owned(),
            module: None,
            insecure: false,
            processes: Vec::new(),
        };
        assert_eq!(node_line(&sample), line(&Reply::Node(sample)));
    }
}
