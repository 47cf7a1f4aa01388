//! The cost of the lists on the hot path: it follows what is asked for, not what lies there.

use super::inbox::{LEASABLE, LEASABLE_AGAIN, PARKED};
use super::outbox_lists::{FRESH, NEXT_PEER, PAUSED};
use super::receipts::{DUE, NEXT_SENDER, UNSIGNED};
use super::trust::{FIND_LIVE_GRANTS, LIVE_GRANTS, LIVE_GRANTS_WITH, OFFERED_GRANTS};
use super::vouches::{LAST_LIST, PLACES_OF_LIST};
use super::{Cache, SqliteTx, after, int, millis};
use crate::open;
use comity_engine::{GrantState, InState, Timestamp};
use comity_store::conformance::samples::{START, did, grant, id, incoming, outgoing, receipt};
use comity_store::{GrantRow, Inbox, Incoming, Outbox, Receipts, Trust};
use rusqlite::{Connection, Params, StatementStatus};
use std::cell::RefCell;
use std::time::Duration;

/// Rows that lie in the way.
const BACKLOG: u32 = 100_000;
const LIMIT: usize = 64;
/// Instructions of SQLite's machine for each row of a result; a scan of the backlog takes a
/// thousand times as many.
const STEPS_PER_ROW: i32 = 60;

#[test]
fn the_lists_of_the_hot_path_use_their_indexes_and_sort_nothing() {
    let (_dir, db) = database();
    for (sql, index) in [
        (LEASABLE, "inbox_due"),
        (LEASABLE_AGAIN, "inbox_due"),
        (PARKED, "inbox_parked"),
        (FRESH, "outbox_due"),
        (PAUSED, "outbox_due"),
        (NEXT_PEER, "outbox_due"),
        (DUE, "receipt_due"),
        (NEXT_SENDER, "receipt_due"),
        (UNSIGNED, "receipt_unsigned"),
        (PLACES_OF_LIST, "issued_list"),
        (LAST_LIST, "issued_list"),
    ] {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = statement.parameter_count();
        let none = rusqlite::params_from_iter(vec![0; parameters]);
        let lines = statement
            .query_map(none, |row| row.get::<_, String>(3))
            .unwrap();
        let plan = lines.collect::<Result<Vec<_>, _>>().unwrap().join("; ");
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{sql}: {plan}"
        );
    }
}

#[test]
fn leasing_costs_the_same_whatever_lies_in_the_inbox() {
    let in_one_thread = incoming("bruno", "t", 1);
    let leased = Incoming {
        state: InState::Leased,
        leased_until: START + Duration::from_secs(60),
        ..incoming("bruno", "t", 1)
    };
    let paused = Incoming {
        not_before: START + Duration::from_secs(60),
        ..in_one_thread.clone()
    };
    let parked = Incoming {
        state: InState::Parked,
        ..in_one_thread.clone()
    };
    let kept = Incoming {
        answer_to: Some(id("question")),
        ..in_one_thread.clone()
    };
    let suspended = incoming("carla", "t", 1);
    for (what, row) in [
        ("waits in one thread", in_one_thread),
        ("is leased", leased),
        ("is paused", paused),
        ("is parked", parked),
        ("is kept for an asker", kept),
        ("has a suspended grant", suspended),
    ] {
        let (_dir, db) = database();
        let cache = RefCell::default();
        let mut tx = begin(&db, &cache);
        tx.put_grant(&grant("bruno", 1)).unwrap();
        tx.put_grant(&grant("carla", 1)).unwrap();
        tx.put_incoming(&row).unwrap();
        multiply(
            &db,
            "inbox",
            ("delivery", "delivery || n"),
            what != "waits in one thread",
        );
        let suspended = GrantRow {
            state: GrantState::Suspended,
            ..grant("carla", 1)
        };
        tx.put_grant(&suspended).unwrap();
        for n in 0..LIMIT {
            tx.put_incoming(&incoming("bruno", &format!("new{n}"), 1))
                .unwrap();
        }
        let got = tx.leasable(&did("aria"), START, &[], LIMIT).unwrap();
        assert_eq!(got.len(), LIMIT, "{what}");
        let aria = tx.party(&did("aria")).unwrap();
        let now = millis(START);
        let most = i64::try_from(LIMIT).unwrap();
        let seconds = int(START.seconds());
        let cost = steps(&db, LEASABLE, (aria, seconds, most))
            + steps(&db, LEASABLE_AGAIN, (aria, seconds, most, now));
        assert_cheap(what, cost);
    }
}

#[test]
fn handing_over_costs_the_same_whatever_lies_in_the_outbox() {
    for (what, own_streams) in [
        ("waits in one thread", false),
        ("is for a peer who is down", true),
    ] {
        let (_dir, db) = database();
        let cache = RefCell::default();
        let mut tx = begin(&db, &cache);
        tx.put_outgoing(&outgoing("bruno", "t", 1)).unwrap();
        multiply(&db, "outbox", ("name", "name + n"), own_streams);
        for n in 0..LIMIT {
            tx.put_outgoing(&outgoing("carla", &format!("new{n}"), 1))
                .unwrap();
        }
        let got = tx.due_outgoing(START, &[did("bruno")], &[], LIMIT).unwrap();
        assert_eq!(got.len(), LIMIT, "{what}");
        assert!(got.iter().all(|row| row.to == did("carla")), "{what}");
        assert_eq!(
            tx.due_outgoing(START, &[], &[], LIMIT).unwrap()[0].to,
            did("bruno"),
            "{what}"
        );
        let (bruno, carla) = (
            tx.party(&did("bruno")).unwrap(),
            tx.party(&did("carla")).unwrap(),
        );
        let now = millis(START);
        let cost = steps(&db, NEXT_PEER, [0])
            + steps(&db, NEXT_PEER, [bruno])
            + steps(&db, NEXT_PEER, [carla])
            + steps(&db, FRESH, [carla])
            + steps(&db, PAUSED, (carla, now, 64));
        assert_cheap(what, cost);
    }
}

#[test]
fn giving_receipts_costs_the_same_whatever_was_given() {
    let (_dir, db) = database();
    let cache = RefCell::default();
    let mut tx = begin(&db, &cache);
    let given = |name: &str| {
        let mut row = receipt("bruno", name, 1);
        row.receipt = Some(vec![1]);
        row.delivered = true;
        row
    };
    tx.put_receipt(&given("old")).unwrap();
    multiply(&db, "receipt", ("message", "message + n"), true);
    let mut owed = given("new");
    owed.delivered = false;
    tx.put_receipt(&owed).unwrap();
    tx.put_receipt(&receipt("bruno", "unsigned", 7)).unwrap();
    assert_eq!(tx.due_receipts(START, &[], LIMIT).unwrap().len(), 1);
    assert_eq!(tx.unsigned_receipts(9, LIMIT).unwrap().len(), 1);
    let bruno = tx.party(&did("bruno")).unwrap();
    let cost = steps(&db, NEXT_SENDER, [0])
        + steps(&db, DUE, (bruno, millis(START), 64))
        + steps(&db, UNSIGNED, (9, 64));
    assert_cheap("was given", cost);
}

#[test]
fn finding_live_grants_costs_the_same_however_many_ended() {
    let (_dir, db) = database();
    let cache = RefCell::default();
    let mut tx = begin(&db, &cache);
    let with = |number, state| GrantRow {
        state,
        ..grant("bruno", number)
    };
    tx.put_grant(&with(1, GrantState::Ended)).unwrap();
    multiply(&db, "grants", ("id", "id + n"), true);
    let offered = with(2, GrantState::Offered);
    tx.put_grant(&offered).unwrap();
    let found = std::slice::from_ref(&offered);
    let id = offered.grant.id().to_string();
    assert_eq!(tx.live_grants().unwrap(), found);
    assert_eq!(tx.live_grants_with(&did("bruno")).unwrap(), found);
    assert_eq!(tx.find_live_grants(&id).unwrap(), found);
    assert_eq!(tx.offered_grants().unwrap(), found);
    let bruno = tx.party(&did("bruno")).unwrap();
    let cost = steps(&db, LIVE_GRANTS, [])
        + steps(&db, LIVE_GRANTS_WITH, [bruno])
        + steps(&db, FIND_LIVE_GRANTS, (&id, after(&id)))
        + steps(&db, OFFERED_GRANTS, []);
    assert_cheap("is a grant that ended", cost);
}

#[test]
fn a_number_given_in_a_unit_that_was_undone_is_forgotten() {
    let (_dir, db) = database();
    let cache: RefCell<Cache> = RefCell::default();
    db.execute_batch("BEGIN; SAVEPOINT unit").unwrap();
    let tx = SqliteTx {
        db: &db,
        cache: &cache,
        now: START,
    };
    let first = tx.intern_party(&did("bruno")).unwrap();
    db.execute_batch("ROLLBACK TO unit; RELEASE unit").unwrap();
    cache.borrow_mut().forget_unit();
    assert_eq!(tx.party(&did("bruno")).unwrap(), None);
    assert_eq!(tx.intern_party(&did("carla")).unwrap(), first);
    assert_ne!(tx.intern_party(&did("bruno")).unwrap(), first);
}

fn database() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let db = open::writer(&dir.path().join("comity.db"), Duration::ZERO, None).unwrap();
    // As a new node has it: plans must not hang on statistics that nobody gathered.
    (dir, db)
}

fn begin<'a>(db: &'a Connection, cache: &'a RefCell<Cache>) -> SqliteTx<'a> {
    db.execute_batch("BEGIN").unwrap();
    SqliteTx {
        db,
        cache,
        now: Timestamp::default(),
    }
}

/// Copies the only row of a table, changing one column that must differ and, if each shall have a
/// stream of its own, that too. In a stream that they share only the first is due.
fn multiply(db: &Connection, table: &str, differs: (&str, &str), own_streams: bool) {
    let mut statement = db
        .prepare(&format!("SELECT * FROM {table} LIMIT 0"))
        .unwrap();
    let _ = statement.query([]).unwrap();
    let columns: Vec<_> = statement
        .column_names()
        .map(|column| match column {
            "seq" => "seq + n".to_owned(),
            "stream" if own_streams => "stream + n".to_owned(),
            "due" if !own_streams => "NULL".to_owned(),
            column if column == differs.0 => differs.1.to_owned(),
            column => column.to_owned(),
        })
        .collect();
    let columns = columns.join(", ");
    db.execute_batch(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers
            WHERE n < 1000 + {BACKLOG})
         INSERT INTO {table} SELECT {columns} FROM {table}, numbers"
    ))
    .unwrap();
}

/// Runs a statement to its end; returns the instructions it took.
fn steps(db: &Connection, sql: &str, params: impl Params) -> i32 {
    let mut statement = db.prepare(sql).unwrap();
    let mut rows = statement.query(params).unwrap();
    let mut count = 0;
    while count < LIMIT && rows.next().unwrap().is_some() {
        count += 1;
    }
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

fn assert_cheap(what: &str, cost: i32) {
    let most = STEPS_PER_ROW * i32::try_from(LIMIT).unwrap();
    assert!(
        cost < most,
        "{BACKLOG} rows of which each {what} cost {cost} steps, not {most}"
    );
}
