// SPDX-License-Identifier: GPL-2.0-or-later
//! Nodes with nothing but the secret form a cluster, show each other's load, and notice who is gone.

use std::thread;
use std::time::{Duration, Instant};

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, limit, turn, wait_for_links, wait_until_gone};
use mattx_scenarios::{modules, programs};

/// From the start of the daemons until all nodes list all.
const FORMED_WITHIN: Duration = Duration::from_secs(5);
/// From a change of load until another node tells it.
const LOAD_WITHIN: Duration = Duration::from_secs(3);
const LOST_WITHIN: Duration = Duration::from_secs(6);
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Daemons end and start this often.
const RESTARTS: usize = 8;
const MANY_RESTARTS: usize = 50;
/// What the kernel may have more than before, in KiB: caches breathe.
const SLAB_BREATH: i64 = 2048;
/// A node counts as rebooted when it takes commands; only then it loads the modules and starts the daemon, which takes
/// seconds on an emulated processor: node 1 had it back after 6.6 s (7.2) and 7.0 s (6.12), on two cores of which
/// another scenario used one. The other limits hold there as they are: 3.1 and 3.2 s until all nodes list all, 2.0 and
/// 1.9 s for the load, 5.2 and 5.3 s for a node without power.
const EMULATED_REBOOT: u32 = 2;

/// Prints how long something took, and checks it.
fn check(what: &str, took: Duration, limit: Duration) {
    eprintln!("{what}: {:.2} s of {limit:?}", took.as_secs_f64());
    assert!(took <= limit, "{what}: {took:?}");
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
    let _turn = turn();
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
    check("load of another node", took, LOAD_WITHIN);
    cluster.node(2).sh("pkill -f '[w]hile :'; true")?;

    whoever_has_no_rights_changes_nothing(first)?;
    network_and_everything_else_is_healthy(first)?;
    all_nodes_see_each_other_soon(&cluster)?;
    cluster.finish()
}

fn whoever_has_no_rights_changes_nothing(node: &Node) -> Result<()> {
    // Where everybody may read it.
    const PROGRAM: &str = "/tmp/netlink.py";
    programs::push_script(node, "netlink.py", PROGRAM)?;
    node.sh(&format!("chmod 644 {PROGRAM}"))?;
    let answers = |requests: &str, events: &str, files: &str| {
        format!(
            "FAMILY ok\nLOCAL_SET {requests}\nLINK_ADD {requests}\nLINK_DEL {requests}\nLOAD_SET {requests}\n\
             GUEST_REFUSE {requests}\nEVENTS {events}\nadmin {files}\nwhy {files}"
        )
    };
    // With rights, what is wrong is that nothing is said with the requests.
    let told = node.sh(&format!("python3 {PROGRAM}"))?;
    assert_eq!(told, answers("EINVAL", "ok", "ok"));
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let told = node.sh(&format!("{nobody} python3 {PROGRAM}"))?;
    assert_eq!(told, answers("EPERM", "EPERM", "EACCES"));
    // Being root in a user namespace of one's own is no right.
    let told = node.sh(&format!("{nobody} unshare -Ur python3 {PROGRAM}"))?;
    assert_eq!(told, answers("EPERM", "EPERM", "EACCES"));
    let refused = node.try_sh(&format!("{nobody} mattx status"))?;
    assert_ne!(refused.status, 0);
    Ok(())
}

fn network_and_everything_else_is_healthy(node: &Node) -> Result<()> {
    let told = node.sh("mattx doctor")?;
    for finding in [
        "mattx-discd listens on 7225",
        "mattx-discd listens on 7226",
        "beacons go to 239.0.0.1 on eth0",
        "TCP 7226 of 2 other node(s) answers",
    ] {
        assert!(told.contains(finding), "{finding:?} is not in\n{told}");
    }
    // Both tables at once, as far as there is no terminal.
    let told = node.sh("mattx top")?;
    for part in ["MattX: 3 of 3 nodes up", "node3", "mattx-discd"] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    Ok(())
}

/// Everything of MattX ends on all nodes and begins anew at the same time.
fn all_nodes_see_each_other_soon(cluster: &Cluster) -> Result<()> {
    for node in cluster.nodes() {
        node.sh("pkill -f '[l]ab-services'; pkill -x mattx-discd; true")?;
    }
    for node in cluster.nodes() {
        modules::reload(node)?;
    }
    let uptime = "$(cut -d' ' -f1 /proc/uptime)";
    let slowest = thread::scope(|scope| {
        let starts: Vec<_> = cluster
            .nodes()
            .iter()
            .map(|node| {
                let (first, second) = match node.number() {
                    1 => (2, 3),
                    2 => (1, 3),
                    _ => (1, 2),
                };
                let all = lists(&format!("{} {first} {second}", node.number()));
                scope.spawn(move || {
                    let times = node.sh(&format!(
                        "a={uptime}; (setsid mattx-discd </dev/null >>/var/log/mattx-discd.log 2>&1 &); \
                         until {all}; do sleep 0.1; done; echo $a {uptime}"
                    ))?;
                    let times: Vec<f64> = times
                        .split_whitespace()
                        .map(|time| time.parse().expect("uptime is a number"))
                        .collect();
                    Ok(Duration::from_secs_f64(times[1] - times[0]))
                })
            })
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().expect("no panic"))
            .try_fold(Duration::ZERO, |most, took: Result<Duration>| {
                took.map(|took| most.max(took))
            })
    })?;
    check(
        "from the start of all daemons until all nodes list all",
        slowest,
        FORMED_WITHIN,
    );
    Ok(())
}

#[test]
fn a_node_without_power_is_gone_and_comes_back() -> Result<()> {
    let _turn = turn();
    let cluster = Cluster::boot(Config::installed(2)?)?;
    wait_for_links(&cluster)?;
    let (first, second) = (cluster.node(1), cluster.node(2));
    second.power_off();
    let took = time(first, "lose node 2", &lists("1"))?;
    check("node without power", took, LOST_WITHIN);
    second.power_on()?;
    let took = time(first, "find node 2 again", &lists("1 2"))?;
    check(
        "rebooted node",
        took,
        limit(&cluster, BACK_WITHIN, EMULATED_REBOOT),
    );
    cluster.finish()
}

#[test]
fn daemons_come_and_go_and_the_kernels_stay_linked() -> Result<()> {
    daemons_come_and_go(RESTARTS)
}

#[test]
#[ignore = "minutes: 50 restarts"]
fn daemons_come_and_go_fifty_times_and_nothing_leaks() -> Result<()> {
    daemons_come_and_go(MANY_RESTARTS)
}

/// What a node holds: descriptors and threads of its daemon, sockets, tasks of the module, and memory of the kernel
/// that nothing reclaims, in KiB.
fn holdings(node: &Node) -> Result<Vec<(&'static str, i64, i64)>> {
    let daemon = "/proc/$(pgrep -x mattx-discd)";
    [
        (
            "descriptors of the daemon",
            4,
            format!("ls {daemon}/fd | wc -l"),
        ),
        (
            "threads of the daemon",
            4,
            format!("ls {daemon}/task | wc -l"),
        ),
        (
            "TCP sockets",
            4,
            "awk '/^TCP:/ {print $3}' /proc/net/sockstat".to_owned(),
        ),
        ("netlink sockets", 2, "wc -l </proc/net/netlink".to_owned()),
        (
            "threads of links",
            0,
            "ps -e -o comm= | grep -c '^mattx_[rt]x'; true".to_owned(),
        ),
        (
            "references to the module",
            0,
            "cat /sys/module/mattx/refcnt".to_owned(),
        ),
        (
            "memory of the kernel",
            SLAB_BREATH,
            "awk '/^SUnreclaim/ {print $2}' /proc/meminfo".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(name, breath, command)| {
        let count = node.sh(&command)?.trim().parse().expect("a number");
        Ok((name, breath, count))
    })
    .collect()
}

fn restart_daemon(node: &Node) -> Result<()> {
    let old = node.sh("pgrep -x mattx-discd")?;
    node.sh(&format!("kill -KILL {old}"))?;
    node.wait_until(
        "start its daemon again",
        MOMENT,
        &format!("new=$(pgrep -x mattx-discd) && test \"$new\" != {old} && mattx status | grep -q ' up .*'"),
    )
    .map(drop)
}

fn daemons_come_and_go(times: usize) -> Result<()> {
    let _turn = turn();
    let cluster = Cluster::boot(Config::installed(2)?)?;
    wait_for_links(&cluster)?;
    let first = cluster.node(1);
    let received = "awk '/^link 2:/ {for (i=1;i<=NF;i++) if ($i ~ /^received_frames=/) print substr($i,17)}' /proc/mattx/stats";
    let before: u64 = first.sh(received)?.parse().expect("a number");
    // Work on both nodes, one of them on behalf of the other.
    let program = programs::push(first, "calc")?;
    let guest = Subject::start(first, &format!("{program} 1000000 20"))?;
    guest.migrate(first, "2")?;
    for node in cluster.nodes() {
        node.sh("(setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &)")?;
    }
    let settled = || -> Result<()> {
        first.wait_until(
            "see both nodes",
            MOMENT,
            "test $(mattx status | grep -c ' up ') = 2",
        )?;
        // What was opened to ask is closed again.
        thread::sleep(Duration::from_secs(2));
        Ok(())
    };
    restart_daemon(first)?;
    settled()?;
    let held = holdings(first)?;
    for _ in 0..times {
        restart_daemon(first)?;
    }
    settled()?;
    for ((name, breath, before), (_, _, after)) in held.into_iter().zip(holdings(first)?) {
        eprintln!("{name}: {before}, after {times} restarts {after}");
        assert!(after <= before + breath, "{name}: {before}, then {after}");
    }
    // A counter that only rises belongs to one link.
    let after: u64 = first.sh(received)?.parse().expect("a number");
    assert!(after > before, "{after} frames after {before}");
    assert!(!first.console().contains("link to node 2 ended"));
    guest.wait_for_progress(first)?;
    guest.migrate(first, "home")?;
    guest.signal(first, "KILL")?;
    wait_until_gone(&cluster)?;
    cluster.finish()
}
