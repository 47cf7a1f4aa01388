//! Who takes an agent's deliveries now, and which of them who passed on.
//!
//! What was passed on is offered at once to the others who are there, and to the one who passed it
//! only when there is nobody else, or nobody else took it for long. This is kept in memory, as
//! sessions end with the process; the pause of what nobody is there to take is the row's.

use super::Core;
use super::identity::Caller;
use super::signals::Signal;
use comity_did::Did;
use comity_engine::{Timestamp, defaults, retry};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whoever takes deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Session {
    /// A connection, or whatever else has a life of its own.
    Own(u64),
    /// Plain HTTP requests: nothing but their token, by its hash, tells them apart.
    Token([u8; 32]),
}

impl Session {
    /// One that no other equals.
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self::Own(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The sessions of all agents.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Did, Takers>>);

/// Those of one agent.
#[derive(Debug, Default)]
struct Takers {
    /// Who is there, and how often it said so.
    there: HashMap<Session, usize>,
    /// What was passed on, by the number of its row.
    passed: HashMap<u64, Passed>,
}

#[derive(Debug)]
struct Passed {
    by: Vec<Session>,
    /// When it was passed on last.
    at: Timestamp,
    /// When it may come back to one of them, if nobody else is there by then.
    again: Timestamp,
}

impl Takers {
    fn is_anybody_else_there(&self, by: &[Session]) -> bool {
        self.there.keys().any(|session| !by.contains(session))
    }
}

impl Sessions {
    /// Notes that a session passed a delivery on at its `attempt`th offer. False if nobody is there
    /// who has not: then it is for everyone again, after a pause.
    pub(super) fn pass(&self, caller: &Caller, seq: u64, attempt: u32, now: Timestamp) -> bool {
        let mut all = self.lock();
        let takers = all.entry(caller.did().clone()).or_default();
        takers
            .passed
            .retain(|_, passed| now < passed.at + defaults::PASS_SPARES);
        let mut by = takers
            .passed
            .remove(&seq)
            .map_or_else(Vec::new, |passed| passed.by);
        by.push(caller.session);
        if !takers.is_anybody_else_there(&by) || takers.passed.len() >= defaults::PASSES_MAX {
            return false;
        }
        let passed = Passed {
            by,
            at: now,
            again: now + retry::after_pass(attempt),
        };
        takers.passed.insert(seq, passed);
        true
    }

    /// What a session is spared now, by the numbers of the rows, and when that may change by itself.
    pub(super) fn spared(&self, caller: &Caller, now: Timestamp) -> (Vec<u64>, Option<Timestamp>) {
        let all = self.lock();
        let Some(takers) = all.get(caller.did()) else {
            return (Vec::new(), None);
        };
        let spared = takers.passed.iter().filter_map(|(seq, passed)| {
            let until = if takers.is_anybody_else_there(&passed.by) {
                passed.at + defaults::PASS_SPARES
            } else {
                passed.again
            };
            (passed.by.contains(&caller.session) && now < until).then_some((*seq, until))
        });
        let (rows, ends): (Vec<u64>, Vec<Timestamp>) = spared.unzip();
        (rows, ends.into_iter().min())
    }

    /// The delivery is for everyone again, or for nobody.
    pub(super) fn forget(&self, agent: &Did, seq: u64) {
        if let Some(takers) = self.lock().get_mut(agent) {
            takers.passed.remove(&seq);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Did, Takers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, its session counts as one that takes deliveries.
#[derive(Debug)]
pub(crate) struct Attending {
    sessions: Arc<Sessions>,
    agent: Did,
    session: Session,
    /// Raised when it leaves: what others passed on may have been left to it.
    signal: Arc<Signal>,
}

impl Core {
    /// Counts the caller's session as one that takes deliveries of its agent.
    pub(crate) fn attend(&self, caller: &Caller) -> Attending {
        let mut all = self.sessions.lock();
        let takers = all.entry(caller.did().clone()).or_default();
        *takers.there.entry(caller.session).or_default() += 1;
        Attending {
            sessions: Arc::clone(&self.sessions),
            agent: caller.did().clone(),
            session: caller.session,
            signal: self.signals.inbox(caller.did()),
        }
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        let mut all = self.sessions.lock();
        let Some(takers) = all.get_mut(&self.agent) else {
            return;
        };
        if let Some(times) = takers.there.get_mut(&self.session) {
            *times -= 1;
            if *times == 0 {
                takers.there.remove(&self.session);
                if !takers.passed.is_empty() {
                    self.signal.raise();
                }
            }
        }
    }
}
