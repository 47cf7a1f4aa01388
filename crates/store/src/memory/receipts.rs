use super::MemoryTx;
use crate::rows::receipt::{PeerReceiptRow, ReceiptRow};
use crate::{Receipts, StoreError};
use comity_did::Did;
use comity_engine::Timestamp;
use comity_record::Digest;

impl MemoryTx<'_> {
    /// Signed receipts that nobody took yet, those first that wait longest.
    fn owed(&self) -> Vec<&ReceiptRow> {
        let mut rows: Vec<_> = (self.state.receipts.values())
            .filter(|row| row.receipt.is_some() && !row.delivered)
            .collect();
        // A stable sort: rows of the same time stay in the order in which they were made.
        rows.sort_by_key(|row| row.next_attempt);
        rows
    }
}

impl Receipts for MemoryTx<'_> {
    fn put_receipt(&mut self, row: &ReceiptRow) -> Result<(), StoreError> {
        let key = (row.message, row.recipient.clone(), row.state);
        let seq = self.state.receipt_keys.get(&key).copied();
        let seq = seq.unwrap_or_else(|| self.state.receipts.next_seq());
        self.state.receipt_keys.put(key, seq);
        self.state.receipts.put(seq, row.clone());
        Ok(())
    }

    fn unsigned_receipts(&self, up_to: u64, limit: usize) -> Result<Vec<ReceiptRow>, StoreError> {
        let mut rows: Vec<_> = (self.state.receipts.values())
            .filter(|row| row.receipt.is_none() && !row.delivered && row.entry <= up_to)
            .cloned()
            .collect();
        rows.sort_by_key(|row| row.entry);
        rows.truncate(limit);
        Ok(rows)
    }

    fn due_receipts(
        &self,
        now: Timestamp,
        except: &[Did],
        limit: usize,
    ) -> Result<Vec<ReceiptRow>, StoreError> {
        let due = self
            .owed()
            .into_iter()
            .filter(|row| row.next_attempt <= now);
        Ok(due
            .filter(|row| !except.contains(&row.sender))
            .take(limit)
            .cloned()
            .collect())
    }

    fn next_receipt(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = self.owed().into_iter().map(|row| row.next_attempt);
        Ok(due.filter(|due| *due > self.now).min())
    }

    fn receipts_of(&self, message: &Digest) -> Result<Vec<ReceiptRow>, StoreError> {
        let about = self
            .state
            .receipts
            .values()
            .filter(|row| row.message == *message);
        Ok(about.cloned().collect())
    }

    fn put_peer_receipt(&mut self, row: &PeerReceiptRow) -> Result<(), StoreError> {
        self.state
            .peer_receipts
            .put_new((row.message, row.state), row.clone());
        Ok(())
    }

    fn peer_receipts(&self, message: &Digest) -> Result<Vec<PeerReceiptRow>, StoreError> {
        let about = self
            .state
            .peer_receipts
            .values()
            .filter(|row| row.message == *message);
        Ok(about.cloned().collect())
    }
}
