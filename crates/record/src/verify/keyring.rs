//! Which key speaks for whom, and how well that is known.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use comity_did::{Did, DidDocument, DidUrl, Relationship, resolve_offline};
use comity_jose::PublicKey;

use super::{Case, Grade, Party, Why, entries::Entries, logs::Logs};
use crate::{entry::Event, text::Fingerprint};

/// The documents of the bundle, the keys in them, and the keys that signed something.
pub(super) struct Keyring {
    /// Those of the bundle that could be read.
    documents: Vec<DidDocument>,
    /// Where each is shown.
    shown_at: Vec<usize>,
    candidates: HashMap<DidUrl, Result<Vec<PublicKey>, Why>>,
    /// For each party, the keys that signed, with the first place where they did.
    used: [BTreeMap<Fingerprint, UsedKey>; 2],
}

struct UsedKey {
    grade: Grade,
    key: PublicKey,
    pointer: String,
}

impl Keyring {
    pub(super) fn new(case: &mut Case<'_>) -> Self {
        let (mut documents, mut shown_at) = (Vec::new(), Vec::new());
        for (n, shown) in case.bundle.documents.iter().enumerate() {
            match DidDocument::parse(&shown.did, &shown.octets) {
                Ok(document) => {
                    documents.push(document);
                    shown_at.push(n);
                }
                Err(error) => {
                    case.find(
                        format!("/documents/{n}/octets"),
                        Why::Document(Arc::new(error)),
                    );
                }
            }
        }
        Self {
            documents,
            shown_at,
            candidates: HashMap::new(),
            used: Default::default(),
        }
    }

    pub(super) fn documents(&self) -> &[DidDocument] {
        &self.documents
    }

    /// The documents, each with its place in the bundle.
    pub(super) fn shown(&self) -> impl Iterator<Item = (usize, &DidDocument)> {
        self.shown_at.iter().copied().zip(&self.documents)
    }

    /// Finds the authentication key of `signer` under `kid` for which `verifies` holds, and notes
    /// that it signed at `pointer`.
    ///
    /// A bundle may show several documents of one DID, from before and after a rotation; the same
    /// `kid` may be another key in each.
    pub(super) fn prove(
        &mut self,
        case: &Case<'_>,
        signer: Party,
        kid: &DidUrl,
        pointer: &str,
        verifies: impl Fn(&PublicKey) -> bool,
    ) -> Result<Fingerprint, Why> {
        let candidates = self
            .candidates
            .entry(kid.clone())
            .or_insert_with(|| find_keys(&self.documents, kid))
            .as_ref()
            .map_err(Clone::clone)?;
        let did = &case.bundle.thread.between[signer];
        let key = candidates
            .iter()
            .find(|key| verifies(key))
            .ok_or_else(|| Why::Signature(did.clone()))?
            .clone();
        let fingerprint = Fingerprint::of(&key);
        self.used[signer]
            .entry(fingerprint)
            .or_insert_with(|| UsedKey {
                grade: grade(case, did, &fingerprint),
                key,
                pointer: pointer.to_owned(),
            });
        Ok(fingerprint)
    }

    /// Raises keys that a trusted witness has seen named by the identity's own log.
    ///
    /// That takes an opened entry `agent` for the very document that holds the key, in a log of the
    /// host that the did:web names, under a checkpoint that the witness cosigned. A witness that
    /// cosigns a peer's invented log for somebody else's host is the only way around it, and the
    /// verifier trusts it not to.
    pub(super) fn attest(&mut self, logs: &Logs, entries: &Entries) {
        for entry in &entries.opened {
            let Event::Agent(agent) = &entry.record.event else {
                continue;
            };
            let Some(before) = logs.witnessed(&entry.origin, entry.size) else {
                continue;
            };
            let Some(party) = entry.local.filter(|_| entry.own_host) else {
                continue;
            };
            let named = |document: &&DidDocument| {
                document.id() == &agent.did
                    && agent
                        .document
                        .is_some_and(|hash| hash.octets() == &document.hash())
            };
            for document in self.documents.iter().filter(named) {
                for (_, key) in document.keys(Relationship::Authentication) {
                    let used = self.used[party].values_mut().find(|used| &used.key == key);
                    if let Some(used) = used {
                        used.grade = used.grade.max(Grade::Attested { before });
                    }
                }
            }
        }
    }

    /// The keys that signed for a party: fingerprint, grade, and where the first signature is.
    pub(super) fn used(&self, party: Party) -> impl Iterator<Item = (&Fingerprint, Grade, &str)> {
        self.used[party]
            .iter()
            .map(|(key, used)| (key, used.grade, used.pointer.as_str()))
    }

    /// How a key that signed for a party is known.
    pub(super) fn grade_of(&self, party: Party, key: &Fingerprint) -> Grade {
        self.used[party]
            .get(key)
            .map_or(Grade::Asserted, |used| used.grade)
    }

    /// Whether the document holds a key that signed for the party.
    pub(super) fn needs(&self, party: Party, document: &DidDocument) -> bool {
        let mut keys = document.keys(Relationship::Authentication);
        keys.any(|(_, key)| self.used[party].values().any(|used| &used.key == key))
    }

    /// How a party is known: by its least known key. Who signed nothing is asserted.
    pub(super) fn grade(&self, party: Party) -> Grade {
        self.used[party]
            .values()
            .map(|used| used.grade)
            .min()
            .unwrap_or(Grade::Asserted)
    }
}

fn find_keys(documents: &[DidDocument], kid: &DidUrl) -> Result<Vec<PublicKey>, Why> {
    let mut keys: Vec<PublicKey> = Vec::new();
    let mut known = false;
    let mut look_into = |document: &DidDocument| {
        known = true;
        if let Some(key) = document.key(kid, Relationship::Authentication)
            && !keys.contains(key)
        {
            keys.push(key.clone());
        }
    };
    match resolve_offline(kid.did()) {
        // What the DID itself says, the bundle cannot change.
        Some(Ok(document)) => look_into(&document),
        _ => documents
            .iter()
            .filter(|one| one.id() == kid.did())
            .for_each(look_into),
    }
    match keys.len() {
        0 if known => Err(Why::NoKey(kid.clone())),
        0 => Err(Why::NoDocument(kid.did().clone())),
        1..=MAX_KEYS_OF_A_KID => Ok(keys),
        _ => Err(Why::TooManyKeys(kid.clone())),
    }
}

fn grade(case: &Case<'_>, did: &Did, key: &Fingerprint) -> Grade {
    if case.anchors.iter().any(|anchor| anchor.matches(did, key)) {
        Grade::Anchored
    } else if matches!(resolve_offline(did), Some(Ok(_))) {
        Grade::SelfCertifying
    } else {
        Grade::Asserted
    }
}

/// Each signature may be tried under this many keys; more rotations of one `kid` than this within
/// one thread are an attempt to keep the verifier busy.
const MAX_KEYS_OF_A_KID: usize = 8;
