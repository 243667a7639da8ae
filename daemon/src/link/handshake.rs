// SPDX-License-Identifier: GPL-2.0-or-later
//! The first words of a connection.

use std::net::SocketAddr;

use mattx_protocol::peer::{Frame, Greeting};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::record::RecordStream;
use super::stream::Stream;
use super::tls::Credentials;
use super::{GREETING_DEADLINE, LinkError, frame};
use crate::beacon::{Beacon, MAX_LENGTH, Stranger};
use crate::key::ClusterKey;

/// A greeting is far shorter; nobody may make us read more.
const GREETING_LIMIT: usize = 4096;
/// Members are known by their key; names mean nothing between them.
const NAME: &str = "member.mattx.invalid";

/// What a daemon needs to talk to other members of its cluster.
#[derive(Clone, Debug)]
pub struct Doorkeeper {
    key: ClusterKey,
    /// None in clusters that go without keys.
    credentials: Option<Credentials>,
}

impl Doorkeeper {
    /// The doorkeeper of holders of `key`.
    pub fn new(key: ClusterKey) -> Result<Self, rustls::Error> {
        let credentials = if key.is_insecure() {
            None
        } else {
            Some(Credentials::derive(&key)?)
        };
        Ok(Self { key, credentials })
    }

    /// Connects to a peer, knocks with this node's beacon, greets, and returns the peer's greeting.
    pub async fn dial(
        &self,
        address: SocketAddr,
        knock: &Beacon,
        greeting: Greeting,
    ) -> Result<(Stream, Greeting), LinkError> {
        let purpose = greeting.purpose;
        let exchange = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let datagram = knock.encode(&self.key);
            let length = u16::try_from(datagram.len()).map_err(|_| Stranger::Malformed)?;
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(&datagram).await?;
            let mut stream = match &self.credentials {
                None => Stream::Plain(stream),
                Some(credentials) => {
                    let connector = TlsConnector::from(credentials.client(purpose));
                    let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
                    let stream = connector.connect(name, RecordStream::new(stream)).await?;
                    Stream::Encrypted(Box::new(TlsStream::Client(stream)))
                }
            };
            frame::write(&mut stream, &Frame::Hello(greeting)).await?;
            let answer = hello(&mut stream).await?;
            if answer.purpose == purpose {
                Ok((stream, answer))
            } else {
                Err(LinkError::Unexpected)
            }
        };
        timeout(GREETING_DEADLINE, exchange)
            .await
            .unwrap_or(Err(LinkError::Late))
    }

    /// Receives a new connection up to its greeting. A stranger gets no answer.
    pub async fn receive(&self, stream: TcpStream) -> Result<(Stream, Greeting), LinkError> {
        let exchange = async {
            let mut stream = stream;
            stream.set_nodelay(true)?;
            let length = usize::from(stream.read_u16().await?);
            if length > MAX_LENGTH {
                return Err(Stranger::Malformed.into());
            }
            let mut knock = [0; MAX_LENGTH];
            let knock = &mut knock[..length];
            stream.read_exact(knock).await?;
            let knock = Beacon::decode(knock, &self.key)?;
            let mut stream = match &self.credentials {
                None => Stream::Plain(stream),
                Some(credentials) => {
                    let acceptor = TlsAcceptor::from(credentials.server());
                    let stream = acceptor.accept(RecordStream::new(stream)).await?;
                    Stream::Encrypted(Box::new(TlsStream::Server(stream)))
                }
            };
            let greeting = hello(&mut stream).await?;
            let is_consistent = stream.is_for(greeting.purpose)
                && (knock.machine, knock.boot) == (greeting.machine, greeting.boot);
            if is_consistent {
                Ok((stream, greeting))
            } else {
                Err(LinkError::Unexpected)
            }
        };
        timeout(GREETING_DEADLINE, exchange)
            .await
            .unwrap_or(Err(LinkError::Late))
    }
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
