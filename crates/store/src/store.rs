//! The handle that the node holds, and what a backend must offer.

use crate::{StoreError, Tx};
use futures_channel::oneshot;
use std::sync::{Arc, Mutex, PoisonError};

/// A unit of work that writes. Returns true to commit, false to undo what it wrote.
pub type WriteWork = Box<dyn FnMut(&mut dyn Tx) -> bool + Send>;
/// A unit of work that only reads.
pub type ReadWork = Box<dyn FnOnce(&dyn Tx) + Send>;
/// Told once: `Ok` when the unit is durable (or was undone as it asked).
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a database must offer. Work that writes runs on the backend's threads, and the call returns
/// at once; work that reads may run on the caller's, as it never waits for what writes.
pub trait Backend: Send + Sync + 'static {
    /// Runs `work` in a transaction of its own or in a group; calls `done` after the commit.
    fn write(&self, work: WriteWork, done: Done);
    /// Runs `work` on a consistent snapshot that includes every write reported done before.
    fn read(&self, work: ReadWork, done: Done);
}

/// Storage, as the node uses it. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<dyn Backend>);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Wraps a backend.
    pub fn new(backend: impl Backend) -> Self {
        Self(Arc::new(backend))
    }

    /// Runs `work` in a transaction and waits until it is durable.
    ///
    /// If `work` returns `Err`, nothing of it is kept. `work` may be run again after a conflict.
    ///
    /// # Errors
    /// What `work` returned, or the [`StoreError`] of the commit.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the work; whether it was done can be read afterwards.
    pub async fn write<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let (done, committed) = oneshot::channel();
        let filled = Arc::clone(&slot);
        self.0.write(
            Box::new(move |tx| {
                let result = work(tx);
                let commit = result.is_ok();
                *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                commit
            }),
            Box::new(move |result| drop(done.send(result))),
        );
        finish(committed.await, &slot)
    }

    /// Runs `work` on a consistent snapshot.
    ///
    /// # Errors
    /// What `work` returned, or a [`StoreError`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let (done, finished) = oneshot::channel();
        let filled = Arc::clone(&slot);
        self.0.read(
            Box::new(move |tx| {
                let result = work(tx);
                *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }),
            Box::new(move |result| drop(done.send(result))),
        );
        finish(finished.await, &slot)
    }
}

fn finish<T, E: From<StoreError>>(
    done: Result<Result<(), StoreError>, oneshot::Canceled>,
    slot: &Mutex<Option<Result<T, E>>>,
) -> Result<T, E> {
    let result = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, result) {
        (Ok(Ok(())), Some(result)) => result,
        // The work itself failed: its own error says more than that of the undone transaction.
        (Ok(Err(_)), Some(Err(error))) => Err(error),
        (Ok(Err(error)), _) => Err(error.into()),
        (Err(_) | Ok(Ok(())), _) => Err(StoreError::Closed.into()),
    }
}
