//! The one retry schedule: exponential back-off with jitter, bounded.

use crate::defaults::{RETRY_FIRST, RETRY_LONGEST};
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

#[cfg(test)]
mod tests {
    use super::*;

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
