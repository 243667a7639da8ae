// SPDX-License-Identifier: GPL-2.0-or-later
//! The connection to the server: made again whenever it ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::browser::{FromServer, FromViewer};
use mattx_viz_client::acting::Order;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::dom;
use super::model::{Aside, TheActing, TheCluster};

/// Messages that may wait, while the page is hidden, before a snapshot is cheaper than all of them.
const BACKLOG: usize = 200;
/// Milliseconds until the first new attempt, and the longest time between two.
const RETRY_MS: f64 = 400.0;
const LONGEST_RETRY_MS: f64 = 2000.0;

/// Milliseconds without a message after which a connection counts as lost: a running cluster has news every second.
const SILENCE_MS: f64 = 8000.0;
/// Milliseconds that opening a connection may take.
const OPENING_MS: f64 = 3000.0;

enum Incoming {
    Opened,
    Message(Vec<u8>),
    /// The same in words, which `?format=json` of the page's address asks for.
    Words(String),
    Closed,
}

/// What the browser calls when the socket opened, got a message, or closed.
type Callbacks = (
    Closure<dyn FnMut(Event)>,
    Closure<dyn FnMut(MessageEvent)>,
    Closure<dyn FnMut(CloseEvent)>,
);
type Queue = Rc<RefCell<VecDeque<Incoming>>>;

/// An open or opening socket. It owns its callbacks, so that nothing is left when it is dropped.
pub(super) struct Socket {
    socket: WebSocket,
    queue: Queue,
    _callbacks: Callbacks,
}

impl Socket {
    fn open() -> Option<Self> {
        let location = dom::window().location();
        let scheme = if location
            .protocol()
            .is_ok_and(|protocol| protocol == "https:")
        {
            "wss"
        } else {
            "ws"
        };
        let question = match dom::query("format").as_deref() {
            Some("json") => "?format=json",
            _ => "",
        };
        let address = format!("{scheme}://{}/ws{question}", location.host().ok()?);
        let socket = WebSocket::new(&address).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let queue = Queue::default();
        let push = |queue: &Queue| {
            let queue = queue.clone();
            move |incoming| queue.borrow_mut().push_back(incoming)
        };
        let to_queue = push(&queue);
        let opened = Closure::<dyn FnMut(Event)>::new(move |_| to_queue(Incoming::Opened));
        let bounded = queue.clone();
        let to_queue = push(&queue);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // A page that is hidden draws nothing and takes nothing in: what it missed, a snapshot tells.
            let full = bounded.borrow().len() > BACKLOG + 1;
            if full {
                bounded.borrow_mut().retain(|incoming| match incoming {
                    Incoming::Message(bytes) => is_for_this_viewer(bytes),
                    Incoming::Words(_) => false,
                    Incoming::Opened | Incoming::Closed => true,
                });
            }
            if let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() {
                to_queue(Incoming::Message(js_sys::Uint8Array::new(&buffer).to_vec()));
            } else if let Some(words) = event.data().as_string() {
                to_queue(Incoming::Words(words));
            }
        });
        let to_queue = push(&queue);
        let closed = Closure::<dyn FnMut(CloseEvent)>::new(move |_| to_queue(Incoming::Closed));
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Some(Self {
            socket,
            queue,
            _callbacks: (opened, message, closed),
        })
    }

    fn send(&self, message: &FromViewer) {
        if let Ok(bytes) = postcard::to_stdvec(message) {
            // A failure means that the socket is closing, which is told separately.
            let _ = self.socket.send_with_u8_array(&bytes);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

/// How the connection is.
#[derive(Resource, Default, Clone, Debug)]
pub struct Connection {
    /// Whether the server is there.
    pub open: bool,
    /// Time of the last message, in milliseconds of the page's clock.
    pub heard_ms: f64,
    /// Messages so far.
    pub messages: u64,
    /// Messages that could not be understood.
    pub garbled: u64,
    attempts: u32,
    asked_ms: f64,
    retry_at_ms: f64,
}

/// Sets the connection up.
pub fn plugin(app: &mut App) {
    app.init_resource::<Connection>()
        .insert_non_send(None::<Socket>)
        .add_systems(Update, receive.in_set(super::Step::Hear))
        .add_systems(Last, send);
}

/// Takes in all messages that have come, and keeps the socket open.
pub(super) fn receive(
    mut slot: NonSendMut<Option<Socket>>,
    mut connection: ResMut<Connection>,
    mut cluster: ResMut<TheCluster>,
    mut aside: ResMut<Aside>,
    mut acting: ResMut<TheActing>,
) {
    let now = dom::now_ms();
    let live = aside.0.as_mut().unwrap_or(&mut cluster);
    let Some(socket) = slot.as_ref() else {
        if now >= connection.retry_at_ms {
            connection.attempts += 1;
            connection.retry_at_ms =
                now + (RETRY_MS * f64::from(connection.attempts)).min(LONGEST_RETRY_MS);
            connection.asked_ms = now;
            *slot = Socket::open();
        }
        return;
    };
    // A cut network closes nothing: who is not heard for long is called anew.
    if connection.open && now - connection.heard_ms > SILENCE_MS {
        connection.open = false;
        connection.retry_at_ms = now;
        acting.disconnected();
        *slot = None;
        return;
    }
    // Neither does it refuse a connection: the attempt is given up and made again.
    if !connection.open && now - connection.asked_ms > OPENING_MS {
        connection.retry_at_ms = now;
        *slot = None;
        return;
    }
    let mut waiting: VecDeque<Incoming> = std::mem::take(&mut *socket.queue.borrow_mut());
    if waiting.len() > BACKLOG {
        socket.send(&FromViewer::Resynchronise);
        waiting.retain(|incoming| !matches!(incoming, Incoming::Message(bytes) if is_delta(bytes)));
    }
    let mut resynchronise = false;
    for incoming in waiting {
        match incoming {
            Incoming::Opened => {
                connection.open = true;
                connection.attempts = 0;
                connection.heard_ms = now;
            }
            Incoming::Message(_) | Incoming::Words(_) => {
                connection.messages += 1;
                connection.heard_ms = now;
                match decode(&incoming) {
                    Ok(message) => resynchronise |= !live.hear(message, now / 1000.0),
                    Err(error) => {
                        connection.garbled += 1;
                        warn!("a message of the server was not understood: {error}");
                        if connection.garbled == 1 {
                            acting.hint(
                                "the server speaks another version than this page: reload it"
                                    .into(),
                            );
                        }
                    }
                }
            }
            Incoming::Closed => {
                connection.open = false;
                connection.retry_at_ms = now + RETRY_MS;
                acting.disconnected();
                *slot = None;
                return;
            }
        }
    }
    if resynchronise && let Some(socket) = slot.as_ref() {
        socket.send(&FromViewer::Resynchronise);
    }
}

fn decode(incoming: &Incoming) -> Result<FromServer, String> {
    match incoming {
        Incoming::Message(bytes) => postcard::from_bytes(bytes).map_err(|error| error.to_string()),
        Incoming::Words(words) => serde_json::from_str(words).map_err(|error| error.to_string()),
        Incoming::Opened | Incoming::Closed => Err("it is no message".into()),
    }
}

/// Whether an encoded message greets or answers, which no snapshot repeats: the number of its variant comes first.
fn is_for_this_viewer(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(0 | 5)))
}

/// Whether an encoded message is a delta: the number of its variant comes first.
fn is_delta(bytes: &[u8]) -> bool {
    bytes.first() == Some(&2)
}

fn send(slot: NonSend<Option<Socket>>, connection: Res<Connection>, mut acting: ResMut<TheActing>) {
    let orders = acting.take_orders();
    match Option::as_ref(&slot).filter(|_| connection.open) {
        Some(socket) => orders.into_iter().for_each(|order| {
            socket.send(&match order {
                Order::Execute(id, command) => FromViewer::Execute { id, command },
                Order::Playback(id, control) => FromViewer::Playback { id, control },
            });
        }),
        // A command that waits for a connection would surprise whoever has forgotten it.
        None if !orders.is_empty() => acting.disconnected(),
        None => {}
    }
}
