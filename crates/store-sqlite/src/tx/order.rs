use super::{Result, SqliteTx, column, int, limit_of, parsed, uint};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_record::Digest;
use comity_store::{Order, StoreError, Way};

impl SqliteTx<'_> {
    /// The number of a stream.
    pub(super) fn stream_id(
        &self,
        way: Way,
        from: &Did,
        to: &Did,
        thid: &MessageId,
    ) -> Result<Option<i64>> {
        let (Some(thread), Some(from), Some(to)) =
            (self.name(thid)?, self.party(from)?, self.party(to)?)
        else {
            return Ok(None);
        };
        self.number(STREAM, (thread, word(way), from, to))
    }

    pub(super) fn intern_stream(&self, way: Way, thread: i64, from: i64, to: i64) -> Result<i64> {
        if let Some(id) = self.number(STREAM, (thread, word(way), from, to))? {
            return Ok(id);
        }
        self.run(
            "INSERT INTO stream (thread, way, sender, recipient) VALUES (?1, ?2, ?3, ?4)",
            (thread, word(way), from, to),
        )?;
        Ok(self.db.last_insert_rowid())
    }
}

impl Order for SqliteTx<'_> {
    fn last_order(&self, way: Way, from: &Did, to: &Did, thid: &MessageId) -> Result<Option<u64>> {
        let Some(stream) = self.stream_id(way, from, to, thid)? else {
            return Ok(None);
        };
        Ok(self
            .number("SELECT last FROM stream WHERE id = ?1", [stream])?
            .map(uint))
    }

    fn claim_order(
        &mut self,
        way: Way,
        from: &Did,
        to: &Did,
        thid: &MessageId,
        expected: Option<u64>,
        order: u64,
    ) -> Result<()> {
        let (from, to) = (self.intern_party(from)?, self.intern_party(to)?);
        let thread = self.intern_name(thid)?;
        let stream = self.intern_stream(way, thread, from, to)?;
        let changed = self.run(
            "UPDATE stream SET last = ?1 WHERE id = ?2 AND last IS ?3",
            (int(order), stream, expected.map(int)),
        )?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    fn seen(&self, recipient: &Did, sender: &Did, id: &MessageId) -> Result<Option<Digest>> {
        let (Some(name), Some(recipient), Some(sender)) =
            (self.name(id)?, self.party(recipient)?, self.party(sender)?)
        else {
            return Ok(None);
        };
        self.one(
            "SELECT d.text FROM seen s JOIN digest d ON d.id = s.digest
             WHERE s.name = ?1 AND s.recipient = ?2 AND s.sender = ?3",
            (name, recipient, sender),
            |row| parsed(row, 0),
        )
    }

    fn put_seen(
        &mut self,
        recipient: &Did,
        sender: &Did,
        id: &MessageId,
        digest: &Digest,
        fresh_until: u64,
    ) -> Result<()> {
        let (recipient, sender) = (self.intern_party(recipient)?, self.intern_party(sender)?);
        let (name, digest) = (self.intern_name(id)?, self.intern_digest(digest)?);
        self.run(
            "INSERT OR REPLACE INTO seen (name, recipient, sender, digest, fresh_until)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (name, recipient, sender, digest, int(fresh_until)),
        )?;
        Ok(())
    }

    fn forget_seen(&mut self, now: u64, limit: usize) -> Result<usize> {
        let stale = self.all(
            "SELECT name, recipient, sender FROM seen WHERE fresh_until <= ?1
             ORDER BY fresh_until LIMIT ?2",
            (int(now), limit_of(limit)),
            |row| {
                Ok((
                    column::<i64>(row, 0)?,
                    column::<i64>(row, 1)?,
                    column::<i64>(row, 2)?,
                ))
            },
        )?;
        for key in &stale {
            self.run(
                "DELETE FROM seen WHERE name = ?1 AND recipient = ?2 AND sender = ?3",
                *key,
            )?;
        }
        Ok(stale.len())
    }
}

const STREAM: &str =
    "SELECT id FROM stream WHERE thread = ?1 AND way = ?2 AND sender = ?3 AND recipient = ?4";

/// The word for a way in the database.
pub(super) const fn word(way: Way) -> &'static str {
    match way {
        Way::In => "in",
        Way::Out => "out",
    }
}
