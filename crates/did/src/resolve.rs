//! Resolving the DIDs that carry their document in themselves.

use comity_jose::KeyError;
use comity_jose::json::JsonError;

use crate::{Did, DidDocument, DocumentError, jwk, key, peer};

/// Why a DID has no document here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The document in the DID is malformed.
    #[error("the document in the DID cannot be read")]
    Document(#[from] DocumentError),
    /// The DID is not encoded in the way of its method.
    #[error("the DID is not encoded as its method demands")]
    Encoding,
    /// The hash of a did:peer:4 is not that of its document.
    #[error("the hash in the DID is not the one of its document")]
    Hash,
    /// The JSON in the DID is malformed.
    #[error("the JSON in the DID cannot be read")]
    Json(#[from] JsonError),
    /// The key in the DID is none, or a private one.
    #[error("the key in the DID is not a public key")]
    Key(#[from] KeyError),
    /// The short form of a did:peer, whose long form must have been seen before.
    #[error("only the short form of the DID is known")]
    LongFormNeeded,
    /// A numalgo of did:peer that is not read: 1, or one that came later.
    #[error("the DID is a did:peer of an unsupported kind")]
    Numalgo,
    /// An element of a did:peer:2 with another purpose than A, D, E, I, S or V.
    #[error("an element of the DID has no known purpose")]
    Purpose,
    /// A service in a did:peer:2 that is no JSON object, or names a member twice.
    #[error("a service in the DID is malformed")]
    Service,
    /// A version of did:key that is not read.
    #[error("the DID names an unsupported version of its method")]
    Version,
}

impl ResolveError {
    /// Returns the error type of DID Resolution, without `https://www.w3.org/ns/did#`.
    ///
    /// # Spec
    /// DID Resolution §"Errors"; conformance DID-02.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LongFormNeeded => "NOT_FOUND",
            Self::Numalgo | Self::Version => "FEATURE_NOT_SUPPORTED",
            _ => "INVALID_DID",
        }
    }
}

/// Resolves a DID whose document follows from its text: did:key, did:peer (0, 2, long form of 4)
/// and did:jwk.
///
/// `None` for every other method: its document has to be fetched.
///
/// ```
/// # use comity_did::{Relationship, resolve_offline};
/// let did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".parse()?;
/// let document = resolve_offline(&did).expect("did:key needs no network")?;
/// assert_eq!(document.keys(Relationship::Authentication).count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve_offline(did: &Did) -> Option<Result<DidDocument, ResolveError>> {
    match did.method() {
        "jwk" => Some(jwk::resolve(did)),
        "key" => Some(key::resolve(did)),
        "peer" => Some(peer::resolve(did)),
        _ => None,
    }
}
