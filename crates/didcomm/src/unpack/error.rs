//! Why a message is refused.

use comity_did::{Did, DidUrl};
use comity_jose::json::JsonError;
use comity_jose::jwe::JweError;
use comity_jose::jws::JwsError;

use crate::protocols::BodyError;
use crate::{PlaintextError, ProblemCode};

/// Why a message is refused. For the operator: whoever sent it learns nothing from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// `from`, `to`, signer, sender and recipient contradict one another.
    #[error("message is addressed inconsistently")]
    Addressing(#[from] AddressingError),
    /// Our key and the keys of the envelope do not agree on a secret (JWE-13, JWE-14).
    #[error("keys do not agree on a secret")]
    Agreement,
    /// A forward to ourselves that holds no envelope, or several (RTE-05).
    #[error("forward to the recipient itself is refused")]
    Forward(#[source] BodyError),
    /// The claim to be somebody known before is wrong.
    #[error("rotation of the sender is refused")]
    FromPrior(#[from] FromPriorError),
    /// Not JSON as we read it.
    #[error("message is not readable json")]
    Json(#[source] JsonError),
    /// The envelope breaks a rule.
    #[error("envelope is refused")]
    Jwe(#[from] JweError),
    /// The signature breaks a rule or does not verify.
    #[error("signed message is refused")]
    Jws(#[from] JwsError),
    /// A key id is not an absolute DID URL with fragment (JWS-05, JWE-09).
    #[error("{0} is not a DID URL with a fragment")]
    KeyId(&'static str),
    /// Layers in an order that no sender may use (ENV-04).
    #[error("layers are nested in a forbidden order")]
    Nesting,
    /// None of the recipients' keys is ours (JWE-32).
    #[error("message is not for a key held here")]
    NoKey,
    /// Our key does not open the envelope. Nothing more is known (JWE-15).
    #[error("envelope does not open")]
    Open,
    /// An answer that was not asked for: a mistake of the caller.
    #[error("unpacking was answered out of turn")]
    OutOfTurn,
    /// The message itself breaks a rule.
    #[error("plaintext is refused")]
    Plaintext(#[source] PlaintextError),
    /// The recipients' keys are of several DIDs (JWE-08).
    #[error("recipients are keys of several DIDs")]
    SeveralRecipients,
    /// `typ` contradicts the structure (ENV-06).
    #[error("typ names another format than the structure shows")]
    Typ,
    /// The key is not in the relationship that its use needs (ADR-05, JWS-07, JWE-25).
    #[error("{kid} is not authorised in its document")]
    Unauthorized {
        /// The key.
        kid: DidUrl,
    },
    /// A document could not be had (JWE-26).
    #[error("{did} does not resolve")]
    Unresolved {
        /// Whose.
        did: Did,
    },
    /// No signature where one is to be checked.
    #[error("message is not signed")]
    Unsigned,
}

/// Which of the parties contradict one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressingError {
    /// `from` is another DID than the one whose key encrypted (ADR-01).
    #[error("from is not the authcrypt sender")]
    FromIsNotSender,
    /// `from` is another DID than the one whose key signed (ADR-03).
    #[error("from is not the signer")]
    FromIsNotSigner,
    /// A signed or authcrypted message without `from` (MSG-08, ADR-03).
    #[error("message has no from")]
    NoFrom,
    /// `to` does not name the DID whose key opened the envelope (ADR-02, ENV-08).
    #[error("to does not name the recipient")]
    RecipientNotInTo,
    /// The envelopes inside one another are for different DIDs of ours.
    #[error("envelopes are for different recipients")]
    RecipientsDiffer,
    /// The signer is another DID than the one whose key encrypted (ENV-03).
    #[error("signer is not the authcrypt sender")]
    SignerIsNotSender,
}

/// Why a rotation is refused. It then never yields the rights of the old DID (ROT-10).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FromPriorError {
    /// The claims are not JSON as we read it, or not the ones there must be (ROT-01).
    #[error("claims are missing or of another type")]
    Claims,
    /// Not a compact JWS that we accept, or it does not verify.
    #[error("token is refused")]
    Jws(#[source] JwsError),
    /// The token's `typ` is not `JWT`, or its key id is no DID URL (ROT-01).
    #[error("token header is refused")]
    Header,
    /// Signed by a key of another DID than the prior one (ROT-04).
    #[error("token is not signed by the prior DID")]
    ForeignKey,
    /// Carried by a message that is not encrypted (ROT-02).
    #[error("token is not carried in an encrypted message")]
    NotEncrypted,
    /// From a DID to itself (ROT-03).
    #[error("token rotates a DID to itself")]
    SameDid,
    /// The new DID is not the sender of the message (ROT-03, ROT-09).
    #[error("token does not name the sender")]
    Subject,
    /// Not valid yet, or not any more (ROT-05).
    #[error("token is not valid now")]
    Time,
    /// The key is not authorised in the prior DID's document (ROT-04).
    #[error("key is not authorised by the prior DID")]
    Unauthorized,
    /// Nobody is proved to have sent the message, so that anybody could repeat the token (ROT-02).
    #[error("token is carried by a message that proves no sender")]
    Unproved,
}

/// The kind of a refusal, for counters and problem reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// `from`, `to`, `skid` and `kid` disagree.
    Addressing,
    /// Curve, unwrapping, tag or signature.
    Crypto,
    /// A DID does not resolve.
    Did,
    /// The rotation is wrong.
    FromPrior,
    /// Shape, base64url or header rules.
    Malformed,
    /// Nothing is addressed to us.
    NoKey,
    /// A key outside the relationship that it is used for.
    UnauthorizedKey,
    /// An algorithm, a critical header or compression.
    Unsupported,
}

impl UnpackError {
    /// The kind of the refusal.
    pub fn class(&self) -> Class {
        match self {
            Self::Addressing(_) => Class::Addressing,
            Self::Agreement | Self::Open => Class::Crypto,
            Self::FromPrior(_) => Class::FromPrior,
            Self::Jwe(error) => jwe_class(error),
            Self::Jws(error) => jws_class(error),
            Self::NoKey => Class::NoKey,
            Self::Unauthorized { .. } => Class::UnauthorizedKey,
            Self::Unresolved { .. } => Class::Did,
            Self::Forward(_)
            | Self::Json(_)
            | Self::KeyId(_)
            | Self::Nesting
            | Self::OutOfTurn
            | Self::Plaintext(_)
            | Self::SeveralRecipients
            | Self::Typ
            | Self::Unsigned => Class::Malformed,
        }
    }

    /// Whether the same octets may be accepted later: only a document was missing.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unresolved { .. })
    }

    /// The stable name of the refusal in logs, metrics and `problem+json`.
    pub fn code(&self) -> &'static str {
        self.class().code()
    }
}

impl Class {
    /// The name that test vectors and logs use, after `unpack.`.
    pub fn name(self) -> &'static str {
        self.code()
            .strip_prefix("unpack.")
            .expect("every code starts with the operation")
    }

    /// The stable name of the refusal in logs, metrics and `problem+json`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Addressing => "unpack.addressing",
            Self::Crypto => "unpack.crypto",
            Self::Did => "unpack.did",
            Self::FromPrior => "unpack.from-prior",
            Self::Malformed => "unpack.malformed",
            Self::NoKey => "unpack.no-key",
            Self::UnauthorizedKey => "unpack.unauthorized-key",
            Self::Unsupported => "unpack.unsupported",
        }
    }

    /// The code of a problem report about it, for a peer that is known by other means (PRB-09).
    ///
    /// # Security
    /// Never to somebody unauthenticated (PRB-08).
    pub fn problem_code(self) -> ProblemCode {
        let code = match self {
            Self::Crypto => "e.m.trust.crypto",
            Self::Addressing | Self::FromPrior | Self::UnauthorizedKey => "e.m.trust",
            Self::Did => "e.m.did",
            Self::Malformed | Self::NoKey | Self::Unsupported => "e.m.msg",
        };
        code.parse()
            .expect("the codes of this table are well formed")
    }
}

fn jwe_class(error: &JweError) -> Class {
    match error {
        JweError::Algorithm | JweError::Extension(_) => Class::Unsupported,
        JweError::EphemeralKey(_) => Class::Crypto,
        _ => Class::Malformed,
    }
}

fn jws_class(error: &JwsError) -> Class {
    match error {
        JwsError::Algorithm | JwsError::Extension(_) | JwsError::SeveralSignatures => {
            Class::Unsupported
        }
        JwsError::Signature(_) => Class::Crypto,
        _ => Class::Malformed,
    }
}
