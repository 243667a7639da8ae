// SPDX-License-Identifier: GPL-2.0-or-later
//! Damaged messages for everything that reads what others send: beacons, frames of the control
//! link, and requests of local programs.
//!
//! Only what is nearly right reaches the depths of a decoder, so each message is a valid one with
//! some damage. The sequence is the same in every run, so that a failure can be repeated. Tests run
//! for [`SHORT`], and for [`LONG`] where they are marked as ignored.

use std::fs;
use std::time::{Duration, Instant};

use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::local::{Operation, Request};
use mattx_protocol::model::ProcessRef;
use mattx_protocol::peer::{Frame, Greeting, Load, MAX_FRAME, Purpose, VERSION};

use crate::beacon::{Beacon, Flags, MAC, MAX_LENGTH};
use crate::identity::Identity;
use crate::key::ClusterKey;
use crate::link::frame;
use crate::membership::Membership;

const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);
/// How much the memory of this process may grow while it reads garbage. Other tests run in it.
const GROWTH_LIMIT_KIB: u64 = 16 << 10;
/// Fewer messages than this in [`SHORT`] would be a test that tests little.
const FEWEST: u64 = 1000;

/// A reproducible source of damage.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Only the remainder is used.
        (self.0 >> 32) as usize % limit.max(1)
    }

    /// Values at the edges are what breaks length checks.
    fn byte(&mut self) -> u8 {
        const EDGES: [u8; 12] = *b"\x00\x01\x7f\x80\xff{}[]\"\\9";
        if self.below(2) == 0 {
            EDGES[self.below(EDGES.len())]
        } else {
            self.below(256) as u8
        }
    }

    fn damage(&mut self, message: &mut Vec<u8>) {
        for _ in 0..self.below(8) {
            let at = self.below(message.len());
            match self.below(6) {
                0 => message.truncate(at),
                1 => {
                    let byte = self.byte();
                    message.insert(at, byte);
                }
                2 => {
                    // Repeated and nested structure.
                    let end = at + self.below(message.len() - at + 1);
                    let piece = message[at..end].to_vec();
                    message.extend(piece);
                }
                _ if message.is_empty() => {}
                3 => {
                    message.remove(at);
                }
                _ => message[at] = self.byte(),
            }
        }
    }
}

fn resident_kib() -> u64 {
    fs::read_to_string("/proc/self/status")
        .expect("status")
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .expect("VmRSS")
}

/// Gives damaged copies of `samples` to `target` for `time`. `target` tells whether it understood.
fn fuzz(time: Duration, samples: &[Vec<u8>], mut target: impl FnMut(&[u8]) -> bool) {
    for sample in samples {
        assert!(target(sample), "an undamaged message is not understood");
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let begin = Instant::now();
    let before = resident_kib();
    let (mut count, mut understood) = (0, 0);
    while begin.elapsed() < time {
        for sample in samples {
            let mut message = sample.clone();
            dice.damage(&mut message);
            count += 1;
            understood += u64::from(target(&message));
        }
    }
    let grown = resident_kib().saturating_sub(before);
    println!("{count} messages, {understood} understood, memory grew by {grown} KiB");
    assert!(count >= FEWEST, "only {count} messages");
    assert!(understood < count, "no message was refused");
    assert!(grown < GROWTH_LIMIT_KIB, "grew by {grown} KiB");
}

fn beacon() -> Beacon {
    Beacon {
        flags: Flags {
            settled: true,
            fixed: false,
            leaving: false,
        },
        cluster: ClusterKey::from_bytes([7; 32]).cluster_id(),
        machine: 11,
        boot: 12,
        session: 15,
        objects_to: 16,
        uptime_ms: 13,
        node: 14,
        tcp_port: 7226,
        addresses: vec![
            "10.0.0.1".parse().expect("address"),
            "fe80::1".parse().expect("address"),
        ],
    }
}

/// Beacons of strangers: whatever is changed, nothing is taken for a beacon.
fn strangers_beacons(time: Duration) {
    let key = ClusterKey::from_bytes([7; 32]);
    let authentic = beacon().encode(&key);
    fuzz(time, std::slice::from_ref(&authentic), |datagram| {
        let understood = Beacon::decode(datagram, &key).is_ok();
        assert!(
            !understood || datagram == authentic,
            "a forged beacon was accepted: {datagram:02x?}"
        );
        understood
    });
}

/// Senseless beacons of a holder of the key: they are decoded within their bounds, come out as they
/// went in, and the table of nodes stays a table that the node itself is not lost from.
fn members_beacons(time: Duration) {
    let key = ClusterKey::from_bytes([7; 32]);
    let own = Identity {
        machine: 1,
        boot: 2,
        session: 9,
        name: "own".to_owned(),
        address: "10.0.0.9".parse().expect("address"),
    };
    let mut table = Membership::new(own, key.cluster_id(), 7226, Some(9), None);
    let source = "10.0.0.1".parse().expect("address");
    let mut now = Duration::ZERO;
    let mut content = beacon().encode(&key);
    content.truncate(content.len() - MAC);
    fuzz(time, &[content], |content| {
        let mut datagram = content.to_vec();
        datagram.extend(key.sign(content));
        let Ok(beacon) = Beacon::decode(&datagram, &key) else {
            return false;
        };
        assert!(datagram.len() <= MAX_LENGTH);
        assert_eq!(
            Beacon::decode(&beacon.encode(&key), &key),
            Ok(beacon.clone())
        );
        now += Duration::from_millis(1);
        table.heard_beacon(now, &beacon, source);
        table.tick(now);
        assert_eq!(table.node(), 9);
        assert_eq!(table.peers().count(), 0, "a beacon alone made a member");
        true
    });
}

fn frames() -> Vec<Frame> {
    vec![
        Frame::Hello(Greeting {
            version: VERSION,
            purpose: Purpose::Control,
            node: 3,
            machine: 4,
            boot: 5,
            address: "10.0.0.1".parse().expect("address"),
            name: "node".to_owned(),
        }),
        Frame::Refused {
            reason: "\"no\"\n".to_owned(),
        },
        Frame::Load(Load {
            cpu_load: 1,
            affinity: 2,
            memory_free_mib: 3,
            ..Load::default()
        }),
        Frame::Subscribe(true),
        Frame::Execute {
            id: 1,
            command: migrate(),
        },
        Frame::Answer {
            id: 1,
            outcome: Outcome::Failed {
                errno: 22,
                reason: "no".to_owned(),
            },
        },
        Frame::Bye,
    ]
}

fn migrate() -> Command {
    Command::Migrate {
        process: ProcessRef { home: 3, pid: 77 },
        target: Target::Home,
    }
}

fn control_frames(time: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    let samples: Vec<_> = frames()
        .iter()
        .map(|frame| {
            let mut bytes = Vec::new();
            runtime
                .block_on(frame::write(&mut bytes, frame))
                .expect("write");
            bytes
        })
        .collect();
    fuzz(time, &samples, |bytes| {
        let mut rest = bytes;
        let Ok(frame) = runtime.block_on(frame::read(&mut rest, MAX_FRAME)) else {
            return false;
        };
        let mut again = Vec::new();
        runtime
            .block_on(frame::write(&mut again, &frame))
            .expect("what was read can be written");
        let same = runtime
            .block_on(frame::read(&mut &again[..], MAX_FRAME))
            .expect("and read again");
        assert_eq!(same, frame);
        true
    });
}

fn requests(time: Duration) {
    let samples: Vec<_> = [
        Operation::Subscribe,
        Operation::Snapshot,
        Operation::Execute(migrate()),
    ]
    .into_iter()
    .map(|operation| serde_json::to_vec(&Request { id: 1, operation }).expect("request"))
    .collect();
    fuzz(time, &samples, |line| {
        serde_json::from_slice::<Request>(line).is_ok()
    });
}

/// The targets, for a moment and for long.
macro_rules! targets {
    ($($target:ident, $long:ident, $short:ident;)*) => { $(
        #[test]
        fn $short() {
            $target(SHORT);
        }

        #[test]
        #[ignore = "fuzzes for a minute"]
        fn $long() {
            $target(LONG);
        }
    )* };
}

targets! {
    strangers_beacons, forged_beacons_are_refused_for_long, forged_beacons_are_refused;
    members_beacons, senseless_beacons_make_no_member_for_long, senseless_beacons_make_no_member;
    control_frames, damaged_frames_are_survived_for_long, damaged_frames_are_survived;
    requests, damaged_requests_are_survived_for_long, damaged_requests_are_survived;
}
