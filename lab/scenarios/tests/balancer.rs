// SPDX-License-Identifier: GPL-2.0-or-later
//! Work spreads over the nodes by itself when the balancer is on, and only what may move moves.

use std::thread;
use std::time::Duration;

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, wait_for_links, wait_until_gone};
use mattx_scenarios::programs;

/// Longer than the balancer looks before it decides, and than a process rests after a move.
const PEACE: Duration = Duration::from_secs(45);

/// A program that computes without a pause, under a name of its own.
fn hog(node: &Node, name: &str) -> Result<Subject> {
    let program = programs::push(node, "calc")?;
    node.sh(&format!("cp {program} /root/{name}"))?;
    Subject::start(node, &format!("/root/{name} 100000000 0"))
}

/// Moves of processes of `node` that came about, and those that did not.
fn moves(node: &Node) -> Result<(u32, u32)> {
    let count = |what: &str| -> Result<u32> {
        let text = node.sh(&format!("sed -n 's/^moves {what}: //p' /proc/mattx/stats"))?;
        Ok(text.trim().parse().expect("a number"))
    };
    Ok((count("committed")?, count("failed")?))
}

#[test]
fn work_spreads_over_the_nodes_and_stays_there() -> Result<()> {
    let cluster = Cluster::boot(Config::installed(2)?)?;
    wait_for_links(&cluster)?;
    let (home, other) = (cluster.node(1), cluster.node(2));

    // One that cannot move, one that must not, one that may.
    home.sh(
        "cat >/root/shares.py <<'END'\nimport mmap\nmemory = mmap.mmap(-1, 4096)\nwhile True:\n    memory[0] ^= 1\nEND\n\
         (setsid python3 /root/shares.py </dev/null >/dev/null 2>&1 &)",
    )?;
    let locked = hog(home, "locked")?;
    let free = hog(home, "free")?;
    home.sh(&format!("mattx lock {}", locked.pid))?;

    // By default nothing moves by itself.
    home.sh("grep -qx 'Balancer Enabled: NO' /proc/mattx/nodes")?;
    thread::sleep(PEACE / 3);
    assert_eq!(moves(home)?, (0, 0));

    home.sh("mattx balancer on")?;
    home.sh("grep -qx 'Balancer Enabled: YES' /proc/mattx/nodes")?;
    let away = format!("{}:2", free.pid);
    home.wait_until(
        "move a process by itself",
        MOMENT,
        &format!(
            "grep -qx {away} /proc/mattx/remote || {{ cat /proc/mattx/nodes; tail -n 3 /var/log/mattx-discd.log; false; }}"
        ),
    )?;
    // Two on one and one on the other: nothing would be better, and nothing moves to and fro.
    thread::sleep(PEACE);
    assert_eq!(home.sh("cat /proc/mattx/remote")?, away);
    // Who would be refused was asked, not tried.
    assert_eq!(moves(home)?, (1, 0));
    let log = home.sh("grep balancer: /var/log/mattx-discd.log")?;
    assert!(log.contains("(free) moved from node 1 to node 2"), "{log}");

    // The host gets work of its own, and home has none left: it comes back.
    locked.signal(home, "KILL")?;
    home.sh("pkill -f '[s]hares.py'")?;
    other.sh("for i in 1 2 3; do (setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &) ; done")?;
    home.wait_until(
        "take its process home by itself",
        MOMENT,
        "test -z \"$(cat /proc/mattx/remote)\"",
    )?;
    assert_eq!(moves(home)?, (1, 0));

    home.sh("mattx balancer off")?;
    free.signal(home, "KILL")?;
    other.sh("pkill -f '[w]hile :'; true")?;
    wait_until_gone(&cluster)?;
    cluster.finish()
}
