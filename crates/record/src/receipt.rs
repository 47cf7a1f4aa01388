//! Receipts: what the recipient's side states, signed, of what became of one message.
//!
//! A [`Statement`] is what is said. [`Draft`] turns one or many of them into the octets that an
//! authentication key of the recipient signs, and the signature into [`Receipt`]s: one statement
//! alone, or each with its path to the root that was signed for all. [`Receipt::open`] reads one,
//! [`OpenReceipt::verify`] proves it; between the two stands whatever the caller does to find the
//! key.
//!
//! # Spec
//! `formats.md` §6.

mod draft;
mod open;
mod statement;
#[cfg(test)]
mod tests;

use comity_jose::{
    base64url,
    json::{self, Limits},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use draft::{Draft, DraftError};
pub use open::{OpenReceipt, ProvedSignatures, VerifiedReceipt};
pub use statement::{By, LoggedAt, ReceiptState, Statement};

use crate::{checkpoint::NoteError, digest::Digest, text::Octets32, tree::Hash, wire::ReadError};

/// A receipt as it is sent and stored; not verified.
///
/// Its octets are always written with the members in the order of the format, so that its
/// [`hash`](Receipt::hash) does not depend on how it travelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    jws: String,
    leaf: Option<BatchLeaf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct BatchLeaf {
    statement: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
}

impl Receipt {
    /// Reads RECEIPT.
    ///
    /// # Errors
    /// [`ReceiptError`] for anything but the two forms of the format.
    pub fn parse(octets: &[u8]) -> Result<Self, ReceiptError> {
        Self::from_value(json::parse(octets, &LIMITS).map_err(ReadError::from)?)
    }

    /// Reads RECEIPT from a value that was parsed with [`comity_jose::json`] already.
    ///
    /// # Errors
    /// As [`Receipt::parse`].
    pub fn from_value(value: Value) -> Result<Self, ReceiptError> {
        let wire: Wire = json::read_as(value).map_err(ReadError::from)?;
        wire.try_into()
    }

    /// The octets of RECEIPT.
    pub fn to_octets(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a receipt is text and numbers")
    }

    /// The hash by which the entry `receipt-in` names this receipt.
    pub fn hash(&self) -> Digest {
        Digest::of(&self.to_octets())
    }

    /// The compact JWS, which the receipts of one batch share.
    pub fn jws(&self) -> &str {
        &self.jws
    }

    /// Reads what the receipt says, without proving it.
    ///
    /// # Errors
    /// When it is malformed, of a newer version, or contradicts itself.
    pub fn open(&self) -> Result<OpenReceipt, ReceiptError> {
        OpenReceipt::new(self)
    }
}

/// Why a receipt cannot be read or is not proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The embedded checkpoint is no note.
    #[error("the receipt's checkpoint cannot be read")]
    Checkpoint(#[source] NoteError),
    /// Neither `{jws}` nor `{jws, statement, index, path}`.
    #[error("a receipt is a jws, or a jws with statement, index and path")]
    Form,
    /// The entry named is not under the checkpoint shown.
    #[error("the receipt names entry {index} of another log or beyond its checkpoint of {size}")]
    EntryBeyondCheckpoint {
        /// Index of the entry named.
        index: u64,
        /// Size of the log at the checkpoint.
        size: u64,
    },
    /// The compact JWS is malformed.
    #[error("the receipt's jws cannot be read")]
    Jws(#[source] comity_jose::jws::JwsError),
    /// The protected header has no `kid`, or it is no DID URL of the recipient's.
    #[error("the receipt is not signed in the name of its recipient")]
    NotTheRecipient,
    /// The path does not lead from the statement to the signed root.
    #[error("the statement is not in the batch that was signed")]
    NotInBatch,
    /// Payload or statement cannot be read.
    #[error("the receipt's statement cannot be read")]
    Read(#[from] ReadError),
    /// The signature fails under the key given.
    #[error("the receipt's signature does not verify")]
    Signature,
    /// Another `typ` than receipts have.
    #[error("the jws is no receipt: its typ is another")]
    Typ,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    jws: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<Vec<Octets32>>,
}

impl TryFrom<Wire> for Receipt {
    type Error = ReceiptError;

    fn try_from(wire: Wire) -> Result<Self, ReceiptError> {
        let leaf = match (wire.statement, wire.index, wire.path) {
            (None, None, None) => None,
            (Some(statement), Some(index), Some(path)) => {
                let statement = base64url::decode(&statement).map_err(|_| ReceiptError::Form)?;
                let path = path.into_iter().map(|step| step.0).collect();
                Some(BatchLeaf {
                    statement,
                    index,
                    path,
                })
            }
            _ => return Err(ReceiptError::Form),
        };
        Ok(Self {
            jws: wire.jws,
            leaf,
        })
    }
}

impl From<&Receipt> for Wire {
    fn from(receipt: &Receipt) -> Self {
        let leaf = receipt.leaf.as_ref();
        Self {
            jws: receipt.jws.clone(),
            statement: leaf.map(|leaf| base64url::encode(&leaf.statement)),
            index: leaf.map(|leaf| leaf.index),
            path: leaf.map(|leaf| leaf.path.iter().copied().map(Octets32).collect()),
        }
    }
}

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Receipt {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Wire::deserialize(source)?
            .try_into()
            .map_err(serde::de::Error::custom)
    }
}

/// The `typ` that a receipt's protected header must have, and nothing else may.
pub const RECEIPT_TYP: &str = "comity-receipt+jws";

/// The most statements that one signature covers.
pub const MAX_BATCH: usize = 256;

/// A statement and a checkpoint with its cosignatures fit, twice base64url-encoded.
const LIMITS: Limits = Limits {
    bytes: 128 * 1024,
    depth: 32,
    members: 4096,
};
