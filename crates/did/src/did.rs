//! A DID: the name of an agent.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;
use crate::syntax::{self, DidSyntaxError};
use crate::{DidUrl, peer};

/// A decentralised identifier without path, query or fragment.
///
/// A value that exists is well formed and at most [`limits::DID_BYTES`] long. Comparing and hashing
/// are by the exact text, as DID Core wants; whether two DIDs of did:peer name the same subject is
/// answered by [`Did::same_subject`]. Cloning is cheap.
///
/// # Spec
/// DID Core 1.1 §"DID Syntax".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did(Arc<str>);

impl Did {
    /// Reads a DID.
    ///
    /// # Errors
    /// [`DidSyntaxError`] if the text is not a DID, or is a DID URL with more than a DID in it.
    pub fn parse(text: &str) -> Result<Self, DidSyntaxError> {
        if text.len() > limits::DID_BYTES {
            return Err(DidSyntaxError::TooLong {
                limit: limits::DID_BYTES,
            });
        }
        if syntax::did_end(text) != text.len() {
            return Err(DidSyntaxError::NotBare);
        }
        syntax::check_did(text)?;
        Ok(Self(text.into()))
    }

    /// Returns the text of the DID.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the method: `web` of `did:web:example.com`.
    pub fn method(&self) -> &str {
        self.parts().0
    }

    /// Returns what follows the method: `example.com` of `did:web:example.com`.
    pub fn method_specific_id(&self) -> &str {
        self.parts().1
    }

    /// Makes the DID URL that names `fragment` (without `#`) in this DID's document.
    ///
    /// # Errors
    /// [`DidSyntaxError`] if the fragment is empty, too long or holds other characters than a
    /// fragment may.
    pub fn with_fragment(&self, fragment: &str) -> Result<DidUrl, DidSyntaxError> {
        DidUrl::join(self, &format!("#{fragment}"))
    }

    /// Whether both DIDs name the same subject: equal, or the long and the short form of one
    /// did:peer:4, or a did:peer:2 and its alias did:peer:3.
    ///
    /// A long form whose hash is wrong names nobody and is the same as nothing but itself.
    ///
    /// # Spec
    /// did:peer §"Method 4", §"Method 3"; DIDComm v2.1 §"DIDComm Message Layer Addressing
    /// Consistency" compares subjects, not spellings.
    pub fn same_subject(&self, other: &Self) -> bool {
        self == other
            || (self.method() == "peer"
                && other.method() == "peer"
                && peer::canonical(self) == peer::canonical(other))
    }

    fn parts(&self) -> (&str, &str) {
        self.0["did:".len()..]
            .split_once(':')
            .expect("a parsed DID has a method and an identifier")
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Did {
    type Err = DidSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl AsRef<str> for Did {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Did {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Did {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
