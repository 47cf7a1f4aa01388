//! Which queued messages may be at their recipient although nobody said so: a hand-over of them is
//! under way, or was and got no answer. Only of the others may be said that they never left.

use comity_record::Digest;
use comity_store::Outgoing;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// In memory: what was queued before this process started may have left in an earlier one.
#[derive(Debug)]
pub(crate) struct Handovers(Mutex<Known>);

/// What a hand-over begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Nothing of the message left in this process before.
    First,
    /// What became of an earlier attempt is not known, whatever becomes of this one.
    Again,
    /// It is being withdrawn: not now.
    HeldBack,
}

#[derive(Debug)]
struct Known {
    /// Messages up to this number count as begun.
    up_to: u64,
    /// The highest number that ever began.
    newest: u64,
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
    /// `newest`: the number of the newest message of earlier processes.
    pub(crate) fn new(newest: u64) -> Self {
        Self(Mutex::new(Known {
            up_to: newest,
            newest,
            hands: HashMap::new(),
        }))
    }

    /// To be asked **before** the row is read that decides whether the message still is to go.
    pub(super) fn begin(&self, row: &Outgoing) -> Begun {
        const MOST: usize = 100_000;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.hands.len() >= MOST {
            // Forgetting them makes all that were ever begun count as begun still.
            known.up_to = known.newest;
            known.hands.retain(|_, hand| *hand == Hand::HeldBack);
        }
        known.newest = known.newest.max(row.seq);
        match known.hands.insert(row.digest, Hand::Begun) {
            None => Begun::First,
            Some(Hand::Begun) => Begun::Again,
            Some(Hand::HeldBack) => {
                known.hands.insert(row.digest, Hand::HeldBack);
                Begun::HeldBack
            }
        }
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
        if row.seq <= known.up_to || known.hands.contains_key(&row.digest) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use comity_store::conformance::samples::outgoing;

    fn row(seq: u64) -> Outgoing {
        Outgoing {
            seq,
            ..outgoing("bruno", "t", seq)
        }
    }

    #[test]
    fn only_what_never_began_can_be_held_back() {
        let known = Handovers::new(3);
        assert!(known.hold_back(&row(3)).is_none(), "of an earlier process");
        let fresh = row(4);
        {
            let _held = known.hold_back(&fresh).expect("it never left");
            assert_eq!(known.begin(&fresh), Begun::HeldBack);
        }
        assert_eq!(known.begin(&fresh), Begun::First);
        assert!(known.hold_back(&fresh).is_none());
        // Its answer never came: a later attempt that certainly failed does not undo that.
        assert_eq!(known.begin(&fresh), Begun::Again);
        assert!(known.hold_back(&fresh).is_none());
        known.settled(fresh.digest);
        assert!(known.hold_back(&fresh).is_some());
    }
}
