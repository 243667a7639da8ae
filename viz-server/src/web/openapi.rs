// SPDX-License-Identifier: GPL-2.0-or-later
//! The description of the REST interface, made from the handlers themselves.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Site, api};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MattX",
        description = "The cluster as mattx-viz sees it, and commands to it. Whoever has no token may look, unless the server is private.",
        license(name = "GPL-2.0-or-later", identifier = "GPL-2.0-or-later"),
    ),
    security((), ("token" = [])),
    modifiers(&Token),
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
    }
}

/// The REST interface with its description.
pub fn routes() -> OpenApiRouter<Site> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(api::status))
        .routes(routes!(api::nodes))
        .routes(routes!(api::node))
        .routes(routes!(api::processes))
        .routes(routes!(api::moves))
        .routes(routes!(api::command))
        .routes(routes!(api::commands))
        .routes(routes!(api::playback, api::steer))
}

/// The description as JSON, as it is kept in `openapi.json`.
///
/// # Panics
/// Never: the description holds nothing that JSON cannot.
#[must_use]
pub fn text() -> String {
    let mut text = routes().into_openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /api/v1/openapi.json`
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(routes().into_openapi())
}
