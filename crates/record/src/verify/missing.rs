//! What is named in a bundle and not shown.

use std::collections::BTreeSet;

use super::{Case, Why, entries::Entries, receipts::Receipts};
use crate::{digest::Digest, entry::Event};

/// Notes entries that receipts name, and replies that entries name.
pub(super) fn note(case: &mut Case<'_>, receipts: &Receipts, entries: &Entries) {
    note_missing_entries(case, receipts, entries);
    note_missing_replies(case, entries);
}

fn note_missing_entries(case: &mut Case<'_>, receipts: &Receipts, entries: &Entries) {
    let mut noted = BTreeSet::new();
    for stated in &receipts.all {
        let log = &stated.statement.log;
        let place = (log.origin.clone(), log.index);
        if !entries.places.contains_key(&place) && noted.insert(place) {
            let why = Why::EntryNotShown(log.origin.clone(), log.index);
            case.find(format!("/receipts/{}", stated.n), why);
        }
    }
}

/// What an agent's node recorded as replies, and nobody lists.
fn note_missing_replies(case: &mut Case<'_>, entries: &Entries) {
    let listed = |digest: &Digest| case.bundle.messages.iter().any(|one| &one.digest == digest);
    let mut missing = Vec::new();
    for entry in &entries.opened {
        if let (Event::Settled(settled), Some(party)) = (&entry.record.event, entry.local) {
            let unlisted = settled.replies.iter().filter(|reply| !listed(reply));
            missing.extend(unlisted.map(|reply| (entry.n, party, *reply)));
        }
    }
    for (n, party, reply) in missing {
        let who = case.bundle.thread.between[party].clone();
        case.find(format!("/entries/{n}"), Why::ReplyNotShown(who, reply));
    }
}
