//! The kinds of vectors. Each module recognises its own by their members.

mod aead;
mod did;
mod did_document;
mod jose;
mod kdf;
mod protocol;
mod service;

use crate::case::{Case, Check, skipped};

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
const RECOGNISERS: [Recogniser; 4] = [
    jose::recognise,
    did::recognise,
    service::recognise,
    protocol::recognise,
];
