//! A DID URL: the name of something in a DID's document, above all of a key.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Did;
use crate::limits;
use crate::syntax::{self, DidSyntaxError};

/// An absolute DID URL: a DID and, each optional, path, query and fragment.
///
/// As a key id (`kid`, `skid`) it has a fragment; as `from` or `to` of a message it has none. A
/// value that exists is well formed and bounded. Comparing and hashing are by the exact text.
///
/// # Spec
/// DID Core 1.1 §"DID URL Syntax".
#[derive(Clone)]
pub struct DidUrl {
    did: Did,
    /// The whole text, the DID included.
    text: Arc<str>,
}

impl DidUrl {
    /// Reads an absolute DID URL.
    ///
    /// # Errors
    /// [`DidSyntaxError`] if the text is not one; a relative one (`#key-1`) is not, see
    /// [`DidUrl::join`].
    pub fn parse(text: &str) -> Result<Self, DidSyntaxError> {
        let (did, suffix) = text.split_at(syntax::did_end(text));
        Self::assemble(Did::parse(did)?, text.into(), suffix)
    }

    /// Reads a DID URL that may be relative to `base`: `#key-1` in the document of `base`.
    ///
    /// # Errors
    /// [`DidSyntaxError`] as [`DidUrl::parse`].
    ///
    /// # Spec
    /// DID Core 1.1 §"Relative DID URLs".
    pub fn join(base: &Did, text: &str) -> Result<Self, DidSyntaxError> {
        if text.starts_with(['/', '?', '#']) {
            Self::assemble(base.clone(), format!("{base}{text}").into(), text)
        } else {
            Self::parse(text)
        }
    }

    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the DID that the URL starts with.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Returns the path with its leading slash; empty if there is none.
    pub fn path(&self) -> &str {
        let suffix = self.suffix();
        &suffix[..suffix.find(['?', '#']).unwrap_or(suffix.len())]
    }

    /// Returns the query without its question mark.
    pub fn query(&self) -> Option<&str> {
        let before_fragment = self.suffix().split('#').next()?;
        before_fragment.split_once('?').map(|(_, query)| query)
    }

    /// Returns the fragment without its number sign.
    pub fn fragment(&self) -> Option<&str> {
        self.suffix().split_once('#').map(|(_, fragment)| fragment)
    }

    /// Returns the same URL without query and path: the DID and the fragment, if there is one.
    #[must_use]
    pub fn without_path_and_query(&self) -> Self {
        match self.fragment() {
            Some(_) if self.path().is_empty() && self.query().is_none() => self.clone(),
            Some(fragment) => {
                let text = format!("{}#{fragment}", self.did).into();
                Self {
                    did: self.did.clone(),
                    text,
                }
            }
            None => self.did.clone().into(),
        }
    }

    fn assemble(did: Did, text: Arc<str>, suffix: &str) -> Result<Self, DidSyntaxError> {
        if suffix.len() > limits::DID_URL_SUFFIX_BYTES {
            return Err(DidSyntaxError::TooLong {
                limit: limits::DID_URL_SUFFIX_BYTES,
            });
        }
        syntax::check_suffix(suffix)?;
        Ok(Self { did, text })
    }

    fn suffix(&self) -> &str {
        &self.text[self.did.as_str().len()..]
    }
}

impl From<Did> for DidUrl {
    fn from(did: Did) -> Self {
        let text = did.as_str().into();
        Self { did, text }
    }
}

impl PartialEq for DidUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for DidUrl {}

impl PartialOrd for DidUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DidUrl {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for DidUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for DidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for DidUrl {
    type Err = DidSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl AsRef<str> for DidUrl {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Serialize for DidUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DidUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
