// SPDX-License-Identifier: GPL-2.0-or-later
//! What only its home can do, a guest does at home: it goes there by itself and sees no error.

use super::{MOMENT, assert_all_gone, cluster, migrate, start, wait_for_line};
use mattx_lab::{Node, Result};
use mattx_scenarios::programs;

/// What `errands` does, with what it prints, and the reason that the kernel tells.
const STEPS: [(&str, &str, &str); 18] = [
    ("fork", "0x500", "make a process"),
    ("vfork", "0x600", "make a process"),
    ("spawn", "0 0x700", "make a process"),
    ("system", "0x800", "make a process"),
    ("popen", "a child says this", "make a pipe"),
    ("thread", "0x500", "make a process"),
    ("clone", "0x900 1", "make a process"),
    ("pipe", "0 4 4 pipe -11 1", "make a pipe"),
    ("eventfd", "8 1", "make a descriptor"),
    ("epoll", "0 0 1 42 8 1", "make a descriptor"),
    ("memfd", "0 memory", "make a descriptor"),
    ("shared", "0 17", "share memory"),
    ("socket", "0 6 6 socket", "make a socket"),
    ("inotify", "1 made", "make a descriptor"),
    ("signalfd", "128 10", "make a descriptor"),
    ("identity", "1 1 1", "make a system call"),
    ("errors", "-3 -10 -2 -25 -38", "send a signal"),
    ("exec", "with arguments", "run another program"),
];

fn wait_until_home(node: &Node, pid: u32) -> Result<()> {
    node.wait_until(
        "it is home",
        MOMENT,
        &format!("! grep -q '^{pid}:' /proc/mattx/remote"),
    )
    .map(drop)
}

#[test]
fn what_only_home_can_do_is_done_there() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "errands")?;
    home.sh("rm -rf /tmp/errands; mkdir /tmp/errands")?;
    let pid = start(
        home,
        "errands",
        &format!(
            "{program} /tmp/errands > /tmp/errands/out 2>&1; echo status $? >> /tmp/errands/out"
        ),
    )?;
    wait_for_line(home, "/tmp/errands/out", "begun")?;
    for (step, answer, reason) in STEPS {
        migrate(home, pid, "2")?;
        home.sh(&format!("touch /tmp/errands/{step}"))?;
        wait_for_line(home, "/tmp/errands/out", &format!("^{step}: "))?;
        assert_eq!(
            home.sh(&format!("grep '^{step}: ' /tmp/errands/out"))?
                .trim(),
            format!("{step}: {answer}")
        );
        wait_until_home(home, pid)?;
        let told = home.sh(&format!(
            "dmesg | grep 'pid {pid} ' | grep 'came home' | tail -n 1"
        ))?;
        assert!(
            told.contains(&format!("came home from node 2 to {reason}")),
            "{step}: {told}"
        );
    }
    wait_for_line(home, "/tmp/errands/out", "status 3")?;
    assert_all_gone(&cluster)
}
