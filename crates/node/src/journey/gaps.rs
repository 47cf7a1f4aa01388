//! What to do when a peer misses something earlier of a stream.

use super::Core;
use super::trouble::CoreError;
use comity_engine::{GrantState, OutState};
use comity_record::Pin;
use comity_store::Outgoing;
use std::collections::BTreeMap;

use super::deliver::Handed;

impl Core {
    /// The peer misses something earlier of the stream. What it has not acknowledged is handed over
    /// again, oldest first; where something ended without ever being taken, a tombstone fills its
    /// place. What the peer has already is recognised there.
    pub(super) async fn go_back(&self, row: &Outgoing) -> Result<(), CoreError> {
        const AT_ONCE: usize = 64;
        let (agent, to, thid) = (row.agent.clone(), row.to.clone(), row.thid.clone());
        let order = row.order;
        let missing = self
            .store
            .read(move |tx| {
                let mut places: BTreeMap<u64, Vec<Outgoing>> = BTreeMap::new();
                for one in tx.thread_outgoing(&thid)? {
                    if let Some(number) = one.order.filter(|number| Some(*number) < order)
                        && one.agent == agent
                        && one.to == to
                    {
                        places.entry(number).or_default().push(one);
                    }
                }
                let mut missing = Vec::new();
                for rows in places.into_values() {
                    let mut taken = false;
                    for one in &rows {
                        taken |= one.state.is_end() && !tx.peer_receipts(&one.digest)?.is_empty();
                    }
                    // What stands in this place now: a tombstone after its message.
                    if let Some(last) = rows.into_iter().next_back().filter(|_| !taken) {
                        missing.push(last);
                    }
                }
                Ok::<_, CoreError>(missing)
            })
            .await?;
        for before in missing.into_iter().take(AT_ONCE) {
            if before.state.is_end() {
                self.fill_place(&before).await?;
                continue;
            }
            // What waits for somebody's word waits, and what stands behind it with it.
            let Some((octets, pin)) = self.may_go_again(&before).await? else {
                break;
            };
            if self.hand_over(&before.to, &octets, pin.as_ref()).await != Handed::Taken {
                break;
            }
        }
        // Always later: a peer that answers so for ever must not keep us busy.
        self.put_off(row).await
    }

    /// Octets and keys of what was handed over before, if policy still lets it go.
    async fn may_go_again(
        &self,
        before: &Outgoing,
    ) -> Result<Option<(Vec<u8>, Option<Pin>)>, CoreError> {
        if before.state == OutState::Held {
            return Ok(None);
        }
        let (agent, to, digest) = (before.agent.clone(), before.to.clone(), before.digest);
        self.store
            .read(move |tx| {
                let grant = tx.grant_between(&agent, &to)?;
                let Some(grant) = grant.filter(|grant| grant.state == GrantState::Active) else {
                    return Ok(None);
                };
                Ok(tx.message(&digest)?.map(|octets| (octets, grant.pin)))
            })
            .await
    }
}
