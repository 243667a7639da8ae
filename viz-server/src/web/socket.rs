// SPDX-License-Identifier: GPL-2.0-or-later
//! One viewer on its websocket.
//!
//! Nobody waits for a viewer: when it does not read, its messages are dropped by the hub's channel and it gets a
//! snapshot once it reads again, or is disconnected when it does not for long.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use mattx_protocol::browser::{FromServer, FromViewer, Role, VERSION};
use mattx_protocol::command::{Command, Outcome};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Site;
use crate::frame::{Audience, Format, Frame};
use crate::hub::failed;

/// Longest message that a viewer may send, in bytes.
const LONGEST_MESSAGE: usize = 16 << 10;
/// Messages per second that a viewer may send, and how many at once.
const MESSAGES_PER_SECOND: f32 = 20.0;
const BURST: f32 = 100.0;
/// Commands of one viewer that may be under way.
const COMMANDS_AT_ONCE: usize = 32;
/// A viewer that takes nothing for this long is disconnected.
const WRITE_DEADLINE: Duration = Duration::from_secs(20);
/// How often a silent viewer is asked whether it is there, and how long it may not answer.
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);

const EPERM: i32 = 1;
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
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    wishes: Query<Wishes>,
    headers: HeaderMap,
) -> Response {
    let Some(role) = site.0.access.role(&headers) else {
        return (
            StatusCode::UNAUTHORIZED,
            "This server is private; a token is needed.\n",
        )
            .into_response();
    };
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
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            let (sink, stream) = socket.split();
            let (answers, inbox) = mpsc::channel(COMMANDS_AT_ONCE * 2);
            let audience = Audience::from(role);
            let viewer = Viewer {
                site,
                from,
                role,
                audience,
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

struct Viewer {
    site: Site,
    from: SocketAddr,
    role: Role,
    audience: Audience,
    format: Format,
    sink: SplitSink<WebSocket, Message>,
    answers: mpsc::Sender<FromServer>,
    budget: f32,
    refilled: Instant,
}

impl Viewer {
    async fn serve(
        mut self,
        mut stream: SplitStream<WebSocket>,
        mut answers: mpsc::Receiver<FromServer>,
    ) {
        let mut subscription = self.site.0.hub.subscribe();
        let hello = FromServer::Hello {
            version: VERSION,
            role: self.role,
            source: self.site.0.hub.source(),
            notice: subscription.notice.take(),
        };
        if self.say(hello).await.is_break() || self.pass(&subscription.snapshot).await.is_break() {
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
                    if heard.elapsed() > SILENCE { ControlFlow::Break(()) } else { self.send(Message::Ping(Default::default())).await }
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
            None | Some(FromViewer::ExecuteAll { .. } | FromViewer::Playback { .. }) => {
                self.leave(PROTOCOL_ERROR, "that is no message of this protocol")
                    .await
            }
            Some(FromViewer::Resynchronise) => {
                let snapshot = self.site.0.hub.snapshot();
                self.pass(&snapshot).await
            }
            Some(FromViewer::Execute { id, command }) => self.execute(id, command).await,
        }
    }

    async fn execute(&mut self, id: u64, command: Command) -> ControlFlow<()> {
        let refusal = if self.role < Role::Operator {
            Some((
                EPERM,
                "viewers may look but not act: open the link with the token that mattx-viz printed when it started",
            ))
        } else if self.answers.strong_count() > COMMANDS_AT_ONCE {
            Some((
                EAGAIN,
                "too many of your commands are under way; wait for their answers",
            ))
        } else {
            None
        };
        if let Some((errno, reason)) = refusal {
            let outcome = failed(errno, reason);
            self.site
                .0
                .audit
                .record(self.from, self.role, &command, &outcome);
            return self.say(FromServer::Answer { id, outcome }).await;
        }
        let (site, from, role, answers) = (
            self.site.clone(),
            self.from,
            self.role,
            self.answers.clone(),
        );
        tokio::spawn(async move {
            let outcome: Outcome = site.0.hub.execute(command.clone()).await;
            site.0.audit.record(from, role, &command, &outcome);
            // The viewer may have left; the audit log has the answer.
            let _ = answers.send(FromServer::Answer { id, outcome }).await;
        });
        self.say(FromServer::Accepted { id }).await
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
