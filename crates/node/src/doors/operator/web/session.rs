//! Sessions of the page: a cookie in place of a token, for as long as that token lives.
//!
//! They are kept in memory, by the hash of their id: a restart signs everybody out, which costs a
//! paste, and nothing about them rests on the disk or in its backups.

use comity_jose::{Entropy, base64url, sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All sessions of a door.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

/// What a session's id stands for.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Hash of the token it was opened with; whoever holds that is asked for each request.
    pub(super) token: [u8; 32],
    /// What each act has to repeat in a header: a page of another origin cannot read it.
    pub(super) csrf: String,
    /// The `Host` that it was opened under; at another name it is nobody's.
    host: String,
    opened: Instant,
    used: Instant,
}

impl Sessions {
    /// Opens a session; gives its id, which is told once, and the session.
    pub(super) fn open(
        &self,
        token: [u8; 32],
        host: &str,
        entropy: &dyn Entropy,
    ) -> (String, Session) {
        let random = || {
            let mut octets = [0; 32];
            entropy.fill(&mut octets);
            base64url::encode(&octets)
        };
        let (id, csrf, now) = (random(), random(), Instant::now());
        let session = Session {
            token,
            csrf,
            host: host.to_owned(),
            opened: now,
            used: now,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.is_open(now));
        // Whoever signs in for ever ends his own oldest, not others'.
        make_room(&mut sessions, OF_A_TOKEN, |session| session.token == token);
        make_room(&mut sessions, IN_ALL, |_| true);
        sessions.insert(sha256(&[id.as_bytes()]), session.clone());
        (id, session)
    }

    /// The session of this id, if it is open and was opened under this host.
    pub(super) fn find(&self, id: &str, host: &str) -> Option<Session> {
        let (hash, now) = (sha256(&[id.as_bytes()]), Instant::now());
        let mut sessions = self.lock();
        let session = sessions.get_mut(&hash)?;
        if !session.is_open(now) {
            sessions.remove(&hash);
            return None;
        }
        if session.host != host {
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub(super) fn close(&self, id: &str) {
        self.lock().remove(&sha256(&[id.as_bytes()]));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_open(&self, now: Instant) -> bool {
        let since = |then| now.saturating_duration_since(then);
        since(self.used) < IDLE && since(self.opened) < LONGEST
    }
}

fn make_room(
    sessions: &mut HashMap<[u8; 32], Session>,
    most: usize,
    which: impl Fn(&Session) -> bool,
) {
    let of_them = sessions.iter().filter(|(_, session)| which(session));
    let mut by_use: Vec<_> = of_them.map(|(id, session)| (session.used, *id)).collect();
    if by_use.len() < most {
        return;
    }
    by_use.sort_unstable();
    if let Some((_, oldest)) = by_use.first() {
        sessions.remove(oldest);
    }
}

/// A session that is not used for so long is over.
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// However much it is used.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Sessions of one token: a telephone, a few browsers.
const OF_A_TOKEN: usize = 16;
/// Sessions in all.
const IN_ALL: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use comity_jose::SystemEntropy;

    #[test]
    fn a_session_is_found_under_its_host_until_it_is_closed() {
        let sessions = Sessions::default();
        let (id, opened) = sessions.open([1; 32], "ops.test", &SystemEntropy);
        let found = sessions.find(&id, "ops.test").unwrap();
        assert_eq!((found.token, found.csrf), ([1; 32], opened.csrf));
        assert!(sessions.find(&id, "evil.test").is_none());
        assert!(sessions.find("", "ops.test").is_none());
        sessions.close(&id);
        assert!(sessions.find(&id, "ops.test").is_none());
    }

    #[test]
    fn sessions_end_when_idle_and_when_old() {
        let now = Instant::now();
        let hours = |n: u64| Duration::from_secs(n * 3_600);
        let session = |opened: u64, used: u64| Session {
            token: [1; 32],
            csrf: String::new(),
            host: String::new(),
            opened: now + hours(1_000) - hours(opened),
            used: now + hours(1_000) - hours(used),
        };
        let later = now + hours(1_000);
        assert!(session(100, 11).is_open(later));
        assert!(!session(100, 12).is_open(later));
        assert!(!session(7 * 24, 0).is_open(later));
    }

    #[test]
    fn whoever_signs_in_often_ends_his_own_sessions_only() {
        let sessions = Sessions::default();
        let (other, _) = sessions.open([2; 32], "h", &SystemEntropy);
        let mine: Vec<_> = (0..OF_A_TOKEN + 5)
            .map(|_| sessions.open([1; 32], "h", &SystemEntropy).0)
            .collect();
        let open = mine.iter().filter(|id| sessions.find(id, "h").is_some());
        assert_eq!(open.count(), OF_A_TOKEN);
        assert!(sessions.find(&other, "h").is_some());
    }
}
