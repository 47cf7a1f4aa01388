//! What may be sent: lists of message types and protocols, compared and cut (formats §3).

use comity_didcomm::{MessageType, ProtocolUri};
use std::fmt;

/// Message types, and protocols for all their types: same document URI, name and major version,
/// any minor; no wildcards. Keeps the texts as they were written, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(Vec<Listed>);

/// The text is neither a message type nor a protocol URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither a message type (https://example.org/PROTOCOL/1.0/NAME) nor a protocol (https://example.org/PROTOCOL/1.0)"
)]
pub struct TypesError(String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Listed {
    Type(MessageType),
    Protocol(ProtocolUri),
}

impl Types {
    /// A list that covers nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads a list.
    ///
    /// # Errors
    /// [`TypesError`] names the first text that is neither type nor protocol, cut to 80 characters.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, TypesError> {
        let listed = texts.into_iter().map(|text| {
            let text = text.as_ref();
            Listed::parse(text).ok_or_else(|| TypesError(text.chars().take(80).collect()))
        });
        listed.collect::<Result<_, _>>().map(Self)
    }

    /// True if a message of this type is covered.
    #[must_use]
    pub fn covers(&self, type_: &MessageType) -> bool {
        self.0.iter().any(|listed| listed.covers(type_))
    }

    /// True if everything covered here is covered by `wide`.
    #[must_use]
    pub fn is_within(&self, wide: &Self) -> bool {
        self.0.iter().all(|narrow| wide.includes(narrow))
    }

    /// What both cover. Nothing is in it that is not within each of the two.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let ours = self.0.iter().filter(|listed| other.includes(listed));
        let mut both: Vec<Listed> = ours.cloned().collect();
        for listed in &other.0 {
            if self.includes(listed) && !both.iter().any(|wide| wide.includes(listed)) {
                both.push(listed.clone());
            }
        }
        Self(both)
    }

    /// True if nothing is covered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many texts are listed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The texts, as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Listed::as_str)
    }

    /// The texts, as written.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }

    fn includes(&self, narrow: &Listed) -> bool {
        self.0.iter().any(|wide| wide.includes(narrow))
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let mut between = "";
        for text in self.iter() {
            write!(f, "{between}{text}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl serde::Serialize for Types {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Types {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Self::parse(texts).map_err(serde::de::Error::custom)
    }
}

impl Listed {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(type_) = text.parse::<MessageType>() {
            return Some(Self::Type(type_));
        }
        text.parse::<ProtocolUri>().ok().map(Self::Protocol)
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Type(type_) => type_.as_str(),
            Self::Protocol(protocol) => protocol.as_str(),
        }
    }

    fn covers(&self, type_: &MessageType) -> bool {
        match self {
            Self::Type(listed) => listed.matches(type_),
            Self::Protocol(listed) => listed.covers(type_),
        }
    }

    fn includes(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (_, Self::Type(narrow)) => self.covers(narrow),
            (Self::Protocol(wide), Self::Protocol(narrow)) => wide.matches(narrow),
            (Self::Type(_), Self::Protocol(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(texts: &[&str]) -> Types {
        Types::parse(texts).unwrap()
    }

    #[test]
    fn an_intersection_is_within_both() {
        let protocol = types(&["https://example.org/a/1.0", "https://example.org/b/1.0/x"]);
        let some = types(&["https://example.org/a/1.2/x", "https://example.org/b/1.0"]);
        let both = protocol.intersect(&some);
        assert_eq!(
            both.to_vec(),
            ["https://example.org/b/1.0/x", "https://example.org/a/1.2/x"]
        );
        assert!(both.is_within(&protocol) && both.is_within(&some));
        assert!(protocol.intersect(&types(&[])).is_empty());
        assert!(
            protocol
                .intersect(&types(&["https://example.org/a/2.0"]))
                .is_empty()
        );
    }

    #[test]
    fn the_same_protocol_in_two_minors_is_listed_once() {
        let one = types(&["https://example.org/a/1.0"]);
        let other = types(&["https://example.org/a/1.3"]);
        assert_eq!(one.intersect(&other).to_vec(), one.to_vec());
    }

    #[test]
    fn what_is_no_type_is_named() {
        let error = Types::parse(["https://example.org/a/1.0", "*"]).unwrap_err();
        assert!(error.to_string().contains("\"*\""));
    }
}
