//! What trusted witnesses say of the time.

use std::collections::BTreeMap;

use super::{entries::Entries, logs::Logs, messages::Messages};
use crate::digest::Digest;

/// The earliest time by which each message existed, as trusted witnesses saw it: named by an entry
/// under a checkpoint that was cosigned, or a cause of a message that was.
pub(super) fn existed_before(
    logs: &Logs,
    messages: &Messages,
    entries: &Entries,
) -> BTreeMap<Digest, u64> {
    let mut earliest: BTreeMap<Digest, u64> = BTreeMap::new();
    let mut lower = |digest: &Digest, time: u64| {
        let known = earliest.entry(*digest).or_insert(u64::MAX);
        let lowered = time < *known;
        *known = time.min(*known);
        lowered
    };
    let mut to_follow = Vec::new();
    for entry in &entries.opened {
        if let Some(time) = logs.witnessed(&entry.origin, entry.size) {
            for digest in entry.record.event.names() {
                if lower(digest, time) {
                    to_follow.push((*digest, time));
                }
            }
        }
    }
    // A cause is named by its hash, so it existed before whatever names it.
    while let Some((digest, time)) = to_follow.pop() {
        for cause in messages
            .seen(&digest)
            .into_iter()
            .flat_map(|seen| &seen.head.causes)
        {
            if lower(cause, time) {
                to_follow.push((*cause, time));
            }
        }
    }
    earliest
}
