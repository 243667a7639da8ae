// SPDX-License-Identifier: GPL-2.0-or-later
//! Something breaks at a step of a move: afterwards there is exactly one live copy of the process, or a defined end, and
//! nothing stays frozen. The kernel waits at the step meanwhile, see `kernel/step.h`.

use std::time::Duration;

use mattx_lab::{Cluster, Node, Result, SharedCluster};
use mattx_scenarios::moves::{
    self, MOMENT, Subject, Turn, endless, limit, wait_for_links, wait_until_gone,
};
use mattx_scenarios::programs;
use mattx_scenarios::steps::{move_up_to, wait_at};

/// From the fault to a process that computes or has ended.
const LIMIT: Duration = Duration::from_secs(10);
/// Emulated nodes are that much slower.
const EMULATED: u32 = 6;

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Out,
    Home,
}

/// Where the step is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Home,
    Away,
}

type Step = (&'static str, Way, Place);

const STEPS: [Step; 16] = [
    ("frozen", Way::Out, Place::Home),
    ("offering", Way::Out, Place::Home),
    ("offered", Way::Out, Place::Home),
    ("mapped", Way::Out, Place::Away),
    ("restored", Way::Out, Place::Away),
    ("ready", Way::Out, Place::Home),
    ("running", Way::Out, Place::Away),
    ("committed", Way::Out, Place::Home),
    ("recalling", Way::Home, Place::Home),
    ("recalled", Way::Home, Place::Home),
    ("captured", Way::Home, Place::Away),
    ("sending", Way::Home, Place::Away),
    ("sent", Way::Home, Place::Away),
    ("received", Way::Home, Place::Home),
    ("applying", Way::Home, Place::Home),
    ("applied", Way::Home, Place::Home),
];

/// Those that a short run looks at: on both sides and on both ways, before and after the process is in two places.
fn some_steps() -> impl Iterator<Item = Step> {
    STEPS.into_iter().filter(|(name, ..)| {
        ["offered", "restored", "committed", "sending", "received"].contains(name)
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Kill,
    Cut,
    PowerOff,
}

impl Fault {
    fn happen(self, host: &Node) -> Result<()> {
        match self {
            Self::Kill => host
                .sh("awk '$1 == \"guest\" && $2 > 0 { print $2 }' /proc/mattx/processes | xargs -r kill -KILL")
                .map(drop)?,
            Self::Cut => host.cut(),
            Self::PowerOff => host.power_off(),
        }
        Ok(())
    }

    fn repair(self, host: &Node) -> Result<()> {
        match self {
            Self::Kill => (),
            Self::Cut => host.mend(),
            Self::PowerOff => host.power_on()?,
        }
        Ok(())
    }
}

/// The numbers of its ticks: two copies that run, or one that does something again, would repeat some.
fn ticks_ascend(output: &str) -> bool {
    let ticks: Vec<u64> = output
        .lines()
        .filter_map(|line| line.strip_prefix("tick ")?.split(' ').next()?.parse().ok())
        .collect();
    ticks.windows(2).all(|pair| pair[0] < pair[1])
}

fn one_fault(cluster: &Cluster, (step, way, place): Step, fault: Fault) -> Result<()> {
    let (home, host) = (cluster.node(1), cluster.node(2));
    let limit = limit(cluster, LIMIT, EMULATED);
    let program = programs::push(home, "calc")?;
    let subject = Subject::start(home, &format!("{program} 1000000 10"))?;
    if way == Way::Home {
        subject.migrate(home, "2")?;
        subject.wait_for_progress(home)?;
    }
    let at = if place == Place::Home { home } else { host };
    let to = if way == Way::Out { "2" } else { "home" };
    move_up_to(&subject, home, to, at, step)?;
    fault.happen(host)?;
    if place == Place::Home || fault != Fault::PowerOff {
        wait_at(at, "none")?;
    }
    home.wait_until(
        &format!("see it compute or end after {fault:?} at step {step}"),
        limit,
        "grep -q ^status /tmp/calc.out || { before=$(wc -l < /tmp/calc.out); sleep 1; test $(wc -l < /tmp/calc.out) -gt $before; }",
    )?;
    fault.repair(host)?;
    wait_for_links(cluster)?;
    let output = subject.output(home)?;
    assert!(
        ticks_ascend(&output),
        "{fault:?} at step {step}: something ran twice"
    );
    if home.sh("cat /proc/mattx/remote")?.is_empty() {
        host.wait_until(
            &format!("have no copy after {fault:?} at step {step}"),
            limit,
            "! pgrep -x calc",
        )?;
    }
    println!(
        "{fault:?} at step {step}: {}",
        output
            .lines()
            .find(|line| line.starts_with("status"))
            .unwrap_or("it computes on")
    );
    home.sh(&format!("kill -KILL {} 2>/dev/null; true", subject.pid))?;
    wait_until_gone(cluster)
}

#[test]
fn a_fault_at_a_step_of_a_move_leaves_one_copy_or_an_end() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    for step in some_steps() {
        one_fault(&cluster, step, Fault::Kill)?;
        one_fault(&cluster, step, Fault::Cut)?;
    }
    Ok(())
}

/// At every step, or at the one that `MATTX_STEP` names.
fn at_every_step(fault: Fault) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let only = std::env::var("MATTX_STEP").ok();
    for step in STEPS {
        if only.as_deref().is_none_or(|only| only == step.0) {
            // Said here, because what the kernels have to say ends the test first.
            one_fault(&cluster, step, fault)
                .inspect_err(|error| eprintln!("{fault:?} at step {}: {error}", step.0))?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "each step takes half a minute; run by scripts/test long"]
fn the_guest_is_killed_at_every_step() -> Result<()> {
    at_every_step(Fault::Kill)
}

#[test]
#[ignore = "each step takes half a minute; run by scripts/test long"]
fn the_link_is_cut_at_every_step() -> Result<()> {
    at_every_step(Fault::Cut)
}

#[test]
#[ignore = "each step takes half a minute; run by scripts/test long"]
fn the_host_loses_power_at_every_step() -> Result<()> {
    at_every_step(Fault::PowerOff)
}

#[test]
fn what_is_left_of_a_recall_does_not_spoil_the_next() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    subject.wait_for_progress(home)?;
    // Halted in the middle of what it sends, for longer than home waits for the rest.
    home.sh("dmesg -C")?;
    move_up_to(&subject, home, "home", host, "sending")?;
    home.wait_until(
        "give the recall up",
        MOMENT,
        "dmesg | grep 'did not come home'",
    )?;
    // The rest comes when home waits for the next attempt already.
    home.sh(&format!(
        "setsid sh -c 'echo migrate {} home > /proc/mattx/admin; echo $? > /tmp/second' </dev/null >/dev/null 2>&1 &",
        subject.pid
    ))?;
    home.wait_until(
        "call it again",
        MOMENT,
        "awk '$1 == \"deputy\" && $3 == \"returning\"' /proc/mattx/processes | grep .",
    )?;
    wait_at(host, "none")?;
    let second = home.wait_until(
        "see the second recall end",
        MOMENT,
        "test -s /tmp/second && cat /tmp/second",
    )?;
    assert_eq!(second.trim(), "0", "{}", home.sh("dmesg | grep mattx:")?);
    subject.wait_for_progress(home)?;
    let output = subject.output(home)?;
    assert!(ticks_ascend(&output), "something ran twice");
    assert!(!output.contains("WRONG"), "{output}");
    home.sh(&format!("rm /tmp/second; kill -KILL {}", subject.pid))?;
    wait_until_gone(&cluster)
}

#[test]
fn a_guest_that_ends_while_its_recall_fails_has_ended() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    subject.wait_for_progress(home)?;
    // All of its state is at home, whose deputy is stopped and cannot take it over.
    move_up_to(&subject, home, "home", home, "received")?;
    subject.signal(home, "STOP")?;
    home.sh("dmesg -C")?;
    host.sh("awk '$1 == \"guest\" { print $2 }' /proc/mattx/processes | xargs kill -KILL")?;
    host.wait_until("see its guest end", MOMENT, "! pgrep -x calc")?;
    wait_at(home, "none")?;
    subject.wait_for_line(home, "status 137")?;
    home.sh("dmesg | grep 'did not come home'")?;
    wait_until_gone(&cluster)
}

#[test]
fn a_computation_survives_the_crash_of_its_host() -> Result<()> {
    const ROUNDS: u32 = 8;
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "calc")?;
    let expected = home.sh(&format!("{program} {ROUNDS} | tail -n 1"))?;
    // It prints nothing before its end, so that all that it does away from home it does in its own memory.
    let subject = Subject::start(home, &format!("{program} {ROUNDS} 5000 7"))?;
    subject.migrate(home, "2")?;
    home.sh("sleep 3")?;
    host.power_off();
    home.wait_until(
        "start it again at home",
        MOMENT,
        "test -z \"$(cat /proc/mattx/processes)\"",
    )?;
    assert_eq!(
        subject.output(home)?.lines().count(),
        1,
        "it was to print nothing so far"
    );
    subject.wait_for_line(home, expected.trim())?;
    subject.wait_for_line(home, "status 7")?;
    home.sh("dmesg | grep -q 'starts again from where it left'")?;
    host.power_on()?;
    wait_for_links(&cluster)?;
    wait_until_gone(&cluster)
}
