use super::MemoryTx;
use crate::rows::agent::{AgentRow, TokenRow};
use crate::{Agents, StoreError};

impl Agents for MemoryTx<'_> {
    fn agent(&self, name: &str) -> Result<Option<AgentRow>, StoreError> {
        Ok(self.state.agents.get(name).cloned())
    }

    fn agents(&self) -> Result<Vec<AgentRow>, StoreError> {
        Ok(self.state.agents.values().cloned().collect())
    }

    fn put_agent(&mut self, row: &AgentRow) -> Result<(), StoreError> {
        self.state.agents.put(row.name.clone(), row.clone());
        Ok(())
    }

    fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        Ok(self.state.tokens.get(hash).cloned())
    }

    fn put_token(&mut self, row: &TokenRow) -> Result<(), StoreError> {
        self.state.tokens.put(row.hash, row.clone());
        Ok(())
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.meta.get(name).cloned())
    }

    fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.state.meta.put(name.to_owned(), value.to_vec());
        Ok(())
    }
}
