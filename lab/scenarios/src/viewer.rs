// SPDX-License-Identifier: GPL-2.0-or-later
//! A viewer of a cluster's `mattx-viz`, which notes when it was told what.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use mattx_lab::{Error, Result};
use mattx_protocol::browser::{FromServer, FromViewer};
use mattx_protocol::command::{Command, Outcome};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use crate::moves::MOMENT;

/// How often a viewer looks whether it has something to say.
const LOOK: Duration = Duration::from_millis(2);

/// What was told, and when.
pub type Told = (Instant, FromServer);

/// A viewer. It reads in a thread of its own, so that times are those of arrival.
pub struct Viewer {
    told: Receiver<Told>,
    say: Sender<FromViewer>,
    last_id: u64,
}

impl Viewer {
    /// Connects to a server on a port of this machine with a token.
    ///
    /// # Errors
    /// When nobody answers there, or not as expected.
    pub fn connect(port: u16, token: &str) -> Result<Self> {
        let failed = |error: String| Error::Usage(format!("no viewer on port {port}: {error}"));
        let stream =
            TcpStream::connect(("127.0.0.1", port)).map_err(|error| failed(error.to_string()))?;
        stream
            .set_read_timeout(Some(MOMENT))
            .map_err(|error| failed(error.to_string()))?;
        let mut request = format!("ws://127.0.0.1:{port}/ws")
            .into_client_request()
            .map_err(|error| failed(error.to_string()))?;
        let bearer = format!("Bearer {token}");
        request.headers_mut().insert(
            "authorization",
            bearer
                .parse()
                .map_err(|_| failed("that is no token".into()))?,
        );
        let (socket, _) =
            tungstenite::client(request, stream).map_err(|error| failed(error.to_string()))?;
        socket
            .get_ref()
            .set_read_timeout(Some(LOOK))
            .map_err(|error| failed(error.to_string()))?;
        let (tell, told) = channel();
        let (say, to_say) = channel();
        thread::spawn(move || converse(socket, &tell, &to_say));
        Ok(Self {
            told,
            say,
            last_id: 0,
        })
    }

    /// The first message within `limit` for which `choose` has something, with the time of its arrival; `None` when
    /// there is none in time, or the connection ended.
    pub fn wait_within<T>(
        &self,
        limit: Duration,
        mut choose: impl FnMut(&FromServer) -> Option<T>,
    ) -> Option<(Instant, T)> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok((when, message)) => {
                    if let Some(chosen) = choose(&message) {
                        return Some((when, chosen));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// The same with patience.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait<T>(
        &self,
        what: &str,
        choose: impl FnMut(&FromServer) -> Option<T>,
    ) -> (Instant, T) {
        self.wait_within(MOMENT, choose)
            .unwrap_or_else(|| panic!("no viewer was told: {what}"))
    }

    /// Whether the connection ends within `limit`.
    #[must_use]
    pub fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// Has a command carried out.
    ///
    /// # Panics
    /// When it is not answered.
    pub fn execute(&mut self, command: Command) -> Outcome {
        self.last_id += 1;
        let id = self.last_id;
        // A server that is gone answers nothing, which is noticed below.
        let _ = self.say.send(FromViewer::Execute { id, command });
        let answer = |message: &FromServer| match message {
            FromServer::Answer { id: of, outcome } if *of == id => Some(outcome.clone()),
            _ => None,
        };
        self.wait("the answer to a command", answer).1
    }
}

fn converse(mut socket: WebSocket<TcpStream>, tell: &Sender<Told>, to_say: &Receiver<FromViewer>) {
    loop {
        while let Ok(message) = to_say.try_recv() {
            let Ok(bytes) = postcard::to_stdvec(&message) else {
                return;
            };
            if socket.send(Message::binary(bytes)).is_err() {
                return;
            }
        }
        match socket.read() {
            Ok(Message::Binary(bytes)) => {
                let now = Instant::now();
                let Ok(message) = postcard::from_bytes(&bytes) else {
                    return;
                };
                if tell.send((now, message)).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(_) => return,
        }
    }
}
