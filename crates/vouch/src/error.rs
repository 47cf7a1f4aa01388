//! Why a vouch counts for nothing. Every reason has its own variant, its own code, and words that
//! tell an operator what would have to change. The presenter is told the code at most.

use comity_did::Did;
use comity_engine::Code;
use comity_jose::json::JsonError;
use comity_jose::jws::JwsError;

use crate::limits;

/// Why a chain is refused, and which of its vouches is to blame.
#[derive(Debug, thiserror::Error)]
#[error("vouch {} of the chain", .link + 1)]
pub struct Refusal {
    /// The vouch, counted from the root, which is 0.
    pub link: usize,
    /// The reason.
    #[source]
    pub reason: VouchError,
}

/// Why a vouch or its status is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VouchError {
    /// The vouch does not name this verifier.
    #[error("the vouch is not meant for this agent")]
    Audience,
    /// No vouch at all, or more than [`limits::CHAIN_LINKS`].
    #[error("a chain has 1 to {} vouches, not {found}", limits::CHAIN_LINKS)]
    ChainLength {
        /// How many were presented.
        found: usize,
    },
    /// Somebody vouches for one who vouched before.
    #[error("the chain comes back to somebody who is in it already")]
    Cycle,
    /// A vouch that allows no further link has one.
    #[error("the vouch allows no further link")]
    Depth,
    /// `validUntil` has passed.
    #[error("the vouch expired")]
    Expired,
    /// The issuer's document does not list the key under `assertionMethod`.
    #[error("the key that signed the vouch is not one that its issuer makes claims with")]
    Key,
    /// Not a vouch in the form of ADR 8.
    #[error("the vouch is malformed")]
    Malformed(#[source] FormError),
    /// The issuer of the first vouch is honoured by nobody here.
    #[error("nobody here honours vouches of the one who made the first")]
    NotHonoured,
    /// The issuer of a vouch is not the subject of the one before.
    #[error("the vouch was not made by the subject of the one before it")]
    NotJoined,
    /// `validFrom` lies ahead.
    #[error("the vouch is not valid yet")]
    NotYet,
    /// The issuer took it back.
    #[error("the vouch was revoked")]
    Revoked,
    /// Nothing is left of what the chain and the verifier allow together.
    #[error("the vouches and what is honoured here have no message type in common")]
    Scope,
    /// The signature does not verify.
    #[error("the signature of the vouch does not verify")]
    Signature,
    /// `kid` is a key of somebody else.
    #[error("the vouch is signed in the name of somebody else than its issuer")]
    Signer,
    /// `validUntil` of the status list has passed.
    #[error("the status list expired")]
    StatusExpired,
    /// The list has no such index.
    #[error("the status list has no entry {index}")]
    StatusIndex {
        /// The index that the vouch names.
        index: u32,
    },
    /// The list is of, or signed by, somebody else than the vouch.
    #[error("the status list is not by the issuer of the vouch")]
    StatusIssuer,
    /// The issuer's document does not list the key under `assertionMethod`.
    #[error("the key that signed the status list is not one that its issuer makes claims with")]
    StatusKey,
    /// The list is another than the vouch names.
    #[error("the status list is another than the vouch names")]
    StatusList,
    /// Not a status list in the form of ADR 8.
    #[error("the status list is malformed")]
    StatusMalformed(#[source] FormError),
    /// No list was presented.
    #[error("the vouch came without its status list")]
    StatusMissing,
    /// The list is dated ahead.
    #[error("the status list is dated in the future")]
    StatusNotYet,
    /// The list does not tell of revocation.
    #[error("the status list has another purpose than revocation")]
    StatusPurpose,
    /// The signature does not verify.
    #[error("the signature of the status list does not verify")]
    StatusSignature,
    /// The list was signed too long ago.
    #[error("the status list was signed {age_s} seconds ago, more than the {limit_s} allowed here")]
    StatusStale {
        /// Seconds since it was signed.
        age_s: u64,
        /// Seconds allowed.
        limit_s: u64,
    },
    /// The last vouch is for somebody else than its presenter.
    #[error("the vouch is for somebody else than the one who presents it")]
    Subject,
    /// The chain has more links than the verifier honours from this root.
    #[error("the chain is longer than what is honoured from the one who made the first vouch")]
    TooFar,
    /// A document that is needed is not at hand.
    #[error("the DID document of {0} is not at hand")]
    Unresolved(Did),
    /// The vouch restricts in a way that this version does not know (formats §0).
    #[error("the vouch demands {0:?}, which this version does not understand")]
    Unsupported(String),
    /// All messages that the vouch is good for have been accepted.
    #[error("the vouch is used up")]
    UsedUp,
}

/// What of a credential is not as ADR 8 has it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// A member that could say otherwise than what is read here: a claim of JWT, terms of use.
    #[error("the credential has {0}, which a reader could go by instead")]
    Contradiction(&'static str),
    /// A member of the protected header is missing or another.
    #[error("{0} of the protected header is missing or another")]
    Header(&'static str),
    /// Not a compact JWS, or one with an algorithm or an extension that is not read.
    #[error("it is no compact JWS that can be read here")]
    Jws(#[source] JwsError),
    /// A member is missing, of another type or out of its bounds.
    #[error("{0} is missing, of another form or out of its bounds")]
    Member(&'static str),
    /// The payload is not JSON that is read here.
    #[error("the payload is not JSON that can be read here")]
    Json(#[source] JsonError),
    /// More octets than are carried.
    #[error("it has more than {limit} octets")]
    TooLong {
        /// The bound.
        limit: usize,
    },
}

impl Refusal {
    pub(crate) fn at(link: usize) -> impl Fn(VouchError) -> Self {
        move |reason| Self { link, reason }
    }
}

macro_rules! reasons {
    ($($variant:pat => $code:ident, $next:literal;)*) => {
        impl VouchError {
            /// The code of the table (formats §12).
            #[must_use]
            pub const fn code(&self) -> Code {
                match self { $($variant => Code::$code,)* }
            }

            /// What would have to change for the vouch to count, in words for an operator.
            #[must_use]
            pub const fn next(&self) -> &'static str {
                match self { $($variant => $next,)* }
            }
        }

        #[cfg(test)]
        const CODES: &[Code] = &[$(Code::$code),*];
    };
}

reasons! {
    Self::Audience => VOUCH_AUDIENCE,
        "its issuer has to name this agent, or this host, in the audience of a new vouch";
    Self::ChainLength { .. } => VOUCH_CHAIN_LENGTH,
        "the presenter has to show one to four vouches; somebody closer to them has to vouch if there are more";
    Self::Cycle => VOUCH_CYCLE,
        "the presenter has to leave out the vouches between the two appearances of the same DID";
    Self::Depth => VOUCH_DEPTH,
        "the issuer of this vouch has to make a new one with a greater depth, or vouch for the presenter directly";
    Self::Expired => VOUCH_EXPIRED,
        "its issuer has to make a new vouch";
    Self::Key => VOUCH_KEY,
        "its issuer has to sign with a key that their DID document lists under assertionMethod";
    Self::Malformed(_) => VOUCH_MALFORMED,
        "its issuer has to make the vouch with software that keeps to ADR 8";
    Self::NotHonoured => VOUCH_NOT_HONOURED,
        "an operator here has to honour vouches of the DID that made the first";
    Self::NotJoined => VOUCH_NOT_JOINED,
        "the presenter has to show the vouches in their order, from the root, and leave out none";
    Self::NotYet => VOUCH_NOT_YET,
        "wait until the vouch is valid; if it should be, compare the clocks of both sides";
    Self::Revoked => VOUCH_REVOKED,
        "its issuer took it back and would have to make a new one";
    Self::Scope => VOUCH_SCOPE,
        "a vouch of the chain has to name more protocols, or an operator here has to honour more of its root";
    Self::Signature => VOUCH_SIGNATURE,
        "the vouch was altered or is forged: ask its issuer for it again";
    Self::Signer => VOUCH_SIGNER,
        "its issuer has to sign with a key of their own DID";
    Self::StatusExpired => VOUCH_STATUS_EXPIRED,
        "the presenter has to fetch the issuer's newest status list and show that";
    Self::StatusIndex { .. } => VOUCH_STATUS_INDEX,
        "its issuer has to publish a status list that is long enough for the vouch";
    Self::StatusIssuer => VOUCH_STATUS_ISSUER,
        "the status list has to be made and signed by the issuer of the vouch itself";
    Self::StatusKey => VOUCH_STATUS_KEY,
        "its issuer has to sign the list with a key that their DID document lists under assertionMethod";
    Self::StatusList => VOUCH_STATUS_LIST,
        "the presenter has to show the list at the address that the vouch names";
    Self::StatusMalformed(_) => VOUCH_STATUS_MALFORMED,
        "its issuer has to make the status list with software that keeps to ADR 8";
    Self::StatusMissing => VOUCH_STATUS_MISSING,
        "the presenter has to show the status list of every vouch with it";
    Self::StatusNotYet => VOUCH_STATUS_NOT_YET,
        "compare the clocks of both sides: a status list can't be from the future";
    Self::StatusPurpose => VOUCH_STATUS_PURPOSE,
        "its issuer has to publish a status list whose purpose is revocation";
    Self::StatusSignature => VOUCH_STATUS_SIGNATURE,
        "the status list was altered or is forged: fetch it from the issuer again";
    Self::StatusStale { .. } => VOUCH_STATUS_STALE,
        "the presenter has to show a newer status list, or an operator here has to allow older ones";
    Self::Subject => VOUCH_SUBJECT,
        "whoever presents a chain has to be the subject of its last vouch";
    Self::TooFar => VOUCH_TOO_FAR,
        "an operator here has to honour longer chains from this root, or somebody closer has to vouch";
    Self::Unresolved(_) => VOUCH_UNRESOLVED,
        "the issuer's DID document has to be reachable; try again when it is";
    Self::Unsupported(_) => VOUCH_UNSUPPORTED,
        "this node has to be updated, or the issuer has to make a vouch without that demand";
    Self::UsedUp => VOUCH_USED_UP,
        "its issuer has to make a new vouch, or an operator here has to grant without one";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        let mut codes: Vec<_> = CODES.iter().map(Code::as_str).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        assert!(
            codes
                .iter()
                .all(|code| code.starts_with("e.p.trust.vouch-"))
        );
    }
}
