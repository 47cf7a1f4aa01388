use super::{Result, SqliteTx, column, int, json, limit_of, millis, parsed, to_json, uint};
use crate::error::damaged;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{OutState, Timestamp};
use comity_record::Digest;
use comity_store::{OutKind, Outbox, Outgoing, Page, Way};

/// The columns of a row: what is looked up, and what the indexes of the few open rows hold.
struct Columns {
    agent: i64,
    name: i64,
    digest: i64,
    peer: i64,
    stream: i64,
    place: Option<i64>,
    state: &'static str,
    open: bool,
    blocks: bool,
    due_from: Option<i64>,
    lapses: Option<i64>,
    asks: Option<bool>,
}

/// A row as it is before it is replaced.
struct Before {
    seq: i64,
    state: &'static str,
    digest: i64,
    stream: i64,
    place: Option<i64>,
}

/// The first of the queued messages of a stream, one left out.
struct First {
    seq: i64,
    place: Option<i64>,
    offered: bool,
}

impl SqliteTx<'_> {
    fn outgoing_columns(&self, row: &Outgoing) -> Result<Columns> {
        let (agent, peer) = (self.intern_party(&row.agent)?, self.intern_party(&row.to)?);
        let name = self.intern_name(&row.id)?;
        let thread = if row.thid == row.id {
            name
        } else {
            self.intern_name(&row.thid)?
        };
        let open = !row.state.is_end();
        Ok(Columns {
            agent,
            name,
            digest: self.intern_digest(&row.digest)?,
            peer,
            stream: self.intern_stream(Way::Out, thread, agent, peer)?,
            place: row.order.map(int),
            state: row.state.as_str(),
            open,
            blocks: row.blocks(),
            due_from: row.due_from().map(millis),
            lapses: open.then(|| int(row.lapses())),
            asks: row.awaits_answer().then_some(true),
        })
    }

    fn outgoing_before(&self, columns: &Columns) -> Result<Option<Before>> {
        self.one(
            "SELECT seq, state, digest, stream, place FROM outbox WHERE name = ?1 AND agent = ?2",
            (columns.name, columns.agent),
            |row| {
                let word: String = column(row, 1)?;
                let state = OutState::from_word(&word)
                    .ok_or_else(|| damaged("the state of a message", &word))?;
                Ok(Before {
                    seq: column(row, 0)?,
                    state: state.as_str(),
                    digest: column(row, 2)?,
                    stream: column(row, 3)?,
                    place: column(row, 4)?,
                })
            },
        )
    }

    fn first_in_line(&self, stream: i64, but: i64) -> Result<Option<First>> {
        self.one(
            "SELECT seq, place, due IS NOT NULL FROM outbox
             WHERE stream = ?1 AND open = 1 AND blocks = 1 AND seq <> ?2
             ORDER BY place, seq LIMIT 1",
            (stream, but),
            |row| {
                Ok(First {
                    seq: column(row, 0)?,
                    place: column(row, 1)?,
                    offered: column(row, 2)?,
                })
            },
        )
    }

    /// Says whether the row stands first in its stream, and sees to it that nobody else does then,
    /// or somebody else does otherwise.
    fn take_place(&self, seq: i64, columns: &Columns, kind: &OutKind) -> Result<bool> {
        let other = self.first_in_line(columns.stream, seq)?;
        let first = columns.blocks
            && other
                .as_ref()
                .is_none_or(|other| (columns.place, seq) < (other.place, other.seq));
        if let Some(other) = other
            && other.offered == first
        {
            self.run(
                "UPDATE outbox SET due = CASE WHEN ?2 THEN NULL ELSE due_from END WHERE seq = ?1",
                (other.seq, first),
            )?;
        }
        Ok(first || *kind == OutKind::Contact)
    }
}

impl Outbox for SqliteTx<'_> {
    fn outgoing(&self, agent: &Did, id: &MessageId) -> Result<Option<Outgoing>> {
        let (Some(agent), Some(name)) = (self.party(agent)?, self.name(id)?) else {
            return Ok(None);
        };
        self.one(
            "SELECT data FROM outbox WHERE name = ?1 AND agent = ?2",
            (name, agent),
            |row| json(row, 0),
        )
    }

    fn outgoing_by_digest(&self, digest: &Digest) -> Result<Option<Outgoing>> {
        let Some(digest) = self.digest(digest)? else {
            return Ok(None);
        };
        self.one(
            "SELECT data FROM outbox WHERE digest = ?1 ORDER BY seq LIMIT 1",
            [digest],
            |row| json(row, 0),
        )
    }

    fn put_outgoing(&mut self, row: &Outgoing) -> Result<u64> {
        let new = self.outgoing_columns(row)?;
        let before = self.outgoing_before(&new)?;
        let seq = match &before {
            Some(before) => before.seq,
            None if row.seq != 0 => int(row.seq),
            None => 1 + self.number("SELECT max(seq) FROM outbox", [])?.unwrap_or(0),
        };
        let state_before = before.as_ref().map(|before| before.state);
        self.moved(Way::Out, new.agent, state_before, new.state);
        let same_place = before.as_ref().is_some_and(|before| {
            (before.digest, before.stream, before.place) == (new.digest, new.stream, new.place)
        });
        if let Some(before) = before
            && !same_place
        {
            // Hardly ever: what names the row changed. It leaves its place and takes a new one.
            self.run("DELETE FROM outbox WHERE seq = ?1", [seq])?;
            if let Some(first) = self.first_in_line(before.stream, seq)? {
                self.run(
                    "UPDATE outbox SET due = due_from WHERE seq = ?1",
                    [first.seq],
                )?;
            }
        }
        let first = self.take_place(seq, &new, &row.kind)?;
        let due = new.due_from.filter(|_| first);
        let data = to_json(&Outgoing {
            seq: uint(seq),
            ..row.clone()
        })?;
        if same_place {
            self.run(
                "UPDATE outbox SET state = ?2, open = ?3, blocks = ?4, due_from = ?5, due = ?6,
                    lapses = ?7, asks = ?8, data = ?9
                 WHERE seq = ?1",
                (
                    seq,
                    new.state,
                    new.open,
                    new.blocks,
                    new.due_from,
                    due,
                    new.lapses,
                    new.asks,
                    data,
                ),
            )?;
        } else {
            self.run(
                "INSERT INTO outbox (seq, agent, name, digest, peer, stream, place, state, open,
                    blocks, due_from, due, lapses, asks, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                rusqlite::params![
                    seq,
                    new.agent,
                    new.name,
                    new.digest,
                    new.peer,
                    new.stream,
                    new.place,
                    new.state,
                    new.open,
                    new.blocks,
                    new.due_from,
                    due,
                    new.lapses,
                    new.asks,
                    data
                ],
            )?;
        }
        Ok(uint(seq))
    }

    fn due_outgoing(
        &self,
        now: Timestamp,
        except: &[Did],
        under_way: &[u64],
        limit: usize,
    ) -> Result<Vec<Outgoing>> {
        self.due_outgoing_rows(now, except, under_way, limit)
    }

    fn held_outgoing(&self, limit: usize) -> Result<Vec<Outgoing>> {
        self.all(
            "SELECT data FROM outbox WHERE state = 'held' ORDER BY seq LIMIT ?1",
            [limit_of(limit)],
            |row| json(row, 0),
        )
    }

    fn next_outgoing(&self) -> Result<Option<Timestamp>> {
        self.next_outgoing_time()
    }

    fn stream(&self, agent: &Did, to: &Did, thid: &MessageId, order: u64) -> Result<Vec<Outgoing>> {
        let Some(stream) = self.stream_id(Way::Out, agent, to, thid)? else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT data FROM outbox
             WHERE stream = ?1 AND open = 1 AND blocks IN (0, 1) AND place >= ?2
             ORDER BY place, seq",
            (stream, int(order)),
            |row| json(row, 0),
        )
    }

    fn unfinished(&self, agent: &Did, to: &Did, page: Page) -> Result<Vec<Outgoing>> {
        let (Some(agent), Some(peer)) = (self.party(agent)?, self.party(to)?) else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT data FROM outbox WHERE agent = ?1 AND peer = ?2 AND open = 1 AND seq > ?3
             ORDER BY seq LIMIT ?4",
            (agent, peer, int(page.after), limit_of(page.limit)),
            |row| json(row, 0),
        )
    }

    fn expired_outgoing(&self, now: u64, limit: usize) -> Result<Vec<Outgoing>> {
        self.all(
            "SELECT data FROM outbox WHERE lapses <= ?1 ORDER BY lapses, seq LIMIT ?2",
            (int(now), limit_of(limit)),
            |row| json(row, 0),
        )
    }

    fn thread_outgoing(&self, thid: &MessageId) -> Result<Vec<Outgoing>> {
        let Some(thread) = self.name(thid)? else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT o.data FROM stream s JOIN outbox o ON o.stream = s.id
             WHERE s.thread = ?1 AND s.way = 'out' ORDER BY o.seq",
            [thread],
            |row| json(row, 0),
        )
    }

    fn awaiting(&self, agent: &Did, to: &Did, thid: &MessageId) -> Result<Option<Outgoing>> {
        let Some(stream) = self.stream_id(Way::Out, agent, to, thid)? else {
            return Ok(None);
        };
        self.one(
            "SELECT data FROM outbox WHERE stream = ?1 AND asks = 1 ORDER BY seq LIMIT 1",
            [stream],
            |row| json(row, 0),
        )
    }

    fn newest_outgoing(&self) -> Result<u64> {
        let newest = self.number("SELECT max(seq) FROM outbox", [])?;
        Ok(uint(newest.unwrap_or(0)))
    }

    fn find_outgoing(&self, prefix: &str) -> Result<Vec<Outgoing>> {
        self.find_outgoing_rows(prefix)
    }

    fn list_outgoing(&self, page: Page) -> Result<Vec<Outgoing>> {
        self.all(
            "SELECT data FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            (int(page.after), limit_of(page.limit)),
            |row| json(row, 0),
        )
    }

    fn count_outgoing(&self) -> Result<Vec<(String, u64)>> {
        self.tallied(Way::Out, None)
    }

    fn count_unfinished(&self, agent: &Did) -> Result<u64> {
        let Some(agent) = self.party(agent)? else {
            return Ok(0);
        };
        let counts = self.tallied(Way::Out, Some(agent))?.into_iter();
        let open = |state: &str| OutState::from_word(state).is_some_and(|state| !state.is_end());
        Ok(counts
            .filter(|(state, _)| open(state))
            .map(|(_, n)| n)
            .sum())
    }

    fn put_event(&mut self, agent: &Did, id: &MessageId) -> Result<u64> {
        let agent = self.intern_party(agent)?;
        self.run(
            "INSERT INTO event (agent, id) VALUES (?1, ?2)",
            (agent, id.as_str()),
        )?;
        Ok(uint(self.db.last_insert_rowid()))
    }

    fn events(&self, agent: &Did, page: Page) -> Result<Vec<(u64, MessageId)>> {
        let Some(agent) = self.party(agent)? else {
            return Ok(Vec::new());
        };
        self.all(
            "SELECT seq, id FROM event WHERE agent = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            (agent, int(page.after), limit_of(page.limit)),
            |row| Ok((uint(column(row, 0)?), parsed(row, 1)?)),
        )
    }
}
