//! What unpacking gives.

use std::fmt;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::{PublicKey, SignatureAlgorithm};

use crate::Plaintext;

/// A message whose layers and headers are consistent with one another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// The message.
    pub plaintext: Plaintext,
    /// The octets it was read from, for digests (formats.md §2).
    pub octets: Vec<u8>,
    /// Who can tell who wrote it.
    pub proof: Proof,
    /// The layers, from the outside in.
    pub layers: Vec<Layer>,
    /// Our key that opened the innermost envelope; `None` if there was none.
    pub recipient: Option<DidUrl>,
    /// The signature, for whoever has to be convinced later.
    pub signed: Option<SignedEvidence>,
    /// The document that the proof rests on.
    pub sender_document: Option<Arc<DidDocument>>,
    /// What must not be overlooked.
    pub warnings: Vec<Warning>,
    /// The rotation that the message announces; verified.
    pub from_prior: Option<FromPrior>,
}

impl Received {
    /// Whether an envelope was opened.
    pub fn is_encrypted(&self) -> bool {
        self.recipient.is_some()
    }

    /// The DID that is proved to have written the message, in the form in which it says so itself
    /// (`from`); `None` if nobody is proved. [`Received::proof`] says who else can tell.
    pub fn author(&self) -> Option<&Did> {
        self.proof.kid().and(self.plaintext.from.as_ref())
    }
}

/// Who can tell who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// Nobody: `from` is a claim (ENV-10).
    Nobody,
    /// We, and nobody else: authcrypt.
    Us {
        /// The sender's key agreement key.
        kid: DidUrl,
        /// That key.
        key: PublicKey,
    },
    /// Everybody: a signature.
    Anyone {
        /// The sender's authentication key.
        kid: DidUrl,
        /// That key.
        key: PublicKey,
    },
}

impl Proof {
    /// The key that proves it: its DID is the author's.
    pub fn kid(&self) -> Option<&DidUrl> {
        match self {
            Self::Nobody => None,
            Self::Us { kid, .. } | Self::Anyone { kid, .. } => Some(kid),
        }
    }
}

/// One sentence for people.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nothing is proved about who wrote it"),
            Self::Us { kid, .. } => write!(f, "proved to us only: encrypted by {kid}"),
            Self::Anyone { kid, .. } => write!(f, "proved to anyone: signed by {kid}"),
        }
    }
}

/// One layer around a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// Encrypted by nobody in particular.
    Anoncrypt {
        /// Our key that opened it.
        recipient: DidUrl,
    },
    /// Encrypted by a known key.
    Authcrypt {
        /// Our key that opened it.
        recipient: DidUrl,
        /// The sender's key.
        sender: DidUrl,
    },
    /// A forward to the recipient itself: what is inside came through a mediator that wrapped it once
    /// more (RTE-05).
    Forward {
        /// Whom the mediator wrapped it for.
        next: DidUrl,
    },
    /// Signed.
    Signed {
        /// The signer's key.
        signer: DidUrl,
    },
}

impl Layer {
    pub(super) fn is_forward(&self) -> bool {
        matches!(self, Self::Forward { .. })
    }
}

/// A verified signature with all that is needed to verify it again (JWS-12).
///
/// To convince somebody else hand over [`SignedEvidence::jws`]; they check it with
/// [`verify_signed`](crate::verify_signed) and a document that they have from a source of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedEvidence {
    /// The JWS as received.
    pub jws: Vec<u8>,
    /// Its protected header as received.
    pub protected_b64: String,
    /// Its payload as received.
    pub payload_b64: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// The algorithm.
    pub alg: SignatureAlgorithm,
    /// The media type it was signed as; absence is for the caller to judge (formats.md §1).
    pub typ: Option<String>,
    /// The key id, as received.
    pub kid: DidUrl,
}

/// Something about an accepted message that must not be overlooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// Its sender takes it for expired (TIM-02).
    Expired,
    /// Its `to` names others only, not whoever opened or reads it (ADR-02).
    RecipientNotInTo,
    /// It announces a rotation, which was not looked at
    /// ([`UnpackOptions::follow_rotations`](crate::UnpackOptions::follow_rotations)).
    RotationNotVerified,
}

impl Warning {
    /// The stable name of the warning.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::RecipientNotInTo => "recipient-not-in-to",
            Self::RotationNotVerified => "rotation-not-verified",
        }
    }
}

/// A verified rotation of the sender's DID (ROT-01).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FromPrior {
    /// The DID that the sender had.
    pub iss: Did,
    /// The DID that it has now; `None` ends the relationship (ROT-09).
    pub sub: Option<Did>,
    /// When it rotated, in UTC seconds.
    pub iat: u64,
    /// The key of the prior DID that signed.
    pub kid: DidUrl,
}
