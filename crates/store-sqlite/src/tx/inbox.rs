use super::{
    Result, SqliteTx, after, column, folded, int, json, limit_of, millis, timestamp, to_json, uint,
};
use crate::error::damaged;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{InState, Timestamp};
use comity_record::Digest;
use comity_store::{Inbox, Incoming, Page, Way};
use rusqlite::params;
use std::collections::HashSet;

/// The columns of a row: what is looked up, and what the indexes of unsettled rows hold.
struct Columns {
    recipient: i64,
    sender: i64,
    name: i64,
    digest: i64,
    stream: i64,
    grant: i64,
    state: &'static str,
    blocks: bool,
    due_from: Option<i64>,
    lapses: Option<i64>,
}

/// A row as it is before it is replaced.
struct Before {
    seq: i64,
    state: &'static str,
    recipient: i64,
    digest: i64,
    stream: i64,
}

/// The first of the blocking deliveries of a stream, one left out.
struct First {
    seq: i64,
    offered: bool,
}

impl SqliteTx<'_> {
    fn incoming_columns(&self, row: &Incoming) -> Result<Columns> {
        let recipient = self.intern_party(&row.recipient)?;
        let sender = self.intern_party(&row.sender)?;
        let name = self.intern_name(&row.id)?;
        let thread = if row.thid == row.id {
            name
        } else {
            self.intern_name(&row.thid)?
        };
        Ok(Columns {
            recipient,
            sender,
            name,
            digest: self.intern_digest(&row.digest)?,
            stream: self.intern_stream(Way::In, thread, sender, recipient)?,
            grant: self.intern_digest(&row.grant)?,
            state: row.state.as_str(),
            blocks: row.blocks(),
            due_from: row.due_from().map(millis),
            lapses: row.lapses().map(int),
        })
    }

    fn incoming_before(&self, row: &Incoming) -> Result<Option<Before>> {
        let read = |row: &rusqlite::Row<'_>| {
            let word: String = column(row, 1)?;
            let state = InState::from_word(&word)
                .ok_or_else(|| damaged("the state of a delivery", &word))?;
            Ok(Before {
                seq: column(row, 0)?,
                state: state.as_str(),
                recipient: column(row, 2)?,
                digest: column(row, 3)?,
                stream: column(row, 4)?,
            })
        };
        // The number finds the row where its neighbours are; the text lies anywhere.
        if row.seq != 0 {
            let found = self.one(
                "SELECT seq, state, recipient, digest, stream FROM inbox
                 WHERE seq = ?1 AND delivery = ?2",
                (int(row.seq), &row.delivery),
                read,
            )?;
            if found.is_some() {
                return Ok(found);
            }
        }
        self.one(
            "SELECT seq, state, recipient, digest, stream FROM inbox WHERE delivery = ?1",
            [&row.delivery],
            read,
        )
    }

    fn first_blocking(&self, stream: i64, but: i64) -> Result<Option<First>> {
        self.one(
            "SELECT seq, due IS NOT NULL FROM inbox
             WHERE stream = ?1 AND blocks = 1 AND seq <> ?2 ORDER BY seq LIMIT 1",
            (stream, but),
            |row| {
                Ok(First {
                    seq: column(row, 0)?,
                    offered: column(row, 1)?,
                })
            },
        )
    }

    /// Offers a delivery that has come to stand first, if its grant is active.
    fn offer_incoming(&self, seq: i64) -> Result<()> {
        self.run(
            "UPDATE inbox SET due = due_from WHERE seq = ?1 AND EXISTS (
                SELECT 1 FROM grants g WHERE g.id = inbox.grant_id AND g.ours = inbox.recipient
                    AND g.state = 'active')",
            [seq],
        )?;
        Ok(())
    }

    /// Says whether the row stands first in its stream, and sees to it that nobody else does then,
    /// or somebody else does otherwise.
    fn take_turn(&self, seq: i64, columns: &Columns) -> Result<bool> {
        let other = self.first_blocking(columns.stream, seq)?;
        let first = columns.blocks && other.as_ref().is_none_or(|other| seq < other.seq);
        match other {
            Some(other) if first && other.offered => {
                self.run("UPDATE inbox SET due = NULL WHERE seq = ?1", [other.seq])?;
            }
            Some(other) if !first && !other.offered => self.offer_incoming(other.seq)?,
            _ => {}
        }
        Ok(first)
    }

    fn grant_is_active(&self, grant: i64, ours: i64) -> Result<bool> {
        let active = self.number(
            "SELECT 1 FROM grants WHERE id = ?1 AND ours = ?2 AND state = 'active'",
            (grant, ours),
        )?;
        Ok(active.is_some())
    }

    fn incoming_at(&self, seq: i64) -> Result<Option<Incoming>> {
        self.one("SELECT data FROM inbox WHERE seq = ?1", [seq], |row| {
            json(row, 0)
        })
    }
}

impl Inbox for SqliteTx<'_> {
    fn incoming(&self, delivery: &str) -> Result<Option<Incoming>> {
        self.one(
            "SELECT data FROM inbox WHERE delivery = ?1",
            [delivery],
            |row| json(row, 0),
        )
    }

    fn incoming_by_digest(&self, recipient: &Did, digest: &Digest) -> Result<Option<Incoming>> {
        let (Some(recipient), Some(digest)) = (self.party(recipient)?, self.digest(digest)?) else {
            return Ok(None);
        };
        self.one(
            "SELECT data FROM inbox WHERE digest = ?1 AND recipient = ?2 ORDER BY seq LIMIT 1",
            (digest, recipient),
            |row| json(row, 0),
        )
    }

    fn put_incoming(&mut self, row: &Incoming) -> Result<u64> {
        let new = self.incoming_columns(row)?;
        let before = self.incoming_before(row)?;
        let seq = match &before {
            Some(before) => before.seq,
            None if row.seq != 0 => int(row.seq),
            None => 1 + self.number("SELECT max(seq) FROM inbox", [])?.unwrap_or(0),
        };
        let state_before = before.as_ref().map(|before| before.state);
        self.moved(Way::In, new.recipient, state_before, new.state);
        let same_place = before.as_ref().is_some_and(|before| {
            (before.recipient, before.digest, before.stream)
                == (new.recipient, new.digest, new.stream)
        });
        if let Some(before) = before
            && !same_place
        {
            // Hardly ever: what names the row changed. It leaves its place and takes a new one.
            self.run("DELETE FROM inbox WHERE seq = ?1", [seq])?;
            if let Some(first) = self.first_blocking(before.stream, seq)? {
                self.offer_incoming(first.seq)?;
            }
        }
        let first = self.take_turn(seq, &new)?;
        let offered =
            first && new.due_from.is_some() && self.grant_is_active(new.grant, new.recipient)?;
        let due = new.due_from.filter(|_| offered);
        let unsettled = row.is_unsettled();
        let data = to_json(&Incoming {
            seq: uint(seq),
            ..row.clone()
        })?;
        if same_place {
            self.run(
                "UPDATE inbox SET grant_id = ?2, state = ?3, unsettled = ?4, blocks = ?5,
                    due_from = ?6, due = ?7, lapses = ?8, data = ?9
                 WHERE seq = ?1",
                params![
                    seq,
                    new.grant,
                    new.state,
                    unsettled,
                    new.blocks,
                    new.due_from,
                    due,
                    new.lapses,
                    data
                ],
            )?;
        } else {
            self.run(
                "INSERT OR IGNORE INTO contact (recipient, sender) VALUES (?1, ?2)",
                (new.recipient, new.sender),
            )?;
            self.run(
                "INSERT INTO inbox (seq, delivery, recipient, sender, name, digest, stream,
                    grant_id, state, unsettled, blocks, due_from, due, lapses, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                params![
                    seq,
                    row.delivery,
                    new.recipient,
                    new.sender,
                    new.name,
                    new.digest,
                    new.stream,
                    new.grant,
                    new.state,
                    unsettled,
                    new.blocks,
                    new.due_from,
                    due,
                    new.lapses,
                    data
                ],
            )?;
        }
        Ok(uint(seq))
    }

    fn leasable(
        &self,
        recipient: &Did,
        now: Timestamp,
        except: &[u64],
        limit: usize,
    ) -> Result<Vec<Incoming>> {
        let Some(recipient) = self.party(recipient)? else {
            return Ok(Vec::new());
        };
        // So many more are read that enough are left.
        let most = limit_of(limit.saturating_add(except.len()));
        let except: HashSet<i64> = except.iter().copied().map(int).collect();
        let seconds = int(now.seconds());
        let left = |seqs: Vec<i64>| {
            let left = seqs.into_iter().filter(|seq| !except.contains(seq));
            left.take(limit)
        };
        let seq = |row: &rusqlite::Row<'_>| column::<i64>(row, 0);
        let fresh = self.all(LEASABLE, (recipient, seconds, most), seq)?;
        let again = (recipient, seconds, most, millis(now));
        let again = self.all(LEASABLE_AGAIN, again, seq)?;
        let mut seqs: Vec<i64> = left(fresh).chain(left(again)).collect();
        seqs.sort_unstable();
        let rows = seqs
            .into_iter()
            .take(limit)
            .map(|seq| self.incoming_at(seq));
        rows.filter_map(Result::transpose).collect()
    }

    fn next_incoming(&self, recipient: &Did, now: Timestamp) -> Result<Option<Timestamp>> {
        let Some(recipient) = self.party(recipient)? else {
            return Ok(None);
        };
        let next = self.number(
            "SELECT min(due) FROM inbox WHERE recipient = ?1 AND due > ?2",
            (recipient, millis(now)),
        )?;
        Ok(next.map(timestamp))
    }

    fn newest_incoming(&self) -> Result<u64> {
        let newest = self.number("SELECT max(seq) FROM inbox", [])?;
        Ok(uint(newest.unwrap_or(0)))
    }

    fn unsettled(&self, recipient: &Did, sender: &Did, page: Page) -> Result<Vec<Incoming>> {
        let (Some(recipient), Some(sender)) = (self.party(recipient)?, self.party(sender)?) else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT data FROM inbox WHERE recipient = ?1 AND sender = ?2 AND unsettled = 1
                AND seq > ?3
             ORDER BY seq LIMIT ?4",
            (recipient, sender, int(page.after), limit_of(page.limit)),
            |row| json(row, 0),
        )
    }

    fn expired_incoming(&self, now: u64, limit: usize) -> Result<Vec<Incoming>> {
        self.all(
            "SELECT data FROM inbox WHERE lapses <= ?1 ORDER BY lapses, seq LIMIT ?2",
            (int(now), limit_of(limit)),
            |row| json(row, 0),
        )
    }

    fn thread_incoming(&self, thid: &MessageId) -> Result<Vec<Incoming>> {
        let Some(thread) = self.name(thid)? else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT i.data FROM stream s JOIN inbox i ON i.stream = s.id
             WHERE s.thread = ?1 AND s.way = 'in' ORDER BY i.seq",
            [thread],
            |row| json(row, 0),
        )
    }

    fn has_incoming(&self, recipient: &Did, sender: &Did) -> Result<bool> {
        let (Some(recipient), Some(sender)) = (self.party(recipient)?, self.party(sender)?) else {
            return Ok(false);
        };
        let known = self.number(
            "SELECT 1 FROM contact WHERE recipient = ?1 AND sender = ?2",
            (recipient, sender),
        )?;
        Ok(known.is_some())
    }

    fn find_incoming(&self, prefix: &str) -> Result<Vec<Incoming>> {
        let name = folded(prefix);
        let mut seqs = Vec::new();
        for (sql, prefix) in [
            (FIND_BY_DELIVERY, prefix),
            (FIND_BY_NAME, &name),
            (FIND_BY_DIGEST, prefix),
        ] {
            seqs.extend(self.all(sql, (prefix, after(prefix)), |row| column::<i64>(row, 0))?);
        }
        seqs.sort_unstable();
        seqs.dedup();
        let rows = seqs.into_iter().take(2).map(|seq| self.incoming_at(seq));
        rows.filter_map(Result::transpose).collect()
    }

    fn parked(&self, page: Page) -> Result<Vec<Incoming>> {
        self.all(PARKED, (int(page.after), limit_of(page.limit)), |row| {
            json(row, 0)
        })
    }

    fn list_incoming(&self, page: Page) -> Result<Vec<Incoming>> {
        self.all(
            "SELECT data FROM inbox WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            (int(page.after), limit_of(page.limit)),
            |row| json(row, 0),
        )
    }

    fn count_unsettled(&self, recipient: &Did) -> Result<u64> {
        let Some(recipient) = self.party(recipient)? else {
            return Ok(0);
        };
        let counts = self.tallied(Way::In, Some(recipient))?.into_iter();
        let open = |state: &str| {
            [InState::Ready, InState::Leased, InState::Parked]
                .iter()
                .any(|open| open.as_str() == state)
        };
        Ok(counts
            .filter(|(state, _)| open(state))
            .map(|(_, n)| n)
            .sum())
    }

    fn count_incoming(&self) -> Result<Vec<(String, u64)>> {
        self.tallied(Way::In, None)
    }
}

/// What was never paused, by `seq`. The grant is read again (I5); `CROSS JOIN` keeps SQLite from
/// starting with the grants.
pub(crate) const LEASABLE: &str = "SELECT i.seq FROM inbox i CROSS JOIN grants g
     WHERE i.recipient = ?1 AND i.due = 0
        AND g.id = i.grant_id AND g.ours = i.recipient AND g.state = 'active' AND g.until > ?2
     ORDER BY i.seq LIMIT ?3";
/// What was paused or leased, those first that are due longest.
pub(crate) const LEASABLE_AGAIN: &str = "SELECT i.seq FROM inbox i CROSS JOIN grants g
     WHERE i.recipient = ?1 AND i.due > 0 AND i.due <= ?4
        AND g.id = i.grant_id AND g.ours = i.recipient AND g.state = 'active' AND g.until > ?2
     ORDER BY i.due, i.seq LIMIT ?3";
/// What waits for a person.
pub(crate) const PARKED: &str = "SELECT data FROM inbox WHERE state = 'parked' AND seq > ?1
     ORDER BY seq LIMIT ?2";
const FIND_BY_DELIVERY: &str =
    "SELECT seq FROM inbox WHERE delivery >= ?1 AND delivery < ?2 LIMIT 2";
const FIND_BY_NAME: &str = "SELECT i.seq FROM name n JOIN inbox i ON i.name = n.id
     WHERE n.text >= ?1 AND n.text < ?2 LIMIT 2";
const FIND_BY_DIGEST: &str = "SELECT i.seq FROM digest d JOIN inbox i ON i.digest = d.id
     WHERE d.text >= ?1 AND d.text < ?2 LIMIT 2";
