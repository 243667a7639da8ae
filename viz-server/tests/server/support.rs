// SPDX-License-Identifier: GPL-2.0-or-later
//! A server over a simulated cluster, and the plainest possible clients.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end the test")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use mattx_protocol::browser::{FromServer, FromViewer, Role};
use mattx_protocol::command::{Command, Target};
use mattx_protocol::layout::Layout;
use mattx_protocol::model::{NodeId, ProcessRef};
use mattx_viz::access::tokens::Tokens;
use mattx_viz::access::{Access, Rules};
use mattx_viz::audit::Audit;
use mattx_viz::desk::Desk;
use mattx_viz::doors::{Doors, Peer};
use mattx_viz::hub::Hub;
use mattx_viz::source::Source as _;
use mattx_viz::source::sim::{Simulation, World};
use mattx_viz::web::{self, Site};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub const TOKEN: &str = "a-token-for-tests-only";
/// Tokens of the other roles.
pub const TOKENS: [(Role, &str); 3] = [
    (Role::Viewer, "a-viewer-of-tests"),
    (Role::Kiosk, "a-kiosk-of-tests"),
    (Role::Operator, "an-operator-of-tests"),
];
/// Room for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub hub: Hub,
}

impl Server {
    pub async fn start(nodes: u32, private: bool, audit: Audit) -> Self {
        let rules = Rules {
            private,
            ..Rules::default()
        };
        Self::with_rules(nodes, rules, audit).await
    }

    pub async fn with_rules(nodes: u32, mut rules: Rules, audit: Audit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let simulation = Simulation {
            world: World::new(1, nodes),
        };
        let (hub, orders) = Hub::new(simulation.kind());
        tokio::spawn(simulation.run(hub.clone(), orders));
        tokio::spawn(hub.clone().publish());
        rules.port = address.port();
        let mut tokens = Tokens::only("ana", Role::Admin, TOKEN);
        for (role, token) in TOKENS {
            tokens.add(token, role, token);
        }
        let access = Access::new(rules, tokens);
        let router = web::router(Site::new(
            hub.clone(),
            Desk { access, audit },
            Layout::default(),
        ));
        let service = router.into_make_service_with_connect_info::<Peer>();
        let doors = Doors::open(vec![listener], None).unwrap();
        tokio::spawn(async move { axum::serve(doors, service).await });
        while hub.nodes().len() < nodes as usize {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { address, hub }
    }

    /// One HTTP exchange: status and everything after it.
    pub async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        request += body;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// A viewer; with the token it is an operator.
    pub async fn viewer(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Viewer, Error> {
        let mut request = format!("ws://{}{path}", self.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Viewer { socket })
    }

    pub async fn operator(&self) -> Viewer {
        self.viewer("/ws", &[("Authorization", &format!("Bearer {TOKEN}"))])
            .await
            .unwrap()
    }

    /// The name of the process that people move first.
    pub fn calc(&self) -> ProcessRef {
        let nodes = self.hub.nodes();
        let all = nodes
            .iter()
            .flat_map(|node| node.processes.iter().map(|process| (node.id, process)));
        let (node, process) = all
            .into_iter()
            .find(|(_, process)| process.comm == "calc")
            .unwrap();
        process.identity(node)
    }
}

/// One end of a websocket.
pub struct Viewer {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Viewer {
    /// The next message, in either form; `None` when the server closed.
    pub async fn next(&mut self) -> Option<FromServer> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("a message in time");
            match message?.ok()? {
                Message::Binary(bytes) => return Some(postcard::from_bytes(&bytes).unwrap()),
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The first message for which `choose` has something.
    pub async fn wait<T>(&mut self, mut choose: impl FnMut(FromServer) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the server keeps the connection");
            if let Some(chosen) = choose(message) {
                return chosen;
            }
        }
    }

    pub async fn say(&mut self, message: &FromViewer) {
        self.socket
            .send(Message::binary(postcard::to_stdvec(message).unwrap()))
            .await
            .unwrap();
    }
}

pub fn migrate(process: ProcessRef, node: NodeId) -> Command {
    Command::Migrate {
        process,
        target: Target::Node(node),
    }
}
