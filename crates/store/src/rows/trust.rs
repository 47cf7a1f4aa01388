//! Grants, knocks and peers.

use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::grant::{Grant, GrantState, Pin};
use comity_engine::{Code, Timestamp, contact::Knock};
use comity_record::Digest;
use serde::{Deserialize, Serialize};

/// A grant as this node holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRow {
    /// Its terms; the id is [`Grant::id`].
    pub grant: Grant,
    /// Our agent.
    pub ours: Did,
    /// The peer.
    pub peer: Did,
    /// Its state here.
    pub state: GrantState,
    /// What was seen of the peer's identity; `None` while we only offered.
    pub pin: Option<Pin>,
    /// Who or what decided last: an operator's label, `peer`, or a rule.
    pub decided_by: String,
    /// The approval digest it was decided on, if any.
    pub approval: Option<Digest>,
    /// Id of the knock's thread, if it came by one.
    pub knock: Option<MessageId>,
    /// Counts changes; a decision names the version that it rests on.
    pub version: u64,
    /// Messages accepted from the peer under it.
    pub uses: u64,
    /// When it was made here.
    pub created: Timestamp,
    /// When it ended here.
    pub ended: Option<Timestamp>,
    /// Why it ended.
    pub code: Option<Code>,
}

impl GrantRow {
    /// How much it counts among the grants of its pair: the greatest does, and of those that
    /// ended the last.
    #[must_use]
    pub const fn weight(&self) -> u8 {
        match self.state {
            GrantState::Active => 3,
            GrantState::Suspended => 2,
            GrantState::Offered => 1,
            GrantState::Ended => 0,
        }
    }
}

/// A stranger's knock at one of our agents.
#[derive(Clone, Debug, PartialEq)]
pub struct KnockRow {
    /// Digest of the signed knock; its octets are kept under it.
    pub digest: Digest,
    /// Its id, which is its thread.
    pub id: MessageId,
    /// The proved sender.
    pub sender: Did,
    /// Our agent.
    pub recipient: Did,
    /// What it says.
    pub knock: Knock,
    /// Hash of the sender's document as verified; its octets are kept under it.
    pub document: Digest,
    /// The key that signed, a DID URL.
    pub kid: String,
    /// What a grant would pin.
    pub pin: Pin,
    /// When it came.
    pub received: Timestamp,
    /// When it becomes a denial, UTC seconds.
    pub expires: u64,
    /// What became of it.
    pub state: KnockState,
}

/// What became of a knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnockState {
    /// Waits for an operator.
    Pending,
    /// Let in.
    Approved,
    /// Not let in.
    Denied,
    /// Nobody decided in time.
    Timeout,
    /// The sender knocked again.
    Replaced,
}

impl KnockState {
    /// The word used in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Replaced => "replaced",
        }
    }
}

/// What we know of another party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Its DID.
    pub did: Did,
    /// True if an operator blocked it.
    pub blocked: bool,
    /// What it understands beyond the least, as it said, proved.
    pub speaks: Vec<String>,
    /// When it was first proved here.
    pub first_seen: Timestamp,
}
