//! The threads that read: each on its own connection, all fed by one queue.

use crate::error::{Result, failed};
use crate::tx::{Cache, SqliteTx};
use crate::{Options, join, open};
use comity_store::{Clock, Done, ReadWork, StoreError};
use rusqlite::Connection;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub(crate) struct Readers {
    queue: Option<Sender<Job>>,
    threads: Vec<Option<JoinHandle<()>>>,
}

struct Job {
    work: ReadWork,
    done: Done,
}

impl Readers {
    pub(crate) fn start(path: &Path, options: &Options, clock: &Arc<dyn Clock>) -> Result<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for number in 1..=options.readers.max(1) {
            let db = open::reader(path, options.busy)?;
            let (jobs, clock) = (Arc::clone(&jobs), Arc::clone(clock));
            let thread = std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || serve(&db, &jobs, &*clock))
                .map_err(|error| StoreError::Backend(Box::new(error)))?;
            threads.push(Some(thread));
        }
        Ok(Self {
            queue: Some(queue),
            threads,
        })
    }

    pub(crate) fn submit(&self, work: ReadWork, done: Done) {
        let job = Job { work, done };
        let refused = match &self.queue {
            Some(queue) => queue.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            (job.done)(Err(StoreError::Closed));
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        self.threads.iter_mut().for_each(join);
    }
}

fn serve(db: &Connection, jobs: &Mutex<Receiver<Job>>, clock: &dyn Clock) {
    let cache = RefCell::new(Cache::default());
    loop {
        // Held while waiting: whoever has the lock takes the next job, the others queue for it.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { work, done }) = job else { return };
        let tx = SqliteTx {
            db,
            cache: &cache,
            now: clock.now(),
        };
        let result = catch_unwind(AssertUnwindSafe(|| on_snapshot(tx, work)));
        if result.is_err() && !db.is_autocommit() {
            // Ends the snapshot. If even that fails the next BEGIN reports it.
            let _ = db.execute_batch("ROLLBACK");
        }
        done(result.unwrap_or(Err(StoreError::Panicked)));
    }
}

fn on_snapshot(tx: SqliteTx<'_>, work: ReadWork) -> Result<()> {
    tx.run("BEGIN", [])?;
    work(&tx);
    tx.db
        .prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]))
        .map_err(failed)?;
    Ok(())
}
