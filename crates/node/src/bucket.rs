//! Token buckets by key, in bounded memory.
//!
//! A key that was never seen has a full bucket, so only buckets that are not full need a place.
//! When there is no room for another, all newcomers share one bucket: whoever can speak from more
//! prefixes than there are places gains one bucket by it, not thousands.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is taken for one party among addresses: an IPv4 /24, the smallest block that is routed on
/// its own, or an IPv6 /48, what one site usually gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prefix {
    /// The first three octets.
    V4([u8; 3]),
    /// The first three groups.
    V6([u16; 3]),
}

impl Prefix {
    /// The prefix of an address; IPv4 inside IPv6 counts as IPv4.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self::V6([a, b, c])
            }
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6([a, b, c]) => write!(f, "{a:x}:{b:x}:{c:x}::/48"),
        }
    }
}

/// How much may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// What may happen at once, after a pause.
    pub(crate) burst: f64,
    /// What comes back each second.
    pub(crate) per_second: f64,
    /// Buckets kept at once.
    pub(crate) keys: usize,
}

/// A token bucket for each key.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    buckets: HashMap<K, Bucket>,
    /// For all keys that found no place.
    shared: Bucket,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Buckets<K> {
    /// All buckets full.
    pub(crate) fn new(rate: Rate) -> Self {
        let shared = Bucket {
            tokens: rate.burst,
            at: Instant::now(),
        };
        Self {
            rate,
            state: Mutex::new(State {
                buckets: HashMap::new(),
                shared,
            }),
        }
    }

    /// Takes a token of `key`'s bucket; false if there is none.
    pub(crate) fn take(&self, key: K) -> bool {
        self.take_at(key, Instant::now())
    }

    /// Whether there is a token in `key`'s bucket; takes none.
    pub(crate) fn has(&self, key: &K) -> bool {
        let mut state = self.lock();
        let full = state.buckets.len() >= self.rate.keys;
        let bucket = match state.buckets.get_mut(key) {
            Some(bucket) => bucket,
            None if full => &mut state.shared,
            None => return true,
        };
        self.refill(bucket, Instant::now());
        bucket.tokens >= 1.0
    }

    fn take_at(&self, key: K, now: Instant) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !state.buckets.contains_key(&key) && state.buckets.len() >= self.rate.keys {
            // The full ones are as good as never seen.
            let rate = self.rate;
            state.buckets.retain(|_, bucket| {
                let tokens = bucket.tokens + since(bucket.at, now) * rate.per_second;
                tokens < rate.burst
            });
        }
        let room = state.buckets.len() < self.rate.keys;
        let bucket = if room || state.buckets.contains_key(&key) {
            let fresh = Bucket {
                tokens: self.rate.burst,
                at: now,
            };
            state.buckets.entry(key).or_insert(fresh)
        } else {
            &mut state.shared
        };
        self.refill(bucket, now);
        let taken = bucket.tokens >= 1.0;
        if taken {
            bucket.tokens -= 1.0;
        }
        taken
    }

    fn refill(&self, bucket: &mut Bucket, now: Instant) {
        let tokens = bucket.tokens + since(bucket.at, now) * self.rate.per_second;
        *bucket = Bucket {
            tokens: tokens.min(self.rate.burst),
            at: now,
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn since(earlier: Instant, now: Instant) -> f64 {
    now.saturating_duration_since(earlier).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RATE: Rate = Rate {
        burst: 2.0,
        per_second: 1.0,
        keys: 3,
    };

    #[test]
    fn a_burst_is_allowed_and_then_what_comes_back() {
        let buckets = Buckets::new(RATE);
        let start = Instant::now();
        assert!(buckets.take_at("a", start));
        assert!(buckets.take_at("a", start));
        assert!(!buckets.take_at("a", start));
        assert!(
            buckets.take_at("b", start),
            "another key has a bucket of its own"
        );
        assert!(buckets.take_at("a", start + Duration::from_secs(1)));
        assert!(!buckets.take_at("a", start + Duration::from_secs(1)));
    }

    #[test]
    fn more_keys_than_places_share_one_bucket() {
        let buckets = Buckets::new(RATE);
        let now = Instant::now();
        let allowed = (0..1_000).filter(|key| buckets.take_at(*key, now)).count();
        assert_eq!(
            allowed,
            3 + 2,
            "three places and one shared bucket of two tokens"
        );
        assert_eq!(buckets.lock().buckets.len(), 3);
    }

    #[test]
    fn a_bucket_that_is_full_again_makes_room() {
        let buckets = Buckets::new(RATE);
        let now = Instant::now();
        for key in 0..3 {
            assert!(buckets.take_at(key, now));
        }
        let later = now + Duration::from_secs(5);
        assert!(buckets.take_at(9, later));
        assert_eq!(buckets.lock().buckets.len(), 1);
    }

    #[test]
    fn neighbours_share_a_prefix_and_a_mapped_address_is_the_address() {
        let of = |text: &str| Prefix::of(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:1::1"), of("2001:db8:1:ffff::9"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
    }

    #[test]
    fn looking_takes_nothing() {
        let buckets = Buckets::new(RATE);
        assert!(buckets.has(&"a"));
        assert!(buckets.take("a") && buckets.take("a"));
        assert!(!buckets.has(&"a"));
        assert!(buckets.has(&"b"));
    }
}
