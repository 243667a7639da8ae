// SPDX-License-Identifier: GPL-2.0-or-later
//! Whoever records what nodes say, changes it and says it again achieves nothing.

use std::net::IpAddr;
use std::thread::{self, sleep};
use std::time::Duration;

use mattx_protocol::model::{NodeId, NodeState};

use crate::support::{Daemon, Network, in_private_network, pretend_reboot, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);
const TARGETS: [&str; 2] = ["10.9.0.1", "10.9.0.2"];
/// What a second time of the same attack may leave in the memory of a daemon, in KiB.
const GROWTH_LIMIT: u64 = 4096;

fn table(daemon: &Daemon) -> Vec<(NodeId, IpAddr, NodeState)> {
    let mut table: Vec<_> = daemon
        .nodes()
        .into_iter()
        .map(|node| (node.id, node.address, node.state))
        .collect();
    table.sort_by_key(|(id, ..)| *id);
    table
}

/// Each beacon with one bit changed, at places all over it.
fn forge(beacons: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut forged = Vec::new();
    for beacon in beacons {
        for at in (0..beacon.len()).step_by(3) {
            let mut changed = beacon.clone();
            changed[at] ^= 1 << (at % 8);
            forged.push(changed);
        }
        forged.push(beacon[..beacon.len() - 1].to_vec());
    }
    forged
}

#[test]
fn recorded_and_forged_beacons_change_nothing() {
    const NAME: &str = "replay::recorded_and_forged_beacons_change_nothing";
    in_private_network(NAME, || {
        let network = Network::new();
        let hosts = [1, 2, 3].map(|index| network.host(index));
        let stranger = &hosts[2];
        let key = network.key_file("key", &"5a".repeat(32));
        let ours = format!("CLUSTER_KEY_FILE={}", key.display());
        let fixed = format!("{ours}\nNODE_ID=5");
        let first = hosts[0].start(&ours);
        let mut second = hosts[1].start(&fixed);
        wait_until("the cluster is up", PATIENCE, || {
            first.up() == 2 && second.up() == 2
        });

        // The farewell of a node is the beacon that could do most harm.
        let mut beacons = stranger.record_beacons(Duration::from_secs(2));
        thread::scope(|scope| {
            let farewell = scope.spawn(|| stranger.record_beacons(Duration::from_secs(2)));
            sleep(Duration::from_millis(300));
            second.signal("TERM");
            beacons.extend(farewell.join().expect("recorder"));
        });
        // Which of them says farewell is told by a flag in the clear.
        assert!(
            beacons.iter().any(|beacon| beacon[5] & 4 != 0),
            "no farewell was recorded"
        );
        assert!(beacons.len() >= 5, "only {} beacons", beacons.len());
        let beacons: Vec<_> = beacons.into_iter().collect();

        wait_until("node 5 is gone", PATIENCE, || {
            first.up() == 1 && !second.runs()
        });
        let answers = stranger.replay(&TARGETS[..1], &beacons, Duration::from_secs(1));
        assert_eq!((answers, first.up()), (0, 1), "a recorded node came back");

        let second = hosts[1].start(&fixed);
        wait_until("node 5 is back", PATIENCE, || {
            first.up() == 2 && second.up() == 2
        });
        let before = (table(&first), table(&second));
        let forged = forge(&beacons);
        let answers = stranger.replay(
            &TARGETS,
            beacons.iter().chain(&forged),
            Duration::from_secs(2),
        );
        assert_eq!(answers, 0);
        assert_eq!((table(&first), table(&second)), before);
        for daemon in [&first, &second] {
            let log = daemon.log();
            assert_eq!(log.matches("of strangers so far").count(), 1, "{log}");
        }

        // After a reboot nothing tells a node that the voice is its own, but that it is.
        drop(second);
        pretend_reboot(&network, "11111111-2222-3333-4444-555555555555");
        let rebooted = thread::scope(|scope| {
            let replay =
                scope.spawn(|| stranger.replay(&TARGETS, &beacons, Duration::from_secs(5)));
            let rebooted = hosts[1].start(&fixed);
            wait_until(
                "node 5 joins whatever is replayed",
                Duration::from_secs(5),
                || rebooted.up() == 2,
            );
            assert_eq!(replay.join().expect("replay"), 0);
            rebooted
        });
        assert_eq!(table(&rebooted), before.1);
        assert!(!rebooted.log().contains("is already the number"));
    });
}

/// Floods a member of a cluster with garbage, forged beacons and silent connections.
fn flood(time: Duration) {
    let network = Network::new();
    let hosts = [1, 2, 3].map(|index| network.host(index));
    let key = network.key_file("key", &"5a".repeat(32));
    let ours = format!("CLUSTER_KEY_FILE={}", key.display());
    let members = [0, 1].map(|index| hosts[index].start(&ours));
    wait_until("the cluster is up", PATIENCE, || {
        members.iter().all(|member| member.up() == 2)
    });
    let beacons: Vec<_> = hosts[2]
        .record_beacons(Duration::from_secs(2))
        .into_iter()
        .collect();
    let mut datagrams = forge(&beacons);
    datagrams.extend([1, 8, 60, 400, 1400].map(|length| vec![0x4d; length]));

    // The first time the daemon gets the buffers that it needs; a leak goes on.
    hosts[2].flood(TARGETS[0], &datagrams, 300, time / 4);
    let before = members[0].resident_kib();
    let sent = hosts[2].flood(TARGETS[0], &datagrams, 300, time);
    let grown = members[0].resident_kib().saturating_sub(before);
    println!("{sent} datagrams and 300 silent connections: grew by {grown} KiB");
    assert!(sent > 1000, "{sent} datagrams are no flood");
    assert!(grown < GROWTH_LIMIT, "grew by {grown} KiB");
    for member in &members {
        assert_eq!(member.up(), 2);
        assert!(!member.log().contains("panicked"));
    }
    let log = members[0].log();
    let minutes = (time + time / 4).as_secs() / 60 + 1;
    let warnings = log
        .matches("datagram(s) to the discovery port of strangers")
        .count() as u64;
    assert!(
        (1..=minutes).contains(&warnings),
        "{warnings} in {minutes} minute(s)"
    );
    assert!(!log.contains("is lost"), "{log}");
}

#[test]
fn silent_connections_keep_nobody_out() {
    in_private_network("replay::silent_connections_keep_nobody_out", || {
        let network = Network::new();
        let hosts = [1, 2, 3].map(|index| network.host(index));
        let key = network.key_file("key", &"5a".repeat(32));
        let ours = format!("CLUSTER_KEY_FILE={}", key.display());
        // The one with the lower number connects: the newcomer to the one that is flooded.
        let member = hosts[0].start(&format!("{ours}\nNODE_ID=9"));
        wait_until("the member is there", PATIENCE, || member.up() == 1);
        thread::scope(|scope| {
            let flood = scope.spawn(|| hosts[2].flood(TARGETS[0], &[], 300, PATIENCE / 2));
            sleep(Duration::from_secs(1));
            let newcomer = hosts[1].start(&format!("{ours}\nNODE_ID=2"));
            wait_until(
                "a node joins in spite of silent connections",
                Duration::from_secs(5),
                || newcomer.up() == 2,
            );
            assert!(!flood.is_finished());
        });
    });
}

#[test]
fn a_flood_leaves_no_trace() {
    in_private_network("replay::a_flood_leaves_no_trace", || {
        flood(Duration::from_secs(3))
    });
}

#[test]
#[ignore = "floods for a minute and more"]
fn a_long_flood_leaves_no_trace() {
    in_private_network("replay::a_long_flood_leaves_no_trace", || {
        flood(Duration::from_secs(90))
    });
}
