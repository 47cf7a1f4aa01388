//! We knock: what our agents' messages wait for, asked of the peer's operator (formats §3).
//!
//! ```text
//! A: send, no grant ── knock ──> B: pending ── operator ── welcome ──> A: active, mail goes out
//!                                                      └── declined ──> A: ended, mail refused
//! either: revoke ── ended ──> the other: ended, mail cancelled
//! ```

use super::follow::decided;
use super::rules;
use crate::config::Outbound;
use crate::journey::Core;
use crate::journey::identity::Hosted;
use crate::journey::own::ContactDraft;
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::{self, First, Knock};
use comity_engine::grant::Restrictions;
use comity_engine::scope::Types;
use comity_engine::{Grant, GrantState, WaitingOn, defaults};
use comity_jose::base64url;
use comity_record::Digest;
use comity_record::entry::Outcome;
use comity_store::{GrantRow, Outgoing, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

impl Core {
    /// Knocks for held messages whose pair has no grant yet, until the node stops.
    pub(crate) async fn knock_forever(self: Arc<Self>) {
        let mut listener = self.signals.held.listen();
        loop {
            match self.knock_for_held().await {
                Ok(()) => {}
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => tracing::error!(%error, "a knock could not be made"),
            }
            listener.wait(Duration::from_secs(5)).await;
        }
    }

    async fn knock_for_held(&self) -> Result<(), CoreError> {
        let waiting = self
            .store
            .read(|tx| {
                let mut first: Vec<Outgoing> = Vec::new();
                for row in tx.held_outgoing(1_000)? {
                    let pair = first
                        .iter()
                        .any(|one| one.agent == row.agent && one.to == row.to);
                    if row.waiting_on != Some(WaitingOn::Grant) || pair {
                        continue;
                    }
                    if offered(tx, &row.agent, &row.to)?.is_none() {
                        first.push(row);
                    }
                }
                Ok::<_, CoreError>(first)
            })
            .await?;
        for row in waiting {
            let Some(agent) = self.agent_of(&row.agent) else {
                continue;
            };
            match self.knock_for(&agent, &row).await {
                Ok(()) => {}
                Err(CoreError::Store(error)) => return Err(error.into()),
                // One that cannot be made must not keep others from being made.
                Err(error) => tracing::error!(%error, to = %row.to, "no knock can be made"),
            }
        }
        Ok(())
    }

    /// Knocks for the message that waits.
    async fn knock_for(&self, agent: &Arc<Hosted>, row: &Outgoing) -> Result<(), CoreError> {
        let (offer, by) = self.offer_for(agent, row).await?;
        let first = First {
            digest: row.digest,
            type_: row.type_.to_string(),
            bytes: self.kept_bytes(row.digest).await?,
        };
        let purpose = row.purpose.clone().unwrap_or_default();
        let ask = Ask {
            to: row.to.clone(),
            offer,
            purpose,
            first: Some(first),
            invitation: None,
            expires: row.expires,
            by,
        };
        self.knock(agent, ask).await
    }

    /// Signs a knock and keeps it with the offered grant.
    pub(in crate::journey) async fn knock(
        &self,
        agent: &Arc<Hosted>,
        ask: Ask,
    ) -> Result<(), CoreError> {
        let Ask {
            to,
            offer,
            purpose,
            first,
            invitation,
            expires,
            by,
        } = ask;
        let knock = Knock {
            purpose,
            offer: offer.clone(),
            first,
            speaks: contact::SPEAKS.iter().map(ToString::to_string).collect(),
            vouches: self.vouches_for(&agent.did, &to).await?,
        };
        let id = MessageId::generate(&*self.entropy);
        let reply = ContactDraft {
            agent: Arc::clone(agent),
            to: to.clone(),
            type_: contact::KNOCK,
            thid: id.clone(),
            id,
            pthid: invitation,
            ack: None,
            expires,
            body: knock.to_body(),
        };
        let message = self.contact_row(&reply).await?;
        let (entropy, ours, peer) = (Arc::clone(&self.entropy), agent.did.clone(), to);
        self.store
            .write(move |tx| {
                let now = tx.now();
                let (ours, peer) = (ours.clone(), peer.clone());
                let offered = GrantRow {
                    decided_by: by.clone(),
                    let_in_by: by.clone(),
                    knock: Some(message.row.thid.clone()),
                    ..GrantRow::new(offer.clone(), ours, peer, GrantState::Offered, now)
                };
                tx.put_grant(&offered)?;
                decided(
                    tx,
                    &*entropy,
                    &offered,
                    Outcome::Offered,
                    Some(message.row.digest),
                )?;
                message.keep(tx)
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.outbox.raise();
        Ok(())
    }

    /// What we ask for, on top of what a live grant has already, and who decided so: the message's
    /// protocol in both directions; no more than a rule lets through, if we knock because of one.
    async fn offer_for(
        &self,
        agent: &Hosted,
        row: &Outgoing,
    ) -> Result<(Grant, String), CoreError> {
        let (ours, peer, type_) = (agent.did.clone(), row.to.clone(), row.type_.clone());
        let asks = self.site.outbound() != Outbound::Open;
        let (known, rule) = self
            .store
            .read(move |tx| {
                let known = tx.grant_between(&ours, &peer)?;
                let rule = match asks {
                    true => rules::listing(tx, &ours, &peer, &type_)?,
                    false => None,
                };
                Ok::<_, CoreError>((known, rule))
            })
            .await?;
        let known = known.filter(|known| known.state == GrantState::Active);
        let protocol = row.type_.protocol().to_string();
        let asked = Types::parse([&protocol]).map_err(|_| CoreError::Defect("no protocol"))?;
        let side = |did: &Did, most: Option<&Types>| {
            let mut types: Vec<String> = known
                .iter()
                .flat_map(|known| known.grant.types_from(did).to_vec())
                .filter(|text| *text != protocol && !text.starts_with(&format!("{protocol}/")))
                .take(defaults::GRANT_TYPES_MAX / 2)
                .collect();
            types.extend(match most {
                Some(most) => asked.intersect(most).to_vec(),
                None => asked.to_vec(),
            });
            types.truncate(defaults::GRANT_TYPES_MAX);
            types
        };
        let may = [
            side(&agent.did, rule.as_ref().map(|rule| &rule.you_may)),
            side(&row.to, rule.as_ref().map(|rule| &rule.they_may)),
        ];
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        let now = self.clock.now();
        let month = (now + defaults::GRANT_LIFETIME).seconds();
        let limits = rule.as_ref().map(|rule| Restrictions {
            deniable: false,
            untimed: false,
            ..rule.limits.clone()
        });
        let offer = Grant::new(
            [agent.did.clone(), row.to.clone()],
            may,
            rule.as_ref()
                .map_or(month, |rule| rule.end(now.seconds(), month)),
            &base64url::encode(&nonce),
            &limits.unwrap_or_default(),
        )
        .map_err(|_| CoreError::Defect("an offer that is no grant"))?;
        let by = rule.map_or_else(|| "rule:outbound".to_owned(), |rule| rule.label());
        Ok((offer, by))
    }

    async fn kept_bytes(&self, digest: Digest) -> Result<u64, CoreError> {
        self.store
            .read(move |tx| {
                // The plaintext is three quarters of the payload's base64, roughly the octets kept.
                Ok(tx
                    .message(&digest)?
                    .map_or(0, |octets| (octets.len() as u64) * 3 / 4))
            })
            .await
    }
}

/// What we ask of a peer.
#[derive(Clone, Debug)]
pub(in crate::journey) struct Ask {
    pub(in crate::journey) to: Did,
    pub(in crate::journey) offer: Grant,
    pub(in crate::journey) purpose: String,
    /// The message that waits for the answer.
    pub(in crate::journey) first: Option<First>,
    /// The invitation that we follow.
    pub(in crate::journey) invitation: Option<MessageId>,
    /// Until when the knock may be answered, UTC seconds.
    pub(in crate::journey) expires: u64,
    /// Who or what asks.
    pub(in crate::journey) by: String,
}

/// Our offer to a peer that nobody answered yet.
pub(in crate::journey) fn offered(
    tx: &dyn Tx,
    ours: &Did,
    peer: &Did,
) -> Result<Option<GrantRow>, CoreError> {
    // A wider offer may stand beside a grant, which is what counts between the two.
    let rows = tx.grants_of_pair(ours, peer)?;
    Ok(rows
        .into_iter()
        .find(|row| row.state == GrantState::Offered))
}
