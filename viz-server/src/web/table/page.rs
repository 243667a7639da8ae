// SPDX-License-Identifier: GPL-2.0-or-later
//! The tables as HTML. `table.js` keeps the same tables alive; without scripts the page asks again every few seconds.

use std::fmt::{self, Display, Write as _};

use axum::response::{Html, IntoResponse as _, Response};
use mattx_protocol::browser::{Role, Source};
use mattx_protocol::model::{
    LOAD_PER_RUNNABLE, NodeId, NodeSample, NodeState, ProcessKind, ProcessRef, ProcessSample,
};
use serde::Deserialize;

use super::super::Site;
use super::words::{Escaped, Text};
use crate::access::tokens::role_name;

/// Seconds after which a browser without scripts asks again.
const REFRESH: u32 = 3;
/// Processes that one page shows; a filter finds the others.
const MOST_ROWS: usize = 200;

/// What is asked of the tables.
#[derive(Default, Deserialize)]
pub struct Wishes {
    #[serde(default)]
    sort: Column,
    #[serde(default)]
    q: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Column {
    Name,
    Pid,
    Node,
    Home,
    #[default]
    Cpu,
    Memory,
    User,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Pid => "pid",
            Self::Node => "node",
            Self::Home => "home",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::User => "user",
        }
    }
}

const COLUMNS: [(Column, &str); 7] = [
    (Column::Name, "Name"),
    (Column::Pid, "Process"),
    (Column::Node, "Computes on"),
    (Column::Home, "Home"),
    (Column::Cpu, "CPU"),
    (Column::Memory, "Memory"),
    (Column::User, "User"),
];
const NODE_COLUMNS: [&str; 8] = [
    "Node", "State", "CPU", "Load", "Memory", "Guests", "Away", "Address",
];

/// A process, where it computes.
pub struct Row<'a> {
    /// Its name in the cluster.
    pub name: ProcessRef,
    /// Where it computes.
    pub node: NodeId,
    /// What that node says.
    pub sample: &'a ProcessSample,
}

/// A whole page; a live one follows the cluster.
pub fn page(site: &Site, role: Role, title: &str, live: bool, body: &str) -> Response {
    let refresh = if live {
        format!(
            "<noscript><meta http-equiv=refresh content={REFRESH}></noscript><script type=module src=\"/table.js\"></script>"
        )
    } else {
        String::new()
    };
    let source = match site.0.hub.source() {
        Source::Live => "",
        Source::Simulated => "<strong class=badge id=source>SIMULATED</strong>",
        Source::Replay => "<strong class=badge id=source>REPLAY</strong>",
    };
    let notice = site.0.hub.notice();
    Html(format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\"><meta name=color-scheme content=\"dark light\">\
         <title>{}</title><link rel=stylesheet href=\"/table.css\">{refresh}</head><body data-role={}>\
         <a class=skip href=\"#processes\">Skip to the processes</a>\
         <header><h1><a href=\"/table\">Matt<b>X</b></a></h1>{source}<p id=figures></p>\
         <p id=link role=status></p><p id=role>{}</p><a class=button href=\"/\">3D view</a></header>\
         <p id=notice role=status{}>{}</p><main>{body}</main><div id=toasts role=status aria-live=polite></div></body></html>",
        Text(title),
        role_name(role),
        if role >= Role::Operator { role_name(role) } else { "view only" },
        if notice.is_none() { " hidden" } else { "" },
        Text(&notice.unwrap_or_default()),
    ))
    .into_response()
}

/// Both tables.
pub fn tables(nodes: &[NodeSample], role: Role, wishes: &Wishes) -> String {
    node_table(nodes) + &process_table(nodes, role, wishes)
}

fn node_table(nodes: &[NodeSample]) -> String {
    let mut text = String::from(
        "<section aria-labelledby=nodes-title><h2 id=nodes-title>Nodes</h2>\
         <div class=scroll tabindex=0 role=region aria-labelledby=nodes-title><table id=nodes><thead><tr>",
    );
    for title in NODE_COLUMNS {
        let _ = write!(text, "<th scope=col>{title}");
    }
    text += "</thead><tbody>";
    for node in nodes {
        let (class, state) = match node.state {
            NodeState::Up => ("up", "up"),
            NodeState::Stale => ("stale", "no news"),
            NodeState::Down => ("down", "down"),
        };
        let busy = node.cores.iter().sum::<f32>() / node.cores.len().max(1) as f32;
        let used = node
            .memory_total_mib
            .saturating_sub(node.memory_available_mib);
        let count = |is: fn(&ProcessKind) -> bool| {
            node.processes
                .iter()
                .filter(|process| is(&process.kind))
                .count()
        };
        let _ = write!(
            text,
            "<tr class={class}><th scope=row>{} <small>{}</small><td data-label=State><span class=state>{state}</span>\
             <td data-label=CPU><meter value={busy:.2} max=1 aria-label=CPU></meter> {:.0} %<td data-label=Load class=number>{:.1}\
             <td data-label=Memory><meter value={used} max={} aria-label=memory></meter> {} free\
             <td data-label=Guests class=number>{}<td data-label=Away class=number>{}<td data-label=Address>{}",
            Text(&node.name),
            node.id,
            busy * 100.0,
            node.cpu_load as f32 / LOAD_PER_RUNNABLE as f32,
            node.memory_total_mib.max(1),
            Mib(node.memory_available_mib),
            count(|kind| matches!(kind, ProcessKind::Guest { .. })),
            count(|kind| matches!(kind, ProcessKind::Deputy { .. })),
            node.address,
        );
    }
    text + "</tbody></table></div></section>"
}

fn process_table(nodes: &[NodeSample], role: Role, wishes: &Wishes) -> String {
    let mut rows = rows(nodes);
    let wanted = wishes.q.to_lowercase();
    rows.retain(|row| {
        row.sample.comm.to_lowercase().contains(&wanted) || row.name.pid.to_string() == wanted
    });
    let all = rows.len();
    match wishes.sort {
        Column::Name => rows.sort_by(|a, b| a.sample.comm.cmp(&b.sample.comm)),
        Column::Pid => rows.sort_by_key(|row| (row.name.pid, row.name)),
        Column::Node => rows.sort_by_key(|row| (row.node, row.name)),
        Column::Home => rows.sort_by_key(|row| row.name),
        Column::Cpu => rows.sort_by(|a, b| b.sample.cpu_percent.total_cmp(&a.sample.cpu_percent)),
        Column::Memory => rows.sort_by_key(|row| std::cmp::Reverse(row.sample.rss_kib)),
        Column::User => rows.sort_by(|a, b| a.sample.user.cmp(&b.sample.user)),
    }
    rows.truncate(MOST_ROWS);
    let mut text = format!(
        "<section aria-labelledby=processes-title><h2 id=processes-title>Processes</h2>\
         <form id=search method=get action=\"/table\" role=search><label for=q>Find</label>\
         <input id=q name=q type=search value=\"{}\" placeholder=\"name or process id\" autocomplete=off spellcheck=false>\
         <input type=hidden name=sort value={}><button>Find</button></form><div id=bulk hidden></div>\
         <div class=scroll tabindex=0 role=region aria-labelledby=processes-title><table id=processes><thead><tr>",
        Text(&wishes.q),
        wishes.sort.name()
    );
    for (column, title) in COLUMNS {
        let sorted = if column == wishes.sort {
            " aria-sort=other"
        } else {
            ""
        };
        let _ = write!(
            text,
            "<th scope=col{sorted}><a href=\"/table?sort={}&amp;q={}\">{title}</a>",
            column.name(),
            Escaped(&wishes.q)
        );
    }
    text += "</thead><tbody>";
    let name_of = |id: NodeId| {
        nodes
            .iter()
            .find(|node| node.id == id)
            .map_or_else(|| format!("node {id}"), |node| node.name.clone())
    };
    for Row { name, node, sample } in &rows {
        let title = if role >= Role::Operator {
            "move"
        } else {
            "show"
        };
        let _ = write!(
            text,
            "<tr class={}><th scope=row><a href=\"/table/{}/{}\" title=\"{title}\">{}</a><td data-label=Process class=number>{}\
             <td data-label=\"Computes on\">{}<td data-label=Home>{}<td data-label=CPU class=number>{:.0} %\
             <td data-label=Memory class=number>{}<td data-label=User>{}",
            if *node == name.home { "here" } else { "away" },
            name.home,
            name.pid,
            Text(&sample.comm),
            name.pid,
            Text(&name_of(*node)),
            Text(&name_of(name.home)),
            sample.cpu_percent,
            Mib(sample.rss_kib / 1024),
            Text(sample.user.as_deref().unwrap_or("")),
        );
    }
    text += "</tbody></table></div><p id=more>";
    if all > rows.len() {
        let _ = write!(text, "{} of {all} processes are shown.", rows.len());
    }
    text + "</p></section>"
}

/// Every process once, as the node reports it where it computes.
pub fn rows(nodes: &[NodeSample]) -> Vec<Row<'_>> {
    let all = nodes
        .iter()
        .flat_map(|node| node.processes.iter().map(move |sample| (node.id, sample)));
    all.filter_map(|(node, sample)| match sample.kind {
        ProcessKind::Deputy { .. } => None,
        ProcessKind::Local | ProcessKind::Guest { .. } => Some(Row {
            name: sample.identity(node),
            node,
            sample,
        }),
    })
    .collect()
}

/// An amount of memory in MiB as people read it.
struct Mib(u64);

impl Display for Mib {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            write!(formatter, "{} MiB", self.0)
        } else {
            write!(formatter, "{:.1} GiB", self.0 as f64 / 1024.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sim::World;
    use mattx_protocol::command::{Command, Target};

    #[test]
    fn names_of_strangers_are_text() {
        let mut nodes = World::new(1, 2).samples();
        nodes[0].processes[0].comm = "<script>x".into();
        nodes[0].name = "<b>".into();
        let wishes = Wishes {
            q: "\"><script".into(),
            ..Wishes::default()
        };
        let html = tables(&nodes, Role::Viewer, &wishes)
            + &tables(&nodes, Role::Viewer, &Wishes::default());
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;x"));
    }

    #[test]
    fn a_process_that_is_away_has_one_row() {
        let mut world = World::new(1, 2);
        let name = world.samples()[0]
            .processes
            .iter()
            .find(|sample| sample.comm == "calc")
            .unwrap()
            .identity(1);
        world
            .command(Command::Migrate {
                process: name,
                target: Target::Node(2),
            })
            .unwrap();
        for _ in 0..40 {
            world.step(0.1);
        }
        let nodes = world.samples();
        let found: Vec<NodeId> = rows(&nodes)
            .iter()
            .filter(|row| row.name == name)
            .map(|row| row.node)
            .collect();
        assert_eq!(found, [2]);
    }
}
