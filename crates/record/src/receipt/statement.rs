use comity_did::{Did, DidUrl};
use comity_jose::json::Limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    checkpoint::LogOrigin,
    digest::Digest,
    entry::Commitment,
    text::Fingerprint,
    wire::{self, ReadError, VERSION},
    words::words,
};

/// STATEMENT: what the custodian of the recipient's keys says became of one message.
///
/// # Spec
/// `formats.md` §6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Digest of the message.
    pub message: Digest,
    /// Its `id`.
    pub id: String,
    /// Its sender, as proved to the recipient.
    pub sender: Did,
    /// The recipient who states this.
    pub recipient: Did,
    /// What became of it.
    pub state: ReceiptState,
    /// Why, where the state has a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When, by the recipient's clock, UTC seconds.
    pub at: u64,
    /// Whether the node itself says so or passes on what its agent reported.
    pub by: By,
    /// The key id under which the message was proved.
    pub sender_kid: DidUrl,
    /// That key's fingerprint.
    pub sender_key: Fingerprint,
    /// The sender's did:webvh version, as verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_did_version: Option<String>,
    /// The recipient's own did:webvh version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_version: Option<String>,
    /// The recipient's entry `message-in` (or `refused`) for the message.
    pub log: LoggedAt,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoggedAt {
    /// The log.
    pub origin: LogOrigin,
    /// Its index there.
    pub index: u64,
    /// Its commitment.
    pub commitment: Commitment,
}

/// The states that a recipient signs: `received`, then one of the others.
///
/// The order is that of progress: everything after `received` is terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReceiptState {
    /// Durable at the recipient's node.
    Received,
    /// Handled.
    Done,
    /// Rejected by the agent, or after its attempts were exhausted.
    Rejected,
    /// Refused by policy; nothing was stored.
    Refused,
    /// Its time ran out at the recipient.
    Expired,
}

impl ReceiptState {
    /// Whether no other state follows.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Received)
    }
}

/// On whose word a state rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum By {
    /// The node passes on what the agent reported.
    Agent,
    /// The node itself.
    Node,
}

words!(ReceiptState {
    Received = "received",
    Done = "done",
    Rejected = "rejected",
    Refused = "refused",
    Expired = "expired",
});

words!(By { Agent = "agent", Node = "node" });

impl Statement {
    /// Writes the octets that are signed, or hashed into a batch.
    pub fn to_octets(&self) -> Vec<u8> {
        let wire = Wire {
            v: VERSION,
            statement: self,
        };
        serde_json::to_vec(&wire).expect("a statement is text and numbers")
    }

    /// Reads octets that were hashed into a batch.
    ///
    /// # Errors
    /// [`ReadError`]; a state that this version does not know is unsupported.
    pub fn parse(octets: &[u8]) -> Result<Self, ReadError> {
        Self::from_object(wire::read_object(octets, &LIMITS, MEMBERS)?)
    }

    pub(super) fn from_object(object: Map<String, Value>) -> Result<Self, ReadError> {
        wire::check_object(&object, MEMBERS)?;
        wire::check_known(&object, "state", ReceiptState::parse)?;
        Ok(wire::typed::<Wire<Self>>(object)?.statement)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<S> {
    v: u64,
    #[serde(flatten)]
    statement: S,
}

const MEMBERS: &[&str] = &[
    "v",
    "message",
    "id",
    "sender",
    "recipient",
    "state",
    "code",
    "at",
    "by",
    "sender_kid",
    "sender_key",
    "sender_did_version",
    "did_version",
    "log",
    "must",
];

const LIMITS: Limits = Limits {
    bytes: 16 * 1024,
    depth: 32,
    members: 512,
};
