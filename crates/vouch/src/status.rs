//! Status lists: one bit for each vouch, one where it was revoked.

mod bits;

use std::time::Duration;

use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::SignatureAlgorithm;
use comity_jose::json::Limits;
use serde_json::{Value, json};

pub use bits::{BitsError, StatusBits};

use crate::credential::{self, CREDENTIAL, CREDENTIALS_V2, Credential, Members, Unsigned};
use crate::error::{FormError, VouchError};
use crate::limits;

/// Where the revocation of one vouch shows: a list, and an index in it.
///
/// # Spec
/// Bitstring Status List 1.0 §"BitstringStatusListEntry".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusEntry {
    url: String,
    index: u32,
}

impl StatusEntry {
    /// Takes the address of a list, https and at most [`limits::URL_BYTES`] octets, and an index
    /// below [`limits::LIST_BITS_MAX`]. `None` for others.
    ///
    /// # Security
    /// An issuer chooses the index at random among those not given away, so that it tells nothing of
    /// when and how often they vouch. The address is a peer's: fetch it through the guarded
    /// connector only.
    #[must_use]
    pub fn new(url: &str, index: u32) -> Option<Self> {
        let authority = url.strip_prefix("https://")?.split(['/', '?']).next()?;
        let allowed = |octet: u8| octet.is_ascii_graphic() && !br#""<>\^`{|}#"#.contains(&octet);
        let is_sound = url.len() <= limits::URL_BYTES
            && url.bytes().all(allowed)
            && !authority.is_empty()
            && !authority.contains('@')
            && usize::try_from(index).is_ok_and(|index| index < limits::LIST_BITS_MAX);
        is_sound.then(|| Self {
            url: url.to_owned(),
            index,
        })
    }

    /// The address of the list.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The place in the list, from 0.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Checks that `list` says of this entry that nothing was revoked: it is the list that the entry
    /// names, made and signed by `issuer`, signed at most `max_age` ago and not expired, and the bit
    /// is zero. Returns when the list was signed, UTC seconds.
    ///
    /// # Errors
    /// One of the `Status…` variants of [`VouchError`], or [`VouchError::Revoked`].
    ///
    /// # Spec
    /// Bitstring Status List 1.0 §"Validate Algorithm". Stricter in two points: the issuer must be that
    /// of the vouch, and `id` must be there and be the address.
    pub fn check(
        &self,
        list: &StatusList,
        issuer: &Did,
        document: &DidDocument,
        now: u64,
        max_age: Duration,
    ) -> Result<u64, VouchError> {
        self.check_claims(list, issuer, now, max_age)?;
        if document.id() != issuer {
            return Err(VouchError::Unresolved(issuer.clone()));
        }
        let bits = list.verify(document)?;
        match bits.get(self.index) {
            Some(false) => Ok(list.signed_at()),
            Some(true) => Err(VouchError::Revoked),
            None => Err(VouchError::StatusIndex { index: self.index }),
        }
    }

    /// What can be said before anything is resolved.
    pub(crate) fn check_claims(
        &self,
        list: &StatusList,
        issuer: &Did,
        now: u64,
        max_age: Duration,
    ) -> Result<(), VouchError> {
        let (signed_at, limit_s) = (list.signed_at(), max_age.as_secs());
        let age_s = now.saturating_sub(signed_at);
        if list.credential.issuer != *issuer {
            Err(VouchError::StatusIssuer)
        } else if list.url != self.url {
            Err(VouchError::StatusList)
        } else if !credential::has_started(signed_at, now) {
            Err(VouchError::StatusNotYet)
        } else if age_s > limit_s {
            Err(VouchError::StatusStale { age_s, limit_s })
        } else if list.valid_until() <= now {
            Err(VouchError::StatusExpired)
        } else {
            Ok(())
        }
    }

    /// `credentialStatus` of a vouch.
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "id": format!("{}#{}", self.url, self.index),
            "type": ENTRY,
            "statusPurpose": REVOCATION,
            "statusListIndex": self.index.to_string(),
            "statusListCredential": self.url,
        })
    }

    pub(crate) fn read(status: &Members) -> Result<Self, FormError> {
        status.is_text("type", ENTRY)?;
        status.is_text("statusPurpose", REVOCATION)?;
        if status.has("statusSize") {
            status.integer("statusSize", 1)?;
        }
        let text = status.text("statusListIndex")?;
        let index = text
            .parse()
            .ok()
            .filter(|index: &u32| index.to_string() == text);
        let index = index.ok_or(FormError::Member("statusListIndex"))?;
        Self::new(status.text("statusListCredential")?, index)
            .ok_or(FormError::Member("statusListCredential"))
    }
}

/// A status list to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusListDraft {
    /// Whose vouches are on it.
    pub issuer: Did,
    /// Its address, as the vouches name it.
    pub url: String,
    /// When it is signed, UTC seconds: what verifiers reckon its age from.
    pub signed_at: u64,
    /// Until when it may be used at most, UTC seconds.
    pub valid_until: u64,
    /// The bits.
    pub bits: StatusBits,
}

impl StatusListDraft {
    /// The octets that the key `kid` of the issuer, which its document lists under
    /// `assertionMethod`, has to sign with `alg`.
    ///
    /// # Errors
    /// As [`StatusList::read`]; [`FormError::TooLong`] if more was revoked than fits
    /// [`limits::STATUS_BYTES`], see [`limits::LIST_ENTRIES`].
    ///
    /// # Spec
    /// Bitstring Status List 1.0 §"BitstringStatusListCredential", §"Generate Algorithm".
    pub fn prepare(
        &self,
        kid: &DidUrl,
        alg: SignatureAlgorithm,
    ) -> Result<Unsigned<StatusList>, VouchError> {
        let date = |seconds, name| {
            let date = credential::date(seconds, name);
            date.map_err(|_| VouchError::StatusMalformed(FormError::Member(name)))
        };
        let credential = json!({
            "@context": [CREDENTIALS_V2],
            "id": self.url,
            "type": [CREDENTIAL, LIST_CREDENTIAL],
            "issuer": self.issuer,
            "validFrom": date(self.signed_at, "validFrom")?,
            "validUntil": date(self.valid_until, "validUntil")?,
            "credentialSubject": {
                "id": format!("{}#list", self.url),
                "type": LIST,
                "statusPurpose": REVOCATION,
                "encodedList": self.bits.to_encoded_list(),
            },
        });
        Unsigned::new(&credential, kid, alg, StatusList::read)
    }
}

/// A status list that was read: well formed and bounded, neither verified nor expanded.
#[derive(Clone, Debug)]
pub struct StatusList {
    text: String,
    credential: Credential,
    url: String,
    encoded_list: String,
}

impl StatusList {
    /// Reads a compact JWS. Nothing is expanded.
    ///
    /// # Errors
    /// [`VouchError::StatusMalformed`], [`VouchError::StatusPurpose`], or
    /// [`VouchError::StatusIssuer`] if `kid` is a key of somebody else than its issuer.
    pub fn read(text: &str) -> Result<Self, VouchError> {
        let malformed = VouchError::StatusMalformed;
        let types = [CREDENTIAL, LIST_CREDENTIAL];
        let credential =
            Credential::read(text, &LIMITS, &[CREDENTIALS_V2], types).map_err(malformed)?;
        if !credential.is_signed_by_issuer() {
            return Err(VouchError::StatusIssuer);
        }
        let members = &credential.members;
        let url = members.text("id").map_err(malformed)?;
        if StatusEntry::new(url, 0).is_none() {
            return Err(malformed(FormError::Member("id")));
        }
        let subject = members.object("credentialSubject").map_err(malformed)?;
        subject.is_text("type", LIST).map_err(malformed)?;
        if subject.has("statusSize") {
            subject.integer("statusSize", 1).map_err(malformed)?;
        }
        if subject.text("statusPurpose").map_err(malformed)? != REVOCATION {
            return Err(VouchError::StatusPurpose);
        }
        let encoded_list = subject.text("encodedList").map_err(malformed)?.to_owned();
        Ok(Self {
            url: url.to_owned(),
            text: text.to_owned(),
            encoded_list,
            credential,
        })
    }

    /// The compact JWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose list it says it is.
    #[must_use]
    pub const fn issuer(&self) -> &Did {
        &self.credential.issuer
    }

    /// The address that it says it has.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// When it says it was signed, UTC seconds.
    #[must_use]
    pub const fn signed_at(&self) -> u64 {
        self.credential.valid_from
    }

    /// Until when it may be used, UTC seconds.
    #[must_use]
    pub const fn valid_until(&self) -> u64 {
        self.credential.valid_until
    }

    /// Checks the signature with the issuer's document, and only then expands the bits.
    ///
    /// # Errors
    /// [`VouchError::StatusIssuer`] if the document is somebody else's, [`VouchError::StatusKey`],
    /// [`VouchError::StatusSignature`], [`VouchError::StatusMalformed`].
    pub fn verify(&self, document: &DidDocument) -> Result<StatusBits, VouchError> {
        if *document.id() != self.credential.issuer {
            return Err(VouchError::StatusIssuer);
        }
        let key = self.credential.key(document).ok_or(VouchError::StatusKey)?;
        if !self.credential.is_signed_with(key) {
            return Err(VouchError::StatusSignature);
        }
        StatusBits::from_encoded_list(&self.encoded_list)
            .map_err(|_| VouchError::StatusMalformed(FormError::Member("encodedList")))
    }
}

const ENTRY: &str = "BitstringStatusListEntry";
const LIST: &str = "BitstringStatusList";
const LIST_CREDENTIAL: &str = "BitstringStatusListCredential";
const REVOCATION: &str = "revocation";

const LIMITS: Limits = Limits {
    bytes: limits::STATUS_BYTES,
    depth: 4,
    members: 64,
};
