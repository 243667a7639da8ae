// SPDX-License-Identifier: GPL-2.0-or-later
//! Takes connections of other daemons.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mattx_protocol::peer::Greeting;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::LinkError;
use super::handshake::Doorkeeper;
use super::stream::Stream;
use super::waiting::Waiting;
use crate::strangers::Strangers;

/// A connection that greeted.
#[derive(Debug)]
pub struct Incoming {
    /// The connection.
    pub stream: Stream,
    /// What it said.
    pub greeting: Greeting,
}

/// Accepts connections until `incoming` is closed.
pub async fn serve(
    listener: TcpListener,
    doorkeeper: Doorkeeper,
    incoming: mpsc::Sender<Incoming>,
) {
    let strangers = Arc::new(Mutex::new(Strangers::new("connection(s) to the link port")));
    let waiting = Arc::new(Mutex::new(Waiting::default()));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors or memory: trying at once would only burn the processor.
                tracing::warn!("cannot accept a connection: {error}");
                sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        if incoming.is_closed() {
            return;
        }
        let incoming = incoming.clone();
        let doorkeeper = doorkeeper.clone();
        let strangers = Arc::clone(&strangers);
        let others = Arc::clone(&waiting);
        // The new task cannot take itself off the list before it is on it. One that panicked left it whole.
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let name = waiting.make_room(from.ip());
        let task = tokio::spawn(async move {
            let received = doorkeeper.receive(stream).await;
            others
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(name);
            match received {
                Ok((stream, greeting)) => {
                    let _ = incoming.send(Incoming { stream, greeting }).await;
                }
                Err(LinkError::Stranger(stranger)) => {
                    if let Ok(mut strangers) = strangers.lock() {
                        strangers.count(&stranger, from.ip());
                    }
                }
                Err(error) => tracing::debug!("a connection from {from} did not greet: {error}"),
            }
        });
        waiting.add(name, from.ip(), task.abort_handle());
    }
}
