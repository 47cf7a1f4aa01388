//! Messages of agents of this node, and what the node itself sends for them.

use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::defaults::WITHDRAWAL_GRACE;
use comity_engine::{Code, OutState, Proved, Timestamp, WaitingOn};
use comity_record::Digest;
use serde::{Deserialize, Serialize};

/// A message of ours to one peer, from submission to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Our agent.
    pub agent: Did,
    /// The message's id, unique for the agent.
    pub id: MessageId,
    /// Its digest; its octets are kept under it.
    pub digest: Digest,
    /// The recipient.
    pub to: Did,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// Its thread.
    pub thid: MessageId,
    /// What it is.
    pub kind: OutKind,
    /// Its signed place in the thread; absent for `contact/1.0`.
    pub order: Option<u64>,
    /// Order of submission in this store, ascending; set by [`crate::Outbox::put_outgoing`] when 0.
    pub seq: u64,
    /// Where it is.
    pub state: OutState,
    /// What it waits on while held.
    pub waiting_on: Option<WaitingOn>,
    /// The code it ended with, if any.
    pub code: Option<Code>,
    /// Why it failed or waits longer, in words for its own side.
    pub reason: Option<String>,
    /// Who ended it (`peer`, `node`, `agent`, `operator`).
    pub by: Option<String>,
    /// When it was submitted.
    pub created: Timestamp,
    /// When it expires, UTC seconds.
    pub expires: u64,
    /// Not handed over before this.
    pub next_attempt: Timestamp,
    /// Failed hand-overs so far.
    pub attempts: u32,
    /// The grant that covers it.
    pub grant: Option<Digest>,
    /// Why the agent wants to work with the recipient, for a knock.
    pub purpose: Option<String>,
    /// SHA-256 of what was submitted; other content under the same id is a conflict.
    #[serde(with = "super::hex")]
    pub submitted: [u8; 32],
    /// True if its agent asks: the first proved reply is kept for whoever waits for the answer.
    pub ask: bool,
    /// Delivery id of the answer.
    pub answer: Option<String>,
    /// How it ends if the recipient's node lets its tombstone take its place: `cancelled` or
    /// `expired`. Set while that is not known, because it may have been handed over.
    #[serde(default)]
    pub withdrawn: Option<OutState>,
    /// Each state with its time and proof, oldest first.
    pub history: Vec<History>,
}

/// One state that a message reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The state.
    pub state: OutState,
    /// When, UTC seconds.
    pub at: u64,
    /// Who says so (`node`, `peer`, `agent`, `operator`).
    pub by: String,
    /// What it rests on.
    pub proof: Proved,
}

/// What an outgoing message is to the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutKind {
    /// An agent's message.
    Message,
    /// A tombstone that takes the place of the message with this digest.
    Void(Digest),
    /// A knock, welcome, declined or ended; done when the peer's transport takes it.
    Contact,
}

impl Outgoing {
    /// True if later messages of its stream wait for it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.is_to_go() && self.kind != OutKind::Contact
    }

    /// From when on it may be handed over, as far as it alone decides: `None` unless it is
    /// queued and not withdrawn, zero if it was never paused.
    ///
    /// What was never paused is due even if the clock went back since it came.
    #[must_use]
    pub fn due_from(&self) -> Option<Timestamp> {
        self.is_to_go().then(|| match self.next_attempt {
            first if first <= self.created => Timestamp::default(),
            paused => paused,
        })
    }

    /// True if a reply would be its answer. What was done may still be answered: the receipt and
    /// the reply travel apart.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        let open = !self.state.is_end() || self.state == OutState::Done;
        self.ask && self.answer.is_none() && open
    }

    /// When this node ends it by itself, UTC seconds: at its expiry, and later if its tombstone
    /// may still tell what became of it.
    #[must_use]
    pub fn lapses(&self) -> u64 {
        match self.withdrawn {
            None => self.expires,
            Some(_) => self.expires + WITHDRAWAL_GRACE.as_secs(),
        }
    }

    /// Queued, and not to be replaced by its tombstone.
    fn is_to_go(&self) -> bool {
        self.state == OutState::Queued && self.withdrawn.is_none()
    }

    /// Moves to `state` if that is forward, and notes it; false if nothing changed.
    pub fn advance(&mut self, state: OutState, at: u64, by: &str, proof: Proved) -> bool {
        if !self.state.may_become(state) {
            return false;
        }
        self.state = state;
        self.waiting_on = None;
        self.history.push(History {
            state,
            at,
            by: by.to_owned(),
            proof,
        });
        true
    }
}
