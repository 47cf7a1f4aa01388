use std::{fmt, str::FromStr};

use comity_did::{Did, DidSyntaxError, HandleError, web};
use comity_jose::PublicKey;
use serde::{Serialize, Serializer};

use crate::{
    checkpoint::{Vkey, VkeyError},
    text::{Fingerprint, Shy},
};

/// What a verifier trusts before looking at a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anchor {
    /// A key of an identity: `DID=FINGERPRINT`, or `NAME@HOST=FINGERPRINT`.
    Key {
        /// The identity.
        did: Did,
        /// 32 to 64 leading lower-case hex digits of the key's fingerprint.
        fingerprint: String,
    },
    /// The key of a log or of a witness, by its use.
    Vkey(Vkey),
}

impl Anchor {
    /// Trusts exactly this key for this identity.
    pub fn key(did: Did, key: &PublicKey) -> Self {
        Self::Key {
            did,
            fingerprint: Fingerprint::of(key).to_string(),
        }
    }

    pub(super) fn is_for(&self, subject: &Did) -> bool {
        matches!(self, Self::Key { did, .. } if did.same_subject(subject))
    }

    /// The digits that were given for this identity.
    pub(super) fn digits(&self, subject: &Did) -> Option<&str> {
        match self {
            Self::Key { fingerprint, .. } if self.is_for(subject) => Some(fingerprint),
            _ => None,
        }
    }

    pub(super) fn matches(&self, subject: &Did, key: &Fingerprint) -> bool {
        match self {
            Self::Key { fingerprint, .. } => {
                self.is_for(subject) && key.to_string().starts_with(fingerprint)
            }
            Self::Vkey(_) => false,
        }
    }
}

/// Reads a file of anchors: one a line; empty lines and lines that begin with `#` are skipped.
///
/// # Errors
/// The first line that is no anchor. None is skipped: a mistyped anchor must not silently weaken
/// what is asked.
pub fn parse_anchors(text: &str) -> Result<Vec<Anchor>, AnchorFileError> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, text)| {
            text.parse()
                .map_err(|source| AnchorFileError { line, source })
        })
        .collect()
}

/// A line that is no anchor.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no anchor")]
pub struct AnchorFileError {
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub source: AnchorError,
}

/// Why a text is no anchor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Nothing but the digits of a fingerprint.
    #[error(
        "a fingerprint alone does not say whose key it is: write DID=FINGERPRINT or \
         NAME@HOST=FINGERPRINT"
    )]
    Bare,
    /// What stands before `=` is no DID.
    #[error("an anchor of an identity begins with its DID or its name, NAME@HOST")]
    Did(#[from] DidSyntaxError),
    /// Too few or other digits.
    #[error("a fingerprint has 32 to 64 hexadecimal digits")]
    Fingerprint,
    /// What stands before `=` is no handle.
    #[error("what stands before = is no NAME@HOST")]
    Handle(#[from] HandleError),
    /// An identity without a key.
    #[error("{0} is whose key to trust, not which: write {0}=FINGERPRINT")]
    NoFingerprint(String),
    /// Not `DID=FINGERPRINT`, and no verifier key either.
    #[error(
        "an anchor is DID=FINGERPRINT, NAME@HOST=FINGERPRINT, or the verifier key of a log or \
         witness"
    )]
    Vkey(#[from] VkeyError),
}

impl FromStr for Anchor {
    type Err = AnchorError;

    /// # Spec
    /// `formats.md` §0: at least 32 leading digits are accepted from a person.
    fn from_str(text: &str) -> Result<Self, AnchorError> {
        if is_fingerprint(text) {
            return Err(AnchorError::Bare);
        }
        // Verifier keys have a `+`, which neither DIDs of agents nor handles have.
        let handle = text.contains('@') && !text.contains('+');
        if !text.starts_with("did:") && !handle {
            return Ok(Self::Vkey(text.parse()?));
        }
        let (subject, fingerprint) = text
            .rsplit_once('=')
            .ok_or_else(|| AnchorError::NoFingerprint(Shy(text).to_string()))?;
        let (subject, fingerprint) = (subject.trim(), fingerprint.trim());
        if !is_fingerprint(fingerprint) {
            return Err(AnchorError::Fingerprint);
        }
        Ok(Self::Key {
            did: if subject.starts_with("did:") {
                subject.parse()?
            } else {
                web::from_handle(subject)?
            },
            fingerprint: fingerprint.to_ascii_lowercase(),
        })
    }
}

fn is_fingerprint(text: &str) -> bool {
    (32..=64).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { did, fingerprint } => write!(f, "{did}={fingerprint}"),
            Self::Vkey(vkey) => vkey.fmt(f),
        }
    }
}

impl Serialize for Anchor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
