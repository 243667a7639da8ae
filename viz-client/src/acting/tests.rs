// SPDX-License-Identifier: GPL-2.0-or-later
//! The unit tests of what gestures mean.

use mattx_protocol::browser::{FromServer, Role, Source};
use mattx_protocol::command::{self, Command, Outcome};
use mattx_protocol::model::{MoveStatistics, NodeId, ProcessKind, ProcessRef};

use super::bulk::AT_ONCE;
use super::{Acting, Mood, Order};
use crate::cluster::tests::{node, process};
use crate::cluster::{Cluster, News};
use crate::pick::Target;

const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

fn cluster(role: Role) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.hear(
        FromServer::Hello {
            version: 1,
            role,
            source: Source::Live,
            notice: None,
        },
        0.0,
    );
    let nodes = vec![
        node(1, vec![process(77, ProcessKind::Local)]),
        node(2, vec![]),
    ];
    cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
    cluster
}

fn refusal(reason: &str) -> Outcome {
    Outcome::Failed {
        errno: 113,
        reason: reason.into(),
    }
}

fn success() -> Outcome {
    Outcome::Done {
        statistics: MoveStatistics::default(),
    }
}

/// The commands of all orders.
fn sent(acting: &mut Acting) -> Vec<(u64, Command)> {
    let orders = acting.take_orders().into_iter();
    orders
        .filter_map(|order| match order {
            Order::Execute(id, command) => Some((id, command)),
            Order::Playback(..) => None,
        })
        .collect()
}

/// A cluster of which node 1 has `many` processes, and node 2 none.
fn crowd(many: u32) -> Cluster {
    let mut cluster = cluster(Role::Operator);
    let processes = (1..=many).map(|pid| process(pid, ProcessKind::Local));
    let nodes = vec![node(1, processes.collect()), node(2, vec![])];
    cluster.hear(FromServer::Snapshot { sequence: 2, nodes }, 9.0);
    cluster
}

/// Lets the server do what it was asked.
fn carry_out(cluster: &mut Cluster, home: NodeId, pids: &[u32], there: NodeId) {
    let kind = ProcessKind::Deputy { node: there };
    let processes = pids.iter().map(|pid| process(*pid, kind)).collect();
    let nodes = vec![node(home, processes), node(2, vec![])];
    cluster.hear(FromServer::Snapshot { sequence: 3, nodes }, 99.0);
}

#[test]
fn a_group_moves_a_few_at_once_and_is_summed_up() {
    let cluster = crowd(10);
    let mut acting = Acting::default();
    acting.select_all(cluster.processes.keys().copied());
    acting.click(&cluster, Some(Target::Node(2)));
    let mut all = Vec::new();
    let mut wave = sent(&mut acting);
    while !wave.is_empty() {
        assert!(wave.len() <= AT_ONCE);
        for (id, command) in &wave {
            let outcome = if all.len() == 3 {
                refusal("it is locked")
            } else {
                success()
            };
            acting.hear(&cluster, &News::Answer(*id, outcome));
            all.push(command.clone());
        }
        wave = sent(&mut acting);
    }
    assert_eq!(all.len(), 10);
    let last = acting.take_toasts().pop().unwrap();
    assert!(
        last.text.starts_with("9 of 10 moved, 1 stay"),
        "{}",
        last.text
    );
    assert!(!acting.is_working());
}

#[test]
fn what_is_called_off_is_not_sent_and_comes_back() {
    let cluster = crowd(10);
    let mut acting = Acting::default();
    acting.select_all(cluster.processes.keys().copied());
    acting.click(&cluster, Some(Target::Node(2)));
    let first = sent(&mut acting);
    acting.call_off();
    for (id, _) in &first {
        acting.hear(&cluster, &News::Answer(*id, success()));
    }
    let back = sent(&mut acting);
    assert_eq!(back.len(), first.len(), "only those that had been sent");
    assert!(back.iter().all(|(_, command)| matches!(
        command,
        Command::Migrate {
            target: command::Target::Home,
            ..
        }
    )));
}

#[test]
fn undo_sends_back_what_moved_last() {
    let mut cluster = crowd(1);
    let who = ProcessRef { home: 1, pid: 1 };
    let mut acting = Acting::default();
    acting.migrate(&cluster, who, command::Target::Node(2));
    let (id, _) = sent(&mut acting)[0].clone();
    acting.hear(&cluster, &News::Answer(id, success()));
    carry_out(&mut cluster, 1, &[1], 2);
    assert_eq!(acting.undoable(&cluster).unwrap(), "calc back to n1");
    acting.undo(&cluster);
    let expected = Command::Migrate {
        process: who,
        target: command::Target::Home,
    };
    assert_eq!(sent(&mut acting)[0].1, expected);
    acting.undo(&cluster);
    assert!(sent(&mut acting).is_empty(), "once");
}

#[test]
fn a_node_drains_while_its_guests_are_sent_home() {
    let cluster = crowd(1);
    let mut acting = Acting::default();
    acting.expel(&cluster, 2);
    assert!(acting.is_draining(2) && !acting.is_draining(1));
    let (id, _) = sent(&mut acting)[0].clone();
    acting.hear(&cluster, &News::Answer(id, success()));
    assert!(!acting.is_draining(2));
}

#[test]
fn click_process_then_node_moves_it_there() {
    let cluster = cluster(Role::Operator);
    let mut acting = Acting::default();
    acting.click(&cluster, Some(Target::Process(WHO)));
    acting.click(&cluster, Some(Target::Node(2)));
    let expected = Command::Migrate {
        process: WHO,
        target: command::Target::Node(2),
    };
    assert_eq!(acting.take_orders(), [Order::Execute(1, expected)]);
    assert!(acting.is_pending(WHO));
    assert_eq!(acting.selected_process(), Some(WHO), "it stays selected");
    acting.hear(&cluster, &News::Answer(1, refusal("node 2 is down")));
    let last = acting.take_toasts().pop().unwrap();
    assert_eq!(
        (last.mood, last.text.as_str()),
        (Mood::Bad, "calc stays: node 2 is down")
    );
    assert!(!acting.is_pending(WHO));
}

#[test]
fn a_click_on_its_own_node_selects_the_node() {
    let cluster = cluster(Role::Operator);
    let mut acting = Acting::default();
    acting.click(&cluster, Some(Target::Process(WHO)));
    acting.click(&cluster, Some(Target::Node(1)));
    assert_eq!(
        (acting.selected_node(), acting.take_orders().len()),
        (Some(1), 0)
    );
}

#[test]
fn viewers_are_told_why_nothing_moves() {
    let cluster = cluster(Role::Viewer);
    let mut acting = Acting::default();
    acting.drop_on(&cluster, WHO, Some(Target::Node(2)));
    assert!(acting.take_orders().is_empty());
    assert!(acting.take_toasts()[0].text.contains("token"));
}

#[test]
fn a_double_click_sends_only_those_home_who_are_away() {
    let mut cluster = cluster(Role::Operator);
    let mut acting = Acting::default();
    acting.double_click(&cluster, Some(Target::Process(WHO)));
    assert!(acting.take_orders().is_empty());
    let deputy = node(1, vec![process(77, ProcessKind::Deputy { node: 2 })]);
    cluster.hear(
        FromServer::Delta {
            sequence: 2,
            nodes: vec![deputy],
            gone: vec![],
        },
        9.0,
    );
    acting.double_click(&cluster, Some(Target::Process(WHO)));
    let expected = Command::Migrate {
        process: WHO,
        target: command::Target::Home,
    };
    assert_eq!(acting.take_orders(), [Order::Execute(1, expected)]);
}

#[test]
fn no_answer_is_awaited_on_a_lost_connection() {
    let cluster = cluster(Role::Operator);
    let mut acting = Acting::default();
    acting.migrate(&cluster, WHO, command::Target::Node(2));
    acting.disconnected();
    assert!(!acting.is_pending(WHO));
    assert_eq!(acting.take_toasts().last().unwrap().mood, Mood::Bad);
}
