// SPDX-License-Identifier: GPL-2.0-or-later
//! A process moves to another node, computes there, and comes home unharmed; or it ends in a way that its parent sees.

use std::time::Duration;

use mattx_lab::{Kernel, Node, Result, SharedCluster};
use mattx_scenarios::moves::{
    self, MOMENT, PACE, Subject, Turn, endless, guest, wait_for_links, wait_until_gone,
};
use mattx_scenarios::{modules, programs};

const LONG: Duration = Duration::from_secs(900);

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

/// The last line of an unmoved run of `calc`.
fn checksum(home: &Node, rounds: u32) -> Result<String> {
    let program = programs::push(home, "calc")?;
    let output = home.run(&format!("{program} {rounds} | tail -n 1"), LONG)?;
    Ok(output.stdout.trim().to_owned())
}

#[test]
fn twenty_round_trips_leave_the_result_as_it_is() -> Result<()> {
    const ROUNDS: u32 = 1500;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let expected = checksum(home, ROUNDS)?;
    assert!(expected.ends_with("faults 0"), "{expected}");
    let pace = PACE * moves::slowness(&cluster);
    let subject = Subject::start(home, &format!("/root/calc {ROUNDS} {pace} 7"))?;
    for trip in 0..20 {
        subject.migrate(home, "2")?;
        assert_eq!(
            home.sh("cat /proc/mattx/remote")?,
            format!("{}:2", subject.pid)
        );
        home.sh(&format!("sleep 0.{}", trip % 7))?;
        subject.migrate(home, "home")?;
        assert_eq!(home.sh("cat /proc/mattx/remote")?, "");
    }
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 7")?;
    wait_until_gone(&cluster)?;
    for node in cluster.nodes() {
        assert_ne!(modules::left_behind(node)?, "", "it finds nothing at all");
        modules::unload(node)?;
        let left = modules::left_behind(node)?;
        assert_eq!(left, "", "left behind on node {}", node.number());
        modules::load(node)?;
    }
    wait_for_links(&cluster)
}

#[test]
fn a_process_of_the_lowest_priority_moves_between_busy_nodes() -> Result<()> {
    const HOGS: u32 = 12;
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    home.sh(&format!("renice -n 19 -p {}", subject.pid))?;
    for node in cluster.nodes() {
        node.sh(&format!(
            "for i in $(seq {HOGS}); do setsid sh -c 'while :; do :; done; : hog' </dev/null >/dev/null 2>&1 & done"
        ))?;
    }
    for _ in 0..3 {
        subject.migrate(home, "2")?;
        assert_eq!(niceness(host, &guest(host)?)?, "19");
        subject.migrate(home, "home")?;
        assert_eq!(niceness(home, &subject.pid.to_string())?, "19");
    }
    for node in cluster.nodes() {
        node.sh("pkill -f ': [h]og'")?;
    }
    let output = subject.output(home)?;
    assert!(!output.contains("WRONG"), "{output}");
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

/// As the scheduler has it, when whatever was done for the move is over.
fn niceness(node: &Node, pid: &str) -> Result<String> {
    node.sh("sleep 1")?;
    node.sh(&format!("awk '{{ print $19 }}' /proc/{pid}/stat"))
}

#[test]
fn memory_follows_in_each_mode() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "resident")?;
    let subject = Subject::start(home, &format!("{program} 24 6"))?;
    home.wait_until("fill its memory", MOMENT, "grep -q full /tmp/resident.out")?;
    for mode in ["lazy", "eager", "hybrid", "eager"] {
        subject.migrate(home, &format!("2 {mode}"))?;
        subject.wait_for_progress(home)?;
        subject.migrate(home, "home")?;
        subject.wait_for_progress(home)?;
    }
    subject.migrate(home, "2 eager")?;
    subject.signal(home, "TERM")?;
    subject.wait_for_line(home, "intact")?;
    subject.wait_for_line(home, "status 0")?;
    wait_until_gone(&cluster)
}

#[test]
fn all_threads_move_and_come_back() -> Result<()> {
    const ROUNDS: u32 = 400;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "threads")?;
    let output = home.run(&format!("{program} {ROUNDS} 0 | tail -n 1"), LONG)?;
    let expected = output.stdout.trim().to_owned();
    assert!(expected.ends_with("faults 0"), "{expected}");
    let pace = PACE * moves::slowness(&cluster);
    let subject = Subject::start(home, &format!("{program} {ROUNDS} {pace} 7"))?;
    for trip in 0..10 {
        subject.migrate(home, "2")?;
        home.sh(&format!("sleep 0.{}", trip % 7))?;
        subject.migrate(home, "home")?;
    }
    // The end of a thread, and of the whole process, away from home.
    subject.migrate(home, "2")?;
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 7")?;
    wait_until_gone(&cluster)
}

/// Stopped, so that no thread begins or ends while both sides are asked. What was stopped in the middle of beginning one
/// has a twin that ends when it goes on; then they are asked again.
fn same_threads(subject: &Subject, home: &Node, away: &Node) -> Result<()> {
    const TRIES: u32 = 5;
    for left in (0..TRIES).rev() {
        subject.signal(home, "STOP")?;
        home.sh("sleep 2")?;
        let guest = away.sh("cut -d : -f 1 /proc/mattx/guests")?;
        let here = home.sh(&format!("ls /proc/{}/task | sort -n", subject.pid))?;
        let there = away.sh(&format!(
            "awk '/^NSpid/ {{ print $NF }}' /proc/{}/task/*/status | sort -n",
            guest.trim()
        ))?;
        subject.signal(home, "CONT")?;
        subject.wait_for_progress(home)?;
        if here == there {
            break;
        }
        assert!(
            left > 0,
            "the threads at home are not those away: {here:?}, {there:?}"
        );
    }
    Ok(())
}

#[test]
fn threads_begun_away_come_home() -> Result<()> {
    const ROUNDS: u32 = 2000;
    const TRIPS: u32 = 22;
    let (cluster, _turn) = cluster()?;
    let (home, away) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "threads")?;
    let output = home.run(&format!("{program} {ROUNDS} 0 0 1 | tail -n 1"), LONG)?;
    let expected = output.stdout.trim().to_owned();
    assert!(expected.ends_with("faults 0"), "{expected}");
    let pace = 10 * moves::slowness(&cluster);
    let subject = Subject::start(home, &format!("{program} {ROUNDS} {pace} 7 1"))?;
    let tids = || {
        home.sh(&format!("ls /proc/{}/task | sort -n", subject.pid))
            .map(|tids| tids.lines().count())
    };
    let begun = tids()?;
    for trip in 0..TRIPS {
        subject.migrate(home, "2")?;
        home.sh(&format!("sleep 0.{}", 2 + trip % 4))?;
        if trip == 1 {
            same_threads(&subject, home, away)?;
        }
        subject.migrate(home, "home")?;
    }
    assert!(tids()? > begun, "no thread began away and stayed");
    subject.migrate(home, "2")?;
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 7")?;
    assert_eq!(
        home.try_sh("dmesg | grep 'began away'")?.stdout,
        "",
        "a recall was refused"
    );
    wait_until_gone(&cluster)
}

#[test]
fn a_guest_ends_with_its_own_status_at_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let expected = checksum(home, 200)?;
    let subject = Subject::start(home, &format!("/root/calc 200 {PACE} 42"))?;
    subject.migrate(home, "2")?;
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 42")?;
    wait_until_gone(&cluster)
}

#[test]
fn kill_at_home_ends_the_guest() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    subject.signal(home, "KILL")?;
    subject.wait_for_line(home, "status 137")?;
    wait_until_gone(&cluster)?;
    cluster
        .node(2)
        .wait_until("end calc", MOMENT, "! pgrep -x calc")?;
    Ok(())
}

#[test]
fn kill_where_it_computes_ends_it_at_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    host.sh(&format!("kill -KILL {}", guest(host)?))?;
    subject.wait_for_line(home, "status 137")?;
    wait_until_gone(&cluster)
}

#[test]
fn timers_go_on_wherever_it_computes() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "timers")?;
    // Nodes of a cluster seldom agree on the time; rounds would take as long as they disagree.
    let other = cluster.node(2);
    other.sh("date -s '5 seconds'")?;
    let subject = Subject::start(home, &program)?;
    for _ in 0..6 {
        subject.migrate(home, "2")?;
        subject.wait_for_progress(home)?;
        subject.migrate(home, "home")?;
        subject.wait_for_progress(home)?;
    }
    subject.migrate(home, "2")?;
    subject.wait_for_progress(home)?;
    subject.ends_without_faults(home)?;
    other.sh("date -s '5 seconds ago'")?;

    // What counts processor time cannot count it elsewhere.
    let subject = Subject::start(home, &format!("{program} processor"))?;
    subject.wait_for_line(home, "ready")?;
    let told = home.try_sh(&format!("mattx why {} 2>&1", subject.pid))?;
    assert!(told.stdout.contains("[timers]"), "{told:?}");
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

/// The program `name` goes to and fro twelve times, and finds nothing wrong.
fn finds_nothing_wrong(name: &str) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, name)?;
    let subject = Subject::start(home, &program)?;
    for trip in 0..12 {
        subject.migrate(home, "2")?;
        home.sh(&format!("sleep 0.{}", trip % 3))?;
        subject.migrate(home, "home")?;
    }
    subject.ends_without_faults(home)?;
    wait_until_gone(&cluster)
}

#[test]
fn an_interrupted_restartable_sequence_begins_again() -> Result<()> {
    finds_nothing_wrong("sections")
}

#[test]
fn memory_grows_wherever_it_was_made() -> Result<()> {
    finds_nothing_wrong("grows")
}

#[test]
fn each_fault_brings_one_signal() -> Result<()> {
    finds_nothing_wrong("traps")
}

/// Makes the clock of a node run that many per cent faster than it should.
fn hurry_clock(node: &Node, percent: u32) -> Result<()> {
    const ADJ_TICK: u32 = 0x4000;
    let tick = 10_000 + 100 * percent;
    node.sh(&format!(
        "python3 -c \"import ctypes, struct; timex = bytearray(208); struct.pack_into('I', timex, 0, {ADJ_TICK}); \
         struct.pack_into('q', timex, 88, {tick}); buffer = (ctypes.c_char * 208).from_buffer(timex); \
         assert ctypes.CDLL(None).adjtimex(buffer) >= 0\""
    ))
    .map(drop)
}

#[test]
fn its_clock_does_not_go_back() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, away) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "clocks")?;
    let subject = Subject::start(home, &program)?;
    hurry_clock(away, 10)?;
    for _ in 0..3 {
        subject.migrate(home, "2")?;
        home.sh("sleep 3")?;
        subject.migrate(home, "home")?;
    }
    hurry_clock(away, 0)?;
    subject.ends_without_faults(home)?;
    wait_until_gone(&cluster)
}

#[test]
fn guard_pages_go_along_and_come_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "guards")?;
    if cluster.kernel() == Kernel::V6_12 {
        let told = home.try_sh(&program)?.stdout;
        assert!(told.contains("no guard pages"), "{told}");
        return Ok(());
    }
    let subject = Subject::start(home, &program)?;
    for trip in 0..10 {
        subject.migrate(home, "2")?;
        home.sh(&format!("sleep 0.{}", 1 + trip % 4))?;
        subject.migrate(home, "home")?;
        home.sh("sleep 0.1")?;
    }
    subject.migrate(home, "2")?;
    subject.ends_without_faults(home)?;
    wait_until_gone(&cluster)
}

#[test]
fn nodes_are_emptied_and_closed_by_one_command() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, away) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    home.sh("cp /root/calc /root/other")?;
    let other = Subject::start(home, &format!("/root/other 1000000 {PACE}"))?;
    let everybody_is_home = || -> Result<()> {
        assert_eq!(home.sh("cat /proc/mattx/remote")?, "");
        away.wait_until(
            "have no guest",
            MOMENT,
            "test -z \"$(cat /proc/mattx/guests)\"",
        )?;
        subject.wait_for_progress(home)?;
        other.wait_for_progress(home)
    };

    subject.migrate(home, "2")?;
    other.migrate(home, "2")?;
    away.sh("echo block 1 > /proc/mattx/admin; echo expel all > /proc/mattx/admin")?;
    everybody_is_home()?;
    let refused = subject.try_move(home, "2")?;
    assert!(refused.stdout.contains("PermissionError"), "{refused:?}");
    home.sh("dmesg | tail -n 20 | grep 'takes no guests at the moment'")?;

    away.sh("echo block 0 > /proc/mattx/admin")?;
    subject.migrate(home, "2")?;
    other.migrate(home, "2")?;
    home.sh("echo bring all > /proc/mattx/admin")?;
    everybody_is_home()?;

    // With nobody there the commands have nothing to do, and one that is no guest is not expelled.
    away.sh("echo expel all > /proc/mattx/admin; echo bring all > /proc/mattx/admin")?;
    away.sh("echo expel $$ > /proc/mattx/admin && exit 1; true")?;
    subject.signal(home, "KILL")?;
    other.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

#[test]
fn a_guest_has_no_rights_over_its_host() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "rights")?;
    // Where everybody can execute it.
    home.sh(&format!("cp {program} /tmp/rights; chmod 755 /tmp/rights"))?;
    // A process of the same user, with a pid that nobody has at home, and files that only the host has.
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    host.sh("echo 30000 > /proc/sys/kernel/ns_last_pid; echo x > /root/secret-of-host; chmod 600 /root/secret-of-host; echo x > /tmp/public-of-host; chmod 644 /tmp/public-of-host")?;
    host.sh(&format!(
        "setsid {nobody} sleep 3600 </dev/null >/dev/null 2>&1 &"
    ))?;
    let other: u32 = host
        .wait_until("start its own process", MOMENT, "pgrep -nx sleep")?
        .trim()
        .parse()
        .expect("a pid");
    assert!(other >= 30000, "pid {other}");
    for attempt in [
        "kill",
        "trace",
        "read-memory",
        "proc-memory",
        "proc-environment",
        "priority",
        "processors",
        "secret-file",
        "public-file",
        "device",
        "root",
        "mount",
        "name",
    ] {
        home.sh("rm -f /tmp/rights.out")?;
        home.sh(&format!(
            "setsid sh -c '{nobody} /tmp/rights {attempt} {other} > /tmp/rights.out 2>&1' </dev/null >/dev/null 2>&1 &"
        ))?;
        home.wait_until(
            "wait to be asked",
            MOMENT,
            "grep -q ready /tmp/rights.out && pgrep -nx rights",
        )?;
        let pid = home.sh("pgrep -nx rights")?;
        let subject = Subject::of(pid.trim().parse().expect("a pid"));
        // Another user cannot send it away.
        let told = home.try_sh(&format!(
            "{nobody} sh -c 'echo migrate {} 2 > /proc/mattx/admin'",
            subject.pid
        ))?;
        assert!(told.stderr.contains("Permission denied"), "{told:?}");
        subject.migrate(home, "2")?;
        subject.signal(home, "USR1")?;
        home.wait_until("try", MOMENT, "grep -Eq 'refused|allowed' /tmp/rights.out")?;
        let said = home.sh("tail -n 1 /tmp/rights.out")?;
        assert!(said.starts_with("refused"), "{attempt}: {said}");
        wait_until_gone(&cluster)?;
    }
    host.sh(&format!("kill -0 {other} && test $(hostname) != mine && test \"$(ps -o ni= -p {other})\" -eq 0 && kill {other}"))?;
    Ok(())
}

#[test]
fn what_cannot_move_is_refused_and_unharmed() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    for (pid, errno) in [
        (1, "not supported"),
        (2, "not supported"),
        (4_000_000, "No such process"),
    ] {
        let told = Subject::of(pid).try_move(home, "2")?.stdout;
        assert!(told.contains(errno), "pid {pid}: {told}");
    }
    for (pid, code) in [
        (1, "[init]"),
        (2, "[kernel-thread]"),
        (4_000_000, "no process"),
    ] {
        let told = home.try_sh(&format!("mattx why {pid} 2>&1"))?.stdout;
        assert!(told.contains(code), "why {pid}: {told}");
    }
    let subject = endless(home)?;
    let told = home.sh(&format!("mattx why {}", subject.pid))?;
    assert!(told.contains("can move"), "{told}");
    let told = subject.try_move(home, "77")?.stdout;
    assert!(told.contains("No route to host"), "{told}");
    subject.migrate(home, "2")?;
    let told = subject.try_move(home, "2")?.stdout;
    assert!(told.contains("already in progress"), "{told}");
    subject.migrate(home, "home")?;
    subject.wait_for_progress(home)?;
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

#[test]
fn what_shares_its_memory_or_handlers_is_refused_and_what_only_has_threads_is_not() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "shares")?;
    for (what, answer) in [
        ("memory", "shared-address-space"),
        ("handlers", "shared-address-space"),
        ("files", "files"),
        // Its threads are counted before and after they are there.
        ("threads", "yes"),
    ] {
        let subject = Subject::start(home, &format!("{program} {what}"))?;
        subject.wait_for_line(home, "ready")?;
        let answers = home.sh(&format!(
            "for i in $(seq 300); do exec 3<>/proc/mattx/why; echo {} >&3; cut -f 1 <&3; done | sort -u",
            subject.pid
        ))?;
        assert_eq!(answers.trim(), answer, "{what}");
        subject.signal(home, "KILL")?;
        subject.wait_for_line(home, "status 137")?;
    }
    Ok(())
}

#[test]
fn without_a_surrogate_it_stays_where_it_is() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    host.sh("mv /usr/local/bin/mattx-stub /usr/local/bin/mattx-stub.away")?;
    let told = subject.try_move(home, "2")?;
    host.sh("mv /usr/local/bin/mattx-stub.away /usr/local/bin/mattx-stub")?;
    assert!(told.stdout.contains("Error"), "{}", told.stdout);
    home.sh("dmesg | grep -q 'mattx-stub is not installed'")?;
    subject.wait_for_progress(home)?;
    subject.migrate(home, "2")?;
    subject.wait_for_progress(home)?;
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)
}

#[test]
fn a_lost_link_gives_a_guest_with_open_files_a_defined_end() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let subject = endless(home)?;
    subject.migrate(home, "2")?;
    // It has printed away from home: its old image would print the same again.
    subject.wait_for_progress(home)?;
    host.cut();
    subject.wait_for_line(home, "status 137")?;
    host.wait_until("end calc", MOMENT, "! pgrep -x calc")?;
    host.mend();
    wait_for_links(&cluster)?;
    wait_until_gone(&cluster)
}

#[test]
fn a_sleep_ends_when_it_would_have_ended() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("cp /usr/bin/sleep /root/nap")?;
    let nap = 15 * moves::slowness(&cluster);
    home.sh(&format!("setsid sh -c 'date +%s.%N > /tmp/nap.begin; /root/nap {nap}; date +%s.%N > /tmp/nap.end' </dev/null >/dev/null 2>&1 &"))?;
    let pid = home.wait_until("start nap", MOMENT, "pgrep -nx nap")?;
    let subject = Subject::of(pid.trim().parse().expect("a pid"));
    for to in ["2", "home", "2"] {
        home.sh("sleep 1")?;
        subject.migrate(home, to)?;
    }
    home.wait_until("wake up", MOMENT, "test -s /tmp/nap.end")?;
    let slept: f64 = home
        .sh("python3 -c 'print(float(open(\"/tmp/nap.end\").read()) - float(open(\"/tmp/nap.begin\").read()))'")?
        .trim()
        .parse()
        .expect("seconds");
    assert!(
        (0.0..4.0).contains(&(slept - f64::from(nap))),
        "slept {slept} s instead of {nap}"
    );
    wait_until_gone(&cluster)
}
