// SPDX-License-Identifier: GPL-2.0-or-later
//! Daemons form a cluster, lose each other, and are not impressed by strangers.
//! The module is not loaded here; what needs it is tested in the virtual cluster.

mod replay;
mod scale;
mod support;

use std::process::Command;
use std::time::Duration;

use mattx_protocol::command::{Command as MattxCommand, Outcome, Target};
use mattx_protocol::local::{Operation, Reply};
use mattx_protocol::model::{NodeState, ProcessRef};

use support::{Network, in_private_network, wait_until};

const FORMATION: Duration = Duration::from_secs(5);
const LOSS: Duration = Duration::from_secs(6);
/// Room for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn three_nodes_find_each_other_and_notice_who_is_gone() {
    in_private_network("three_nodes_find_each_other_and_notice_who_is_gone", || {
        let network = Network::new();
        let hosts = [1, 2, 3].map(|index| network.host(index));
        let mut daemons = hosts.each_ref().map(|host| host.start("INSECURE=true"));
        for daemon in &daemons {
            let took = wait_until("all see all", PATIENCE, || daemon.up() == 3);
            assert!(took < FORMATION, "took {took:?}");
        }

        // A crash, which says nothing.
        daemons[2].signal("STOP");
        let took = wait_until("a silent node is down", PATIENCE, || {
            daemons[0].up() == 2 && daemons[1].up() == 2
        });
        assert!(took < LOSS, "took {took:?}");
        daemons[2].signal("CONT");
        let took = wait_until("it is back", PATIENCE, || daemons[0].up() == 3);
        assert!(took < FORMATION, "took {took:?}");

        // A farewell is noticed at once.
        daemons[1].signal("TERM");
        let took = wait_until("it said farewell", PATIENCE, || daemons[0].up() == 2);
        assert!(took < Duration::from_secs(4), "took {took:?}");
        wait_until("it ends", PATIENCE, || !daemons[1].runs());
        daemons[1] = hosts[1].start("INSECURE=true");
        let took = wait_until("it joins again", PATIENCE, || daemons[0].up() == 3);
        assert!(took < FORMATION, "took {took:?}");

        // A cable.
        hosts[0].cable(false);
        wait_until("the others are lost", PATIENCE, || daemons[0].up() == 1);
        hosts[0].cable(true);
        wait_until("they are found again", PATIENCE, || daemons[0].up() == 3);
    });
}

#[test]
fn nodes_find_each_other_without_multicast() {
    in_private_network("nodes_find_each_other_without_multicast", || {
        let network = Network::new();
        let hosts = [1, 2].map(|index| network.host(index));
        let sweep = "INSECURE=true\nAUTODISCOVERY=sweep";
        let daemons = hosts.each_ref().map(|host| host.start(sweep));
        wait_until("a sweep finds the other", PATIENCE, || daemons[0].up() == 2);
        drop(daemons);
        // One knows the address of the other; that is enough.
        let knows = hosts[0].start("INSECURE=true\nAUTODISCOVERY=static\nPEERS=10.9.0.2");
        let other = hosts[1].start("INSECURE=true\nAUTODISCOVERY=static\nPEERS=10.9.0.99");
        wait_until("both are linked", PATIENCE, || {
            knows.up() == 2 && other.up() == 2
        });
    });
}

#[test]
fn automatic_numbers_give_way_and_configured_ones_complain() {
    in_private_network(
        "automatic_numbers_give_way_and_configured_ones_complain",
        || {
            let network = Network::new();
            let hosts = [1, 2, 3].map(|index| network.host(index));
            let automatic = hosts[0].start("INSECURE=true");
            wait_until("the first node has a number", PATIENCE, || {
                automatic.up() == 1
            });
            let number = automatic.nodes()[0].id;
            let configured = hosts[1].start(&format!("INSECURE=true\nNODE_ID={number}"));
            wait_until("the automatic number gives way", PATIENCE, || {
                automatic.up() == 2 && configured.up() == 2
            });
            assert!(
                configured
                    .nodes()
                    .iter()
                    .any(|node| node.id == number && node.address.to_string() == "10.9.0.2")
            );
            let second = hosts[2].start(&format!("INSECURE=true\nNODE_ID={number}"));
            wait_until("a second one with that number complains", PATIENCE, || {
                second
                    .log()
                    .contains("until one of the two gets another NODE_ID")
            });
            assert_eq!(configured.up(), 2);
        },
    );
}

#[test]
fn strangers_change_nothing() {
    in_private_network("strangers_change_nothing", || {
        let network = Network::new();
        let hosts = [1, 2, 3].map(|index| network.host(index));
        let mut daemons = [0, 1].map(|i| hosts[i].start("INSECURE=true"));
        wait_until("the cluster is up", PATIENCE, || {
            daemons.iter().all(|daemon| daemon.up() == 2)
        });
        let before = daemons[0].resident_kib();

        let legacy = [0xc5, 2, 0, 0, 10, 9, 0, 3];
        hosts[2].send_datagrams("10.9.0.1", &legacy, 1);
        wait_until("an old node is recognised", PATIENCE, || {
            daemons[0]
                .log()
                .contains("unauthenticated beacons of MattX 1")
        });
        for length in [1, 60, 400, 1400] {
            hosts[2].send_datagrams("10.9.0.1", &vec![0x4d; length], 500);
        }
        for stream in [
            &b"GET / HTTP/1.0\r\n\r\n"[..],
            &[0xff; 64],
            &[0, 0, 16, 0, b'{'],
            b"\0\0\0\x02{}",
        ] {
            for _ in 0..50 {
                hosts[2].send_stream("10.9.0.1", stream);
            }
        }
        assert!(daemons.iter_mut().all(support::Daemon::runs));
        assert_eq!(daemons[0].up(), 2);
        let warnings = daemons[0].log().matches("of strangers").count();
        assert_eq!(
            warnings, 2,
            "strangers are logged once a minute for each port"
        );
        let grown = daemons[0].resident_kib().saturating_sub(before);
        assert!(grown < 4096, "grew by {grown} KiB");
    });
}

#[test]
fn a_key_makes_a_cluster_that_others_cannot_enter() {
    in_private_network("a_key_makes_a_cluster_that_others_cannot_enter", || {
        let network = Network::new();
        let hosts = [1, 2, 3, 4].map(|index| network.host(index));
        let ours = network.key_file("ours", &"5a".repeat(32));
        let theirs = network.key_file("theirs", &"a5".repeat(32));
        let with = |key: &std::path::Path| format!("CLUSTER_KEY_FILE={}", key.display());
        let members = [0, 1].map(|i| hosts[i].start(&with(&ours)));
        let stranger = hosts[2].start(&with(&theirs));
        let open = hosts[3].start("INSECURE=true");
        for member in &members {
            wait_until("members are linked", PATIENCE, || member.up() == 2);
        }
        assert!(members[0].nodes().iter().all(|node| !node.insecure));
        // Time for the strangers to try.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(stranger.nodes().len(), 1);
        assert_eq!(open.nodes().len(), 1);
        for member in &members {
            assert_eq!(member.nodes().len(), 2);
            assert!(member.log().contains("does not carry this cluster's key"));
        }
        // A stranger on the link port is not even refused.
        assert_eq!(
            hosts[2].ask_stream("10.9.0.1", b"\x16\x03\x01\x00\x05hello"),
            b""
        );
    });
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    in_private_network("a_key_that_others_can_read_is_not_used", || {
        let network = Network::new();
        let host = network.host(1);
        let key = network.key_file("key", &"5a".repeat(32));
        let mut permissions = std::fs::metadata(&key).expect("key").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        std::fs::set_permissions(&key, permissions).expect("key");
        let mut daemon = host.start(&format!("CLUSTER_KEY_FILE={}", key.display()));
        wait_until("the daemon refuses to start", PATIENCE, || !daemon.runs());
        assert!(daemon.log().contains("chmod 600"));
        let mut daemon = host.start("CLUSTER_KEY_FILE=/nowhere/key");
        wait_until("the daemon refuses to start", PATIENCE, || !daemon.runs());
        assert!(daemon.log().contains("mattx cluster init"));
    });
}

#[test]
fn the_control_socket_answers_truly() {
    in_private_network("the_control_socket_answers_truly", || {
        let network = Network::new();
        let hosts = [1, 2].map(|index| network.host(index));
        let daemons = hosts.each_ref().map(|host| host.start("INSECURE=true"));
        wait_until("the cluster is up", PATIENCE, || {
            daemons.iter().all(|daemon| daemon.up() == 2)
        });
        let own = daemons[0].nodes()[0].clone();
        let nodes = daemons[0].nodes();
        let other = nodes.iter().find(|node| node.id != own.id).expect("peer");
        assert!(!own.processes.is_empty() && !other.processes.is_empty());
        assert!(own.memory_total_mib > 0 && !own.cores.is_empty() && own.uptime_s > 0);

        let mut conversation = daemons[0].connect().expect("connection");
        let mut outcome_of = |home| {
            conversation.ask(Operation::Execute(MattxCommand::Migrate {
                process: ProcessRef { home, pid: 1 },
                target: Target::Home,
            }));
            loop {
                if let Some(Reply::Answer { id: 7, outcome }) = conversation.read() {
                    match outcome {
                        Outcome::Failed { reason, .. } => return reason,
                        done => panic!("{done:?} without a module"),
                    }
                }
            }
        };
        for node in [own.id, other.id] {
            let reason = outcome_of(node);
            assert!(
                reason.contains(&format!("not loaded on node {node}")),
                "{reason}"
            );
        }
        assert!(outcome_of(1023 - own.id % 2).contains("not in the cluster"));

        conversation.say("this is not JSON");
        assert!(matches!(
            conversation.read(),
            Some(Reply::Answer {
                id: 0,
                outcome: Outcome::Failed { .. }
            })
        ));

        // A subscriber sees the other node go.
        conversation.ask(Operation::Subscribe);
        daemons[1].signal("KILL");
        wait_until("the subscriber is told", PATIENCE, || {
            matches!(conversation.read(), Some(Reply::Node(sample))
                if sample.id == other.id && sample.state == NodeState::Down)
        });
    });
}

#[test]
fn a_configuration_is_checked_before_anything_is_opened() {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("mattx-discd-check-{}.conf", std::process::id()));
    let check = |content: &str| {
        std::fs::write(&path, content).expect("configuration");
        let output = Command::new(env!("CARGO_BIN_EXE_mattx-discd"))
            .arg("--check")
            .arg("--config")
            .arg(&path)
            .output()
            .expect("mattx-discd starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text)
    };
    assert!(check("PORT=7225").0);
    let (valid, text) = check("\nNODE_ID=many");
    assert!(!valid && text.contains("line 2"), "{text}");
    let (valid, text) = check("NO_SUCH_KEY=1");
    assert!(valid && text.contains("line 1: warning"), "{text}");
    let _ = std::fs::remove_file(path);
}
