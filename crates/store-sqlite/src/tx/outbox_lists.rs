//! Lists of the outbox that several indexes together answer.
//!
//! What is due is kept by recipient, so that recipients who are down are stepped over whole: a
//! list costs a step for each recipient that has something waiting, and its own rows.

use super::{
    Least, Result, SqliteTx, after, column, folded, int, json, limit_of, millis, timestamp,
};
use crate::error::failed;
use comity_did::Did;
use comity_engine::Timestamp;
use comity_store::Outgoing;
use std::collections::HashSet;

impl SqliteTx<'_> {
    pub(super) fn due_outgoing_rows(
        &self,
        now: Timestamp,
        except: &[Did],
        under_way: &[u64],
        limit: usize,
    ) -> Result<Vec<Outgoing>> {
        let mut least = Least::new(limit);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let under_way: HashSet<i64> = under_way.iter().copied().map(int).collect();
        let mut fresh = self.prepare(FRESH)?;
        let mut paused = self.prepare(PAUSED)?;
        for peer in self.waited_for(NEXT_PEER, except)? {
            let mut rows = fresh.query([peer]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let seq = column::<i64>(row, 0)?;
                if !under_way.contains(&seq) && !least.offer(seq) {
                    break;
                }
            }
            let mut rows = paused
                .query((peer, millis(now), limit_of(limit)))
                .map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let seq = column::<i64>(row, 0)?;
                if !under_way.contains(&seq) {
                    least.offer(seq);
                }
            }
        }
        let rows = least
            .into_sorted()
            .into_iter()
            .map(|seq| self.outgoing_at(seq));
        rows.filter_map(Result::transpose).collect()
    }

    pub(super) fn next_outgoing_time(&self) -> Result<Option<Timestamp>> {
        let mut next = None;
        for peer in self.waited_for(NEXT_PEER, &[])? {
            let first = self.number(
                "SELECT min(due) FROM outbox WHERE peer = ?1 AND due > ?2",
                (peer, millis(self.now)),
            )?;
            next = [next, first].into_iter().flatten().min();
        }
        Ok(next.map(timestamp))
    }

    /// The parties that `next` steps through, but for some.
    pub(super) fn waited_for(&self, next: &str, except: &[Did]) -> Result<Vec<i64>> {
        let mut left_out = HashSet::new();
        for did in except {
            left_out.extend(self.party(did)?);
        }
        let mut parties = Vec::new();
        let mut last = 0;
        while let Some(party) = self.number(next, [last])? {
            if !left_out.contains(&party) {
                parties.push(party);
            }
            last = party;
        }
        Ok(parties)
    }

    pub(super) fn find_outgoing_rows(&self, prefix: &str) -> Result<Vec<Outgoing>> {
        let name = folded(prefix);
        let mut seqs = self.all(FIND_BY_NAME, (&name, after(&name)), |row| {
            column::<i64>(row, 0)
        })?;
        seqs.extend(self.all(FIND_BY_DIGEST, (prefix, after(prefix)), |row| {
            column::<i64>(row, 0)
        })?);
        seqs.sort_unstable();
        seqs.dedup();
        let rows = seqs.into_iter().take(2).map(|seq| self.outgoing_at(seq));
        rows.filter_map(Result::transpose).collect()
    }

    fn outgoing_at(&self, seq: i64) -> Result<Option<Outgoing>> {
        self.one("SELECT data FROM outbox WHERE seq = ?1", [seq], |row| {
            json(row, 0)
        })
    }
}

pub(crate) const FRESH: &str = "SELECT seq FROM outbox WHERE peer = ?1 AND due = 0 ORDER BY seq";
pub(crate) const PAUSED: &str = "SELECT seq FROM outbox WHERE peer = ?1 AND due > 0 AND due <= ?2
     ORDER BY due, seq LIMIT ?3";
pub(crate) const NEXT_PEER: &str =
    "SELECT min(peer) FROM outbox WHERE peer > ?1 AND due IS NOT NULL";
const FIND_BY_NAME: &str = "SELECT o.seq FROM name n JOIN outbox o ON o.name = n.id
     WHERE n.text >= ?1 AND n.text < ?2 LIMIT 2";
const FIND_BY_DIGEST: &str = "SELECT o.seq FROM digest d JOIN outbox o ON o.digest = d.id
     WHERE d.text >= ?1 AND d.text < ?2 LIMIT 2";
