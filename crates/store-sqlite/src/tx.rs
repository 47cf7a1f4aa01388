//! A transaction on one connection, and what all aggregates share: statements, numbers, names.

mod agents;
mod inbox;
mod log;
mod messages;
mod operators;
mod order;
mod outbox;
mod outbox_lists;
mod policy;
mod receipts;
mod tally;
mod trust;
mod vouches;

use crate::error::{Failure, Result, damaged, failed};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{Grant, Timestamp};
use comity_record::Digest;
use comity_store::{StoreError, Tx};
use rusqlite::{CachedStatement, Connection, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::{BinaryHeap, HashMap};
use std::str::FromStr;
use tally::Tally;

/// DIDs whose number a connection remembers; all are forgotten when there are more.
const PARTIES_KEPT: usize = 4_096;
/// Grants that a connection keeps parsed.
const GRANTS_KEPT: usize = 1_024;

/// One unit of work on a connection.
pub(crate) struct SqliteTx<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) cache: &'a RefCell<Cache>,
    pub(crate) now: Timestamp,
}

impl Tx for SqliteTx<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// What a connection remembers between units.
#[derive(Default)]
pub(crate) struct Cache {
    /// Numbers of DIDs. A number may have been given in a unit that was undone, so all are
    /// forgotten then.
    parties: HashMap<Did, i64>,
    /// Parsed grants: the same id is the same grant for ever.
    grants: HashMap<Digest, Grant>,
    tally: Tally,
}

impl Cache {
    /// A unit was kept.
    pub(crate) fn keep(&mut self) {
        self.tally.keep();
    }

    /// A unit was undone.
    pub(crate) fn forget_unit(&mut self) {
        self.parties.clear();
        self.tally.forget_unit();
    }

    /// The whole transaction was undone.
    pub(crate) fn forget_all(&mut self) {
        self.parties.clear();
        self.tally.forget_all();
    }

    /// Writes what was gathered for the whole group.
    pub(crate) fn flush(&mut self, db: &Connection) -> Result<(), Failure> {
        self.tally.flush(db)
    }
}

/// Statements.
impl SqliteTx<'_> {
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql).map_err(failed)
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params).map_err(failed)
    }

    /// Reads the first row, if there is one.
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(failed)?;
        rows.next().map_err(failed)?.map(read).transpose()
    }

    /// Reads all rows.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// Reads one number, if there is one.
    fn number(&self, sql: &str, params: impl Params) -> Result<Option<i64>> {
        self.one(sql, params, |row| column::<Option<i64>>(row, 0))
            .map(Option::flatten)
    }
}

/// Numbers for long texts. Looking one up never makes one; a unit that reads leaves no trace.
impl SqliteTx<'_> {
    fn party(&self, did: &Did) -> Result<Option<i64>> {
        if let Some(id) = self.cache.borrow().parties.get(did) {
            return Ok(Some(*id));
        }
        let id = self.number("SELECT id FROM party WHERE did = ?1", [did.as_str()])?;
        if let Some(id) = id {
            self.remember(did, id);
        }
        Ok(id)
    }

    fn intern_party(&self, did: &Did) -> Result<i64> {
        if let Some(id) = self.party(did)? {
            return Ok(id);
        }
        self.run("INSERT INTO party (did) VALUES (?1)", [did.as_str()])?;
        let id = self.db.last_insert_rowid();
        self.remember(did, id);
        Ok(id)
    }

    fn remember(&self, did: &Did, id: i64) {
        let parties = &mut self.cache.borrow_mut().parties;
        if parties.len() >= PARTIES_KEPT {
            parties.clear();
        }
        parties.insert(did.clone(), id);
    }

    fn name(&self, id: &MessageId) -> Result<Option<i64>> {
        self.number("SELECT id FROM name WHERE text = ?1", [folded(id.as_str())])
    }

    fn intern_name(&self, id: &MessageId) -> Result<i64> {
        if let Some(id) = self.name(id)? {
            return Ok(id);
        }
        self.run("INSERT INTO name (text) VALUES (?1)", [folded(id.as_str())])?;
        Ok(self.db.last_insert_rowid())
    }

    fn digest(&self, digest: &Digest) -> Result<Option<i64>> {
        self.number(
            "SELECT id FROM digest WHERE text = ?1",
            [digest.to_string()],
        )
    }

    fn intern_digest(&self, digest: &Digest) -> Result<i64> {
        let text = digest.to_string();
        if let Some(id) = self.number("SELECT id FROM digest WHERE text = ?1", [&text])? {
            return Ok(id);
        }
        self.run("INSERT INTO digest (text) VALUES (?1)", [&text])?;
        Ok(self.db.last_insert_rowid())
    }
}

/// Ids are equal without regard to case; the database keeps them in one form.
fn folded(id: &str) -> String {
    id.to_ascii_lowercase()
}

/// The end of the range of texts that start with `prefix`: above all characters of ids, DIDs and
/// digests.
fn after(prefix: &str) -> String {
    format!("{prefix}\u{7f}")
}

/// To SQLite's integers. What is larger than they hold is as good as the largest.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// From SQLite's integers; nothing negative is ever written.
fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn millis(at: Timestamp) -> i64 {
    int(at.millis())
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(uint(millis))
}

fn column<T: rusqlite::types::FromSql>(row: &Row<'_>, at: usize) -> Result<T> {
    row.get(at).map_err(failed)
}

/// A text column, without a copy.
fn text<'r>(row: &'r Row<'_>, at: usize) -> Result<&'r str> {
    let value = row.get_ref(at).map_err(failed)?;
    value
        .as_str()
        .map_err(|error| damaged("a text column", error))
}

/// A text column that reads as `T`.
fn parsed<T: FromStr<Err: std::fmt::Display>>(row: &Row<'_>, at: usize) -> Result<T> {
    let text = text(row, at)?;
    text.parse().map_err(|error| damaged(text, error))
}

/// A text column that holds JSON.
fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<T> {
    serde_json::from_str(text(row, at)?).map_err(|error| damaged("a row", error))
}

fn to_json(row: &impl Serialize) -> Result<String> {
    serde_json::to_string(row).map_err(|error| StoreError::Backend(Box::new(error)))
}

/// The least `limit` keys of several ascending lists.
struct Least<K> {
    keys: BinaryHeap<K>,
    limit: usize,
}

impl<K: Ord> Least<K> {
    const fn new(limit: usize) -> Self {
        Self {
            keys: BinaryHeap::new(),
            limit,
        }
    }

    /// False if neither this key nor a greater one belongs to the result.
    fn offer(&mut self, key: K) -> bool {
        if self.keys.len() < self.limit {
            self.keys.push(key);
            return true;
        }
        match self.keys.peek() {
            Some(worst) if key < *worst => {
                self.keys.pop();
                self.keys.push(key);
                true
            }
            _ => false,
        }
    }

    fn into_sorted(self) -> Vec<K> {
        self.keys.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests;
