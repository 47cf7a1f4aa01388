//! What grants limit beyond types and end; compared, and cut to what two of them let through.

use super::MAX_INTEGER;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What the operators may restrict beyond types and end. Limits hold for each direction by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrictions {
    /// Accepts messages that prove their author to us and to nobody else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deniable: bool,
    /// Accepts messages without `created_time`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub untimed: bool,
    /// How many messages in all either may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How many messages in which time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Largest plaintext in octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Why an operator's limits cannot be kept to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A number that JSON does not carry exactly.
    #[error("a limit is at most 2^53 - 1; leave it out for none")]
    Number,
    /// Nothing could ever pass, or the numbers are beyond sense.
    #[error("a rate is 1 to 1000000 messages in 1 second to 31 days, like 20/1h")]
    Rate,
    /// An end beyond what JSON carries exactly.
    #[error("an end is a time in UTC seconds, at most 2^53 - 1")]
    Until,
}

impl Restrictions {
    /// Checks the numbers of these limits, and of an end, UTC seconds.
    ///
    /// # Errors
    /// [`LimitError`] says what to write.
    pub fn check(&self, until: Option<u64>) -> Result<(), LimitError> {
        let beyond = |number: Option<u64>| number.is_some_and(|number| number > MAX_INTEGER);
        if !self.rate.is_none_or(Rate::is_sound) {
            return Err(LimitError::Rate);
        }
        if beyond(self.uses) || beyond(self.max_bytes) {
            return Err(LimitError::Number);
        }
        if beyond(until) {
            return Err(LimitError::Until);
        }
        Ok(())
    }

    /// True if nothing is let through that `wide` does not let through.
    #[must_use]
    pub fn is_within(&self, wide: &Self) -> bool {
        let limited = |ours: Option<u64>, theirs: Option<u64>| match (ours, theirs) {
            (_, None) => true,
            (Some(ours), Some(theirs)) => ours <= theirs,
            (None, Some(_)) => false,
        };
        (!self.deniable || wide.deniable)
            && (!self.untimed || wide.untimed)
            && limited(self.uses, wide.uses)
            && limited(self.max_bytes, wide.max_bytes)
            && match (self.rate, wide.rate) {
                (_, None) => true,
                (Some(ours), Some(theirs)) => ours.is_within(theirs),
                (None, Some(_)) => false,
            }
    }

    /// What lets through only what both let through.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self {
            deniable: self.deniable && other.deniable,
            untimed: self.untimed && other.untimed,
            uses: least(self.uses, other.uses),
            rate: match (self.rate, other.rate) {
                (Some(one), Some(two)) => Some(one.and(two)),
                (one, two) => one.or(two),
            },
            max_bytes: least(self.max_bytes, other.max_bytes),
        }
    }
}

/// So many messages in so many seconds, at any time: the first may come at once, the others as
/// their share of the time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many, from 1.
    pub messages: u64,
    /// In which time, seconds from 1 to 31 days.
    pub seconds: u64,
}

impl Rate {
    const SECONDS_MAX: u64 = 31 * 86_400;

    /// True if both numbers are within their bounds.
    #[must_use]
    pub const fn is_sound(self) -> bool {
        let messages = 1 <= self.messages && self.messages <= 1_000_000;
        messages && 1 <= self.seconds && self.seconds <= Self::SECONDS_MAX
    }

    /// True if it lets nothing through sooner than `wide`: neither at once nor in the long run.
    #[must_use]
    pub const fn is_within(self, wide: Self) -> bool {
        // In the long run a/b <= c/d is ad <= cb, in numbers that hold any product of two others.
        self.messages <= wide.messages
            && self.messages as u128 * wide.seconds as u128
                <= wide.messages as u128 * self.seconds as u128
    }

    fn and(self, other: Self) -> Self {
        if self.is_within(other) {
            return self;
        }
        if other.is_within(self) {
            return other;
        }
        // One is smaller at once, the other in the long run: the smaller burst in the time that the
        // slower one takes for it, rounded up.
        let (burst, slow) = if self.messages <= other.messages {
            (self.messages, other)
        } else {
            (other.messages, self)
        };
        // Fewer messages take less time: this is at most the time of the slower one.
        let seconds = u128::from(burst) * u128::from(slow.seconds);
        let seconds = seconds.div_ceil(u128::from(slow.messages.max(1)));
        Self {
            messages: burst,
            seconds: u64::try_from(seconds).unwrap_or(u64::MAX),
        }
    }

    /// When the next message may pass, if `paid` is the time up to which earlier ones have used
    /// the rate up; and what that time is after it.
    ///
    /// This is the generic cell rate algorithm: one time says all that counting would.
    #[must_use]
    pub fn next(self, paid: Timestamp, now: Timestamp) -> (Timestamp, Timestamp) {
        let span = self.seconds.saturating_mul(1_000);
        let share = (span / self.messages.max(1)).max(1);
        let after = paid.max(now).millis().saturating_add(share);
        let from = Timestamp::from_millis(after.saturating_sub(span)).max(now);
        (from, Timestamp::from_millis(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(messages: u64, seconds: u64) -> Rate {
        Rate { messages, seconds }
    }

    #[test]
    fn a_rate_lets_its_number_through_at_once_and_then_its_share() {
        let three = rate(3, 30);
        let (mut paid, now) = (Timestamp::from_millis(0), Timestamp::from_seconds(1_000));
        let mut from = Vec::new();
        for _ in 0..5 {
            let next = three.next(paid, now);
            from.push(next.0.seconds());
            paid = next.1;
        }
        assert_eq!(from, [1_000, 1_000, 1_000, 1_010, 1_020]);
        let much_later = Timestamp::from_seconds(5_000);
        assert_eq!(three.next(paid, much_later).0, much_later);
    }

    #[test]
    fn no_numbers_are_too_large_to_compare() {
        let (huge, slow) = (rate(u64::MAX, 1), rate(u64::MAX - 1, u64::MAX));
        assert!(slow.is_within(huge) && !huge.is_within(slow));
        let (burst, long) = (rate(3, 1), rate(u64::MAX, u64::MAX));
        let both = burst.and(long);
        assert!(both.is_within(burst) && both.is_within(long), "{both:?}");
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(huge.next(now, now).0, now);
        assert_eq!(rate(0, u64::MAX).next(now, now).0, now);
        assert!(!huge.is_sound() && !rate(0, 3_600).is_sound() && !rate(1, 0).is_sound());
    }

    #[test]
    fn two_rates_together_are_within_each() {
        for (one, two) in [
            (rate(10, 60), rate(20, 60)),
            (rate(10, 60), rate(100, 3_600)),
            (rate(1, 1), rate(50, 86_400)),
            (rate(7, 13), rate(5, 17)),
        ] {
            for both in [one.and(two), two.and(one)] {
                assert!(both.is_within(one) && both.is_within(two), "{both:?}");
                assert!(both.is_sound());
            }
        }
    }
}
