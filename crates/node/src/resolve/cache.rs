//! What was resolved, for a while, in bounded memory.

use super::resolver::ResolveError;
use comity_did::{Did, DidDocument};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) type Resolved = Result<Arc<DidDocument>, ResolveError>;

/// Results by DID, each until its time is over. When full, the one that would go first goes.
#[derive(Debug)]
pub(super) struct Cache {
    results: HashMap<Did, (Resolved, Instant)>,
    capacity: usize,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            results: HashMap::new(),
            capacity,
        }
    }

    /// The result, and how long it may still be used.
    pub(super) fn get(&self, did: &Did) -> Option<(Resolved, Duration)> {
        self.get_at(did, Instant::now())
    }

    pub(super) fn get_at(&self, did: &Did, now: Instant) -> Option<(Resolved, Duration)> {
        let (result, until) = self.results.get(did)?;
        (*until > now).then(|| (result.clone(), *until - now))
    }

    pub(super) fn put(&mut self, did: &Did, result: Resolved, lifetime: Duration) {
        self.put_at(did, result, lifetime, Instant::now());
    }

    pub(super) fn put_at(&mut self, did: &Did, result: Resolved, lifetime: Duration, now: Instant) {
        if self.results.len() >= self.capacity && !self.results.contains_key(did) {
            self.results.retain(|_, (_, until)| *until > now);
        }
        if self.results.len() >= self.capacity && !self.results.contains_key(did) {
            let first = self.results.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(first) = first.map(|(did, _)| did.clone()) {
                self.results.remove(&first);
            }
        }
        self.results.insert(did.clone(), (result, now + lifetime));
    }

    pub(super) fn remove(&mut self, did: &Did) {
        self.results.remove(did);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.results.len()
    }
}
