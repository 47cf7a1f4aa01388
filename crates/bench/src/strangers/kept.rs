//! What a node's database holds, read beside it.

use anyhow::Result;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

/// The database at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Rows of each table.
    rows: BTreeMap<String, u64>,
    /// Commits in the write-ahead log since it was last begun anew. With `synchronous=FULL` each is
    /// one fsync.
    commits: u64,
    log: [u8; 8],
}

/// What came to it.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Grown {
    pub(crate) rows: BTreeMap<String, u64>,
    pub(crate) commits: u64,
}

impl Kept {
    pub(crate) fn of(home: &Path) -> Result<Self> {
        let path = home.join("comity.db");
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let sql =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut tables = connection.prepare(sql)?;
        let names = tables.query_map([], |row| row.get::<_, String>(0))?;
        let mut rows = BTreeMap::new();
        for name in names {
            let name = name?;
            let sql = format!("SELECT count(*) FROM \"{name}\"");
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            rows.insert(name, u64::try_from(count)?);
        }
        let wal = std::fs::read(home.join("comity.db-wal")).unwrap_or_default();
        let (commits, log) = commits(&wal);
        Ok(Self { rows, commits, log })
    }

    pub(crate) fn since(&self, before: &Self) -> Grown {
        let grown = self.rows.iter().filter_map(|(name, rows)| {
            let more = rows.saturating_sub(before.rows.get(name).copied().unwrap_or_default());
            (more > 0).then(|| (name.clone(), more))
        });
        let earlier = if self.log == before.log {
            before.commits
        } else {
            0
        };
        Grown {
            rows: grown.collect(),
            commits: self.commits - earlier,
        }
    }
}

/// Commit frames of the log (SQLite file format §4.1), and its salts, which change with each begin.
fn commits(wal: &[u8]) -> (u64, [u8; 8]) {
    let number = |at: usize| -> Option<u32> {
        let octets = wal.get(at..at + 4)?;
        Some(u32::from_be_bytes(octets.try_into().ok()?))
    };
    let salts = |at: usize| wal.get(at..at + 8).and_then(|salts| salts.try_into().ok());
    let Some(log) = salts(16) else {
        return (0, [0; 8]);
    };
    let page = number(8).unwrap_or_default() as usize;
    let (mut at, mut commits) = (32, 0);
    while page > 0 && salts(at + 8) == Some(log) {
        commits += u64::from(number(at + 4) != Some(0));
        at += 24 + page;
    }
    (commits, log)
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use rusqlite::Connection;

    #[test]
    fn counts_commits_and_rows() {
        let home = tempfile::tempdir().unwrap();
        let writer = Connection::open(home.path().join("comity.db")).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE x (n)").unwrap();
        let before = Kept::of(home.path()).unwrap();
        for n in 0..5 {
            writer.execute("INSERT INTO x VALUES (?1)", [n]).unwrap();
        }
        let grown = Kept::of(home.path()).unwrap().since(&before);
        assert_eq!((grown.commits, grown.rows["x"]), (5, 5));
    }
}
