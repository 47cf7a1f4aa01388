//! When something is tried again: exponential back-off, bounded.

use crate::defaults::{PASS_FIRST, PASS_LONGEST, RETRY_FIRST, RETRY_LONGEST};
use std::time::Duration;

/// The pause after `failures` failed attempts in a row (at least 1).
///
/// Doubles from [`RETRY_FIRST`] to [`RETRY_LONGEST`]; `random` spreads it over the upper half, so
/// that many senders do not return together.
#[must_use]
pub fn pause(failures: u32, random: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let full = RETRY_FIRST
        .saturating_mul(1 << doublings)
        .min(RETRY_LONGEST);
    let half = full / 2;
    let half_millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_millis(random % half_millis)
}

/// The pause of a delivery that was passed on at its `attempt`th offer (at least 1), and that nobody
/// else is there to take. Doubles from [`PASS_FIRST`] to [`PASS_LONGEST`]: ten take about five
/// minutes.
#[must_use]
pub fn after_pass(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    PASS_FIRST.saturating_mul(1 << doublings).min(PASS_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_offered_less_and_less_often() {
        let pauses = (1..=10).map(after_pass).collect::<Vec<_>>();
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0], pauses[9]), (PASS_FIRST, PASS_LONGEST));
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_secs(200) && all < Duration::from_secs(400));
        assert_eq!(after_pass(u32::MAX), PASS_LONGEST);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for failures in 1..100 {
            for random in [0, 1, 7_777, u64::MAX] {
                let pause = pause(failures, random);
                assert!(pause >= RETRY_FIRST / 2 && pause <= RETRY_LONGEST);
            }
        }
        assert!(pause(8, 0) > pause(1, u64::MAX));
    }
}
