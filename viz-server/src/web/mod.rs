// SPDX-License-Identifier: GPL-2.0-or-later
//! HTTP and websocket.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mattx_protocol::layout::Layout;
use tokio::sync::Semaphore;

use crate::access::RELOAD_EVERY;
use crate::desk::Desk;
use crate::hub::Hub;

mod api;
mod assets;
mod legacy;
mod metrics;
pub mod openapi;
mod socket;
mod table;
mod visitor;

/// Viewers at one time.
const MOST_VIEWERS: usize = 2048;

/// What every request may need.
#[derive(Clone)]
pub struct Site(Arc<Parts>);

struct Parts {
    hub: Hub,
    desk: Desk,
    layout: Layout,
    client: assets::Client,
    seats: Arc<Semaphore>,
}

impl Site {
    /// A site over `hub`, whose viewers arrange the nodes as `layout` says.
    #[must_use]
    pub fn new(hub: Hub, desk: Desk, layout: Layout) -> Self {
        let client = assets::Client::new();
        Self(Arc::new(Parts {
            hub,
            desk,
            layout,
            client,
            seats: Arc::new(Semaphore::new(MOST_VIEWERS)),
        }))
    }
}

impl Site {
    /// Follows the changes of the file of tokens until the end of the program.
    pub async fn follow_tokens(self) {
        let mut told = String::new();
        loop {
            let reason = self.0.desk.access.reload().err().unwrap_or_default();
            if reason != told && !reason.is_empty() {
                tracing::error!("{reason}");
            }
            told = reason;
            tokio::time::sleep(RELOAD_EVERY).await;
        }
    }
}

/// All routes.
pub fn router(site: Site) -> Router {
    let (api, _) = openapi::routes().split_for_parts();
    Router::new()
        .merge(api)
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/ws", get(socket::upgrade))
        .route("/table", get(table::table))
        .route(
            "/table/{home}/{pid}",
            get(table::process).post(table::migrate),
        )
        .route("/first.css", get(table::first_style))
        .route("/table.css", get(table::style))
        .route("/table.js", get(table::script))
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
    if headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site")
        && request.method() != Method::GET
    {
        return (
            StatusCode::FORBIDDEN,
            "Pages of other sites may not use this server.\n",
        )
            .into_response();
    }
    if !site.0.desk.access.knows_host(headers) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "This server is not known under that name; start mattx-viz with --allow-host NAME, or use its address.\n",
        )
            .into_response();
    }
    if site.0.desk.access.is_foreign(headers) {
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
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
