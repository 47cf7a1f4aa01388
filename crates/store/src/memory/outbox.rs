use super::{MemoryTx, id_starts_with};
use crate::rows::outbox::{OutKind, Outgoing};
use crate::{Outbox, Page, StoreError};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{OutState, Timestamp};
use comity_record::Digest;
use std::collections::BTreeMap;
use std::ops::Bound;

impl MemoryTx<'_> {
    /// Queued messages that nothing of their stream stands before, with the time they are due.
    fn offered_outgoing(&self) -> impl Iterator<Item = (Timestamp, &Outgoing)> {
        let mut first = BTreeMap::new();
        for row in self.state.outbox.values().filter(|row| row.blocks()) {
            let place = (row.order, row.seq);
            let least = first
                .entry((&row.agent, &row.to, &row.thid))
                .or_insert(place);
            *least = place.min(*least);
        }
        self.state.outbox.values().filter_map(move |row| {
            let due = row.due_from()?;
            let stream = (&row.agent, &row.to, &row.thid);
            let free =
                row.kind == OutKind::Contact || first.get(&stream) == Some(&(row.order, row.seq));
            free.then_some((due, row))
        })
    }

    fn outgoing_where(&self, wanted: impl Fn(&Outgoing) -> bool) -> Vec<Outgoing> {
        self.state
            .outbox
            .values()
            .filter(|row| wanted(row))
            .cloned()
            .collect()
    }
}

impl Outbox for MemoryTx<'_> {
    fn outgoing(&self, agent: &Did, id: &MessageId) -> Result<Option<Outgoing>, StoreError> {
        let seq = self.state.outbox_keys.get(&(agent.clone(), id.clone()));
        Ok(seq.and_then(|seq| self.state.outbox.get(seq)).cloned())
    }

    fn outgoing_by_digest(&self, digest: &Digest) -> Result<Option<Outgoing>, StoreError> {
        Ok(self
            .state
            .outbox
            .values()
            .find(|row| row.digest == *digest)
            .cloned())
    }

    fn put_outgoing(&mut self, row: &Outgoing) -> Result<u64, StoreError> {
        let key = (row.agent.clone(), row.id.clone());
        let seq = match (row.seq, self.state.outbox_keys.get(&key)) {
            (_, Some(seq)) => *seq,
            (0, None) => self.state.outbox.next_seq(),
            (seq, None) => seq,
        };
        self.state.outbox_keys.put(key, seq);
        self.state.outbox.put(seq, Outgoing { seq, ..row.clone() });
        Ok(seq)
    }

    fn due_outgoing(
        &self,
        now: Timestamp,
        except: &[Did],
        under_way: &[u64],
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let mut fresh = Vec::new();
        let mut paused: BTreeMap<&Did, Vec<_>> = BTreeMap::new();
        for (due, row) in self
            .offered_outgoing()
            .filter(|(_, row)| !except.contains(&row.to))
        {
            if due == Timestamp::default() {
                fresh.push(row);
            } else if due <= now {
                paused.entry(&row.to).or_default().push((due, row));
            }
        }
        for rows in paused.values_mut() {
            rows.sort_by_key(|(due, row)| (*due, row.seq));
            fresh.extend(rows.iter().take(limit).map(|(_, row)| *row));
        }
        fresh.retain(|row| !under_way.contains(&row.seq));
        fresh.sort_by_key(|row| row.seq);
        Ok(fresh.into_iter().take(limit).cloned().collect())
    }

    fn held_outgoing(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| row.state == OutState::Held);
        rows.truncate(limit);
        Ok(rows)
    }

    fn next_outgoing(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = self.offered_outgoing().map(|(due, _)| due);
        Ok(due.filter(|due| *due > self.now).min())
    }

    fn stream(
        &self,
        agent: &Did,
        to: &Did,
        thid: &MessageId,
        order: u64,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| {
            row.agent == *agent
                && row.to == *to
                && row.thid == *thid
                && !row.state.is_end()
                && row.order.is_some_and(|place| place >= order)
        });
        rows.sort_by_key(|row| (row.order, row.seq));
        Ok(rows)
    }

    fn unfinished(&self, agent: &Did, to: &Did, page: Page) -> Result<Vec<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| {
            let of_pair = row.agent == *agent && row.to == *to;
            of_pair && !row.state.is_end() && row.seq > page.after
        });
        rows.truncate(page.limit);
        Ok(rows)
    }

    fn expired_outgoing(&self, now: u64, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| !row.state.is_end() && row.lapses() <= now);
        rows.sort_by_key(|row| (row.lapses(), row.seq));
        rows.truncate(limit);
        Ok(rows)
    }

    fn thread_outgoing(&self, thid: &MessageId) -> Result<Vec<Outgoing>, StoreError> {
        Ok(self.outgoing_where(|row| row.thid == *thid))
    }

    fn awaiting(
        &self,
        agent: &Did,
        to: &Did,
        thid: &MessageId,
    ) -> Result<Option<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| {
            row.agent == *agent && row.to == *to && row.thid == *thid && row.awaits_answer()
        });
        rows.sort_by_key(|row| row.seq);
        Ok(rows.into_iter().next())
    }

    fn newest_outgoing(&self) -> Result<u64, StoreError> {
        let rows = self.outgoing_where(|_| true);
        Ok(rows.iter().map(|row| row.seq).max().unwrap_or(0))
    }

    fn find_outgoing(&self, prefix: &str) -> Result<Vec<Outgoing>, StoreError> {
        let mut rows = self.outgoing_where(|row| {
            id_starts_with(&row.id, prefix) || row.digest.to_string().starts_with(prefix)
        });
        rows.truncate(2);
        Ok(rows)
    }

    fn list_outgoing(&self, page: Page) -> Result<Vec<Outgoing>, StoreError> {
        Ok(self
            .state
            .outbox
            .copies((Bound::Excluded(page.after), Bound::Unbounded), page.limit))
    }

    fn count_outgoing(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in self.state.outbox.values() {
            *counts.entry(row.state.as_str().to_owned()).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn count_unfinished(&self, agent: &Did) -> Result<u64, StoreError> {
        let open = |row: &&Outgoing| row.agent == *agent && !row.state.is_end();
        Ok(self.state.outbox.values().filter(open).map(|_| 1).sum())
    }

    fn put_event(&mut self, agent: &Did, id: &MessageId) -> Result<u64, StoreError> {
        let seq = self.state.events.next_seq();
        self.state.events.put(seq, (agent.clone(), id.clone()));
        Ok(seq)
    }

    fn events(&self, agent: &Did, page: Page) -> Result<Vec<(u64, MessageId)>, StoreError> {
        let later = self
            .state
            .events
            .range((Bound::Excluded(page.after), Bound::Unbounded));
        let of_agent = later.filter(|(_, (of, _))| of == agent);
        Ok(of_agent
            .take(page.limit)
            .map(|(seq, (_, id))| (*seq, id.clone()))
            .collect())
    }
}
