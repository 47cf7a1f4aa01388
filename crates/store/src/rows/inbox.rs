//! Deliveries to agents of this node.

use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::{Code, InState, Timestamp, defaults};
use comity_record::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message accepted for one agent of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incoming {
    /// Delivery id, `d_…`; unique in this store.
    pub delivery: String,
    /// Our agent.
    pub recipient: Did,
    /// The proved sender.
    pub sender: Did,
    /// The message's id, lower-cased.
    pub id: MessageId,
    /// The message's digest; its octets are kept under it.
    pub digest: Digest,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// Its thread.
    pub thid: MessageId,
    /// Its parent thread.
    pub pthid: Option<MessageId>,
    /// Its signed place in the thread; absent from foreign peers.
    pub order: Option<u64>,
    /// Order of acceptance in this store, ascending; set by [`crate::Inbox::put_incoming`] when 0.
    pub seq: u64,
    /// Where the delivery is.
    pub state: InState,
    /// The current lease's token, `l_…`.
    pub lease: Option<String>,
    /// Until when the lease holds.
    pub leased_until: Timestamp,
    /// Offers so far.
    pub attempt: u32,
    /// Not offered before this (after a `retry`).
    pub not_before: Timestamp,
    /// When it was accepted.
    pub received: Timestamp,
    /// When the message expires, UTC seconds.
    pub expires: u64,
    /// The grant that covered it.
    pub grant: Digest,
    /// The rule that let it in.
    pub rule: String,
    /// True if it proves its author to anyone, false if only to us.
    pub proof_anyone: bool,
    /// The key that proved it, a DID URL.
    pub kid: String,
    /// True if it is the first message accepted from this sender for this agent.
    pub first_contact: bool,
    /// The id of our message that waits for it as an answer; such a delivery is leased only by
    /// whoever asks for that answer.
    pub answer_to: Option<MessageId>,
    /// What its agent asked a person last, and what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

impl Incoming {
    /// True if later messages of its stream wait for it (invariant I6).
    #[must_use]
    pub const fn blocks(&self) -> bool {
        matches!(self.state, InState::Ready | InState::Leased)
    }

    /// True if it had all its attempts: since it came, or since its question was answered.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.tries() >= defaults::ATTEMPTS_MAX
    }

    /// Offers since it came, or since its question was answered.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        match &self.parked {
            Some(parked) => self.attempt.saturating_sub(parked.attempt),
            None => self.attempt,
        }
    }

    /// True until it is settled or given up.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        matches!(
            self.state,
            InState::Ready | InState::Leased | InState::Parked
        )
    }

    /// From when on it may be offered, as far as it alone decides: `None` while it is parked,
    /// settled, dead or kept for an asker, zero if it was never paused.
    ///
    /// What was never paused is due even if the clock went back since it came.
    #[must_use]
    pub fn due_from(&self) -> Option<Timestamp> {
        let due = match self.state {
            _ if self.answer_to.is_some() => return None,
            InState::Ready if self.not_before <= self.received => Timestamp::default(),
            InState::Ready => self.not_before,
            InState::Leased => self.leased_until.max(Timestamp::from_millis(1)),
            InState::Parked | InState::Settled | InState::Dead => return None,
        };
        Some(due)
    }

    /// When time moves it, UTC seconds. Expiry may end it while it is unsettled, and not before a
    /// lease on it is over; a parked one is offered again when its question's time is over.
    #[must_use]
    pub fn lapses(&self) -> Option<u64> {
        match self.state {
            InState::Ready => Some(self.expires),
            InState::Parked => {
                let until = self.parked.as_ref().map(|parked| parked.until);
                Some(until.unwrap_or(self.expires).min(self.expires))
            }
            InState::Leased => Some(self.expires.max(self.leased_until.seconds() + 1)),
            InState::Settled | InState::Dead => None,
        }
    }
}

/// A question of an agent to a person, and the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Which question of its delivery it is, from 1.
    pub number: u32,
    /// The question, as the agent wrote it.
    pub question: String,
    /// When it was asked, UTC seconds.
    pub asked: u64,
    /// Until when it may be answered, UTC seconds.
    pub until: u64,
    /// The attempt that asked.
    pub attempt: u32,
    /// What was said, once something was, or its time was over.
    pub reply: Option<ParkReply>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkReply {
    /// The answer; `None` if nobody answered in time.
    pub answer: Option<Value>,
    /// Who answered, or the rule that ended the waiting.
    pub by: String,
    /// When, UTC seconds.
    pub at: u64,
}

/// The settlement of a delivery, kept so that repeating it gives the same result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The lease under which it was settled.
    pub lease: String,
    /// SHA-256 of the settlement as submitted.
    #[serde(with = "super::hex")]
    pub submitted: [u8; 32],
    /// `done`, `retry`, `park`, `pass` or `rejected` by the agent; what the node ended it as
    /// otherwise.
    pub outcome: String,
    /// The code of a rejection.
    pub code: Option<Code>,
    /// Ids of the messages that were sent with it.
    pub messages: Vec<MessageId>,
}

impl Outcome {
    /// What the node itself ended a delivery as. No settlement equals it.
    #[must_use]
    pub fn by_node(outcome: &str, code: Option<Code>) -> Self {
        Self {
            lease: String::new(),
            submitted: [0; 32],
            outcome: outcome.to_owned(),
            code,
            messages: Vec::new(),
        }
    }
}
