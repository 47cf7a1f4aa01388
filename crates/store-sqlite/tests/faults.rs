//! What goes wrong beneath the store, and what it makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use comity_store::{Clock, Page, Store, StoreError, SystemClock};
use comity_store_sqlite::{Options, Sqlite, Stats};
use common::{block_on, child, numbered, samples::digest};
use rusqlite::Connection;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;
use tempfile::TempDir;

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>>>>;

#[test]
fn a_unit_that_fails_in_a_group_leaves_the_other_its_commit() {
    let (_dir, path) = fresh();
    let sqlite = Sqlite::open(&path, SystemClock).unwrap();
    let store = Store::new(sqlite.clone());
    let (go, first) = hold_up(&store);
    let fails = submit(&store, |tx| {
        numbered::write(tx, 1)?;
        Err::<(), _>(StoreError::Conflict)
    });
    let stays = submit(&store, |tx| numbered::write(tx, 2));
    go.send(()).unwrap();
    block_on(first).unwrap();
    assert!(matches!(block_on(fails), Err(StoreError::Conflict)));
    block_on(stays).unwrap();
    assert_eq!(kept(&store), [2]);
    let Stats {
        commits,
        units,
        undone,
        ..
    } = sqlite.stats();
    assert_eq!(
        (commits, units, undone),
        (2, 2, 1),
        "the two were not one group"
    );
}

#[test]
fn units_that_wait_together_share_a_commit() {
    let (_dir, path) = fresh();
    let sqlite = Sqlite::open(&path, SystemClock).unwrap();
    let store = Store::new(sqlite.clone());
    let (go, first) = hold_up(&store);
    let small = |n: u64| submit(&store, move |tx| tx.set_meta(&n.to_string(), b""));
    let waiting: Vec<_> = (0..40).map(small).collect();
    go.send(()).unwrap();
    block_on(first).unwrap();
    waiting.into_iter().for_each(|unit| block_on(unit).unwrap());
    let Stats { commits, units, .. } = sqlite.stats();
    assert_eq!(units, 41);
    assert!(commits < 20, "{commits} commits for {units} units");
}

#[test]
fn a_unit_too_large_for_the_disk_fails_alone_and_the_store_stays_usable() {
    let (_dir, path) = fresh();
    let mut options = Options::default();
    options.max_pages = Some(200);
    let store = Store::new(Sqlite::open_with(&path, SystemClock, options).unwrap());
    let (go, first) = hold_up(&store);
    let before = submit(&store, |tx| numbered::write(tx, 1));
    let huge = submit(&store, |tx| {
        tx.put_message(&digest("huge"), &vec![1; 8 << 20])
    });
    let after = submit(&store, |tx| numbered::write(tx, 2));
    go.send(()).unwrap();
    block_on(first).unwrap();
    let error = block_on(huge).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    block_on(before).unwrap();
    block_on(after).unwrap();
    block_on(store.write(|tx| numbered::write(tx, 3))).unwrap();
    assert_eq!(kept(&store), [1, 2, 3]);
}

#[test]
fn a_commit_that_fails_fails_every_unit_of_its_group_and_nothing_else() {
    let (dir, path) = fresh();
    // A limit on the size of files is ignored as a signal, so that writes beyond it fail.
    let inner = child("child_whose_disk_is_full_for_a_while", &path);
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args())
        .envs(
            inner
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .status()
        .unwrap();
    assert!(status.success());
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    assert_eq!(
        kept(&store),
        [1, 4],
        "of the failed group something stayed, or others were lost"
    );
    drop(dir);
}

/// The child. Does nothing when the tests are run as tests.
#[test]
fn child_whose_disk_is_full_for_a_while() {
    let Some(path) = common::child_path() else {
        return;
    };
    let limit = |size: &str| {
        let pid = std::process::id().to_string();
        let limit = format!("--fsize={size}:");
        assert!(
            Command::new("prlimit")
                .args(["--pid", &pid, &limit])
                .status()
                .unwrap()
                .success()
        );
    };
    let sqlite = Sqlite::open(&path, SystemClock).unwrap();
    let store = Store::new(sqlite.clone());
    block_on(store.write(|tx| numbered::write(tx, 1))).unwrap();
    let mut log = path;
    log.push("-wal");
    limit(&std::fs::metadata(log).unwrap().len().to_string());
    let (go, first) = hold_up(&store);
    let two = submit(&store, |tx| numbered::write(tx, 2));
    let three = submit(&store, |tx| numbered::write(tx, 3));
    go.send(()).unwrap();
    block_on(first).unwrap();
    for unit in [two, three] {
        let error = block_on(unit).unwrap_err();
        assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    }
    assert_eq!(sqlite.stats().undone, 2);
    assert_eq!(kept(&store), [1]);
    limit("unlimited");
    block_on(store.write(|tx| numbered::write(tx, 4))).unwrap();
    assert_eq!(kept(&store), [1, 4]);
}

#[test]
fn a_writer_waits_for_another_process_and_then_says_that_it_is_locked() {
    let (_dir, path) = fresh();
    let mut options = Options::default();
    options.busy = Duration::from_millis(300);
    let store = Store::new(Sqlite::open_with(&path, SystemClock, options).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let units: Vec<_> = (1..=5)
        .map(|n| submit(&store, move |tx| numbered::write(tx, n)))
        .collect();
    let begun = SystemClock.now();
    for unit in units {
        let error = block_on(unit).unwrap_err();
        assert!(matches!(error, StoreError::Locked), "{error:?}");
    }
    let waited = SystemClock.now().since(begun);
    assert!(
        waited < Duration::from_millis(1_200),
        "each waited for itself: {waited:?}"
    );
    // Reading goes on meanwhile.
    assert_eq!(kept(&store), [0; 0]);
    // Released in time: nobody notices.
    let unit = submit(&store, |tx| numbered::write(tx, 6));
    std::thread::sleep(Duration::from_millis(100));
    other.execute_batch("ROLLBACK").unwrap();
    block_on(unit).unwrap();
    assert_eq!(kept(&store), [6]);
}

#[test]
fn a_database_that_another_process_holds_is_locked() {
    let (_dir, path) = fresh();
    drop(Sqlite::open(&path, SystemClock).unwrap());
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let mut options = Options::default();
    options.busy = Duration::from_millis(50);
    let error = Sqlite::open_with(&path, SystemClock, options).unwrap_err();
    assert!(matches!(error, StoreError::Locked), "{error:?}");
    drop(other);
    Sqlite::open(&path, SystemClock).unwrap();
}

#[test]
fn what_is_not_a_database_of_ours_is_left_alone() {
    let (_dir, path) = fresh();
    std::fs::write(
        &path,
        "not a database at all, but long enough to have a header".repeat(9),
    )
    .unwrap();
    assert_corrupt(&path);
    assert!(std::fs::read(&path).unwrap().starts_with(b"not a database"));

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (a)")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_corrupt(&path);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_later_version_and_a_changed_migration_are_refused() {
    for change in [
        "PRAGMA user_version = 99",
        "UPDATE migration SET checksum = 'other'",
    ] {
        let (_dir, path) = fresh();
        drop(Sqlite::open(&path, SystemClock).unwrap());
        drop(Sqlite::open(&path, SystemClock).unwrap());
        Connection::open(&path)
            .unwrap()
            .execute_batch(change)
            .unwrap();
        assert_corrupt(&path);
    }
}

#[test]
fn damage_is_told_when_opening_or_when_met() {
    let (_dir, path) = fresh();
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    for n in 1..=50 {
        block_on(store.write(move |tx| numbered::write(tx, n))).unwrap();
    }
    let damage = || {
        let mut octets = std::fs::read(&path).unwrap();
        octets
            .iter_mut()
            .skip(2 * 4_096)
            .for_each(|octet| *octet ^= 0x55);
        std::fs::write(&path, octets).unwrap();
    };
    drop(store);
    damage();
    assert_corrupt(&path);
    damage();
    // Behind our back, on a new connection's first look.
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    damage();
    let read = block_on(store.read(|tx| {
        tx.list_outgoing(Page {
            after: 0,
            limit: 100,
        })
    }));
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}

#[test]
fn a_row_that_no_version_wrote_is_damage() {
    let (_dir, path) = fresh();
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    block_on(store.write(|tx| numbered::write(tx, 1))).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE outbox SET data = '{}'")
        .unwrap();
    let read = block_on(store.read(|tx| {
        tx.list_outgoing(Page {
            after: 0,
            limit: 100,
        })
    }));
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let (dir, _) = fresh();
    for path in [dir.path().to_owned(), dir.path().join("absent/comity.db")] {
        let error = Sqlite::open(&path, SystemClock).unwrap_err();
        assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    }
}

#[test]
fn the_file_is_its_owners_alone_and_as_designed() {
    let (_dir, path) = fresh();
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    block_on(store.write(|tx| numbered::write(tx, 1))).unwrap();
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    for file in [path.as_os_str(), &log] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
    let db = Connection::open(&path).unwrap();
    let pragma = |name: &str| {
        let sql = format!("PRAGMA {name}");
        db.query_row(&sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(pragma("application_id"), 0x434d_5459_i64.into());
    assert_eq!(pragma("user_version"), 1_i64.into());
    assert_eq!(pragma("page_size"), 4_096_i64.into());
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
}

#[test]
fn dropping_the_last_handle_commits_what_was_submitted() {
    let (_dir, path) = fresh();
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    let units: Vec<_> = (1..=9)
        .map(|n| submit(&store, move |tx| numbered::write(tx, n)))
        .collect();
    drop((units, store));
    let store = Store::new(Sqlite::open(&path, SystemClock).unwrap());
    assert_eq!(kept(&store), (1..=9).collect::<Vec<_>>());
}

fn fresh() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("comity.db");
    (dir, path)
}

/// Submits a unit now; it is waited for later.
fn submit<T: Send + 'static>(
    store: &Store,
    work: impl FnMut(&mut dyn comity_store::Tx) -> Result<T, StoreError> + Send + 'static,
) -> Pending<T> {
    let store = store.clone();
    let mut unit: Pending<T> = Box::pin(async move { store.write(work).await });
    let first = unit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match first {
        std::task::Poll::Ready(result) => Box::pin(std::future::ready(result)),
        std::task::Poll::Pending => unit,
    }
}

/// Keeps the writer busy until told, so that what is submitted meanwhile makes one group.
fn hold_up(store: &Store) -> (Sender<()>, Pending<()>) {
    let (started, runs) = channel::<()>();
    let (go, wait) = channel::<()>();
    let unit = submit(store, move |_| {
        let _ = started.send(());
        let _ = wait.recv();
        // Longer than a group takes units in, so that this one commits alone.
        std::thread::sleep(Duration::from_millis(40));
        Ok(())
    });
    runs.recv().unwrap();
    (go, unit)
}

/// The numbers of the units that are there.
fn kept(store: &Store) -> Vec<u64> {
    block_on(store.read(|tx| {
        let rows = tx.entries(Page {
            after: 0,
            limit: 1_000,
        })?;
        let number = |octets: Vec<u8>| String::from_utf8(octets).unwrap().parse().unwrap();
        Ok::<_, StoreError>(
            rows.into_iter()
                .filter_map(|row| row.record.map(number))
                .collect(),
        )
    }))
    .unwrap()
}

fn assert_corrupt(path: &Path) {
    let error = Sqlite::open(path, SystemClock).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}
