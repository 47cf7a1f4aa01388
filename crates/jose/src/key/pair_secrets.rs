//! Remembering what pairs of static keys agreed on.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::{PublicKey, SharedSecret};

/// What pairs of static keys agreed on (`Zs`), the last used ones of them.
///
/// In ECDH-1PU the sender's and the recipient's static keys agree on the same `Zs` in every
/// message; what differs from message to message (`apu`, `apv`, the content's tag) enters the key
/// derivation beside it. So authcrypt may take `Zs` from here instead of computing it again: of
/// two agreements a message one is left to the sender for each key of the recipient, and one to
/// the recipient. `Ze` is of one message and has no place here.
///
/// Secrets are found by the octets of both public keys, in either order, and never by a key id or
/// a DID: those may come to mean another key, octets cannot. They are zeroized when they leave.
///
/// # Security
/// Whoever learns `Zs` can write authcrypt envelopes between that pair, in **both** directions
/// and until one of the keys is replaced; it opens none. So a secret here is worth as much as a
/// static key, and these are the rules:
///
/// - [`insert`](Self::insert) only after a message from that key was opened (it is authentic
///   then), or after one was written to a key from a resolved document. A stranger who names
///   fresh keys must neither fill the cache nor drive others out of it.
/// - [`forget`](Self::forget) a key, ours or theirs, when it is replaced or revoked.
/// - Never on disk, never to another process. If a key lives in a module that does not let its
///   secrets out, keeping `Zs` outside is a decision for whoever runs it, off by default.
///
/// That a key may act for its DID now is not remembered here: it is established for each message,
/// by its document, before the secret is asked for.
///
/// # Spec
/// ECDH-1PU draft-04 §2.2; JWE-13, JWE-20.
pub struct PairSecrets {
    capacity: usize,
    /// Counts uses; the smallest number in `uses` is the pair longest unused.
    clock: u64,
    secrets: HashMap<Pair, Remembered>,
    uses: BTreeMap<u64, Pair>,
}

struct Remembered {
    secret: SharedSecret,
    used: u64,
}

/// Two keys in the order of their octets: the secret is the same from either side.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Pair(PublicKey, PublicKey);

impl PairSecrets {
    /// Room for `capacity` pairs, at least one; about half a kilobyte each.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            clock: 0,
            secrets: HashMap::new(),
            uses: BTreeMap::new(),
        }
    }

    /// What the two keys agreed on, if it is remembered.
    pub fn get(&mut self, a: &PublicKey, b: &PublicKey) -> Option<SharedSecret> {
        let pair = Pair::of(a, b);
        let remembered = self.secrets.get_mut(&pair)?;
        self.uses.remove(&remembered.used);
        self.clock += 1;
        remembered.used = self.clock;
        self.uses.insert(self.clock, pair);
        Some(remembered.secret.clone())
    }

    /// Remembers what the two keys agreed on, if need be instead of the pair longest unused. Keys
    /// on different curves have no secret: then nothing is remembered.
    ///
    /// # Security
    /// Only for a pair whose message was authentic, or that we chose to write to: see the type.
    pub fn insert(&mut self, a: &PublicKey, b: &PublicKey, secret: SharedSecret) {
        if a.curve() != b.curve() {
            return;
        }
        let pair = Pair::of(a, b);
        self.clock += 1;
        let remembered = Remembered {
            secret,
            used: self.clock,
        };
        if let Some(earlier) = self.secrets.insert(pair.clone(), remembered) {
            self.uses.remove(&earlier.used);
        }
        self.uses.insert(self.clock, pair);
        if self.secrets.len() > self.capacity
            && let Some((_, oldest)) = self.uses.pop_first()
        {
            self.secrets.remove(&oldest);
        }
    }

    /// Forgets every pair with this key, after it was replaced or revoked.
    pub fn forget(&mut self, key: &PublicKey) {
        self.secrets.retain(|pair, _| !pair.has(key));
        self.uses.retain(|_, pair| !pair.has(key));
    }

    /// Pairs remembered.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

impl Pair {
    fn of(a: &PublicKey, b: &PublicKey) -> Self {
        if a.raw() <= b.raw() {
            Self(a.clone(), b.clone())
        } else {
            Self(b.clone(), a.clone())
        }
    }

    fn has(&self, key: &PublicKey) -> bool {
        self.0 == *key || self.1 == *key
    }
}

impl fmt::Debug for PairSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairSecrets({} of {})", self.len(), self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgreementKey, Curve, SystemEntropy};

    fn keys<const N: usize>() -> [AgreementKey; N] {
        std::array::from_fn(|_| AgreementKey::generate(&SystemEntropy))
    }

    fn remember(cache: &mut PairSecrets, a: &AgreementKey, b: &AgreementKey) {
        let secret = a.agree(b.public()).unwrap();
        cache.insert(a.public(), b.public(), secret);
    }

    fn knows(cache: &mut PairSecrets, a: &AgreementKey, b: &AgreementKey) -> bool {
        cache.get(a.public(), b.public()).is_some()
    }

    #[test]
    fn gives_what_the_keys_agree_on_from_either_side() {
        let [a, b, c] = keys();
        let mut cache = PairSecrets::new(8);
        remember(&mut cache, &a, &b);
        let expected = b.agree(a.public()).unwrap();
        for (one, other) in [(&a, &b), (&b, &a)] {
            let secret = cache.get(one.public(), other.public()).unwrap();
            assert_eq!(secret.octets(), expected.octets());
        }
        assert!(!knows(&mut cache, &a, &c));
        assert!(!knows(&mut cache, &a, &a));
    }

    #[test]
    fn the_same_octets_are_the_same_key_however_it_was_read() {
        let [a, b] = keys();
        let mut cache = PairSecrets::new(8);
        remember(&mut cache, &a, &b);
        let again = PublicKey::from_jwk(&b.public().to_jwk()).unwrap();
        assert!(cache.get(a.public(), &again).is_some());
    }

    #[test]
    fn the_pair_longest_unused_makes_room() {
        let [a, b, c, d] = keys();
        let mut cache = PairSecrets::new(2);
        remember(&mut cache, &a, &b);
        remember(&mut cache, &a, &c);
        assert!(knows(&mut cache, &a, &b));
        remember(&mut cache, &a, &d);
        assert_eq!(cache.len(), 2);
        assert!(knows(&mut cache, &a, &b));
        assert!(!knows(&mut cache, &a, &c));
        assert!(knows(&mut cache, &a, &d));
    }

    #[test]
    fn a_pair_remembered_twice_takes_one_place() {
        let [a, b, c] = keys();
        let mut cache = PairSecrets::new(2);
        remember(&mut cache, &a, &b);
        remember(&mut cache, &b, &a);
        remember(&mut cache, &a, &c);
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.uses.len(), 2);
        assert!(knows(&mut cache, &a, &b));
    }

    #[test]
    fn a_key_replaced_takes_all_its_pairs_along() {
        let [a, b, c] = keys();
        let mut cache = PairSecrets::new(8);
        remember(&mut cache, &a, &b);
        remember(&mut cache, &a, &c);
        remember(&mut cache, &b, &c);
        cache.forget(a.public());
        assert_eq!((cache.len(), cache.uses.len()), (1, 1));
        assert!(!knows(&mut cache, &b, &a));
        assert!(knows(&mut cache, &c, &b));
    }

    #[test]
    fn keys_on_different_curves_have_no_secret() {
        let [a] = keys();
        let other = AgreementKey::generate_on(Curve::P256, &SystemEntropy).unwrap();
        let mut cache = PairSecrets::new(8);
        cache.insert(
            a.public(),
            other.public(),
            SharedSecret::from_octets(vec![1; 32]),
        );
        assert!(cache.is_empty());
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let [a, b] = keys();
        let mut cache = PairSecrets::new(8);
        remember(&mut cache, &a, &b);
        assert_eq!(format!("{cache:?}"), "PairSecrets(1 of 8)");
    }
}
