// SPDX-License-Identifier: GPL-2.0-or-later
//! What can be done with a thing, in words, and why not where it cannot be done: for the panel, the menu and the keys.

use mattx_protocol::command;
use mattx_protocol::model::{NodeId, NodeState, ProcessRef};

use crate::acting::Acting;
use crate::cluster::Cluster;
use crate::outlook::obstacle;
use crate::pick::Target;

/// Nodes that are offered; those with the most room come first.
const MOST_NODES: usize = 12;

/// Something that can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For [`perform`].
    pub action: String,
    /// For people.
    pub text: String,
    /// Why it cannot be done now.
    pub obstacle: Option<String>,
}

fn choice(action: &str, text: String, obstacle: Option<String>) -> Choice {
    Choice {
        action: action.to_owned(),
        text,
        obstacle,
    }
}

/// What can be done with `target`, or with all that is meant if it is one of them.
#[must_use]
pub fn choices(acting: &Acting, cluster: &Cluster, target: Target) -> Vec<Choice> {
    match target {
        Target::Process(name) => of_process(acting, cluster, name),
        Target::Node(id) => of_node(cluster, id),
    }
}

fn of_process(acting: &Acting, cluster: &Cluster, name: ProcessRef) -> Vec<Choice> {
    let Some(process) = cluster.processes.get(&name) else {
        return Vec::new();
    };
    let group = acting.group.len();
    let many = group > 1 && acting.group.contains(&name);
    let general = || cluster.obstacle().map(str::to_owned);
    let home = if many {
        choice("home", format!("All {group} home"), general())
    } else {
        let there = (!process.is_away()).then(|| "it is at home".to_owned());
        let text = format!("Home to {}", cluster.node_name(name.home));
        choice("home", text, general().or(there))
    };
    let mut all = vec![
        home,
        choice("best", "Where it computes best".into(), general()),
    ];
    let mut nodes: Vec<_> = cluster
        .nodes
        .values()
        .filter(|node| (many || node.sample.id != process.node) && node.sample.id != name.home)
        .collect();
    nodes.sort_by(|a, b| {
        let up = |node: &&crate::cluster::Node| node.sample.state != NodeState::Up;
        up(a)
            .cmp(&up(b))
            .then(a.load().total_cmp(&b.load()))
            .then(a.sample.id.cmp(&b.sample.id))
    });
    all.extend(nodes.into_iter().take(MOST_NODES).map(|node| {
        let id = node.sample.id;
        let why = if many {
            general()
        } else {
            obstacle(cluster, name, id)
        };
        choice(
            &format!("node:{id}"),
            format!("→ {}", node.sample.name),
            why,
        )
    }));
    if !many {
        all.push(choice("lock", "Lock in its place".into(), general()));
        all.push(choice(
            "unlock",
            "Let the balancer move it".into(),
            general(),
        ));
    }
    all.push(choice("focus", "Fly there".into(), None));
    all
}

fn of_node(cluster: &Cluster, id: NodeId) -> Vec<Choice> {
    let general = cluster.obstacle().map(str::to_owned);
    let guests = cluster.processes_on(id).filter(|one| one.is_away()).count();
    let away = cluster
        .processes
        .values()
        .filter(|process| process.name.home == id && process.is_away())
        .count();
    let unless = |count: usize, reason: &str| {
        let nobody = (count == 0).then(|| reason.to_owned());
        general.clone().or(nobody)
    };
    vec![
        choice(
            "expel",
            format!("Send {} home", its(guests, "guest", "guests")),
            unless(guests, "it has no guests"),
        ),
        choice(
            "bring",
            format!("Call {} home", its(away, "process", "processes")),
            unless(away, "all its processes are at home"),
        ),
        choice("focus", "Fly there".into(), None),
    ]
}

/// "its 3 guests", "its guest"; without a number also where there are none.
fn its(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => format!("its {many}"),
        1 => format!("its {one}"),
        _ => format!("its {count} {many}"),
    }
}

/// Does what was chosen; returns what the camera shall fly to.
pub fn perform(
    acting: &mut Acting,
    cluster: &Cluster,
    action: &str,
    target: Target,
) -> Option<Target> {
    if action == "focus" {
        return Some(target);
    }
    match target {
        Target::Process(name) => {
            if !acting.group.contains(&name) {
                acting.group.clear();
                acting.selected = Some(target);
            }
            match action {
                "home" => acting.move_meant(cluster, command::Target::Home),
                "best" => acting.move_meant(cluster, command::Target::Best),
                "lock" => acting.lock(cluster, name, true),
                "unlock" => acting.lock(cluster, name, false),
                other => {
                    let node = other.strip_prefix("node:").and_then(|id| id.parse().ok());
                    if let Some(node) = node {
                        acting.move_meant(cluster, command::Target::Node(node));
                    }
                }
            }
        }
        Target::Node(id) => match action {
            "expel" => acting.expel(cluster, id),
            "bring" => acting.bring(cluster, id),
            _ => {}
        },
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::{FromServer, Role, Source};
    use mattx_protocol::model::ProcessKind;

    const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

    fn cluster(role: Role) -> Cluster {
        let mut cluster = Cluster::default();
        let hello = FromServer::Hello {
            version: 1,
            role,
            source: Source::Live,
            notice: None,
        };
        cluster.hear(hello, 0.0);
        let nodes = vec![
            node(1, vec![process(77, ProcessKind::Local)]),
            node(2, vec![]),
        ];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        cluster
    }

    fn why(role: Role, target: Target, action: &str) -> Option<String> {
        let all = choices(&Acting::default(), &cluster(role), target);
        let found = all.into_iter().find(|choice| choice.action == action);
        found.expect("it is offered").obstacle
    }

    #[test]
    fn viewers_see_why_nothing_can_be_done() {
        let told = why(Role::Viewer, Target::Process(WHO), "node:2").unwrap();
        assert!(told.contains("token"), "{told}");
        assert_eq!(why(Role::Viewer, Target::Process(WHO), "focus"), None);
    }

    #[test]
    fn what_makes_no_sense_says_so() {
        let process = Target::Process(WHO);
        assert_eq!(why(Role::Operator, process, "node:2"), None);
        assert!(why(Role::Operator, process, "home").is_some());
        assert!(why(Role::Operator, Target::Node(2), "expel").is_some());
    }

    #[test]
    fn a_choice_does_what_it_says() {
        let cluster = cluster(Role::Operator);
        let mut acting = Acting::default();
        assert_eq!(
            perform(&mut acting, &cluster, "focus", Target::Node(2)),
            Some(Target::Node(2))
        );
        perform(&mut acting, &cluster, "node:2", Target::Process(WHO));
        assert!(acting.is_pending(WHO));
        assert_eq!(acting.selected, Some(Target::Process(WHO)));
    }
}
