use super::MemoryTx;
use crate::rows::trust::GrantRow;
use crate::rows::vouch::{HeldRow, IssuedRow, RightRow};
use crate::{StoreError, Vouches};
use comity_did::Did;
use comity_record::Digest;

impl Vouches for MemoryTx<'_> {
    fn issued(&self, digest: &Digest) -> Result<Option<IssuedRow>, StoreError> {
        let mut rows = self.state.issued.values();
        Ok(rows.find(|row| row.digest == *digest).cloned())
    }

    fn put_issued(&mut self, row: &IssuedRow) -> Result<(), StoreError> {
        let mut known = self.state.issued.iter();
        let seq = known.find(|(_, known)| known.digest == row.digest);
        let seq = seq.map(|(seq, _)| *seq);
        let seq = seq.unwrap_or_else(|| self.state.issued.next_seq());
        self.state.issued.put(seq, row.clone());
        Ok(())
    }

    fn all_issued(&self, issuer: Option<&Did>) -> Result<Vec<IssuedRow>, StoreError> {
        let rows = self.state.issued.values();
        let of = |row: &&IssuedRow| issuer.is_none_or(|issuer| row.issuer == *issuer);
        Ok(rows.filter(of).cloned().collect())
    }

    fn places_of_list(&self, issuer: &Did, list: u32) -> Result<Vec<(u32, bool)>, StoreError> {
        let rows = self.state.issued.values();
        let of = rows.filter(|row| row.issuer == *issuer && row.list == list);
        let mut places: Vec<_> = of.map(|row| (row.index, row.revoked.is_some())).collect();
        places.sort_unstable();
        Ok(places)
    }

    fn last_list(&self, issuer: &Did) -> Result<Option<u32>, StoreError> {
        let rows = self.state.issued.values();
        let of = rows.filter(|row| row.issuer == *issuer);
        Ok(of.map(|row| row.list).max())
    }

    fn put_held(&mut self, row: &HeldRow) -> Result<(), StoreError> {
        let mut known = self.state.held.iter();
        let seq = known.find(|(_, known)| known.digest == row.digest);
        let seq = seq.map(|(seq, _)| *seq);
        let seq = seq.unwrap_or_else(|| self.state.held.next_seq());
        self.state.held.put(seq, row.clone());
        Ok(())
    }

    fn held(&self, subject: Option<&Did>) -> Result<Vec<HeldRow>, StoreError> {
        let rows = self.state.held.values();
        let of = |row: &&HeldRow| subject.is_none_or(|subject| row.subject == *subject);
        Ok(rows.filter(of).cloned().collect())
    }

    fn remove_held(&mut self, digest: &Digest) -> Result<(), StoreError> {
        let mut known = self.state.held.iter();
        let seq = known.find(|(_, known)| known.digest == *digest);
        if let Some(seq) = seq.map(|(seq, _)| *seq) {
            self.state.held.remove(&seq);
        }
        Ok(())
    }

    fn vouch_right(&self, agent: &Did) -> Result<Option<RightRow>, StoreError> {
        Ok(self.state.rights.get(agent).cloned())
    }

    fn vouch_rights(&self) -> Result<Vec<RightRow>, StoreError> {
        Ok(self.state.rights.values().cloned().collect())
    }

    fn put_vouch_right(&mut self, row: &RightRow) -> Result<(), StoreError> {
        self.state.rights.put(row.agent.clone(), row.clone());
        Ok(())
    }

    fn remove_vouch_right(&mut self, agent: &Did) -> Result<(), StoreError> {
        self.state.rights.remove(agent);
        Ok(())
    }

    fn is_vouch_revoked(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.state.revoked.get(digest).is_some())
    }

    fn put_vouch_revoked(&mut self, digest: &Digest) -> Result<(), StoreError> {
        self.state.revoked.put(*digest, ());
        Ok(())
    }

    fn vouch_used(&self, digest: &Digest) -> Result<u64, StoreError> {
        Ok(self
            .state
            .vouch_uses
            .get(digest)
            .copied()
            .unwrap_or_default())
    }

    fn count_vouch_use(&mut self, digest: &Digest) -> Result<(), StoreError> {
        let used = self.vouch_used(digest)?;
        self.state.vouch_uses.put(*digest, used + 1);
        Ok(())
    }

    fn vouched_grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        let rows = self.state.grants.values();
        Ok(rows.filter(|row| row.vouched.is_some()).cloned().collect())
    }
}
