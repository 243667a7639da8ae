// SPDX-License-Identifier: GPL-2.0-or-later
//! The browser client, which the build embeds into this program.
//!
//! Large files lie there compressed only, as FILE.br and FILE.gz, and are sent as they lie to whoever accepts that.

use std::borrow::Cow;
use std::io::Read as _;
use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mattx_protocol::command::Outcome;
use mattx_protocol::model::MoveStatistics;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Site;
use super::visitor::refused;
use crate::access::Visitor;
use crate::audit::Deed;
use crate::desk::Desk;
use crate::doors::Peer;
use crate::hub::failed;

#[derive(RustEmbed)]
#[folder = "../viz-client/dist"]
#[allow_missing = true]
struct Dist;

const EACCES: i32 = 13;
const INDEX: &str = "index.html";
const NOT_BUILT: &str = "This mattx-viz was built without its browser client. Build it with scripts/build-web; the data is \
    at /api/v1/nodes meanwhile.\n";

/// What is known of the client's pages.
pub struct Client {
    /// Hashes of the scripts inside the page, as its policy names them.
    scripts: String,
}

impl Client {
    /// Looks through the embedded pages once.
    pub fn new() -> Self {
        let page = plain(INDEX).unwrap_or_default();
        Self {
            scripts: inline_scripts(&String::from_utf8_lossy(&page)),
        }
    }

    /// The policy for pages served under `host`: nothing but this server, and WebAssembly.
    pub fn policy(&self, host: &str) -> String {
        format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{}; style-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self' ws://{host} wss://{host}; manifest-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
            self.scripts
        )
    }
}

/// The hashes of all scripts that stand inside `page`, each with a blank before it.
fn inline_scripts(page: &str) -> String {
    let mut hashes = String::new();
    let mut rest = page;
    while let Some((_, tail)) = rest.split_once("<script") {
        let Some((attributes, tail)) = tail.split_once('>') else {
            break;
        };
        let Some((script, tail)) = tail.split_once("</script>") else {
            break;
        };
        if !attributes.contains("src=") {
            hashes += &format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
        }
        rest = tail;
    }
    hashes
}

/// The question part of the page's address.
#[derive(Deserialize)]
pub struct Entry {
    token: Option<String>,
}

/// Serves a file of the client; a token in the page's address becomes a cookie.
pub async fn serve(
    State(site): State<Site>,
    ConnectInfo(Peer(from)): ConnectInfo<Peer>,
    uri: Uri,
    entry: Query<Entry>,
    headers: HeaderMap,
) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => INDEX,
        path => path,
    };
    if path == INDEX
        && let Some(token) = &entry.token
    {
        return enter(&site, from.ip(), uri.query().unwrap_or_default(), token);
    }
    let visitor = match site.0.desk.access.visitor(from.ip(), &headers) {
        Ok(visitor) => visitor,
        Err(refusal) => return refused(refusal),
    };
    if path == INDEX
        && let Some(page) = plain(INDEX)
    {
        return index(&site, &visitor, &String::from_utf8_lossy(&page));
    }
    file(path, &headers).unwrap_or_else(|| {
        let reason = if path == INDEX {
            NOT_BUILT
        } else {
            "There is no such page here.\n"
        };
        (StatusCode::NOT_FOUND, reason).into_response()
    })
}

/// The page of the 3D view, with the tables in it until that is there.
fn index(site: &Site, visitor: &Visitor, page: &str) -> Response {
    let tables = super::table::first(site, visitor);
    let page = match page.rsplit_once("</body>") {
        Some((before, after)) => format!("{before}{tables}</body>{after}"),
        None => page.to_owned(),
    };
    ([(header::CACHE_CONTROL, "no-cache")], Html(page)).into_response()
}

fn enter(site: &Site, from: IpAddr, query: &str, token: &str) -> Response {
    let Desk { access, audit } = &site.0.desk;
    let (visitor, cookie) = match access.enter(from, token) {
        Ok(entered) => entered,
        Err(refusal) => {
            audit.stranger(from, &failed(EACCES, "the token of the link is not valid"));
            return refused(refusal);
        }
    };
    let statistics = MoveStatistics::default();
    audit.record(&visitor, Deed::Login, &Outcome::Done { statistics });
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("token="))
        .collect();
    let target = if others.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{}", others.join("&"))
    };
    (
        StatusCode::SEE_OTHER,
        [(header::SET_COOKIE, cookie), (header::LOCATION, target)],
    )
        .into_response()
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let packed = |suffix: &str, coding| Some((Dist::get(&format!("{path}{suffix}"))?, coding));
    let accepted = |coding| accepts(headers, coding);
    let (data, coding, hash) = if let Some((file, coding)) = [(".br", "br"), (".gz", "gzip")]
        .into_iter()
        .filter(|(_, coding)| accepted(coding))
        .find_map(|(suffix, coding)| packed(suffix, coding))
    {
        let hash = file.metadata.sha256_hash();
        (file.data, Some(coding), hash)
    } else {
        let data = plain(path)?;
        let hash = Sha256::digest(&data).into();
        (data, None, hash)
    };
    // Trunk puts a hash into every name but the page's, which is not served from here.
    let caching = "public, max-age=31536000, immutable";
    let tag = format!("\"{}\"", STANDARD.encode(&hash[..12]));
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(data.into_owned()).into_response()
    };
    let set = response.headers_mut();
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    for (name, value) in [
        (header::CONTENT_TYPE, kind.as_ref()),
        (header::CACHE_CONTROL, caching),
        (header::VARY, "accept-encoding"),
        (header::ETAG, &tag),
    ] {
        set.insert(name, value.parse().ok()?);
    }
    if let Some(coding) = coding {
        set.insert(header::CONTENT_ENCODING, coding.parse().ok()?);
    }
    Some(response)
}

/// The file itself, unpacked for the rare client that accepts no compression.
fn plain(path: &str) -> Option<Cow<'static, [u8]>> {
    if let Some(EmbeddedFile { data, .. }) = Dist::get(path) {
        return Some(data);
    }
    let packed = Dist::get(&format!("{path}.gz"))?;
    let mut data = Vec::new();
    flate2::read::GzDecoder::new(packed.data.as_ref())
        .read_to_end(&mut data)
        .ok()?;
    Some(data.into())
}

/// Whether the client accepts `coding`: named, and not with a quality of 0.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding))
            && !parts.any(|part| {
                part.strip_prefix("q=")
                    .and_then(|quality| quality.parse().ok())
                    == Some(0.0_f32)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_with_quality_zero_is_not_accepted() {
        let headers: HeaderMap = [(
            header::ACCEPT_ENCODING,
            "br;q=0, gzip;q=0.5".parse().unwrap(),
        )]
        .into_iter()
        .collect();
        assert!(!accepts(&headers, "br"));
        assert!(accepts(&headers, "gzip"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn only_scripts_inside_the_page_are_named_by_hash() {
        let page = "<script src=\"a.js\"></script><script type=\"module\">import 1</script>";
        let expected = format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest("import 1")));
        assert_eq!(inline_scripts(page), expected);
    }
}
