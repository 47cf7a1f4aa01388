//! Problems as HTTP answers, and bodies as requests: for the two local doors.

use super::body::{BodyError, Held};
use axum::response::{IntoResponse, Response};
use comity_api::Problem;
use comity_engine::{Code, defaults};
use comity_jose::json::{self, JsonError, Limits};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;

/// An answer that is a problem.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = helped(self.0);
        let status = status(&problem);
        let mut response = (status, octets(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = problem.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whoever may know of a problem is told what to do next: where nothing better was said, what
/// helps with all of its kind.
pub(super) fn helped(mut problem: Problem) -> Problem {
    let is = |code: Code| problem.code == code.as_str();
    let next = match problem.code.as_str() {
        _ if problem.next.is_some() || problem.retry_after_s.is_some() => return problem,
        _ if is(Code::ID_CONFLICT) => "repeat the message as it was, or choose another id",
        _ if is(Code::LEASE_LOST) => {
            "lease again: the delivery is offered anew if it is still open"
        }
        _ if is(Code::NOT_FOUND) => "check the id; it may be another agent's, or put away",
        _ if is(Code::TOO_LARGE) => "send less at once, or a link to it",
        code if code.starts_with("e.m.req.") => {
            "compare it with the description: openapi.json for agents, comity help for operators"
        }
        code if code.starts_with("e.p.") => "comity grant and comity peer show what holds now",
        _ => "comity doctor",
    };
    problem.next = Some(next.to_owned());
    problem
}

/// A value as an answer.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = (status, octets(value)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a body strictly; an empty one as `{}`. The content type is not asked: `curl -d` is enough.
pub(super) fn read<T: DeserializeOwned>(body: Result<Held, BodyError>) -> Result<T, Problem> {
    let held = body.map_err(|error| match error {
        BodyError::Broken => bad("the request broke off"),
        BodyError::NoRoom => {
            Problem::new(Code::FULL.as_str(), "too many large requests at once").retry_after(1)
        }
        BodyError::TooLarge => Problem::new(Code::TOO_LARGE.as_str(), "the request is too large"),
        BodyError::TooSlow => bad("the request was not whole in time"),
    })?;
    let octets = if held.octets.is_empty() {
        b"{}"
    } else {
        &held.octets[..]
    };
    let explain = |error: JsonError| {
        let problem = bad(error.to_string());
        // What serde says names the member that is wrong.
        match error.source() {
            Some(source) => problem.detail(comity_api::safe(&source.to_string())),
            None => problem,
        }
    };
    let value = json::parse(octets, &LIMITS).map_err(explain)?;
    if !value.is_object() {
        // Serde would take an array for an object, by the order of its members.
        return Err(bad("json value has an unexpected shape").detail("a JSON object is expected"));
    }
    json::read_as(value).map_err(explain)
}

/// Reads the query of an address.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let read = axum::extract::Query::try_from_uri(uri);
    read.map(|axum::extract::Query(value)| value)
        .map_err(|error| {
            bad("the query cannot be read").detail(comity_api::safe(&error.to_string()))
        })
}

/// There is nothing at this address.
pub(super) fn no_route(uri: &Uri) -> Problem {
    let path = comity_api::safe(uri.path());
    Problem::new(
        Code::NOT_FOUND.as_str(),
        format!("there is nothing at {path}"),
    )
    .next("GET /openapi.json lists what there is")
}

/// The request does not have the form that the door reads.
pub(super) fn bad(title: impl Into<String>) -> Problem {
    Problem::new(Code::BAD_TYPE.as_str(), title)
}

/// Bounds on JSON of agents and operators: a body of the largest message, and room.
pub(super) const LIMITS: Limits = Limits {
    bytes: REQUEST_BYTES_MAX,
    depth: defaults::JSON_DEPTH_MAX,
    members: defaults::JSON_NODES_MAX,
};

/// Octets of a request or frame (formats §10: 1 MiB and the body).
pub(super) const REQUEST_BYTES_MAX: usize = 1024 * 1024 + defaults::PLAINTEXT_BYTES_MAX;

fn octets(value: &impl Serialize) -> Vec<u8> {
    // Types of the doors are plain data: writing them cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}

fn status(problem: &Problem) -> StatusCode {
    let is = |code: Code| problem.code == code.as_str();
    match problem.code.as_str() {
        _ if is(Code::NO_TOKEN) => StatusCode::UNAUTHORIZED,
        _ if is(Code::HOST) || is(Code::ORIGIN) || is(Code::NOT_ALLOWED) => StatusCode::FORBIDDEN,
        _ if is(Code::TOO_MANY) => StatusCode::TOO_MANY_REQUESTS,
        _ if is(Code::NOT_FOUND) => StatusCode::NOT_FOUND,
        _ if is(Code::ID_CONFLICT) || is(Code::LEASE_LOST) => StatusCode::CONFLICT,
        _ if is(Code::TOO_LARGE) => StatusCode::PAYLOAD_TOO_LARGE,
        _ if is(Code::FULL) => StatusCode::SERVICE_UNAVAILABLE,
        "e.m.req.ambiguous" | "e.m.req.changed" => StatusCode::CONFLICT,
        code if code.starts_with("e.m.req.") => StatusCode::BAD_REQUEST,
        code if code.starts_with("e.m.me.res") => StatusCode::SERVICE_UNAVAILABLE,
        code if code.starts_with("e.m") => StatusCode::INTERNAL_SERVER_ERROR,
        // Trust, resolution: understood, and not done.
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
