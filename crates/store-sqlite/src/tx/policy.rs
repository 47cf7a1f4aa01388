use super::{Result, SqliteTx, json, to_json};
use comity_did::Did;
use comity_engine::domain::Domain;
use comity_store::{BlockRow, PeerRow, Policy, RuleRow};

impl Policy for SqliteTx<'_> {
    fn rules(&self) -> Result<Vec<RuleRow>> {
        self.all("SELECT data FROM rule ORDER BY seq", [], |row| json(row, 0))
    }

    fn rule(&self, name: &str) -> Result<Option<RuleRow>> {
        self.one("SELECT data FROM rule WHERE name = ?1", [name], |row| {
            json(row, 0)
        })
    }

    fn put_rule(&mut self, row: &RuleRow) -> Result<()> {
        self.run(
            "INSERT INTO rule (name, data) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET data = excluded.data",
            (&row.rule.name, to_json(row)?),
        )?;
        Ok(())
    }

    fn blocks(&self) -> Result<Vec<BlockRow>> {
        self.all("SELECT data FROM block ORDER BY domain", [], |row| {
            json(row, 0)
        })
    }

    fn put_block(&mut self, row: &BlockRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO block (domain, data) VALUES (?1, ?2)",
            (row.domain.to_string(), to_json(row)?),
        )?;
        Ok(())
    }

    fn remove_block(&mut self, domain: &Domain) -> Result<bool> {
        let removed = self.run("DELETE FROM block WHERE domain = ?1", [domain.to_string()])?;
        Ok(removed > 0)
    }

    fn is_blocked(&self, did: &Did) -> Result<bool> {
        let known: Option<PeerRow> = self.one(
            "SELECT data FROM peer WHERE did = ?1",
            [did.as_str()],
            |row| json(row, 0),
        )?;
        if known.is_some_and(|row| row.blocked) {
            return Ok(true);
        }
        // Most nodes block no domain, and every message asks.
        if self.number("SELECT 1 FROM block LIMIT 1", [])?.is_none() {
            return Ok(false);
        }
        for domain in Domain::with_parents(did) {
            let sql = "SELECT 1 FROM block WHERE domain = ?1";
            if self.number(sql, [domain.to_string()])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
