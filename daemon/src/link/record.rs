// SPDX-License-Identifier: GPL-2.0-or-later
//! A TCP stream that is read by whole TLS records and not a byte more.
//!
//! When a connection is handed to the kernel, the next record belongs to the kernel; a TLS
//! library that reads ahead would keep part of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Type, version and length of a record.
const HEADER: usize = 5;

/// A TCP stream, read by records.
#[derive(Debug)]
pub struct RecordStream {
    stream: TcpStream,
    header: [u8; HEADER],
    header_read: usize,
    /// Bytes of the current record, its header included, that were not delivered yet.
    remaining: usize,
}

impl RecordStream {
    /// Reads `stream` from the beginning of a record.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            header: [0; HEADER],
            header_read: 0,
            remaining: 0,
        }
    }

    /// The stream, which is at the beginning of a record; `None` if it is not.
    pub fn into_inner(self) -> Option<TcpStream> {
        (self.header_read == 0 && self.remaining == 0).then_some(self.stream)
    }

    /// The stream, to look at.
    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for RecordStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if this.remaining == 0 {
            while this.header_read < HEADER {
                let mut rest = ReadBuf::new(&mut this.header[this.header_read..]);
                ready!(Pin::new(&mut this.stream).poll_read(context, &mut rest))?;
                match rest.filled().len() {
                    0 if this.header_read == 0 => return Poll::Ready(Ok(())),
                    0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    read => this.header_read += read,
                }
            }
            let body = u16::from_be_bytes([this.header[3], this.header[4]]);
            this.remaining = HEADER + usize::from(body);
            this.header_read = 0;
        }
        let body = usize::from(u16::from_be_bytes([this.header[3], this.header[4]]));
        let delivered = HEADER + body - this.remaining;
        if delivered < HEADER {
            let part = &this.header[delivered..];
            let length = part.len().min(buffer.remaining());
            buffer.put_slice(&part[..length]);
            this.remaining -= length;
            return Poll::Ready(Ok(()));
        }
        let limit = this.remaining.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(limit));
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        this.remaining -= read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RecordStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn reads_stop_at_the_end_of_a_record() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let address = listener.local_addr().expect("address");
        let mut writer = TcpStream::connect(address).await.expect("connection");
        let (reader, _) = listener.accept().await.expect("connection");
        let first = [23, 3, 3, 0, 3, b'a', b'b', b'c'];
        writer.write_all(&first).await.expect("write");
        writer.write_all(b"for the kernel").await.expect("write");
        drop(writer);

        let mut records = RecordStream::new(reader);
        let mut read = Vec::<u8>::new();
        while read.len() < first.len() {
            let mut buffer = [0; 4096];
            let length = records.read(&mut buffer).await.expect("read");
            assert!(length > 0);
            read.extend(&buffer[..length]);
        }
        assert_eq!(read, first);
        let mut stream = records.into_inner().expect("at the beginning of a record");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("read");
        assert_eq!(rest, "for the kernel");
    }

    #[tokio::test]
    async fn a_stream_within_a_record_cannot_be_handed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let address = listener.local_addr().expect("address");
        let mut writer = TcpStream::connect(address).await.expect("connection");
        let (reader, _) = listener.accept().await.expect("connection");
        writer
            .write_all(&[23, 3, 3, 0, 9, b'a'])
            .await
            .expect("write");
        let mut records = RecordStream::new(reader);
        let mut buffer = [0; 3];
        records.read_exact(&mut buffer).await.expect("read");
        assert!(records.into_inner().is_none());
    }
}
