use super::{Result, SqliteTx, column, int, json, limit_of, parsed, text, to_json, uint};
use crate::error::damaged;
use comity_record::Digest;
use comity_store::{EntryRow, Log, LogHead, NodeRow, Page, PeerLogRow, StoreError};
use rusqlite::{Row, params};

impl SqliteTx<'_> {
    fn origin(&self, origin: &str) -> Result<Option<i64>> {
        self.number("SELECT id FROM origin WHERE text = ?1", [origin])
    }

    fn intern_origin(&self, origin: &str) -> Result<i64> {
        if let Some(id) = self.origin(origin)? {
            return Ok(id);
        }
        self.run("INSERT INTO origin (text) VALUES (?1)", [origin])?;
        Ok(self.db.last_insert_rowid())
    }
}

impl Log for SqliteTx<'_> {
    fn append_entry(&mut self, row: &EntryRow) -> Result<u64> {
        let subject = row
            .subject
            .map(|subject| self.intern_digest(&subject))
            .transpose()?;
        self.run(
            "INSERT INTO entry (kind, r, record, commitment, subject) VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                &row.kind,
                row.r.as_ref().map(<[u8; 32]>::as_slice),
                &row.record,
                row.commitment.as_slice(),
                subject,
            ),
        )?;
        Ok(uint(self.db.last_insert_rowid()))
    }

    fn unintegrated(&self, limit: usize) -> Result<Vec<EntryRow>> {
        self.all(FRESH, [limit_of(limit)], entry)
    }

    fn log_head(&self) -> Result<Option<LogHead>> {
        self.one("SELECT data FROM head WHERE id = 1", [], |row| json(row, 0))
    }

    fn integrate(
        &mut self,
        expected: Option<(&str, u64)>,
        entries: &[u64],
        nodes: &[NodeRow],
        head: &LogHead,
    ) -> Result<()> {
        let current = self.log_head()?;
        let current = current
            .as_ref()
            .map(|head| (head.origin.as_str(), head.size));
        let first = match (expected, current) {
            (Some(expected), Some(current)) if expected == current && expected.0 == head.origin => {
                expected.1
            }
            (None, None) => 0,
            (None, Some((origin, _))) if origin != head.origin => 0,
            _ => return Err(StoreError::Conflict),
        };
        for seq in entries {
            let fresh = self.number(
                "SELECT 1 FROM entry WHERE seq = ?1 AND place IS NULL",
                [int(*seq)],
            )?;
            if fresh.is_none() {
                return Err(StoreError::Conflict);
            }
        }
        let origin = self.intern_origin(&head.origin)?;
        for (place, seq) in (first..).zip(entries) {
            self.run(
                "UPDATE entry SET origin = ?1, place = ?2 WHERE seq = ?3",
                (origin, int(place), int(*seq)),
            )?;
        }
        for node in nodes {
            self.run(
                "INSERT OR REPLACE INTO node (origin, level, place, hash) VALUES (?1, ?2, ?3, ?4)",
                (origin, node.level, int(node.index), node.hash.as_slice()),
            )?;
        }
        self.run(
            "INSERT OR REPLACE INTO head (id, data) VALUES (1, ?1)",
            [to_json(head)?],
        )?;
        Ok(())
    }

    fn node(&self, origin: &str, level: u8, index: u64) -> Result<Option<[u8; 32]>> {
        self.one(
            "SELECT n.hash FROM origin o JOIN node n ON n.origin = o.id
             WHERE o.text = ?1 AND n.level = ?2 AND n.place = ?3",
            (origin, level, int(index)),
            |row| hash(row, 0),
        )
    }

    fn entry(&self, seq: u64) -> Result<Option<EntryRow>> {
        self.one(ONE, [int(seq)], entry)
    }

    fn entry_at(&self, origin: &str, index: u64) -> Result<Option<EntryRow>> {
        let Some(origin) = self.origin(origin)? else {
            return Ok(None);
        };
        self.one(AT, (origin, int(index)), entry)
    }

    fn entries_about(&self, subject: &Digest) -> Result<Vec<EntryRow>> {
        let Some(subject) = self.digest(subject)? else {
            return Ok(Vec::new());
        };
        self.all(ABOUT, [subject], entry)
    }

    fn entries(&self, page: Page) -> Result<Vec<EntryRow>> {
        self.all(LATER, (int(page.after), limit_of(page.limit)), entry)
    }

    fn decisions(&self, limit: usize) -> Result<Vec<EntryRow>> {
        self.all(DECIDED, [limit_of(limit)], entry)
    }

    fn peer_log(&self, origin: &str) -> Result<Option<PeerLogRow>> {
        self.one(
            "SELECT data FROM peer_log WHERE origin = ?1",
            [origin],
            |row| json(row, 0),
        )
    }

    fn put_peer_log(&mut self, row: &PeerLogRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO peer_log (origin, data) VALUES (?1, ?2)",
            params![row.origin, to_json(row)?],
        )?;
        Ok(())
    }

    fn peer_logs(&self) -> Result<Vec<PeerLogRow>> {
        self.all("SELECT data FROM peer_log ORDER BY origin", [], |row| {
            json(row, 0)
        })
    }
}

/// Selects the columns that [`entry`] reads.
macro_rules! select_entries {
    ($rest:literal) => {
        concat!(
            "SELECT e.seq, e.place, o.text, e.kind, e.r, e.record, e.commitment, d.text
             FROM entry e
             LEFT JOIN origin o ON o.id = e.origin
             LEFT JOIN digest d ON d.id = e.subject ",
            $rest
        )
    };
}

const FRESH: &str = select_entries!("WHERE e.place IS NULL ORDER BY e.seq LIMIT ?1");
const ONE: &str = select_entries!("WHERE e.seq = ?1");
const AT: &str = select_entries!("WHERE e.origin = ?1 AND e.place = ?2");
const ABOUT: &str = select_entries!("WHERE e.subject = ?1 ORDER BY e.seq");
const DECIDED: &str =
    select_entries!("WHERE e.kind IN ('decision', 'act') ORDER BY e.seq DESC LIMIT ?1");
const LATER: &str = select_entries!("WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");

fn entry(row: &Row<'_>) -> Result<EntryRow> {
    let is_null = |at| Ok(column::<Option<rusqlite::types::Value>>(row, at)?.is_none());
    Ok(EntryRow {
        seq: uint(column(row, 0)?),
        index: column::<Option<i64>>(row, 1)?.map(uint),
        origin: column(row, 2)?,
        kind: text(row, 3)?.to_owned(),
        r: if is_null(4)? {
            None
        } else {
            Some(hash(row, 4)?)
        },
        record: column(row, 5)?,
        commitment: hash(row, 6)?,
        subject: if is_null(7)? {
            None
        } else {
            Some(parsed(row, 7)?)
        },
    })
}

fn hash(row: &Row<'_>, at: usize) -> Result<[u8; 32]> {
    column::<Vec<u8>>(row, at)?
        .try_into()
        .map_err(|_| damaged("a hash", "it does not have 32 octets"))
}
