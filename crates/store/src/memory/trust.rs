use super::MemoryTx;
use crate::rows::trust::{GrantRow, KnockRow, KnockState, PeerRow, Taken};
use crate::{StoreError, Trust};
use comity_did::Did;
use comity_engine::GrantState;
use comity_record::Digest;

impl Trust for MemoryTx<'_> {
    fn grant(&self, id: &Digest, ours: &Did) -> Result<Option<GrantRow>, StoreError> {
        let seq = self.state.grant_keys.get(&(*id, ours.clone()));
        Ok(seq.and_then(|seq| self.state.grants.get(seq)).cloned())
    }

    fn grant_between(&self, ours: &Did, peer: &Did) -> Result<Option<GrantRow>, StoreError> {
        let between =
            (self.state.grants.iter()).filter(|(_, row)| row.ours == *ours && row.peer == *peer);
        let last = between.max_by_key(|(seq, row)| (row.weight(), row.ended, **seq));
        Ok(last.map(|(_, row)| row.clone()))
    }

    fn grants_of_pair(&self, ours: &Did, peer: &Did) -> Result<Vec<GrantRow>, StoreError> {
        let between =
            (self.state.grants.iter()).filter(|(_, row)| row.ours == *ours && row.peer == *peer);
        let mut rows: Vec<_> = between
            .map(|(seq, row)| ((row.weight(), row.ended, *seq), row.clone()))
            .collect();
        rows.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    fn put_grant(&mut self, row: &GrantRow) -> Result<(), StoreError> {
        let key = (row.grant.id(), row.ours.clone());
        let seq = self.state.grant_keys.get(&key).copied();
        let seq = seq.unwrap_or_else(|| self.state.grants.next_seq());
        self.state.grant_keys.put(key, seq);
        self.state.grants.put(seq, row.clone());
        Ok(())
    }

    fn grants(&self, limit: usize) -> Result<Vec<GrantRow>, StoreError> {
        Ok(self
            .state
            .grants
            .values()
            .rev()
            .take(limit)
            .cloned()
            .collect())
    }

    fn live_grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        Ok(self.live().cloned().collect())
    }

    fn live_grants_with(&self, peer: &Did) -> Result<Vec<GrantRow>, StoreError> {
        Ok(self
            .live()
            .filter(|row| row.peer == *peer)
            .cloned()
            .collect())
    }

    fn find_live_grants(&self, prefix: &str) -> Result<Vec<GrantRow>, StoreError> {
        let found = self
            .live()
            .filter(|row| row.grant.id().to_string().starts_with(prefix));
        Ok(found.take(2).cloned().collect())
    }

    fn offered_grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        let rows = self.state.grants.values();
        Ok(rows
            .filter(|row| row.state == GrantState::Offered)
            .cloned()
            .collect())
    }

    fn expired_grants(&self, now: u64, limit: usize) -> Result<Vec<GrantRow>, StoreError> {
        let mut over: Vec<_> = (self.state.grants.values())
            .filter(|row| matches!(row.state, GrantState::Active | GrantState::Offered))
            .filter(|row| row.grant.until() <= now)
            .cloned()
            .collect();
        over.sort_by_key(|row| row.grant.until());
        over.truncate(limit);
        Ok(over)
    }

    fn knock(&self, digest: &Digest) -> Result<Option<KnockRow>, StoreError> {
        let seq = self.state.knock_keys.get(digest);
        Ok(seq.and_then(|seq| self.state.knocks.get(seq)).cloned())
    }

    fn knock_between(&self, sender: &Did, recipient: &Did) -> Result<Option<KnockRow>, StoreError> {
        let pending =
            self.state.knocks.values().rev().find(|row| {
                row.sender == *sender && row.recipient == *recipient && is_pending(row)
            });
        Ok(pending.cloned())
    }

    fn put_knock(&mut self, row: &KnockRow) -> Result<(), StoreError> {
        let seq = self.state.knock_keys.get(&row.digest).copied();
        let seq = seq.unwrap_or_else(|| self.state.knocks.next_seq());
        self.state.knock_keys.put(row.digest, seq);
        self.state.knocks.put(seq, row.clone());
        Ok(())
    }

    fn knocks(&self, pending: bool, limit: usize) -> Result<Vec<KnockRow>, StoreError> {
        let newest = self.state.knocks.values().rev();
        Ok(newest
            .filter(|row| !pending || is_pending(row))
            .take(limit)
            .cloned()
            .collect())
    }

    fn expired_knocks(&self, now: u64, limit: usize) -> Result<Vec<KnockRow>, StoreError> {
        let mut over: Vec<_> = (self.state.knocks.values())
            .filter(|row| is_pending(row) && row.expires <= now)
            .cloned()
            .collect();
        over.sort_by_key(|row| row.expires);
        over.truncate(limit);
        Ok(over)
    }

    fn knock_room(&self) -> Result<Vec<(Digest, Did, Taken)>, StoreError> {
        let pending = self.state.knocks.values().filter(|row| is_pending(row));
        Ok(pending
            .map(|row| (row.digest, row.sender.clone(), row.taken.clone()))
            .collect())
    }

    fn peer(&self, did: &Did) -> Result<Option<PeerRow>, StoreError> {
        Ok(self.state.peers.get(did).cloned())
    }

    fn put_peer(&mut self, row: &PeerRow) -> Result<(), StoreError> {
        self.state.peers.put(row.did.clone(), row.clone());
        Ok(())
    }

    fn peers(&self, limit: usize) -> Result<Vec<PeerRow>, StoreError> {
        Ok(self.state.peers.values().take(limit).cloned().collect())
    }
}

impl MemoryTx<'_> {
    /// Grants that have not ended, newest first.
    fn live(&self) -> impl Iterator<Item = &GrantRow> {
        let newest = self.state.grants.values().rev();
        newest.filter(|row| row.state != GrantState::Ended)
    }
}

fn is_pending(row: &KnockRow) -> bool {
    row.state == KnockState::Pending
}
