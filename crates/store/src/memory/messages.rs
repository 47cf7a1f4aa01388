use super::MemoryTx;
use crate::{Messages, StoreError};
use comity_did::Did;
use comity_record::Digest;

impl Messages for MemoryTx<'_> {
    fn message(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.messages.get(digest).cloned())
    }

    fn put_message(&mut self, digest: &Digest, octets: &[u8]) -> Result<(), StoreError> {
        self.state.messages.put_new(*digest, octets.to_vec());
        Ok(())
    }

    fn remove_message(&mut self, digest: &Digest) -> Result<(), StoreError> {
        self.state.messages.remove(digest);
        Ok(())
    }

    fn document(&self, hash: &Digest) -> Result<Option<(Did, Vec<u8>, u64)>, StoreError> {
        Ok(self.state.documents.get(hash).cloned())
    }

    fn documents_of(&self, did: &Did) -> Result<Vec<(Vec<u8>, u64)>, StoreError> {
        let kept = self.state.documents.values();
        let mut of: Vec<_> = kept
            .filter(|(of, ..)| of == did)
            .map(|(_, octets, at)| (octets.clone(), *at))
            .collect();
        of.sort_by_key(|(_, at)| *at);
        Ok(of)
    }

    fn put_document(
        &mut self,
        hash: &Digest,
        did: &Did,
        octets: &[u8],
        at: u64,
    ) -> Result<(), StoreError> {
        self.state
            .documents
            .put_new(*hash, (did.clone(), octets.to_vec(), at));
        Ok(())
    }
}
