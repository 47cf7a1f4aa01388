//! Evidence bundles: one file that shows a thread to a stranger.
//!
//! A [`Bundle`] is what such a file says. [`Bundle::parse`] reads one strictly and bounded, and
//! says by JSON pointer where it is malformed; nothing is proved by that, see
//! [`verify`](crate::verify::verify). [`BundleBuilder`] makes one, and refuses to make what the
//! verifier would call broken.
//!
//! # Spec
//! `formats.md` §8.

mod builder;
mod fault;
mod read;
#[cfg(test)]
mod tests;
mod write;

use comity_did::Did;
use comity_jose::jws::Jws;
use serde_json::Value;

pub use builder::{BuildError, BundleBuilder};
pub use fault::{BundleError, Fault};

use crate::{
    checkpoint::{LogOrigin, SignedNote},
    digest::Digest,
    entry::{Entry, Leaf},
    receipt::Receipt,
    tree::Hash,
    verify::Head,
};

/// What the file of a bundle says. Nothing in it is proved, and nothing in it is an anchor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bundle {
    /// When its maker says it was made; covered by nothing, so never to be shown as a fact.
    pub made_at: u64,
    /// The thread.
    pub thread: Thread,
    /// Its messages, shown or withheld.
    pub messages: Vec<ShownMessage>,
    /// What recipients signed about them.
    pub receipts: Vec<Receipt>,
    /// Entries of one or both records, with their proofs.
    pub entries: Vec<ShownEntry>,
    /// The checkpoints that those proofs lead to.
    pub checkpoints: Vec<SignedNote>,
    /// Documents of identities that are not self-certifying.
    pub documents: Vec<ShownDocument>,
}

/// The thread that a bundle shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub thid: String,
    /// The two that speak in it.
    pub between: [Did; 2],
}

/// One message of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownMessage {
    /// Its digest.
    pub digest: Digest,
    /// What is shown of it.
    pub content: Content,
}

/// What a bundle shows of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// The unsigned plaintext's octets: proves nothing to others.
    Plaintext(Vec<u8>),
    /// The signed message, a JWS in JSON.
    Signed(Value),
    /// Nothing but the digest: erased or not disclosed.
    Withheld,
}

impl Content {
    /// What the message says of itself, if it is shown and can be read. Nothing of it is proved.
    pub(crate) fn head(&self) -> Option<Head> {
        match self {
            Self::Signed(jws) => {
                Head::parse(Jws::from_value(jws.clone()).ok()?.payload_unverified())
            }
            Self::Plaintext(octets) => Head::parse(octets),
            Self::Withheld => None,
        }
    }
}

/// One entry of a bundle, with the proof that it is under a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownEntry {
    /// The log.
    pub origin: LogOrigin,
    /// Its index there.
    pub index: u64,
    /// The size of the log at the checkpoint that `path` leads to.
    pub size: u64,
    /// What stands on the tree.
    pub leaf: Leaf,
    /// `r` and the record's octets; `None` if erased or not disclosed.
    pub opened: Option<([u8; 32], Vec<u8>)>,
    /// From the leaf to the root.
    pub path: Vec<Hash>,
}

impl ShownEntry {
    /// Shows an entry open.
    pub fn open(origin: LogOrigin, index: u64, size: u64, entry: &Entry, path: Vec<Hash>) -> Self {
        let opened = Some((*entry.r(), entry.octets().to_vec()));
        Self {
            origin,
            index,
            size,
            leaf: entry.leaf(),
            opened,
            path,
        }
    }

    /// Shows that an entry is there, and nothing of it.
    pub const fn closed(
        origin: LogOrigin,
        index: u64,
        size: u64,
        leaf: Leaf,
        path: Vec<Hash>,
    ) -> Self {
        Self {
            origin,
            index,
            size,
            leaf,
            opened: None,
            path,
        }
    }
}

/// A document of a bundle, as its maker says it was at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDocument {
    /// Whose document.
    pub did: Did,
    /// Its octets as they were served.
    pub octets: Vec<u8>,
    /// When it was fetched or made; covered by nothing.
    pub at: u64,
}

/// The largest file that is read or made (`formats.md` §8).
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024 * 1024;
