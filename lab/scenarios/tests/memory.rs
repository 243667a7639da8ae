// SPDX-License-Identifier: GPL-2.0-or-later
//! What moving memory costs. A benchmark: it prints, and judges only what is promised as a ratio within one run.

use std::time::{Duration, Instant};

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, turn, wait_for_links, wait_until_gone};
use mattx_scenarios::programs;

/// For a GiB that comes page by page over an emulated network.
const LONG: Duration = Duration::from_secs(900);

/// Two numbers of the kernel's line about the last move: microseconds until all threads stood, and without running.
fn last_move(home: &Node) -> Result<(f64, f64)> {
    let line = home.sh("dmesg | grep 'computes on node' | tail -n 1")?;
    let numbers: Vec<f64> = line
        .rsplit_once('(')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    Ok((numbers[0], numbers[1]))
}

/// Rate of the program's lines, in MiB/s, with the time of each in milliseconds.
fn rates(subject: &Subject, home: &Node) -> Result<Vec<(f64, f64)>> {
    Ok(subject
        .output(home)?
        .lines()
        .filter_map(|line| {
            let (time, rate) = line.split_once(' ')?;
            Some((time.parse().ok()?, rate.parse().ok()?))
        })
        .collect())
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes per second of a plain TCP stream between the nodes.
fn plain_tcp(from: &Node, to: &Node) -> Result<f64> {
    const BYTES: u32 = 64 << 20;
    to.sh(&format!(
        "setsid python3 -c 'import socket; s = socket.create_server((\"\", 9999)); c, _ = s.accept()\nn = 0\nwhile n < {BYTES}: n += len(c.recv(1 << 20))\nc.send(b\"x\")' </dev/null >/dev/null 2>&1 &"
    ))?;
    from.sh("sleep 2")?;
    let seconds = from.sh(&format!(
        "python3 -c 'import socket, time; s = socket.create_connection((\"10.77.0.2\", 9999)); b = bytes(1 << 20); t = time.monotonic()\nfor i in range({BYTES} >> 20): s.sendall(b)\ns.recv(1); print(time.monotonic() - t)'"
    ))?;
    Ok(f64::from(BYTES) / seconds.trim().parse::<f64>().expect("seconds"))
}

/// Rates since the move, when it has gone over all of its memory once more and some lines beyond: the last ones are
/// full speed, as this machine has it now.
fn rates_since(subject: &Subject, home: &Node, lines: usize, size: u32) -> Result<Vec<(f64, f64)>> {
    const LINES: usize = 10;
    let begin = Instant::now();
    loop {
        home.sh("sleep 2")?;
        let mut since = rates(subject, home)?.split_off(lines);
        let mut read = 0.0;
        let over = since.windows(2).position(|pair| {
            read += pair[1].1 * (pair[1].0 - pair[0].0) / 1000.0;
            read >= f64::from(size)
        });
        if let Some(over) = over.filter(|over| since.len() >= over + LINES) {
            since.truncate(over + LINES);
            return Ok(since);
        }
        assert!(
            begin.elapsed() < LONG,
            "it has read {read:.0} of its {size} MiB in {LONG:?}"
        );
    }
}

/// Moves programs with little and with much memory and prints what it costs; their freezes, in microseconds.
fn costs(mode: &str) -> Result<[f64; 2]> {
    const SIZES: [u32; 2] = [16, 1024];
    let _turn = turn();
    let mut config = Config::installed(2)?;
    config.memory_mib = Some(2048);
    let cluster = Cluster::boot(config)?;
    wait_for_links(&cluster)?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "resident")?;
    let tcp = plain_tcp(home, host)?;
    println!(
        "plain TCP, before {mode}: {:.1} MiB/s",
        tcp / f64::from(1 << 20)
    );
    let mut frozen = [0.0; SIZES.len()];
    for (size, frozen) in SIZES.into_iter().zip(&mut frozen) {
        let subject = Subject::start(home, &format!("{program} {size}"))?;
        home.wait_until("fill its memory", MOMENT, "grep -q full /tmp/resident.out")?;
        home.sh("sleep 3")?;
        let before = middle(rates(&subject, home)?.iter().map(|rate| rate.1).collect());
        let lines = rates(&subject, home)?.len();
        let begin = Instant::now();
        subject.migrate(home, &format!("2 {mode}"))?;
        let moved = begin.elapsed();
        let (stood, still) = last_move(home)?;
        let after = rates_since(&subject, home, lines, size)?;
        let full = middle(after.iter().rev().take(8).map(|rate| rate.1).collect());
        let reached = after
            .iter()
            .find(|rate| rate.1 >= full * 0.95)
            .map_or(f64::NAN, |rate| rate.0 - after[0].0);
        let rate = f64::from(size) / moved.as_secs_f64();
        println!(
            "{mode} {size} MiB: stood after {stood} us, {:.1} ms without running, {rate:.1} MiB/s ({:.0} % of plain TCP) in the move, 95 % of full speed after {reached} ms ({before} MiB/s at home, {full} away)",
            still / 1000.0,
            rate * f64::from(1 << 20) * 100.0 / tcp
        );
        *frozen = still;
        subject.signal(home, "TERM")?;
        subject.wait_for_line(home, "status 0")?;
        wait_until_gone(&cluster)?;
    }
    cluster.finish()?;
    Ok(frozen)
}

fn freeze_does_not_grow(mode: &str) -> Result<()> {
    let [little, much] = costs(mode)?;
    assert!(
        much < 2.0 * little,
        "{mode}: the freeze grows with memory: {little} us and {much} us"
    );
    Ok(())
}

#[test]
#[ignore = "a benchmark; run by scripts/test long"]
fn what_moving_memory_costs_lazy() -> Result<()> {
    freeze_does_not_grow("lazy")
}

#[test]
#[ignore = "a benchmark; run by scripts/test long"]
fn what_moving_memory_costs_hybrid() -> Result<()> {
    freeze_does_not_grow("hybrid")
}

#[test]
#[ignore = "a benchmark; run by scripts/test long"]
fn what_moving_memory_costs_eager() -> Result<()> {
    costs("eager").map(drop)
}
