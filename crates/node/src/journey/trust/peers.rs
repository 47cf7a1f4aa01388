//! What operators decide about parties rather than grants: block them, or let agents knock at them.

use crate::journey::Core;
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::Problem;
use comity_api::operator::Decided;
use comity_did::Did;
use comity_engine::domain::Domain;
use comity_engine::role::Act;
use comity_engine::{Code, GrantState, OutState, WaitingOn, defaults};
use comity_record::entry::Outcome;
use comity_store::{BlockRow, KnockState, Page, PeerRow};
use std::fmt;
use std::sync::Arc;

use super::Operator;
use super::decisions::denied;
use super::follow::end_grant;
use super::knocks::end_unapproved;

impl Core {
    /// Blocks a peer, or all agents of a domain: every grant with it ends, and its envelopes stop
    /// at the gate.
    ///
    /// # Errors
    /// `by` may not; the name is neither a DID, a handle nor a domain.
    pub async fn block(&self, by: &Operator, peer: &str) -> Result<Decided, Problem> {
        by.check(Act::DecideForAll)?;
        let (whom, now) = (self.whom(peer)?, self.clock.now());
        let (entropy, who) = (Arc::clone(&self.entropy), by.clone());
        let outcome = format!("blocked {whom}");
        let live = self
            .store
            .write(move |tx| {
                match &whom {
                    Whom::Domain(domain) => tx.put_block(&BlockRow {
                        domain: domain.clone(),
                        by: who.label().to_owned(),
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
                who.acts(tx, &*entropy, "block", &whom.to_string())?;
                // What waits for a decision has got one.
                for knock in tx.knocks(true, defaults::KNOCKS_LISTED_MAX)? {
                    if whom.is(&knock.sender) {
                        let knock = end_unapproved(tx, knock, KnockState::Denied)?;
                        denied(tx, &*entropy, &knock, who.label())?;
                    }
                }
                // A block and what it ends are one unit: nothing lives on if we stop in between.
                let live = match &whom {
                    Whom::Peer(did) => tx.live_grants_with(did)?,
                    Whom::Domain(_) => {
                        let mut live = tx.live_grants()?;
                        live.retain(|row| whom.is(&row.peer));
                        live
                    }
                };
                for row in &live {
                    let id = row.grant.id();
                    // One that was replaced by another's end is over already.
                    let now = tx.grant(&id, &row.ours)?;
                    let Some(row) = now.filter(|row| row.state != GrantState::Ended) else {
                        continue;
                    };
                    let (revoked, label) = (Outcome::Revoked, who.label());
                    end_grant(tx, &*entropy, row, revoked, label, &Code::REVOKED, id)?;
                }
                Ok::<_, CoreError>(live)
            })
            .await?;
        self.signals.recorded.raise();
        for row in live {
            // Whoever is blocked is told once, and heard no more.
            if let Some(told) = self.ended_message(&row, &Code::REVOKED).await? {
                self.store.write(move |tx| told.keep(tx)).await?;
            }
            self.after_decision(&row.ours);
        }
        Ok(Decided {
            outcome,
            grant: None,
        })
    }

    /// Lifts a block. Ended grants stay ended.
    ///
    /// # Errors
    /// `by` may not; the name is neither a DID, a handle nor a domain, or unknown here.
    pub async fn unblock(&self, by: &Operator, peer: &str) -> Result<Decided, Problem> {
        by.check(Act::DecideForAll)?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let whom = self.whom(peer)?;
        let outcome = format!("unblocked {whom}");
        self.store
            .write(move |tx| {
                let unknown = || {
                    CoreError::from(not_found("block of", &whom.to_string()).next("comity peer"))
                };
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
                by.acts(tx, &*entropy, "unblock", &whom.to_string())
            })
            .await?;
        self.signals.recorded.raise();
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
        let domain = domain.map_err(|error| {
            bad(format!("{}: {error}", comity_api::safe(text)))
                .next("write org-m.com, or mallory@agents.org-m.com for one agent")
        })?;
        Ok(Whom::Domain(domain))
    }

    /// Lets the node knock for a message that waits on the operator.
    ///
    /// # Errors
    /// `by` may not; there is no such held message.
    pub async fn allow(&self, by: &Operator, id: &str) -> Result<Decided, Problem> {
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
        by.check(Act::Decide(&self.name_of(&row.agent)))?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let outcome = format!("knocking at {}", row.to);
        self.store
            .write(move |tx| {
                by.acts(tx, &*entropy, "allow", row.to.as_str())?;
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
        self.signals.recorded.raise();
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
            Self::Domain(domain) => domain.bars(did),
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
