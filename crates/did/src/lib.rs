//! DIDs, DID documents and the methods Comity reads and makes, without I/O.
//!
//! Nothing here opens a socket: what needs the network is turned into an address to fetch
//! ([`web::url`], [`webvh::url`]), and what was fetched is read with [`DidDocument::parse`] or, if it
//! is a did:webvh's log, verified by [`webvh::Log`]. DIDs that carry their document in themselves are
//! resolved on the spot by [`resolve_offline`].
//!
//! The three types that matter:
//!
//! - [`Did`] and [`DidUrl`]: names. A value that exists is well formed and bounded.
//! - [`DidDocument`]: a subject's keys, each with what it is authorised for, and its services. It
//!   comes from a stranger, so that everything in it is bounded ([`limits`]) and whatever isn't
//!   understood authorises nothing.
//! - [`DocumentBuilder`]: the document of an agent of ours.
//!
//! ```
//! use comity_did::{Did, Relationship, make_peer2, resolve_offline};
//! use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
//! use serde_json::json;
//!
//! let signing = SigningKey::generate(&SystemEntropy);
//! let agreement = AgreementKey::generate(&SystemEntropy);
//! let service = json!({
//!     "type": "DIDCommMessaging",
//!     "serviceEndpoint": {"uri": "https://agents.org-a.com/didcomm"},
//! });
//! let did: Did = make_peer2(signing.public(), agreement.public(), &[service]);
//!
//! let document = resolve_offline(&did).expect("did:peer needs no network")?;
//! let kid = did.with_fragment("key-2")?;
//! assert_eq!(document.key(&kid, Relationship::KeyAgreement), Some(agreement.public()));
//! assert_eq!(document.key(&kid, Relationship::Authentication), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Specifications
//! DID Core 1.1 and DID Resolution (working drafts), did:key 0.9, did:peer (numalgo 0, 2, 3 and 4),
//! did:jwk, did:web, did:webvh 1.0, and the service blocks of DIDComm v2.1. Not read: did:peer numalgo
//! 1.

mod builder;
mod did;
mod did_url;
mod document;
mod handle;
mod jwk;
mod key;
pub mod limits;
mod method;
mod multihash;
pub mod peer;
mod relationship;
mod resolve;
mod service;
mod syntax;
pub mod web;
pub mod webvh;

pub use builder::{DocumentBuilder, LogService};
pub use did::Did;
pub use did_url::DidUrl;
pub use document::{DidDocument, DocumentError};
pub use handle::{HandleError, check_name};
pub use key::make_key;
pub use method::VerificationMethod;
pub use peer::make_peer2;
pub use relationship::Relationship;
pub use resolve::{ResolveError, resolve_offline};
pub use service::{Endpoint, Service, ServiceError, Target};
pub use syntax::DidSyntaxError;
