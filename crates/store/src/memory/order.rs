use super::MemoryTx;
use crate::{Order, StoreError, Way};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_record::Digest;

impl Order for MemoryTx<'_> {
    fn last_order(
        &self,
        way: Way,
        from: &Did,
        to: &Did,
        thid: &MessageId,
    ) -> Result<Option<u64>, StoreError> {
        let key = (way, from.clone(), to.clone(), thid.clone());
        Ok(self.state.orders.get(&key).copied())
    }

    fn claim_order(
        &mut self,
        way: Way,
        from: &Did,
        to: &Did,
        thid: &MessageId,
        expected: Option<u64>,
        order: u64,
    ) -> Result<(), StoreError> {
        let key = (way, from.clone(), to.clone(), thid.clone());
        if self.state.orders.get(&key).copied() != expected {
            return Err(StoreError::Conflict);
        }
        self.state.orders.put(key, order);
        Ok(())
    }

    fn seen(
        &self,
        recipient: &Did,
        sender: &Did,
        id: &MessageId,
    ) -> Result<Option<Digest>, StoreError> {
        let key = (recipient.clone(), sender.clone(), id.clone());
        Ok(self.state.seen.get(&key).map(|(digest, _)| *digest))
    }

    fn put_seen(
        &mut self,
        recipient: &Did,
        sender: &Did,
        id: &MessageId,
        digest: &Digest,
        fresh_until: u64,
    ) -> Result<(), StoreError> {
        let key = (recipient.clone(), sender.clone(), id.clone());
        self.state.seen.put(key, (*digest, fresh_until));
        Ok(())
    }

    fn forget_seen(&mut self, now: u64, limit: usize) -> Result<usize, StoreError> {
        let mut stale: Vec<_> = (self.state.seen.iter())
            .filter(|(_, (_, fresh_until))| *fresh_until <= now)
            .map(|(key, (_, fresh_until))| (*fresh_until, key.clone()))
            .collect();
        stale.sort();
        stale.truncate(limit);
        for (_, key) in &stale {
            self.state.seen.remove(key);
        }
        Ok(stale.len())
    }
}
