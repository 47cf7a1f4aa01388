//! What operators decide about parties rather than grants: block them, or let agents knock at them.

use crate::journey::Core;
use crate::journey::trouble::{CoreError, ambiguous, not_found};
use comity_api::Problem;
use comity_api::operator::Decided;
use comity_engine::{Code, GrantState, OutState, WaitingOn};
use comity_store::{Page, PeerRow};

use super::Operator;

impl Core {
    /// Blocks a peer: every grant with it ends, and its envelopes stop at the gate.
    ///
    /// # Errors
    /// The name is no DID.
    pub async fn block(&self, by: &Operator, peer: &str) -> Result<Decided, Problem> {
        let did = self.did_of(peer)?;
        let (shown, now) = (did.clone(), self.clock.now());
        let live = self
            .store
            .write(move |tx| {
                let known = tx.peer(&did)?;
                let row = PeerRow {
                    did: did.clone(),
                    blocked: true,
                    speaks: known
                        .as_ref()
                        .map(|peer| peer.speaks.clone())
                        .unwrap_or_default(),
                    first_seen: known.map_or(now, |peer| peer.first_seen),
                };
                tx.put_peer(&row)?;
                let grants = tx.grants(10_000)?.into_iter();
                let live = grants.filter(|row| row.peer == did && row.state != GrantState::Ended);
                Ok::<_, CoreError>(live.collect::<Vec<_>>())
            })
            .await?;
        for row in live {
            self.end(&row, &Code::REVOKED, by.label()).await?;
        }
        Ok(Decided {
            outcome: format!("blocked {shown}"),
            grant: None,
        })
    }

    /// Lifts a block. Ended grants stay ended.
    ///
    /// # Errors
    /// The name is no DID, or unknown here.
    pub async fn unblock(&self, _by: &Operator, peer: &str) -> Result<Decided, Problem> {
        let did = self.did_of(peer)?;
        let shown = did.clone();
        self.store
            .write(move |tx| {
                let Some(mut row) = tx.peer(&did)? else {
                    return Err(CoreError::from(not_found("peer", did.as_str())));
                };
                row.blocked = false;
                tx.put_peer(&row)?;
                Ok(())
            })
            .await?;
        Ok(Decided {
            outcome: format!("unblocked {shown}"),
            grant: None,
        })
    }

    /// Lets the node knock for a message that waits on the operator.
    ///
    /// # Errors
    /// There is no such held message.
    pub async fn allow(&self, _by: &Operator, id: &str) -> Result<Decided, Problem> {
        let prefix = id.to_lowercase();
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.held_outgoing(10_000)?))
            .await?
            .into_iter()
            .filter(|row| row.waiting_on == Some(WaitingOn::Operator))
            .filter(|row| row.id.as_str().to_lowercase().starts_with(&prefix))
            .collect::<Vec<_>>();
        let row = match rows.as_slice() {
            [] => {
                return Err(not_found(
                    "message that waits for you",
                    &comity_api::safe(id),
                ));
            }
            [row] => row.clone(),
            _ => return Err(ambiguous(&comity_api::safe(id))),
        };
        let outcome = format!("knocking at {}", row.to);
        self.store
            .write(move |tx| {
                // All of the pair's that wait for the same, but first the one that is meant.
                if let Some(mut meant) = tx.outgoing(&row.agent, &row.id)?
                    && meant.waiting_on == Some(WaitingOn::Operator)
                {
                    meant.waiting_on = Some(WaitingOn::Grant);
                    tx.put_outgoing(&meant)?;
                    tx.put_event(&meant.agent, &meant.id)?;
                }
                let page = Page {
                    after: 0,
                    limit: 256,
                };
                for mut other in tx.unfinished(&row.agent, &row.to, page)? {
                    let waits = other.waiting_on == Some(WaitingOn::Operator);
                    if other.state == OutState::Held && waits {
                        other.waiting_on = Some(WaitingOn::Grant);
                        tx.put_outgoing(&other)?;
                        tx.put_event(&other.agent, &other.id)?;
                    }
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.held.raise();
        Ok(Decided {
            outcome,
            grant: None,
        })
    }
}
