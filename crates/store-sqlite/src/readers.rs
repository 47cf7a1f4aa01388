//! The connections that read. A unit that reads runs on the thread of its caller.
//!
//! What is read is nearly always in memory and there in some ten microseconds, less than it costs
//! to hand the work to another thread and back. A reader never waits for the writer; callers wait
//! for each other only if more of them read at once than there are connections.

use crate::error::{Result, failed};
use crate::tx::{Cache, SqliteTx};
use crate::{Options, open};
use comity_store::{Clock, ReadWork, StoreError};
use rusqlite::Connection;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

pub(crate) struct Readers {
    idle: Mutex<Vec<Reader>>,
    returned: Condvar,
    clock: Arc<dyn Clock>,
}

struct Reader {
    db: Connection,
    cache: RefCell<Cache>,
}

impl Readers {
    pub(crate) fn open(path: &Path, options: &Options, clock: &Arc<dyn Clock>) -> Result<Self> {
        let mut idle = Vec::new();
        for _ in 0..options.readers.max(1) {
            idle.push(Reader {
                db: open::reader(path, options.busy)?,
                cache: RefCell::default(),
            });
        }
        Ok(Self {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            clock: Arc::clone(clock),
        })
    }

    pub(crate) fn run(&self, work: ReadWork) -> Result<()> {
        let reader = self.take();
        let result = reader.run(work, &*self.clock);
        self.idle().push(reader);
        self.returned.notify_one();
        result
    }

    fn take(&self) -> Reader {
        let mut idle = self.idle();
        loop {
            if let Some(reader) = idle.pop() {
                return reader;
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn run(&self, work: ReadWork, clock: &dyn Clock) -> Result<()> {
        let tx = SqliteTx {
            db: &self.db,
            cache: &self.cache,
            now: clock.now(),
        };
        let result = catch_unwind(AssertUnwindSafe(|| on_snapshot(tx, work)));
        if result.is_err() && !self.db.is_autocommit() {
            // Ends the snapshot. If even that fails the next BEGIN reports it.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        result.unwrap_or(Err(StoreError::Panicked))
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
