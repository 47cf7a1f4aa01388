//! What is named in a bundle and not shown.

use std::collections::{BTreeSet, HashSet};

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

/// What an agent's node recorded as replies, and nobody lists: the first of each entry.
fn note_missing_replies(case: &mut Case<'_>, entries: &Entries) {
    let messages = case.bundle.messages.iter();
    let listed: HashSet<Digest> = messages.map(|message| message.digest).collect();
    for entry in &entries.opened {
        let (Event::Settled(settled), Some(party)) = (&entry.record.event, entry.local) else {
            continue;
        };
        if let Some(reply) = settled.replies.iter().find(|reply| !listed.contains(reply)) {
            let who = case.bundle.thread.between[party].clone();
            case.find(
                format!("/entries/{}", entry.n),
                Why::ReplyNotShown(who, *reply),
            );
        }
    }
}
