// SPDX-License-Identifier: GPL-2.0-or-later
//! A recording replays to the identical states.

use std::time::Duration;

use crate::support::Server;
use mattx_protocol::browser::{FromServer, Source};
use mattx_protocol::model::MovePhase;
use mattx_viz::audit::Audit;
use mattx_viz::hub::Hub;
use mattx_viz::record::{self, Recorder};
use mattx_viz::source::Source as _;
use mattx_viz::source::replay::{Replay, apply};

/// All different states of the picture, each as what it consists of, and the moves between them.
fn history(messages: impl IntoIterator<Item = FromServer>) -> Vec<String> {
    let mut nodes = std::collections::BTreeMap::new();
    let mut history: Vec<String> = Vec::new();
    for message in messages {
        let entry = match message {
            FromServer::Snapshot { nodes: all, .. } => {
                nodes = all.into_iter().map(|node| (node.id, node)).collect();
                format!("{nodes:?}")
            }
            FromServer::Delta {
                nodes: changed,
                gone,
                ..
            } => {
                nodes.retain(|id, _| !gone.contains(id));
                nodes.extend(changed.into_iter().map(|node| (node.id, node)));
                format!("{nodes:?}")
            }
            FromServer::Move(event) => format!("{event:?}"),
            _ => continue,
        };
        if history.last() != Some(&entry) {
            history.push(entry);
        }
    }
    history
}

#[tokio::test]
async fn a_recording_replays_to_the_states_that_were_recorded() {
    let file = std::env::temp_dir().join(format!("mattx-viz-recording-{}", std::process::id()));
    let server = Server::start(5, false, Audit::default()).await;
    let recording = tokio::spawn(Recorder::begin(&file).unwrap().follow(server.hub.clone()));
    assert!(
        Recorder::begin(&file).is_err(),
        "a recording is never overwritten"
    );
    // Long enough on a machine that is busy with other things.
    let mut recorded = server.hub.subscribe().frames;
    let mut left = 20;
    while left > 0 {
        match tokio::time::timeout(Duration::from_secs(60), recorded.recv()).await {
            Ok(Ok(_)) => left -= 1,
            Ok(Err(_)) => {}
            Err(_) => panic!("nothing happens"),
        }
    }
    recording.abort();
    let _ = recording.await;
    let records = record::read(&file).unwrap();
    assert!(
        matches!(records[0].message, FromServer::Snapshot { .. }),
        "{:?}",
        records[0]
    );
    assert!(records.len() > 10, "{} records", records.len());
    assert!(records.is_sorted_by_key(|record| record.milliseconds));

    // The states that a viewer of the original saw, and those of a viewer of the replay.
    let (replay, _orders) = Hub::new(Source::Replay);
    let mut seen = std::collections::BTreeMap::new();
    for record in &records {
        match &record.message {
            FromServer::Snapshot { nodes, .. } => {
                seen = nodes.iter().map(|node| (node.id, node.clone())).collect()
            }
            FromServer::Delta { nodes, gone, .. } => {
                seen.extend(nodes.iter().map(|node| (node.id, node.clone())));
                seen.retain(|id, _| !gone.contains(id));
            }
            _ => {}
        }
        apply(&replay, record.message.clone());
        assert!(replay.nodes().iter().eq(seen.values()));
    }

    // The sequence of states and moves that viewers of the replay itself see.
    let expected = history(records.iter().map(|record| record.message.clone()));
    let source = Replay {
        records: records.clone(),
        speed_percent: 100,
    };
    let (hub, orders) = Hub::new(Source::Replay);
    let mut seen = hub.subscribe().frames;
    tokio::time::pause();
    tokio::spawn(hub.clone().publish());
    tokio::spawn(source.run(hub.clone(), orders));
    let mut messages = Vec::new();
    while history(messages.iter().cloned()).len() < expected.len() {
        messages.push(seen.recv().await.unwrap().message().clone());
    }
    assert!(
        history(messages) == expected,
        "other states than those recorded"
    );
    tokio::time::resume();

    // A crash in the middle of a record loses that record only.
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(record::read(&file).unwrap(), records[..records.len() - 1]);
    std::fs::write(&file, b"something else").unwrap();
    assert!(record::read(&file).unwrap_err().contains("no recording"));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_recording_that_comes_with_mattx_shows_real_moves() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo.mattx-rec");
    let records = record::read(&file).unwrap();
    let mut nodes = std::collections::BTreeSet::new();
    for record in &records {
        if let FromServer::Snapshot { nodes: told, .. } | FromServer::Delta { nodes: told, .. } =
            &record.message
        {
            nodes.extend(told.iter().map(|node| node.id));
        }
    }
    assert_eq!(nodes.len(), 3);
    let committed = records.iter().filter(|record| {
        matches!(&record.message, FromServer::Move(event) if event.phase == MovePhase::Committed)
    });
    let moves = committed.count();
    assert!(moves >= 5, "{moves} moves");
    let length = records.last().unwrap().milliseconds;
    assert!((60_000..600_000).contains(&length), "{length} ms");
}
