//! Kill -9 (invariant I1): a child process writes numbered units and reports each that was
//! acknowledged; it is killed; the database is opened again. All that was reported is there, and
//! nothing is there by half.
//!
//! The child is this very program, told by the environment to be one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use comity_engine::OutState;
use comity_store::{Page, Store, StoreError, SystemClock};
use comity_store_sqlite::{Options, Sqlite};
use common::{block_on, child, numbered};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ROUNDS: u64 = 8;

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment_and_nothing_is_there_by_half() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("comity.db");
    let mut reported = BTreeSet::new();
    for round in 0..ROUNDS {
        let noise = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .subsec_nanos();
        let life = Duration::from_millis(u64::from(noise) % 200);
        // Every other one from its start, so that opening and migrating are hit too.
        let end = if round % 2 == 0 {
            End::Killed(life)
        } else {
            End::KilledInWork(life)
        };
        println!("round {round}: {end:?}");
        let new = run_and_kill(&path, round * 1_000_000, end);
        reported.extend(new);
        assert_whole(&path, &reported);
    }
    assert!(!reported.is_empty());
}

#[test]
fn what_was_not_committed_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("comity.db");
    let reported = run_and_kill(&path, 0, End::At("store.before-commit"));
    let kept = assert_whole(&path, &reported);
    assert_eq!(kept, reported, "nobody was told, so nothing may be there");
}

#[test]
fn what_was_committed_is_there_though_nobody_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("comity.db");
    let reported = run_and_kill(&path, 0, End::At("store.after-commit"));
    let kept = assert_whole(&path, &reported);
    assert_eq!(
        kept.len(),
        reported.len() + 1,
        "the last commit was not kept"
    );
}

/// How a child ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By a signal, so long after its start.
    Killed(Duration),
    /// By a signal, so long after its first acknowledged unit.
    KilledInWork(Duration),
    /// By itself, at a fail point.
    At(&'static str),
}

/// Runs a child to its end; returns the units that it reported.
fn run_and_kill(path: &Path, first: u64, end: End) -> BTreeSet<u64> {
    // With one writer a unit is reported before the next begins: at a fail point it is known
    // exactly what was told.
    let (fail_point, writers) = if let End::At(point) = end {
        (point, 1)
    } else {
        ("", 4)
    };
    let mut child = child("child_that_writes_until_it_dies", path)
        .env("COMITY_TEST_FIRST", first.to_string())
        .env("COMITY_TEST_FAIL_POINT", fail_point)
        .env("COMITY_TEST_WRITERS", writers.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let (works, working) = channel();
    let reader = std::thread::spawn(move || {
        let lines = lines.lines().map_while(Result::ok);
        let done = lines.filter_map(|line| line.strip_prefix("done ")?.parse().ok());
        done.inspect(|_| {
            let _ = works.send(());
        })
        .collect::<BTreeSet<u64>>()
    });
    if let End::KilledInWork(_) = end {
        working.recv().unwrap();
    }
    if let End::Killed(life) | End::KilledInWork(life) = end {
        std::thread::sleep(life);
        // SIGKILL.
        child.kill().unwrap();
    }
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Opens the database; every reported unit must be there and every unit that is there be whole.
fn assert_whole(path: &Path, reported: &BTreeSet<u64>) -> BTreeSet<u64> {
    let sqlite = Sqlite::open(path, SystemClock).unwrap();
    let store = Store::new(sqlite);
    let kept = block_on(store.read(|tx| {
        let all = Page {
            after: 0,
            limit: usize::MAX,
        };
        let mut kept = BTreeSet::new();
        for entry in tx.entries(all)? {
            let n = String::from_utf8(entry.record.unwrap())
                .unwrap()
                .parse()
                .unwrap();
            assert!(kept.insert(n), "unit {n} is there twice");
            let (out, inn) = (numbered::outgoing(n), numbered::incoming(n));
            assert!(
                tx.outgoing(&out.agent, &out.id)?.is_some(),
                "half a unit: {n}"
            );
            assert!(tx.incoming(&inn.delivery)?.is_some(), "half a unit: {n}");
            assert_eq!(tx.message(&out.digest)?, Some(numbered::body(n)));
        }
        let count = kept.len() as u64;
        assert_eq!(tx.list_outgoing(all)?.len() as u64, count);
        assert_eq!(tx.list_incoming(all)?.len() as u64, count);
        assert_eq!(
            tx.events(&numbered::outgoing(0).agent, all)?.len() as u64,
            count
        );
        if count > 0 {
            let queued = (OutState::Queued.as_str().to_owned(), count);
            assert_eq!(tx.count_outgoing()?, [queued]);
            let sum = tx
                .meta("sum")?
                .map(|octets| u64::from_be_bytes(octets.try_into().unwrap()));
            assert_eq!(sum, Some(kept.iter().sum()));
        }
        Ok::<_, StoreError>(kept)
    }))
    .unwrap();
    let lost: Vec<_> = reported.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    drop(store);
    let db = rusqlite::Connection::open(path).unwrap();
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    kept
}

/// The child. Does nothing when the tests are run as tests.
#[test]
fn child_that_writes_until_it_dies() {
    let Some(path) = common::child_path() else {
        return;
    };
    let number = |name| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let (first, writers) = (number("COMITY_TEST_FIRST"), number("COMITY_TEST_WRITERS"));
    let mut options = Options::default();
    options.on_fail_point = die_at_a_later_commit;
    let store = Store::new(Sqlite::open_with(path, SystemClock, options).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let store = store.clone();
            scope.spawn(move || {
                for n in (first + 1 + writer..).step_by(writers) {
                    let n = n as u64;
                    block_on(store.write(move |tx| numbered::write(tx, n))).unwrap();
                    // One call, so that the line is whole or not there.
                    std::io::stdout()
                        .write_all(format!("\ndone {n}\n").as_bytes())
                        .unwrap();
                }
            });
        }
    });
}

/// Ends the process at the fail point that the environment names, the eleventh time.
fn die_at_a_later_commit(point: &'static str) {
    static TIMES: AtomicU64 = AtomicU64::new(0);
    let named = std::env::var("COMITY_TEST_FAIL_POINT").is_ok_and(|name| name == point);
    if named && TIMES.fetch_add(1, Ordering::Relaxed) == 10 {
        std::process::abort();
    }
}
