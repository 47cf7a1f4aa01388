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
use comity_store::{GrantRow, Standing, StandingLink, StoreError};
use comity_vouch::{
    Accepted, Chain, Expected, Honoured, Known, Refusal, StatusEntry, StatusList, Vouch, VouchError,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What was made of the vouches in a knock.
#[derive(Clone, Debug, Default)]
pub(super) struct Vouching {
    /// The chains that hold.
    pub(super) standing: Vec<Standing>,
    /// Why the others do not, in words for the operator.
    pub(super) refused: Vec<String>,
}

/// The vouches in a knock, read.
#[derive(Debug, Default)]
pub(super) struct Chains {
    could_hold: Vec<Chain>,
    refused: Vec<String>,
    facts: Facts,
}

impl Chains {
    /// True if a chain could hold: its presenter, audience and dates are right, and a rule honours
    /// whom it begins with.
    pub(super) const fn could_hold(&self) -> bool {
        !self.could_hold.is_empty()
    }
}

/// Why a chain does not hold, for the operator.
fn words(arrival: &Arrival, refusal: &Refusal) -> String {
    tracing::info!(from = %arrival.sender, %refusal, "a vouch is not honoured");
    comity_api::safe(&format!("{refusal}: {}", refusal.reason))
}

/// Who decided what was decided about a vouch.
const BY: &str = "rule:vouch";

impl Core {
    /// Reads the vouches in a knock, and says which could hold: without network and signatures.
    pub(super) async fn chains(
        &self,
        arrival: &Arrival,
        knock: &Knock,
    ) -> Result<Chains, CoreError> {
        let mut chains = Chains::default();
        if knock.vouches.is_empty() {
            return Ok(chains);
        }
        chains.facts = self.vouch_facts(arrival, knock).await?;
        for chain in &knock.vouches {
            let Some(links) = presented(&serde_json::Value::Array(chain.clone())) else {
                let unread = "a vouch that cannot be read".to_owned();
                chains.refused.push(unread);
                continue;
            };
            let expected = self.expected(arrival, &chains.facts);
            let read = Chain::read(&links).and_then(|chain| {
                chain.check(&expected)?;
                Ok(chain)
            });
            match read {
                Ok(chain) => chains.could_hold.push(chain),
                Err(refusal) => chains.refused.push(words(arrival, &refusal)),
            }
        }
        Ok(chains)
    }

    /// Verifies the chains that could hold.
    pub(super) async fn verified(
        &self,
        arrival: &Arrival,
        chains: Chains,
    ) -> Result<Vouching, CoreError> {
        let mut vouching = Vouching {
            standing: Vec::new(),
            refused: chains.refused,
        };
        for chain in &chains.could_hold {
            match self.verify_chain(arrival, chain, &chains.facts).await {
                Ok(standing) => vouching.standing.push(standing),
                Err(refusal) => {
                    if matches!(refusal.reason, VouchError::Revoked) {
                        self.note_revoked(chain, refusal.link).await?;
                    }
                    vouching.refused.push(words(arrival, &refusal));
                }
            }
        }
        Ok(vouching)
    }

    fn expected<'a>(&self, arrival: &'a Arrival, facts: &'a Facts) -> Expected<'a> {
        Expected {
            subject: &arrival.sender,
            audience: &arrival.agent.did,
            now: self.clock.now().seconds(),
            max_status_age: defaults::VOUCH_STATUS_AGE_MAX,
            honoured: &facts.honoured,
            known: facts,
        }
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
                    facts.used.insert(digest, tx.vouch_used(&digest)?);
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
        let expected = self.expected(arrival, facts);
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
    pub(crate) async fn look_at_vouches(self: &Arc<Self>) -> Result<(), CoreError> {
        let live = |row: &GrantRow| match row.state {
            GrantState::Active => true,
            GrantState::Suspended => row.code.as_ref() == Some(&Code::VOUCH_STATUS_STALE),
            GrantState::Offered | GrantState::Ended => false,
        };
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.vouched_grants()?))
            .await?;
        let now = self.clock.now().seconds();
        let rows: Vec<GrantRow> = rows
            .into_iter()
            .filter(|row| live(row) && now < row.grant.until())
            .collect();
        self.fetch_lists(&rows, now).await;
        for row in rows {
            if let Err(error) = self.look_at_grant(&row, now).await {
                let grant = row.grant.id();
                tracing::error!(%error, %grant, "what a grant stands on could not be noted");
            }
        }
        Ok(())
    }

    /// Fetches the lists that are to be looked at, some at once: one host that is down keeps
    /// nobody else waiting.
    async fn fetch_lists(self: &Arc<Self>, rows: &[GrantRow], since: u64) {
        const AT_ONCE: usize = 16;
        let links = rows.iter().filter_map(|row| row.vouched.as_ref());
        let lists: BTreeSet<String> = links
            .flat_map(|standing| &standing.links)
            .map(|link| link.list.clone())
            .collect();
        let mut fetching = JoinSet::new();
        for list in lists {
            if fetching.len() >= AT_ONCE {
                fetching.join_next().await;
            }
            let core = Arc::clone(self);
            fetching.spawn(async move { core.fetch_status(&list, since).await.is_some() });
        }
        while fetching.join_next().await.is_some() {}
    }

    async fn look_at_grant(&self, row: &GrantRow, since: u64) -> Result<(), CoreError> {
        match self.status_of(row, since).await {
            Seen::Revoked(digest) => {
                self.store
                    .write(move |tx| Ok::<_, CoreError>(tx.put_vouch_revoked(&digest)?))
                    .await?;
                self.end(row, &Code::VOUCH_REVOKED, BY).await
            }
            Seen::Holds { status_at } => self.confirm(row, status_at).await,
            Seen::Nothing => self.confirm(row, 0).await,
        }
    }

    async fn status_of(&self, row: &GrantRow, now: u64) -> Seen {
        let Some(standing) = &row.vouched else {
            return Seen::Nothing;
        };
        // One that cannot be asked about must not hide that another was revoked.
        let mut oldest = Some(u64::MAX);
        for link in &standing.links {
            match self.status_of_link(link, now).await {
                Ok(signed_at) => oldest = oldest.map(|oldest| oldest.min(signed_at)),
                Err(VouchError::Revoked) => return Seen::Revoked(link.vouch),
                Err(_) => oldest = None,
            }
        }
        oldest.map_or(Seen::Nothing, |status_at| Seen::Holds { status_at })
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
