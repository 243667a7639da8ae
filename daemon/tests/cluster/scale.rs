// SPDX-License-Identifier: GPL-2.0-or-later
//! How fast many daemons on one machine become one cluster, and what each costs then.
//!
//! `cargo test --release -p mattx-discd --test cluster -- --ignored --nocapture scale` prints the
//! figures of 64 nodes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use mattx_protocol::local::{Operation, Reply};

use crate::support::{Daemon, Host, Network, Traffic, in_private_network, wait_until};

/// All nodes must see all others after this long.
const FORMATION: Duration = Duration::from_secs(15);
/// Room for a machine that is busy with other tests; the limit is checked afterwards.
const PATIENCE: Duration = Duration::from_secs(120);
/// Most of one core that a daemon may use once the cluster is formed.
const PROCESSOR_LIMIT: f64 = 0.02;

/// A formed cluster.
struct Formed {
    hosts: Vec<Host>,
    daemons: Vec<Daemon>,
    formation: Duration,
    /// Vanishes last.
    _network: Network,
}

/// Forms a cluster of `count` nodes and prints what that took.
fn form(count: u8) -> Formed {
    let network = Network::new();
    let hosts: Vec<_> = (1..=count).map(|index| network.host(index)).collect();
    for host in &hosts {
        host.introduce(&hosts);
    }
    let key = network.key_file("key", &"5a".repeat(32));
    let configuration = format!("CLUSTER_KEY_FILE={}", key.display());

    let all = usize::from(count);
    let begin = Instant::now();
    let daemons: Vec<_> = hosts
        .iter()
        .map(|host| host.start(&configuration))
        .collect();
    // One after the other: asking all of them again and again would be most of the work.
    for daemon in &daemons {
        wait_until("all see all", PATIENCE, || daemon.up() == all);
    }
    let formation = begin.elapsed();
    for daemon in &daemons {
        assert_eq!(daemon.up(), all, "a node was lost while others joined");
    }
    let time: Duration = daemons.iter().map(Daemon::processor_time).sum();
    println!(
        "{count} nodes: one cluster after {:.1} s, for {:.2} s of processor time of each",
        formation.as_secs_f64(),
        time.as_secs_f64() / f64::from(count),
    );
    Formed {
        hosts,
        daemons,
        formation,
        _network: network,
    }
}

impl Formed {
    /// Measures for `window` and prints what each node costs; returns the share of one core that
    /// the busiest daemon used.
    fn cost(&self, what: &str, window: Duration) -> f64 {
        let traffic: Vec<_> = self.hosts.iter().map(Host::traffic).collect();
        let times: Vec<_> = self.daemons.iter().map(Daemon::processor_time).collect();
        let begin = Instant::now();
        sleep(window);
        let seconds = begin.elapsed().as_secs_f64();
        let shares: Vec<_> = self
            .daemons
            .iter()
            .zip(times)
            .map(|(daemon, before)| (daemon.processor_time() - before).as_secs_f64() / seconds)
            .collect();
        let count = self.hosts.len() as f64;
        let rate = |of: fn(&Traffic) -> u64| {
            let rates = self.hosts.iter().zip(&traffic);
            let sum: u64 = rates
                .map(|(host, before)| of(&host.traffic()) - of(before))
                .sum();
            sum as f64 / seconds / count
        };
        let busiest = shares.iter().copied().fold(0.0, f64::max);
        let memory = self.daemons.iter().map(Daemon::resident_kib).max();
        println!(
            "{what}: {:.2} % of a core on average, {:.2} % at most, {} KiB of memory at most;\n\
             \x20   each node sends {:.0} bytes/s in {:.0} packets/s, receives {:.0} bytes/s in {:.0} packets/s",
            100.0 * shares.iter().sum::<f64>() / count,
            100.0 * busiest,
            memory.unwrap_or(0),
            rate(|traffic| traffic.sent_bytes),
            rate(|traffic| traffic.sent_packets),
            rate(|traffic| traffic.received_bytes),
            rate(|traffic| traffic.received_packets),
        );
        busiest
    }

    /// Like [`Self::cost`], while a program at the first node follows the whole cluster.
    fn cost_while_watched(&self, window: Duration) -> f64 {
        let mut viewer = self.daemons[0].connect().expect("control socket");
        viewer.ask(Operation::Subscribe);
        let stop = AtomicBool::new(false);
        let (busiest, samples) = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut samples = 0;
                while !stop.load(Ordering::Relaxed) {
                    if let Reply::Node(_) = viewer.read().expect("the viewer is kept") {
                        samples += 1;
                    }
                }
                samples
            });
            sleep(Duration::from_secs(2));
            let busiest = self.cost("watched by one program", window);
            stop.store(true, Ordering::Relaxed);
            (busiest, reader.join().expect("viewer"))
        });
        let expected = self.hosts.len() * usize::try_from(window.as_secs()).expect("short");
        assert!(samples >= expected, "{samples} samples, not {expected}");
        busiest
    }
}

#[test]
fn eight_nodes_form_a_cluster_and_cost_little() {
    in_private_network("scale::eight_nodes_form_a_cluster_and_cost_little", || {
        let cluster = form(8);
        assert!(cluster.formation < FORMATION, "{:?}", cluster.formation);
        let busiest = cluster.cost_while_watched(Duration::from_secs(4));
        assert!(busiest <= PROCESSOR_LIMIT, "{busiest}");
    });
}

#[test]
#[ignore = "measures 64 daemons for a minute, which needs a quiet machine"]
fn sixty_four_nodes_form_a_cluster_and_cost_little() {
    in_private_network(
        "scale::sixty_four_nodes_form_a_cluster_and_cost_little",
        || {
            let cluster = form(64);
            assert!(cluster.formation < FORMATION, "{:?}", cluster.formation);
            // The samples that the questions above asked for flow on for a while.
            sleep(Duration::from_secs(15));
            let busiest = cluster.cost("nobody watches", Duration::from_secs(20));
            assert!(busiest <= PROCESSOR_LIMIT, "{busiest}");
            let busiest = cluster.cost_while_watched(Duration::from_secs(15));
            assert!(busiest <= PROCESSOR_LIMIT, "{busiest}");
        },
    );
}
