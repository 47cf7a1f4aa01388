//! Other people's DIDComm implementations behind one shape: for tests in both directions, and to
//! be measured beside ours.
//!
//! - [`Didcomm`]: crate `didcomm` (SICPA). Resolves keys and documents itself, on every call.
//! - [`Affinidi`]: crate `affinidi-messaging-didcomm`. Takes parsed keys; its caller says which.
//! - [`DidcommPython`]: PyPI `didcomm`, as a program that is asked.
//! - [`DidcommNode`]: npm `didcomm-node`, the same.
//!
//! All are prepared once with the [`Party`] that they act for and those that it knows. Nothing
//! here ships. What a peer cannot do is [`PeerError::Unsupported`], never a different envelope.
//!
//! ```
//! use comity_jose::{AgreementKey, SystemEntropy};
//! use comity_peers::{Affinidi, Didcomm, Expect, Packing, Party, Peer};
//! use serde_json::json;
//!
//! let jwk = || {
//!     let key = AgreementKey::generate(&SystemEntropy);
//!     serde_json::from_str(&key.to_secret_jwk()).expect("a JWK is JSON")
//! };
//! let aria = Party::new("did:example:aria").agreement("did:example:aria#1", jwk());
//! let bruno = Party::new("did:example:bruno").agreement("did:example:bruno#1", jwk());
//!
//! let plaintext = json!({"id": "1", "typ": "application/didcomm-plain+json",
//!     "type": "https://example.org/hello/1.0/hello", "from": "did:example:aria",
//!     "to": ["did:example:bruno"], "body": {"text": "hello"}});
//! let packing = Packing::authcrypt("did:example:aria#1", "did:example:bruno");
//! let sender = Didcomm::new(&aria, &[&bruno])?;
//! let envelope = sender.pack(&Didcomm::message(&plaintext)?, &packing)?;
//!
//! let recipient = Affinidi::new(&bruno, &[&aria])?;
//! let expect = Expect {
//!     recipient: Some("did:example:bruno#1"),
//!     sender: Some("did:example:aria#1"),
//!     signer: None,
//! };
//! let opened = recipient.unpack(&envelope, &expect)?;
//! assert_eq!(Affinidi::plaintext(&opened.message)?["body"]["text"], "hello");
//! assert_eq!(opened.sender.as_deref(), Some("did:example:aria#1"));
//! # Ok::<(), comity_peers::PeerError>(())
//! ```

mod affinidi;
mod didcomm;
mod packing;
mod party;
mod program;

pub use affinidi::Affinidi;
pub use didcomm::Didcomm;
pub use packing::{Expect, Forwarded, Opened, Packing, Prior};
pub use party::{Endpoint, Key, Party};
pub use program::{DidcommNode, DidcommPython, Node, Program, Programmed, Python};

use serde_json::Value;

/// An implementation, prepared for one party.
pub trait Peer: Sized {
    /// How it is called in a report.
    const NAME: &'static str;

    /// A message in the peer's own type.
    type Message;

    /// Prepares the peer for `me`, who knows `others`. Private keys of theirs that are at hand are
    /// used too: one program may act for several DIDs.
    ///
    /// # Errors
    /// [`PeerError`] for keys that the peer cannot read at all. Keys on curves that it merely
    /// does not know are left out. [`PeerError::NotInstalled`].
    fn new(me: &Party, others: &[&Party]) -> Result<Self, PeerError>;

    /// Reads a message from its JSON.
    ///
    /// # Errors
    /// [`PeerError::Failed`].
    fn message(plaintext: &Value) -> Result<Self::Message, PeerError>;

    /// The JSON of a message.
    ///
    /// # Errors
    /// [`PeerError::Failed`].
    fn plaintext(message: &Self::Message) -> Result<Value, PeerError>;

    /// Packs a message.
    ///
    /// # Errors
    /// [`PeerError::Unsupported`] if the peer has nothing of the kind.
    fn pack(&self, message: &Self::Message, packing: &Packing<'_>) -> Result<String, PeerError>;

    /// Unpacks an envelope.
    ///
    /// # Errors
    /// [`PeerError::Failed`] with the peer's own words.
    fn unpack(
        &self,
        envelope: &str,
        expect: &Expect<'_>,
    ) -> Result<Opened<Self::Message>, PeerError>;

    /// Opens a forward, as the mediator that holds `recipient`.
    ///
    /// # Errors
    /// [`PeerError`].
    fn open_forward(&self, envelope: &str, recipient: &str) -> Result<Forwarded, PeerError>;
}

/// Why a peer did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The peer refuses, in its own words.
    #[error("{peer} refuses: {words}")]
    Failed {
        /// Which.
        peer: &'static str,
        /// What it says.
        words: String,
    },
    /// A key that the party does not have, or whose private part it does not hold.
    #[error("no key {0}")]
    NoKey(String),
    /// The peer is a program that is not there.
    #[error("run {setup} first")]
    NotInstalled {
        /// What installs it.
        setup: &'static str,
    },
    /// The peer has nothing of the kind.
    #[error("{peer} has no {what}")]
    Unsupported {
        /// Which.
        peer: &'static str,
        /// What is missing.
        what: String,
    },
}
