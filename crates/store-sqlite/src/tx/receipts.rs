use super::{
    Least, Result, SqliteTx, column, int, limit_of, millis, parsed, text, timestamp, uint,
};
use crate::error::{damaged, failed};
use comity_did::Did;
use comity_engine::{Code, Timestamp};
use comity_record::{Digest, ReceiptState};
use comity_store::{PeerReceiptRow, ReceiptRow, Receipts};
use rusqlite::{Row, params};

impl Receipts for SqliteTx<'_> {
    fn put_receipt(&mut self, row: &ReceiptRow) -> Result<()> {
        let message = self.intern_digest(&row.message)?;
        let (recipient, sender) = (
            self.intern_party(&row.recipient)?,
            self.intern_party(&row.sender)?,
        );
        let due = (row.receipt.is_some() && !row.delivered).then(|| millis(row.next_attempt));
        self.run(
            "INSERT INTO receipt (message, id, recipient, sender, state, code, at, by, sender_kid,
                sender_key, entry, deniable, receipt, delivered, next_attempt, attempts, due)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (message, recipient, state) DO UPDATE SET id = excluded.id,
                sender = excluded.sender, code = excluded.code, at = excluded.at,
                by = excluded.by, sender_kid = excluded.sender_kid,
                sender_key = excluded.sender_key, entry = excluded.entry,
                deniable = excluded.deniable, receipt = excluded.receipt,
                delivered = excluded.delivered, next_attempt = excluded.next_attempt,
                attempts = excluded.attempts, due = excluded.due",
            params![
                message,
                row.id.as_str(),
                recipient,
                sender,
                row.state.as_str(),
                row.code.as_ref().map(Code::as_str),
                int(row.at),
                row.by,
                row.sender_kid,
                row.sender_key,
                int(row.entry),
                row.deniable,
                row.receipt,
                row.delivered,
                millis(row.next_attempt),
                row.attempts,
                due
            ],
        )?;
        Ok(())
    }

    fn unsigned_receipts(&self, up_to: u64, limit: usize) -> Result<Vec<ReceiptRow>> {
        self.all(UNSIGNED, (int(up_to), limit_of(limit)), receipt)
    }

    fn due_receipts(
        &self,
        now: Timestamp,
        except: &[Did],
        limit: usize,
    ) -> Result<Vec<ReceiptRow>> {
        let mut least = Least::new(limit);
        let mut due = self.prepare(DUE)?;
        for sender in self.waited_for(NEXT_SENDER, except)? {
            let mut rows = due
                .query((sender, millis(now), limit_of(limit)))
                .map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                if !least.offer((column::<i64>(row, 0)?, column::<i64>(row, 1)?)) {
                    break;
                }
            }
        }
        let rows = least
            .into_sorted()
            .into_iter()
            .map(|(_, seq)| self.one(ONE, [seq], receipt));
        rows.filter_map(Result::transpose).collect()
    }

    fn next_receipt(&self) -> Result<Option<Timestamp>> {
        let mut next = None;
        for sender in self.waited_for(NEXT_SENDER, &[])? {
            let first = self.number(
                "SELECT min(due) FROM receipt WHERE sender = ?1 AND due > ?2",
                (sender, millis(self.now)),
            )?;
            next = [next, first].into_iter().flatten().min();
        }
        Ok(next.map(timestamp))
    }

    fn receipts_of(&self, message: &Digest) -> Result<Vec<ReceiptRow>> {
        let Some(message) = self.digest(message)? else {
            return Ok(Vec::new());
        };
        self.all(OF_MESSAGE, [message], receipt)
    }

    fn put_peer_receipt(&mut self, row: &PeerReceiptRow) -> Result<()> {
        let message = self.intern_digest(&row.message)?;
        self.run(
            "INSERT OR IGNORE INTO peer_receipt (message, state, receipt) VALUES (?1, ?2, ?3)",
            (message, row.state.as_str(), &row.receipt),
        )?;
        Ok(())
    }

    fn peer_receipts(&self, message: &Digest) -> Result<Vec<PeerReceiptRow>> {
        let Some(id) = self.digest(message)? else {
            return Ok(Vec::new());
        };
        let mut rows = self.all(
            "SELECT state, receipt FROM peer_receipt WHERE message = ?1",
            [id],
            |row| {
                let (state, receipt) = (state(text(row, 0)?)?, column(row, 1)?);
                Ok(PeerReceiptRow {
                    message: *message,
                    state,
                    receipt,
                })
            },
        )?;
        rows.sort_by_key(|row| row.state);
        Ok(rows)
    }
}

/// Selects the columns that [`receipt`] reads.
macro_rules! select_receipts {
    ($rest:literal) => {
        concat!(
            "SELECT d.text, r.id, a.did, b.did, r.state, r.code, r.at, r.by, r.sender_kid,
                r.sender_key, r.entry, r.deniable, r.receipt, r.delivered, r.next_attempt,
                r.attempts
             FROM receipt r
             JOIN digest d ON d.id = r.message
             JOIN party a ON a.id = r.recipient JOIN party b ON b.id = r.sender ",
            $rest
        )
    };
}

pub(crate) const UNSIGNED: &str = select_receipts!(
    "WHERE r.receipt IS NULL AND r.delivered = 0 AND r.entry <= ?1 ORDER BY r.entry, r.seq LIMIT ?2"
);
const ONE: &str = select_receipts!("WHERE r.seq = ?1");
const OF_MESSAGE: &str = select_receipts!("WHERE r.message = ?1 ORDER BY r.seq");
pub(crate) const DUE: &str = "SELECT due, seq FROM receipt WHERE sender = ?1 AND due <= ?2
     ORDER BY due, seq LIMIT ?3";
pub(crate) const NEXT_SENDER: &str =
    "SELECT min(sender) FROM receipt WHERE sender > ?1 AND due IS NOT NULL";

fn receipt(row: &Row<'_>) -> Result<ReceiptRow> {
    let code: Option<String> = column(row, 5)?;
    Ok(ReceiptRow {
        message: parsed(row, 0)?,
        id: parsed(row, 1)?,
        recipient: parsed(row, 2)?,
        sender: parsed(row, 3)?,
        state: state(text(row, 4)?)?,
        code: code
            .map(Code::try_from)
            .transpose()
            .map_err(|error| damaged("a code", error))?,
        at: uint(column(row, 6)?),
        by: column(row, 7)?,
        sender_kid: column(row, 8)?,
        sender_key: column(row, 9)?,
        entry: uint(column(row, 10)?),
        deniable: column(row, 11)?,
        receipt: column(row, 12)?,
        delivered: column(row, 13)?,
        next_attempt: timestamp(column(row, 14)?),
        attempts: column(row, 15)?,
    })
}

fn state(word: &str) -> Result<ReceiptState> {
    ReceiptState::parse(word).ok_or_else(|| damaged("the state of a receipt", word))
}
