// SPDX-License-Identifier: GPL-2.0-or-later
//! Takes connections of other daemons.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mattx_protocol::peer::Greeting;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use super::LinkError;
use super::handshake::Doorkeeper;
use super::stream::Stream;
use crate::strangers::Strangers;

/// Most connections that have not greeted yet, against strangers that keep many open.
const MAX_GREETING: usize = 128;

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
    let permits = Arc::new(Semaphore::new(MAX_GREETING));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
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
        tokio::spawn(async move {
            let _permit = permit;
            match doorkeeper.receive(stream).await {
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
    }
}
