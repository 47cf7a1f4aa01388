//! Vouches that strangers present (ADR 8): verified as far as a rule honours them, and looked at
//! again as long as a grant stands on them.
//!
//! A revocation elsewhere is felt when the issuer's status list is fetched: every few minutes while
//! its node can be reached. Where it cannot, a grant is suspended once the newest status that we
//! have is older than [`VOUCH_STATUS_AGE_MAX`](defaults::VOUCH_STATUS_AGE_MAX), and goes on when
//! there is a fresh one.

use super::follow::decided;
use super::holding::presented;
use super::rules::live_rules;
use crate::journey::Core;
use crate::journey::claims::Arrival;
use crate::journey::trouble::CoreError;
use crate::resolve::Lane;
use comity_did::{Did, DidDocument};
use comity_engine::contact::Knock;
use comity_engine::policy::Who;
use comity_engine::scope::Types;
use comity_engine::{Code, GrantState, defaults};
use comity_record::Digest;
use comity_record::entry::Outcome;
use comity_store::{GrantRow, Standing, StandingLink, StoreError, Tx};
use comity_vouch::{
    Accepted, Chain, Expected, Honoured, Known, Refusal, StatusEntry, StatusList, Vouch, VouchError,
};
use std::collections::HashMap;
use std::sync::Arc;

/// What was made of the vouches in a knock.
#[derive(Clone, Debug, Default)]
pub(super) struct Vouching {
    /// The chains that hold.
    pub(super) standing: Vec<Standing>,
    /// Why the others do not, in words for the operator.
    pub(super) refused: Vec<String>,
}

/// Who decided what was decided about a vouch.
const BY: &str = "rule:vouch";

impl Core {
    /// Verifies the vouches in a knock. What no rule honours costs nothing but its reading.
    pub(super) async fn vouching(
        &self,
        arrival: &Arrival,
        knock: &Knock,
    ) -> Result<Vouching, CoreError> {
        let mut vouching = Vouching::default();
        if knock.vouches.is_empty() {
            return Ok(vouching);
        }
        let facts = self.vouch_facts(arrival, knock).await?;
        for chain in &knock.vouches {
            let read = presented(&serde_json::Value::Array(chain.clone()));
            let Some(links) = read else {
                vouching
                    .refused
                    .push("a vouch that cannot be read".to_owned());
                continue;
            };
            let verified = match Chain::read(&links) {
                Ok(chain) => self.verify_chain(arrival, &chain, &facts).await,
                Err(refusal) => Err(refusal),
            };
            match verified {
                Ok(standing) => vouching.standing.push(standing),
                Err(refusal) => {
                    tracing::info!(from = %arrival.sender, %refusal, "a vouch is not honoured");
                    if matches!(refusal.reason, VouchError::Revoked)
                        && let Ok(chain) = Chain::read(&links)
                    {
                        self.note_revoked(&chain, refusal.link).await?;
                    }
                    let why = format!("{refusal}: {}", refusal.reason);
                    vouching.refused.push(comity_api::safe(&why));
                }
            }
        }
        Ok(vouching)
    }

    async fn vouch_facts(&self, arrival: &Arrival, knock: &Knock) -> Result<Facts, CoreError> {
        let ours = arrival.agent.did.clone();
        let digests: Vec<Digest> = knock
            .vouches
            .iter()
            .flatten()
            .filter_map(|link| Vouch::read(link.get("vouch")?.as_str()?).ok())
            .map(|vouch| vouch.digest())
            .collect();
        self.store
            .read(move |tx| {
                let mut honoured: Vec<Honoured> = Vec::new();
                for row in live_rules(tx)? {
                    let Who::VouchedBy(issuer) = &row.rule.who else {
                        continue;
                    };
                    if row.rule.is_about(&ours) {
                        honoured.push(Honoured {
                            issuer: issuer.clone(),
                            scope: both(&row.rule.they_may, &row.rule.you_may),
                            depth: row.rule.depth,
                        });
                    }
                }
                let mut facts = Facts {
                    honoured,
                    ..Facts::default()
                };
                for digest in digests {
                    if tx.is_vouch_revoked(&digest)? {
                        facts.revoked.push(digest);
                    }
                    facts.used.insert(digest, used(tx, &digest)?);
                }
                Ok(facts)
            })
            .await
    }

    async fn verify_chain(
        &self,
        arrival: &Arrival,
        chain: &Chain,
        facts: &Facts,
    ) -> Result<Standing, Refusal> {
        let expected = Expected {
            subject: &arrival.sender,
            audience: &arrival.agent.did,
            now: self.clock.now().seconds(),
            max_status_age: defaults::VOUCH_STATUS_AGE_MAX,
            honoured: &facts.honoured,
            known: facts,
        };
        let mut documents: HashMap<Did, Arc<DidDocument>> = HashMap::new();
        loop {
            let verified = chain.verify(&expected, &|did| documents.get(did).cloned());
            let refusal = match verified {
                Ok(accepted) => return Ok(standing(chain, &accepted)),
                Err(refusal) => refusal,
            };
            let VouchError::Unresolved(did) = &refusal.reason else {
                return Err(refusal);
            };
            if documents.contains_key(did) {
                return Err(refusal);
            }
            // The first is honoured by name; those after it only by its word.
            let lane = match refusal.link {
                0 => Lane::Known,
                _ => Lane::Stranger,
            };
            match self.resolver.resolve(did, lane).await {
                Ok(document) => documents.insert(did.clone(), document),
                Err(_) => return Err(refusal),
            };
        }
    }

    async fn note_revoked(&self, chain: &Chain, link: usize) -> Result<(), CoreError> {
        let Some(digest) = chain.vouches().nth(link).map(Vouch::digest) else {
            return Ok(());
        };
        self.store
            .write(move |tx| Ok::<_, CoreError>(tx.put_vouch_revoked(&digest)?))
            .await
    }

    /// Looks at the status of what grants stand on, until the node stops.
    pub(crate) async fn watch_vouches_forever(self: Arc<Self>) {
        loop {
            match self.look_at_vouches().await {
                Ok(()) => {}
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => tracing::error!(%error, "vouches could not be looked at"),
            }
            tokio::time::sleep(self.site.vouch_look()).await;
        }
    }

    /// Ends the grants whose vouches were revoked; suspends those whose status is no longer known.
    pub(crate) async fn look_at_vouches(&self) -> Result<(), CoreError> {
        let live = |row: &GrantRow| match row.state {
            GrantState::Active => true,
            GrantState::Suspended => row.code.as_ref() == Some(&Code::VOUCH_STATUS_STALE),
            GrantState::Offered | GrantState::Ended => false,
        };
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.vouched_grants()?))
            .await?;
        for row in rows.into_iter().filter(live) {
            match self.status_of(&row).await {
                Seen::Revoked(digest) => {
                    self.store
                        .write(move |tx| Ok::<_, CoreError>(tx.put_vouch_revoked(&digest)?))
                        .await?;
                    self.end(&row, &Code::VOUCH_REVOKED, BY).await?;
                }
                Seen::Holds { status_at } => self.confirm(&row, status_at).await?,
                Seen::Nothing => self.confirm(&row, 0).await?,
            }
        }
        Ok(())
    }

    async fn status_of(&self, row: &GrantRow) -> Seen {
        let Some(standing) = &row.vouched else {
            return Seen::Nothing;
        };
        let now = self.clock.now().seconds();
        let mut oldest = u64::MAX;
        for link in &standing.links {
            match self.status_of_link(link, now).await {
                Ok(signed_at) => oldest = oldest.min(signed_at),
                Err(VouchError::Revoked) => return Seen::Revoked(link.vouch),
                Err(_) => return Seen::Nothing,
            }
        }
        Seen::Holds { status_at: oldest }
    }

    async fn status_of_link(&self, link: &StandingLink, now: u64) -> Result<u64, VouchError> {
        let vouch = link.vouch;
        let known = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.is_vouch_revoked(&vouch)?));
        if known.await.unwrap_or(false) {
            return Err(VouchError::Revoked);
        }
        let entry = StatusEntry::new(&link.list, link.index).ok_or(VouchError::StatusMissing)?;
        let text = self.fetch_status(&link.list, now).await;
        let list = StatusList::read(&text.ok_or(VouchError::StatusMissing)?)?;
        let document = self.resolver.resolve(&link.issuer, Lane::Known).await;
        let document = document.map_err(|_| VouchError::Unresolved(link.issuer.clone()))?;
        let age = defaults::VOUCH_STATUS_AGE_MAX;
        entry.check(&list, &link.issuer, &document, now, age)
    }

    /// Notes when a grant's vouches were confirmed last, and lets it go on or suspends it by that.
    async fn confirm(&self, row: &GrantRow, status_at: u64) -> Result<(), CoreError> {
        let (id, ours, entropy) = (row.grant.id(), row.ours.clone(), Arc::clone(&self.entropy));
        let changed = self
            .store
            .write(move |tx| {
                let Some(mut row) = tx.grant(&id, &ours)? else {
                    return Ok(false);
                };
                let Some(standing) = row.vouched.as_mut() else {
                    return Ok(false);
                };
                let newer = status_at > standing.status_at;
                standing.status_at = standing.status_at.max(status_at);
                let until = row.vouched_until().unwrap_or(0);
                let confirmed = tx.now().seconds() < until;
                let stale = row.code.as_ref() == Some(&Code::VOUCH_STATUS_STALE);
                let outcome = match (row.state, confirmed) {
                    (GrantState::Active, false) => Outcome::Suspended,
                    (GrantState::Suspended, true) if stale => Outcome::Approved,
                    _ if newer => {
                        tx.put_grant(&row)?;
                        return Ok(false);
                    }
                    _ => return Ok(false),
                };
                let suspended = outcome == Outcome::Suspended;
                row.state = if suspended {
                    GrantState::Suspended
                } else {
                    GrantState::Active
                };
                row.code = suspended.then_some(Code::VOUCH_STATUS_STALE);
                row.version += 1;
                tx.put_grant(&row)?;
                let noted = GrantRow {
                    decided_by: BY.to_owned(),
                    ..row
                };
                decided(tx, &*entropy, &noted, outcome, None)?;
                Ok::<_, CoreError>(true)
            })
            .await?;
        if changed {
            self.after_decision(&row.ours);
        }
        Ok(())
    }
}

/// What the status lists say now.
enum Seen {
    Revoked(Digest),
    Holds { status_at: u64 },
    Nothing,
}

/// What is remembered of the vouches in a knock, and what is honoured.
#[derive(Debug, Default)]
struct Facts {
    honoured: Vec<Honoured>,
    revoked: Vec<Digest>,
    used: HashMap<Digest, u64>,
}

impl Known for Facts {
    fn is_revoked(&self, vouch: &Digest) -> bool {
        self.revoked.contains(vouch)
    }

    fn used(&self, vouch: &Digest) -> u64 {
        self.used.get(vouch).copied().unwrap_or_default()
    }
}

/// Messages that were accepted on the strength of a vouch, in whatever chain it stood.
pub(super) fn used(tx: &dyn Tx, vouch: &Digest) -> Result<u64, CoreError> {
    let stands = |row: &&GrantRow| {
        let links = row.vouched.iter().flat_map(|standing| &standing.links);
        links.into_iter().any(|link| link.vouch == *vouch)
    };
    Ok(tx
        .vouched_grants()?
        .iter()
        .filter(stands)
        .map(|row| row.uses)
        .sum())
}

fn both(one: &Types, two: &Types) -> Types {
    let texts: Vec<&str> = one.iter().chain(two.iter()).collect();
    Types::parse(texts).unwrap_or_default()
}

fn standing(chain: &Chain, accepted: &Accepted) -> Standing {
    let links = accepted.links.iter().zip(chain.vouches());
    let mut types = Types::default();
    for (n, vouch) in chain.vouches().enumerate() {
        let may = &vouch.claims().may;
        types = if n == 0 {
            may.clone()
        } else {
            types.intersect(may)
        };
    }
    Standing {
        links: links
            .map(|(link, vouch)| StandingLink {
                vouch: link.digest,
                issuer: link.issuer.clone(),
                list: link.status.url().to_owned(),
                index: link.status.index(),
                uses: vouch.claims().uses,
            })
            .collect(),
        types,
        until: accepted.until,
        status_at: accepted.status_at,
    }
}
