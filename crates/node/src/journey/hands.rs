//! Work of which several pieces run beside each other, at most one for each key.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use tokio::task::{Id, JoinSet};

/// The pieces under way. Dropping it stops them.
#[derive(Debug)]
pub(super) struct Hands<K> {
    tasks: JoinSet<()>,
    names: HashMap<Id, K>,
    keys: HashSet<K>,
}

impl<K: Clone + Eq + Hash> Hands<K> {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
            keys: HashSet::new(),
        }
    }

    /// The keys of all pieces under way.
    pub(super) const fn keys(&self) -> &HashSet<K> {
        &self.keys
    }

    /// Starts a piece, unless one with this key is under way.
    pub(super) fn start(&mut self, key: K, work: impl Future<Output = ()> + Send + 'static) {
        if self.keys.insert(key.clone()) {
            let task = self.tasks.spawn(work);
            self.names.insert(task.id(), key);
        }
    }

    /// Forgets the pieces that ended, however they did.
    pub(super) fn tidy(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
    }

    /// Waits until a piece ends; for ever if there is none.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id)),
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, id: Id) {
        if let Some(key) = self.names.remove(&id) {
            self.keys.remove(&key);
        }
    }
}
