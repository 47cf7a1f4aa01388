use super::MemoryTx;
use crate::rows::operator::{OperatorRow, WebhookEvent, WebhookRow};
use crate::{Operators, StoreError, Webhooks};
use comity_engine::Timestamp;

impl Operators for MemoryTx<'_> {
    fn operator(&self, name: &str) -> Result<Option<OperatorRow>, StoreError> {
        Ok(self.state.operators.get(name).cloned())
    }

    fn operators(&self) -> Result<Vec<OperatorRow>, StoreError> {
        Ok(self.state.operators.values().cloned().collect())
    }

    fn operator_of_token(&self, hash: &[u8; 32]) -> Result<Option<OperatorRow>, StoreError> {
        let mut all = self.state.operators.values();
        let found = all.find(|row| [row.token, row.old_token].contains(&Some(*hash)));
        Ok(found.cloned())
    }

    fn put_operator(&mut self, row: &OperatorRow) -> Result<(), StoreError> {
        self.state.operators.put(row.name.clone(), row.clone());
        Ok(())
    }
}

impl Webhooks for MemoryTx<'_> {
    fn webhook(&self, id: &str) -> Result<Option<WebhookRow>, StoreError> {
        Ok(self.state.webhooks.get(id).cloned())
    }

    fn webhooks(&self) -> Result<Vec<WebhookRow>, StoreError> {
        Ok(self.state.webhooks.values().cloned().collect())
    }

    fn put_webhook(&mut self, row: &WebhookRow) -> Result<(), StoreError> {
        self.state.webhooks.put(row.id.clone(), row.clone());
        Ok(())
    }

    fn remove_webhook(&mut self, id: &str) -> Result<(), StoreError> {
        self.state.webhooks.remove(&id.to_owned());
        let of_it = |row: &&WebhookEvent| row.webhook == id;
        let events = self.state.webhook_events.values().filter(of_it);
        for seq in events.map(|row| row.seq).collect::<Vec<_>>() {
            self.state.webhook_events.remove(&seq);
        }
        Ok(())
    }

    fn put_webhook_event(&mut self, row: &WebhookEvent) -> Result<u64, StoreError> {
        let seq = match row.seq {
            0 => self.state.webhook_events.next_seq(),
            seq => seq,
        };
        let row = WebhookEvent { seq, ..row.clone() };
        self.state.webhook_events.put(seq, row);
        Ok(seq)
    }

    fn remove_webhook_event(&mut self, seq: u64) -> Result<(), StoreError> {
        self.state.webhook_events.remove(&seq);
        Ok(())
    }

    fn due_webhook_events(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<WebhookEvent>, StoreError> {
        let all = self.state.webhook_events.values();
        let mut due: Vec<_> = all.filter(|row| row.next_attempt <= now).cloned().collect();
        due.sort_by_key(|row| (row.next_attempt, row.seq));
        due.truncate(limit);
        Ok(due)
    }

    fn next_webhook_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let all = self.state.webhook_events.values();
        Ok(all.map(|row| row.next_attempt).min())
    }

    fn count_webhook_events(&self, webhook: &str) -> Result<u64, StoreError> {
        let all = self.state.webhook_events.values();
        Ok(all.filter(|row| row.webhook == webhook).count() as u64)
    }
}
