//! One struct for each kind of entry, serialised exactly as the table of `formats.md` §7.

use std::collections::BTreeMap;

use comity_did::{Did, DidUrl};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    digest::Digest,
    receipt::{By, ReceiptState},
    text::Fingerprint,
    words::words,
};

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A log begins; always its entry 0.
    Start(LogStarted),
    /// An agent was created, changed or removed.
    Agent(AgentChanged),
    /// A message of ours was made durable.
    MessageOut(MessageOut),
    /// A message was accepted.
    MessageIn(MessageIn),
    /// A message ended at its recipient.
    Settled(Settled),
    /// A receipt moved a state.
    ReceiptIn(ReceiptIn),
    /// A message of ours ended without a receipt.
    Ended(Ended),
    /// A grant changed, or a person answered under it.
    Decision(Decided),
    /// An operator did something else than decide on a grant.
    Act(Acted),
    /// A proved sender was refused.
    Refused(Refused),
    /// Other refusals of one minute.
    Counted(Counted),
}

impl Event {
    /// The kind.
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Start(_) => EntryKind::Start,
            Self::Agent(_) => EntryKind::Agent,
            Self::MessageOut(_) => EntryKind::MessageOut,
            Self::MessageIn(_) => EntryKind::MessageIn,
            Self::Settled(_) => EntryKind::Settled,
            Self::ReceiptIn(_) => EntryKind::ReceiptIn,
            Self::Ended(_) => EntryKind::Ended,
            Self::Decision(_) => EntryKind::Decision,
            Self::Act(_) => EntryKind::Act,
            Self::Refused(_) => EntryKind::Refused,
            Self::Counted(_) => EntryKind::Counted,
        }
    }

    /// The message that the entry is about, if it is about one.
    pub const fn message(&self) -> Option<&Digest> {
        match self {
            Self::Start(_) | Self::Agent(_) | Self::Act(_) | Self::Counted(_) => None,
            Self::MessageOut(out) => Some(&out.facts.message),
            Self::MessageIn(accepted) => Some(&accepted.facts.message),
            Self::Settled(settled) => Some(&settled.message),
            Self::ReceiptIn(receipt) => Some(&receipt.message),
            Self::Ended(ended) => Some(&ended.message),
            Self::Decision(decided) => decided.message.as_ref(),
            Self::Refused(refused) => Some(&refused.message),
        }
    }

    /// Every message that the entry names, and so shows to have existed when it was written.
    pub fn names(&self) -> impl Iterator<Item = &Digest> {
        let more: &[Digest] = match self {
            Self::MessageOut(out) => &out.facts.causes,
            Self::MessageIn(accepted) => &accepted.facts.causes,
            Self::Settled(settled) => &settled.replies,
            _ => &[],
        };
        self.message().into_iter().chain(more)
    }
}

/// The kind of an entry, which alone is visible on the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// See [`LogStarted`].
    Start,
    /// See [`AgentChanged`].
    Agent,
    /// See [`MessageOut`].
    MessageOut,
    /// See [`MessageIn`].
    MessageIn,
    /// See [`Settled`].
    Settled,
    /// See [`ReceiptIn`].
    ReceiptIn,
    /// See [`Ended`].
    Ended,
    /// See [`Decided`].
    Decision,
    /// See [`Acted`].
    Act,
    /// See [`Refused`].
    Refused,
    /// See [`Counted`].
    Counted,
}

/// The first entry of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStarted {
    /// The node, by its public authority (`HOST[:PORT]`).
    pub node: String,
    /// The last checkpoint of an earlier log that could be found, as a note; else empty.
    pub previous: String,
    /// Why a new log was started: `first`, `restored`, …
    pub reason: String,
}

/// An agent was created, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentChanged {
    /// The agent.
    pub did: Did,
    /// Hash of the octets of its document from now on; absent once the agent is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// The version of its did:webvh history, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_version: Option<String>,
}

/// What is recorded of every message, going out or coming in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    /// Digest of the message.
    pub message: Digest,
    /// Its `id`, as signed.
    pub id: String,
    /// The recipient. A foreign message to several of ours has one entry for each.
    pub to: Did,
    /// The sender.
    pub from: Did,
    /// Its message type URI.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its effective thread: `thid`, or `id` where there is none.
    pub thid: String,
    /// Its number in (`from`, `to`, `thid`), where the sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_order: Option<u64>,
    /// Id of the grant that covered it; absent for what needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Digest>,
    /// Octets of the signed message or of the plaintext, without the envelope around it.
    pub bytes: u64,
    /// The messages it says it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Digest>,
    /// The token that submitted it or, coming in, whatever acted; absent where it was the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl MessageFacts {
    /// The first member in which two records of one message differ that cannot be so. What each
    /// node has of its own (`grant`, `bytes`, `by`) may differ.
    pub(crate) fn differs(&self, other: &Self) -> Option<&'static str> {
        if !self.id.eq_ignore_ascii_case(&other.id) {
            Some("id")
        } else if !self.from.same_subject(&other.from) {
            Some("from")
        } else if !self.to.same_subject(&other.to) {
            Some("to")
        } else if self.type_ != other.type_ {
            Some("type")
        } else if !self.thid.eq_ignore_ascii_case(&other.thid) {
            Some("thid")
        } else if self.sender_order != other.sender_order {
            Some("sender_order")
        } else if self.causes != other.causes {
            Some("causes")
        } else {
            None
        }
    }
}

/// A message of ours was made durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageOut {
    /// The message.
    #[serde(flatten)]
    pub facts: MessageFacts,
}

/// A message was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageIn {
    /// The message.
    #[serde(flatten)]
    pub facts: MessageFacts,
    /// The sender's key that proved it.
    pub kid: DidUrl,
    /// That key's fingerprint.
    pub key: Fingerprint,
    /// Hash of the octets of the sender's document that named the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// The sender's did:webvh version, as verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_version: Option<String>,
    /// To whom the message proves its author.
    pub proof: Proof,
}

/// To whom a message proves its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// A signature: to whoever sees it.
    Anyone,
    /// A key agreed upon (authcrypt): to the recipient alone.
    Us,
}

/// A message ended at its recipient, or the node ended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The message.
    pub message: Digest,
    /// Its terminal state.
    pub state: ReceiptState,
    /// Why, where the state has a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who ended it.
    pub by: By,
    /// The attempt that ended it, from 1; 0 where none was made.
    pub attempt: u64,
    /// The messages that the settlement sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<Digest>,
}

/// A receipt moved the state of a message of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptIn {
    /// The message.
    pub message: Digest,
    /// The state it moved to.
    pub state: ReceiptState,
    /// Hash of the receipt's octets.
    pub receipt: Digest,
}

/// A message of ours ended without a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The message.
    pub message: Digest,
    /// How it ended.
    pub state: EndedState,
    /// Why: a problem code or a word of ours.
    pub reason: String,
}

/// A grant changed, or a question about a message under it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The grant.
    pub grant: Digest,
    /// The approval digest, where something was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Digest>,
    /// The operator or the rule; for `ended`, the peer.
    pub by: String,
    /// What was decided.
    pub outcome: Outcome,
    /// The knock, welcome or other message that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Digest>,
    /// The vouches that it rests on, the first of the chain first. The knock has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouches: Vec<Digest>,
    /// What an agent of ours asked about the message, and what was said; with `answered` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// A question of an agent to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The question.
    pub question: String,
    /// The answer: a text or a small value without fractions; absent if nobody answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

/// An operator did something that changes no grant: who did what, and to what.
///
/// What such an act does to agents, grants and messages has its own entries beside this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// What was done, a word or two in kebab-case: `block`, `operator-create`. Open: a later
    /// version may have more.
    pub act: String,
    /// The operator, as `by` of [`Decided`] names him.
    pub by: String,
    /// What it was done to: a DID, a name, an id or a digest.
    pub about: String,
}

/// A proved sender with a past or present grant, or a pending knock, was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The message.
    pub message: Digest,
    /// Its sender.
    pub from: Did,
    /// Why.
    pub code: String,
    /// The grant that did not cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Digest>,
}

/// The other refusals of one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many for each code; no text of theirs.
    pub counts: BTreeMap<String, u64>,
}

/// How a message of ours ended without a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndedState {
    /// By our own operator, agent or a revocation.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// It could not be handed over.
    Failed,
}

/// What was decided about a grant, or under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A person answered what an agent asked about a message, or did not in time.
    Answered,
    /// It admits messages from now on.
    Approved,
    /// The knock was refused.
    Declined,
    /// The peer ended it.
    Ended,
    /// We knocked.
    Offered,
    /// We ended it.
    Revoked,
    /// It admits nothing until an operator decides.
    Suspended,
}

words!(EntryKind {
    Start = "start",
    Agent = "agent",
    MessageOut = "message-out",
    MessageIn = "message-in",
    Settled = "settled",
    ReceiptIn = "receipt-in",
    Ended = "ended",
    Decision = "decision",
    Act = "act",
    Refused = "refused",
    Counted = "counted",
});

words!(EndedState { Cancelled = "cancelled", Expired = "expired", Failed = "failed" });

words!(Outcome {
    Answered = "answered",
    Approved = "approved",
    Declined = "declined",
    Ended = "ended",
    Offered = "offered",
    Revoked = "revoked",
    Suspended = "suspended",
});

words!(Proof { Anyone = "anyone", Us = "us" });

/// The members that this version understands, and `must` may therefore name.
pub(super) const MEMBERS: &[&str] = &[
    "v",
    "kind",
    "at",
    "must",
    "node",
    "previous",
    "reason",
    "did",
    "document",
    "did_version",
    "message",
    "id",
    "to",
    "from",
    "type",
    "thid",
    "sender_order",
    "grant",
    "bytes",
    "causes",
    "by",
    "kid",
    "key",
    "proof",
    "state",
    "code",
    "attempt",
    "replies",
    "receipt",
    "approval",
    "asked",
    "vouches",
    "outcome",
    "act",
    "about",
    "counts",
];
