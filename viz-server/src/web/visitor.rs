// SPDX-License-Identifier: GPL-2.0-or-later
//! Who sends a request: a handler that takes a [`Visitor`] cannot forget to ask.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Site;
use crate::access::{Refusal, Visitor};
use crate::doors::Peer;

impl FromRequestParts<Site> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let Some(ConnectInfo(Peer(from))) = parts.extensions.get::<ConnectInfo<Peer>>() else {
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        site.0
            .desk
            .access
            .visitor(from.ip(), &parts.headers)
            .map_err(refused)
    }
}

/// What somebody gets who is not let in.
pub fn refused(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Private => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            "This server is private: open a link with a token, or send it as Authorization: Bearer TOKEN.\n",
        )
            .into_response(),
        Refusal::Wrong => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")],
            "This token is not valid (any more). A link with a one-time token works once; `mattx-viz token add` makes another.\n",
        )
            .into_response(),
        Refusal::Wait(wait) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())],
            "Too many tokens from your address were not valid; wait before you try another.\n",
        )
            .into_response(),
    }
}
