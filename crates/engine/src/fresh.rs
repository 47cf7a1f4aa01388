//! Freshness of what a peer signed (design §3, inbound step 3).

use crate::defaults::{CLOCK_SKEW, EXPIRY_MAX};
use crate::time::Timestamp;

/// Why a message is not fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stale {
    /// `created_time` is absent and no grant lets that pass.
    #[error("created_time is missing")]
    Untimed,
    /// `created_time` is too far ahead of our clock.
    #[error("created_time lies in the future")]
    Future,
    /// The message expired, or is older than any message may get.
    #[error("the message has expired")]
    Expired,
}

/// Until when a message with these times is fresh; used to keep its deduplication row that long.
#[must_use]
pub fn fresh_until(created_time: u64, expires_time: Option<u64>) -> u64 {
    let cap = created_time.saturating_add(EXPIRY_MAX.as_secs());
    expires_time.map_or(cap, |expires| expires.min(cap))
}

/// Checks the times of a message against `now`.
///
/// `untimed` is a grant's permission for foreign messages without `created_time`; such a message
/// is fresh until its `expires_time`, or for the longest life a message may have.
///
/// # Errors
/// [`Stale`] says which rule failed.
pub fn check(
    created_time: Option<u64>,
    expires_time: Option<u64>,
    untimed: bool,
    now: Timestamp,
) -> Result<u64, Stale> {
    let created = match created_time {
        Some(created) => created,
        None if untimed => now.seconds(),
        None => return Err(Stale::Untimed),
    };
    if created > now.seconds().saturating_add(CLOCK_SKEW.as_secs()) {
        return Err(Stale::Future);
    }
    let until = fresh_until(created, expires_time);
    if now.seconds() < until {
        Ok(until)
    } else {
        Err(Stale::Expired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_404_926);
    const T: u64 = 1_795_404_926;

    #[test]
    fn a_message_is_fresh_until_its_expiry() {
        assert_eq!(check(Some(T), Some(T + 10), false, NOW), Ok(T + 10));
        assert_eq!(check(Some(T), Some(T), false, NOW), Err(Stale::Expired));
    }

    #[test]
    fn nobody_gets_more_than_thirty_days() {
        let old = T - EXPIRY_MAX.as_secs();
        assert_eq!(
            check(Some(old), Some(T + 1_000_000), false, NOW),
            Err(Stale::Expired)
        );
        assert_eq!(
            check(Some(T), None, false, NOW),
            Ok(T + EXPIRY_MAX.as_secs())
        );
    }

    #[test]
    fn a_minute_ahead_is_the_most() {
        assert!(check(Some(T + 60), None, false, NOW).is_ok());
        assert_eq!(check(Some(T + 61), None, false, NOW), Err(Stale::Future));
    }

    #[test]
    fn untimed_messages_need_a_grant_that_says_so() {
        assert_eq!(check(None, None, false, NOW), Err(Stale::Untimed));
        assert!(check(None, None, true, NOW).is_ok());
    }
}
