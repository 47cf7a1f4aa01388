//! Which version of a history is asked for.

use super::VersionTime;
use super::error::ResolutionError;
use crate::DidUrl;
use crate::syntax::percent_decode;

/// Which version of a history is asked for.
///
/// # Spec
/// did:webvh 1.0 §"Reading did:webvh DID URLs"; conformance VH-10.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// The one with this `versionId`.
    Id(String),
    /// The present one.
    #[default]
    Latest,
    /// The one with this number, from 1.
    Number(usize),
    /// The one that was in force at this time.
    Time(VersionTime),
}

impl Query {
    /// Reads the query of a DID URL: `versionId`, `versionTime` or `versionNumber`; other
    /// parameters don't name a version and are ignored.
    ///
    /// # Errors
    /// [`ResolutionError::Query`] if a version is named twice or in a way that can't be read.
    pub fn of(url: &DidUrl) -> Result<Self, ResolutionError> {
        let mut query = Self::Latest;
        for parameter in url.query().unwrap_or_default().split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let decoded = percent_decode(value).ok_or(ResolutionError::Query)?;
            let named = match name {
                "versionId" => Some(Self::Id(decoded)),
                "versionNumber" => number(&decoded).map(Self::Number),
                "versionTime" => VersionTime::parse(&decoded).map(Self::Time),
                _ => continue,
            };
            if query != Self::Latest {
                return Err(ResolutionError::Query);
            }
            query = named.ok_or(ResolutionError::Query)?;
        }
        Ok(query)
    }
}

fn number(text: &str) -> Option<usize> {
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
