//! The agent's door (formats §10): the same operations over HTTP and over a WebSocket, carried out
//! in [one place](dispatch).
//!
//! In front of every route stand three checks, cheapest first:
//! 1. `Host` names this machine or a configured name: a web page that resolves its own name to
//!    loopback (DNS rebinding) is refused.
//! 2. `Origin`, which only browsers send, is our own or absent: other pages are refused.
//! 3. `Authorization: Bearer TOKEN` names the agent. Tokens are 256 random bits, looked up by their
//!    hash, so that comparing takes the same time for every wrong one. Only `/openapi.json` needs
//!    none.

mod dispatch;
mod http;
mod openapi;
mod socket;

pub use openapi::openapi;

use super::body::Reader;
use super::origin;
use super::problem::{Failure, REQUEST_BYTES_MAX, no_route};
use super::server::{self, Limits};
use crate::journey::{Caller, Core};
use ::http::header::{AUTHORIZATION, HeaderMap};
use ::http::uri::Authority;
use ::http::{Request, Uri};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use comity_api::Problem;
use comity_engine::Code;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the agent's door until `stop`.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>, stop: CancellationToken) {
    let router = router(core, stop.clone(), socket::Patience::default());
    server::serve(listener, router, CONNECTIONS, stop).await;
}

struct Door {
    core: Arc<Core>,
    bodies: Reader,
    stop: CancellationToken,
    patience: socket::Patience,
}

fn router(core: Arc<Core>, stop: CancellationToken, patience: socket::Patience) -> Router {
    let bodies = Reader::new(
        REQUEST_BYTES_MAX,
        BODY_TIME,
        FREE_BYTES,
        32 * REQUEST_BYTES_MAX,
    );
    let door = Arc::new(Door {
        core,
        bodies,
        stop,
        patience,
    });
    Router::new()
        .route("/v1/agent", get(http::whoami))
        .route("/v1/messages", post(http::send))
        .route("/v1/messages/{id}", get(http::show))
        .route("/v1/messages/{id}/cancel", post(http::cancel))
        .route("/v1/lease", post(http::lease))
        .route("/v1/settle", post(http::settle))
        .route("/v1/extend", post(http::extend))
        .route("/v1/vouches", post(http::vouch))
        .route("/v1/events", get(http::events))
        .route("/v1/socket", get(socket::open))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(&door), token))
        .route("/openapi.json", get(openapi::serve))
        .layer(from_fn_with_state(Arc::clone(&door), browsers))
        .with_state(door)
}

/// Checks 1 and 2.
async fn browsers(State(door): State<Arc<Door>>, request: Request<Body>, next: Next) -> Response {
    match check_host(&door, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => Failure(problem).into_response(),
    }
}

/// Check 3. The caller, and the token for checking it again, go into the request's extensions.
async fn token(State(door): State<Arc<Door>>, mut request: Request<Body>, next: Next) -> Response {
    let caller = match bearer(request.headers()) {
        Some(token) => door
            .core
            .authenticate(&token)
            .await
            .map(|caller| (caller, token)),
        None => None,
    };
    let Some((caller, token)) = caller else {
        return Failure(no_token()).into_response();
    };
    request.extensions_mut().insert(Entrant { caller, token });
    next.run(request).await
}

/// Who was let in.
#[derive(Clone)]
struct Entrant {
    caller: Caller,
    token: Arc<str>,
}

fn bearer(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().into())
}

fn no_token() -> Problem {
    Problem::new(
        Code::NO_TOKEN.as_str(),
        "no token, or one that is not known here",
    )
    .detail("every request carries Authorization: Bearer TOKEN")
    .next("the token is in agents/NAME.json of the node's home; comity agent create NAME makes one")
}

fn check_host(door: &Door, headers: &HeaderMap) -> Result<(), Problem> {
    let site = &door.core.site;
    let configured = |authority: &Authority| {
        let mut known = site.agent_hosts().iter();
        known.any(|known| known.eq_ignore_ascii_case(authority.host()))
    };
    let host =
        origin::check_host(headers, site.agent_door().ip(), configured).map_err(|problem| {
            problem
                .next("use the url of agents/NAME.json, or start the node with --agent-host NAME")
        })?;
    // Its own pages would be at its own address; there are none yet.
    origin::check_origin(headers, &[format!("http://{host}")]).map_err(|problem| {
        problem.next("call it from a program; a page must not hold an agent's token")
    })
}

async fn nothing(uri: Uri) -> Failure {
    no_route(&uri).into()
}

/// Octets of a request that need no room.
const FREE_BYTES: usize = 64 * 1024;
/// Time for a request's body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Connections of agents: each agent needs one, or a few.
const CONNECTIONS: Limits = Limits {
    connections: 512,
    for_a_prefix: 128,
    idle: Duration::from_secs(75),
    patience: Duration::from_secs(30),
};

#[cfg(test)]
mod tests;
