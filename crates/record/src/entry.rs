//! Entries: what stands in the record, and what of it stands on the tree.
//!
//! A [`Record`] is the typed statement, an [`Entry`] that statement's octets with 32 random octets
//! `r`. The tree sees neither: its [`Leaf`] holds the kind and a [`Commitment`] to both. Showing
//! `(r, record)` opens exactly one entry; destroying them erases it, and the tree still verifies.
//!
//! # Spec
//! `formats.md` §7; `design.md` §6.

mod kinds;
mod leaf;
#[cfg(test)]
mod tests;

use comity_jose::{Entropy, json::Limits, sha256};
use serde::{Deserialize, Serialize};

pub use kinds::{
    Acted, AgentChanged, Asked, Counted, Decided, Ended, EndedState, EntryKind, Event, LogStarted,
    MessageFacts, MessageIn, MessageOut, Outcome, Proof, ReceiptIn, Refused, Settled,
};
pub use leaf::{Commitment, Leaf, LeafError};

use crate::{
    receipt::ReceiptState,
    wire::{self, ReadError, VERSION},
};

/// One thing that happened at a node, as it is recorded.
///
/// Messages are named by digest and stored apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened by the node's clock, UTC seconds.
    pub at: u64,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// The kind, which also stands in the leaf.
    pub const fn kind(&self) -> EntryKind {
        self.event.kind()
    }

    /// Writes the octets that are committed to and stored.
    pub fn to_octets(&self) -> Vec<u8> {
        let wire = Wire {
            v: VERSION,
            at: self.at,
            event: &self.event,
        };
        serde_json::to_vec(&wire).expect("records have text keys and no floats")
    }

    /// Reads octets that a node wrote.
    ///
    /// # Errors
    /// [`ReadError`]; a kind, state or outcome that this version does not know is unsupported.
    pub fn parse(octets: &[u8]) -> Result<Self, ReadError> {
        let object = wire::read_object(octets, &LIMITS, kinds::MEMBERS)?;
        wire::check_known(&object, "kind", EntryKind::parse)?;
        let kind = object.get("kind").and_then(|kind| kind.as_str());
        match kind.and_then(EntryKind::parse) {
            Some(EntryKind::Ended) => wire::check_known(&object, "state", EndedState::parse)?,
            _ => wire::check_known(&object, "state", ReceiptState::parse)?,
        }
        wire::check_known(&object, "outcome", Outcome::parse)?;
        let Wire { at, event, .. } = wire::typed::<Wire<Event>>(object)?;
        Ok(Self { at, event })
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<E> {
    v: u64,
    at: u64,
    #[serde(flatten)]
    event: E,
}

/// A record and the octets that hide it until it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    r: [u8; 32],
    kind: EntryKind,
    octets: Vec<u8>,
}

impl Entry {
    /// Seals a record with fresh random octets.
    ///
    /// # Errors
    /// [`EntryError::TooLarge`].
    pub fn seal(record: &Record, entropy: &dyn Entropy) -> Result<Self, EntryError> {
        let mut r = [0; 32];
        entropy.fill(&mut r);
        Self::new(record, r)
    }

    /// Seals a record with the given octets, which must be random and used once: whoever can guess
    /// them can test guesses of the record against the public commitment.
    ///
    /// # Errors
    /// [`EntryError::TooLarge`].
    pub fn new(record: &Record, r: [u8; 32]) -> Result<Self, EntryError> {
        let octets = record.to_octets();
        if octets.len() > MAX_RECORD_BYTES {
            return Err(EntryError::TooLarge(octets.len()));
        }
        Ok(Self {
            r,
            kind: record.kind(),
            octets,
        })
    }

    /// Opens an entry from what was stored or shown, and returns what it records.
    ///
    /// # Errors
    /// When the octets are no record. Whether they are the committed ones is for the caller to
    /// compare by [`Entry::commitment`].
    pub fn open(r: [u8; 32], octets: Vec<u8>) -> Result<(Self, Record), EntryError> {
        let record = Record::parse(&octets)?;
        Ok((
            Self {
                r,
                kind: record.kind(),
                octets,
            },
            record,
        ))
    }

    /// The kind.
    pub const fn kind(&self) -> EntryKind {
        self.kind
    }

    /// The 32 random octets.
    pub const fn r(&self) -> &[u8; 32] {
        &self.r
    }

    /// The record's octets as written.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// `SHA-256("comity/entry/v1" ‖ r ‖ record)`; no separator, `r` has a fixed length.
    pub fn commitment(&self) -> Commitment {
        commitment(&self.r, &self.octets)
    }

    /// What stands on the tree.
    pub fn leaf(&self) -> Leaf {
        Leaf {
            kind: self.kind,
            commitment: self.commitment(),
        }
    }
}

impl std::fmt::Debug for Entry {
    /// Leaves `r` out: a printed entry must stay as closed as it was.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("kind", &self.kind)
            .field("commitment", &self.commitment())
            .finish_non_exhaustive()
    }
}

/// Why there is no entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The octets are no record that we understand.
    #[error("not a record")]
    Record(#[from] ReadError),
    /// The record is longer than a bundle may carry.
    #[error("a record has at most {MAX_RECORD_BYTES} octets, not {0}")]
    TooLarge(usize),
}

/// Commits to octets that need not be a record of ours.
///
/// # Spec
/// `formats.md` §7.
pub fn commitment(r: &[u8; 32], record: &[u8]) -> Commitment {
    Commitment(sha256(&[b"comity/entry/v1", r, record]))
}

/// The longest record (`formats.md` §7).
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

const LIMITS: Limits = Limits {
    bytes: MAX_RECORD_BYTES,
    depth: 32,
    members: 8192,
};
