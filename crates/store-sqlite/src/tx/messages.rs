use super::{Result, SqliteTx, column, int, parsed, uint};
use comity_did::Did;
use comity_record::Digest;
use comity_store::Messages;

impl Messages for SqliteTx<'_> {
    fn message(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        self.one(
            "SELECT m.octets FROM digest d JOIN message m ON m.digest = d.id WHERE d.text = ?1",
            [digest.to_string()],
            |row| column(row, 0),
        )
    }

    fn put_message(&mut self, digest: &Digest, octets: &[u8]) -> Result<()> {
        let digest = self.intern_digest(digest)?;
        self.run(
            "INSERT OR IGNORE INTO message (digest, octets) VALUES (?1, ?2)",
            (digest, octets),
        )?;
        Ok(())
    }

    fn remove_message(&mut self, digest: &Digest) -> Result<()> {
        self.run(
            "DELETE FROM message WHERE digest = (SELECT id FROM digest WHERE text = ?1)",
            [digest.to_string()],
        )?;
        Ok(())
    }

    fn document(&self, hash: &Digest) -> Result<Option<(Did, Vec<u8>, u64)>> {
        self.one(
            "SELECT t.did, t.octets, t.first_seen
             FROM digest d JOIN document t ON t.hash = d.id WHERE d.text = ?1",
            [hash.to_string()],
            |row| Ok((parsed(row, 0)?, column(row, 1)?, uint(column(row, 2)?))),
        )
    }

    fn documents_of(&self, did: &Did) -> Result<Vec<(Vec<u8>, u64)>> {
        self.all(
            "SELECT octets, first_seen FROM document WHERE did = ?1 ORDER BY first_seen",
            [did.as_str()],
            |row| Ok((column(row, 0)?, uint(column(row, 1)?))),
        )
    }

    fn put_document(&mut self, hash: &Digest, did: &Did, octets: &[u8], at: u64) -> Result<()> {
        let hash = self.intern_digest(hash)?;
        self.run(
            "INSERT OR IGNORE INTO document (hash, did, octets, first_seen)
             VALUES (?1, ?2, ?3, ?4)",
            (hash, did.as_str(), octets, int(at)),
        )?;
        Ok(())
    }
}
