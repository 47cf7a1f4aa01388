//! A verified history, and what it answers.

use serde::{Serialize, Serializer};

use super::error::{LogError, ResolutionError};
use super::parameters::{Parameters, WitnessList};
use super::query::Query;
use super::time::VersionTime;
use crate::{Did, DidDocument};

/// The verified versions of a DID: at least one.
#[derive(Clone, Debug)]
pub struct History {
    pub(super) versions: Vec<Version>,
    pub(super) refused: Option<LogError>,
}

/// A verified version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub(super) id: String,
    pub(super) time: VersionTime,
    pub(super) did: Did,
    pub(super) state: Vec<u8>,
    pub(super) parameters: Parameters,
}

/// What a history answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolution {
    /// The document; `None` of a version that ends the DID.
    pub document: Option<DidDocument>,
    /// What is known about it.
    pub metadata: Metadata,
}

/// What is known about a version and its history: the metadata of DID Resolution.
///
/// `updated` and all members after it are those of the last verified version.
///
/// # Spec
/// did:webvh 1.0 §"Read (Resolve)"; conformance VH-10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Metadata {
    /// Number and hash of the version.
    pub version_id: String,
    /// Since when it is in force.
    #[serde(serialize_with = "as_text")]
    pub version_time: VersionTime,
    /// When the DID was made.
    #[serde(serialize_with = "as_text")]
    pub created: VersionTime,
    /// When it was last changed.
    #[serde(serialize_with = "as_text")]
    pub updated: VersionTime,
    /// The self-certifying identifier.
    pub scid: String,
    /// Whether the DID may get another host or path.
    pub portable: bool,
    /// Whether the DID has ended.
    pub deactivated: bool,
    /// How long the document may be used without looking again, in seconds; text in JSON.
    #[serde(serialize_with = "as_text")]
    pub ttl: u32,
    /// The witnesses; absent in JSON if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessList>,
    /// Addresses of those who keep copies.
    pub watchers: Vec<String>,
}

impl History {
    /// Returns the verified versions, oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Returns why the log ends before its end, if it does.
    pub fn refused(&self) -> Option<&LogError> {
        self.refused.as_ref()
    }

    /// Answers a query.
    ///
    /// If an entry was refused, only verified versions that are named by number or id are answered,
    /// and times for which a verified later version shows what was in force. The present document
    /// and the time since the last verified version depend on what was refused: they are refused.
    ///
    /// # Errors
    /// [`ResolutionError`].
    ///
    /// # Spec
    /// did:webvh 1.0 §"Read (Resolve)" steps 10 and 11, §"Reading did:webvh DID URLs"; conformance
    /// VH-10, VH-11.
    pub fn resolve(&self, query: &Query) -> Result<Resolution, ResolutionError> {
        let version = self.find(query)?;
        let document = match version.parameters.deactivated {
            true => None,
            false => Some(DidDocument::parse(&version.did, &version.state)?),
        };
        let (first, last) = (self.first(), self.last());
        Ok(Resolution {
            document,
            metadata: Metadata {
                version_id: version.id.clone(),
                version_time: version.time.clone(),
                created: first.time.clone(),
                updated: last.time.clone(),
                scid: last.parameters.scid.clone(),
                portable: last.parameters.portable,
                deactivated: last.parameters.deactivated,
                ttl: last.parameters.ttl,
                witness: last.parameters.witness.as_deref().cloned(),
                watchers: last.parameters.watchers.to_vec(),
            },
        })
    }

    fn find(&self, query: &Query) -> Result<&Version, ResolutionError> {
        let mut versions = self.versions.iter();
        let found = match query {
            Query::Latest => return self.unless_refused(self.last()),
            Query::Id(id) => versions.find(|version| version.id == *id),
            Query::Number(number) => versions.nth(number.wrapping_sub(1)),
            Query::Time(time) => {
                let in_force = versions.rfind(|version| version.time <= *time);
                let is_open = in_force == Some(self.last()) && self.last().time != *time;
                match in_force {
                    Some(version) if is_open => return self.unless_refused(version),
                    in_force => in_force,
                }
            }
        };
        found.ok_or_else(|| match (&self.refused, query) {
            // It may be there, where nothing can be verified.
            (Some(refused), Query::Id(_) | Query::Number(1..)) => refused.clone().into(),
            _ => ResolutionError::NotFound,
        })
    }

    fn unless_refused<'a>(&self, version: &'a Version) -> Result<&'a Version, ResolutionError> {
        match &self.refused {
            None => Ok(version),
            Some(refused) => Err(refused.clone().into()),
        }
    }

    fn first(&self) -> &Version {
        self.versions.first().expect("a history has a version")
    }

    fn last(&self) -> &Version {
        self.versions.last().expect("a history has a version")
    }
}

impl Version {
    /// Returns `versionId`: number and hash.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns since when it is in force, as its controller says.
    pub fn time(&self) -> &VersionTime {
        &self.time
    }

    /// Returns the DID that it is about; another host and path than in other versions if it moved.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Returns the document in its canonical form (RFC 8785).
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// Returns the parameters in force after it.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
