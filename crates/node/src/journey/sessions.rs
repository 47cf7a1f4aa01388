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
    pub(super) fn pass(
        &self,
        (agent, session): (&Did, Session),
        seq: u64,
        attempt: u32,
        now: Timestamp,
    ) -> bool {
        let mut all = self.lock();
        let takers = all.entry(agent.clone()).or_default();
        takers
            .passed
            .retain(|_, passed| now < passed.at + defaults::PASS_SPARES);
        let mut by = takers
            .passed
            .remove(&seq)
            .map_or_else(Vec::new, |passed| passed.by);
        by.push(session);
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

    /// What a session is spared now, by the numbers of the rows, and when that changes by itself.
    pub(super) fn spared(
        &self,
        (agent, session): (&Did, Session),
        now: Timestamp,
    ) -> (Vec<u64>, Option<Timestamp>) {
        let all = self.lock();
        let Some(takers) = all.get(agent) else {
            return (Vec::new(), None);
        };
        let spared = takers.passed.iter().filter_map(|(seq, passed)| {
            let until = if takers.is_anybody_else_there(&passed.by) {
                passed.at + defaults::PASS_SPARES
            } else {
                passed.again
            };
            (passed.by.contains(&session) && now < until).then_some((*seq, until))
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

impl Attending {
    fn new(sessions: &Arc<Sessions>, agent: &Did, session: Session, signal: Arc<Signal>) -> Self {
        let mut all = sessions.lock();
        let takers = all.entry(agent.clone()).or_default();
        *takers.there.entry(session).or_default() += 1;
        Self {
            sessions: Arc::clone(sessions),
            agent: agent.clone(),
            session,
            signal,
        }
    }
}

impl Core {
    /// Counts the caller's session as one that takes deliveries of its agent.
    pub(crate) fn attend(&self, caller: &Caller) -> Attending {
        let signal = self.signals.inbox(caller.did());
        Attending::new(&self.sessions, caller.did(), caller.session, signal)
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    struct House {
        sessions: Arc<Sessions>,
        signal: Arc<Signal>,
        agent: Did,
    }

    impl House {
        fn new() -> Self {
            Self {
                sessions: Arc::default(),
                signal: Arc::default(),
                agent: "did:web:agents.org-b.test:bruno".parse().unwrap(),
            }
        }

        fn comes(&self, session: Session) -> Attending {
            Attending::new(
                &self.sessions,
                &self.agent,
                session,
                Arc::clone(&self.signal),
            )
        }

        fn pass(&self, session: Session, seq: u64) -> bool {
            self.sessions.pass((&self.agent, session), seq, 1, NOW)
        }

        fn spared(&self, session: Session, seconds: u64) -> (Vec<u64>, Option<u64>) {
            let now = Timestamp::from_seconds(NOW.seconds() + seconds);
            let (rows, until) = self.sessions.spared((&self.agent, session), now);
            (rows, until.map(|until| until.seconds() - NOW.seconds()))
        }
    }

    #[test]
    fn what_was_passed_on_is_for_the_others_as_long_as_they_are_there() {
        let house = House::new();
        let (one, other) = (Session::new(), Session::Token([1; 32]));
        let _one = house.comes(one);
        let there = (house.comes(other), house.comes(other));
        assert!(house.pass(one, 7));
        assert_eq!(house.spared(one, 0), (vec![7], Some(600)));
        assert_eq!(house.spared(other, 0), (vec![], None));
        assert_eq!(
            house.spared(one, 600),
            (vec![], None),
            "nobody took it for long"
        );
        drop(there.0);
        assert_eq!(house.spared(one, 0), (vec![7], Some(600)), "still there");
        drop(there.1);
        assert_eq!(house.spared(one, 0), (vec![7], Some(1)), "after a pause");
        assert_eq!(house.spared(one, 1), (vec![], None));
    }

    #[test]
    fn what_all_passed_on_is_for_everyone_again() {
        let house = House::new();
        let (one, other) = (Session::new(), Session::new());
        let _there = (house.comes(one), house.comes(other));
        assert!(house.pass(one, 7));
        assert!(house.pass(one, 8));
        assert!(!house.pass(other, 7), "nobody is left");
        assert_eq!(house.spared(one, 0).0, [8]);
        assert_eq!(house.spared(other, 0).0, [0; 0]);
        house.sessions.forget(&house.agent, 8);
        assert_eq!(house.spared(one, 0).0, [0; 0]);
    }

    #[test]
    fn who_is_alone_has_nobody_to_pass_to() {
        let house = House::new();
        let one = Session::new();
        let _one = house.comes(one);
        assert!(!house.pass(one, 7));
        assert_eq!(house.spared(one, 0).0, [0; 0]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_in_time() {
        let house = House::new();
        let (one, other) = (Session::new(), Session::new());
        let _there = (house.comes(one), house.comes(other));
        for seq in 0..defaults::PASSES_MAX as u64 {
            assert!(house.pass(one, seq));
        }
        assert!(!house.pass(one, 1 << 40));
        let later = NOW + defaults::PASS_SPARES;
        assert!(house.sessions.pass((&house.agent, one), 1 << 40, 1, later));
        assert_eq!(house.spared(one, 600).0, [1 << 40]);
    }
}
