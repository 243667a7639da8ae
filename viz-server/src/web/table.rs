// SPDX-License-Identifier: GPL-2.0-or-later
//! The twin of the 3D view in plain HTML: the same nodes, processes and commands in tables, without scripts, for phones,
//! text browsers, screen readers, and machines without WebGL.

use std::fmt::{self, Display, Write as _};
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use mattx_protocol::browser::{Role, Source};
use mattx_protocol::command::{Command, Outcome, Target};
use mattx_protocol::model::{
    LOAD_PER_RUNNABLE, NodeId, NodeSample, NodeState, ProcessKind, ProcessRef, ProcessSample,
};
use serde::Deserialize;

use super::Site;

/// Seconds after which a browser asks again.
const REFRESH: u32 = 3;
/// Processes that one page shows; a filter finds the others.
const MOST_ROWS: usize = 200;
const STYLE: &str = "/table.css";

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
    Node,
    Home,
    #[default]
    Cpu,
    Memory,
}

impl Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Name => "name",
            Self::Node => "node",
            Self::Home => "home",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        })
    }
}

struct Row<'a> {
    name: ProcessRef,
    node: NodeId,
    sample: &'a ProcessSample,
}

/// `GET /table`
pub async fn table(
    State(site): State<Site>,
    headers: HeaderMap,
    wishes: Query<Wishes>,
) -> Response {
    let Some(role) = site.0.access.role(&headers) else {
        return refuse();
    };
    let nodes = site.0.hub.nodes();
    let mut body = header(&site, role);
    body += &node_table(&nodes);
    body += &process_table(&nodes, role, &wishes);
    page("MattX", true, &body)
}

/// `GET /table/HOME/PID`: one process, with a button for each place where it could go.
pub async fn process(
    State(site): State<Site>,
    headers: HeaderMap,
    Path((home, pid)): Path<(NodeId, u32)>,
) -> Response {
    let Some(role) = site.0.access.role(&headers) else {
        return refuse();
    };
    let nodes = site.0.hub.nodes();
    let name = ProcessRef { home, pid };
    let Some(row) = rows(&nodes).into_iter().find(|row| row.name == name) else {
        let body = "<p>This process has ended or is not among the busiest. <a href=\"/table\">All processes</a></p>";
        return (StatusCode::NOT_FOUND, page("MattX", false, body)).into_response();
    };
    let mut body = header(&site, role);
    let comm = Text(&row.sample.comm);
    let _ = write!(
        body,
        "<h2>{comm}</h2><p>Process {pid} of node {home}; it computes on node {} and uses {:.0} % of a core.</p>",
        row.node, row.sample.cpu_percent
    );
    if role < Role::Operator {
        body += "<p>Moving it needs the link with the token that mattx-viz printed.</p>";
    } else {
        let _ = write!(body, "<form method=post action=\"/table/{home}/{pid}\">");
        if row.node != home {
            body += "<button name=to value=home>Send it home</button> ";
        }
        for node in nodes
            .iter()
            .filter(|node| node.id != row.node && node.state == NodeState::Up)
        {
            let _ = write!(
                body,
                "<button name=to value={}>Move it to {}</button> ",
                node.id,
                Text(&node.name)
            );
        }
        body += "</form>";
    }
    body += "<p><a href=\"/table\">All processes</a></p>";
    page(&row.sample.comm, false, &body)
}

/// Where a form sends a process.
#[derive(Deserialize)]
pub struct Wish {
    to: String,
}

/// `POST /table/HOME/PID`: moves the process and says how that ended.
pub async fn migrate(
    State(site): State<Site>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path((home, pid)): Path<(NodeId, u32)>,
    Form(wish): Form<Wish>,
) -> Response {
    let role = site.0.access.role(&headers);
    let Some(role) = role.filter(|role| *role >= Role::Operator) else {
        return (
            StatusCode::FORBIDDEN,
            "Moving processes needs the link with the token.\n",
        )
            .into_response();
    };
    let target = match (wish.to.as_str(), wish.to.parse()) {
        ("home", _) => Target::Home,
        ("best", _) => Target::Best,
        (_, Ok(node)) => Target::Node(node),
        _ => return (StatusCode::BAD_REQUEST, "There is no such place.\n").into_response(),
    };
    let command = Command::Migrate {
        process: ProcessRef { home, pid },
        target,
    };
    let outcome = site.0.hub.execute(command.clone()).await;
    site.0.audit.record(from, role, &command, &outcome);
    let (status, words) = match &outcome {
        Outcome::Done { statistics } => (
            StatusCode::OK,
            format!(
                "<p>Done: it stood still for {} µs, {} bytes were sent.</p>",
                statistics.frozen_us, statistics.bytes
            ),
        ),
        Outcome::Failed { reason, .. } => (
            StatusCode::CONFLICT,
            format!("<p>It did not move: {}</p>", Text(reason)),
        ),
    };
    let body = format!(
        "{words}<p><a href=\"/table/{home}/{pid}\">The process</a> · <a href=\"/table\">All processes</a></p>"
    );
    (status, page("MattX", false, &body)).into_response()
}

/// `GET /table.css`
pub async fn style() -> Response {
    (
        [
            ("content-type", "text/css"),
            ("cache-control", "max-age=3600"),
        ],
        include_str!("table.css"),
    )
        .into_response()
}

fn refuse() -> Response {
    (
        StatusCode::UNAUTHORIZED,
        "This server is private; open the link with the token that it printed.\n",
    )
        .into_response()
}

fn page(title: &str, live: bool, body: &str) -> Response {
    let refresh = if live {
        format!("<meta http-equiv=refresh content={REFRESH}>")
    } else {
        String::new()
    };
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">{refresh}\
         <title>{}</title><link rel=stylesheet href=\"{STYLE}\"><main>{body}</main></html>",
        Text(title)
    ))
    .into_response()
}

fn header(site: &Site, role: Role) -> String {
    let source = match site.0.hub.source() {
        Source::Live => "",
        Source::Simulated => " <strong>SIMULATED</strong>",
        Source::Replay => " <strong>REPLAY</strong>",
    };
    let role = if role >= Role::Operator {
        "operator"
    } else {
        "view only"
    };
    let notice = site
        .0
        .hub
        .notice()
        .map(|notice| format!("<p role=status><strong>{}</strong></p>", Text(&notice)));
    format!(
        "<h1>MattX{source}</h1><p>{role} · <a href=\"/\">3D view</a></p>{}",
        notice.unwrap_or_default()
    )
}

fn node_table(nodes: &[NodeSample]) -> String {
    let mut text = String::from(
        "<h2>Nodes</h2><table><thead><tr><th>node<th>name<th>address<th>state<th>runnable<th>CPU<th>memory free<th>guests<th>away</thead><tbody>",
    );
    for node in nodes {
        let state = match node.state {
            NodeState::Up => "up",
            NodeState::Stale => "no news",
            NodeState::Down => "down",
        };
        let busy = node.cores.iter().sum::<f32>() / node.cores.len().max(1) as f32 * 100.0;
        let count = |is: fn(&ProcessKind) -> bool| {
            node.processes
                .iter()
                .filter(|process| is(&process.kind))
                .count()
        };
        let _ = write!(
            text,
            "<tr class={}><th scope=row>{}<td>{}<td>{}<td>{state}<td>{:.1}<td>{busy:.0} %<td>{} of {} MiB<td>{}<td>{}",
            if node.state == NodeState::Up {
                "up"
            } else {
                "bad"
            },
            node.id,
            Text(&node.name),
            node.address,
            node.cpu_load as f32 / LOAD_PER_RUNNABLE as f32,
            node.memory_available_mib,
            node.memory_total_mib,
            count(|kind| matches!(kind, ProcessKind::Guest { .. })),
            count(|kind| matches!(kind, ProcessKind::Deputy { .. })),
        );
    }
    text + "</tbody></table>"
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
        Column::Node => rows.sort_by_key(|row| (row.node, row.name)),
        Column::Home => rows.sort_by_key(|row| row.name),
        Column::Cpu => rows.sort_by(|a, b| b.sample.cpu_percent.total_cmp(&a.sample.cpu_percent)),
        Column::Memory => rows.sort_by_key(|row| std::cmp::Reverse(row.sample.rss_kib)),
    }
    rows.truncate(MOST_ROWS);
    let mut text = format!(
        "<h2>Processes</h2><form method=get action=\"/table\"><label>Name or process id <input name=q value=\"{}\"></label> \
         <input type=hidden name=sort value={}><button>Filter</button></form><table><thead><tr>",
        Text(&wishes.q),
        wishes.sort
    );
    let columns = [
        (Column::Name, "name"),
        (Column::Home, "process id"),
        (Column::Home, "home"),
        (Column::Node, "computes on"),
        (Column::Cpu, "CPU"),
        (Column::Memory, "memory"),
    ];
    for (column, title) in columns {
        let sorted = if column == wishes.sort {
            " aria-sort=other"
        } else {
            ""
        };
        let _ = write!(
            text,
            "<th{sorted}><a href=\"/table?sort={column}&amp;q={}\">{title}</a>",
            Escaped(&wishes.q)
        );
    }
    text += "</thead><tbody>";
    for Row { name, node, sample } in &rows {
        let title = if role >= Role::Operator {
            "move"
        } else {
            "show"
        };
        let _ = write!(
            text,
            "<tr class={}><th scope=row><a href=\"/table/{}/{}\" title=\"{title}\">{}</a><td>{}<td>{}<td>{node}<td>{:.0} %<td>{} MiB",
            if *node == name.home { "here" } else { "away" },
            name.home,
            name.pid,
            Text(&sample.comm),
            name.pid,
            name.home,
            sample.cpu_percent,
            sample.rss_kib / 1024,
        );
    }
    text += "</tbody></table>";
    if all > rows.len() {
        let _ = write!(text, "<p>{} of {all} processes are shown.</p>", rows.len());
    }
    text
}

/// Every process once, as the node reports it where it computes.
fn rows(nodes: &[NodeSample]) -> Vec<Row<'_>> {
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

/// Text as HTML: names of processes come from strangers.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Text as part of an address.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() {
                formatter.write_char(char::from(byte))?;
            } else {
                write!(formatter, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sim::World;

    #[test]
    fn names_of_strangers_are_text() {
        let mut nodes = World::new(1, 2).samples();
        nodes[0].processes[0].comm = "<script>x".into();
        let wishes = Wishes {
            q: "\"><script".into(),
            ..Wishes::default()
        };
        let html = process_table(&nodes, Role::Viewer, &wishes)
            + &process_table(&nodes, Role::Viewer, &Wishes::default());
        assert!(!html.contains("<script"), "{html}");
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
