// SPDX-License-Identifier: GPL-2.0-or-later
//! The stream of a link: encrypted, or plain in clusters that go without keys.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use mattx_protocol::peer::Purpose;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::ktls;
use super::record::RecordStream;
use super::tls::protocol_name;

/// A connection to a member of the cluster.
#[derive(Debug)]
pub enum Stream {
    /// Without keys.
    Plain(TcpStream),
    /// With.
    Encrypted(Box<TlsStream<RecordStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Encrypted(stream) => stream.get_ref().0.get_ref(),
        }
    }

    /// Address of the peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Whether the connection was negotiated for `purpose`; a plain one is for any.
    #[must_use]
    pub fn is_for(&self, purpose: Purpose) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Encrypted(stream) => {
                stream.get_ref().1.alpn_protocol() == Some(protocol_name(purpose))
            }
        }
    }

    /// Makes it a socket that the kernel can use: blocking, and encrypting by itself.
    pub fn into_kernel_socket(self) -> io::Result<OwnedFd> {
        let socket = match self {
            Self::Plain(stream) => stream.into_std()?,
            Self::Encrypted(stream) => {
                let (records, secrets) = match *stream {
                    TlsStream::Client(stream) => {
                        let (records, connection) = stream.into_inner();
                        (records, connection.dangerous_extract_secrets())
                    }
                    TlsStream::Server(stream) => {
                        let (records, connection) = stream.into_inner();
                        (records, connection.dangerous_extract_secrets())
                    }
                };
                let secrets = secrets.map_err(io::Error::other)?;
                let socket = records
                    .into_inner()
                    .ok_or_else(|| io::Error::other("the connection stands within a record"))?
                    .into_std()?;
                ktls::install(socket.as_fd(), secrets)?;
                socket
            }
        };
        socket.set_nonblocking(false)?;
        Ok(OwnedFd::from(socket))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
