//! The wire door (formats §9): envelopes in, documents and the log out. Peers learn from it what
//! they must, and nothing else: no bodies in errors, no difference between what is refused and
//! what is unknown.
//!
//! The order of checks is that of their cost: connections and their rate, size, then
//! [`Core::receive`](crate::journey::Core::receive), which decrypts. Whoever sends what is refused
//! pays with tokens of its address prefix; what is accepted is free, so that traffic under a grant
//! is never throttled here. Envelopes of connections that have brought nothing good yet are read
//! and opened in a lane of their own, so that strangers, however many, have a quarter of the processors.
//!
//! TLS is a proxy's business. With a public URL a request from an address that is not public is
//! that proxy's, and the last entry of `X-Forwarded-For` says for whom it speaks.

use super::body::{BodyError, Reader};
use super::lane::Lane;
use super::problem;
use super::server::{self, Limits, Remote, Standing};
use crate::bucket::{Buckets, Prefix, Rate};
use crate::journey::{Core, SOON, WireAnswer};
use crate::resolve::AddressClass;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comity_engine::defaults;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, RETRY_AFTER,
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use serde::Deserialize;
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Serves the wire door until `stop`.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>, stop: CancellationToken) {
    server::serve(listener, router(core), CONNECTIONS, stop).await;
}

fn router(core: Arc<Core>) -> Router {
    let wire = Arc::new(Wire {
        bodies: Reader::new(
            defaults::ENVELOPE_BYTES_MAX,
            BODY_TIME,
            FREE_BYTES,
            BODIES_BYTES,
        ),
        at_once: Semaphore::new(AT_ONCE),
        doubtful: Arc::new(Lane::new(processors())),
        refusals: Buckets::new(REFUSALS),
        readers: Buckets::new(READERS),
        core,
    });
    Router::new()
        .route("/didcomm", post(didcomm))
        .route("/{name}/did.json", get(document))
        .route("/{name}/status/{number}", get(status_list))
        .route("/comity/invite", get(invitation))
        .route("/comity/log/checkpoint", get(checkpoint))
        .route("/comity/log/consistency", get(consistency))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(wire)
}

struct Wire {
    core: Arc<Core>,
    bodies: Reader,
    at_once: Semaphore,
    doubtful: Arc<Lane>,
    refusals: Buckets<Prefix>,
    readers: Buckets<Prefix>,
}

impl Wire {
    /// True if a proxy speaks for whoever asks.
    fn is_proxied(&self, extensions: &Extensions) -> bool {
        let remote = extensions.get::<Remote>().and_then(|remote| remote.0);
        let is_near = remote.is_some_and(|remote| AddressClass::of(remote).is_some());
        is_near && !self.core.site.is_development()
    }

    /// Whose rate a request counts for; `None` for this machine itself.
    fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<Prefix> {
        let remote = extensions.get::<Remote>()?.0?;
        let site = &self.core.site;
        let is_proxy = self.is_proxied(extensions);
        let spoken_for = || {
            let last = headers
                .get_all(FORWARDED_FOR)
                .iter()
                .next_back()?
                .to_str()
                .ok()?;
            last.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
        };
        let address = if is_proxy {
            spoken_for().unwrap_or(remote)
        } else {
            remote
        };
        let is_rated = !address.is_loopback() || site.seams().rated.contains(&address);
        is_rated.then(|| Prefix::of(address))
    }

    /// Whether whoever asks may read some more.
    fn may_read(&self, request: &Request<Body>) -> bool {
        let client = self.client(request.extensions(), request.headers());
        client.is_none_or(|client| self.readers.take(client))
    }
}

async fn didcomm(State(wire): State<Arc<Wire>>, request: Request<Body>) -> Response {
    let client = wire.client(request.extensions(), request.headers());
    if client.is_some_and(|client| !wire.refusals.has(&client)) {
        // Whoever asks as fast as it is answered is answered slowly. A proxy is not: what it waits
        // for takes connections of everybody.
        if !wire.is_proxied(request.extensions()) {
            tokio::time::sleep(SLOWED).await;
        }
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(10));
    }
    let prefix = client.map(|client| client.to_string());
    let standing = request.extensions().get::<Standing>().cloned();
    let standing = standing.unwrap_or_default();
    let good = standing.is_good();
    let answer = take(&wire, request.into_body(), prefix, good).await;
    let refused = matches!(answer, WireAnswer::Refused | WireAnswer::TooLarge);
    standing.learn(match answer {
        // It says nothing of who sent it.
        WireAnswer::Busy(_) => good,
        _ => !refused,
    });
    if refused && let Some(client) = client {
        wire.refusals.take(client);
    }
    match answer {
        WireAnswer::Accepted => StatusCode::ACCEPTED.into_response(),
        WireAnswer::Reply(envelope) => ([(CONTENT_TYPE, ENVELOPE)], envelope).into_response(),
        WireAnswer::Gap => StatusCode::CONFLICT.into_response(),
        WireAnswer::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        WireAnswer::Busy(wait) => later(StatusCode::SERVICE_UNAVAILABLE, wait),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn take(wire: &Wire, body: Body, prefix: Option<String>, good: bool) -> WireAnswer {
    let doubtful = (!good).then_some(&wire.doubtful);
    let held = match wire
        .bodies
        .read_in(doubtful.map(|lane| &**lane), body)
        .await
    {
        Ok(held) => held,
        Err(BodyError::TooLarge) => return WireAnswer::TooLarge,
        Err(BodyError::NoRoom) => return WireAnswer::Busy(SOON),
        Err(BodyError::Broken | BodyError::TooSlow) => return WireAnswer::Refused,
    };
    // Before its place among all: those that wait here leave that to others.
    let turn = match doubtful {
        None => None,
        Some(lane) => {
            lane.charge(REQUEST);
            Some(lane.turn().await)
        }
    };
    let Ok(_place) = wire.at_once.try_acquire() else {
        return WireAnswer::Busy(SOON);
    };
    let octets = held.octets.clone();
    wire.core.receive(octets, prefix, turn).await
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// What an agent of ours says of the vouches that it made.
async fn status_list(
    State(wire): State<Arc<Wire>>,
    Path((name, number)): Path<(String, u32)>,
    request: Request<Body>,
) -> Response {
    if !wire.may_read(&request) {
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(1));
    }
    match wire.core.status_list(&name, number).await {
        Ok(Some(list)) => public(VC_JWT, list.as_bytes().to_vec()),
        Ok(None) => absent(),
        Err(error) => {
            tracing::error!(%error, "a status list could not be made");
            later(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(5))
        }
    }
}

/// What a person sees who opens the link of an invitation. The same for every link: nothing in it
/// is read here.
async fn invitation(State(wire): State<Arc<Wire>>, request: Request<Body>) -> Response {
    if !wire.may_read(&request) {
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(1));
    }
    let headers = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, NOTHING_LOADED),
        // The link is a secret: it goes nowhere from here.
        (REFERRER_POLICY, NO_REFERRER),
    ];
    (headers, INVITATION).into_response()
}

async fn document(
    State(wire): State<Arc<Wire>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    if !wire.may_read(&request) {
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(5));
    }
    let document = wire.core.did_document(&name);
    document.map_or_else(absent, |document| {
        public(DOCUMENT, document.octets().to_vec())
    })
}

async fn checkpoint(State(wire): State<Arc<Wire>>, request: Request<Body>) -> Response {
    if !wire.may_read(&request) {
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(5));
    }
    let note = wire.core.checkpoint().await;
    note.map_or_else(absent, |note| public(NOTE, note.into_bytes()))
}

/// Query of `/comity/log/consistency`.
#[derive(Deserialize)]
struct Sizes {
    old: u64,
    new: u64,
}

async fn consistency(State(wire): State<Arc<Wire>>, request: Request<Body>) -> Response {
    if !wire.may_read(&request) {
        return later(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(5));
    }
    let Ok(Sizes { old, new }) = problem::query(request.uri()) else {
        return absent();
    };
    let Some(path) = wire.core.consistency(old, new).await else {
        return absent();
    };
    let path: Vec<String> = path.iter().map(|hash| STANDARD.encode(hash)).collect();
    public(
        JSON,
        serde_json::json!({"path": path}).to_string().into_bytes(),
    )
}

async fn nothing(_: Uri) -> Response {
    absent()
}

/// A 404 carries nothing.
fn absent() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn later(status: StatusCode, pause: Duration) -> Response {
    (status, [(RETRY_AFTER, HeaderValue::from(pause.as_secs()))]).into_response()
}

/// What everybody may read, web pages included.
fn public(content_type: HeaderValue, octets: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, octets).into_response()
}

const ENVELOPE: HeaderValue = HeaderValue::from_static("application/didcomm-encrypted+json");
const DOCUMENT: HeaderValue = HeaderValue::from_static("application/did+json");
const NOTE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const VC_JWT: HeaderValue = HeaderValue::from_static("application/vc+jwt");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NOTHING_LOADED: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// The page behind the link of an invitation.
const INVITATION: &str = include_str!("invitation.html");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Connections of peers. One of a node that talks a lot carries thousands of messages a second, so
/// that this is room for many peers, and for as many idlers at once as 16 prefixes may hold.
const CONNECTIONS: Limits = Limits {
    connections: 1_024,
    for_a_prefix: 64,
    // Longer than the 20 s for which our own client keeps a connection.
    idle: Duration::from_secs(30),
    patience: Duration::from_secs(30),
};
/// Time for a whole envelope: 4 MiB at 2.2 Mbit/s.
const BODY_TIME: Duration = Duration::from_secs(15);
/// Octets of an envelope that need no room: those of nearly all messages. With all connections at
/// once 64 MiB.
const FREE_BYTES: usize = 64 * 1024;
/// Memory for larger envelopes that are being read or decided upon, all together: sixteen of the largest.
const BODIES_BYTES: usize = 16 * defaults::ENVELOPE_BYTES_MAX;
/// Envelopes decided upon at once. They share commits, so more is faster, up to a point.
const AT_ONCE: usize = 512;
/// What a request costs besides opening what it brings: its head read, its answer written.
/// Measured with junk (`comity-bench strangers`).
const REQUEST: Duration = Duration::from_micros(20);
/// How long a prefix that has no refusals left waits to be told so.
const SLOWED: Duration = Duration::from_secs(1);
/// Refused envelopes for each prefix. Each costs us a key agreement, some 50 µs: at this rate one
/// prefix takes less than a thousandth of a core.
const REFUSALS: Rate = Rate {
    burst: 100.0,
    per_second: 10.0,
    keys: 4_096,
};
/// Documents, checkpoints and proofs for each prefix.
const READERS: Rate = Rate {
    burst: 100.0,
    per_second: 20.0,
    keys: 4_096,
};
