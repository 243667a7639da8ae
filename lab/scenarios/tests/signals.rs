// SPDX-License-Identifier: GPL-2.0-or-later
//! Signals and job control reach a process wherever it is, and whoever sends them from wherever.

use mattx_lab::{Error, Node, Result, SharedCluster};
use mattx_scenarios::moves::{self, MOMENT, PACE, Subject, Turn, endless, guest, wait_until_gone};
use mattx_scenarios::programs;
use mattx_scenarios::steps::{move_up_to, wait_at};

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

#[test]
fn signals_reach_the_process_where_it_is() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    subject.signal(home, "USR1")?;
    subject.wait_for_line(home, "usr1")?;
    subject.signal(home, "STOP")?;
    home.wait_until(
        "see the deputy stop",
        MOMENT,
        &format!("grep -q 'State:.T' /proc/{}/status", subject.pid),
    )?;
    home.sh("sleep 2")?;
    let silent = subject.output(home)?;
    home.sh("sleep 2")?;
    assert_eq!(subject.output(home)?, silent, "a stopped guest computes on");
    assert!(
        subject.try_move(home, "home")?.stdout.contains("EBUSY")
            || subject.try_move(home, "home")?.stdout.contains("busy"),
        "a stopped guest cannot be captured"
    );
    subject.signal(home, "CONT")?;
    subject.wait_for_progress(home)?;
    subject.signal(home, "TERM")?;
    subject.wait_for_line(home, "status 143")?;
    wait_until_gone(&cluster)
}

#[test]
fn no_signal_is_lost_on_the_way() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let signals = 6000 * moves::slowness(&cluster);
    let home = cluster.node(1);
    let program = programs::push(home, "signals")?;
    let subject = Subject::start(home, &format!("{program} count {signals}"))?;
    subject.wait_for_line(home, "ready")?;
    home.sh(&format!(
        "cp {program} /root/sender; setsid /root/sender send {} {signals} 1000 </dev/null >/tmp/sender.out 2>&1 &",
        subject.pid
    ))?;
    // As long as they are sent, and a few times more.
    let mut trips = 0;
    let sends = || Ok::<bool, Error>(home.try_sh("pgrep -x sender")?.status == 0);
    while sends()? {
        let trip = subject
            .migrate(home, "2")
            .and_then(|()| subject.migrate(home, "home"));
        // It ends with the last signal, wherever it is then.
        if trip.is_err() && sends()? {
            return trip;
        }
        trips += 1;
    }
    assert!(trips > 3, "only {trips} round trips in all that time");
    subject.wait_for_line(home, &format!("received {signals} faults 0 first 0"))?;
    subject.wait_for_line(home, "status 0")?;
    wait_until_gone(&cluster)
}

/// A job of a shell, which notes what it learns of it.
fn job(home: &Node) -> Result<Subject> {
    let program = programs::push(home, "calc")?;
    programs::push_script(home, "jobs.py", "/root/jobs.py")?;
    home.sh(&format!(
        "rm -f /tmp/calc.out; setsid python3 /root/jobs.py /tmp/calc.out {program} 1000000 {PACE} </dev/null >/dev/null 2>&1 &"
    ))?;
    let pid = home.wait_until(
        "start calc",
        MOMENT,
        "test -s /tmp/calc.out && pgrep -nx calc",
    )?;
    Ok(Subject::with_output(
        pid.trim().parse().expect("a pid"),
        "/tmp/calc.out",
    ))
}

/// Waits until the last thing that its shell learned of it is `line`.
fn wait_for_news(home: &Node, line: &str) -> Result<()> {
    home.wait_until(
        &format!("see the shell told {line:?}"),
        MOMENT,
        &format!("grep -vE '^(tick|start|usr1)' /tmp/calc.out | tail -n 1 | grep -x {line:?}"),
    )
    .map(drop)
}

fn assert_silent(subject: &Subject, home: &Node, why: &str) -> Result<()> {
    // What it wrote before it stopped may still be on its way.
    home.sh("sleep 1")?;
    let silent = subject.output(home)?;
    home.sh("sleep 2")?;
    assert_eq!(subject.output(home)?, silent, "{why}: it computes on");
    Ok(())
}

#[test]
fn job_control_works_wherever_it_computes() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = job(home)?;
    subject.migrate(home, "2")?;
    for (name, number) in [("TSTP", 20), ("TTIN", 21), ("TTOU", 22), ("STOP", 19)] {
        subject.signal(home, name)?;
        wait_for_news(home, &format!("stopped {number}"))?;
        home.sh(&format!("grep -q 'State:.T' /proc/{}/status", subject.pid))?;
        assert_silent(&subject, home, name)?;
        subject.signal(home, "CONT")?;
        wait_for_news(home, "continued")?;
        subject.wait_for_progress(home)?;
    }
    // Many in a row, without waiting for what comes of them: the last one counts.
    for _ in 0..20 {
        subject.signal(home, "TSTP")?;
        subject.signal(home, "CONT")?;
    }
    home.sh("sleep 2")?;
    subject.wait_for_progress(home)?;
    home.sh(&format!(
        "! grep -q 'State:.T' /proc/{}/status",
        subject.pid
    ))?;

    // Begun where it computes, and ended at either end.
    let there = guest(host)?;
    for end in [home, host] {
        host.sh(&format!("kill -STOP {there}"))?;
        wait_for_news(home, "stopped 19")?;
        assert_silent(&subject, home, "a stop on the hosting node")?;
        if end.number() == 1 {
            subject.signal(home, "CONT")?;
        } else {
            host.sh(&format!("kill -CONT {there}"))?;
        }
        wait_for_news(home, "continued")?;
        subject.wait_for_progress(home)?;
    }

    // A stopped one can be ended from there.
    subject.signal(home, "TSTP")?;
    wait_for_news(home, "stopped 20")?;
    host.sh(&format!("kill -KILL {there}"))?;
    subject.wait_for_line(home, "status -9")?;
    wait_until_gone(&cluster)
}

#[test]
fn an_orphaned_process_group_is_not_stopped() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    // Nobody could continue it: the parent of its group is in another session.
    let subject = endless(home)?;
    for to in ["2", "home"] {
        subject.migrate(home, to)?;
        subject.signal(home, "TSTP")?;
        home.sh("sleep 1")?;
        subject.wait_for_progress(home)?;
        home.sh(&format!(
            "! grep -q 'State:.T' /proc/{}/status",
            subject.pid
        ))?;
    }
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

/// Calls `subject` home, and sends it a signal where it was when that has come to `step` at node `at`.
fn signal_on_the_way(
    subject: &Subject,
    (home, host): (&Node, &Node),
    (at, step): (&Node, &str),
    signal: &str,
) -> Result<()> {
    let there = guest(host)?;
    move_up_to(subject, home, "home", at, step)?;
    host.sh(&format!("kill -{signal} {there}"))?;
    wait_at(at, "none")
}

#[test]
fn a_signal_sent_where_it_was_follows_it_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    // Before home has everything, after that, and when it runs there already.
    for (at, step) in [(host, "sending"), (home, "received"), (home, "applied")] {
        let subject = endless(home)?;
        subject.migrate(home, "2")?;
        signal_on_the_way(&subject, (home, host), (at, step), "USR1")?;
        subject.wait_for_line(home, "usr1")?;
        home.wait_until(
            "have it back",
            MOMENT,
            "test -z \"$(cat /proc/mattx/remote)\"",
        )?;
        // One that ends it.
        subject.migrate(home, "2")?;
        signal_on_the_way(&subject, (home, host), (at, step), "TERM")?;
        subject.wait_for_line(home, "status 143")?;
        wait_until_gone(&cluster)?;
    }
    Ok(())
}

#[test]
fn a_stop_sent_where_it_was_stops_it_at_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    for (at, step) in [(host, "sending"), (home, "received"), (home, "applied")] {
        let subject = endless(home)?;
        subject.migrate(home, "2")?;
        signal_on_the_way(&subject, (home, host), (at, step), "STOP")?;
        home.wait_until(
            "have it back, stopped",
            MOMENT,
            &format!(
                "test -z \"$(cat /proc/mattx/remote)\" && grep -q 'State:.T' /proc/{}/status",
                subject.pid
            ),
        )?;
        assert_silent(&subject, home, step)?;
        subject.signal(home, "CONT")?;
        subject.wait_for_progress(home)?;
        subject.signal(home, "KILL")?;
        wait_until_gone(&cluster)?;
    }
    Ok(())
}

#[test]
fn a_signal_sent_to_one_thread_where_it_was_follows_it_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "signals")?;
    programs::push(host, "signals")?;
    let subject = Subject::start(home, &format!("{program} own"))?;
    for (trip, (at, step)) in [(host, "sending"), (home, "received"), (home, "applied")]
        .into_iter()
        .enumerate()
    {
        subject.migrate(home, "2")?;
        let there = guest(host)?;
        move_up_to(&subject, home, "home", at, step)?;
        host.sh(&format!(
            "{program} tell {there} $(ls /proc/{there}/task | grep -vx {there})"
        ))?;
        wait_at(at, "none")?;
        subject.wait_for_line(home, &format!("own {}", trip + 1))?;
        home.wait_until(
            "have it back",
            MOMENT,
            "test -z \"$(cat /proc/mattx/remote)\"",
        )?;
    }
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}
