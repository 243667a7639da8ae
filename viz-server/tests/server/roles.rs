// SPDX-License-Identifier: GPL-2.0-or-later
//! What each role can do and see, on every transport.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end the test")]

use mattx_protocol::browser::{FromServer, FromViewer, PlaybackControl, Role, Step};
use mattx_protocol::command::{Command, NameList, NodeSwitch, Outcome, Target};
use mattx_protocol::model::ProcessRef;
use mattx_viz::access::Rules;
use mattx_viz::audit::Audit;

use crate::support::{Server, TOKEN, TOKENS, migrate};

const EPERM: i32 = 1;
const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// One of each command. The compiler tells whoever adds another one to add it here.
fn every_command(process: ProcessRef) -> Vec<Command> {
    let node = process.home;
    let all = vec![
        migrate(process, 2),
        Command::Migrate {
            process,
            target: Target::Best,
        },
        Command::Lock {
            process,
            locked: true,
        },
        Command::Expel { node },
        Command::Bring { node },
        Command::Switch {
            node,
            switch: NodeSwitch::Balancer,
            on: false,
        },
        Command::Affinity { node, affinity: 1 },
        Command::Names {
            node,
            list: NameList::Exclude,
            names: vec!["calc".into()],
        },
    ];
    for command in &all {
        match command {
            Command::Migrate { .. }
            | Command::Lock { .. }
            | Command::Expel { .. }
            | Command::Bring { .. }
            | Command::Switch { .. }
            | Command::Affinity { .. }
            | Command::Names { .. } => {}
        }
    }
    all
}

fn refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { errno: EPERM, reason } if reason.starts_with("nothing was done"))
}

async fn answer(viewer: &mut crate::support::Viewer, id: u64) -> Outcome {
    viewer
        .wait(|message| match message {
            FromServer::Answer { id: of, outcome } if of == id => Some(outcome),
            FromServer::Progress {
                step: Step::Moving { .. },
                ..
            } => panic!("something moves"),
            _ => None,
        })
        .await
}

/// Tries every command with a token on every transport; nothing of it may happen.
async fn can_only_look(server: &Server, headers: &[(&'static str, &str)]) {
    let commands = every_command(server.calc());
    for path in ["/ws", "/ws?format=json"] {
        let mut viewer = server.viewer(path, headers).await.unwrap();
        for (id, command) in (1..).zip(commands.clone()) {
            viewer.say(&FromViewer::Execute { id, command }).await;
            assert!(refused(&answer(&mut viewer, id).await), "{path} {id}");
        }
        let all = commands.clone();
        viewer
            .say(&FromViewer::ExecuteAll {
                id: 98,
                commands: all,
            })
            .await;
        let outcome = answer(&mut viewer, 98).await;
        assert!(
            matches!(&outcome, Outcome::Failed { errno: EPERM, reason } if reason.starts_with("8 of 8 failed")),
            "{outcome:?}"
        );
        let control = PlaybackControl::Pause;
        viewer.say(&FromViewer::Playback { id: 99, control }).await;
        assert!(refused(&answer(&mut viewer, 99).await), "{path}");
    }
    let mut sent = vec![JSON];
    sent.extend(headers);
    for command in &commands {
        let body = serde_json::to_string(command).unwrap();
        let (status, answer) = server.http("POST", "/api/v1/commands", &sent, &body).await;
        assert_eq!(status, 403, "{answer}");
    }
    let body = serde_json::to_string(&commands).unwrap();
    let (_, answer) = server
        .http("POST", "/api/v1/commands/batch", &sent, &body)
        .await;
    assert!(
        answer.contains("8 of 8 failed") && !answer.contains("\"Done\""),
        "{answer}"
    );
    let (status, _) = server
        .http("POST", "/api/v1/playback", &sent, "\"Pause\"")
        .await;
    assert_eq!(status, 403);
    sent[0] = FORM;
    let ProcessRef { home, pid } = server.calc();
    for to in ["2", "home", "best", "lock", "unlock"] {
        let (status, _) = server
            .http(
                "POST",
                &format!("/table/{home}/{pid}"),
                &sent,
                &format!("to={to}"),
            )
            .await;
        assert_eq!(status, 403, "{to}");
    }
}

#[tokio::test]
async fn a_viewer_and_a_kiosk_can_do_nothing_but_look() {
    let server = Server::start(3, false, Audit::default()).await;
    let before = server.hub.counters();
    can_only_look(&server, &[]).await;
    for (role, token) in TOKENS {
        if role < Role::Operator {
            can_only_look(&server, &[("Authorization", &format!("Bearer {token}"))]).await;
        }
    }
    let after = server.hub.counters();
    assert_eq!(
        (before.commands_done, before.commands_failed),
        (after.commands_done, after.commands_failed),
        "a command reached the source"
    );
}

#[tokio::test]
async fn an_operator_moves_processes_and_an_admin_sets_nodes() {
    let server = Server::start(3, false, Audit::default()).await;
    for (token, expected) in [(TOKENS[2].1, 403), (TOKEN, 200)] {
        let authorization = format!("Bearer {token}");
        let headers = [JSON, ("Authorization", authorization.as_str())];
        for command in every_command(server.calc()) {
            let wanted = if Role::needed_for(&command) == Role::Admin {
                expected
            } else {
                continue;
            };
            let body = serde_json::to_string(&command).unwrap();
            let (status, answer) = server
                .http("POST", "/api/v1/commands", &headers, &body)
                .await;
            assert_eq!(status, wanted, "{command:?} {answer}");
        }
    }
}

#[tokio::test]
async fn several_commands_report_each_process() {
    let server = Server::start(4, false, Audit::default()).await;
    let mut operator = server.operator().await;
    let process = server.calc();
    let gone = ProcessRef { home: 1, pid: 1 };
    let commands = vec![migrate(process, 2), migrate(gone, 2)];
    operator
        .say(&FromViewer::ExecuteAll { id: 5, commands })
        .await;
    let (mut accepted, mut moving, mut parts) = (false, false, Vec::new());
    let outcome = operator
        .wait(|message| {
            match message {
                FromServer::Accepted { id: 5 } => accepted = true,
                FromServer::Progress {
                    id: 5,
                    step: Step::Moving { process: who },
                } => moving |= who == process,
                FromServer::Progress {
                    id: 5,
                    step:
                        Step::Part {
                            of: 2,
                            index,
                            outcome,
                            ..
                        },
                } => parts.push((index, matches!(outcome, Outcome::Done { .. }))),
                FromServer::Answer { id: 5, outcome } => return Some(outcome),
                _ => {}
            }
            None
        })
        .await;
    parts.sort_unstable();
    assert!(accepted && moving);
    assert_eq!(parts, [(0, true), (1, false)]);
    assert!(
        matches!(&outcome, Outcome::Failed { errno: 3, reason } if reason.starts_with("1 of 2 failed")),
        "{outcome:?}"
    );
    // Everybody comes home from node 2 by one command.
    let command = Command::Expel { node: 2 };
    operator.say(&FromViewer::Execute { id: 6, command }).await;
    assert!(matches!(
        operator
            .wait(|message| match message {
                FromServer::Answer { id: 6, outcome } => Some(outcome),
                _ => None,
            })
            .await,
        Outcome::Done { .. }
    ));
    let away = server
        .hub
        .nodes()
        .iter()
        .flat_map(|node| {
            node.processes
                .iter()
                .map(|sample| (node.id, sample.identity(node.id)))
        })
        .filter(|(node, name)| *node == 2 && *name == process)
        .count();
    assert_eq!(away, 0);
}

#[tokio::test]
async fn viewers_and_kiosks_see_no_users_and_no_command_lines_unless_allowed() {
    for details in [false, true] {
        let rules = Rules {
            details,
            ..Rules::default()
        };
        let server = Server::with_rules(3, rules, Audit::default()).await;
        for (role, token) in TOKENS {
            let authorization = format!("Bearer {token}");
            let headers = [("Authorization", authorization.as_str())];
            let expected = details || role >= Role::Operator;
            for path in [
                "/api/v1/nodes",
                "/api/v1/nodes/1",
                "/api/v1/processes",
                "/table",
                "/ws?format=json",
            ] {
                let text = if path.starts_with("/ws") {
                    let mut viewer = server.viewer(path, &headers).await.unwrap();
                    let snapshot = viewer
                        .wait(|message| {
                            matches!(message, FromServer::Snapshot { .. }).then_some(message)
                        })
                        .await;
                    serde_json::to_string(&snapshot).unwrap()
                } else {
                    server.http("GET", path, &headers, "").await.1
                };
                assert_eq!(text.contains("chris"), expected, "{role:?} {path}");
                if path != "/table" {
                    assert_eq!(text.contains("--input"), expected, "{role:?} {path}");
                }
            }
        }
        for path in ["/metrics", "/mattx", "/api/migrations", "/api/v1/moves"] {
            let (_, text) = server.http("GET", path, &[], "").await;
            assert!(
                !text.contains("chris") && !text.contains("--input"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn whoever_guesses_tokens_has_to_wait() {
    let server = Server::start(3, false, Audit::default()).await;
    for _ in 0..10 {
        assert_eq!(server.http("GET", "/?token=guess", &[], "").await.0, 401);
    }
    let (status, answer) = server
        .http("GET", &format!("/?token={TOKEN}"), &[], "")
        .await;
    assert_eq!(status, 429);
    assert!(answer.contains("retry-after: "), "{answer}");
    // Whoever has no token may still look.
    assert_eq!(server.http("GET", "/api/v1/nodes", &[], "").await.0, 200);
}
