//! The record: entries, the tree over them, and logs of others that we pinned.

use comity_record::Digest;
use serde::{Deserialize, Serialize};

/// An entry of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Order of recording in this store, ascending; set by the store.
    pub seq: u64,
    /// Place in the tree of `origin`; `None` until integrated.
    pub index: Option<u64>,
    /// The log it was integrated in.
    pub origin: Option<String>,
    /// The kind, as on the leaf.
    pub kind: String,
    /// 32 random octets; `None` after erasure.
    pub r: Option<[u8; 32]>,
    /// The typed entry as written; `None` after erasure.
    pub record: Option<Vec<u8>>,
    /// The commitment to both.
    pub commitment: [u8; 32],
    /// The message or grant it is about, for finding it again.
    pub subject: Option<Digest>,
}

/// The head of our log. One row; changed only by compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// `HOST[:PORT]/comity/log/EPOCH`.
    pub origin: String,
    /// Entries integrated.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
    /// The verifier key of this log.
    pub vkey: String,
    /// The log's private key, sealed under the node's master key.
    pub sealed_key: Vec<u8>,
}

/// A complete node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// 0 for leaves.
    pub level: u8,
    /// Place within the level.
    pub index: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// The newest checkpoint that we hold of somebody else's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLogRow {
    /// Its origin.
    pub origin: String,
    /// The peer in whose receipt it came.
    pub peer: comity_did::Did,
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
    /// Why it is not trusted any more, if so.
    pub alarm: Option<String>,
}
