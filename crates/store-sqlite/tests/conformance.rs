//! SQLite passes the suite of all backends.

use comity_store::{ManualClock, Store};
use comity_store_sqlite::Sqlite;
use tempfile::TempDir;

fn make(clock: ManualClock) -> (Store, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let sqlite = Sqlite::open(dir.path().join("comity.db"), clock).expect("a new database");
    (Store::new(sqlite), dir)
}

comity_store::conformance!(make);
