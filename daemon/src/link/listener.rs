// SPDX-License-Identifier: GPL-2.0-or-later
//! Takes connections of other daemons.

use std::sync::Arc;
use std::time::Duration;

use mattx_protocol::peer::Greeting;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use super::handshake::{self, Stream};

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
pub async fn serve(listener: TcpListener, incoming: mpsc::Sender<Incoming>) {
    let permits = Arc::new(Semaphore::new(MAX_GREETING));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let (mut stream, from) = match listener.accept().await {
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
        tokio::spawn(async move {
            let _permit = permit;
            match handshake::receive(&mut stream).await {
                Ok(greeting) => {
                    let _ = incoming.send(Incoming { stream, greeting }).await;
                }
                Err(error) => tracing::debug!("a connection from {from} did not greet: {error}"),
            }
        });
    }
}
