// SPDX-License-Identifier: GPL-2.0-or-later
//! What viewers, scripts and strangers get from the server.

mod openapi;
mod recording;
mod roles;
mod support;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use mattx_protocol::browser::{FromServer, FromViewer, Role, Source};
use mattx_protocol::command::Outcome;
use mattx_protocol::layout::Layout;
use mattx_protocol::model::{MovePhase, ProcessKind};
use mattx_viz::audit::Audit;
use support::{Server, TOKEN, migrate};
use tokio_tungstenite::tungstenite::{Error, Message};

const EPERM: i32 = 1;

async fn server() -> Server {
    Server::start(3, false, Audit::default()).await
}

fn bearer() -> (&'static str, String) {
    ("Authorization", format!("Bearer {TOKEN}"))
}

#[tokio::test]
async fn viewers_get_a_greeting_the_layout_a_snapshot_and_deltas_without_gaps_in_both_forms() {
    let server = server().await;
    for path in ["/ws", "/ws?format=binary", "/ws?format=json"] {
        let mut viewer = server.viewer(path, &[]).await.unwrap();
        let hello = viewer.next().await.unwrap();
        assert!(
            matches!(
                hello,
                FromServer::Hello {
                    version: 1,
                    role: Role::Viewer,
                    source: Source::Simulated,
                    ..
                }
            ),
            "{hello:?}"
        );
        let layout = viewer.next().await.unwrap();
        assert_eq!(layout, FromServer::Layout(Layout::default()));
        let Some(FromServer::Snapshot {
            sequence: mut last,
            nodes,
        }) = viewer.next().await
        else {
            panic!("no snapshot")
        };
        assert_eq!(nodes.len(), 3);
        for _ in 0..5 {
            let sequence = viewer
                .wait(|message| match message {
                    FromServer::Delta { sequence, .. } => Some(sequence),
                    _ => None,
                })
                .await;
            assert_eq!(sequence, last + 1);
            last = sequence;
        }
    }
}

#[tokio::test]
async fn a_command_is_accepted_seen_by_all_and_answered() {
    let server = server().await;
    let process = server.calc();
    let (mut operator, mut viewer) = (
        server.operator().await,
        server.viewer("/ws", &[]).await.unwrap(),
    );
    operator
        .say(&FromViewer::Execute {
            id: 7,
            command: migrate(process, 2),
        })
        .await;
    operator
        .wait(|message| matches!(message, FromServer::Accepted { id: 7 }).then_some(()))
        .await;
    let mut phases = Vec::new();
    viewer
        .wait(|message| match message {
            FromServer::Move(event) if event.process == process => {
                phases.push(event.phase.clone());
                (event.phase == MovePhase::Committed).then_some(())
            }
            _ => None,
        })
        .await;
    assert_eq!(phases, [MovePhase::Started, MovePhase::Committed]);
    let outcome = operator
        .wait(|message| match message {
            FromServer::Answer { id: 7, outcome } => Some(outcome),
            _ => None,
        })
        .await;
    assert!(
        matches!(outcome, Outcome::Done { statistics } if statistics.frozen_us > 0),
        "{outcome:?}"
    );
    let kinds: BTreeMap<u32, ProcessKind> = server
        .hub
        .nodes()
        .iter()
        .filter_map(|node| {
            let found = node
                .processes
                .iter()
                .find(|sample| sample.identity(node.id) == process)?;
            Some((node.id, found.kind))
        })
        .collect();
    let expected = [
        (1, ProcessKind::Deputy { node: 2 }),
        (2, ProcessKind::Guest { origin: process }),
    ];
    assert_eq!(kinds, BTreeMap::from(expected));
}

#[tokio::test]
async fn without_the_token_nothing_can_be_done_on_any_transport() {
    let server = server().await;
    let command = migrate(server.calc(), 2);
    let body = serde_json::to_string(&command).unwrap();
    for headers in [&[][..], &[("Cookie", "mattx_1=x; mattx=y")][..]] {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend(headers);
        assert_eq!(
            server.http("POST", "/api/v1/commands", &all, &body).await.0,
            403,
            "{headers:?}"
        );
        let mut viewer = server.viewer("/ws?format=json", headers).await.unwrap();
        viewer
            .say(&FromViewer::Execute {
                id: 1,
                command: command.clone(),
            })
            .await;
        let outcome = viewer
            .wait(|message| match message {
                FromServer::Answer { id: 1, outcome } => Some(outcome),
                FromServer::Accepted { .. } => panic!("it was accepted"),
                _ => None,
            })
            .await;
        assert!(
            matches!(outcome, Outcome::Failed { errno: EPERM, .. }),
            "{outcome:?}"
        );
    }
    assert_eq!(server.http("GET", "/?token=wrong", &[], "").await.0, 401);
    assert_eq!(
        server.hub.counters().commands_done + server.hub.counters().commands_failed,
        0
    );
}

#[tokio::test]
async fn the_link_becomes_a_cookie_that_makes_an_operator() {
    let server = server().await;
    let (status, answer) = server
        .http("GET", &format!("/?fps=5&token={TOKEN}"), &[], "")
        .await;
    assert_eq!(status, 303);
    assert!(
        answer.contains("location: /?fps=5\r\n"),
        "the token leaves the address: {answer}"
    );
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let pair = cookie.split(';').next().unwrap();
    let mut viewer = server.viewer("/ws", &[("Cookie", pair)]).await.unwrap();
    let hello = viewer.next().await.unwrap();
    assert!(
        matches!(
            hello,
            FromServer::Hello {
                role: Role::Admin,
                ..
            }
        ),
        "{hello:?}"
    );
}

#[tokio::test]
async fn pages_of_other_sites_can_neither_connect_nor_read() {
    let server = server().await;
    let foreign = ("Origin", "http://elsewhere.example");
    for path in [
        "/",
        "/table",
        "/table.js",
        "/api/v1/nodes",
        "/api/v1/processes",
        "/api/v1/moves",
        "/api/v1/status",
        "/metrics",
        "/mattx",
    ] {
        let (name, value) = bearer();
        for headers in [&[foreign][..], &[foreign, (name, &value)][..]] {
            let (status, answer) = server.http("GET", path, headers, "").await;
            assert_eq!(status, 403, "{path}");
            assert!(
                !answer.to_lowercase().contains("access-control-allow"),
                "{path}"
            );
        }
        // Where browsers tell no origin, what they load for a page of another origin stays unreadable for it.
        let (_, answer) = server.http("GET", path, &[], "").await;
        assert!(
            answer.contains("cross-origin-resource-policy: same-origin"),
            "{path}"
        );
    }
    for path in ["/api/v1/commands", "/api/v1/commands/batch", "/table/1/1"] {
        let cross = ("Sec-Fetch-Site", "cross-site");
        for header in [foreign, ("Origin", "null"), cross] {
            assert_eq!(server.http("POST", path, &[header], "").await.0, 403);
        }
    }
    match server.viewer("/ws", &[foreign]).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{:?}", other.map(|_| "connected")),
    }
    // A name of another site that points at this address.
    assert_eq!(
        server
            .http("GET", "/api/v1/nodes", &[("Host", "rebound.example")], "")
            .await
            .0,
        421
    );
    let own = format!("http://{}", server.address);
    assert!(server.viewer("/ws", &[("Origin", &own)]).await.is_ok());
}

#[tokio::test]
async fn a_private_server_shows_strangers_nothing() {
    let server = Server::start(3, true, Audit::default()).await;
    let (name, value) = bearer();
    for path in [
        "/",
        "/api/v1/nodes",
        "/api/v1/processes",
        "/api/v1/moves",
        "/api/v1/status",
        "/metrics",
        "/mattx",
        "/api/nodes",
        "/api/migrations",
        "/table",
        "/table/1/1",
    ] {
        assert_eq!(server.http("GET", path, &[], "").await.0, 401, "{path}");
    }
    assert!(server.viewer("/ws", &[]).await.is_err());
    assert_eq!(
        server
            .http("GET", "/api/v1/nodes", &[(name, &value)], "")
            .await
            .0,
        200
    );
    assert_eq!(server.http("GET", "/healthz", &[], "").await.0, 200);
}

#[tokio::test]
async fn those_who_read_nothing_or_send_garbage_disturb_nobody() {
    let server = server().await;
    let mut silent = server.viewer("/ws", &[]).await.unwrap();
    let mut garbler = server.viewer("/ws", &[]).await.unwrap();
    let mut babbler = server.viewer("/ws", &[]).await.unwrap();
    let mut good = server.viewer("/ws", &[]).await.unwrap();
    garbler
        .socket
        .send(Message::binary(vec![0xff; 300]))
        .await
        .unwrap();
    while garbler.next().await.is_some() {}
    for _ in 0..400 {
        // It fails once the server has had enough.
        let bytes = postcard::to_stdvec(&FromViewer::Resynchronise).unwrap();
        if babbler.socket.send(Message::binary(bytes)).await.is_err() {
            break;
        }
    }
    while babbler.next().await.is_some() {}
    for _ in 0..20 {
        good.wait(|message| matches!(message, FromServer::Delta { .. }).then_some(()))
            .await;
    }
    assert!(
        silent.next().await.is_some(),
        "whoever reads late gets what was kept"
    );
    let huge = server.viewer("/ws", &[]).await.unwrap();
    let (mut sink, mut stream) = huge.socket.split();
    let _ = sink.send(Message::binary(vec![0; 1 << 20])).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(Ok(message)) = stream.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    assert!(
        ended.await.is_ok(),
        "a message beyond the limit ends the connection"
    );
}

#[tokio::test]
async fn every_command_is_in_the_audit_log_with_its_result() {
    let file = std::env::temp_dir().join(format!("mattx-viz-audit-{}", std::process::id()));
    let server = Server::start(3, false, Audit::to(&file).unwrap()).await;
    let (name, value) = bearer();
    let headers = [(name, value.as_str()), ("Content-Type", "application/json")];
    let refused = serde_json::to_string(&migrate(server.calc(), 99)).unwrap();
    let (status, answer) = server
        .http("POST", "/api/v1/commands", &headers, &refused)
        .await;
    assert_eq!(status, 409);
    assert!(answer.contains("node 99 is not in the cluster"), "{answer}");
    let mut viewer = server.viewer("/ws", &[]).await.unwrap();
    viewer
        .say(&FromViewer::Execute {
            id: 1,
            command: migrate(server.calc(), 2),
        })
        .await;
    viewer
        .wait(|message| matches!(message, FromServer::Answer { .. }).then_some(()))
        .await;
    let log = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["role"], &lines[0]["outcome"]["Failed"]["errno"]),
        (&"Admin".into(), &113.into())
    );
    assert_eq!(
        (&lines[1]["role"], &lines[1]["outcome"]["Failed"]["errno"]),
        (&"Viewer".into(), &EPERM.into())
    );
}

#[tokio::test]
async fn answers_carry_the_headers_that_protect_the_page() {
    let server = server().await;
    for path in ["/", "/api/v1/nodes", "/nothing"] {
        let (_, answer) = server.http("GET", path, &[], "").await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_old_paths_answer_as_before() {
    let server = server().await;
    let (_, answer) = server.http("GET", "/mattx", &[], "").await;
    let body: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let first = &body["mattx"][0];
    for key in ["nodeid", "ipaddress", "cpuload", "memfree"] {
        assert!(first[key].is_string(), "{key}: {first}");
    }
    let (_, metrics) = server.http("GET", "/metrics", &[], "").await;
    assert!(metrics.contains("mattx_node_up{node=\"1\"} 1"), "{metrics}");
}

#[tokio::test]
async fn the_tables_show_and_do_the_same_without_scripts() {
    let server = server().await;
    let process = server.calc();
    let (status, page) = server
        .http("GET", "/table?sort=memory&q=calc", &[], "")
        .await;
    assert_eq!(status, 200);
    assert!(
        page.contains("SIMULATED") && page.contains(&format!("/table/1/{}", process.pid)),
        "{page}"
    );
    let path = format!("/table/{}/{}", process.home, process.pid);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(server.http("POST", &path, &[form], "to=2").await.0, 403);
    let (name, value) = bearer();
    let (status, page) = server
        .http("POST", &path, &[form, (name, &value)], "to=2")
        .await;
    assert_eq!((status, page.contains("Done")), (200, true), "{page}");
    let (status, page) = server
        .http("POST", &path, &[form, (name, &value)], "to=2")
        .await;
    assert_eq!((status, page.contains("already")), (409, true), "{page}");
}
