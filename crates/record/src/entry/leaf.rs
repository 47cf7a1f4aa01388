use std::{fmt, str::FromStr};

use comity_jose::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::EntryKind;
use crate::tree::{self, Hash};

/// The hash that stands for a record on the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub(super) [u8; 32]);

impl Commitment {
    /// Takes the 32 octets of a commitment that was stored.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The 32 octets.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What stands on the tree for one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The commitment to its record.
    pub commitment: Commitment,
}

impl Leaf {
    /// Exactly the text that is hashed: members in this order, no spaces.
    ///
    /// # Spec
    /// `formats.md` §7.
    pub fn text(&self) -> String {
        format!(
            r#"{{"commitment":"{}","kind":"{}","v":1}}"#,
            self.commitment, self.kind
        )
    }

    /// The hash on the tree.
    pub fn hash(&self) -> Hash {
        tree::leaf_hash(self.text().as_bytes())
    }
}

/// A text that is no leaf in its one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a leaf: its text has one form, and a kind that this version knows")]
pub struct LeafError;

impl FromStr for Leaf {
    type Err = LeafError;

    fn from_str(text: &str) -> Result<Self, LeafError> {
        let inner = text.strip_prefix(r#"{"commitment":""#).ok_or(LeafError)?;
        let inner = inner.strip_suffix(r#"","v":1}"#).ok_or(LeafError)?;
        let (commitment, kind) = inner.split_once(r#"","kind":""#).ok_or(LeafError)?;
        let kind = EntryKind::parse(kind).ok_or(LeafError)?;
        Ok(Self {
            kind,
            commitment: commitment.parse().map_err(|_| LeafError)?,
        })
    }
}

/// A text that is not the base64url of 32 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a commitment is the base64url of 32 octets")]
pub struct CommitmentError;

impl FromStr for Commitment {
    type Err = CommitmentError;

    fn from_str(text: &str) -> Result<Self, CommitmentError> {
        let octets = base64url::decode(text).map_err(|_| CommitmentError)?;
        octets.try_into().map(Self).map_err(|_| CommitmentError)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?
            .parse()
            .map_err(D::Error::custom)
    }
}
