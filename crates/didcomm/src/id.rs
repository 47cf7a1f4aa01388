//! Message ids, which thread ids are too.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use comity_jose::Entropy;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a message or of a thread, unique for its sender.
///
/// Compared, ordered and hashed without regard to case; [`MessageId::as_str`] gives the text as it
/// was written. Cloning is cheap.
///
/// # Spec
/// DIDComm v2.1 §"Message Headers", §"Threading"; MSG-02, MSG-03, THR-01. The specification caps
/// ids at 32 octets and recommends UUIDs of 36: we take 1 to [`MessageId::MAX_BYTES`].
#[derive(Clone)]
pub struct MessageId(Arc<str>);

/// Text that is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageIdError {
    /// A character outside `A-Z a-z 0-9 - . _ ~` (RFC 3986 §2.3).
    #[error("message id holds a character that is not unreserved")]
    Character,
    /// No characters, or more than [`MessageId::MAX_BYTES`].
    #[error("message id is empty or longer than {} octets", MessageId::MAX_BYTES)]
    Length,
}

impl MessageId {
    /// Longest id, in octets.
    pub const MAX_BYTES: usize = 128;

    /// Reads an id.
    ///
    /// # Errors
    /// [`MessageIdError`].
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(MessageIdError::Length);
        }
        if !text.bytes().all(is_unreserved) {
            return Err(MessageIdError::Character);
        }
        Ok(Self(text.into()))
    }

    /// Makes a new one: a random UUID (RFC 9562 §5.4), in canonical form.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut octets = [0; 16];
        entropy.fill(&mut octets);
        octets[6] = octets[6] & 0x0f | 0x40;
        octets[8] = octets[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (index, octet) in octets.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push(char::from(HEX[usize::from(octet >> 4)]));
            text.push(char::from(HEX[usize::from(octet & 15)]));
        }
        Self(text.into())
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same id in lower case: the form to store and to look up by.
    #[must_use]
    pub fn to_lower_case(&self) -> Self {
        if self.0.bytes().any(|octet| octet.is_ascii_uppercase()) {
            Self(self.0.to_ascii_lowercase().into())
        } else {
            self.clone()
        }
    }

    fn lower_case_octets(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|octet| octet.to_ascii_lowercase())
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for MessageId {}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.lower_case_octets().cmp(other.lower_case_octets())
    }
}

impl Hash for MessageId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in self.lower_case_octets() {
            state.write_u8(octet);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.0)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        Self::parse(text)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// RFC 3986 §2.3.
pub(crate) fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests;
