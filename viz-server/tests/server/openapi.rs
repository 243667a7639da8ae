// SPDX-License-Identifier: GPL-2.0-or-later
//! The description of the REST interface is the one that is kept, and it is served.

use mattx_viz::audit::Audit;
use mattx_viz::web::openapi;

use crate::support::Server;

const KEPT: &str = include_str!("../../openapi.json");

#[test]
fn the_description_that_is_kept_is_the_one_of_this_program() {
    assert!(
        openapi::text() == KEPT,
        "run `mattx-viz openapi > viz-server/openapi.json` and look at the difference"
    );
}

#[tokio::test]
async fn every_described_path_answers() {
    let server = Server::start(3, false, Audit::default()).await;
    let (status, answer) = server.http("GET", "/api/v1/openapi.json", &[], "").await;
    assert_eq!(status, 200);
    let served: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let kept: serde_json::Value = serde_json::from_str(KEPT).unwrap();
    assert_eq!(served, kept);
    let paths = served["paths"].as_object().unwrap();
    assert!(paths.len() >= 7, "{paths:?}");
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", "1");
            let (status, _) = server.http(&method.to_uppercase(), &path, &[], "").await;
            // Without a body a command is no command; what is shown is no recording.
            let expected: &[u16] = match (method.as_str(), &*path) {
                ("post", _) => &[400, 415],
                (_, "/api/v1/playback") => &[404],
                _ => &[200],
            };
            assert!(expected.contains(&status), "{method} {path}: {status}");
        }
    }
}
