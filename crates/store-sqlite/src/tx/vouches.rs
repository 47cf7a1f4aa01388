use super::trust::VOUCHED_GRANTS;
use super::{Result, SqliteTx, column, json, to_json, uint};
use comity_did::Did;
use comity_record::Digest;
use comity_store::{GrantRow, HeldRow, IssuedRow, RightRow, Vouches};

impl Vouches for SqliteTx<'_> {
    fn issued(&self, digest: &Digest) -> Result<Option<IssuedRow>> {
        let sql = "SELECT data FROM issued WHERE digest = ?1";
        self.one(sql, [digest.to_string()], |row| json(row, 0))
    }

    fn put_issued(&mut self, row: &IssuedRow) -> Result<()> {
        self.run(
            "INSERT INTO issued (digest, issuer, list, place, revoked, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (digest) DO UPDATE SET list = excluded.list, place = excluded.place,
                revoked = excluded.revoked, data = excluded.data",
            (
                row.digest.to_string(),
                row.issuer.as_str(),
                row.list,
                row.index,
                row.revoked.is_some(),
                to_json(row)?,
            ),
        )?;
        Ok(())
    }

    fn all_issued(&self, issuer: Option<&Did>) -> Result<Vec<IssuedRow>> {
        self.all(
            "SELECT data FROM issued WHERE ?1 IS NULL OR issuer = ?1 ORDER BY seq",
            [issuer.map(Did::as_str)],
            |row| json(row, 0),
        )
    }

    fn places_of_list(&self, issuer: &Did, list: u32) -> Result<Vec<(u32, bool)>> {
        self.all(PLACES_OF_LIST, (issuer.as_str(), list), |row| {
            Ok((column(row, 0)?, column(row, 1)?))
        })
    }

    fn last_list(&self, issuer: &Did) -> Result<Option<u32>> {
        let last = self.one(LAST_LIST, [issuer.as_str()], |row| column(row, 0))?;
        Ok(last.flatten())
    }

    fn put_held(&mut self, row: &HeldRow) -> Result<()> {
        self.run(
            "INSERT INTO held (digest, subject, data) VALUES (?1, ?2, ?3)
             ON CONFLICT (digest) DO UPDATE SET subject = excluded.subject, data = excluded.data",
            (row.digest.to_string(), row.subject.as_str(), to_json(row)?),
        )?;
        Ok(())
    }

    fn held(&self, subject: Option<&Did>) -> Result<Vec<HeldRow>> {
        self.all(
            "SELECT data FROM held WHERE ?1 IS NULL OR subject = ?1 ORDER BY seq",
            [subject.map(Did::as_str)],
            |row| json(row, 0),
        )
    }

    fn remove_held(&mut self, digest: &Digest) -> Result<()> {
        self.run("DELETE FROM held WHERE digest = ?1", [digest.to_string()])?;
        Ok(())
    }

    fn vouch_right(&self, agent: &Did) -> Result<Option<RightRow>> {
        let sql = "SELECT data FROM vouch_right WHERE agent = ?1";
        self.one(sql, [agent.as_str()], |row| json(row, 0))
    }

    fn vouch_rights(&self) -> Result<Vec<RightRow>> {
        let sql = "SELECT data FROM vouch_right ORDER BY agent";
        self.all(sql, [], |row| json(row, 0))
    }

    fn put_vouch_right(&mut self, row: &RightRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO vouch_right (agent, data) VALUES (?1, ?2)",
            (row.agent.as_str(), to_json(row)?),
        )?;
        Ok(())
    }

    fn remove_vouch_right(&mut self, agent: &Did) -> Result<()> {
        self.run("DELETE FROM vouch_right WHERE agent = ?1", [agent.as_str()])?;
        Ok(())
    }

    fn is_vouch_revoked(&self, digest: &Digest) -> Result<bool> {
        let sql = "SELECT 1 FROM vouch_revoked WHERE digest = ?1";
        Ok(self.number(sql, [digest.to_string()])?.is_some())
    }

    fn put_vouch_revoked(&mut self, digest: &Digest) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO vouch_revoked (digest) VALUES (?1)";
        self.run(sql, [digest.to_string()])?;
        Ok(())
    }

    fn vouch_used(&self, digest: &Digest) -> Result<u64> {
        let sql = "SELECT n FROM vouch_use WHERE digest = ?1";
        Ok(self.number(sql, [digest.to_string()])?.map_or(0, uint))
    }

    fn count_vouch_use(&mut self, digest: &Digest) -> Result<()> {
        self.run(
            "INSERT INTO vouch_use (digest, n) VALUES (?1, 1)
             ON CONFLICT (digest) DO UPDATE SET n = n + 1",
            [digest.to_string()],
        )?;
        Ok(())
    }

    fn vouched_grants(&self) -> Result<Vec<GrantRow>> {
        self.all(VOUCHED_GRANTS, [], |row| self.grant_of(row))
    }
}

pub(super) const PLACES_OF_LIST: &str =
    "SELECT place, revoked FROM issued WHERE issuer = ?1 AND list = ?2 ORDER BY place";
pub(super) const LAST_LIST: &str = "SELECT max(list) FROM issued WHERE issuer = ?1";
