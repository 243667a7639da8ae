// SPDX-License-Identifier: GPL-2.0-or-later
//! One viewer on its websocket.
//!
//! Nobody waits for a viewer: when it does not read, its messages are dropped by the hub's channel and it gets a
//! snapshot once it reads again, or is disconnected when it does not for long.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use mattx_protocol::browser::{FromServer, FromViewer, PlaybackControl, Role, VERSION};
use mattx_protocol::command::Command;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Site;
use super::api::audience;
use crate::access::Visitor;
use crate::frame::{Audience, Format, Frame};
use crate::hub::failed;

/// Longest message that a viewer may send, in bytes.
const LONGEST_MESSAGE: usize = 256 << 10;
/// Bytes that are read at once; viewers say little.
const READ_BUFFER: usize = 4 << 10;
/// Messages per second that a viewer may send, and how many at once.
const MESSAGES_PER_SECOND: f32 = 20.0;
const BURST: f32 = 100.0;
/// Requests of one viewer that may be under way.
const REQUESTS_AT_ONCE: usize = 32;
/// A viewer that takes nothing for this long is disconnected.
const WRITE_DEADLINE: Duration = Duration::from_secs(20);
/// How often a silent viewer is asked whether it is there, and how long it may not answer.
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);

const EAGAIN: i32 = 11;
/// Close codes of the websocket protocol.
const PROTOCOL_ERROR: u16 = 1002;
const POLICY: u16 = 1008;

/// The question part of the socket's address.
#[derive(Deserialize)]
pub struct Wishes {
    format: Option<String>,
}

/// Lets a viewer in.
pub async fn upgrade(
    upgrade: WebSocketUpgrade,
    State(site): State<Site>,
    visitor: Visitor,
    wishes: Query<Wishes>,
) -> Response {
    let format = match wishes.format.as_deref() {
        None | Some("binary") => Format::Binary,
        Some("json") => Format::Json,
        Some(other) => {
            return (
                StatusCode::BAD_REQUEST,
                format!("The format is json or binary, not {other}.\n"),
            )
                .into_response();
        }
    };
    let Ok(seat) = site.0.seats.clone().try_acquire_owned() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many viewers are here already; try later.\n",
        )
            .into_response();
    };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            let (sink, stream) = socket.split();
            let (answers, inbox) = mpsc::unbounded_channel();
            let viewer = Viewer {
                audience: audience(&site, visitor.role),
                site,
                visitor,
                format,
                sink,
                answers,
                budget: BURST,
                refilled: Instant::now(),
            };
            viewer.serve(stream, inbox).await;
            drop(seat);
        })
}

/// What a viewer wants done.
enum Ask {
    Commands(Vec<Command>),
    Playback(PlaybackControl),
}

struct Viewer {
    site: Site,
    visitor: Visitor,
    audience: Audience,
    format: Format,
    sink: SplitSink<WebSocket, Message>,
    answers: mpsc::UnboundedSender<FromServer>,
    budget: f32,
    refilled: Instant,
}

impl Viewer {
    async fn serve(
        mut self,
        mut stream: SplitStream<WebSocket>,
        mut answers: mpsc::UnboundedReceiver<FromServer>,
    ) {
        let mut subscription = self.site.0.hub.subscribe();
        let hello = FromServer::Hello {
            version: VERSION,
            role: self.visitor.role,
            source: self.site.0.hub.source(),
            notice: subscription.notice.take(),
        };
        let layout = FromServer::Layout(self.site.0.layout.clone());
        if self.say(hello).await.is_break()
            || self.say(layout).await.is_break()
            || self.pass(&subscription.snapshot).await.is_break()
        {
            return;
        }
        if let Some(playback) = self.site.0.hub.playback_state()
            && self.say(FromServer::Playback(playback)).await.is_break()
        {
            return;
        }
        let mut frames = subscription.frames;
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let next = tokio::select! {
                frame = frames.recv() => match frame {
                    Ok(frame) => self.pass(&frame).await,
                    Err(RecvError::Lagged(_)) => {
                        let fresh = self.site.0.hub.subscribe();
                        frames = fresh.frames;
                        self.pass(&fresh.snapshot).await
                    }
                    Err(RecvError::Closed) => ControlFlow::Break(()),
                },
                Some(answer) = answers.recv() => self.say(answer).await,
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(_)) | None => ControlFlow::Break(()),
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        ControlFlow::Break(())
                    } else if self.site.0.desk.access.role_now(&self.visitor) != Some(self.visitor.role) {
                        self.leave(POLICY, "your token changed").await
                    } else {
                        self.send(Message::Ping(Default::default())).await
                    }
                }
            };
            if next.is_break() {
                return;
            }
        }
    }

    async fn hear(&mut self, message: Message) -> ControlFlow<()> {
        let parsed = match &message {
            Message::Ping(_) | Message::Pong(_) => return ControlFlow::Continue(()),
            Message::Close(_) => return ControlFlow::Break(()),
            Message::Text(text) => serde_json::from_str(text).ok(),
            Message::Binary(bytes) => postcard::from_bytes(bytes).ok(),
        };
        if !self.may_speak() {
            return self.leave(POLICY, "too many messages").await;
        }
        match parsed {
            None => {
                self.leave(PROTOCOL_ERROR, "that is no message of this protocol")
                    .await
            }
            Some(FromViewer::Resynchronise) => {
                let snapshot = self.site.0.hub.snapshot();
                self.pass(&snapshot).await
            }
            Some(FromViewer::Execute { id, command }) => {
                self.begin(id, Ask::Commands(vec![command])).await
            }
            Some(FromViewer::ExecuteAll { id, commands }) => {
                self.begin(id, Ask::Commands(commands)).await
            }
            Some(FromViewer::Playback { id, control }) => {
                self.begin(id, Ask::Playback(control)).await
            }
        }
    }

    /// Has something done; its answer comes when it is.
    async fn begin(&mut self, id: u64, ask: Ask) -> ControlFlow<()> {
        if self.answers.strong_count() > REQUESTS_AT_ONCE {
            let reason = "too many of your commands are under way; wait for their answers";
            let outcome = failed(EAGAIN, reason);
            return self.say(FromServer::Answer { id, outcome }).await;
        }
        // Those who may do nothing at all are told so without being told that it begins.
        let accepted = self.visitor.role >= Role::Operator;
        let (site, visitor, answers) = (
            self.site.clone(),
            self.visitor.clone(),
            self.answers.clone(),
        );
        tokio::spawn(async move {
            let (hub, desk) = (&site.0.hub, &site.0.desk);
            // The viewer may have left; the audit log has the answer.
            let tell = |message| drop(answers.send(message));
            let outcome = match ask {
                Ask::Commands(commands) => {
                    let told = |step| tell(FromServer::Progress { id, step });
                    desk.carry_out(hub, &visitor, commands, told).await
                }
                Ask::Playback(control) => desk.playback(hub, &visitor, control).await,
            };
            tell(FromServer::Answer { id, outcome });
        });
        if accepted {
            self.say(FromServer::Accepted { id }).await
        } else {
            ControlFlow::Continue(())
        }
    }

    fn may_speak(&mut self) -> bool {
        let passed = self.refilled.elapsed().as_secs_f32();
        self.refilled = Instant::now();
        self.budget = (self.budget + passed * MESSAGES_PER_SECOND).min(BURST) - 1.0;
        self.budget >= 0.0
    }

    async fn say(&mut self, message: FromServer) -> ControlFlow<()> {
        self.pass(&Frame::new(message)).await
    }

    async fn pass(&mut self, frame: &Frame) -> ControlFlow<()> {
        self.send(frame.encoded(self.audience, self.format)).await
    }

    async fn leave(&mut self, code: u16, reason: &'static str) -> ControlFlow<()> {
        let _ = self
            .send(Message::Close(Some(CloseFrame {
                code,
                reason: reason.into(),
            })))
            .await;
        ControlFlow::Break(())
    }

    async fn send(&mut self, message: Message) -> ControlFlow<()> {
        match tokio::time::timeout(WRITE_DEADLINE, self.sink.send(message)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
        }
    }
}
