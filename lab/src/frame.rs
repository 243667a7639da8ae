// SPDX-License-Identifier: GPL-2.0-or-later
//! The wire between the lab and the agent in a node: frames on a byte stream, many channels at once.
//!
//! A frame is `channel: u32, kind: u8, length: u32` (little endian) and `length` bytes. The side that opens a
//! channel chooses its number. The same frames carry a command between the `mattx-lab` program and a cluster
//! that runs in the background.

use std::io::{self, Read, Write};

/// Largest payload of one frame, in bytes.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// How many bytes of standard input may be on their way before the agent has consumed some.
pub const STDIN_WINDOW: usize = 4 * MAX_PAYLOAD;
/// Name of the virtio-serial port that the agent serves.
pub const PORT_NAME: &str = "mattx.lab";

const HEADER: usize = 9;

/// What a frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the agent: run a program; the payload is an encoded [`Exec`].
    Exec = 1,
    /// To the agent: bytes for the program's standard input, or for the connection.
    Stdin = 2,
    /// To the agent: end of the standard input.
    StdinEnd = 3,
    /// To the agent: send a signal (one byte, its number) to the program's process group.
    Signal = 4,
    /// To the agent: open a TCP connection; the payload is `address:port`.
    Connect = 5,
    /// From the agent: it is up; the payload is the kernel release.
    Hello = 16,
    /// From the agent: standard output, or bytes of the connection.
    Stdout = 17,
    /// From the agent: standard error.
    Stderr = 18,
    /// From the agent: the program ended; the payload is its status as i32 (128 + signal number when killed).
    Exit = 19,
    /// From the agent: that many bytes (u32) of standard input were consumed.
    Credit = 20,
    /// From the agent: the channel could not be opened; the payload is the reason.
    Failed = 21,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [Kind; 11] = [
            Kind::Exec,
            Kind::Stdin,
            Kind::StdinEnd,
            Kind::Signal,
            Kind::Connect,
            Kind::Hello,
            Kind::Stdout,
            Kind::Stderr,
            Kind::Exit,
            Kind::Credit,
            Kind::Failed,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which conversation it belongs to.
    pub channel: u32,
    /// What it means.
    pub kind: Kind,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame of `kind` on `channel`.
    pub fn new(channel: u32, kind: Kind, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            channel,
            kind,
            payload: payload.into(),
        }
    }

    /// Writes the frame in one piece.
    ///
    /// # Errors
    /// Those of the writer; `InvalidInput` when the payload is too long.
    pub fn write_to(&self, writer: &mut impl Write) -> io::Result<()> {
        if self.payload.len() > MAX_PAYLOAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a frame carries at most 64 KiB",
            ));
        }
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len());
        bytes.extend_from_slice(&self.channel.to_le_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&(self.payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.payload);
        writer.write_all(&bytes)?;
        writer.flush()
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// Those of the reader, `UnexpectedEof` at the end of the stream, `InvalidData` for bytes that are no frame.
    pub fn read_from(reader: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; HEADER];
        reader.read_exact(&mut header)?;
        let channel = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let kind = Kind::from_byte(header[4])
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown kind of frame"))?;
        let length = u32::from_le_bytes([header[5], header[6], header[7], header[8]]) as usize;
        if length > MAX_PAYLOAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a frame is longer than 64 KiB",
            ));
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload)?;
        Ok(Self {
            channel,
            kind,
            payload,
        })
    }
}

/// A program to run in a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exec {
    /// Handed to `/bin/sh -c`.
    pub script: String,
    /// The program and all it started are killed after so many milliseconds; 0 means never. Its status is 124 then.
    pub timeout_ms: u64,
}

impl Exec {
    /// For the payload of [`Kind::Exec`].
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.timeout_ms.to_le_bytes().to_vec();
        bytes.extend_from_slice(self.script.as_bytes());
        bytes
    }

    /// The inverse of [`Exec::encode`]; `None` when the bytes are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (timeout, script) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            timeout_ms: u64::from_le_bytes(*timeout),
            script: String::from_utf8(script.to_vec()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_wire() {
        let frame = Frame::new(7, Kind::Stdout, b"tick 1\n".to_vec());
        let mut bytes = Vec::new();
        frame.write_to(&mut bytes).unwrap();
        assert_eq!(Frame::read_from(&mut bytes.as_slice()).unwrap(), frame);
    }

    #[test]
    fn nonsense_is_refused_without_reading_on() {
        let mut bytes = vec![0, 0, 0, 0, 99, 1, 0, 0, 0, 0];
        assert_eq!(
            Frame::read_from(&mut bytes.as_slice()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        bytes = vec![0, 0, 0, 0, Kind::Stdin as u8, 255, 255, 255, 255];
        assert_eq!(
            Frame::read_from(&mut bytes.as_slice()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        let long = Frame::new(0, Kind::Stdin, vec![0; MAX_PAYLOAD + 1]);
        assert_eq!(
            long.write_to(&mut Vec::new()).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_command_survives_its_encoding() {
        let exec = Exec {
            script: "echo 'ä'; exit 3".into(),
            timeout_ms: 1500,
        };
        assert_eq!(Exec::decode(&exec.encode()), Some(exec));
        assert_eq!(Exec::decode(&[1, 2]), None);
    }
}
