//! DIDComm v2.1 messages: pack, unpack and the small protocols, without I/O.
//!
//! Octets, documents and the time come in as values; messages, and requests for what is missing, go
//! out as values. No socket, clock, store or resolver is touched, so all of this runs the same in
//! a node, in an SDK and in a test.
//!
//! What it does not do: it grants nothing and remembers nothing. Whether a proved sender may say
//! what it says, whether a message came before, and whether it is fresh, is decided above.
//!
//! - [`Plaintext`]: a message, checked in every rule that needs no context.
//! - [`signing_input`], [`anoncrypt`], [`authcrypt`]: packing, with the private keys elsewhere if
//!   need be.
//! - [`Unpack`]: unpacking as a machine that asks ([`Step`]) and enforces all consistency rules;
//!   what comes out is [`Received`] with its [`Proof`].
//!
//! ```
//! use comity_did::{DidUrl, make_key, resolve_offline};
//! use comity_didcomm::{MessageId, MessageType, Plaintext, Proof, UnpackOptions};
//! use comity_didcomm::{agreement_targets, anoncrypt, media_type, sign, unpack_offline};
//! use comity_jose::{SigningKey, SystemEntropy, jwe::Enc};
//!
//! let (aria, bruno) = (SigningKey::generate(&SystemEntropy), SigningKey::generate(&SystemEntropy));
//! let (from, to) = (make_key(aria.public()), make_key(bruno.public()));
//! let kid = from.with_fragment(from.method_specific_id())?;
//! let recipient = resolve_offline(&to).expect("did:key needs no network")?;
//!
//! let id = MessageId::generate(&SystemEntropy);
//! let mut message = Plaintext::new(id, MessageType::parse("https://example.org/hello/1.0/hello")?);
//! message.from = Some(from);
//! message.to = vec![to];
//! let signed = sign(&aria, &kid, &message.to_octets());
//! let octets = signed.as_bytes();
//! let sealed = anoncrypt(&SystemEntropy, &recipient, Enc::A256Gcm, octets, media_type::ENCRYPTED)?;
//!
//! let key = bruno.to_agreement().expect("the key is on Ed25519");
//! let (our_kid, _) = agreement_targets(&recipient).remove(0);
//! let keys = |kid: &DidUrl| (*kid == our_kid).then_some(&key);
//! let options = UnpackOptions::default();
//! let received = unpack_offline(sealed.as_bytes(), &keys, &|_| None, &options)?;
//! assert_eq!(received.proof, Proof::Anyone { kid, key: aria.public().clone() });
//! assert_eq!(received.plaintext, message);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Specification: DIDComm Messaging v2.1. Rule numbers such as ADR-02 are those of the conformance
//! checklist.

mod id;
mod message_type;
mod pack;
mod party;
mod plaintext;
mod rotate;
mod unpack;

#[doc(inline)]
pub use comity_did as did;
#[doc(inline)]
pub use comity_jose as jose;

pub mod ack;
pub mod media_type;
pub mod problem;
pub mod protocols;

pub use id::{MessageId, MessageIdError};
pub use message_type::{MessageType, MessageTypeError, ProtocolUri, Version};
pub use pack::{
    PackError, agreement_targets, agreement_targets_on, anoncrypt, anoncrypt_to, authcrypt, sign,
    signing_input, signing_input_for,
};
pub use party::{Packing, Party, PartyError, Protection};
pub use plaintext::{
    Attachment, AttachmentError, ContentError, ContentSigner, Data, Plaintext, PlaintextError,
    PleaseAck, ReturnRoute,
};
pub use problem::{ProblemCode, ProblemReport};
pub use rotate::rotation_input;
pub use unpack::{
    AddressingError, Claim, Class, FromPrior, FromPriorError, Layer, Proof, Received,
    SignedEvidence, Step, Unpack, UnpackError, UnpackOptions, Warning, unpack_offline,
};
