//! did:peer: DIDs for use between two parties, their document inside.
//!
//! Three kinds are read: numalgo 0 (one key, as did:key), 2 (keys and services one after the other)
//! and 4 (a whole document). Kinds 2 and 4 have a second, short form that is a hash of the first;
//! both name the same subject. [`canonical`] is what to compare.

mod four;
mod two;

use crate::resolve::ResolveError;
use crate::{Did, DidDocument, key};

pub use two::make_peer2;

/// Returns the one form of a DID by which subjects are compared: the short form of a did:peer:4
/// (if its hash is right) or of a did:peer:2, every other DID as it is.
///
/// # Spec
/// did:peer §"Method 3", §"Method 4"; conformance ADR-04.
pub fn canonical(did: &Did) -> Did {
    short_form(did).unwrap_or_else(|| did.clone())
}

/// Returns the short form of a long did:peer:4, or the did:peer:3 of a did:peer:2.
///
/// `None` for all other DIDs, and for a did:peer:4 whose hash isn't that of its document.
pub fn short_form(did: &Did) -> Option<Did> {
    match numalgo(did)? {
        ("2", rest) => Some(two::alias(rest)),
        ("4", rest) => four::short_form(rest).ok(),
        _ => None,
    }
}

/// Resolves the short form of a DID whose long form has been seen before: the document has the
/// short form as its id and knows keys by either.
///
/// # Errors
/// [`ResolveError::LongFormNeeded`] if `long` is not the long form of `short`; whatever resolving
/// the long form may end with.
///
/// # Spec
/// did:peer §"Method 4"; conformance PEER-4c.
pub fn resolve_short_form(short: &Did, long: &Did) -> Result<DidDocument, ResolveError> {
    match (numalgo(short), numalgo(long)) {
        _ if short_form(long).as_ref() != Some(short) => Err(ResolveError::LongFormNeeded),
        (Some(("4", _)), Some(("4", rest))) => four::document(short, long, rest),
        (Some(("3", _)), Some(("2", rest))) => two::document(short, long, rest),
        _ => Err(ResolveError::LongFormNeeded),
    }
}

/// Resolves a did:peer that holds its document.
pub(crate) fn resolve(did: &Did) -> Result<DidDocument, ResolveError> {
    match numalgo(did) {
        Some(("0", multikey)) => key::document(did, multikey),
        Some(("2", rest)) => two::document(did, &two::alias(rest), rest),
        Some(("3", _)) => Err(ResolveError::LongFormNeeded),
        Some(("4", rest)) => four::document(did, &four::short_form(rest)?, rest),
        _ => Err(ResolveError::Numalgo),
    }
}

/// Splits a did:peer into its kind and what follows it.
fn numalgo(did: &Did) -> Option<(&str, &str)> {
    let is_peer = did.method() == "peer";
    is_peer
        .then(|| did.method_specific_id().split_at_checked(1))
        .flatten()
}

/// Writes the SHA-256 multihash of a text in multibase, as did:peer names things.
fn multihash(text: &str) -> String {
    format!("z{}", crate::multihash::sha256_base58(text.as_bytes()))
}

#[cfg(test)]
mod tests;
