// SPDX-License-Identifier: GPL-2.0-or-later
//! A message that is encoded at most once for each form that viewers ask for, however many viewers there are.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use mattx_protocol::browser::{FromServer, Role};
use mattx_protocol::model::NodeSample;

/// How a viewer wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// postcard in binary messages.
    Binary,
    /// JSON in text messages.
    Json,
}

/// How much a viewer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Neither command lines nor user names.
    Public,
    /// Everything.
    Trusted,
}

impl From<Role> for Audience {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer | Role::Kiosk => Self::Public,
            Role::Operator | Role::Admin => Self::Trusted,
        }
    }
}

/// A message and its encodings.
#[derive(Debug)]
pub struct Frame {
    message: FromServer,
    binary: [OnceLock<Bytes>; 2],
    json: [OnceLock<Utf8Bytes>; 2],
}

impl Frame {
    /// A frame that nobody has asked for yet.
    #[must_use]
    pub fn new(message: FromServer) -> Self {
        Self {
            message,
            binary: Default::default(),
            json: Default::default(),
        }
    }

    /// The message itself, with everything in it.
    #[must_use]
    pub fn message(&self) -> &FromServer {
        &self.message
    }

    /// The message as `audience` may see it in `format`.
    #[must_use]
    pub fn encoded(&self, audience: Audience, format: Format) -> Message {
        let index = usize::from(audience == Audience::Trusted);
        match format {
            Format::Binary => Message::Binary(
                self.binary[index]
                    .get_or_init(|| binary(&self.visible(audience)).into())
                    .clone(),
            ),
            Format::Json => Message::Text(
                self.json[index]
                    .get_or_init(|| json(&self.visible(audience)).into())
                    .clone(),
            ),
        }
    }

    fn visible(&self, audience: Audience) -> FromServer {
        let mut message = self.message.clone();
        if audience == Audience::Public
            && let FromServer::Snapshot { nodes, .. } | FromServer::Delta { nodes, .. } =
                &mut message
        {
            nodes.iter_mut().for_each(redact);
        }
        message
    }
}

/// Takes away what only trusted viewers may see.
pub fn redact(node: &mut NodeSample) {
    for process in &mut node.processes {
        process.command_line = None;
        process.user = None;
    }
}

fn binary(message: &FromServer) -> Vec<u8> {
    // Writing plain data to a growing vector has no way to fail.
    postcard::to_stdvec(message).unwrap_or_default()
}

fn json(message: &FromServer) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sim::World;

    #[test]
    fn viewers_see_neither_command_lines_nor_users() {
        let nodes = World::new(1, 3).samples();
        assert!(
            nodes
                .iter()
                .any(|node| node.processes.iter().any(|process| process.user.is_some()))
        );
        let frame = Frame::new(FromServer::Snapshot { sequence: 1, nodes });
        for format in [Format::Binary, Format::Json] {
            let message = match frame.encoded(Audience::Public, format) {
                Message::Binary(bytes) => postcard::from_bytes(&bytes).unwrap(),
                Message::Text(text) => serde_json::from_str(&text).unwrap(),
                other => panic!("unexpected {other:?}"),
            };
            let FromServer::Snapshot { nodes, .. } = message else {
                panic!("not a snapshot")
            };
            for process in nodes.iter().flat_map(|node| &node.processes) {
                assert_eq!((&process.user, &process.command_line), (&None, &None));
            }
        }
    }

    #[test]
    fn both_forms_carry_the_same_message() {
        let message = FromServer::Snapshot {
            sequence: 5,
            nodes: World::new(1, 3).samples(),
        };
        let frame = Frame::new(message.clone());
        let Message::Binary(bytes) = frame.encoded(Audience::Trusted, Format::Binary) else {
            panic!()
        };
        let Message::Text(text) = frame.encoded(Audience::Trusted, Format::Json) else {
            panic!()
        };
        assert_eq!(postcard::from_bytes::<FromServer>(&bytes).unwrap(), message);
        assert_eq!(serde_json::from_str::<FromServer>(&text).unwrap(), message);
    }
}
