// SPDX-License-Identifier: GPL-2.0-or-later
//! A recording, played again and again.

use std::time::Duration;

use mattx_protocol::browser::{self, FromServer};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Source;
use crate::hub::{Hub, Order, failed};
use crate::record::Record;

const EROFS: i32 = 30;
/// Pause between the end of a recording and its next beginning.
const PAUSE: Duration = Duration::from_secs(2);

/// A recording as a source.
#[derive(Debug)]
pub struct Replay {
    /// What was told.
    pub records: Vec<Record>,
    /// How many times faster than it happened.
    pub speed: f32,
}

impl Source for Replay {
    fn kind(&self) -> browser::Source {
        browser::Source::Replay
    }

    async fn run(self, hub: Hub, mut orders: mpsc::Receiver<Order>) {
        loop {
            let begin = Instant::now();
            for record in &self.records {
                let due = begin + Duration::from_millis(record.milliseconds).div_f32(self.speed);
                wait(due, &mut orders).await;
                apply(&hub, record.message.clone());
            }
            wait(Instant::now() + PAUSE, &mut orders).await;
        }
    }
}

/// Lets time pass; commands cannot change what has happened.
async fn wait(until: Instant, orders: &mut mpsc::Receiver<Order>) {
    let time = tokio::time::sleep_until(until);
    tokio::pin!(time);
    loop {
        tokio::select! {
            () = &mut time => return,
            Some(order) = orders.recv() => {
                // The asker may have gone; then nobody needs the answer.
                let _ = order.answer.send(failed(EROFS, "nothing was moved: this is a recording"));
            }
        }
    }
}

/// Makes the picture what the message says.
pub fn apply(hub: &Hub, message: FromServer) {
    match message {
        FromServer::Snapshot { nodes, .. } => {
            hub.retain(&nodes.iter().map(|node| node.id).collect::<Vec<_>>());
            nodes.into_iter().for_each(|node| hub.put(node));
        }
        FromServer::Delta { nodes, gone, .. } => {
            gone.into_iter().for_each(|id| hub.remove(id));
            nodes.into_iter().for_each(|node| hub.put(node));
        }
        FromServer::Move(event) => hub.moved(event),
        FromServer::Notice(notice) => hub.set_notice(notice),
        FromServer::Hello { .. }
        | FromServer::Accepted { .. }
        | FromServer::Answer { .. }
        | FromServer::Progress { .. }
        | FromServer::Playback(_) => {}
    }
}
