// SPDX-License-Identifier: GPL-2.0-or-later
//! Where connections come in: plain on this machine, encrypted beyond it, on sockets that systemd opened or our own.
//!
//! Whoever takes long to shake hands keeps nobody waiting, and no address can take all places.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub mod certificate;

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections at one time, and those of one address.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 2048;
/// Connections that may wait to be served.
const QUEUE: usize = 64;
/// First byte of a TLS handshake.
const HANDSHAKE_RECORD: u8 = 22;
/// Bytes that are read of a request that was not encrypted.
const LONGEST_HEAD: usize = 4096;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Doors>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        Self(*stream.remote_addr())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub struct Connection {
    stream: Box<dyn Duplex>,
    _seat: Seat,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Connections of each address.
type Seats = Arc<Mutex<HashMap<IpAddr, usize>>>;

struct Seat {
    seats: Seats,
    of: IpAddr,
}

impl Seat {
    fn take(seats: &Seats, of: IpAddr) -> Option<Self> {
        let mut taken = seats.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.entry(of).or_default();
        if all >= MOST || *own >= MOST_OF_ONE {
            return None;
        }
        *own += 1;
        drop(taken);
        Some(Self {
            seats: seats.clone(),
            of,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

/// All connections, from all sockets.
pub struct Doors {
    connections: mpsc::Receiver<(Connection, SocketAddr)>,
    address: SocketAddr,
}

impl Doors {
    /// Accepts on `listeners`, encrypted when `encryption` says how.
    ///
    /// # Errors
    /// When there is no listener, or it has no address.
    pub fn open(
        listeners: Vec<TcpListener>,
        encryption: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        let first = listeners
            .first()
            .ok_or_else(|| io::Error::other("there is no socket to listen on"))?;
        let address = first.local_addr()?;
        let (queue, connections) = mpsc::channel(QUEUE);
        let seats = Seats::default();
        let acceptor = encryption.map(TlsAcceptor::from);
        for listener in listeners {
            tokio::spawn(accept(
                listener,
                acceptor.clone(),
                seats.clone(),
                queue.clone(),
            ));
        }
        Ok(Self {
            connections,
            address,
        })
    }

    /// Where connections come in, first of all.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for Doors {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // The tasks that accept end with the program only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    seats: Seats,
    queue: mpsc::Sender<(Connection, SocketAddr)>,
) {
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most likely; they become fewer.
                tracing::warn!("a connection was not accepted: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Some(seat) = Seat::take(&seats, from.ip()) else {
            continue;
        };
        // News are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let (acceptor, queue) = (acceptor.clone(), queue.clone());
        tokio::spawn(async move {
            let stream = match acceptor {
                None => Some(Box::new(stream) as Box<dyn Duplex>),
                Some(acceptor) => timeout(HANDSHAKE, encrypt(stream, acceptor))
                    .await
                    .ok()
                    .flatten(),
            };
            if let Some(stream) = stream {
                let connection = Connection {
                    stream,
                    _seat: seat,
                };
                let _ = queue.send((connection, from)).await;
            }
        });
    }
}

async fn encrypt(stream: TcpStream, acceptor: TlsAcceptor) -> Option<Box<dyn Duplex>> {
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    if first[0] == HANDSHAKE_RECORD {
        return Some(Box::new(acceptor.accept(stream).await.ok()?));
    }
    // Somebody typed the address without https.
    let mut stream = stream;
    let mut head = vec![0; LONGEST_HEAD];
    let mut length = 0;
    while length < head.len() && !head[..length].windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut head[length..]).await.ok()? {
            0 => return None,
            count => length += count,
        }
    }
    let answer = elsewhere(&String::from_utf8_lossy(&head[..length]));
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    None
}

/// The answer to a request that was not encrypted.
fn elsewhere(head: &str) -> String {
    let mut lines = head.lines();
    let path = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .filter(|path| path.starts_with('/'))
        .unwrap_or("/");
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    let body = "This server speaks https only.\n";
    let location = host.map_or(String::new(), |host| {
        format!("Location: https://{host}{path}\r\n")
    });
    format!(
        "HTTP/1.1 308 Permanent Redirect\r\n{location}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_forgets_https_is_sent_there() {
        let answer =
            elsewhere("GET /table?q=1 HTTP/1.1\r\nAccept: */*\r\nhost: node7.lan:5000\r\n\r\n");
        assert!(
            answer.contains("\r\nLocation: https://node7.lan:5000/table?q=1\r\n"),
            "{answer}"
        );
        for odd in ["", "GET\r\n\r\n", "GET http://elsewhere/ HTTP/1.1\r\n\r\n"] {
            assert!(!elsewhere(odd).contains("elsewhere/"), "{odd}");
        }
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let seats = Seats::default();
        let (bad, good) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let taken: Vec<_> = std::iter::from_fn(|| Seat::take(&seats, bad)).collect();
        assert_eq!(taken.len(), MOST_OF_ONE);
        assert!(Seat::take(&seats, good).is_some());
        drop(taken);
        assert!(seats.lock().unwrap().is_empty());
    }
}
