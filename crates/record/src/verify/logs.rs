//! Which logs are shown, whose key signed their checkpoints, and who vouches for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use comity_did::{Did, resolve_offline, web};

use super::{Anchor, Case, Grade, Party, Why, keyring::Keyring};
use crate::{
    checkpoint::{LogOrigin, NoteError, SignedNote, Vkey, VkeyUse},
    tree::Hash,
};

/// The logs of a bundle.
pub(super) struct Logs {
    /// Keys to try, from documents and anchors. That a document names one proves nothing.
    keys: BTreeMap<LogOrigin, Vec<Vkey>>,
    witnesses: Vec<Vkey>,
    logs: BTreeMap<LogOrigin, Log>,
    /// What became of each note, by its text: batches repeat theirs.
    checked: HashMap<String, Result<(), Why>>,
    /// Witness keys that were met.
    met: Vec<Vkey>,
}

struct Log {
    vkey: Vkey,
    anchored: bool,
    heads: BTreeMap<u64, Head>,
    /// The parties whose receipts carry a checkpoint of this log.
    vouched_by: BTreeSet<Party>,
}

struct Head {
    root: Hash,
    witnessed: Option<u64>,
}

impl Logs {
    pub(super) fn new(case: &mut Case<'_>, keyring: &Keyring) -> Self {
        let mut keys: BTreeMap<LogOrigin, Vec<Vkey>> = BTreeMap::new();
        let mut add = |vkey: Vkey| {
            let known = keys.entry(vkey.name().clone()).or_default();
            if !known.contains(&vkey) {
                known.push(vkey);
            }
        };
        let mut witnesses = Vec::new();
        for anchor in case.anchors {
            match anchor {
                Anchor::Vkey(vkey) if vkey.used_for() == VkeyUse::Log => add(vkey.clone()),
                Anchor::Vkey(vkey) => witnesses.push(vkey.clone()),
                Anchor::Key { .. } => {}
            }
        }
        let resolved: Vec<_> = case
            .bundle
            .thread
            .between
            .iter()
            .filter_map(|did| resolve_offline(did)?.ok())
            .collect();
        for document in keyring.documents().iter().chain(&resolved) {
            let Some(service) = document.log() else {
                continue;
            };
            match service.vkey.parse::<Vkey>() {
                Ok(vkey)
                    if vkey.used_for() == VkeyUse::Log
                        && vkey.name().as_str() == service.origin =>
                {
                    add(vkey);
                }
                _ => case.find("/documents", Why::LogService),
            }
        }
        Self {
            keys,
            witnesses,
            logs: BTreeMap::new(),
            checked: HashMap::new(),
            met: Vec::new(),
        }
    }

    /// Checks the notes of `checkpoints`.
    pub(super) fn check_shown(&mut self, case: &mut Case<'_>) {
        for (n, note) in case.bundle.checkpoints.iter().enumerate() {
            if let Err(why) = self.check(case, note) {
                case.find(format!("/checkpoints/{n}"), why);
            }
        }
    }

    /// Checks a note that a receipt of `voucher` carries.
    pub(super) fn check_vouched(
        &mut self,
        case: &Case<'_>,
        note: &SignedNote,
        voucher: Party,
    ) -> Result<(), Why> {
        self.check(case, note)?;
        let origin = &note.checkpoint_unverified().origin;
        if let Some(log) = self.logs.get_mut(origin) {
            log.vouched_by.insert(voucher);
        }
        Ok(())
    }

    fn check(&mut self, case: &Case<'_>, note: &SignedNote) -> Result<(), Why> {
        if let Some(known) = self.checked.get(note.as_str()) {
            return known.clone();
        }
        let result = self.check_new(case, note);
        self.checked
            .insert(note.as_str().to_owned(), result.clone());
        result
    }

    fn check_new(&mut self, case: &Case<'_>, note: &SignedNote) -> Result<(), Why> {
        let head = note.checkpoint_unverified();
        let origin = &head.origin;
        let keys = self
            .keys
            .get(origin)
            .ok_or_else(|| Why::NoLogKey(origin.clone()))?;
        if keys.len() > MAX_KEYS_OF_A_LOG {
            return Err(Why::SeveralLogKeys(origin.clone()));
        }
        let mut failure = NoteError::Unsigned;
        let verified = keys.iter().find(|vkey| match note.verify(vkey) {
            Ok(_) => true,
            Err(NoteError::Unsigned) => false,
            Err(error) => {
                failure = error;
                false
            }
        });
        let vkey = verified.ok_or(Why::Checkpoint(failure))?.clone();
        let mut witnessed: Option<u64> = None;
        for witness in &self.witnesses {
            match note.witnessed(witness) {
                Ok(time) => {
                    witnessed = Some(witnessed.map_or(time, |earlier| earlier.min(time)));
                    if !self.met.contains(witness) {
                        self.met.push(witness.clone());
                    }
                }
                Err(NoteError::Unsigned) => {}
                Err(error) => return Err(Why::Cosignature(error)),
            }
        }
        let log = self.logs.entry(origin.clone()).or_insert_with(|| Log {
            anchored: case.anchors.contains(&Anchor::Vkey(vkey.clone())),
            vkey: vkey.clone(),
            heads: BTreeMap::new(),
            vouched_by: BTreeSet::new(),
        });
        if log.vkey != vkey {
            return Err(Why::SeveralLogKeys(origin.clone()));
        }
        let known = log.heads.entry(head.size).or_insert(Head {
            root: head.root,
            witnessed: None,
        });
        if known.root != head.root {
            return Err(Why::Fork(origin.clone(), head.size));
        }
        known.witnessed = match (known.witnessed, witnessed) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Ok(())
    }

    /// The root of a checkpoint that verified.
    pub(super) fn root(&self, origin: &LogOrigin, size: u64) -> Option<&Hash> {
        Some(&self.logs.get(origin)?.heads.get(&size)?.root)
    }

    /// When a trusted witness saw the checkpoint of this size.
    pub(super) fn witnessed(&self, origin: &LogOrigin, size: u64) -> Option<u64> {
        self.logs.get(origin)?.heads.get(&size)?.witnessed
    }

    /// How well it is known that what the log says of `local` is said by the node of `local`.
    ///
    /// An anchored vkey speaks for the agents of its own host; a receipt for its signer.
    pub(super) fn grade_for(
        &self,
        origin: &LogOrigin,
        local: Party,
        case: &Case<'_>,
        keyring: &Keyring,
    ) -> Grade {
        let Some(log) = self.logs.get(origin) else {
            return Grade::Asserted;
        };
        let did = &case.bundle.thread.between[local];
        if log.anchored && is_own_host(origin, did) {
            Grade::Anchored
        } else if log.vouched_by.contains(&local) {
            keyring.grade(local)
        } else {
            Grade::Asserted
        }
    }

    /// How well the log itself is known.
    pub(super) fn grade(&self, origin: &LogOrigin, keyring: &Keyring) -> Grade {
        match self.logs.get(origin) {
            Some(log) if log.anchored => Grade::Anchored,
            Some(log) => {
                let vouchers = log.vouched_by.iter().map(|party| keyring.grade(*party));
                vouchers.max().unwrap_or(Grade::Asserted)
            }
            None => Grade::Asserted,
        }
    }

    /// Origin, key, vouching parties and largest size of each log.
    pub(super) fn all(&self) -> impl Iterator<Item = (&LogOrigin, &Vkey, &BTreeSet<Party>, u64)> {
        self.logs.iter().map(|(origin, log)| {
            let size = log.heads.last_key_value().map_or(0, |(size, _)| *size);
            (origin, &log.vkey, &log.vouched_by, size)
        })
    }

    /// Whether checkpoints of this log verified under this key, both as a document writes them.
    pub(super) fn is_known(&self, origin: &str, vkey: &str) -> bool {
        let mut logs = self.logs.iter();
        logs.any(|(name, log)| name.as_str() == origin && log.vkey.to_string() == vkey)
    }

    /// Whether anything verified under this key.
    pub(super) fn has_met(&self, vkey: &Vkey) -> bool {
        self.met.contains(vkey) || self.logs.values().any(|log| &log.vkey == vkey)
    }
}

/// Whether the log is one of the node that serves this did:web.
pub(super) fn is_own_host(origin: &LogOrigin, did: &Did) -> bool {
    let Ok(url) = web::url(did) else { return false };
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host()),
        None => url.host().to_owned(),
    };
    origin.authority() == Some(authority.as_str())
}

/// More documents that each name another key for one log than this are not tried.
const MAX_KEYS_OF_A_LOG: usize = 8;
