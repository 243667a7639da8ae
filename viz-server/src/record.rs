// SPDX-License-Identifier: GPL-2.0-or-later
//! Recordings: what viewers were told, with the time of each message.
//!
//! A file begins with [`MAGIC`]; then each record is a big-endian `u32` length, a big-endian `u64` of milliseconds since
//! the recording began, and a postcard message of that length. Records are appended whole, so that a crash loses at most
//! the last one, which readers pass over.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

use mattx_protocol::browser::FromServer;
use tokio::sync::broadcast::error::RecvError;

use crate::hub::Hub;

/// First bytes of a recording; the number is the version of the form.
pub const MAGIC: &[u8; 10] = b"mattx-rec1";
/// Longest message that a reader takes for one, in bytes.
const LONGEST: u32 = 256 << 20;

/// A file that is being recorded into.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    begin: Instant,
}

impl Recorder {
    /// Begins a recording in `file`, which must not exist.
    ///
    /// # Errors
    /// In words, when the file cannot be made.
    pub fn begin(file: &Path) -> Result<Self, String> {
        let made = File::options()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(file)
            .and_then(|mut opened| opened.write_all(MAGIC).map(|()| opened));
        let file = made
            .map_err(|error| format!("the recording {} cannot be made: {error}", file.display()))?;
        Ok(Self {
            file,
            begin: Instant::now(),
        })
    }

    fn append(&mut self, message: &FromServer) -> io::Result<()> {
        let body = postcard::to_stdvec(message).map_err(io::Error::other)?;
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        let milliseconds = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = Vec::with_capacity(body.len() + 12);
        record.extend_from_slice(&length.to_be_bytes());
        record.extend_from_slice(&milliseconds.to_be_bytes());
        record.extend_from_slice(&body);
        self.file.write_all(&record)
    }

    /// Records everything that `hub` tells, until the disk is full or the program ends.
    pub async fn follow(mut self, hub: Hub) {
        loop {
            let subscription = hub.subscribe();
            let mut frames = subscription.frames;
            let mut written = self.append(subscription.snapshot.message());
            while written.is_ok() {
                match frames.recv().await {
                    Ok(frame) => written = self.append(frame.message()),
                    // The disk was too slow: go on with a new snapshot.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
            if let Err(error) = written {
                tracing::error!("the recording ends here, it cannot be written: {error}");
                return;
            }
        }
    }
}

/// A message and when it was told, in milliseconds since the recording began.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When.
    pub milliseconds: u64,
    /// What.
    pub message: FromServer,
}

/// Reads a whole recording.
///
/// # Errors
/// In words, when the file cannot be read or is no recording.
pub fn read(file: &Path) -> Result<Vec<Record>, String> {
    let problem =
        |error: io::Error| format!("the recording {} cannot be read: {error}", file.display());
    let mut reader = BufReader::new(File::open(file).map_err(problem)?);
    let mut magic = [0; MAGIC.len()];
    if reader.read_exact(&mut magic).is_err() || &magic != MAGIC {
        return Err(format!(
            "{} is no recording of this version of mattx-viz",
            file.display()
        ));
    }
    let mut records = Vec::new();
    loop {
        let (mut length, mut time) = ([0; 4], [0; 8]);
        if reader.read_exact(&mut length).is_err() || reader.read_exact(&mut time).is_err() {
            return Ok(records);
        }
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(format!(
                "{} is damaged after {} messages",
                file.display(),
                records.len()
            ));
        }
        let mut body = Vec::new();
        let read = (&mut reader)
            .take(u64::from(length))
            .read_to_end(&mut body)
            .map_err(problem)?;
        if read < length as usize {
            return Ok(records);
        }
        let message = postcard::from_bytes(&body).map_err(|error| {
            format!(
                "{} is damaged after {} messages: {error}",
                file.display(),
                records.len()
            )
        })?;
        records.push(Record {
            milliseconds: u64::from_be_bytes(time),
            message,
        });
    }
}
