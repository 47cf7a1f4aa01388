//! Problem codes: one table for receipts, problem reports, API and logs (formats §12).

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A problem code in DIDComm's grammar: sorter, scope, descriptors; lower kebab-case, dots between.
///
/// # Spec
/// DIDComm v2.1 §"Problem Codes"; formats §12.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(Cow<'static, str>);

/// The text is not a problem code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a problem code: lower-case words of letters, digits and hyphens, joined by dots, at most 128 characters"
)]
pub struct CodeError;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($text));)*
            /// Every code of the table.
            pub const TABLE: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    /// No grant covers this sender and recipient.
    NO_GRANT = "e.p.trust.no-grant";
    /// A grant exists but not for this type.
    TYPE_NOT_GRANTED = "e.p.trust.type-not-granted";
    /// The grant was revoked.
    REVOKED = "e.p.trust.revoked";
    /// The grant is suspended until an operator decides.
    SUSPENDED = "e.p.trust.suspended";
    /// The grant's uses are used up.
    USED_UP = "e.p.trust.used-up";
    /// The operator denied the knock.
    DENIED = "e.p.trust.denied";
    /// Nobody decided on the knock in time.
    TIMEOUT = "e.p.trust.timeout";
    /// The answer to a knock grants more than was asked.
    WIDER_THAN_ASKED = "e.p.trust.wider-than-asked";
    /// The vouch is not meant for this agent.
    VOUCH_AUDIENCE = "e.p.trust.vouch-audience";
    /// There are too many vouches in the chain, or none.
    VOUCH_CHAIN_LENGTH = "e.p.trust.vouch-chain-length";
    /// The vouches lead in a circle.
    VOUCH_CYCLE = "e.p.trust.vouch-cycle";
    /// A vouch is passed on further than it allows.
    VOUCH_DEPTH = "e.p.trust.vouch-depth";
    /// The vouch expired.
    VOUCH_EXPIRED = "e.p.trust.vouch-expired";
    /// The vouch is signed with a key that is not for that.
    VOUCH_KEY = "e.p.trust.vouch-key";
    /// The vouch can't be read.
    VOUCH_MALFORMED = "e.p.trust.vouch-malformed";
    /// Nobody here honours vouches of that DID.
    VOUCH_NOT_HONOURED = "e.p.trust.vouch-not-honoured";
    /// A vouch is not by the subject of the one before.
    VOUCH_NOT_JOINED = "e.p.trust.vouch-not-joined";
    /// The vouch is not valid yet.
    VOUCH_NOT_YET = "e.p.trust.vouch-not-yet";
    /// The vouch was revoked.
    VOUCH_REVOKED = "e.p.trust.vouch-revoked";
    /// The vouches leave no message type.
    VOUCH_SCOPE = "e.p.trust.vouch-scope";
    /// The vouch was altered or is forged.
    VOUCH_SIGNATURE = "e.p.trust.vouch-signature";
    /// The vouch is signed by somebody else than its issuer.
    VOUCH_SIGNER = "e.p.trust.vouch-signer";
    /// The vouch's status list expired.
    VOUCH_STATUS_EXPIRED = "e.p.trust.vouch-status-expired";
    /// The vouch's status list is too short for it.
    VOUCH_STATUS_INDEX = "e.p.trust.vouch-status-index";
    /// The vouch's status list is by somebody else.
    VOUCH_STATUS_ISSUER = "e.p.trust.vouch-status-issuer";
    /// The vouch's status list is signed with a key that is not for that.
    VOUCH_STATUS_KEY = "e.p.trust.vouch-status-key";
    /// The vouch came with another status list than it names.
    VOUCH_STATUS_LIST = "e.p.trust.vouch-status-list";
    /// The vouch's status list can't be read.
    VOUCH_STATUS_MALFORMED = "e.p.trust.vouch-status-malformed";
    /// The vouch came without its status list.
    VOUCH_STATUS_MISSING = "e.p.trust.vouch-status-missing";
    /// The vouch's status list is dated in the future.
    VOUCH_STATUS_NOT_YET = "e.p.trust.vouch-status-not-yet";
    /// The vouch's status list is not about revocation.
    VOUCH_STATUS_PURPOSE = "e.p.trust.vouch-status-purpose";
    /// The vouch's status list was altered or is forged.
    VOUCH_STATUS_SIGNATURE = "e.p.trust.vouch-status-signature";
    /// The vouch's status list is too old.
    VOUCH_STATUS_STALE = "e.p.trust.vouch-status-stale";
    /// The vouch is for somebody else than its presenter.
    VOUCH_SUBJECT = "e.p.trust.vouch-subject";
    /// The chain of vouches is longer than is honoured here.
    VOUCH_TOO_FAR = "e.p.trust.vouch-too-far";
    /// The DID of a vouch's issuer can't be looked up.
    VOUCH_UNRESOLVED = "e.p.trust.vouch-unresolved";
    /// The vouch demands what this node does not know.
    VOUCH_UNSUPPORTED = "e.p.trust.vouch-unsupported";
    /// The vouch is used up.
    VOUCH_USED_UP = "e.p.trust.vouch-used-up";
    /// Another message already has this place in the order.
    ORDER_CONFLICT = "e.p.msg.order-conflict";
    /// A Comity message names exactly one recipient.
    SEVERAL_RECIPIENTS = "e.p.msg.several-recipients";
    /// The id was used for other content.
    ID_REUSED = "e.p.msg.id-reused";
    /// Nobody here handles this type.
    UNSUPPORTED_TYPE = "e.p.msg.unsupported-type";
    /// The message that a tombstone replaces was already accepted.
    ALREADY_RECEIVED = "e.m.msg.already-received";
    /// The agent did not settle the delivery in its attempts.
    ATTEMPTS_EXHAUSTED = "e.m.me.attempts-exhausted";
    /// The operator gave the delivery up.
    DROPPED = "e.m.me.dropped";
    /// The message expired.
    EXPIRED = "e.p.req.time";
    /// The inbox is full.
    FULL = "e.p.me.res.full";
    /// The message is larger than the recipient takes.
    TOO_LARGE = "e.p.me.res.too-large";
    /// The id is taken by a message with other content.
    ID_CONFLICT = "e.m.req.id-conflict";
    /// The lease is no longer current.
    LEASE_LOST = "e.m.req.lease-lost";
    /// No token, or one that is not known.
    NO_TOKEN = "e.m.req.no-token";
    /// The operator's role does not cover this act.
    NOT_ALLOWED = "e.m.req.not-allowed";
    /// Too many tries, or acts, in too short a time.
    TOO_MANY = "e.m.req.too-many";
    /// The request does not have the form the door reads.
    BAD_TYPE = "e.m.req.bad-type";
    /// There is no such thing.
    NOT_FOUND = "e.m.req.not-found";
    /// The Host header is not one of this door.
    HOST = "e.m.req.host";
    /// The Origin is foreign.
    ORIGIN = "e.m.req.origin";
    /// The peer's endpoint does not answer.
    UNREACHABLE = "e.p.xfer.unreachable";
    /// The peer's endpoint refused the envelope.
    XFER_REJECTED = "e.p.xfer.rejected";
    /// The peer's DID does not resolve.
    UNRESOLVED = "e.p.did.unresolved";
    /// The peer's keys are not a continuation of those pinned.
    NOT_CONTINUED = "e.p.did.not-continued";
}

impl Code {
    /// Parses a code. An agent's own text without a sorter gets `e.p.` put before it (formats §12).
    ///
    /// # Errors
    /// [`CodeError`] if the text is not in the grammar.
    pub fn from_agent(text: &str) -> Result<Self, CodeError> {
        if text.starts_with("e.") || text.starts_with("w.") {
            Self::try_from(text.to_owned())
        } else {
            Self::try_from(format!("e.p.{text}"))
        }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        let word = |w: &str| {
            !w.is_empty()
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let mut words = text.split('.');
        let sorter = words.next();
        let grammar = matches!(sorter, Some("e" | "w"))
            && text.len() <= 128
            && text.split('.').count() >= 2
            && text.split('.').all(word);
        if grammar {
            Ok(Self(Cow::Owned(text)))
        } else {
            Err(CodeError)
        }
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0.into_owned()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_is_in_the_grammar() {
        for code in Code::TABLE {
            assert_eq!(Code::try_from(code.to_string()).as_ref(), Ok(code));
        }
    }

    #[test]
    fn an_agents_code_without_sorter_becomes_an_error_of_the_protocol() {
        assert_eq!(
            Code::from_agent("out-of-stock").unwrap().as_str(),
            "e.p.out-of-stock"
        );
        assert!(Code::from_agent("Out of stock").is_err());
        assert!(Code::from_agent("").is_err());
    }
}
