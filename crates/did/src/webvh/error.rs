//! What can be wrong with a history, and with which entry of it.

use std::sync::Arc;

use comity_jose::json::JsonError;

use crate::DocumentError;
use crate::limits;
use crate::web::WebUrlError;

/// Why a log, or its end, is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The DID that is asked for is no did:webvh.
    #[error("the DID names no history")]
    Did(#[from] WebUrlError),
    /// The log has no entries.
    #[error("the log is empty")]
    Empty,
    /// An entry breaks a rule, so that it and all after it prove nothing.
    #[error("entry {number} of the log is refused")]
    Entry {
        /// Which, from 1.
        number: usize,
        /// Which rule.
        #[source]
        source: EntryError,
    },
    /// No verified entry has the DID that is asked for as the id of its document.
    #[error("the log is the history of another DID")]
    OtherDid,
    /// More octets than are read.
    #[error("the log has more than {} octets", limits::LOG_BYTES)]
    TooLong,
    /// More entries than are read.
    #[error("the log has more than {} entries", limits::LOG_ENTRIES)]
    TooManyEntries,
}

/// Which rule an entry breaks.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// An entry before it ended the DID.
    #[error("it comes after the deactivation")]
    Deactivated,
    /// The hash in `versionId` is not that of the entry and its predecessor.
    #[error("its hash is not the one in versionId")]
    EntryHash,
    /// It is dated more than five minutes ahead.
    #[error("its versionTime is in the future")]
    Future,
    /// Not JSON, or more or deeper than an entry may be.
    #[error("it is not JSON that can be read here")]
    Json(#[source] Arc<JsonError>),
    /// A member is missing or malformed.
    #[error("its {member} is missing or malformed")]
    Member {
        /// The member's name.
        member: &'static str,
    },
    /// `method` is missing in the first entry, or another than `did:webvh:1.0`.
    #[error("its method is not did:webvh:1.0")]
    Method,
    /// The DID has another host or path than before, and may not, or does not say so in
    /// `alsoKnownAs`.
    #[error("it moves the DID, which may not move like this")]
    Moved,
    /// A parameter is missing, malformed, or may not stand in this entry.
    #[error("its parameter {parameter} is not allowed like this")]
    Parameter {
        /// The parameter's name.
        parameter: &'static str,
    },
    /// The entry before it promised keys that these are not, or they are not named.
    #[error("its keys are not those that the entry before it promised")]
    PreRotation,
    /// A proof is missing, or one does not hold.
    #[error("its proof does not hold")]
    Proof(#[from] ProofError),
    /// The self-certifying identifier is not that of the first entry, or not that of the DID.
    #[error("the self-certifying identifier is not that of the first entry and the DID")]
    Scid,
    /// It is not dated after the entry before it.
    #[error("its versionTime is not after that of the entry before it")]
    Time,
    /// A parameter that the method does not know: it may change what everything else means.
    #[error("it has a parameter that did:webvh:1.0 does not know")]
    UnknownParameter,
    /// `versionId` does not have the number of the entry.
    #[error("its versionId is not numbered as its place in the log")]
    VersionNumber,
    /// Too few witnesses approved it.
    #[error("{approvals} of the {threshold} witnesses that it needs approved it")]
    Witnesses {
        /// How many did.
        approvals: usize,
        /// How many it needs.
        threshold: usize,
    },
    /// The witness proofs can't be read, and the entry needs some.
    #[error("the witness proofs cannot be read")]
    WitnessProofs(#[source] Arc<JsonError>),
}

impl From<JsonError> for EntryError {
    fn from(error: JsonError) -> Self {
        Self::Json(Arc::new(error))
    }
}

/// Why a data integrity proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It has a `@context` or a `previousProof`, which change what is signed and mean nothing here.
    #[error("it has a {member}, which is not read")]
    Extension {
        /// The member's name.
        member: &'static str,
    },
    /// Its `expires` is over, or no time.
    #[error("it has expired")]
    Expired,
    /// Its key is not an Ed25519 key as did:key writes it, with the same text before and after `#`.
    #[error("its verificationMethod is not an Ed25519 key of did:key")]
    Key,
    /// There is none.
    #[error("there is none")]
    Missing,
    /// Another `proofPurpose` than `assertionMethod`.
    #[error("its proofPurpose is not assertionMethod")]
    Purpose,
    /// The signature is wrong or malformed.
    #[error("its signature is wrong")]
    Signature,
    /// Another `type` or `cryptosuite` than `DataIntegrityProof` and `eddsa-jcs-2022`.
    #[error("it is not of the cryptosuite eddsa-jcs-2022")]
    Suite,
    /// More of them than are read.
    #[error("there are more than {}", limits::ENTRY_PROOFS)]
    TooMany,
    /// Its key may not update the DID.
    #[error("its key is not among the active updateKeys")]
    Unauthorized,
}

/// Why a history does not answer a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolutionError {
    /// The document of the version can't be read.
    #[error("the document of the version cannot be read")]
    Document(#[from] DocumentError),
    /// The answer depends on the end of the log, which is refused.
    #[error("the log is refused where the answer would be")]
    Log(#[from] LogError),
    /// There is no such version.
    #[error("the DID has no such version")]
    NotFound,
    /// The query of the DID URL asks for no version, or for several.
    #[error("the query of the DID URL does not name one version")]
    Query,
}

impl ResolutionError {
    /// Returns the `error` of the resolution metadata.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Read (Resolve)"; conformance VH-10.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "notFound",
            Self::Document(_) | Self::Log(_) | Self::Query => "invalidDid",
        }
    }
}
