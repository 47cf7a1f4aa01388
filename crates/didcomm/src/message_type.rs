//! What a message is: the URI of its type, and of the protocol the type belongs to.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A message-type URI (MTURI): `https://didcomm.org/trust-ping/2.0/ping`.
///
/// Equality is of text; whether two types are for the same handler is answered by
/// [`MessageType::matches`]. Cloning is cheap.
///
/// # Spec
/// DIDComm v2.1 §"Message Type URI"; PRO-01, PRO-02.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(Arc<str>);

/// A protocol-identifier URI (PIURI): `https://didcomm.org/trust-ping/2.0`.
///
/// Equality is of text; see [`ProtocolUri::matches`]. Cloning is cheap.
///
/// # Spec
/// DIDComm v2.1 §"Protocol Identifier URI"; PRO-01, PRO-02.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolUri(Arc<str>);

/// A version of a protocol: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Raised when something incompatible changes.
    pub major: u32,
    /// Raised when something is added.
    pub minor: u32,
}

/// Text that is no message-type or protocol URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageTypeError {
    /// No documentation URI before the protocol's name, or one with characters no URI has.
    #[error("type has no documentation uri before the protocol name")]
    DocUri,
    /// More than [`MessageType::MAX_BYTES`].
    #[error("type is longer than {} octets", MessageType::MAX_BYTES)]
    Length,
    /// The name of the message or of the protocol is empty or holds other characters than
    /// letters, digits, `-`, `.` and `_`.
    #[error("type names no protocol or no message")]
    Name,
    /// Not `major.minor`.
    #[error("type has no version")]
    Version,
}

impl MessageType {
    /// Longest URI, in octets.
    pub const MAX_BYTES: usize = 512;

    /// Reads a message-type URI.
    ///
    /// # Errors
    /// [`MessageTypeError`].
    pub fn parse(text: &str) -> Result<Self, MessageTypeError> {
        TypeParts::parse(text)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the protocol's name, its delimiter included.
    pub fn doc_uri(&self) -> &str {
        self.parts().protocol.doc_uri
    }

    /// The protocol's name.
    pub fn protocol_name(&self) -> &str {
        self.parts().protocol.name
    }

    /// The protocol's version.
    pub fn version(&self) -> Version {
        self.parts().protocol.version
    }

    /// The message's name within its protocol.
    pub fn message_name(&self) -> &str {
        self.parts().message
    }

    /// The protocol that the message belongs to.
    pub fn protocol(&self) -> ProtocolUri {
        let end = self.0.len() - self.message_name().len() - 1;
        ProtocolUri(self.0[..end].into())
    }

    /// Whether both are for the same handler: same documentation URI and major version, and names
    /// that differ in case and punctuation at most (PRO-02).
    pub fn matches(&self, other: &Self) -> bool {
        self.parts().matches(&other.parts())
    }

    /// The same as [`MessageType::matches`] for text; text that is no type matches nothing.
    pub fn is(&self, text: &str) -> bool {
        TypeParts::parse(text).is_ok_and(|other| self.parts().matches(&other))
    }

    fn parts(&self) -> TypeParts<'_> {
        TypeParts::parse(&self.0).expect("a message type was checked when it was read")
    }
}

impl ProtocolUri {
    /// Reads a protocol-identifier URI.
    ///
    /// # Errors
    /// [`MessageTypeError`].
    pub fn parse(text: &str) -> Result<Self, MessageTypeError> {
        ProtocolParts::parse(text)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the protocol's name, its delimiter included.
    pub fn doc_uri(&self) -> &str {
        self.parts().doc_uri
    }

    /// The protocol's name.
    pub fn name(&self) -> &str {
        self.parts().name
    }

    /// The protocol's version.
    pub fn version(&self) -> Version {
        self.parts().version
    }

    /// Whether two sides with these protocols understand each other: same documentation URI and
    /// major version, names equal but for case and punctuation (PRO-02).
    pub fn matches(&self, other: &Self) -> bool {
        self.parts().matches(&other.parts())
    }

    /// Whether a message of this type belongs to the protocol, in the sense of
    /// [`ProtocolUri::matches`].
    pub fn covers(&self, type_: &MessageType) -> bool {
        self.parts().matches(&type_.parts().protocol)
    }

    fn parts(&self) -> ProtocolParts<'_> {
        ProtocolParts::parse(&self.0).expect("a protocol uri was checked when it was read")
    }
}

/// A message type taken apart, without copying.
struct TypeParts<'a> {
    protocol: ProtocolParts<'a>,
    message: &'a str,
}

struct ProtocolParts<'a> {
    doc_uri: &'a str,
    name: &'a str,
    version: Version,
}

impl<'a> TypeParts<'a> {
    fn parse(text: &'a str) -> Result<Self, MessageTypeError> {
        if text.len() > MessageType::MAX_BYTES {
            return Err(MessageTypeError::Length);
        }
        let (protocol, message) = text.rsplit_once('/').ok_or(MessageTypeError::Name)?;
        if !is_name(message) {
            return Err(MessageTypeError::Name);
        }
        Ok(Self {
            protocol: ProtocolParts::parse(protocol)?,
            message,
        })
    }

    fn matches(&self, other: &TypeParts<'_>) -> bool {
        self.protocol.matches(&other.protocol) && same_name(self.message, other.message)
    }
}

impl<'a> ProtocolParts<'a> {
    fn parse(text: &'a str) -> Result<Self, MessageTypeError> {
        if text.len() > MessageType::MAX_BYTES {
            return Err(MessageTypeError::Length);
        }
        let (rest, version) = text.rsplit_once('/').ok_or(MessageTypeError::Version)?;
        let version = Version::parse(version).ok_or(MessageTypeError::Version)?;
        let start = rest.rfind(is_delimiter).ok_or(MessageTypeError::DocUri)? + 1;
        let (doc_uri, name) = rest.split_at(start);
        if !is_name(name) {
            return Err(MessageTypeError::Name);
        }
        if !is_doc_uri(doc_uri) {
            return Err(MessageTypeError::DocUri);
        }
        Ok(Self {
            doc_uri,
            name,
            version,
        })
    }

    fn matches(&self, other: &ProtocolParts<'_>) -> bool {
        self.doc_uri == other.doc_uri
            && self.version.major == other.version.major
            && same_name(self.name, other.name)
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| -> Option<u32> {
            let all_digits = digits.bytes().all(|octet| octet.is_ascii_digit());
            if all_digits {
                digits.parse().ok()
            } else {
                None
            }
        };
        let (major, minor) = text.split_once('.')?;
        Some(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// DIDComm v2.1 §"Message Type URI", production `delim`.
fn is_delimiter(c: char) -> bool {
    matches!(c, '?' | '/' | '&' | ':' | ';' | '=')
}

fn is_name(text: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

/// A scheme, and printable characters only.
fn is_doc_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'"' | b'<' | b'>'))
}

fn same_name(a: &str, b: &str) -> bool {
    a == b || significant(a).eq(significant(b))
}

/// Letters and digits only, in lower case.
fn significant(name: &str) -> impl Iterator<Item = u8> {
    let kept = name.bytes().filter(u8::is_ascii_alphanumeric);
    kept.map(|octet| octet.to_ascii_lowercase())
}

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MessageTypeError;

            fn from_str(text: &str) -> Result<Self, MessageTypeError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_form!(MessageType);
text_form!(ProtocolUri);

#[cfg(test)]
mod tests;
