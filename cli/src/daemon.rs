// SPDX-License-Identifier: GPL-2.0-or-later
//! The conversation with `mattx-discd`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use mattx_protocol::command::{Command, Outcome};
use mattx_protocol::local::{MAX_LINE, Operation, Reply, Request, VERSION};
use mattx_protocol::model::{MoveStatistics, NodeId, NodeSample, NodeState};

use crate::Failure;

/// A move may take as long as the deadlines of the module allow.
const PATIENCE: Duration = Duration::from_secs(150);

/// A connection to the daemon of this node.
pub struct Daemon {
    stream: BufReader<UnixStream>,
    /// The node that it runs on.
    pub node: NodeId,
    /// Whether the cluster speaks without keys.
    pub insecure: bool,
}

impl Daemon {
    /// Connects and checks the version.
    pub fn connect(path: &Path) -> Result<Self, Failure> {
        let connect = || {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = connect().map_err(|source| Failure::NoDaemon {
            path: path.display().to_string(),
            source,
        })?;
        let mut daemon = Self {
            stream: BufReader::new(stream),
            node: 0,
            insecure: false,
        };
        match daemon.read()? {
            Reply::Hello {
                version: VERSION,
                node,
                insecure,
            } => {
                daemon.node = node;
                daemon.insecure = insecure;
                Ok(daemon)
            }
            Reply::Hello { version, .. } => Err(Failure::Version(version, VERSION)),
            _ => Err(Failure::Conversation("it did not greet".to_owned())),
        }
    }

    /// All nodes as they are now, by number. Lost ones are there for a while.
    pub fn nodes(&mut self) -> Result<Vec<NodeSample>, Failure> {
        self.ask(Operation::Snapshot)?;
        let mut nodes = Vec::new();
        loop {
            match self.read()? {
                Reply::Node(sample) => nodes.push(sample),
                Reply::Answer { outcome, .. } => {
                    done(outcome)?;
                    nodes.sort_by_key(|node: &NodeSample| node.id);
                    return Ok(nodes);
                }
                _ => {}
            }
        }
    }

    /// Has a command carried out.
    pub fn execute(&mut self, command: Command) -> Result<MoveStatistics, Failure> {
        self.ask(Operation::Execute(command))?;
        loop {
            if let Reply::Answer { outcome, .. } = self.read()? {
                return done(outcome);
            }
        }
    }

    /// Sends a request.
    pub fn ask(&mut self, operation: Operation) -> Result<(), Failure> {
        let request = Request { id: 1, operation };
        let broken = |error: &dyn std::fmt::Display| Failure::Conversation(error.to_string());
        let mut line = serde_json::to_string(&request).map_err(|error| broken(&error))?;
        line.push('\n');
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(|error| broken(&error))
    }

    /// The next thing that the daemon says.
    pub fn read(&mut self) -> Result<Reply, Failure> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(MAX_LINE as u64)
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::Conversation(error.to_string()))?;
        if read == 0 {
            return Err(Failure::Conversation("it hung up".to_owned()));
        }
        serde_json::from_slice(&line).map_err(|error| Failure::Conversation(error.to_string()))
    }
}

fn done(outcome: Outcome) -> Result<MoveStatistics, Failure> {
    match outcome {
        Outcome::Done { statistics } => Ok(statistics),
        Outcome::Failed { errno, reason } => Err(Failure::Refused { errno, reason }),
    }
}

/// The node that a person means by a number, an address or a host name.
pub fn resolve(nodes: &[NodeSample], text: &str) -> Result<NodeId, Failure> {
    if let Ok(id) = text.parse() {
        // Numbers go through as they are: the answer of the home node is better than a guess.
        return Ok(id);
    }
    let address: Option<IpAddr> = text.parse().ok();
    let matching: Vec<_> = nodes
        .iter()
        .filter(|node| Some(node.address) == address || node.name == text)
        .collect();
    let alive = matching.iter().find(|node| node.state != NodeState::Down);
    match (alive, &matching[..]) {
        (Some(node), _) => Ok(node.id),
        (None, [node, ..]) => Err(Failure::Usage(format!(
            "node {} ({text}) is down; see `mattx status`",
            node.id
        ))),
        (None, []) => Err(Failure::Usage(format!(
            "no node has the number, address or name {text:?}; see `mattx status`"
        ))),
    }
}
