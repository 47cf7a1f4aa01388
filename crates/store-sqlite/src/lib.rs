//! Comity's durable storage: SQLite, one writer, group commit.
//!
//! - **One thread writes.** Units queue up while it commits; it takes all that wait into one
//!   transaction, each in a savepoint of its own, and tells their callers after the commit. So a
//!   unit costs its share of one `fsync`, and a unit that fails undoes only itself.
//! - **Whoever reads does so on his own thread**, on a snapshot, and never waits for the writer.
//! - **The file is plain SQLite**: typed columns for what is looked up, the rest of a row as JSON,
//!   views for people (`sqlite3 comity.db 'SELECT * FROM receipts'`).
//!
//! What SQLite promises is used as it is: write-ahead log, `synchronous = FULL`. The file belongs
//! to one node; another process may read it, and may write it briefly (a backup, a repair): the
//! writer waits for it up to [`Options::busy`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use comity_store::{Store, SystemClock};
//!
//! let sqlite = comity_store_sqlite::Sqlite::open(dir.path().join("comity.db"), SystemClock)?;
//! let store = Store::new(sqlite.clone());
//! # drop(store);
//! println!("{:?}", sqlite.stats());
//! # Ok(())
//! # }
//! ```

mod error;
mod open;
mod readers;
mod tx;
mod writer;

use comity_store::{Backend, Clock, Done, ReadWork, StoreError, WriteWork};
use readers::Readers;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use writer::Writer;

/// How a database is opened. [`Options::default`] is what a node uses.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long a unit waits for another process that writes before it fails with
    /// [`StoreError::Locked`].
    pub busy: Duration,
    /// Connections that read: so many callers can at once.
    pub readers: usize,
    /// Largest size of the file in pages of 4 KiB; beyond it units fail with
    /// [`StoreError::Unwritable`]. `None`: as large as the disk.
    pub max_pages: Option<u32>,
    /// Called by the writer at named points, so that a test can end the process there:
    /// `store.before-commit` and `store.after-commit` (durable, nobody told yet).
    pub on_fail_point: fn(&'static str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(5),
            readers: 4,
            max_pages: None,
            on_fail_point: |_| (),
        }
    }
}

/// What the writer did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Groups that were committed; each cost one `fsync`.
    pub commits: u64,
    /// Units in them.
    pub units: u64,
    /// Units that asked to be undone, broke off, or were in a group whose commit failed.
    pub undone: u64,
}

/// The database. Cheap to clone; the file is closed, and everything submitted before is committed,
/// when the last clone is dropped.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    // Readers close before the writer, whose closing then folds the log into the file.
    readers: Readers,
    writer: Writer,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    units: AtomicU64,
    undone: AtomicU64,
}

impl Sqlite {
    /// Opens the database of a node, creating it if there is none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process holds it, [`StoreError::Corrupt`] if it is
    /// damaged, not ours or of a later version, [`StoreError::Unwritable`] if it cannot be written.
    pub fn open(path: impl AsRef<Path>, clock: impl Clock) -> Result<Self, StoreError> {
        Self::open_with(path, clock, Options::default())
    }

    /// The same, with other options.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        clock: impl Clock,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let counters = Arc::new(Counters::default());
        let db = open::writer(path, options.busy, options.max_pages)?;
        let writer = Writer::start(
            db,
            Arc::clone(&clock),
            Arc::clone(&counters),
            options.on_fail_point,
        )?;
        let readers = Readers::open(path, &options, &clock)?;
        Ok(Self(Arc::new(Inner {
            readers,
            writer,
            counters,
        })))
    }

    /// What the writer did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Counters {
            commits,
            units,
            undone,
        } = &*self.0.counters;
        let [commits, units, undone] =
            [commits, units, undone].map(|counter| counter.load(Ordering::Relaxed));
        Stats {
            commits,
            units,
            undone,
        }
    }
}

impl Backend for Sqlite {
    fn write(&self, work: WriteWork, done: Done) {
        self.0.writer.submit(work, done);
    }

    fn read(&self, work: ReadWork, done: Done) {
        done(self.0.readers.run(work));
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.stats()).finish()
    }
}

/// Waits for a thread to end, unless the caller is that thread: the last handle may be dropped in
/// what a unit or its caller runs there.
fn join(thread: &mut Option<std::thread::JoinHandle<()>>) {
    if let Some(thread) = thread.take()
        && thread.thread().id() != std::thread::current().id()
    {
        // A panic there was reported when it happened.
        let _ = thread.join();
    }
}
