//! Knocks and their answers at both ends (formats §3): `contact/1.0` on the wire.
//!
//! ```text
//! A: send, no grant ── knock ──> B: pending ── operator ── welcome ──> A: active, mail goes out
//!                                                      └── declined ──> A: ended, mail refused
//! either: revoke ── ended ──> the other: ended, mail cancelled
//! ```

use super::follow::decided;
use crate::bucket::{Buckets, Rate};
use crate::journey::Core;
use crate::journey::accept::{WireAnswer, silent};
use crate::journey::claims::{Arrival, Stop};
use crate::journey::identity::Hosted;
use crate::journey::own::ContactDraft;
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::{self, First, Knock};
use comity_engine::grant::{self, Restrictions};
use comity_engine::{Grant, GrantState, WaitingOn};
use comity_engine::{defaults, fresh};
use comity_jose::base64url;
use comity_record::Digest;
use comity_record::entry::Outcome;
use comity_store::{GrantRow, KnockRow, KnockState, Outgoing, PeerRow, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// Counted for contact messages that cannot be taken.
pub(in crate::journey) const NOT_ACCEPTABLE: &str = "contact-not-acceptable";

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
            match self.knock(&agent, &row).await {
                Ok(()) => {}
                Err(CoreError::Store(error)) => return Err(error.into()),
                // One that cannot be made must not keep others from being made.
                Err(error) => tracing::error!(%error, to = %row.to, "no knock can be made"),
            }
        }
        Ok(())
    }

    /// Signs a knock for the message that waits, and keeps it with the offered grant.
    async fn knock(&self, agent: &Arc<Hosted>, row: &Outgoing) -> Result<(), CoreError> {
        let offer = self.offer_for(agent, row).await?;
        let bytes = self.kept_bytes(row.digest).await?;
        let knock = Knock {
            purpose: row.purpose.clone().unwrap_or_default(),
            offer: offer.clone(),
            first: Some(First {
                digest: row.digest,
                type_: row.type_.to_string(),
                bytes,
            }),
            speaks: contact::SPEAKS.iter().map(ToString::to_string).collect(),
        };
        let id = MessageId::generate(&*self.entropy);
        let reply = ContactDraft {
            agent: Arc::clone(agent),
            to: row.to.clone(),
            type_: contact::KNOCK,
            thid: id.clone(),
            id,
            about: None,
            expires: row.expires,
            body: knock.to_body(),
        };
        let message = self.contact_row(&reply).await?;
        let (entropy, ours, peer) = (Arc::clone(&self.entropy), agent.did.clone(), row.to.clone());
        self.store
            .write(move |tx| {
                let now = tx.now();
                let offered = GrantRow {
                    grant: offer.clone(),
                    ours: ours.clone(),
                    peer: peer.clone(),
                    state: GrantState::Offered,
                    pin: None,
                    decided_by: "rule:outbound".to_owned(),
                    approval: None,
                    knock: Some(message.row.thid.clone()),
                    version: 1,
                    uses: 0,
                    created: now,
                    ended: None,
                    code: None,
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

    /// What we ask for: the message's protocol in both directions, on top of what a live grant
    /// has already.
    async fn offer_for(&self, agent: &Hosted, row: &Outgoing) -> Result<Grant, CoreError> {
        let (ours, peer) = (agent.did.clone(), row.to.clone());
        let known = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.grant_between(&ours, &peer)?))
            .await?
            .filter(|known| known.state == GrantState::Active);
        let protocol = row.type_.protocol().to_string();
        let side = |did: &Did| {
            let mut types: Vec<String> = known
                .iter()
                .flat_map(|known| known.grant.types_from(did).to_vec())
                .filter(|text| *text != protocol && !text.starts_with(&format!("{protocol}/")))
                .take(defaults::GRANT_TYPES_MAX - 1)
                .collect();
            types.push(protocol.clone());
            types
        };
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        let until = (self.clock.now() + defaults::GRANT_LIFETIME).seconds();
        Grant::new(
            [agent.did.clone(), row.to.clone()],
            [side(&agent.did), side(&row.to)],
            until,
            &base64url::encode(&nonce),
            &Restrictions::default(),
        )
        .map_err(|_| CoreError::Defect("an offer that is no grant"))
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

    /// A stranger knocks.
    pub(in crate::journey) async fn take_knock(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let knock = acceptable(&arrival)
            .then(|| Knock::from_body(&arrival.body()).ok())
            .flatten()
            .filter(|knock| {
                // What an operator is not shown cannot be asked for: foreign forms of mail are his
                // to grant, not a stranger's to offer.
                let asked = knock.offer.restrictions();
                *knock.offer.between() == [arrival.sender.clone(), arrival.agent.did.clone()]
                    && !asked.deniable
                    && !asked.untimed
            })
            .ok_or_else(|| silent(&arrival.sender))?;
        let (created, expires) = arrival.times();
        let now = self.clock.now();
        fresh::check(created, expires, false, now).map_err(|_| silent(&arrival.sender))?;
        let digest = arrival.digest;
        let known = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.knock(&digest)?.is_some()));
        if known.await? {
            return Ok(WireAnswer::Accepted);
        }
        if !self.knocks.take(&domain_of(&arrival.sender)) {
            return Err(Stop::Busy("knocks-over-budget"));
        }
        let row = KnockRow {
            digest: arrival.digest,
            id: arrival.id.clone(),
            sender: arrival.sender.clone(),
            recipient: arrival.agent.did.clone(),
            knock,
            document: Digest::new(arrival.document.hash()),
            kid: arrival.kid.to_string(),
            pin: grant::pin_of(&arrival.document),
            received: now,
            expires: fresh::fresh_until(created.unwrap_or_default(), expires),
            state: KnockState::Pending,
        };
        let (octets, document) = (arrival.octets.clone(), Arc::clone(&arrival.document));
        let domain = domain_of(&arrival.sender);
        let kept = self
            .store
            .write(move |tx| {
                if tx.knock(&row.digest)?.is_some() {
                    return Ok(true);
                }
                if let Some(mut before) = tx.knock_between(&row.sender, &row.recipient)? {
                    before.state = KnockState::Replaced;
                    tx.put_knock(&before)?;
                }
                let (all, of_domain) = tx.count_knocks(&domain)?;
                let room = all < defaults::KNOCKS_PENDING_MAX as u64
                    && of_domain < defaults::KNOCKS_PER_DOMAIN_MAX as u64;
                if room {
                    tx.put_message(&row.digest, &octets)?;
                    let now = tx.now().seconds();
                    tx.put_document(&row.document, &row.sender, document.octets(), now)?;
                    learn(tx, &row.sender, &row.knock.speaks)?;
                    tx.put_knock(&row)?;
                }
                Ok::<_, CoreError>(room)
            })
            .await?;
        if !kept {
            return Err(Stop::Busy("knocks-full"));
        }
        self.signals.integrated.raise();
        Ok(WireAnswer::Accepted)
    }
}

/// How many knocks are listened to. Each leaves a row, an entry and perhaps an answer, so that a
/// bound on those that wait is not enough: whoever lets his run out could knock for ever.
#[derive(Debug)]
pub(crate) struct KnockBudget {
    domains: Buckets<String>,
    all: Buckets<()>,
}

impl Default for KnockBudget {
    fn default() -> Self {
        Self {
            domains: Buckets::new(KNOCKS_OF_DOMAIN),
            all: Buckets::new(KNOCKS_OF_ALL),
        }
    }
}

impl KnockBudget {
    fn take(&self, domain: &str) -> bool {
        // Whoever has used up his own takes nothing of the others'.
        self.domains.take(domain.to_owned()) && self.all.take(())
    }
}

/// As many at once as may wait; then one a minute.
const KNOCKS_OF_DOMAIN: Rate = Rate {
    burst: defaults::KNOCKS_PER_DOMAIN_MAX as f64,
    per_second: 1.0 / 60.0,
    keys: 4_096,
};
/// Identities that carry their own keys cost nothing, and each is a domain of its own. Sustained,
/// this is 17,000 knocks a day.
const KNOCKS_OF_ALL: Rate = Rate {
    burst: 100.0,
    per_second: 0.2,
    keys: 1,
};

/// Contact messages are signed, small, and to one recipient.
pub(in crate::journey) fn acceptable(arrival: &Arrival) -> bool {
    arrival.proof_anyone
        && arrival.bytes <= defaults::CONTACT_BYTES_MAX as u64
        && arrival.recipients() == 1
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

/// Notes what a peer understands.
pub(in crate::journey) fn learn(
    tx: &mut dyn Tx,
    peer: &Did,
    speaks: &[String],
) -> Result<(), CoreError> {
    let known = tx.peer(peer)?;
    let first_seen = known
        .as_ref()
        .map_or_else(|| tx.now(), |known| known.first_seen);
    let blocked = known.is_some_and(|known| known.blocked);
    tx.put_peer(&PeerRow {
        did: peer.clone(),
        blocked,
        speaks: speaks.to_vec(),
        first_seen,
    })?;
    Ok(())
}

/// The prefix under which a sender's knocks are counted together: its host, or itself.
fn domain_of(sender: &Did) -> String {
    let text = sender.as_str();
    match text
        .strip_prefix("did:web:")
        .and_then(|rest| rest.split(':').next())
    {
        Some(host) => format!("did:web:{host}:"),
        None => text.to_owned(),
    }
}
