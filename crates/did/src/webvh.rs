//! did:webvh 1.0: a DID whose document has a history that anybody can verify.
//!
//! The history is a log of entries, each the document at that time, chained by hashes to the first
//! entry, whose hash is in the DID itself, and signed by keys that the entry before it (or, with
//! pre-rotation, its promise) named. Whoever serves the log can withhold its end, nothing else; with
//! stolen keys somebody could make another end, which witnesses, if the DID has them, would not
//! approve.
//!
//! Nothing here fetches or reads a clock. The order of things:
//!
//! ```text
//! url(did) ──fetch log──▶ Log::verify ──needs_witness_proofs?──fetch──▶ Log::into_history
//!                                                                            │
//!                                              Resolution ◀── History::resolve(query)
//! ```
//!
//! A log whose end can't be verified still answers for the versions before it, if one of them is
//! asked for; for the present document it is refused ([`History::resolve`]).
//!
//! # Spec
//! did:webvh 1.0; conformance VH-01 to VH-11.

mod entry;
mod error;
mod history;
mod log;
mod parameters;
mod proof;
mod query;
mod time;
mod witness;

pub use error::{EntryError, LogError, ProofError, ResolutionError};
pub use history::{History, Metadata, Resolution, Version};
pub use log::Log;
pub use parameters::{Parameters, WitnessList};
pub use query::Query;
pub use time::VersionTime;

use crate::web::{Location, WebUrl, WebUrlError};
use crate::{Did, limits};

/// What a did:webvh says about where its history is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebvhUrl {
    /// The self-certifying identifier: 46 characters of base58.
    pub scid: String,
    /// The address of the log, `did.jsonl`.
    pub log: WebUrl,
    /// The address of the witness proofs beside it, `did-witness.json`.
    pub witness: WebUrl,
}

/// Maps a did:webvh to the addresses of its log and its witness proofs.
///
/// # Errors
/// [`WebUrlError`] if the DID is of another method, or names what must not be fetched.
///
/// # Spec
/// did:webvh 1.0 §"Method-Specific Identifier", §"DID-to-HTTPS Transformation"; conformance VH-01,
/// VH-02.
pub fn url(did: &Did) -> Result<WebvhUrl, WebUrlError> {
    if did.method() != "webvh" {
        return Err(WebUrlError::Method { expected: "webvh" });
    }
    let (scid, rest) = did
        .method_specific_id()
        .split_once(':')
        .ok_or(WebUrlError::Host)?;
    if !is_multihash(scid) {
        return Err(WebUrlError::Scid);
    }
    let location = Location::read(rest)?;
    if !location.host.contains('.') {
        return Err(WebUrlError::Host);
    }
    Ok(WebvhUrl {
        scid: scid.to_owned(),
        log: location.url_of("did.jsonl"),
        witness: location.url_of("did-witness.json"),
    })
}

/// Whether a text has the form of a SHA-256 multihash in base58.
fn is_multihash(text: &str) -> bool {
    let is_base58 = |octet: u8| octet.is_ascii_alphanumeric() && !b"0OIl".contains(&octet);
    text.len() == limits::MULTIHASH_CHARACTERS && text.bytes().all(is_base58)
}

/// The one version of the method that is read.
const METHOD: &str = "did:webvh:1.0";

#[cfg(test)]
mod tests;
