//! did:webvh 1.0: which addresses its log and its witness proofs are at.
//!
//! Reading the log itself is not implemented yet.

use crate::Did;
use crate::web::{Location, WebUrl, WebUrlError};

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
    if scid.len() != SCID_CHARACTERS || !scid.bytes().all(is_base58) {
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

fn is_base58(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() && !b"0OIl".contains(&octet)
}

/// A SHA-256 multihash in base58.
const SCID_CHARACTERS: usize = 46;

#[cfg(test)]
mod tests;
