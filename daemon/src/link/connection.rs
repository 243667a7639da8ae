// SPDX-License-Identifier: GPL-2.0-or-later
//! An established control connection: a reader and a writer task.

use std::time::Duration;

use mattx_protocol::model::NodeId;
use mattx_protocol::peer::{Frame, MAX_FRAME};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::stream::Stream;
use super::{LinkError, frame};
use crate::membership::LinkId;

/// Frames that wait for a slow peer. More than this is a peer that does not read.
const QUEUE: usize = 256;
/// A frame must be written within this time.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// What a control connection reports.
#[derive(Debug)]
pub enum Report {
    /// A frame came.
    Frame(Frame),
    /// The connection ended.
    Ended(LinkError),
}

/// A control connection, as its owner sees it. Dropping it closes the connection after the
/// frames that were sent.
#[derive(Debug)]
pub struct Connection {
    frames: mpsc::Sender<Frame>,
    reader: JoinHandle<()>,
}

impl Connection {
    /// Runs the connection; its reports carry `node` and `link`.
    pub fn spawn(
        stream: Stream,
        node: NodeId,
        link: LinkId,
        reports: mpsc::Sender<(NodeId, LinkId, Report)>,
    ) -> Self {
        let (mut input, mut output) = tokio::io::split(stream);
        let (frames, mut queue) = mpsc::channel::<Frame>(QUEUE);
        let reader_reports = reports.clone();
        let reader = tokio::spawn(async move {
            loop {
                let report = match frame::read(&mut input, MAX_FRAME).await {
                    Ok(frame) => Report::Frame(frame),
                    Err(error) => Report::Ended(error),
                };
                let ended = matches!(report, Report::Ended(_));
                if reader_reports.send((node, link, report)).await.is_err() || ended {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(frame) = queue.recv().await {
                let written = timeout(WRITE_DEADLINE, frame::write(&mut output, &frame))
                    .await
                    .unwrap_or_else(|_| {
                        Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
                    });
                if let Err(error) = written {
                    let _ = reports.send((node, link, Report::Ended(error))).await;
                    return;
                }
            }
            let _ = timeout(WRITE_DEADLINE, output.shutdown()).await;
        });
        Self { frames, reader }
    }

    /// Queues a frame. `false` means that the peer does not read or is gone; close it then.
    #[must_use]
    pub fn send(&self, frame: Frame) -> bool {
        self.frames.try_send(frame).is_ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
