use super::{MemoryTx, id_starts_with};
use crate::rows::inbox::Incoming;
use crate::{Inbox, Page, StoreError, Trust};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{GrantState, InState, Timestamp};
use comity_record::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

impl MemoryTx<'_> {
    /// Deliveries that only the time keeps from being leased, with the time they are due.
    fn offered_incoming(
        &self,
        recipient: &Did,
    ) -> Result<Vec<(Timestamp, u64, &Incoming)>, StoreError> {
        let mut blocked = BTreeSet::new();
        let mut offered = Vec::new();
        for row in self.state.inbox.values() {
            let first = !row.blocks() || blocked.insert((&row.recipient, &row.sender, &row.thid));
            let Some(due) = row.due_from() else { continue };
            if !first || row.recipient != *recipient {
                continue;
            }
            if let Some(held) = self.grant(&row.grant, recipient)?
                && held.state == GrantState::Active
            {
                offered.push((due, held.grant.until(), row));
            }
        }
        Ok(offered)
    }

    fn incoming_where(&self, wanted: impl Fn(&Incoming) -> bool) -> Vec<Incoming> {
        self.state
            .inbox
            .values()
            .filter(|row| wanted(row))
            .cloned()
            .collect()
    }
}

impl Inbox for MemoryTx<'_> {
    fn incoming(&self, delivery: &str) -> Result<Option<Incoming>, StoreError> {
        let seq = self.state.inbox_keys.get(delivery);
        Ok(seq.and_then(|seq| self.state.inbox.get(seq)).cloned())
    }

    fn incoming_by_digest(
        &self,
        recipient: &Did,
        digest: &Digest,
    ) -> Result<Option<Incoming>, StoreError> {
        let this = |row: &&Incoming| row.recipient == *recipient && row.digest == *digest;
        Ok(self.state.inbox.values().find(this).cloned())
    }

    fn put_incoming(&mut self, row: &Incoming) -> Result<u64, StoreError> {
        let seq = match (row.seq, self.state.inbox_keys.get(&row.delivery)) {
            (_, Some(seq)) => *seq,
            (0, None) => self.state.inbox.next_seq(),
            (seq, None) => seq,
        };
        self.state.inbox_keys.put(row.delivery.clone(), seq);
        self.state.inbox.put(seq, Incoming { seq, ..row.clone() });
        Ok(seq)
    }

    fn leasable(
        &self,
        recipient: &Did,
        now: Timestamp,
        except: &[u64],
        limit: usize,
    ) -> Result<Vec<Incoming>, StoreError> {
        let live = self.offered_incoming(recipient)?.into_iter();
        let live = live.filter(|(_, _, row)| !except.contains(&row.seq));
        let live = live.filter(|(due, until, _)| *due <= now && now.seconds() < *until);
        let (mut rows, mut paused): (Vec<_>, Vec<_>) =
            live.partition(|(due, _, _)| *due == Timestamp::default());
        paused.sort_by_key(|(due, _, row)| (*due, row.seq));
        rows.extend(paused.into_iter().take(limit));
        rows.sort_by_key(|(_, _, row)| row.seq);
        Ok(rows
            .into_iter()
            .take(limit)
            .map(|(_, _, row)| row.clone())
            .collect())
    }

    fn next_incoming(
        &self,
        recipient: &Did,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let offered = self.offered_incoming(recipient)?;
        Ok(offered
            .into_iter()
            .map(|(due, _, _)| due)
            .filter(|due| *due > now)
            .min())
    }

    fn newest_incoming(&self) -> Result<u64, StoreError> {
        let rows = self.incoming_where(|_| true);
        Ok(rows.iter().map(|row| row.seq).max().unwrap_or(0))
    }

    fn unsettled(
        &self,
        recipient: &Did,
        sender: &Did,
        page: Page,
    ) -> Result<Vec<Incoming>, StoreError> {
        let mut rows = self.incoming_where(|row| {
            let of_pair = row.recipient == *recipient && row.sender == *sender;
            of_pair && row.is_unsettled() && row.seq > page.after
        });
        rows.truncate(page.limit);
        Ok(rows)
    }

    fn expired_incoming(&self, now: u64, limit: usize) -> Result<Vec<Incoming>, StoreError> {
        let mut rows = self.incoming_where(|row| row.lapses().is_some_and(|end| end <= now));
        rows.sort_by_key(|row| (row.lapses(), row.seq));
        rows.truncate(limit);
        Ok(rows)
    }

    fn thread_incoming(&self, thid: &MessageId) -> Result<Vec<Incoming>, StoreError> {
        Ok(self.incoming_where(|row| row.thid == *thid))
    }

    fn has_incoming(&self, recipient: &Did, sender: &Did) -> Result<bool, StoreError> {
        let between = |row: &Incoming| row.recipient == *recipient && row.sender == *sender;
        Ok(self.state.inbox.values().any(between))
    }

    fn find_incoming(&self, prefix: &str) -> Result<Vec<Incoming>, StoreError> {
        let mut rows = self.incoming_where(|row| {
            row.delivery.starts_with(prefix)
                || id_starts_with(&row.id, prefix)
                || row.digest.to_string().starts_with(prefix)
        });
        rows.truncate(2);
        Ok(rows)
    }

    fn parked(&self, page: Page) -> Result<Vec<Incoming>, StoreError> {
        let parked = |row: &Incoming| row.state == InState::Parked && row.seq > page.after;
        let mut rows = self.incoming_where(parked);
        rows.truncate(page.limit);
        Ok(rows)
    }

    fn list_incoming(&self, page: Page) -> Result<Vec<Incoming>, StoreError> {
        Ok(self
            .state
            .inbox
            .copies((Bound::Excluded(page.after), Bound::Unbounded), page.limit))
    }

    fn count_unsettled(&self, recipient: &Did) -> Result<u64, StoreError> {
        let open = |row: &&Incoming| row.recipient == *recipient && row.is_unsettled();
        Ok(self.state.inbox.values().filter(open).map(|_| 1).sum())
    }

    fn count_incoming(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in self.state.inbox.values() {
            *counts.entry(row.state.as_str().to_owned()).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }
}
