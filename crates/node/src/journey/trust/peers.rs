//! What operators decide about parties rather than grants: block them, or let agents knock at them.

use crate::journey::Core;
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::Problem;
use comity_api::operator::Decided;
use comity_did::Did;
use comity_engine::domain::Domain;
use comity_engine::{Code, GrantState, OutState, WaitingOn, defaults};
use comity_store::{BlockRow, GrantRow, KnockState, Page, PeerRow, Tx};
use std::fmt;

use super::Operator;

impl Core {
    /// Blocks a peer, or all agents of a domain: every grant with it ends, and its envelopes stop
    /// at the gate.
    ///
    /// # Errors
    /// The name is neither a DID, a handle nor a domain.
    pub async fn block(&self, by: &Operator, peer: &str) -> Result<Decided, Problem> {
        let (whom, now, label) = (self.whom(peer)?, self.clock.now(), by.label().to_owned());
        let outcome = format!("blocked {whom}");
        let live = self
            .store
            .write(move |tx| {
                match &whom {
                    Whom::Domain(domain) => tx.put_block(&BlockRow {
                        domain: domain.clone(),
                        by: label.clone(),
                        since: now,
                    })?,
                    Whom::Peer(did) => {
                        let known = tx.peer(did)?;
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
                    }
                }
                // What waits for a decision has got one.
                for mut knock in tx.knocks(true, defaults::KNOCKS_LISTED_MAX)? {
                    if whom.is(&knock.sender) {
                        knock.state = KnockState::Denied;
                        tx.put_knock(&knock)?;
                    }
                }
                let mut live = whom.grants(tx)?;
                live.retain(|row| row.state != GrantState::Ended);
                Ok::<_, CoreError>(live)
            })
            .await?;
        for row in live {
            self.end(&row, &Code::REVOKED, by.label()).await?;
        }
        Ok(Decided {
            outcome,
            grant: None,
        })
    }

    /// Lifts a block. Ended grants stay ended.
    ///
    /// # Errors
    /// The name is neither a DID, a handle nor a domain, or unknown here.
    pub async fn unblock(&self, _by: &Operator, peer: &str) -> Result<Decided, Problem> {
        let whom = self.whom(peer)?;
        let outcome = format!("unblocked {whom}");
        self.store
            .write(move |tx| {
                let unknown = || CoreError::from(not_found("block of", &whom.to_string()));
                match &whom {
                    Whom::Domain(domain) => {
                        if !tx.remove_block(domain)? {
                            return Err(unknown());
                        }
                    }
                    Whom::Peer(did) => {
                        let mut row = tx.peer(did)?.ok_or_else(unknown)?;
                        row.blocked = false;
                        tx.put_peer(&row)?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(Decided {
            outcome,
            grant: None,
        })
    }

    fn whom(&self, text: &str) -> Result<Whom, Problem> {
        let is_domain = !text.starts_with("did:") && !text.contains('@');
        if !is_domain {
            return Ok(Whom::Peer(self.did_of(text)?));
        }
        let domain = text.parse();
        let domain = domain.map_err(|error| bad(format!("{}: {error}", comity_api::safe(text))))?;
        Ok(Whom::Domain(domain))
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

/// Who is blocked.
#[derive(Clone, Debug)]
enum Whom {
    Peer(Did),
    Domain(Domain),
}

impl Whom {
    fn is(&self, did: &Did) -> bool {
        match self {
            Self::Peer(peer) => peer == did,
            Self::Domain(domain) => domain.covers(did),
        }
    }

    /// Every grant with them, of all agents.
    fn grants(&self, tx: &dyn Tx) -> Result<Vec<GrantRow>, CoreError> {
        match self {
            Self::Peer(peer) => {
                let mut rows = Vec::new();
                for agent in tx.agents()? {
                    rows.extend(tx.grants_of_pair(&agent.did, peer)?);
                }
                Ok(rows)
            }
            Self::Domain(domain) => {
                let mut rows = tx.grants(defaults::GRANTS_LISTED_MAX)?;
                rows.retain(|row| domain.covers(&row.peer));
                Ok(rows)
            }
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(did) => did.fmt(f),
            Self::Domain(domain) => write!(f, "all agents of {domain}"),
        }
    }
}
