//! How many rows there are in each state, so that nobody has to count them.
//!
//! Almost every unit changes the same few numbers: changes are gathered and written once for each
//! group, just before its commit.

use super::order::word;
use super::{Result, SqliteTx, text, uint};
use crate::error::{Failure, failed};
use comity_store::Way;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// In which box, of which agent, in which state.
type Key = (Way, i64, &'static str);

/// Changes that are not in the table yet.
#[derive(Default)]
pub(super) struct Tally {
    group: BTreeMap<Key, i64>,
    unit: BTreeMap<Key, i64>,
}

impl Tally {
    pub(super) fn keep(&mut self) {
        for (key, change) in std::mem::take(&mut self.unit) {
            *self.group.entry(key).or_default() += change;
        }
    }

    pub(super) fn forget_unit(&mut self) {
        self.unit.clear();
    }

    pub(super) fn forget_all(&mut self) {
        self.group.clear();
        self.unit.clear();
    }

    pub(super) fn flush(&mut self, db: &Connection) -> Result<(), Failure> {
        let mut statement = db.prepare_cached(
            "INSERT INTO tally (box, agent, state, n) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((way, agent, state), change) in std::mem::take(&mut self.group) {
            if change != 0 {
                statement.execute((word(way), agent, state, change))?;
            }
        }
        Ok(())
    }
}

impl SqliteTx<'_> {
    /// Notes that a row of `agent` went from one state to another.
    pub(super) fn moved(&self, way: Way, agent: i64, from: Option<&'static str>, to: &'static str) {
        if from == Some(to) {
            return;
        }
        let unit = &mut self.cache.borrow_mut().tally.unit;
        *unit.entry((way, agent, to)).or_default() += 1;
        if let Some(from) = from {
            *unit.entry((way, agent, from)).or_default() -= 1;
        }
    }

    /// How many rows there are in each state, of one agent or of all; by state, none left out but
    /// those without rows.
    pub(super) fn tallied(&self, way: Way, agent: Option<i64>) -> Result<Vec<(String, u64)>> {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        let mut statement = self.prepare(match agent {
            Some(_) => "SELECT state, n FROM tally WHERE box = ?1 AND agent = ?2",
            None => "SELECT state, n FROM tally WHERE box = ?1 AND ?2 IS NULL",
        })?;
        let mut rows = statement.query((word(way), agent)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            *counts.entry(text(row, 0)?.to_owned()).or_default() +=
                row.get::<_, i64>(1).map_err(failed)?;
        }
        let tally = &self.cache.borrow().tally;
        for ((of_way, of_agent, state), change) in tally.group.iter().chain(&tally.unit) {
            if *of_way == way && agent.is_none_or(|agent| agent == *of_agent) {
                *counts.entry((*state).to_owned()).or_default() += change;
            }
        }
        let counts = counts.into_iter().filter(|(_, n)| *n > 0);
        Ok(counts.map(|(state, n)| (state, uint(n))).collect())
    }
}
