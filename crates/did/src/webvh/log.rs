//! Verifying a log, entry by entry.

use std::sync::Arc;

use comity_jose::json;
use serde_json::Value;

use super::entry::Entry;
use super::error::{EntryError, LogError, ProofError};
use super::history::{History, Version};
use super::parameters::{Parameters, WitnessList};
use super::proof::Proof;
use super::witness;
use crate::web::WebUrlError;
use crate::{Did, limits};

/// A log whose entries are verified up to its end or to the first that is refused; what witnesses
/// say about them is not.
#[derive(Clone, Debug)]
pub struct Log {
    did: Did,
    scid: String,
    versions: Vec<Version>,
    /// For each version, the witnesses whose approval it needs.
    witnesses: Vec<Option<Arc<WitnessList>>>,
    refused: Option<LogError>,
    now: u64,
}

impl Log {
    /// Verifies every entry of the log of `did`: parameters, chain, proofs, times and ids. `now` is
    /// in UTC seconds.
    ///
    /// # Errors
    /// [`LogError`] if the first entry is refused or the log as a whole. A later entry that is
    /// refused ends the log; see [`History::resolve`] for what that means.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Read (Resolve)"; conformance VH-03 to VH-07, VH-09.
    pub fn verify(did: &Did, octets: &[u8], now: u64) -> Result<Self, LogError> {
        if octets.len() > limits::LOG_BYTES {
            return Err(LogError::TooLong);
        }
        let mut log = Self {
            did: did.clone(),
            scid: super::url(did)?.scid,
            versions: Vec::new(),
            witnesses: Vec::new(),
            refused: None,
            now,
        };
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        if octets.is_empty() {
            return Err(LogError::Empty);
        }
        for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
            if index == limits::LOG_ENTRIES {
                return Err(LogError::TooManyEntries);
            }
            if let Err(source) = log.append(line) {
                let number = index + 1;
                log.refused = Some(LogError::Entry { number, source });
                break;
            }
        }
        match log.refused {
            Some(refused) if log.versions.is_empty() => Err(refused),
            _ => Ok(log),
        }
    }

    /// Whether [`Log::into_history`] needs the witness proofs of the DID.
    pub fn needs_witness_proofs(&self) -> bool {
        self.witnesses.iter().any(Option::is_some)
    }

    /// Checks the approvals of witnesses. `witness_proofs` are the octets of `did-witness.json`;
    /// `None` if there is no such file.
    ///
    /// # Errors
    /// [`LogError`] if the first entry lacks approval, or no verified entry is of the DID that was
    /// asked for. A later entry that lacks approval ends the log.
    ///
    /// # Spec
    /// did:webvh 1.0 §"Verifying Witness Proofs During Resolution"; conformance VH-08.
    pub fn into_history(mut self, witness_proofs: Option<&[u8]>) -> Result<History, LogError> {
        if self.needs_witness_proofs()
            && let Err((index, source)) =
                witness::check(&self.versions, &self.witnesses, witness_proofs, self.now)
        {
            let number = index + 1;
            let refused = LogError::Entry { number, source };
            if index == 0 {
                return Err(refused);
            }
            self.versions.truncate(index);
            self.refused = Some(refused);
        }
        if !self.versions.iter().any(|version| version.did == self.did) {
            return Err(self.refused.unwrap_or(LogError::OtherDid));
        }
        Ok(History {
            versions: self.versions,
            refused: self.refused,
        })
    }

    /// Verifies the next entry and adds it.
    fn append(&mut self, line: &[u8]) -> Result<(), EntryError> {
        let entry = Entry::parse(line)?;
        let last = self.versions.last();
        if last.is_some_and(|last| last.parameters.deactivated) {
            return Err(EntryError::Deactivated);
        }
        let parameters = match last {
            None => Parameters::first(&entry.parameters)?,
            Some(last) => last.parameters.then(&entry.parameters)?,
        };
        if parameters.scid != self.scid {
            return Err(EntryError::Scid);
        }
        let predecessor = last.map_or(self.scid.as_str(), |last| &last.id);
        entry.check_version_id(self.versions.len() + 1, predecessor)?;
        if last.is_none() {
            entry.check_scid(&self.scid)?;
        }
        self.check_time(&entry)?;
        let did = self.check_state(&entry, &parameters)?;
        // Without a promise, who signs an entry was said by the one before it.
        let signers = last
            .filter(|last| !last.parameters.has_pre_rotation())
            .map_or(&parameters, |last| &last.parameters);
        check_proofs(&entry, &signers.update_keys, self.now)?;
        // A first list of witnesses holds at once, another one from the next entry on.
        let before = last.and_then(|last| last.parameters.witness.as_ref());
        let witnesses = before.or(parameters.witness.as_ref()).cloned();
        let state = json::canonical(&Value::Object(entry.state))?;
        self.versions.push(Version {
            id: entry.version_id,
            time: entry.time,
            did,
            state,
            parameters,
        });
        self.witnesses.push(witnesses);
        Ok(())
    }

    fn check_time(&self, entry: &Entry) -> Result<(), EntryError> {
        let last = self.versions.last();
        if last.is_some_and(|last| entry.time <= last.time) {
            return Err(EntryError::Time);
        }
        if entry.time.is_after(self.now.saturating_add(FUTURE_SECONDS)) {
            return Err(EntryError::Future);
        }
        Ok(())
    }

    /// Checks the id of the document: a did:webvh with this SCID, the same as before or moved as
    /// is allowed.
    fn check_state(&self, entry: &Entry, parameters: &Parameters) -> Result<Did, EntryError> {
        const MALFORMED: EntryError = EntryError::Member { member: "state.id" };
        let id = entry.state.get("id").and_then(Value::as_str);
        let did = id.and_then(|id| Did::parse(id).ok()).ok_or(MALFORMED)?;
        match super::url(&did) {
            Ok(url) if url.scid == self.scid => {}
            Ok(_) | Err(WebUrlError::Scid) => return Err(EntryError::Scid),
            Err(_) => return Err(MALFORMED),
        }
        let before = self.versions.last().map(|last| &last.did);
        if let Some(before) = before.filter(|before| **before != did) {
            let aliases = entry.state.get("alsoKnownAs").and_then(Value::as_array);
            let is_said = aliases.is_some_and(|them| them.iter().any(|it| it == before.as_str()));
            if !parameters.portable || !is_said {
                return Err(EntryError::Moved);
            }
        }
        Ok(did)
    }
}

/// Checks that there is a proof, and that every proof is by one of `signers`.
fn check_proofs(entry: &Entry, signers: &[String], now: u64) -> Result<(), EntryError> {
    if entry.proofs.is_empty() {
        return Err(ProofError::Missing.into());
    }
    let digest = entry.signed_digest()?;
    for proof in &entry.proofs {
        let proof = Proof::read(proof, now)?;
        if !signers.iter().any(|signer| signer == proof.multikey()) {
            return Err(ProofError::Unauthorized.into());
        }
        proof.verify(&digest)?;
    }
    Ok(())
}

/// How far ahead of our clock an entry may be dated: five minutes.
const FUTURE_SECONDS: u64 = 300;
