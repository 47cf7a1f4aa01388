//! Receipts: those we owe and those we got.

use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, Timestamp};
use comity_record::Digest;

/// A statement that we owe a sender, and the receipt once it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// The message it is about.
    pub message: Digest,
    /// The message's id.
    pub id: MessageId,
    /// Our agent, to whom the message was addressed.
    pub recipient: Did,
    /// Who sent it, and gets the receipt.
    pub sender: Did,
    /// What it states. One row for each message, recipient and state.
    pub state: ReceiptState,
    /// The code, where the state has one.
    pub code: Option<Code>,
    /// When it became so, UTC seconds.
    pub at: u64,
    /// `node` or `agent`.
    pub by: String,
    /// The key that signed the message, a DID URL.
    pub sender_kid: String,
    /// Its fingerprint.
    pub sender_key: String,
    /// The entry (`seq`) that the receipt names; it is signed once that is integrated.
    pub entry: u64,
    /// True if the message proves its author to us only: the receipt then does likewise.
    pub deniable: bool,
    /// The receipt as JSON octets; `None` until signed.
    pub receipt: Option<Vec<u8>>,
    /// True once the sender's node took it.
    pub delivered: bool,
    /// Not handed over before this.
    pub next_attempt: Timestamp,
    /// Failed hand-overs so far.
    pub attempts: u32,
}

/// A receipt of a peer that moved a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerReceiptRow {
    /// Our message.
    pub message: Digest,
    /// What it states.
    pub state: ReceiptState,
    /// Its octets as received, JSON.
    pub receipt: Vec<u8>,
}
