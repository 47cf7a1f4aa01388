use super::MemoryTx;
use crate::rows::trust::{BlockRow, RuleRow};
use crate::{Policy, StoreError};
use comity_did::Did;
use comity_engine::domain::Domain;

impl Policy for MemoryTx<'_> {
    fn rules(&self) -> Result<Vec<RuleRow>, StoreError> {
        Ok(self.state.rules.values().cloned().collect())
    }

    fn rule(&self, name: &str) -> Result<Option<RuleRow>, StoreError> {
        let mut rules = self.state.rules.values();
        Ok(rules.find(|row| row.rule.name == name).cloned())
    }

    fn put_rule(&mut self, row: &RuleRow) -> Result<(), StoreError> {
        let known = self.state.rules.iter();
        let seq = known
            .filter(|(_, known)| known.rule.name == row.rule.name)
            .map(|(seq, _)| *seq)
            .next();
        let seq = seq.unwrap_or_else(|| self.state.rules.next_seq());
        self.state.rules.put(seq, row.clone());
        Ok(())
    }

    fn blocks(&self) -> Result<Vec<BlockRow>, StoreError> {
        Ok(self.state.blocks.values().cloned().collect())
    }

    fn put_block(&mut self, row: &BlockRow) -> Result<(), StoreError> {
        self.state.blocks.put(row.domain.clone(), row.clone());
        Ok(())
    }

    fn remove_block(&mut self, domain: &Domain) -> Result<bool, StoreError> {
        let known = self.state.blocks.get(domain).is_some();
        self.state.blocks.remove(domain);
        Ok(known)
    }

    fn is_blocked(&self, did: &Did) -> Result<bool, StoreError> {
        let itself = self.state.peers.get(did).is_some_and(|row| row.blocked);
        let mut blocks = self.state.blocks.values();
        Ok(itself || blocks.any(|row| row.domain.bars(did)))
    }
}
