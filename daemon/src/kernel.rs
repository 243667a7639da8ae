// SPDX-License-Identifier: GPL-2.0-or-later
//! The module's generic netlink family, as `kernel/uapi/mattx.h` describes it.
//!
//! The module may be loaded, unloaded and loaded again while the daemon runs; [`watch`] connects
//! whenever it is there.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use mattx_protocol::model::{MoveEvent, MovePhase, MoveStatistics, NodeId, ProcessRef};
use mattx_protocol::peer::Load;
use neli::consts::genl::{Cmd, NlAttrType};
use neli::consts::nl::NlmF;
use neli::consts::socket::NlFamily;
use neli::err::RouterError;
use neli::genl::{AttrTypeBuilder, Genlmsghdr, GenlmsghdrBuilder, Nlattr, NlattrBuilder};
use neli::nl::NlPayload;
use neli::router::asynchronous::{NlRouter, NlRouterReceiverHandle};
use neli::types::{Buffer, GenlBuffer};
use neli::utils::Groups;
use neli::{Size, ToBytes};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const FAMILY: &str = "mattx";
const VERSION: u8 = 1;
const GROUP: &str = "events";
/// How often a missing module is looked for.
const RETRY: Duration = Duration::from_secs(2);
/// The module answers every request without waiting for anybody.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// `enum mattx_cmd`.
#[neli::neli_enum(serialized_type = "u8")]
#[allow(missing_docs)]
pub enum Command {
    LocalSet = 1,
    LinkAdd = 2,
    LinkDel = 3,
    LoadSet = 4,
    GuestRefuse = 5,
    StubWanted = 6,
    LinkDown = 7,
    Move = 8,
    LinkUp = 9,
}
impl Cmd for Command {}

/// `enum mattx_attr`.
#[neli::neli_enum(serialized_type = "u16")]
#[allow(missing_docs)]
pub enum Attribute {
    Seq = 2,
    Node = 3,
    Address = 4,
    Boot = 5,
    Fd = 6,
    Load = 7,
    Affinity = 8,
    MemFree = 9,
    Ticket = 10,
    Errno = 11,
    Reason = 12,
    Home = 13,
    Pid = 14,
    Comm = 15,
    Phase = 16,
    From = 17,
    To = 18,
    Status = 19,
    FreezeUs = 20,
    FrozenUs = 21,
    Bytes = 22,
    Pages = 23,
}
impl NlAttrType for Attribute {}

type Message = Genlmsghdr<Command, Attribute>;
type Attributes = GenlBuffer<Attribute, Buffer>;

/// Why the module did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// It refused.
    #[error("{0}")]
    Refused(std::io::Error),
    /// It could not be asked.
    #[error("netlink: {0}")]
    Netlink(String),
}

impl KernelError {
    /// Whether the module is not there (any more).
    fn is_absence(&self) -> bool {
        match self {
            Self::Refused(error) => error.raw_os_error() == Some(libc::ENOENT),
            Self::Netlink(_) => true,
        }
    }

    fn of<T, P>(error: &RouterError<T, P>) -> Self
    where
        T: std::fmt::Debug,
        P: std::fmt::Debug,
    {
        match error {
            RouterError::Nlmsgerr(refusal) => {
                Self::Refused(std::io::Error::from_raw_os_error(-*refusal.error()))
            }
            other => Self::Netlink(format!("{other:?}")),
        }
    }

    fn from_text(error: impl std::fmt::Display) -> Self {
        Self::Netlink(error.to_string())
    }
}

/// What the module tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A process arrives; a stub is wanted.
    StubWanted {
        /// Names the offer.
        ticket: u64,
        /// Who arrives.
        process: ProcessRef,
        /// Its command name.
        comm: String,
    },
    /// The data link to a peer works.
    LinkUp(NodeId),
    /// The data link to a peer is gone.
    LinkDown {
        /// The peer.
        node: NodeId,
        /// In words.
        reason: String,
    },
    /// A step of a move.
    Move(MoveEvent),
    /// Events were lost between two that arrived.
    Lost(u64),
}

/// News of [`watch`].
#[derive(Debug)]
pub enum News {
    /// The module is there.
    Connected(Kernel),
    /// It said something.
    Event(Event),
    /// It is gone.
    Disconnected,
}

/// A connection to the module.
#[derive(Clone)]
pub struct Kernel {
    router: Arc<NlRouter>,
    family: u16,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernel(family {})", self.family)
    }
}

type Multicasts = NlRouterReceiverHandle<u16, Genlmsghdr<u8, u16>>;

impl Kernel {
    async fn connect() -> Result<(Self, Multicasts), KernelError> {
        let (router, multicasts) = NlRouter::connect(NlFamily::Generic, None, Groups::empty())
            .await
            .map_err(|error| KernelError::of(&error))?;
        let family = router
            .resolve_genl_family(FAMILY)
            .await
            .map_err(|error| KernelError::of(&error))?;
        let group = router
            .resolve_nl_mcast_group(FAMILY, GROUP)
            .await
            .map_err(|error| KernelError::of(&error))?;
        router
            .add_mcast_membership(Groups::new_groups(&[group]))
            .map_err(|error| KernelError::of(&error))?;
        let kernel = Self {
            router: Arc::new(router),
            family,
        };
        Ok((kernel, multicasts))
    }

    async fn request(
        &self,
        command: Command,
        attributes: impl IntoIterator<Item = Result<Nlattr<Attribute, Buffer>, KernelError>>,
    ) -> Result<(), KernelError> {
        let attributes = attributes.into_iter().collect::<Result<Attributes, _>>()?;
        let message = GenlmsghdrBuilder::default()
            .cmd(command)
            .version(VERSION)
            .attrs(attributes)
            .build()
            .map_err(KernelError::from_text)?;
        let exchange = async {
            let mut answer: NlRouterReceiverHandle<u16, Message> = self
                .router
                .send(self.family, NlmF::ACK, NlPayload::Payload(message))
                .await
                .map_err(|error| KernelError::of(&error))?;
            while let Some(part) = answer.next::<u16, Message>().await {
                part.map_err(|error| KernelError::of(&error))?;
            }
            Ok(())
        };
        timeout(ANSWER_DEADLINE, exchange)
            .await
            .unwrap_or_else(|_| Err(KernelError::Netlink("no answer".to_owned())))
    }

    /// Tells the module who this node is.
    pub async fn local_set(
        &self,
        node: NodeId,
        address: IpAddr,
        boot: u64,
    ) -> Result<(), KernelError> {
        self.request(
            Command::LocalSet,
            [
                attribute(Attribute::Node, node),
                text(Attribute::Address, &address.to_string()),
                attribute(Attribute::Boot, boot),
            ],
        )
        .await
    }

    /// Gives the module a connected socket to a peer.
    pub async fn link_add(
        &self,
        node: NodeId,
        address: IpAddr,
        boot: u64,
        socket: OwnedFd,
    ) -> Result<(), KernelError> {
        self.request(
            Command::LinkAdd,
            [
                attribute(Attribute::Node, node),
                text(Attribute::Address, &address.to_string()),
                attribute(Attribute::Boot, boot),
                attribute(Attribute::Fd, socket.as_raw_fd()),
            ],
        )
        .await
    }

    /// Puts a node's load into `/proc/mattx/nodes`.
    pub async fn load_set(&self, node: NodeId, load: Load) -> Result<(), KernelError> {
        self.request(
            Command::LoadSet,
            [
                attribute(Attribute::Node, node),
                attribute(Attribute::Load, load.cpu_load),
                attribute(Attribute::Affinity, load.affinity),
                attribute(Attribute::MemFree, load.memory_free_mib),
            ],
        )
        .await
    }

    /// Tells the module that there will be no surrogate.
    pub async fn guest_refuse(
        &self,
        ticket: u64,
        errno: i32,
        reason: &str,
    ) -> Result<(), KernelError> {
        self.request(
            Command::GuestRefuse,
            [
                attribute(Attribute::Ticket, ticket),
                attribute(Attribute::Errno, errno.unsigned_abs()),
                text(Attribute::Reason, &shortened(reason, 255)),
            ],
        )
        .await
    }
}

fn attribute(
    name: Attribute,
    value: impl Size + ToBytes,
) -> Result<Nlattr<Attribute, Buffer>, KernelError> {
    NlattrBuilder::default()
        .nla_type(
            AttrTypeBuilder::default()
                .nla_type(name)
                .build()
                .map_err(KernelError::from_text)?,
        )
        .nla_payload(value)
        .build()
        .map_err(KernelError::from_text)
}

fn text(name: Attribute, value: &str) -> Result<Nlattr<Attribute, Buffer>, KernelError> {
    attribute(name, value.replace('\0', " "))
}

/// At most `limit` bytes of `text`, cut between characters.
fn shortened(text: &str, limit: usize) -> String {
    let end = text
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take_while(|end| *end <= limit)
        .last()
        .unwrap_or(0);
    text[..end].to_owned()
}

/// Reads an event, with its sequence number.
fn event(message: &Message) -> Option<(u64, Event)> {
    let attributes = message.attrs().get_attr_handle();
    let number = |name| attributes.get_attr_payload_as::<u32>(name).ok();
    let long = |name| attributes.get_attr_payload_as::<u64>(name).ok();
    let words = |name| {
        attributes
            .get_attr_payload_as_with_len::<String>(name)
            .ok()
            .unwrap_or_default()
    };
    let process = || {
        Some(ProcessRef {
            home: number(Attribute::Home)?,
            pid: number(Attribute::Pid)?,
        })
    };
    let event = match message.cmd() {
        Command::StubWanted => Event::StubWanted {
            ticket: long(Attribute::Ticket)?,
            process: process()?,
            comm: words(Attribute::Comm),
        },
        Command::LinkUp => Event::LinkUp(number(Attribute::Node)?),
        Command::LinkDown => Event::LinkDown {
            node: number(Attribute::Node)?,
            reason: words(Attribute::Reason),
        },
        Command::Move => Event::Move(MoveEvent {
            process: process()?,
            comm: words(Attribute::Comm),
            errand: match number(Attribute::Phase)? {
                1 | 2 => words(Attribute::Reason),
                _ => String::new(),
            },
            from: number(Attribute::From)?,
            to: number(Attribute::To)?,
            phase: match number(Attribute::Phase)? {
                1 => MovePhase::Started,
                2 => MovePhase::Committed,
                3 => MovePhase::Failed {
                    errno: number(Attribute::Errno).unwrap_or(0).cast_signed(),
                    reason: words(Attribute::Reason),
                },
                4 => MovePhase::Ended {
                    status: number(Attribute::Status).unwrap_or(0).cast_signed(),
                },
                _ => return None,
            },
            statistics: MoveStatistics {
                freeze_us: long(Attribute::FreezeUs).unwrap_or(0),
                frozen_us: long(Attribute::FrozenUs).unwrap_or(0),
                bytes: long(Attribute::Bytes).unwrap_or(0),
                pages: long(Attribute::Pages).unwrap_or(0),
            },
        }),
        _ => return None,
    };
    Some((long(Attribute::Seq).unwrap_or(0), event))
}

/// Connects to the module whenever it is there and reports what it says, until `news` is closed.
pub async fn watch(news: mpsc::Sender<News>) {
    loop {
        if let Ok((kernel, multicasts)) = Kernel::connect().await {
            let probe = kernel.clone();
            if news.send(News::Connected(kernel)).await.is_err() {
                return;
            }
            tokio::select! {
                () = forward(multicasts, &news) => {}
                () = absence(&probe) => {}
            }
            if news.send(News::Disconnected).await.is_err() {
                return;
            }
        }
        if news.is_closed() {
            return;
        }
        sleep(RETRY).await;
    }
}

async fn forward(mut multicasts: Multicasts, news: &mpsc::Sender<News>) {
    let mut last: Option<u64> = None;
    while let Some(message) = multicasts.next::<u16, Message>().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!("an event of the module could not be read: {error:?}");
                continue;
            }
        };
        let Some((sequence, event)) = message.get_payload().and_then(event) else {
            tracing::warn!("the module sent an event of an unknown form; are both of one version?");
            continue;
        };
        if let Some(last) = last
            && sequence > last + 1
            && news
                .send(News::Event(Event::Lost(sequence - last - 1)))
                .await
                .is_err()
        {
            return;
        }
        last = Some(sequence);
        if news.send(News::Event(event)).await.is_err() {
            return;
        }
    }
}

/// Returns when the family is gone: an unloaded module says no farewell, and a new one has
/// another number.
async fn absence(kernel: &Kernel) {
    loop {
        sleep(RETRY).await;
        let family = timeout(ANSWER_DEADLINE, kernel.router.resolve_genl_family(FAMILY)).await;
        match family {
            Ok(Ok(family)) if family == kernel.family => {}
            Ok(Err(error)) if !KernelError::of(&error).is_absence() => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(
        command: Command,
        attributes: impl IntoIterator<Item = Result<Nlattr<Attribute, Buffer>, KernelError>>,
    ) -> Message {
        GenlmsghdrBuilder::default()
            .cmd(command)
            .version(VERSION)
            .attrs(
                attributes
                    .into_iter()
                    .collect::<Result<_, _>>()
                    .expect("attributes"),
            )
            .build()
            .expect("message")
    }

    #[test]
    fn a_failed_move_is_read_with_its_reason() {
        let message = message(
            Command::Move,
            [
                attribute(Attribute::Seq, 9u64),
                attribute(Attribute::Phase, 3u32),
                attribute(Attribute::Home, 1u32),
                attribute(Attribute::Pid, 77u32),
                text(Attribute::Comm, "calc"),
                attribute(Attribute::From, 1u32),
                attribute(Attribute::To, 2u32),
                attribute(Attribute::Errno, 95u32),
                text(Attribute::Reason, "it has a socket"),
            ],
        );
        let (sequence, event) = event(&message).expect("event");
        assert_eq!(sequence, 9);
        let Event::Move(event) = event else {
            panic!("{event:?}")
        };
        assert_eq!(event.process, ProcessRef { home: 1, pid: 77 });
        assert_eq!(event.comm, "calc");
        assert_eq!(
            event.phase,
            MovePhase::Failed {
                errno: 95,
                reason: "it has a socket".to_owned()
            }
        );
    }

    #[test]
    fn a_process_that_came_home_by_itself_says_what_for() {
        let message = message(
            Command::Move,
            [
                attribute(Attribute::Seq, 10u64),
                attribute(Attribute::Phase, 2u32),
                attribute(Attribute::Home, 1u32),
                attribute(Attribute::Pid, 77u32),
                attribute(Attribute::From, 2u32),
                attribute(Attribute::To, 1u32),
                text(Attribute::Reason, "make a process"),
            ],
        );
        let Some((_, Event::Move(event))) = event(&message) else {
            panic!("no event of a move")
        };
        assert_eq!(event.phase, MovePhase::Committed);
        assert_eq!(event.errand, "make a process");
    }

    #[test]
    fn an_incomplete_event_is_not_an_event() {
        assert_eq!(event(&message(Command::StubWanted, [])), None);
        assert_eq!(event(&message(Command::LocalSet, [])), None);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("grün", 3), "gr");
        assert_eq!(shortened("grün", 4), "grü");
        assert_eq!(shortened("", 4), "");
    }
}
