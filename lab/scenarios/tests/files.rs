// SPDX-License-Identifier: GPL-2.0-or-later
//! The open files of a process follow it: what it reads, writes and waits for is at its home, wherever it computes.

#[path = "files/errands.rs"]
mod errands;
#[path = "files/mattxfs.rs"]
mod mattxfs;

use std::time::Duration;

use mattx_lab::{Node, Result, SharedCluster};
use mattx_scenarios::moves::{self, MOMENT, Turn};
use mattx_scenarios::programs;

const LONG: Duration = Duration::from_secs(600);

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

/// Starts `command` in its own session and returns the pid of the program named `name` that it runs.
fn start(node: &Node, name: &str, command: &str) -> Result<u32> {
    node.sh(&format!(
        "setsid sh -c '{command}' </dev/null >/dev/null 2>&1 &"
    ))?;
    let pid = node.wait_until(
        &format!("{name} runs"),
        MOMENT,
        &format!("pgrep -nx {name}"),
    )?;
    Ok(pid.trim().parse().expect("pgrep prints a pid"))
}

fn migrate(node: &Node, pid: u32, to: &str) -> Result<String> {
    node.sh(&format!("echo migrate {pid} {to} > /proc/mattx/admin"))
}

fn wait_for_line(node: &Node, file: &str, line: &str) -> Result<String> {
    node.wait_until(
        &format!("{line:?} in {file}"),
        MOMENT,
        &format!("grep -q {line:?} {file}"),
    )
}

/// Nothing of the processes of this test is left on either node.
fn assert_all_gone(cluster: &SharedCluster) -> Result<()> {
    for node in [1, 2] {
        cluster.node(node).wait_until(
            "all guests and deputies are gone",
            MOMENT,
            "test -z \"$(cat /proc/mattx/processes)\" && ! pgrep mattx_io",
        )?;
    }
    Ok(())
}

#[test]
fn every_answer_of_a_file_is_the_same_away() -> Result<()> {
    const ROUNDS: u32 = 60;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "files")?;
    home.sh("mkdir -p /tmp/unmoved /tmp/moved")?;
    let expected = home
        .run(
            &format!("{program} /tmp/unmoved {ROUNDS} | tail -n 1"),
            LONG,
        )?
        .stdout;
    assert!(expected.contains("wrong 0"), "{expected}");

    let pid = start(
        home,
        "files",
        &format!("{program} /tmp/moved {ROUNDS} 400 > /tmp/files.out"),
    )?;
    for _ in 0..4 {
        migrate(home, pid, "2")?;
        home.sh("sleep 2")?;
        migrate(home, pid, "home")?;
    }
    migrate(home, pid, "2")?;
    home.wait_until("files has ended", LONG, "grep -q checksum /tmp/files.out")?;
    assert_eq!(
        home.sh("grep -v ^round /tmp/files.out | tail -n +2")?,
        expected.trim()
    );
    for file in ["data", "lines"] {
        let content = |folder: &str| home.sh(&format!("sha256sum < /tmp/{folder}/{file}"));
        assert_eq!(content("moved")?, content("unmoved")?, "{file}");
    }
    assert_all_gone(&cluster)
}

#[test]
fn output_of_a_guest_arrives_at_its_terminal() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "files")?;
    home.sh("mkdir -p /tmp/terminal")?;
    let pid = start(
        home,
        "files",
        &format!("script -qfec \"{program} /tmp/terminal 30 500\" /tmp/typescript"),
    )?;
    migrate(home, pid, "2")?;
    wait_for_line(home, "/tmp/typescript", "round 29")?;
    wait_for_line(home, "/tmp/typescript", "wrong 0")?;
    assert_all_gone(&cluster)
}

#[test]
fn a_read_that_waits_goes_on_wherever_the_process_is() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("rm -f /tmp/fifo; mkfifo /tmp/fifo; (setsid sleep 1000 </dev/null >/tmp/fifo 2>/dev/null &)")?;
    let pid = start(
        home,
        "cat",
        "cat < /tmp/fifo > /tmp/cat.out; echo status $? >> /tmp/cat.out",
    )?;
    for (place, word) in [("2", "first"), ("home", "second"), ("2", "third")] {
        migrate(home, pid, place)?;
        home.sh(&format!("echo {word} > /tmp/fifo"))?;
        wait_for_line(home, "/tmp/cat.out", word)?;
    }
    // The last writer leaves: the end of the file reaches the reader, too.
    home.sh("pkill -x sleep")?;
    wait_for_line(home, "/tmp/cat.out", "status 0")?;
    assert_eq!(
        home.sh("cat /tmp/cat.out")?,
        "first\nsecond\nthird\nstatus 0"
    );
    assert_all_gone(&cluster)
}

#[test]
fn a_guest_that_waits_for_a_file_can_be_killed() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("rm -f /tmp/still; mkfifo /tmp/still; (setsid sleep 2000 </dev/null >/tmp/still 2>/dev/null &)")?;
    let pid = start(
        home,
        "cat",
        "cat < /tmp/still; echo status $? > /tmp/killed",
    )?;
    migrate(home, pid, "2")?;
    home.sh(&format!("kill -9 {pid}"))?;
    wait_for_line(home, "/tmp/killed", "status 137")?;
    home.sh("pkill -x sleep")?;
    assert_all_gone(&cluster)
}

#[test]
fn a_guest_without_a_reader_dies_of_sigpipe() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let pid = start(
        home,
        "yes",
        "(yes; echo status $? > /tmp/yes.status) | (sleep 20; head -c 10000000 > /dev/null)",
    )?;
    migrate(home, pid, "2")?;
    wait_for_line(home, "/tmp/yes.status", "status 141")?;
    assert_all_gone(&cluster)
}
