// SPDX-License-Identifier: GPL-2.0-or-later
//! Nodes with nothing but the secret form a cluster, show each other's load, and notice who is gone.

use std::time::{Duration, Instant};

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_scenarios::moves::{MOMENT, wait_for_links};

/// What a time limit is on this machine: emulated processors are 10 to 40 times slower, and the clocks of the nodes
/// run on while they wait for their turn.
fn limit(cluster: &Cluster, real: Duration) -> Duration {
    if cluster.is_accelerated() {
        real
    } else {
        real * 3
    }
}

/// Waits for `condition` on `node` and returns how long it took.
fn time(node: &Node, what: &str, condition: &str) -> Result<Duration> {
    let begin = Instant::now();
    node.wait_until(what, MOMENT, condition)?;
    Ok(begin.elapsed())
}

/// The numbers in the first column of `/proc/mattx/nodes`, as scripts read them.
const NUMBERS: &str =
    "sed '/^$/,$d' /proc/mattx/nodes | tail -n +5 | awk '{print $1}' | tr '\\n' ' '";

/// A shell condition: exactly these nodes are in the table.
fn lists(numbers: &str) -> String {
    format!("test \"$({NUMBERS})\" = '{numbers} '")
}

#[test]
fn a_cluster_forms_from_the_secret_alone() -> Result<()> {
    let cluster = Cluster::boot(Config::installed(3)?)?;
    for node in cluster.nodes() {
        let own = node.number();
        let peers: Vec<_> = (1..=3).filter(|peer| *peer != own).collect();
        // The local row first, then peers by ascending number.
        node.wait_until(
            "list all nodes in order",
            MOMENT,
            &lists(&format!("{own} {} {}", peers[0], peers[1])),
        )?;
    }
    wait_for_links(&cluster)?;
    let first = cluster.node(1);

    // The form that existing scripts parse, byte for byte.
    let table = first.sh("cat /proc/mattx/nodes")?;
    let dashes = "-".repeat(72);
    let head = format!(
        "MattX Cluster Nodes:\n{dashes}\nNode ID\t\tIP Address\tCPU Load\tAffinity\tMem Free (MB)\n{dashes}\n\
         1 (Local)\t10.77.0.1\t"
    );
    assert!(table.starts_with(&head), "{table}");
    let peer = table
        .lines()
        .find(|line| line.starts_with("2\t\t10.77.0.2\t"))
        .expect("the row of node 2");
    let columns: Vec<_> = peer.split('\t').filter(|text| !text.is_empty()).collect();
    assert_eq!(columns.len(), 5, "{peer}");
    assert!(
        columns[2..].iter().all(|text| text.parse::<u64>().is_ok()),
        "{peer}"
    );
    assert!(table.contains("\n\nBalancer Enabled: "), "{table}");

    // The links are encrypted, and everybody says so.
    let status = first.sh("mattx status")?;
    assert!(!status.contains("INSECURE"), "{status}");
    // On slow nodes a sample may be late, and its node is shown as stale until it is there.
    first.wait_until(
        "see all nodes up",
        MOMENT,
        "test $(mattx status | grep -c ' up ') = 3",
    )?;

    // Load news.
    cluster
        .node(2)
        .sh("for i in 1 2 3 4; do (setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &) ; done")?;
    let took = time(
        first,
        "see the load of node 2",
        "test $(awk '$1 == 2 {print $3}' /proc/mattx/nodes) -gt 2500",
    )?;
    assert!(took < limit(&cluster, Duration::from_secs(3)), "{took:?}");
    cluster.node(2).sh("pkill -f '[w]hile :'; true")?;

    // Whoever has no rights changes nothing.
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let refused = first.try_sh(&format!(
        "{nobody} sh -c 'echo debug 1 > /proc/mattx/admin'"
    ))?;
    assert_ne!(refused.status, 0);
    assert!(
        refused.stderr.contains("Permission denied"),
        "{}",
        refused.stderr
    );
    let refused = first.try_sh(&format!("{nobody} mattx status"))?;
    assert_ne!(refused.status, 0);
    cluster.finish()
}

#[test]
fn a_node_without_power_is_gone_and_comes_back() -> Result<()> {
    let cluster = Cluster::boot(Config::installed(2)?)?;
    wait_for_links(&cluster)?;
    let (first, second) = (cluster.node(1), cluster.node(2));
    second.power_off();
    let took = time(first, "lose node 2", &lists("1"))?;
    assert!(took < limit(&cluster, Duration::from_secs(6)), "{took:?}");
    second.power_on()?;
    let took = time(first, "find node 2 again", &lists("1 2"))?;
    assert!(took < limit(&cluster, Duration::from_secs(5)), "{took:?}");
    cluster.finish()
}

#[test]
fn daemons_come_and_go_and_the_kernels_stay_linked() -> Result<()> {
    let cluster = Cluster::boot(Config::installed(2)?)?;
    wait_for_links(&cluster)?;
    let first = cluster.node(1);
    let received = "awk '/^link 2:/ {for (i=1;i<=NF;i++) if ($i ~ /^received_frames=/) print substr($i,17)}' /proc/mattx/stats";
    let before: u64 = first.sh(received)?.parse().expect("a number");
    for _ in 0..10 {
        let old = first.sh("pgrep -x mattx-discd")?;
        first.sh(&format!("kill -KILL {old}"))?;
        first.wait_until(
            "start its daemon again",
            MOMENT,
            &format!("new=$(pgrep -x mattx-discd) && test \"$new\" != {old} && mattx status | grep -q ' up .*'"),
        )?;
    }
    first.wait_until(
        "see both nodes",
        MOMENT,
        "test $(mattx status | grep -c ' up ') = 2",
    )?;
    // A counter that only rises belongs to one link.
    let after: u64 = first.sh(received)?.parse().expect("a number");
    assert!(after > before, "{after} frames after {before}");
    assert!(!first.console().contains("link to node 2 ended"));
    cluster.finish()
}
