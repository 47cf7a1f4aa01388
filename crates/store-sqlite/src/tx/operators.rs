use super::{Result, SqliteTx, column, int, json, limit_of, millis, timestamp, to_json, uint};
use comity_engine::Timestamp;
use comity_store::{OperatorRow, Operators, WebhookEvent, WebhookRow, Webhooks};
use rusqlite::Row;

impl Operators for SqliteTx<'_> {
    fn operator(&self, name: &str) -> Result<Option<OperatorRow>> {
        self.one(
            "SELECT data, token, old_token FROM operator WHERE name = ?1",
            [name],
            operator,
        )
    }

    fn operators(&self) -> Result<Vec<OperatorRow>> {
        self.all(
            "SELECT data, token, old_token FROM operator ORDER BY name",
            [],
            operator,
        )
    }

    fn operator_of_token(&self, hash: &[u8; 32]) -> Result<Option<OperatorRow>> {
        self.one(
            "SELECT data, token, old_token FROM operator WHERE token = ?1 OR old_token = ?1",
            [hash.as_slice()],
            operator,
        )
    }

    fn put_operator(&mut self, row: &OperatorRow) -> Result<()> {
        let octets = |hash: &Option<[u8; 32]>| hash.map(|hash| hash.to_vec());
        self.run(
            "INSERT OR REPLACE INTO operator (name, token, old_token, data)
             VALUES (?1, ?2, ?3, ?4)",
            (
                &row.name,
                octets(&row.token),
                octets(&row.old_token),
                to_json(row)?,
            ),
        )?;
        Ok(())
    }
}

impl Webhooks for SqliteTx<'_> {
    fn webhook(&self, id: &str) -> Result<Option<WebhookRow>> {
        self.one("SELECT data FROM webhook WHERE id = ?1", [id], |row| {
            json(row, 0)
        })
    }

    fn webhooks(&self) -> Result<Vec<WebhookRow>> {
        self.all("SELECT data FROM webhook ORDER BY id", [], |row| {
            json(row, 0)
        })
    }

    fn put_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO webhook (id, data) VALUES (?1, ?2)",
            (&row.id, to_json(row)?),
        )?;
        Ok(())
    }

    fn remove_webhook(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM webhook WHERE id = ?1", [id])?;
        self.run("DELETE FROM webhook_event WHERE webhook = ?1", [id])?;
        Ok(())
    }

    fn put_webhook_event(&mut self, row: &WebhookEvent) -> Result<u64> {
        let seq = (row.seq != 0).then(|| int(row.seq));
        self.run(
            "INSERT OR REPLACE INTO webhook_event (seq, webhook, due, data)
             VALUES (?1, ?2, ?3, ?4)",
            (seq, &row.webhook, millis(row.next_attempt), to_json(row)?),
        )?;
        Ok(uint(self.db.last_insert_rowid()))
    }

    fn remove_webhook_event(&mut self, seq: u64) -> Result<()> {
        self.run("DELETE FROM webhook_event WHERE seq = ?1", [int(seq)])?;
        Ok(())
    }

    fn due_webhook_events(&self, now: Timestamp, limit: usize) -> Result<Vec<WebhookEvent>> {
        self.all(
            "SELECT data, seq FROM webhook_event WHERE due <= ?1 ORDER BY due, seq LIMIT ?2",
            (millis(now), limit_of(limit)),
            |row| {
                Ok(WebhookEvent {
                    seq: uint(column(row, 1)?),
                    ..json(row, 0)?
                })
            },
        )
    }

    fn next_webhook_event(&self) -> Result<Option<Timestamp>> {
        self.one(
            "SELECT due FROM webhook_event ORDER BY due LIMIT 1",
            [],
            |row| Ok(timestamp(column(row, 0)?)),
        )
    }

    fn count_webhook_events(&self, webhook: &str) -> Result<u64> {
        let counted = self.one(
            "SELECT count(*) FROM webhook_event WHERE webhook = ?1",
            [webhook],
            |row| Ok(uint(column(row, 0)?)),
        );
        Ok(counted?.unwrap_or(0))
    }
}

/// Reads data, token and token before.
fn operator(row: &Row<'_>) -> Result<OperatorRow> {
    let hash = |at| -> Result<Option<[u8; 32]>> {
        let octets: Option<Vec<u8>> = column(row, at)?;
        let read = octets.map(<[u8; 32]>::try_from).transpose();
        read.map_err(|_| crate::error::damaged("the token of an operator", "not 32 octets"))
    };
    Ok(OperatorRow {
        token: hash(1)?,
        old_token: hash(2)?,
        ..json(row, 0)?
    })
}
