// SPDX-License-Identifier: GPL-2.0-or-later
//! The first words of a connection.

use std::net::SocketAddr;

use mattx_protocol::peer::{Frame, Greeting};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{GREETING_DEADLINE, LinkError, frame};

/// A greeting is far shorter; a stranger may not make us read more.
const GREETING_LIMIT: usize = 4096;

/// The stream of a connection.
pub type Stream = TcpStream;

/// Connects to a peer, greets it, and returns its greeting.
pub async fn dial(
    address: SocketAddr,
    greeting: Greeting,
) -> Result<(Stream, Greeting), LinkError> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        frame::write(&mut stream, &Frame::Hello(greeting)).await?;
        let answer = hello(&mut stream).await?;
        Ok((stream, answer))
    };
    timeout(GREETING_DEADLINE, exchange)
        .await
        .unwrap_or(Err(LinkError::Late))
}

/// Reads the greeting of a new incoming connection.
pub async fn receive(stream: &mut Stream) -> Result<Greeting, LinkError> {
    stream.set_nodelay(true)?;
    timeout(GREETING_DEADLINE, hello(stream))
        .await
        .unwrap_or(Err(LinkError::Late))
}

/// Answers an incoming connection that is welcome.
pub async fn welcome(stream: &mut Stream, greeting: Greeting) -> Result<(), LinkError> {
    timeout(
        GREETING_DEADLINE,
        frame::write(stream, &Frame::Hello(greeting)),
    )
    .await
    .unwrap_or(Err(LinkError::Late))
}

/// Answers an incoming connection that is not welcome.
pub async fn refuse(stream: &mut Stream, reason: String) {
    // Whether the peer still hears it or not, the connection is closed.
    let _ = timeout(
        GREETING_DEADLINE,
        frame::write(stream, &Frame::Refused { reason }),
    )
    .await;
}

async fn hello(stream: &mut Stream) -> Result<Greeting, LinkError> {
    match frame::read(stream, GREETING_LIMIT).await? {
        Frame::Hello(greeting) => Ok(greeting),
        Frame::Refused { reason } => Err(LinkError::Refused(reason)),
        _ => Err(LinkError::Unexpected),
    }
}
