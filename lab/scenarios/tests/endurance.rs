// SPDX-License-Identifier: GPL-2.0-or-later
//! Many moves, one after the other and at once: the result stays what it is. Minutes each; run by `scripts/test long`.

use std::time::{Duration, Instant};

use mattx_lab::{Node, Result, SharedCluster};
use mattx_scenarios::moves::{self, Subject, Turn, wait_until_gone};
use mattx_scenarios::programs;

const LONG: Duration = Duration::from_secs(1800);
const MODES: [&str; 3] = ["lazy", "eager", "hybrid"];

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(3)
}

/// The last line of a run that is not moved.
fn checksum(home: &Node, command: &str) -> Result<String> {
    let output = home.run(&format!("{command} | tail -n 1"), LONG)?;
    let line = output.stdout.trim().to_owned();
    assert!(line.ends_with("faults 0"), "{line}");
    Ok(line)
}

/// Waits for its end, which must be that of the unmoved run.
fn finish(subject: &Subject, home: &Node, expected: &str, status: u32) -> Result<()> {
    home.wait_until(
        "end",
        LONG,
        &format!("! test -e /proc/{}/status", subject.pid),
    )?;
    let output = subject.output(home)?;
    let end: Vec<&str> = output.lines().rev().take(2).collect();
    assert_eq!(
        end,
        [format!("status {status}").as_str(), expected],
        "{output}"
    );
    Ok(())
}

/// Nine threads, begun away as well, go along `route` in each memory mode, `times` times each.
fn travel(
    rounds: u32,
    route: &[&str],
    times: u32,
    pause: impl Fn(&Node, u32) -> Result<()>,
) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "threads")?;
    let expected = checksum(home, &format!("{program} {rounds} 0 0 1"))?;
    for mode in MODES {
        let subject = Subject::start(home, &format!("{program} {rounds} 30 7 1"))?;
        let begin = Instant::now();
        for time in 0..times {
            for node in route {
                subject.migrate(home, &format!("{node} {mode}"))?;
            }
            pause(home, time)?;
            subject.migrate(home, "home")?;
        }
        println!(
            "{mode}: {times} times home-{}-home in {:.1} s",
            route.join("-"),
            begin.elapsed().as_secs_f64()
        );
        finish(&subject, home, &expected, 7)?;
        wait_until_gone(&cluster)?;
    }
    Ok(())
}

#[test]
#[ignore = "a hundred round trips in each mode take minutes; run by scripts/test long"]
fn a_hundred_round_trips_of_nine_threads() -> Result<()> {
    travel(4000, &["2"], 100, |home, time| {
        home.sh(&format!("sleep 0.{}", time % 3)).map(drop)
    })
}

#[test]
#[ignore = "chains over three nodes in each mode take minutes; run by scripts/test long"]
fn chains_over_three_nodes() -> Result<()> {
    travel(1500, &["2", "3", "2"], 12, |_, _| Ok(()))
}

#[test]
#[ignore = "a thousand round trips take minutes; run by scripts/test long"]
fn a_thousand_round_trips() -> Result<()> {
    const TRIPS: u32 = 1000;
    const ROUNDS: u32 = 40_000;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "calc")?;
    let subject = Subject::start(home, &format!("{program} {ROUNDS} 10 7"))?;
    let begin = Instant::now();
    // In the node, so that what takes time is the moves.
    let output = home.run(
        &format!(
            "for i in $(seq {TRIPS}); do echo migrate {} 2 > /proc/mattx/admin && echo migrate {} home > /proc/mattx/admin || exit 1; done",
            subject.pid, subject.pid
        ),
        LONG,
    )?;
    assert_eq!(output.status, 0, "{}", output.stderr);
    println!(
        "{TRIPS} round trips in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    subject.wait_for_progress(home)?;
    // What an unmoved run has printed by now is what it has printed.
    let moved = subject.output(home)?;
    subject.signal(home, "KILL")?;
    let rounds = moved
        .lines()
        .filter(|line| line.starts_with("tick"))
        .count()
        * 10;
    let unmoved = home.run(&format!("{program} {rounds}"), LONG)?.stdout;
    let ticks = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("tick") || line.starts_with("WRONG"))
            .map(str::to_owned)
            .collect()
    };
    assert!(rounds > 0);
    assert_eq!(ticks(&moved), ticks(&unmoved));
    wait_until_gone(&cluster)
}

#[test]
#[ignore = "fifty processes on three emulated nodes take minutes; run by scripts/test long"]
fn fifty_processes_move_at_once() -> Result<()> {
    const PROCESSES: usize = 51;
    // Long enough for most to be still there when it is their turn the last time.
    const ROUNDS: u32 = 2400;
    const MOVES: u32 = 4;
    let (cluster, _turn) = cluster()?;
    let nodes = cluster.nodes();
    for node in nodes {
        let program = programs::push(node, "calc")?;
        // Each process has some 5 MiB, each node room for a few times its own.
        node.sh(&format!(
            "rm -f /tmp/crowd.*; for i in $(seq {}); do setsid sh -c \"{program} {ROUNDS} 20 7 > /tmp/crowd.$i 2>&1; echo status \\$? >> /tmp/crowd.$i\" </dev/null >/dev/null 2>&1 & done",
            PROCESSES / nodes.len()
        ))?;
    }
    for node in nodes {
        node.wait_until(
            "start its processes",
            LONG,
            &format!("test $(pgrep -cx calc) = {}", PROCESSES / nodes.len()),
        )?;
    }
    // Each node sends its own processes around, all at the same time, and takes no notice of refusals.
    for node in nodes {
        let others: Vec<String> = (1..=nodes.len())
            .filter(|other| *other != node.number())
            .map(|other| other.to_string())
            .collect();
        node.sh(&format!(
            "for pid in $(pgrep -x calc); do setsid sh -c 'for i in $(seq {MOVES}); do for to in {} home; do echo migrate '$pid' $to > /proc/mattx/admin; done; done' </dev/null >/dev/null 2>&1 & done",
            others.join(" ")
        ))?;
    }
    let expected = checksum(&nodes[0], &format!("/root/calc {ROUNDS}"))?;
    let (mut moves, mut late) = (0, 0);
    for node in nodes {
        let own = PROCESSES / nodes.len();
        node.wait_until(
            "see all of its processes end",
            LONG,
            &format!("test $(grep -l ^status /tmp/crowd.* | wc -l) = {own}"),
        )?;
        let wrong = node.sh(&format!(
            "for i in $(seq {own}); do test \"$(tail -n 2 /tmp/crowd.$i)\" = \"$(printf '{expected}\\nstatus 7')\" || tail -n 2 /tmp/crowd.$i; done"
        ))?;
        assert_eq!(wrong, "", "on {}", node.name());
        println!(
            "{}: {}",
            node.name(),
            node.sh("grep ^moves /proc/mattx/stats | tr '\\n' ' '")?
        );
        let failures = node
            .sh("dmesg | sed -n 's/.*did not \\(move\\|come home\\)[^:]*: //p' | sort | uniq -c")?;
        println!("{failures}");
        late += failures
            .lines()
            .filter(|line| line.contains("(error 110)"))
            .filter_map(|line| line.split_whitespace().next()?.parse::<usize>().ok())
            .sum::<usize>();
        moves += node
            .sh("awk '/^moves committed/ { print $NF }' /proc/mattx/stats")?
            .parse::<usize>()
            .expect("a number of moves");
    }
    assert!(
        moves >= 3 * PROCESSES,
        "only {moves} moves of {PROCESSES} processes were committed"
    );
    // What is slow is not late; but an emulated node may get no processor at all for a while.
    assert!(
        late * 20 <= moves,
        "{late} moves or recalls ran out of time, {moves} did not"
    );
    wait_until_gone(&cluster)
}
