//! The thread that writes.
//!
//! ```text
//! submit ─► queue ─► BEGIN IMMEDIATE
//!                    SAVEPOINT, unit, RELEASE      (or ROLLBACK TO: undoes this unit only)
//!                    … while more wait, up to the caps of a group
//!                    tallies
//!                    store.before-commit ─ COMMIT ─ store.after-commit
//!                    done, done, …
//! ```
//!
//! Nobody is told anything before the commit, not even the caller of a unit that was undone: it
//! may have decided on what another unit of its group wrote, and that could still fail.

use crate::error::{Failure, Result};
use crate::tx::{Cache, SqliteTx};
use crate::{Counters, join};
use comity_store::{Clock, Done, StoreError, WriteWork};
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Most units in a group: bounds what is undone and run again when a commit fails.
const GROUP_UNITS: usize = 512;
/// Longest time a group takes units in: bounds what the first unit waits for the last. About as
/// long as a slow `fsync`, so that with many waiting at most half the time goes into syncing.
const GROUP_TIME: Duration = Duration::from_millis(20);
/// How often a unit is run again because another one made SQLite give up the whole transaction.
const RERUNS: u32 = 3;

pub(crate) struct Writer {
    queue: Option<Sender<Unit>>,
    thread: Option<JoinHandle<()>>,
}

/// A unit of work on its way.
struct Unit {
    work: WriteWork,
    done: Done,
    runs: u32,
}

/// A unit that ran, and what its caller is told if the commit succeeds.
struct Ran {
    unit: Unit,
    outcome: Result<()>,
    kept: bool,
}

impl Writer {
    pub(crate) fn start(
        db: Connection,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        on_fail_point: fn(&'static str),
    ) -> Result<Self> {
        let (queue, units) = channel();
        let mut committer = Committer {
            db,
            cache: RefCell::default(),
            clock,
            counters,
            on_fail_point,
            again: VecDeque::new(),
        };
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || committer.serve(&units))
            .map_err(|error| StoreError::Backend(Box::new(error)))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    pub(crate) fn submit(&self, work: WriteWork, done: Done) {
        let unit = Unit {
            work,
            done,
            runs: 0,
        };
        let refused = match &self.queue {
            Some(queue) => queue.send(unit).err().map(|error| error.0),
            None => Some(unit),
        };
        if let Some(unit) = refused {
            (unit.done)(Err(StoreError::Closed));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread still takes what is queued, then finds the queue closed.
        self.queue = None;
        join(&mut self.thread);
    }
}

struct Committer {
    db: Connection,
    cache: RefCell<Cache>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    on_fail_point: fn(&'static str),
    /// Units to run again: they were in a transaction that SQLite gave up.
    again: VecDeque<Unit>,
}

impl Committer {
    fn serve(&mut self, queue: &Receiver<Unit>) {
        while let Some(first) = self.again.pop_front().or_else(|| queue.recv().ok()) {
            self.group(first, queue);
        }
    }

    /// Runs units in one transaction and commits it.
    fn group(&mut self, first: Unit, queue: &Receiver<Unit>) {
        let begun = Instant::now();
        if let Err(error) = self.statement("BEGIN IMMEDIATE") {
            // Whoever waits has waited as long already: no turn each for an error that stays.
            let mut units = vec![first];
            units.extend(self.again.drain(..));
            units.extend(queue.try_iter().take(GROUP_UNITS));
            return self.tell(&error, units);
        }
        let mut ran: Vec<Ran> = Vec::new();
        let mut next = Some(first);
        while let Some(unit) = next {
            let this = self.run(unit);
            if self.db.is_autocommit() {
                return self.lost(ran, this);
            }
            ran.push(this);
            let open = ran.len() < GROUP_UNITS && begun.elapsed() < GROUP_TIME;
            next = if open {
                self.again.pop_front().or_else(|| queue.try_recv().ok())
            } else {
                None
            };
        }
        match self.commit() {
            Ok(()) => self.report(ran),
            Err(error) => self.tell(&error, ran.into_iter().map(|ran| ran.unit).collect()),
        }
    }

    /// Runs one unit in a savepoint.
    fn run(&self, mut unit: Unit) -> Ran {
        unit.runs += 1;
        let (outcome, kept) = match self.in_savepoint(&mut unit.work) {
            Ok(kept) => (Ok(()), kept),
            Err(error) => (Err(error), false),
        };
        let mut cache = self.cache.borrow_mut();
        if kept {
            cache.keep();
        } else {
            cache.forget_unit();
        }
        Ran {
            unit,
            outcome,
            kept,
        }
    }

    fn in_savepoint(&self, work: &mut WriteWork) -> Result<bool> {
        self.statement("SAVEPOINT unit")
            .map_err(|error| error.report())?;
        let mut tx = SqliteTx {
            db: &self.db,
            cache: &self.cache,
            now: self.clock.now(),
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
        if self.db.is_autocommit() {
            // Some errors (a full disk, mostly) make SQLite roll back everything by itself.
            return Err(StoreError::Unwritable(
                "the transaction was given up".to_owned(),
            ));
        }
        if !matches!(result, Ok(true)) {
            self.statement("ROLLBACK TO unit")
                .map_err(|error| error.report())?;
        }
        self.statement("RELEASE unit")
            .map_err(|error| error.report())?;
        result.map_err(|_| StoreError::Panicked)
    }

    fn commit(&self) -> Result<(), Failure> {
        self.cache.borrow_mut().flush(&self.db)?;
        (self.on_fail_point)("store.before-commit");
        self.statement("COMMIT")?;
        (self.on_fail_point)("store.after-commit");
        Ok(())
    }

    /// The transaction is gone, by the fault of the unit that ran last: the others run again.
    fn lost(&mut self, before: Vec<Ran>, last: Ran) {
        self.cache.borrow_mut().forget_all();
        count(&self.counters.undone, 1);
        let lost = || StoreError::Unwritable("the transaction was given up".to_owned());
        for ran in before.into_iter().rev() {
            if ran.unit.runs <= RERUNS {
                self.again.push_front(ran.unit);
            } else {
                count(&self.counters.undone, 1);
                (ran.unit.done)(Err(lost()));
            }
        }
        (last.unit.done)(Err(last.outcome.err().unwrap_or_else(lost)));
    }

    /// The group failed as a whole.
    fn tell(&self, error: &Failure, units: Vec<Unit>) {
        tracing::error!(%error, units = units.len(), "a commit failed");
        if !self.db.is_autocommit()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
        self.cache.borrow_mut().forget_all();
        count(&self.counters.undone, units.len());
        for unit in units {
            (unit.done)(Err(error.report()));
        }
    }

    fn report(&self, ran: Vec<Ran>) {
        let kept = ran.iter().filter(|ran| ran.kept).count();
        count(&self.counters.commits, 1);
        count(&self.counters.units, kept);
        count(&self.counters.undone, ran.len() - kept);
        for ran in ran {
            (ran.unit.done)(ran.outcome);
        }
    }

    fn statement(&self, sql: &str) -> Result<(), Failure> {
        self.db.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}
