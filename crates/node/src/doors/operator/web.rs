//! The operator's door on TCP: the same routes for tokens, and a page for people.
//!
//! In front of every route stand, cheapest first:
//! 1. `Host` names this machine or the operator's URL (no DNS rebinding), `Origin` is the page's own
//!    or absent, and what a browser says a page of another site asked for is refused.
//! 2. Who: `Authorization: Bearer TOKEN`, or the cookie of a session that was opened with one. Wrong
//!    tokens are counted by address prefix and in all; who was let in before is not kept out by them.
//! 3. Acts by cookie repeat what only the page can read (`Comity-Csrf`). Nothing is decided by GET.
//! 4. Acts of one operator have a rate.
//!
//! The page is three files in the binary. Its policy allows nothing that is not one of them.

mod session;

use super::{BODY_BYTES, BODY_TIME, router};
use crate::bucket::{Buckets, Prefix, Rate};
use crate::doors::body::Reader;
use crate::doors::origin;
use crate::doors::problem::{self, Failure, answer};
use crate::doors::server::{self, Limits, Remote};
use crate::journey::{Core, Operator};
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use comity_api::Problem;
use comity_api::operator::{SignIn, SignedIn};
use comity_engine::Code;
use comity_jose::{constant_time_eq, sha256};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderMap,
    HeaderName, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, StatusCode};
use session::{Session, Sessions};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the door on TCP until `stop`.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>, stop: CancellationToken) {
    let gate = Arc::new(Gate {
        bodies: Reader::new(BODY_BYTES, BODY_TIME, BODY_BYTES, 0),
        sessions: Sessions::default(),
        tries: Tries::default(),
        acts: Buckets::new(ACTS),
        core: Arc::clone(&core),
    });
    let sessions = get(whose_session).post(sign_in).delete(sign_out);
    let router = router(core, stop.clone())
        .layer(from_fn_with_state(Arc::clone(&gate), who))
        .merge(
            Router::new()
                .route("/", get(async || page(HTML, "text/html; charset=utf-8")))
                .route("/page.css", get(async || page(CSS, "text/css")))
                .route("/page.js", get(async || page(JS, "text/javascript")))
                .route("/icon.svg", get(async || page(ICON, "image/svg+xml")))
                .route("/session", sessions)
                .with_state(Arc::clone(&gate)),
        )
        .layer(from_fn_with_state(gate, browsers));
    server::serve(listener, router, CONNECTIONS, stop).await;
}

struct Gate {
    core: Arc<Core>,
    bodies: Reader,
    sessions: Sessions,
    tries: Tries,
    acts: Buckets<String>,
}

/// The `Host` that a request came to, checked.
#[derive(Clone, Debug)]
struct Called {
    host: String,
    /// Under the operator's URL: a TLS proxy stands in front, and browsers know it as https.
    https: bool,
}

/// Check 1, and the headers of every answer.
async fn browsers(
    State(gate): State<Arc<Gate>>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let checked = gate.check_origin(request.headers());
    let mut response = match checked {
        Ok(called) => {
            request.extensions_mut().insert(called);
            next.run(request).await
        }
        Err(problem) => Failure(problem).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in SAFE_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Checks 2 to 4. Who it is goes into the request's extensions.
async fn who(
    State(gate): State<Arc<Gate>>,
    Extension(called): Extension<Called>,
    Extension(remote): Extension<Remote>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let (is_act, headers) = (request.method() != Method::GET, request.headers().clone());
    let by = match gate.entrant(&called, remote, &headers, is_act).await {
        Ok(by) => by,
        Err(problem) => return Failure(problem).into_response(),
    };
    if is_act && !gate.acts.take(by.label().to_owned()) {
        return Failure(too_many("too many acts in a short time")).into_response();
    }
    request.extensions_mut().insert(by);
    next.run(request).await
}

impl Gate {
    fn check_origin(&self, headers: &HeaderMap) -> Result<Called, Problem> {
        let site = &self.core.site;
        let own = site.operator_door().map(|door| door.ip());
        let own = own.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let is_public = |authority: &Authority| {
            let host = crate::config::Host::of_authority(authority);
            site.operator_host() == Some(&host)
        };
        let host = origin::check_host(headers, own, is_public).map_err(|problem| {
            problem.next("comity status names the page; comity up --operator-url gives it a name")
        })?;
        let https = host.parse().is_ok_and(|authority| is_public(&authority));
        let mut pages: Vec<String> = Vec::new();
        if let Some(public) = site.operator_host() {
            pages.push(format!("https://{public}"));
        }
        if !https {
            pages.push(format!("http://{host}"));
        }
        origin::check_origin(headers, &pages)
            .map_err(|problem| problem.next("open the page itself; comity status names it"))?;
        Ok(Called {
            host: host.to_owned(),
            https,
        })
    }

    async fn entrant(
        &self,
        called: &Called,
        remote: Remote,
        headers: &HeaderMap,
        is_act: bool,
    ) -> Result<Operator, Problem> {
        if let Some(token) = bearer(headers) {
            let (operator, _) = self.let_in(&token, remote).await?;
            return Ok(operator);
        }
        let (operator, session) = self.signed_in(called, headers).await?;
        if is_act {
            let repeated = headers.get(CSRF).map(HeaderValue::as_bytes);
            let is_same =
                repeated.is_some_and(|text| constant_time_eq(text, session.csrf.as_bytes()));
            if !is_same {
                return Err(Problem::new(
                    Code::ORIGIN.as_str(),
                    "this did not come from the page; nothing was done",
                )
                .next("reload the page, and decide there"));
            }
        }
        Ok(operator)
    }

    /// Whose session a request belongs to.
    async fn signed_in(
        &self,
        called: &Called,
        headers: &HeaderMap,
    ) -> Result<(Operator, Session), Problem> {
        // A page of another site may make a browser ask, and send the cookie along.
        let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            return Err(
                Problem::new(Code::ORIGIN.as_str(), "another web page asked for this")
                    .next("open the page itself; comity status names it"),
            );
        }
        let id = cookie(headers, &self.cookie_name(called)).ok_or_else(no_token)?;
        let session = self.sessions.find(id, &called.host).ok_or_else(no_token)?;
        match self.core.operator_of_hash(session.token).await {
            Some(operator) => Ok((operator, session)),
            None => {
                self.sessions.close(id);
                Err(no_token())
            }
        }
    }

    /// Who holds this token. Wrong ones are counted, and not looked up when there were too many.
    async fn let_in(&self, token: &str, remote: Remote) -> Result<(Operator, [u8; 32]), Problem> {
        let hash = sha256(&[token.as_bytes()]);
        let prefix = remote.0.map(Prefix::of);
        if !self.tries.may_try(&hash, prefix) {
            return Err(too_many("too many wrong tokens were tried from there"));
        }
        match self.core.operator_of_hash(hash).await {
            Some(operator) => {
                self.tries.was_right(hash);
                Ok((operator, hash))
            }
            None => {
                self.tries.was_wrong(&hash, prefix);
                Err(no_token())
            }
        }
    }

    /// `__Host-` binds a cookie to its host and to TLS. On plain loopback, where cookies do not
    /// know ports, the name at least tells one node from the other.
    fn cookie_name(&self, called: &Called) -> String {
        match self.core.site.operator_door() {
            Some(door) if !called.https => format!("comity-{}", door.port()),
            _ => "__Host-comity".to_owned(),
        }
    }
}

/// Opens a session for a token.
async fn sign_in(
    State(gate): State<Arc<Gate>>,
    Extension(called): Extension<Called>,
    Extension(remote): Extension<Remote>,
    body: Body,
) -> Result<Response, Failure> {
    let sign_in: SignIn = problem::read(gate.bodies.read(body).await)?;
    let (operator, hash) = gate.let_in(sign_in.token.trim(), remote).await?;
    let (id, session) = gate.sessions.open(hash, &called.host, &*gate.core.entropy);
    let secure = if called.https { "; Secure" } else { "" };
    let name = gate.cookie_name(&called);
    let cookie = format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let mut response = gate.signed_in_answer(&operator, session).await?;
    let value =
        HeaderValue::try_from(cookie).map_err(|_| problem::bad("a cookie of ours that is none"))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}

/// Who is signed in, and what acts have to repeat.
async fn whose_session(
    State(gate): State<Arc<Gate>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (operator, session) = gate.signed_in(&called, &headers).await?;
    Ok(gate.signed_in_answer(&operator, session).await?)
}

/// Ends a session. Whoever can send the cookie may end it.
async fn sign_out(
    State(gate): State<Arc<Gate>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let name = gate.cookie_name(&called);
    gate.signed_in(&called, &headers).await?;
    if let Some(id) = cookie(&headers, &name) {
        gate.sessions.close(id);
    }
    let secure = if called.https { "; Secure" } else { "" };
    let gone = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}");
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, gone)]).into_response())
}

impl Gate {
    async fn signed_in_answer(
        &self,
        operator: &Operator,
        session: Session,
    ) -> Result<Response, Problem> {
        let signed_in = SignedIn {
            operator: self.core.me(operator).await?,
            host: self.core.site.authority(),
            csrf: session.csrf,
        };
        Ok(answer(StatusCode::OK, &signed_in))
    }
}

/// Tokens that were tried.
struct Tries {
    prefixes: Buckets<Prefix>,
    all: Buckets<()>,
    /// Hashes that were right since the start: their holders are not kept out by others' tries.
    right: Mutex<HashSet<[u8; 32]>>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            prefixes: Buckets::new(TRIES_OF_PREFIX),
            all: Buckets::new(TRIES_OF_ALL),
            right: Mutex::default(),
        }
    }
}

impl Tries {
    fn may_try(&self, hash: &[u8; 32], prefix: Option<Prefix>) -> bool {
        let room = self.all.has(&()) && prefix.is_none_or(|prefix| self.prefixes.has(&prefix));
        room || self.right().contains(hash)
    }

    fn was_right(&self, hash: [u8; 32]) {
        self.right().insert(hash);
    }

    fn was_wrong(&self, hash: &[u8; 32], prefix: Option<Prefix>) {
        self.right().remove(hash);
        self.all.take(());
        if let Some(prefix) = prefix {
            self.prefixes.take(prefix);
        }
    }

    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter();
    let pairs = all.filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn no_token() -> Problem {
    Problem::new(
        Code::NO_TOKEN.as_str(),
        "no token, or one that is not known here",
    )
    .detail("sign in on the page, or send Authorization: Bearer TOKEN")
    .next("comity operator create NAME   on the node's machine makes one")
}

fn too_many(title: &str) -> Problem {
    Problem::new(Code::TOO_MANY.as_str(), title).retry_after(10)
}

fn page(text: &'static str, type_: &'static str) -> Response {
    ([(CONTENT_TYPE, type_)], text).into_response()
}

const HTML: &str = include_str!("web/page/page.html");
const CSS: &str = include_str!("web/page/page.css");
const JS: &str = include_str!("web/page/page.js");
const ICON: &str = include_str!("web/page/icon.svg");

/// Nothing but the three files; no frame, no other site, no text that becomes a program.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const SAFE_HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];
const CSRF: HeaderName = HeaderName::from_static("comity-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A token is pasted, so that a person is hardly ever wrong.
const TRIES_OF_PREFIX: Rate = Rate {
    burst: 10.0,
    per_second: 0.1,
    keys: 4_096,
};
/// From however many addresses.
const TRIES_OF_ALL: Rate = Rate {
    burst: 50.0,
    per_second: 1.0,
    keys: 1,
};
/// A person who works through a long list, or a program that does.
const ACTS: Rate = Rate {
    burst: 60.0,
    per_second: 1.0,
    keys: 1_024,
};
/// Operators are few; each page holds one connection, or a few.
const CONNECTIONS: Limits = Limits {
    connections: 128,
    for_a_prefix: 32,
    idle: Duration::from_secs(60),
    patience: Duration::from_secs(30),
};
