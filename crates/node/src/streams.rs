//! A lock for each (from, to, thread) stream.

use comity_did::Did;
use comity_didcomm::MessageId;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by stream. They only avoid wasted signatures: that numbers are given out once is the
/// store's compare-and-swap.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<u64, Weak<AsyncMutex<()>>>>);

impl Streams {
    /// Waits for the turn of all these streams. They are taken in one order and each once, so
    /// that callers never wait for each other in a circle.
    pub(crate) async fn lock_all<'a>(
        &self,
        streams: impl Iterator<Item = (&'a Did, &'a Did, &'a MessageId)>,
    ) -> Vec<OwnedMutexGuard<()>> {
        let mut keys: Vec<u64> = streams
            .map(|stream| {
                let mut hasher = DefaultHasher::new();
                stream.hash(&mut hasher);
                hasher.finish()
            })
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut guards = Vec::with_capacity(keys.len());
        for key in keys {
            guards.push(self.of(key).lock_owned().await);
        }
        guards
    }

    fn of(&self, key: u64) -> Arc<AsyncMutex<()>> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = map.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        // Forget streams that nobody holds, now and then.
        if map.len() >= 4_096 {
            map.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(AsyncMutex::new(()));
        map.insert(key, Arc::downgrade(&lock));
        lock
    }
}
