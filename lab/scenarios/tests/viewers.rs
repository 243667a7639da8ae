// SPDX-License-Identifier: GPL-2.0-or-later
//! What viewers of a real cluster are told, how soon, and what they can do; whoever of daemon, server and module is gone.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_protocol::browser::FromServer;
use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{MoveEvent, MovePhase, NodeId, NodeSample, NodeState, ProcessRef};
use mattx_scenarios::moves::{MOMENT, Subject, limit, wait_for_links};
use mattx_scenarios::viewer::Viewer;
use mattx_scenarios::{modules, programs};

/// From the start of a migration by a shell until all viewers know, for 95 of 100.
const TOLD_WITHIN: Duration = Duration::from_millis(250);
/// Until old news are shown as old.
const STALE_WITHIN: Duration = Duration::from_secs(3);
/// Viewers at the same time.
const VIEWERS: usize = 3;
/// Round trips of a process of each node.
const ROUND_TRIPS: usize = 1;
const MANY_ROUND_TRIPS: usize = 20;

/// Where the clock of a node stands at a time of this machine: its time in nanoseconds then, and how wrong that may be.
struct Clock {
    host: Instant,
    node_ns: i128,
    error: Duration,
}

impl Clock {
    fn read(node: &Node) -> Result<Self> {
        let mut best: Option<Self> = None;
        for _ in 0..8 {
            let begin = Instant::now();
            let text = node.sh("date +%s%N")?;
            let took = begin.elapsed();
            if best.as_ref().is_none_or(|best| took / 2 < best.error) {
                best = Some(Self {
                    host: begin + took / 2,
                    node_ns: text.trim().parse().expect("date prints a number"),
                    error: took / 2,
                });
            }
        }
        Ok(best.expect("it was read"))
    }

    /// From a time of the node until a time of this machine, in milliseconds.
    fn until(&self, node_ns: i128, when: Instant) -> f64 {
        let since = node_ns - self.node_ns;
        let host = when.duration_since(self.host).as_nanos() as i128;
        (host - since) as f64 / 1e6
    }
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * share).ceil() as usize;
    values[index.clamp(1, values.len()) - 1]
}

struct Server {
    port: u16,
    token: String,
}

impl Server {
    fn of(node: &Arc<Node>) -> Result<Self> {
        node.wait_until(
            "serve viewers",
            MOMENT,
            "test -s /run/mattx-viz.token && ss -ltn | grep -q :5000",
        )?;
        Ok(Self {
            port: node.forward(0, 5000)?,
            token: node.sh("cat /run/mattx-viz.token")?.trim().to_owned(),
        })
    }

    /// A viewer that knows all nodes and has no reason to doubt them.
    fn viewer(&self, nodes: usize) -> Viewer {
        let deadline = Instant::now() + MOMENT;
        loop {
            if let Ok(viewer) = Viewer::connect(self.port, &self.token) {
                let mut up = std::collections::BTreeSet::new();
                let complete = viewer.wait_within(MOMENT, |message| {
                    for node in samples(message) {
                        if node.state == NodeState::Up {
                            up.insert(node.id);
                        } else {
                            up.remove(&node.id);
                        }
                    }
                    (up.len() == nodes).then_some(())
                });
                if complete.is_some() {
                    return viewer;
                }
            }
            assert!(Instant::now() < deadline, "the server does not come back");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn samples(message: &FromServer) -> &[NodeSample] {
    match message {
        FromServer::Snapshot { nodes, .. } | FromServer::Delta { nodes, .. } => nodes,
        _ => &[],
    }
}

fn move_of(process: ProcessRef) -> impl Fn(&FromServer) -> Option<MoveEvent> {
    move |message| match message {
        FromServer::Move(event) if event.process == process => Some(event.clone()),
        _ => None,
    }
}

/// The state of a node, when a message tells it.
fn state_of(id: NodeId) -> impl Fn(&FromServer) -> Option<NodeState> {
    move |message| {
        samples(message)
            .iter()
            .find(|node| node.id == id)
            .map(|node| node.state)
    }
}

fn boot() -> Result<(Cluster, Server)> {
    let cluster = Cluster::boot(Config {
        kernel_options: "lab.viz".into(),
        ..Config::installed(2)?
    })?;
    wait_for_links(&cluster)?;
    let server = Server::of(cluster.node(1))?;
    Ok((cluster, server))
}

#[test]
fn viewers_of_a_real_cluster_know_what_happens_and_act_on_it() -> Result<()> {
    let (cluster, server) = boot()?;
    moves_by_a_shell_are_told_soon(&cluster, &server, ROUND_TRIPS)?;
    commands_reach_other_nodes(&cluster, &server)?;
    whoever_is_gone_is_shown_as_gone_and_comes_back(&cluster, &server)?;
    cluster.finish()
}

#[test]
#[ignore = "minutes: many moves, and all parts are ended in every order"]
fn viewers_outlive_daemon_server_and_module_in_any_order() -> Result<()> {
    let (cluster, server) = boot()?;
    moves_by_a_shell_are_told_soon(&cluster, &server, MANY_ROUND_TRIPS)?;
    whoever_is_gone_is_shown_as_gone_and_comes_back(&cluster, &server)?;
    everything_ends_in_every_order(&cluster, &server)?;
    cluster.finish()
}

/// A shell on node 2 and one on node 1, where the server is, move a process of theirs.
fn moves_by_a_shell_are_told_soon(
    cluster: &Cluster,
    server: &Server,
    round_trips: usize,
) -> Result<()> {
    let viewers: Vec<Viewer> = (0..VIEWERS).map(|_| server.viewer(2)).collect();
    let (mut begun, mut done) = (Vec::new(), Vec::new());
    let mut uncertain = Duration::ZERO;
    for (from, to) in [(2, 1), (1, 2)] {
        let node = cluster.node(from);
        let program = programs::push(node, "calc")?;
        let subject = Subject::start(node, &format!("{program} 1000000 50"))?;
        let process = ProcessRef {
            home: from as NodeId,
            pid: subject.pid,
        };
        for _ in 0..round_trips {
            for target in [to.to_string(), "home".into()] {
                let clock = Clock::read(node)?;
                uncertain = uncertain.max(clock.error);
                let times = node.sh(&format!(
                    "python3 -c 'import os, time; f = os.open(\"/proc/mattx/admin\", os.O_WRONLY); a = time.time_ns(); \
                     os.write(f, b\"migrate {} {target}\\n\"); print(a, time.time_ns())'",
                    subject.pid
                ))?;
                let mut times = times
                    .split_whitespace()
                    .map(|time| time.parse::<i128>().expect("python prints numbers"));
                let (began, ended) = (times.next().expect("two"), times.next().expect("two"));
                let (mut first, mut last) = (f64::MIN, f64::MIN);
                for viewer in &viewers {
                    let (when, event) = viewer.wait("of the move", move_of(process));
                    let mut told = (when, event);
                    if told.1.phase == MovePhase::Started {
                        first = first.max(clock.until(began, told.0));
                        told = viewer.wait("of its end", move_of(process));
                    }
                    assert_eq!(told.1.phase, MovePhase::Committed, "{:?}", told.1);
                    last = last.max(clock.until(ended, told.0));
                }
                if first > f64::MIN {
                    begun.push(first);
                }
                done.push(last);
            }
        }
        subject.signal(node, "KILL")?;
    }
    let (half, most) = (percentile(&mut done, 0.5), percentile(&mut done, 0.95));
    eprintln!(
        "moves by a shell, slowest of {VIEWERS} viewers after the shell's command had succeeded: median {half:.0} ms, \
         95 % within {most:.0} ms ({} moves, clocks within {uncertain:?})",
        done.len()
    );
    if !begun.is_empty() {
        eprintln!(
            "    after the shell had asked, viewers knew that it began: median {:.0} ms, 95 % within {:.0} ms",
            percentile(&mut begun, 0.5),
            percentile(&mut begun, 0.95)
        );
    }
    let allowed = limit(cluster, TOLD_WITHIN, 10) + uncertain;
    assert!(most < allowed.as_secs_f64() * 1000.0, "{most} ms");
    Ok(())
}

fn commands_reach_other_nodes(cluster: &Cluster, server: &Server) -> Result<()> {
    let mut viewer = server.viewer(2);
    let home = cluster.node(2);
    let program = programs::push(home, "calc")?;
    let subject = Subject::start(home, &format!("{program} 1000000 50"))?;
    let process = ProcessRef {
        home: 2,
        pid: subject.pid,
    };
    let outcome = viewer.execute(Command::Migrate {
        process,
        target: Target::Node(1),
    });
    assert!(
        matches!(outcome, Outcome::Done { statistics } if statistics.frozen_us > 0),
        "{outcome:?}"
    );
    assert_eq!(
        home.sh("cat /proc/mattx/remote")?,
        format!("{}:1", subject.pid)
    );
    // What the kernel says when it refuses is what the viewer reads.
    for (pid, words) in [
        (2, "it is a thread of the kernel"),
        (1, "it is the init process"),
    ] {
        let outcome = viewer.execute(Command::Migrate {
            process: ProcessRef { home: 2, pid },
            target: Target::Node(1),
        });
        let Outcome::Failed { errno, reason } = outcome else {
            panic!("{outcome:?}")
        };
        assert!(errno > 0 && reason.contains("node 2"), "{errno} {reason}");
        assert!(reason.contains(words), "{reason}");
    }
    // Everybody home by a command about the whole node.
    let outcome = viewer.execute(Command::Expel { node: 1 });
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(home.sh("cat /proc/mattx/remote")?, "");
    // A switch of another node.
    let affinity = Command::Affinity {
        node: 2,
        affinity: 1234,
    };
    let outcome = viewer.execute(affinity);
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    home.sh("grep -q '^Node Affinity: 1234' /proc/mattx/nodes")?;
    subject.signal(home, "KILL")
}

fn whoever_is_gone_is_shown_as_gone_and_comes_back(
    cluster: &Cluster,
    server: &Server,
) -> Result<()> {
    let stale = limit(cluster, STALE_WITHIN, 3);
    let (first, second) = (cluster.node(1), cluster.node(2));
    let took = |what: &str, begin: Instant, when: Instant| {
        let took = when.saturating_duration_since(begin);
        eprintln!("{what}: shown after {} ms", took.as_millis());
        assert!(took < stale, "{what}: {took:?}");
    };
    let kill = |node: &Node, signal: &str, program: &str| {
        node.sh(&format!("kill -{signal} $(pgrep -x {program})"))
            .map(drop)
    };

    // The server's own daemon dies, and is started again.
    let viewer = server.viewer(2);
    let begin = Instant::now();
    kill(first, "KILL", "mattx-discd")?;
    let notice =
        |message: &FromServer| matches!(message, FromServer::Notice(Some(_))).then_some(());
    took(
        "own daemon killed",
        begin,
        viewer.wait("that its daemon is gone", notice).0,
    );
    let complete = |message: &FromServer| (*message == FromServer::Notice(None)).then_some(());
    viewer.wait("that the daemon is back", complete);
    drop(viewer);

    // It hangs.
    let viewer = server.viewer(2);
    let begin = Instant::now();
    kill(first, "STOP", "mattx-discd")?;
    let (when, _) = viewer.wait("that the news are old", |message| {
        (state_of(1)(message)? == NodeState::Stale).then_some(())
    });
    took("own daemon hangs", begin, when);
    kill(first, "CONT", "mattx-discd")?;
    drop(viewer);

    // The daemon of another node dies, and is started again.
    let viewer = server.viewer(2);
    let begin = Instant::now();
    kill(second, "KILL", "mattx-discd")?;
    let (when, _) = viewer.wait("that node 2 is gone", |message| {
        (state_of(2)(message)? != NodeState::Up).then_some(())
    });
    took("another daemon killed", begin, when);
    viewer.wait("that node 2 is back", |message| {
        (state_of(2)(message)? == NodeState::Up).then_some(())
    });

    // The server dies; viewers notice and find it again.
    let begin = Instant::now();
    kill(first, "KILL", "mattx-viz")?;
    assert!(
        viewer.ends_within(MOMENT),
        "a dead server keeps connections"
    );
    took("server killed", begin, Instant::now());
    drop(server.viewer(2));
    Ok(())
}

/// A part of a node that can end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Daemon,
    Server,
    Module,
}

fn end(node: &Node, part: Part) -> Result<()> {
    match part {
        Part::Daemon => node.sh("kill -KILL $(pgrep -x mattx-discd); true"),
        Part::Server => node.sh("kill -KILL $(pgrep -x mattx-viz); true"),
        Part::Module => return modules::reload(node),
    }
    .map(drop)
}

fn everything_ends_in_every_order(cluster: &Cluster, server: &Server) -> Result<()> {
    use Part::{Daemon, Module, Server as Viz};
    let first = cluster.node(1);
    for order in [
        [Daemon, Viz, Module],
        [Daemon, Module, Viz],
        [Viz, Daemon, Module],
        [Viz, Module, Daemon],
        [Module, Daemon, Viz],
        [Module, Viz, Daemon],
    ] {
        eprintln!("ended: {order:?}");
        for part in order {
            end(first, part)?;
        }
        wait_for_links(cluster)?;
        drop(server.viewer(2));
    }
    // And it works as before.
    let home = cluster.node(2);
    let program = programs::push(home, "calc")?;
    let subject = Subject::start(home, &format!("{program} 1000000 50"))?;
    let outcome = server.viewer(2).execute(Command::Migrate {
        process: ProcessRef {
            home: 2,
            pid: subject.pid,
        },
        target: Target::Node(1),
    });
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    subject.signal(home, "KILL")
}
