//! The kinds of vectors. Each module recognises its own by their members.

mod aead;
mod did;
mod did_document;
mod did_history;
mod didcomm;
mod exchange;
mod jose;
mod kdf;
mod known_answer;
mod mediation;
mod out_of_band;
mod pickup;
mod problem;
mod protocol;
mod routing;
mod service;
mod thread;

use comity_didcomm::Plaintext;
use serde_json::Value;

use crate::case::{Case, Check, Stop, skipped, try_to};

/// Runs a vector.
pub(crate) fn run(case: &Case<'_>) -> Check {
    let check = RECOGNISERS.iter().find_map(|recognise| recognise(case));
    check.map_or_else(
        || Err(skipped("no kind of vector has these members")),
        |check| check(case),
    )
}

/// What runs one kind of vectors.
type Runner = fn(&Case<'_>) -> Check;

/// What finds out whether a vector is of a module's kinds.
type Recogniser = fn(&Case<'_>) -> Option<Runner>;

/// All modules; the first that recognises a vector runs it.
const RECOGNISERS: [Recogniser; 11] = [
    jose::recognise,
    didcomm::recognise,
    did::recognise,
    mediation::recognise,
    out_of_band::recognise,
    pickup::recognise,
    routing::recognise,
    service::recognise,
    problem::recognise,
    thread::recognise,
    protocol::recognise,
];

/// Reads a plaintext message of a vector.
fn plaintext(message: &Value) -> Result<Plaintext, Stop> {
    try_to("read the message", Plaintext::from_value(message.clone()))
}
