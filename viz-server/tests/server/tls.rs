// SPDX-License-Identifier: GPL-2.0-or-later
//! Beyond this machine connections are encrypted, and cookies say so.

use std::sync::Arc;
use std::time::Duration;

use mattx_protocol::browser::{Role, Source};
use mattx_protocol::layout::Layout;
use mattx_viz::access::tokens::Tokens;
use mattx_viz::access::{Access, Rules};
use mattx_viz::audit::Audit;
use mattx_viz::desk::Desk;
use mattx_viz::doors::certificate::Certificate;
use mattx_viz::doors::{Doors, Peer};
use mattx_viz::hub::Hub;
use mattx_viz::web::{self, Site};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::support::TOKEN;

#[tokio::test]
async fn what_is_encrypted_is_served_and_what_is_not_is_sent_elsewhere() {
    let folder = std::env::temp_dir().join(format!("mattx-viz-https-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("cert.pem");
    let names = ["localhost".to_owned()];
    let certificate = Certificate::given_or_made(&file, &folder.join("key.pem"), &names).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&file).unwrap())
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rules = Rules {
        encrypted: true,
        port: address.port(),
        ..Rules::default()
    };
    let access = Access::new(rules, Tokens::only("ana", Role::Admin, TOKEN));
    let (hub, _orders) = Hub::new(Source::Simulated);
    let audit = Audit::default();
    let router = web::router(Site::new(hub, Desk { access, audit }, Layout::default()));
    let doors = Doors::open(vec![listener], Some(certificate.configuration().unwrap())).unwrap();
    let service = router.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move { axum::serve(doors, service).await });

    // Somebody who connects and says nothing keeps nobody waiting.
    let _silent = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /?token={TOKEN} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
        address.port()
    );
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(configuration))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // The server may end the connection without a farewell.
    let _ = tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 303") && answer.contains("; Secure"),
        "{answer}"
    );

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 308") && answer.contains("Location: https://localhost:"),
        "{answer}"
    );
}
