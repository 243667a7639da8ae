// SPDX-License-Identifier: GPL-2.0-or-later
//! What guests on a node cost the processes that have nothing to do with them.

use std::time::Duration;

use mattx_lab::{Cluster, Config, Kernel, Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, wait_for_links, wait_until_gone};
use mattx_scenarios::programs;

/// Nodes that count instructions are slower still.
const LONG: Duration = Duration::from_secs(900);
const ROUNDS: u32 = 150;
const GUESTS: usize = 3;
/// Per cent more than without guests.
const LIMIT: f64 = 1.0;
/// Calls that once were redirected for all processes, and all together; with what they may take more, in per cent. The
/// others are only printed: they differ with what else the node does, guests or none. So does a thread's life, by up to
/// two per cent, which is still redirected where it begins and ends.
const JUDGED: [(&str, f64); 5] = [
    ("thread", 3.0),
    ("timer_settime", LIMIT),
    ("timer_gettime", LIMIT),
    ("timer_create-delete", LIMIT),
    ("sum", LIMIT),
];

/// Instructions of each kind of call, and of all.
fn instructions(node: &Node, program: &str) -> Result<Vec<(String, f64)>> {
    let output = node.run(&format!("{program} {ROUNDS}"), LONG)?;
    assert_eq!(output.status, 0, "{}", output.stderr);
    Ok(output
        .stdout
        .lines()
        .filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        })
        .collect())
}

#[test]
#[ignore = "a measurement, which wants a machine that does nothing else; run by scripts/test long"]
fn guests_cost_other_processes_nothing() -> Result<()> {
    let mut config = Config::installed(2)?;
    if config.kernel == Kernel::Debug {
        println!("not on the debug kernel, whose checkers take more than what is measured");
        return Ok(());
    }
    config.count_instructions = true;
    let cluster = Cluster::boot(config)?;
    wait_for_links(&cluster)?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let program = programs::push(host, "syscalls")?;
    let alone = instructions(host, &program)?;
    // What differs between two runs of the same is not what guests cost.
    let again = instructions(host, &program)?;

    let mut guests = Vec::new();
    for guest in 1..=GUESTS {
        // They sleep, so that the processor is not theirs but their presence is felt.
        home.sh(&format!(
            "cp /usr/bin/sleep /root/nap{guest}; setsid /root/nap{guest} 100000 </dev/null >/dev/null 2>&1 &"
        ))?;
        let pid = home.wait_until("start a nap", MOMENT, &format!("pgrep -nx nap{guest}"))?;
        let subject = Subject::of(pid.trim().parse().expect("a pid"));
        subject.migrate(home, "2")?;
        guests.push(subject);
    }
    let beside = instructions(host, &program)?;
    for guest in &guests {
        guest.signal(home, "TERM")?;
    }
    wait_until_gone(&cluster)?;
    let afterwards = instructions(host, &program)?;

    let mut excess = Vec::new();
    for (index, (name, before)) in alone.iter().enumerate() {
        let more = |now: &[(String, f64)]| (now[index].1 / before - 1.0) * 100.0;
        let (with, after) = (more(&beside), more(&afterwards));
        println!(
            "{name}: {before} instructions, {:+.2} % once more, {with:+.2} % beside {GUESTS} guests, {after:+.2} % when they are gone",
            more(&again)
        );
        if JUDGED
            .iter()
            .any(|(judged, limit)| judged == name && with.max(after) >= *limit)
        {
            excess.push(name);
        }
    }
    assert!(excess.is_empty(), "guests make these slower: {excess:?}");
    cluster.finish()
}
