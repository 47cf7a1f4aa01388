//! One entry of a log: its parts, and the hashes that chain it to the others.

use comity_jose::json;
use serde_json::{Map, Value};

use super::error::{EntryError, ProofError};
use super::{VersionTime, proof};
use crate::{limits, multihash};

/// An entry that was read: every member is of its type, nothing is verified.
///
/// Members that the specification doesn't know are kept: hashes and signatures cover them.
pub(super) struct Entry {
    pub(super) version_id: String,
    pub(super) time: VersionTime,
    pub(super) parameters: Map<String, Value>,
    pub(super) state: Map<String, Value>,
    pub(super) proofs: Vec<Value>,
    /// The entry as it was signed: without its proofs.
    signed: Value,
}

impl Entry {
    /// Reads a line of a log.
    ///
    /// # Spec
    /// did:webvh 1.0 §"The DID Log File"; conformance VH-03.
    pub(super) fn parse(line: &[u8]) -> Result<Self, EntryError> {
        let Value::Object(mut members) = json::parse(line, &JSON_LIMITS)? else {
            return Err(EntryError::Member { member: "object" });
        };
        let proofs = match members.shift_remove("proof") {
            Some(Value::Array(proofs)) if proofs.len() > limits::ENTRY_PROOFS => {
                return Err(ProofError::TooMany.into());
            }
            Some(Value::Array(proofs)) => proofs,
            Some(proof @ Value::Object(_)) => vec![proof],
            Some(_) => return Err(EntryError::Member { member: "proof" }),
            None => Vec::new(),
        };
        let text = |member: &'static str| {
            let text = members.get(member).and_then(Value::as_str);
            text.ok_or(EntryError::Member { member })
        };
        let object = |member: &'static str| {
            let object = members.get(member).and_then(Value::as_object);
            object.ok_or(EntryError::Member { member })
        };
        let time = VersionTime::parse(text("versionTime")?);
        Ok(Self {
            version_id: text("versionId")?.to_owned(),
            time: time.ok_or(EntryError::Member {
                member: "versionTime",
            })?,
            parameters: object("parameters")?.clone(),
            state: object("state")?.clone(),
            proofs,
            signed: Value::Object(members),
        })
    }

    /// Checks the number in `versionId`, which has exactly one dash and no leading zeros, and the
    /// hash after it. `predecessor` is the `versionId` of the entry before, or the SCID.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Verify The Entry Hash"; conformance VH-03, VH-04.
    pub(super) fn check_version_id(
        &self,
        number: usize,
        predecessor: &str,
    ) -> Result<(), EntryError> {
        let hash = self
            .version_id
            .strip_prefix(&number.to_string())
            .and_then(|rest| rest.strip_prefix('-'));
        let hash = hash.ok_or(EntryError::VersionNumber)?;
        if entry_hash(&self.signed, predecessor)? != hash {
            return Err(EntryError::EntryHash);
        }
        Ok(())
    }

    /// Checks that the SCID, of the first entry, is the entry's hash.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Verify SCID"; conformance VH-04.
    pub(super) fn check_scid(&self, claimed: &str) -> Result<(), EntryError> {
        let template = without_scid(&self.signed, claimed).ok_or(EntryError::Scid)?;
        if scid(&template)? != claimed {
            return Err(EntryError::Scid);
        }
        Ok(())
    }

    /// Returns the hash that the proofs sign.
    pub(super) fn signed_digest(&self) -> Result<[u8; 32], EntryError> {
        Ok(proof::digest(&self.signed)?)
    }
}

/// Returns the hash of an entry without proof, as the successor of `predecessor`.
pub(super) fn entry_hash(entry: &Value, predecessor: &str) -> Result<String, EntryError> {
    let mut entry = entry.clone();
    set_version_id(&mut entry, predecessor);
    Ok(multihash::of_digest(&proof::digest(&entry)?))
}

/// Returns the SCID of a first entry without proof that has [`PLACEHOLDER`] in its place.
pub(super) fn scid(template: &Value) -> Result<String, EntryError> {
    let mut template = template.clone();
    set_version_id(&mut template, PLACEHOLDER);
    Ok(multihash::of_digest(&proof::digest(&template)?))
}

fn set_version_id(entry: &mut Value, version_id: &str) {
    if let Some(members) = entry.as_object_mut() {
        members.insert("versionId".into(), version_id.into());
    }
}

/// Puts [`PLACEHOLDER`] in the place of the SCID, in every text and every name. `None` if two
/// members get the same name.
fn without_scid(value: &Value, scid: &str) -> Option<Value> {
    let replaced = |text: &String| text.replace(scid, PLACEHOLDER);
    Some(match value {
        Value::String(text) => Value::String(replaced(text)),
        Value::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| without_scid(value, scid))
                .collect::<Option<_>>()?,
        ),
        Value::Object(members) => {
            let mut out = Map::new();
            for (name, value) in members {
                let before = out.insert(replaced(name), without_scid(value, scid)?);
                if before.is_some() {
                    return None;
                }
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

/// What stands for the SCID before it is known.
pub(super) const PLACEHOLDER: &str = "{SCID}";

/// What an entry may be as JSON: a document, and a little around it.
const JSON_LIMITS: json::Limits = json::Limits {
    bytes: limits::LOG_ENTRY_BYTES,
    depth: limits::DOCUMENT_DEPTH + 2,
    members: limits::DOCUMENT_MEMBERS + 1024,
};
