//! The parameters of a history: who may continue it, and how.

use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::EntryError;
use super::{METHOD, is_multihash, proof};
use crate::{Did, limits, multihash};

/// The parameters in force after an entry.
///
/// Entries that don't change a list share it, so that a history takes memory in proportion to its
/// log.
///
/// # Spec
/// did:webvh 1.0 §"did:webvh DID Method Parameters"; conformance VH-06.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// The self-certifying identifier: the same for ever.
    pub scid: String,
    /// The keys that may sign the next entry, as multikeys; none: nobody may.
    pub update_keys: Arc<[String]>,
    /// The hashes of the keys that the next entry may name; empty without pre-rotation.
    pub next_key_hashes: Arc<[String]>,
    /// The witnesses whose approval the next entry needs.
    pub witness: Option<Arc<WitnessList>>,
    /// Addresses of those who keep copies.
    pub watchers: Arc<[String]>,
    /// Whether the DID may get another host or path.
    pub portable: bool,
    /// Whether the DID has ended.
    pub deactivated: bool,
    /// How long the document may be used without looking again, in seconds: 0 to 2³¹.
    pub ttl: u32,
}

/// Witnesses, and how many of them have to approve. Always `1 <= threshold <= witnesses.len()`.
///
/// # Spec
/// did:webvh 1.0 §"The `witness` Parameter"; conformance VH-08.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessList {
    /// How many have to approve.
    pub threshold: usize,
    /// The witnesses, distinct DIDs of did:key on Ed25519.
    pub witnesses: Vec<Did>,
}

/// What an entry says about parameters: only those that it names.
struct Changes {
    method: bool,
    scid: Option<String>,
    update_keys: Option<Arc<[String]>>,
    next_key_hashes: Option<Arc<[String]>>,
    witness: Option<Option<Arc<WitnessList>>>,
    watchers: Option<Arc<[String]>>,
    portable: Option<bool>,
    deactivated: Option<bool>,
    ttl: Option<u32>,
}

impl Parameters {
    /// Reads the parameters of the first entry.
    pub(super) fn first(members: &Map<String, Value>) -> Result<Self, EntryError> {
        let changes = Changes::read(members)?;
        if !changes.method {
            return Err(EntryError::Method);
        }
        let required = |parameter| EntryError::Parameter { parameter };
        Ok(Self {
            scid: changes.scid.ok_or(required("scid"))?,
            update_keys: changes.update_keys.ok_or(required("updateKeys"))?,
            next_key_hashes: changes.next_key_hashes.unwrap_or_default(),
            witness: changes.witness.flatten(),
            watchers: changes.watchers.unwrap_or_default(),
            portable: changes.portable.unwrap_or(false),
            deactivated: changes.deactivated.unwrap_or(false),
            ttl: changes.ttl.unwrap_or(DEFAULT_TTL),
        })
    }

    /// Applies those of a later entry, with the rules that bind it to the promises made before it.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Pre-Rotation Key Hash Generation and Verification"; conformance VH-06,
    /// VH-07.
    pub(super) fn then(&self, members: &Map<String, Value>) -> Result<Self, EntryError> {
        let changes = Changes::read(members)?;
        if changes.scid.is_some() {
            return Err(EntryError::Parameter { parameter: "scid" });
        }
        if changes.portable == Some(true) {
            return Err(EntryError::Parameter {
                parameter: "portable",
            });
        }
        if self.has_pre_rotation() {
            let promised = |key: &String| self.next_key_hashes.contains(&key_hash(key));
            let keys = changes.update_keys.as_ref();
            if !keys.is_some_and(|keys| keys.iter().all(promised))
                || changes.next_key_hashes.is_none()
            {
                return Err(EntryError::PreRotation);
            }
        }
        let kept = self.clone();
        Ok(Self {
            scid: kept.scid,
            update_keys: changes.update_keys.unwrap_or(kept.update_keys),
            next_key_hashes: changes.next_key_hashes.unwrap_or(kept.next_key_hashes),
            witness: changes.witness.unwrap_or(kept.witness),
            watchers: changes.watchers.unwrap_or(kept.watchers),
            portable: changes.portable.unwrap_or(kept.portable),
            deactivated: changes.deactivated.unwrap_or(kept.deactivated),
            ttl: changes.ttl.unwrap_or(kept.ttl),
        })
    }

    /// Whether the keys of the next entry have been promised by their hashes.
    pub fn has_pre_rotation(&self) -> bool {
        !self.next_key_hashes.is_empty()
    }
}

/// Returns the hash by which `nextKeyHashes` promises a key.
///
/// # Spec
/// did:webvh 1.0 §"Pre-Rotation Key Hash Generation and Verification"; conformance VH-07.
pub(super) fn key_hash(multikey: &str) -> String {
    multihash::sha256_base58(multikey.as_bytes())
}

impl Changes {
    fn read(members: &Map<String, Value>) -> Result<Self, EntryError> {
        let mut changes = Self {
            method: false,
            scid: None,
            update_keys: None,
            next_key_hashes: None,
            witness: None,
            watchers: None,
            portable: None,
            deactivated: None,
            ttl: None,
        };
        for (name, value) in members {
            changes.read_one(name, value)?;
        }
        Ok(changes)
    }

    /// Reads one parameter. `null` stands for the default of those that early software wrote it
    /// for (interop trap 52).
    fn read_one(&mut self, name: &str, value: &Value) -> Result<(), EntryError> {
        let bad = |parameter| EntryError::Parameter { parameter };
        match name {
            "method" if value == METHOD => self.method = true,
            "method" => return Err(EntryError::Method),
            "scid" => {
                let scid = value.as_str().filter(|scid| is_multihash(scid));
                self.scid = Some(scid.ok_or(bad("scid"))?.to_owned());
            }
            "updateKeys" => {
                let keys = texts(value, limits::UPDATE_KEYS, is_multikey);
                self.update_keys = Some(keys.ok_or(bad("updateKeys"))?);
            }
            "nextKeyHashes" => {
                let hashes = texts(value, limits::UPDATE_KEYS, is_multihash);
                self.next_key_hashes = Some(hashes.ok_or(bad("nextKeyHashes"))?);
            }
            "witness" => {
                let witness = WitnessList::read(value).ok_or(bad("witness"))?;
                self.witness = Some(witness.map(Arc::new));
            }
            "watchers" => {
                let watchers = texts(value, limits::WATCHERS, is_web_address);
                self.watchers = Some(watchers.ok_or(bad("watchers"))?);
            }
            "portable" => self.portable = Some(value.as_bool().ok_or(bad("portable"))?),
            "deactivated" => {
                self.deactivated = Some(value.as_bool().ok_or(bad("deactivated"))?);
            }
            "ttl" if value.is_null() => self.ttl = Some(DEFAULT_TTL),
            "ttl" => {
                let ttl = value.as_u64().filter(|ttl| *ttl <= MAX_TTL);
                let ttl = ttl.and_then(|ttl| u32::try_from(ttl).ok());
                self.ttl = Some(ttl.ok_or(bad("ttl"))?);
            }
            _ => return Err(EntryError::UnknownParameter),
        }
        Ok(())
    }
}

impl WitnessList {
    /// Reads the parameter; `Some(None)` if there are to be no witnesses, `None` if it is malformed.
    fn read(value: &Value) -> Option<Option<Self>> {
        if value.is_null() || value.as_object().is_some_and(Map::is_empty) {
            return Some(None);
        }
        let listed = value.get("witnesses")?.as_array()?;
        if listed.len() > limits::WITNESSES {
            return None;
        }
        let mut witnesses = Vec::new();
        for witness in listed {
            let id = witness.get("id")?.as_str()?;
            let did = Did::parse(id).ok().filter(|did| did.method() == "key")?;
            proof::ed25519(did.method_specific_id())?;
            if witnesses.contains(&did) {
                return None;
            }
            witnesses.push(did);
        }
        let threshold = usize::try_from(value.get("threshold")?.as_u64()?).ok()?;
        (1..=witnesses.len())
            .contains(&threshold)
            .then_some(Some(Self {
                threshold,
                witnesses,
            }))
    }

    /// Returns their keys, as proofs name them.
    pub(super) fn multikeys(&self) -> impl Iterator<Item = &str> {
        self.witnesses.iter().map(Did::method_specific_id)
    }
}

/// As the metadata of a resolution has it: the threshold as text, for no numbers stand there.
impl Serialize for WitnessList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Witness<'a> {
            id: &'a Did,
        }
        let witnesses: Vec<_> = self.witnesses.iter().map(|id| Witness { id }).collect();
        let mut members = serializer.serialize_struct("WitnessList", 2)?;
        members.serialize_field("threshold", &self.threshold.to_string())?;
        members.serialize_field("witnesses", &witnesses)?;
        members.end()
    }
}

fn texts(value: &Value, limit: usize, is_allowed: fn(&str) -> bool) -> Option<Arc<[String]>> {
    if value.is_null() {
        return Some(Arc::default());
    }
    let texts = value.as_array().filter(|texts| texts.len() <= limit)?;
    let allowed = |text: &Value| {
        text.as_str()
            .filter(|text| is_allowed(text))
            .map(str::to_owned)
    };
    texts.iter().map(allowed).collect()
}

fn is_multikey(text: &str) -> bool {
    text.starts_with('z') && text.len() <= limits::MULTIKEY_CHARACTERS
}

fn is_web_address(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.len() <= limits::WATCHER_BYTES
}

/// An hour.
const DEFAULT_TTL: u32 = 3600;

/// 2³¹ seconds.
const MAX_TTL: u64 = 1 << 31;
