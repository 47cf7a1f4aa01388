//! What a mediator does with a forward.

use comity_did::DidUrl;
use serde_json::Value;

use super::Forwarded;
use crate::Plaintext;
use crate::protocols::BodyError;

/// What a mediator does with a forward. There is no acknowledgement among it: a mediator gives none,
/// whatever `please_ack` says (RTE-07).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relay {
    /// Nothing: its time is over (RTE-06).
    Drop,
    /// Keeps the payloads for the recipient or hands them on, octet by octet as they are (RTE-04).
    Pass {
        /// The recipient, as it was registered.
        to: DidUrl,
        /// Each is kept, and taken from the queue, on its own.
        payloads: Vec<Vec<u8>>,
        /// How long the sender would have it wait, in milliseconds: up to the absolute value, drawn
        /// at random, if negative. No mediator has to (RTE-06).
        delay_milli: Option<i64>,
    },
    /// Nothing, for this reason. Who sent it is not known, so that nobody is told.
    Refuse(Refusal),
}

/// Why a forward is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue of its recipient has no room for it.
    #[error("the queue of the recipient is full")]
    Full,
    /// It is no forward, or carries something else than envelopes (RTE-08).
    #[error("it is not a forward of envelopes")]
    Malformed(#[from] BodyError),
    /// Nobody registered `next` here (RTE-04).
    #[error("its next hop is not registered here")]
    UnknownNext,
}

/// A registered recipient, and how much its queue can still take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The recipient, as it was registered.
    pub recipient: DidUrl,
    /// Messages.
    pub messages: usize,
    /// Octets.
    pub bytes: usize,
}

/// Decides about a forward. `now` is in UTC seconds; `room` finds the recipient that `next` names,
/// see [`is_for`], if it was registered and not removed since (MED-05).
///
/// Rates, which need a memory of who sent what from where, are the host's (RTE-08).
pub fn relay(message: &Plaintext, now: u64, room: impl Fn(&DidUrl) -> Option<Room>) -> Relay {
    let Forwarded { next, payloads } = match Forwarded::read(message) {
        Ok(forwarded) => forwarded,
        Err(error) => return Relay::Refuse(error.into()),
    };
    if message.expires_time.is_some_and(|expires| expires <= now) {
        return Relay::Drop;
    }
    let Some(room) = room(&next) else {
        return Relay::Refuse(Refusal::UnknownNext);
    };
    let bytes: usize = payloads.iter().map(Vec::len).sum();
    if payloads.len() > room.messages || bytes > room.bytes {
        return Relay::Refuse(Refusal::Full);
    }
    Relay::Pass {
        to: room.recipient,
        payloads,
        delay_milli: message.extra.get("delay_milli").and_then(Value::as_i64),
    }
}

/// Whether what was registered covers `next`: the same name, in whatever form of its DID, or a DID
/// that `next` is or names a key of. A did:key is covered by the name of its key as well (interop
/// trap 39).
pub fn is_for(registered: &DidUrl, next: &DidUrl) -> bool {
    let is_did = registered.fragment().is_none() || registered.did().method() == "key";
    is_same(registered, next) || is_did && registered.did().same_subject(next.did())
}

/// Whether both cover something, see [`is_for`]. Of two accounts only one may have registered such
/// names, or it depends on the mediator's search which of them gets the messages.
pub fn overlap(one: &DidUrl, other: &DidUrl) -> bool {
    is_for(one, other) || is_for(other, one)
}

/// Whether both are one name: the same text, or the same in two forms of one DID.
pub(in crate::protocols) fn is_same(one: &DidUrl, other: &DidUrl) -> bool {
    let is_rest_same = one.path() == other.path()
        && one.query() == other.query()
        && one.fragment() == other.fragment();
    is_rest_same && one.did().same_subject(other.did())
}

#[cfg(test)]
mod tests;
