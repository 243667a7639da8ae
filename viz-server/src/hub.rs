// SPDX-License-Identifier: GPL-2.0-or-later
//! Brings the news of one source to all viewers, and the commands of viewers to the source.
//!
//! Changes are collected and published once per tick; moves are published at once. A viewer that does not keep up
//! misses messages (the channel is bounded and never waits for anybody) and is told so, whereupon it takes a snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mattx_protocol::browser::{FromServer, Playback, PlaybackControl, Source};
use mattx_protocol::command::{Command, Outcome};
use mattx_protocol::model::{MoveEvent, MovePhase, NodeId, NodeSample};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::frame::Frame;
use crate::picture::Picture;

/// How often changes are published.
pub const TICK: Duration = Duration::from_millis(100);
/// Messages that a viewer may lag behind before it needs a snapshot.
const BACKLOG: usize = 64;
/// Commands that may wait for the source.
const ORDERS: usize = 256;
/// Moves that the REST interface remembers.
const HISTORY: usize = 1000;
/// Longest time a command may take; a migration of any size commits far earlier.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);

const ETIMEDOUT: i32 = 110;
const EBUSY: i32 = 16;
const ENOTCONN: i32 = 107;

/// What a source can be asked.
#[derive(Clone, Debug)]
pub enum Wish {
    /// To do something in the cluster.
    Command(Command),
    /// To go elsewhere in a recording.
    Playback(PlaybackControl),
}

/// A wish on its way to the source.
#[derive(Debug)]
pub struct Order {
    /// What to do.
    pub wish: Wish,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Outcome>,
}

/// The answer to whoever wants to steer what is no recording.
pub const NO_RECORDING: &str = "nothing was done: this is no recording, it happens now";

/// Counts of what happened, for `/metrics`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Moves that were committed.
    pub committed: u64,
    /// Moves that failed.
    pub failed: u64,
    /// Commands that were carried out.
    pub commands_done: u64,
    /// Commands that were refused or failed.
    pub commands_failed: u64,
}

struct State {
    picture: Picture,
    snapshot: Option<Arc<Frame>>,
    history: std::collections::VecDeque<MoveEvent>,
    counters: Counters,
    playback: Option<Playback>,
}

struct Shared {
    source: Source,
    state: Mutex<State>,
    frames: broadcast::Sender<Arc<Frame>>,
    moves: broadcast::Sender<MoveEvent>,
    orders: mpsc::Sender<Order>,
    started: Instant,
}

/// A handle to the one hub of this server.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

/// What a viewer needs to join: everything now, and all that follows.
pub struct Subscription {
    /// The whole picture.
    pub snapshot: Arc<Frame>,
    /// Why it may be incomplete.
    pub notice: Option<String>,
    /// Every message from now on.
    pub frames: broadcast::Receiver<Arc<Frame>>,
}

impl Hub {
    /// A hub for a source of kind `source`; the receiver is the source's side of the commands.
    #[must_use]
    pub fn new(source: Source) -> (Self, mpsc::Receiver<Order>) {
        let (frames, _) = broadcast::channel(BACKLOG);
        let (orders, inbox) = mpsc::channel(ORDERS);
        let state = State {
            picture: Picture::default(),
            snapshot: None,
            history: Default::default(),
            counters: Counters::default(),
            playback: None,
        };
        let shared = Shared {
            source,
            state: Mutex::new(state),
            frames,
            moves: broadcast::channel(BACKLOG).0,
            orders,
            started: Instant::now(),
        };
        (Self(Arc::new(shared)), inbox)
    }

    /// Publishes changes until the end of the program.
    pub async fn publish(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.publish_now();
        }
    }

    /// Publishes changes without waiting for the next tick.
    pub fn publish_now(&self) {
        let mut state = self.state();
        if let Some(delta) = state.picture.publish() {
            state.snapshot = None;
            // Sent under the lock, so that nobody subscribes between a snapshot and its next delta.
            // An error only says that nobody listens.
            let _ = self.0.frames.send(Arc::new(Frame::new(delta)));
        }
    }

    /// Where the picture comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.0.source
    }

    /// Time since the server started.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Viewers that listen now.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.0.frames.receiver_count()
    }

    /// Joins: a snapshot and everything after it.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let mut state = self.state();
        Subscription {
            snapshot: state.current(),
            notice: state.picture.notice().map(str::to_owned),
            frames: self.0.frames.subscribe(),
        }
    }

    /// The whole picture, encoded once for all who ask between two changes.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Frame> {
        self.state().current()
    }

    /// All nodes now.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeSample> {
        self.state().picture.nodes().cloned().collect()
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<NodeSample> {
        self.state().picture.node(id).cloned()
    }

    /// Every move from now on.
    #[must_use]
    pub fn moves(&self) -> broadcast::Receiver<MoveEvent> {
        self.0.moves.subscribe()
    }

    /// Where the recording stands that is shown, if one is.
    #[must_use]
    pub fn playback_state(&self) -> Option<Playback> {
        self.state().playback
    }

    /// The recording that is shown stands here.
    pub fn played(&self, playback: Playback) {
        let mut state = self.state();
        state.playback = Some(playback);
        let _ = self
            .0
            .frames
            .send(Arc::new(Frame::new(FromServer::Playback(playback))));
    }

    /// A node whose news stopped is stale.
    pub fn age(&self, id: NodeId) {
        let mut state = self.state();
        if state.picture.age_node(id) {
            state.snapshot = None;
        }
    }

    /// Why the picture may be incomplete.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.state().picture.notice().map(str::to_owned)
    }

    /// The latest moves, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<MoveEvent> {
        self.state().history.iter().cloned().collect()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state().counters
    }

    /// The source has news of a node.
    pub fn put(&self, sample: NodeSample) {
        let mut state = self.state();
        state.snapshot = None;
        state.picture.put(sample);
    }

    /// A node left.
    pub fn remove(&self, id: NodeId) {
        let mut state = self.state();
        state.snapshot = None;
        state.picture.remove(id);
    }

    /// Forgets all nodes but these.
    pub fn retain(&self, keep: &[NodeId]) {
        let mut state = self.state();
        state.snapshot = None;
        state.picture.retain(keep);
    }

    /// The source lost its view: what it told is stale from now on.
    pub fn lost(&self, notice: String) {
        let mut state = self.state();
        state.snapshot = None;
        state.picture.age();
        drop(state);
        self.set_notice(Some(notice));
    }

    /// Says why the picture is incomplete, or that it is complete again.
    pub fn set_notice(&self, notice: Option<String>) {
        let mut state = self.state();
        if state.picture.set_notice(notice.clone()) {
            let _ = self
                .0
                .frames
                .send(Arc::new(Frame::new(FromServer::Notice(notice))));
        }
    }

    /// Something moved, or tried to.
    pub fn moved(&self, event: MoveEvent) {
        let mut state = self.state();
        match event.phase {
            MovePhase::Committed => state.counters.committed += 1,
            MovePhase::Failed { .. } => state.counters.failed += 1,
            MovePhase::Started | MovePhase::Ended { .. } => {}
        }
        if state.history.len() == HISTORY {
            state.history.pop_front();
        }
        state.history.push_back(event.clone());
        // An error only says that nobody waits for a move.
        let _ = self.0.moves.send(event.clone());
        let _ = self
            .0
            .frames
            .send(Arc::new(Frame::new(FromServer::Move(event))));
    }

    /// Has the source carry out a command.
    pub async fn execute(&self, command: Command) -> Outcome {
        let outcome = self.order(Wish::Command(command)).await;
        let mut state = self.state();
        match outcome {
            Outcome::Done { .. } => state.counters.commands_done += 1,
            Outcome::Failed { .. } => state.counters.commands_failed += 1,
        }
        outcome
    }

    /// Has the source go elsewhere in its recording.
    pub async fn playback(&self, control: PlaybackControl) -> Outcome {
        self.order(Wish::Playback(control)).await
    }

    async fn order(&self, wish: Wish) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        if self.0.orders.try_send(Order { wish, answer }).is_err() {
            return failed(
                EBUSY,
                "the command was not sent: too many commands wait already; try again",
            );
        }
        match tokio::time::timeout(COMMAND_DEADLINE, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => failed(
                ENOTCONN,
                "the command has no answer: the connection to the daemon ended; look where the process is and try again",
            ),
            Err(_) => failed(
                ETIMEDOUT,
                "the command has no answer in time: it may still be carried out; look where the process is",
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not make the picture less true.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn current(&mut self) -> Arc<Frame> {
        self.snapshot
            .get_or_insert_with(|| Arc::new(Frame::new(self.picture.snapshot())))
            .clone()
    }
}

/// A failed outcome in words.
#[must_use]
pub fn failed(errno: i32, reason: impl Into<String>) -> Outcome {
    Outcome::Failed {
        errno,
        reason: reason.into(),
    }
}
