use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of one log, which is also the name of its key.
///
/// Ours are `HOST[:PORT]/comity/log/EPOCH`; those of others are only held to what a C2SP key name
/// allows.
///
/// # Spec
/// `formats.md` §7; C2SP `signed-note` §"Format".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogOrigin(Arc<str>);

impl LogOrigin {
    /// Names the log that a node at `authority` (`HOST[:PORT]`) starts.
    ///
    /// # Errors
    /// When `authority` cannot stand in an origin.
    pub fn new(authority: &str, epoch: [u8; 4]) -> Result<Self, OriginError> {
        let epoch = u32::from_be_bytes(epoch);
        if authority.contains('/') {
            return Err(OriginError::Character);
        }
        format!("{authority}{OUR_PATH}{epoch:08x}").parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `HOST[:PORT]`, for an origin of our form.
    pub fn authority(&self) -> Option<&str> {
        self.split().map(|(authority, _)| authority)
    }

    /// The eight hex digits chosen at the start of the log, for an origin of our form.
    pub fn epoch(&self) -> Option<&str> {
        self.split().map(|(_, epoch)| epoch)
    }

    fn split(&self) -> Option<(&str, &str)> {
        let (authority, epoch) = self.0.split_once(OUR_PATH)?;
        let hex = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
        (epoch.len() == 8 && epoch.bytes().all(hex)).then_some((authority, epoch))
    }
}

/// Why a text names no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// White space, a control character or a plus sign.
    #[error("a log origin has no white space, control character or plus sign")]
    Character,
    /// Nothing, or more than 256 octets.
    #[error("a log origin has 1 to 256 octets, not {0}")]
    Length(usize),
}

impl FromStr for LogOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(OriginError::Length(text.len()));
        }
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
        {
            return Err(OriginError::Character);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for LogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for LogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for LogOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LogOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

const OUR_PATH: &str = "/comity/log/";

/// A host name has at most 253 octets; nothing longer is a log of ours.
const MAX_BYTES: usize = 256;
