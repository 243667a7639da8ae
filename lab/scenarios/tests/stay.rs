// SPDX-License-Identifier: GPL-2.0-or-later
//! Processes stay where somebody keeps them, and go where the load is least when somebody asks for that.

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_protocol::command::{Command, NodeSwitch, Outcome, Target};
use mattx_protocol::model::{NodeId, ProcessRef};
use mattx_scenarios::moves::{MOMENT, Subject, endless, wait_for_links, wait_until_gone};
use mattx_scenarios::viewer::Viewer;

const EPERM: i32 = 1;

#[test]
fn what_is_kept_stays_and_the_best_node_is_the_least_loaded() -> Result<()> {
    let cluster = Cluster::boot(Config {
        kernel_options: "lab.viz".into(),
        ..Config::installed(2)?
    })?;
    wait_for_links(&cluster)?;
    let home = cluster.node(1);
    let subject = endless(home)?;
    a_locked_process_moves_only_home(home, &subject)?;
    nothing_moves_away_from_a_node_that_stays(home, &subject)?;
    the_best_node_is_one_that_is_known_to_be_less_loaded(&cluster, &subject)?;
    viewers_are_answered_the_same(&cluster, &subject)?;
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)?;
    // A lock ends with its process.
    home.wait_until("forget the lock", MOMENT, &setting("locked", ""))?;
    cluster.finish()
}

/// A shell condition: `/proc/mattx/settings` has this line.
fn setting(name: &str, value: &str) -> String {
    format!("grep -qx '{name}: *{value}' /proc/mattx/settings")
}

/// The move is refused with this errno, and the process is not away.
fn refused(home: &Node, subject: &Subject, to: &str, errno: &str) -> Result<()> {
    let before = home.sh("cat /proc/mattx/remote")?;
    let output = subject.try_move(home, to)?;
    assert!(
        output.stdout.contains(errno),
        "{}{}",
        output.stdout,
        output.stderr
    );
    assert_eq!(home.sh("cat /proc/mattx/remote")?, before);
    Ok(())
}

/// `mattx why` gives this reason.
fn why(home: &Node, subject: &Subject, code: &str) -> Result<()> {
    let output = home.try_sh(&format!("mattx why {} --json", subject.pid))?;
    let expected = format!("\"{code}\"");
    assert!(output.stdout.contains(&expected), "{}", output.stdout);
    Ok(())
}

fn a_locked_process_moves_only_home(home: &Node, subject: &Subject) -> Result<()> {
    let pid = subject.pid;
    home.sh(&format!("mattx lock {pid}"))?;
    // Once more changes nothing.
    home.sh(&format!("echo lock {pid} > /proc/mattx/admin"))?;
    home.sh(&setting("locked", &pid.to_string()))?;
    why(home, subject, "locked")?;
    refused(home, subject, "2", "Operation not permitted")?;
    refused(home, subject, "best", "Operation not permitted")?;
    let told = home.try_sh(&format!("mattx migrate {pid} 2"))?;
    assert!(told.stderr.contains("it is locked"), "{}", told.stderr);
    home.sh(&format!("mattx unlock {pid}"))?;
    home.sh(&setting("locked", ""))?;
    subject.migrate(home, "2")?;
    // Away it is kept as well, but never from coming home.
    home.sh(&format!("echo lock {pid} > /proc/mattx/admin"))?;
    why(home, subject, "locked")?;
    subject.migrate(home, "home")?;
    refused(home, subject, "2", "Operation not permitted")?;
    home.sh(&format!("echo unlock {pid} > /proc/mattx/admin"))?;
    let nobody = home.try_sh("echo lock 4194304 > /proc/mattx/admin")?;
    assert_ne!(nobody.status, 0, "a process that is not there was locked");
    Ok(())
}

fn nothing_moves_away_from_a_node_that_stays(home: &Node, subject: &Subject) -> Result<()> {
    for switch in ["stay", "lstay"] {
        home.sh(&format!("mattx {switch} on"))?;
        home.sh(&setting(switch, "1"))?;
        why(home, subject, "stay")?;
        refused(home, subject, "2", "Operation not permitted")?;
        home.sh(&format!("mattx {switch} off"))?;
        home.sh(&setting(switch, "0"))?;
    }
    subject.migrate(home, "2")?;
    home.sh("echo stay 1 > /proc/mattx/admin")?;
    subject.migrate(home, "home")?;
    home.sh("echo stay 0 > /proc/mattx/admin")?;
    let wrong = home.try_sh("echo stay maybe > /proc/mattx/admin")?;
    assert_ne!(wrong.status, 0, "\"maybe\" was taken for a switch");
    Ok(())
}

/// What node 1 knows of the load of a node.
fn load(node: NodeId, condition: &str) -> String {
    format!("awk '$1 == {node} {{ok = {condition}}} END {{exit !ok}}' /proc/mattx/nodes")
}

/// Four processes that compute, until [`idle`].
fn busy(node: &Node) -> Result<()> {
    node.sh("for i in 1 2 3 4; do (setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &) ; done")
        .map(drop)
}

fn idle(node: &Node) -> Result<()> {
    node.sh("pkill -f '[w]hile :'; true").map(drop)
}

fn the_best_node_is_one_that_is_known_to_be_less_loaded(
    cluster: &Cluster,
    subject: &Subject,
) -> Result<()> {
    let (home, other) = (cluster.node(1), cluster.node(2));
    // Nothing is better than a node that has less work than all others.
    busy(other)?;
    home.wait_until("hear that node 2 is loaded", MOMENT, &load(2, "$3 > 3500"))?;
    refused(home, subject, "best", "Resource temporarily unavailable")?;
    let told = home.try_sh(&format!("mattx migrate {} best", subject.pid))?;
    assert!(
        told.stderr.contains("no other node is known"),
        "{}",
        told.stderr
    );
    idle(other)?;

    busy(home)?;
    home.wait_until("be loaded", MOMENT, &load(1, "$4 > 3500"))?;
    // A node that tells nothing is no choice, whatever it was like before.
    other.sh("echo quiet 1 > /proc/mattx/admin")?;
    home.wait_until("hear no more of node 2", MOMENT, &load(2, "$4 == 0"))?;
    refused(home, subject, "best", "Resource temporarily unavailable")?;
    other.sh("echo quiet 0 > /proc/mattx/admin")?;
    home.wait_until(
        "hear of node 2 again",
        MOMENT,
        &load(2, "$4 > 0 && $3 < 1500"),
    )?;
    subject.migrate(home, "best")?;
    assert_eq!(
        home.sh("cat /proc/mattx/remote")?,
        format!("{}:2", subject.pid)
    );
    // From there home is not better as long as it has all the work.
    refused(home, subject, "best", "Resource temporarily unavailable")?;
    idle(home)?;
    busy(other)?;
    home.wait_until(
        "hear that node 2 is loaded and be idle",
        MOMENT,
        &format!("{} && {}", load(2, "$3 > 3500"), load(1, "$4 < 900")),
    )?;
    subject.migrate(home, "best")?;
    assert_eq!(home.sh("cat /proc/mattx/remote")?, "");
    idle(other)
}

fn viewers_are_answered_the_same(cluster: &Cluster, subject: &Subject) -> Result<()> {
    let node = cluster.node(1);
    node.wait_until(
        "serve viewers",
        MOMENT,
        "test -s /run/mattx-viz.token && ss -ltn | grep -q :5000",
    )?;
    let token = node.sh("cat /run/mattx-viz.token")?;
    let mut viewer = Viewer::connect(node.forward(0, 5000)?, token.trim())?;
    let process = ProcessRef {
        home: 1,
        pid: subject.pid,
    };
    let mut done = |command: Command| {
        let outcome = viewer.execute(command.clone());
        assert!(
            matches!(outcome, Outcome::Done { .. }),
            "{command:?}: {outcome:?}"
        );
    };
    for (switch, name) in [
        (NodeSwitch::Balancer, "balancer"),
        (NodeSwitch::Stay, "stay"),
        (NodeSwitch::StayLocal, "lstay"),
        (NodeSwitch::Quiet, "quiet"),
        (NodeSwitch::Block, "block"),
    ] {
        for on in [true, false] {
            done(Command::Switch {
                node: 2,
                switch,
                on,
            });
            cluster
                .node(2)
                .sh(&setting(name, if on { "1" } else { "0" }))?;
        }
    }
    let locked = true;
    done(Command::Lock { process, locked });
    let outcome = viewer.execute(Command::Migrate {
        process,
        target: Target::Node(2),
    });
    assert!(
        matches!(&outcome, Outcome::Failed { errno: EPERM, reason } if reason.contains("it is locked")),
        "{outcome:?}"
    );
    Ok(())
}
