use super::MemoryTx;
use crate::rows::log::{EntryRow, LogHead, NodeRow, PeerLogRow};
use crate::{Log, Page, StoreError};
use comity_record::Digest;
use std::ops::Bound;

impl Log for MemoryTx<'_> {
    fn append_entry(&mut self, row: &EntryRow) -> Result<u64, StoreError> {
        let seq = self.state.entries.next_seq();
        self.state.entries.put(
            seq,
            EntryRow {
                seq,
                index: None,
                origin: None,
                ..row.clone()
            },
        );
        Ok(seq)
    }

    fn unintegrated(&self, limit: usize) -> Result<Vec<EntryRow>, StoreError> {
        let fresh = self
            .state
            .entries
            .values()
            .filter(|row| row.index.is_none());
        Ok(fresh.take(limit).cloned().collect())
    }

    fn log_head(&self) -> Result<Option<LogHead>, StoreError> {
        Ok(self.state.head.get(&()).cloned())
    }

    fn integrate(
        &mut self,
        expected: Option<(&str, u64)>,
        entries: &[u64],
        nodes: &[NodeRow],
        head: &LogHead,
    ) -> Result<(), StoreError> {
        let current = self
            .state
            .head
            .get(&())
            .map(|head| (head.origin.as_str(), head.size));
        let first = match (expected, current) {
            (Some(expected), Some(current)) if expected == current && expected.0 == head.origin => {
                expected.1
            }
            (None, None) => 0,
            (None, Some((origin, _))) if origin != head.origin => 0,
            _ => return Err(StoreError::Conflict),
        };
        let taken = |seq: &u64| {
            self.state
                .entries
                .get(seq)
                .is_none_or(|row| row.index.is_some())
        };
        if entries.iter().any(taken) {
            return Err(StoreError::Conflict);
        }
        for (index, seq) in (first..).zip(entries) {
            if let Some(mut row) = self.state.entries.get(seq).cloned() {
                row.index = Some(index);
                row.origin = Some(head.origin.clone());
                self.state.entries.put(*seq, row);
                self.state
                    .entry_keys
                    .put((head.origin.clone(), index), *seq);
            }
        }
        for node in nodes {
            self.state
                .nodes
                .put((head.origin.clone(), node.level, node.index), node.hash);
        }
        self.state.head.put((), head.clone());
        Ok(())
    }

    fn node(&self, origin: &str, level: u8, index: u64) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(self
            .state
            .nodes
            .get(&(origin.to_owned(), level, index))
            .copied())
    }

    fn entry(&self, seq: u64) -> Result<Option<EntryRow>, StoreError> {
        Ok(self.state.entries.get(&seq).cloned())
    }

    fn entry_at(&self, origin: &str, index: u64) -> Result<Option<EntryRow>, StoreError> {
        let seq = self.state.entry_keys.get(&(origin.to_owned(), index));
        Ok(seq.and_then(|seq| self.state.entries.get(seq)).cloned())
    }

    fn entries_about(&self, subject: &Digest) -> Result<Vec<EntryRow>, StoreError> {
        let about = self
            .state
            .entries
            .values()
            .filter(|row| row.subject == Some(*subject));
        Ok(about.cloned().collect())
    }

    fn entries(&self, page: Page) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self
            .state
            .entries
            .copies((Bound::Excluded(page.after), Bound::Unbounded), page.limit))
    }

    fn decisions(&self, limit: usize) -> Result<Vec<EntryRow>, StoreError> {
        let newest = self.state.entries.values().rev();
        let decisions = newest.filter(|row| matches!(row.kind.as_str(), "decision" | "act"));
        Ok(decisions.take(limit).cloned().collect())
    }

    fn peer_log(&self, origin: &str) -> Result<Option<PeerLogRow>, StoreError> {
        Ok(self.state.peer_logs.get(origin).cloned())
    }

    fn put_peer_log(&mut self, row: &PeerLogRow) -> Result<(), StoreError> {
        self.state.peer_logs.put(row.origin.clone(), row.clone());
        Ok(())
    }

    fn peer_logs(&self) -> Result<Vec<PeerLogRow>, StoreError> {
        Ok(self.state.peer_logs.values().cloned().collect())
    }
}
