// SPDX-License-Identifier: GPL-2.0-or-later
//! HTTP and websocket.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::audit::Audit;
use crate::hub::Hub;

mod api;
mod assets;
mod legacy;
mod metrics;
mod socket;
mod table;

/// Viewers at one time.
const MOST_VIEWERS: usize = 2048;

/// What every request may need.
#[derive(Clone)]
pub struct Site(Arc<Parts>);

struct Parts {
    hub: Hub,
    access: Access,
    audit: Audit,
    client: assets::Client,
    seats: Arc<Semaphore>,
}

impl Site {
    /// A site over `hub`.
    #[must_use]
    pub fn new(hub: Hub, access: Access, audit: Audit) -> Self {
        let client = assets::Client::new();
        Self(Arc::new(Parts {
            hub,
            access,
            audit,
            client,
            seats: Arc::new(Semaphore::new(MOST_VIEWERS)),
        }))
    }
}

/// All routes.
pub fn router(site: Site) -> Router {
    Router::new()
        .route("/ws", get(socket::upgrade))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/nodes", get(api::nodes))
        .route("/api/v1/processes", get(api::processes))
        .route("/api/v1/moves", get(api::moves))
        .route("/api/v1/commands", post(api::command))
        .route("/table", get(table::table))
        .route(
            "/table/{home}/{pid}",
            get(table::process).post(table::migrate),
        )
        .route("/table.css", get(table::style))
        .route("/mattx", get(legacy::mattx))
        .route("/api/nodes", get(legacy::nodes))
        .route("/api/migrations", get(legacy::migrations))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(api::ready))
        .fallback(assets::serve)
        .layer(middleware::from_fn_with_state(site.clone(), guard))
        .with_state(site)
}

/// Refuses what was not meant for this server and tells browsers what its pages may do.
async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !site.0.access.knows_host(headers) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "This server is not known under that name; start mattx-viz with --allow-host NAME, or use its address.\n",
        )
            .into_response();
    }
    if site.0.access.is_foreign(headers) {
        return (
            StatusCode::FORBIDDEN,
            "Pages of other sites may not use this server.\n",
        )
            .into_response();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let policy = site.0.client.policy(host);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
