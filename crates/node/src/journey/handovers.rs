//! Which queued messages may be at their recipient although nobody said so: a hand-over of them is
//! under way, or was and got no answer. Only of the others may be said that they never left.

use comity_engine::Timestamp;
use comity_record::Digest;
use comity_store::Outgoing;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// In memory: what was queued before this process started may have left in an earlier one.
#[derive(Debug)]
pub(crate) struct Handovers(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// What was queued before this counts as begun.
    since: Timestamp,
    hands: HashMap<Digest, Hand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    /// It may be at its recipient.
    Begun,
    /// It did not leave, and is not to, while it is being withdrawn.
    HeldBack,
}

impl Handovers {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Known {
            since: now,
            hands: HashMap::new(),
        }))
    }

    /// To be asked **before** the row is read that decides whether the message still is to go.
    /// False if it is just being withdrawn.
    pub(super) fn begin(&self, message: Digest, now: Timestamp) -> bool {
        const MOST: usize = 100_000;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.hands.len() >= MOST {
            // Forgetting them makes all that is queued now count as begun.
            known.since = now;
            known.hands.retain(|_, hand| *hand == Hand::HeldBack);
        }
        *known.hands.entry(message).or_insert(Hand::Begun) == Hand::Begun
    }

    /// It is certain that the recipient did not take it, or its row says that it may have.
    pub(super) fn settled(&self, message: Digest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.hands.get(&message) == Some(&Hand::Begun) {
            known.hands.remove(&message);
        }
    }

    /// Keeps a queued message from leaving until the guard is dropped; `None` if it may have left.
    pub(super) fn hold_back(&self, row: &Outgoing) -> Option<HeldBack<'_>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if row.created < known.since || known.hands.contains_key(&row.digest) {
            return None;
        }
        known.hands.insert(row.digest, Hand::HeldBack);
        Some(HeldBack {
            of: self,
            message: row.digest,
        })
    }
}

/// A message that does not leave while this lives.
pub(super) struct HeldBack<'a> {
    of: &'a Handovers,
    message: Digest,
}

impl Drop for HeldBack<'_> {
    fn drop(&mut self) {
        let mut known = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.hands.remove(&self.message);
    }
}
