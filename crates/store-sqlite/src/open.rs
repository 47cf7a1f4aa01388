//! Opening the file: settings of a connection, the schema, and whether the file is ours and sound.

use crate::error::{Result, damaged, failed};
use comity_record::Digest;
use comity_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// `CMTY`: marks the file as a database of Comity (`PRAGMA application_id`).
pub(crate) const APPLICATION_ID: i32 = 0x434d_5459;
/// Octets of a page. A commit writes every page that it touched, of some forty trees, and most
/// groups are small: with 16 KiB pages (better for bodies alone) a message costs a third more
/// (`examples/throughput.rs`: 594 us of a processor for both sides, 443 with 4 KiB).
const PAGE_BYTES: u32 = 4_096;
/// Pages in the write-ahead log before it is folded into the file: 32 MiB, so that pages that
/// change all the time are folded in seldom.
const WAL_PAGES: u32 = 8_192;
/// Page cache of the writer, KiB. Holds the ends of all tables and indexes that a group touches.
const WRITER_CACHE_KIB: u32 = 8_192;
/// Page cache of each reader, KiB.
const READER_CACHE_KIB: u32 = 2_048;
/// The write-ahead log is cut back to this after a checkpoint, octets.
const WAL_BYTES_KEPT: u32 = 64 * 1024 * 1024;
/// Up to this size the whole file is checked when it is opened, octets: some 50 ms.
const CHECKED_BYTES_MAX: i64 = 32 * 1024 * 1024;
/// Statements that a connection keeps prepared; more than there are in this crate.
const STATEMENTS: usize = 256;

/// All migrations, oldest first; the place in the list is the version, from 1.
const MIGRATIONS: &[(&str, &str)] = &[("start", include_str!("../migrations/0001_start.sql"))];

/// Opens the connection that writes, creating and migrating the file as needed.
pub(crate) fn writer(path: &Path, busy: Duration, max_pages: Option<u32>) -> Result<Connection> {
    create_private(path)?;
    let mut db =
        Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_CREATE).map_err(failed)?;
    db.busy_timeout(busy).map_err(failed)?;
    recognise(&db)?;
    let mode: String = db
        .execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}"))
        .and_then(|()| db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)))
        .map_err(failed)?;
    if mode != "wal" {
        let text = "the file system offers no shared memory for the write-ahead log";
        return Err(StoreError::Unwritable(text.to_owned()));
    }
    settle(&db, WRITER_CACHE_KIB)?;
    db.execute_batch(&format!(
        "PRAGMA journal_size_limit = {WAL_BYTES_KEPT}; PRAGMA wal_autocheckpoint = {WAL_PAGES}"
    ))
    .map_err(failed)?;
    if let Some(pages) = max_pages {
        db.execute_batch(&format!("PRAGMA max_page_count = {pages}"))
            .map_err(failed)?;
    }
    check(&db)?;
    migrate(&mut db)?;
    Ok(db)
}

/// Opens a connection that only reads.
pub(crate) fn reader(path: &Path, busy: Duration) -> Result<Connection> {
    let db = Connection::open_with_flags(path, FLAGS).map_err(failed)?;
    db.busy_timeout(busy).map_err(failed)?;
    settle(&db, READER_CACHE_KIB)?;
    db.execute_batch("PRAGMA query_only = ON").map_err(failed)?;
    Ok(db)
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Makes the file readable for its owner alone: it holds messages, and keys if only sealed ones.
/// SQLite gives its side files the same permissions.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(
            StoreError::Unwritable(format!("{}: {error}", path.display())),
        ),
        _ => Ok(()),
    }
}

fn settle(db: &Connection, cache_kib: u32) -> Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // A prepared statement stays as it is whatever is bound to it. Otherwise those over partial
    // indexes are compiled anew for each value, a seventh of the writer's time.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed)?;
    // FULL syncs the log at every commit, which is what makes an acknowledgement true (I1).
    db.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -{cache_kib};"
    ))
    .map_err(failed)
}

/// Refuses a file that is not ours, or of a newer version, before anything is written to it.
fn recognise(db: &Connection) -> Result<()> {
    let pragma = |name| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let id = pragma("application_id").map_err(failed)?;
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if id != APPLICATION_ID && (id != 0 || tables != 0) {
        return Err(StoreError::Corrupt(
            "the file is not a database of Comity".to_owned(),
        ));
    }
    let version = pragma("user_version").map_err(failed)?;
    if usize::try_from(version).is_ok_and(|version| version <= MIGRATIONS.len()) {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!(
        "the file is of version {version}, made by a later Comity; this one reads up to version {}",
        MIGRATIONS.len()
    )))
}

/// Looks the file over, if it is small enough for that to be quick.
fn check(db: &Connection) -> Result<()> {
    let pages: i64 = db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(failed)?;
    if pages.saturating_mul(i64::from(PAGE_BYTES)) > CHECKED_BYTES_MAX {
        return Ok(());
    }
    let verdict: String = db
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Corrupt(verdict))
    }
}

/// Applies what is missing, all in one transaction; what was applied must be what we know.
fn migrate(db: &mut Connection) -> Result<()> {
    let tx = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (
            version  INTEGER PRIMARY KEY,
            name     TEXT NOT NULL,
            checksum TEXT NOT NULL
        ) STRICT",
    )
    .map_err(failed)?;
    for (version, (name, sql)) in (1_i32..).zip(MIGRATIONS) {
        let checksum = Digest::of(sql.as_bytes()).to_string();
        let applied: Option<String> = tx
            .query_row(
                "SELECT checksum FROM migration WHERE version = ?1",
                [version],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed)?;
        match applied {
            Some(applied) if applied == checksum => continue,
            Some(_) => return Err(damaged(name, "the migration was applied in another form")),
            None => {}
        }
        tx.execute_batch(sql).map_err(failed)?;
        tx.execute(
            "INSERT INTO migration (version, name, checksum) VALUES (?1, ?2, ?3)",
            (version, name, checksum),
        )
        .map_err(failed)?;
        tx.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}"
        ))
        .map_err(failed)?;
    }
    tx.commit().map_err(failed)
}
