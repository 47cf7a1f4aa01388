//! The documents: what binds each, beyond the keys in it that signed.

use std::collections::{BTreeSet, HashSet};

use comity_did::{Did, DidDocument, resolve_offline};

use super::{Case, DocumentReport, Why, entries::Entries, keyring::Keyring, logs::Logs};
use crate::{
    digest::Digest,
    entry::{AgentChanged, Event, MessageIn},
};

/// Lists the documents, and compares them with what the entries name.
///
/// An acceptance records the document by which the message was proved. A bundle may leave out all
/// documents of an identity, but not show others in place of that one: a changed document must not
/// pass as an earlier or later state. What a DID says by itself, no document can change; those are
/// not compared.
pub(super) fn check(
    case: &mut Case<'_>,
    keyring: &Keyring,
    logs: &Logs,
    entries: &Entries,
) -> Vec<DocumentReport> {
    let mut named: HashSet<(&Did, Digest)> = HashSet::new();
    let mut expected = BTreeSet::new();
    let between = &case.bundle.thread.between;
    let fetched = between.each_ref().map(|did| resolve_offline(did).is_none());
    let needs_one = |did| case.party(did).is_some_and(|party| fetched[party]);
    for entry in &entries.opened {
        match &entry.record.event {
            Event::MessageIn(MessageIn {
                facts,
                document: Some(hash),
                ..
            }) if needs_one(&facts.from) => {
                named.insert((&facts.from, *hash));
                expected.insert((&facts.from, *hash));
            }
            Event::Agent(AgentChanged {
                did,
                document: Some(hash),
                ..
            }) => {
                named.insert((did, *hash));
            }
            _ => {}
        }
    }
    let report = |document: &DidDocument, at| {
        let (did, hash) = (document.id().clone(), Digest::new(document.hash()));
        let signs = case
            .party(&did)
            .is_some_and(|party| keyring.needs(party, document));
        let of_log = document
            .log()
            .is_some_and(|service| logs.is_known(&service.origin, &service.vkey));
        DocumentReport {
            bound: named.contains(&(&did, hash)),
            needed: signs || of_log,
            did,
            hash,
            at,
        }
    };
    let bundle = case.bundle;
    let documents: Vec<_> = keyring
        .shown()
        .map(|(n, document)| (n, report(document, bundle.documents[n].at)))
        .collect();
    let shown: HashSet<_> = documents.iter().map(|(_, one)| &one.did).collect();
    let hashes: HashSet<_> = documents
        .iter()
        .map(|(_, one)| (&one.did, one.hash))
        .collect();
    for (did, hash) in expected {
        if shown.contains(did) && !hashes.contains(&(did, hash)) {
            let mut of_did = documents.iter().filter(|(_, one)| &one.did == did);
            let at = match (of_did.next(), of_did.next()) {
                (Some((n, _)), None) => format!("/documents/{n}/octets"),
                _ => "/documents".to_owned(),
            };
            case.find(at, Why::DocumentDiffers(did.clone()));
        }
    }
    for (n, document) in documents.iter().filter(|(_, one)| !one.bound) {
        let why = Why::DocumentUnbound(document.did.clone());
        case.find(format!("/documents/{n}"), why);
    }
    documents.into_iter().map(|(_, one)| one).collect()
}
