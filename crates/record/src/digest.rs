//! The one hash by which everything names a message, a grant, an approval or a document.
//!
//! # Spec
//! `formats.md` §0 (hash text), §2 (digest of a message), §3 (grant id), §4 (approval digest).

mod approval;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use comity_jose::{base64url, sha256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use approval::{Approval, ApprovalVouch, Pin, approval_digest, grant_id};

/// A SHA-256 digest whose text is always *hash text*: `u` + base64url(0x12 0x20 ‖ octets), 47
/// characters that start with `uEi`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes the 32 octets of a SHA-256.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Hashes octets that carry no label: documents, receipts, definitions.
    pub fn of(octets: &[u8]) -> Self {
        Self(sha256(&[octets]))
    }

    /// The 32 octets.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Builds the hash text.
    pub fn to_text(&self) -> String {
        let mut octets = [0; 34];
        octets[..2].copy_from_slice(&MULTIHASH_SHA2_256);
        octets[2..].copy_from_slice(&self.0);
        format!("{MULTIBASE_BASE64URL}{}", base64url::encode(&octets))
    }
}

/// Computes the digest of a signed message from the two base64url texts exactly as received.
///
/// Neither `kid` nor the signature is in it, so a message keeps its digest when only those change.
///
/// # Spec
/// `formats.md` §2.
pub fn message_digest_signed(protected_b64: &str, payload_b64: &str) -> Digest {
    Digest(sha256(&[
        b"comity/message/v1",
        &[0],
        protected_b64.as_bytes(),
        b".",
        payload_b64.as_bytes(),
    ]))
}

/// Computes the digest of an unsigned message from its innermost plaintext octets.
///
/// # Spec
/// `formats.md` §2.
pub fn message_digest_plain(octets: &[u8]) -> Digest {
    labelled("comity/plaintext/v1", octets)
}

/// Computes `SHA-256(label ‖ 0x00 ‖ octets)`; the label keeps one kind of hashed thing from being
/// taken for another.
pub fn labelled(label: &str, octets: &[u8]) -> Digest {
    Digest(sha256(&[label.as_bytes(), &[0], octets]))
}

/// Why a text is no hash text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// Another length than 47 characters.
    #[error("a hash text has 47 characters, not {0}")]
    Length(usize),
    /// Not the base64url of a SHA-256 multihash.
    #[error("a hash text is `u` and the base64url of a SHA-256 multihash")]
    NotSha256,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != TEXT_LENGTH {
            return Err(DigestError::Length(text.len()));
        }
        let encoded = text
            .strip_prefix(MULTIBASE_BASE64URL)
            .ok_or(DigestError::NotSha256)?;
        let octets = base64url::decode(encoded).map_err(|_| DigestError::NotSha256)?;
        let hash = octets
            .strip_prefix(&MULTIHASH_SHA2_256)
            .ok_or(DigestError::NotSha256)?;
        hash.try_into()
            .map(Self)
            .map_err(|_| DigestError::NotSha256)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

const TEXT_LENGTH: usize = 47;
const MULTIBASE_BASE64URL: char = 'u';
const MULTIHASH_SHA2_256: [u8; 2] = [0x12, 0x20];
