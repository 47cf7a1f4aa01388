//! Vouches that our agents hold: taken from whoever vouched, kept fresh, and presented with a knock.

use crate::journey::Core;
use crate::journey::accept::{WireAnswer, silent};
use crate::journey::claims::{Arrival, Stop};
use crate::journey::trouble::{CoreError, bad};
use crate::resolve::Lane;
use comity_api::Problem;
use comity_api::vouch::{HeldVouch, ImportVouch};
use comity_did::Did;
use comity_engine::role::Act;
use comity_engine::{GrantState, defaults, fresh};
use comity_store::HeldRow;
use comity_vouch::{Chain, Presented, StatusList, Vouch};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

use super::Operator;
use super::knocks::acceptable;

/// Status lists of others as last fetched, by address: when, and what; nothing if they could not be
/// had.
#[derive(Debug, Default)]
pub(crate) struct Fetched(Mutex<HashMap<String, Tried>>);

type Tried = (u64, Option<Arc<str>>);

/// Lists that are remembered at once.
const FETCHED_MAX: usize = 1_024;
/// How long one that could not be had is not tried again, seconds.
const UNTRIED: u64 = 60;
/// How long a knock waits for the statuses of all that it presents.
const STAPLING: Duration = Duration::from_secs(5);
/// Of the chains that an agent holds, those that one sender may have put there.
const HELD_OF_SENDER: usize = 8;

impl Core {
    /// Somebody whom we work with vouches for our agent.
    pub(in crate::journey) async fn take_vouch(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let refused = || silent(&arrival.sender);
        let (created, expires) = arrival.times();
        let now = self.clock.now();
        fresh::check(created, expires, false, now).map_err(|_| refused())?;
        let body = arrival.body();
        let held = acceptable(&arrival)
            .then(|| {
                body.get("chain")
                    .and_then(|chain| read_held(chain, now.seconds()))
            })
            .flatten()
            .filter(|held| {
                let issuer = held.row.issuers.last();
                held.row.subject == arrival.agent.did && issuer == Some(&arrival.sender)
            })
            .ok_or_else(refused)?;
        let (ours, peer) = (arrival.agent.did.clone(), arrival.sender.clone());
        let kept = self
            .store
            .write(move |tx| {
                let live = tx.grant_between(&ours, &peer)?;
                let live = live.is_some_and(|row| row.state == GrantState::Active);
                if !live || tx.is_blocked(&peer)? {
                    return Ok(false);
                }
                keep(tx, &held.row)?;
                Ok::<_, CoreError>(true)
            })
            .await?;
        if kept {
            Ok(WireAnswer::Accepted)
        } else {
            Err(refused())
        }
    }

    /// Takes a vouch that came another way: as a file, by mail.
    ///
    /// # Errors
    /// It is none, it is over, or it is for nobody here.
    pub async fn import_vouch(
        &self,
        by: &Operator,
        import: ImportVouch,
    ) -> Result<HeldVouch, Problem> {
        let now = self.clock.now().seconds();
        let held = read_held(&import.chain, now).ok_or_else(|| {
            bad("this is no chain of vouches, or it is over")
                .detail("what `comity vouch show ID --json` has under `chain` is one")
                .next("at theirs: comity vouch show ID --json > vouch.json")
        })?;
        let Some(agent) = self.agent_of(&held.row.subject) else {
            let whom = &held.row.subject;
            return Err(bad(format!(
                "it vouches for {whom}, which is no agent of this node"
            )));
        };
        by.check(Act::Decide(&agent.name))?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let (row, shown) = (held.row.clone(), shown(&held.row));
        self.store
            .write(move |tx| {
                keep(tx, &row)?;
                by.acts(tx, &*entropy, "vouch-import", row.subject.as_str())
            })
            .await?;
        self.signals.recorded.raise();
        Ok(shown)
    }

    /// Vouches that our agents hold, oldest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn held_vouches(&self) -> Result<Vec<HeldVouch>, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.held(None)?))
            .await?;
        Ok(rows.iter().map(shown).collect())
    }

    /// What our agent presents to this peer: chains that are for it, each link with the newest
    /// status that can be had. One whose issuer does not answer is presented with what we have, or
    /// not at all: without a status it counts for nothing.
    pub(super) async fn vouches_for(
        &self,
        agent: &Did,
        to: &Did,
    ) -> Result<Vec<Vec<Value>>, CoreError> {
        let (subject, now) = (agent.clone(), self.clock.now().seconds());
        let held = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.held(Some(&subject))?))
            .await?;
        let mut chains = Vec::new();
        let deadline = Instant::now() + STAPLING;
        // The newest are the likeliest to be meant.
        for row in held.into_iter().rev().filter(|row| now < row.until) {
            if chains.len() == defaults::VOUCH_CHAINS_MAX {
                break;
            }
            let Some(mut links) = presented(&row.chain) else {
                continue;
            };
            let is_for = |link: &Presented| {
                Vouch::read(&link.vouch).is_ok_and(|vouch| vouch.claims().is_for(to))
            };
            if !links.iter().all(is_for) {
                continue;
            }
            // Whoever vouches says where to ask: a host that does not answer must not keep us.
            let staple = async {
                for link in &mut links {
                    self.staple(link, now).await;
                }
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, staple).await.is_err() {
                continue;
            }
            if links.iter().any(|link| link.status.is_none()) {
                tracing::info!(%to, "a vouch is not presented: its status cannot be had");
                continue;
            }
            let chain = serde_json::to_value(&links);
            let chain = chain.map_err(|_| CoreError::Defect("a chain that is no JSON"))?;
            if let Value::Array(links) = &chain {
                chains.push(links.clone());
            }
            let kept = HeldRow { chain, ..row };
            self.store
                .write(move |tx| Ok::<_, CoreError>(tx.put_held(&kept)?))
                .await?;
        }
        Ok(chains)
    }

    /// Puts the newest status that can be had to a link.
    async fn staple(&self, link: &mut Presented, now: u64) {
        let Ok(vouch) = Vouch::read(&link.vouch) else {
            return;
        };
        let since = now.saturating_sub(defaults::STATUS_FRESH.as_secs());
        if let Some(status) = self.fetch_status(vouch.claims().status.url(), since).await {
            link.status = Some(status.to_string());
        }
        let old = |status: &String| {
            let list = StatusList::read(status).ok();
            let age = defaults::VOUCH_STATUS_AGE_MAX.as_secs();
            list.is_none_or(|list| list.signed_at() + age <= now)
        };
        if link.status.as_ref().is_some_and(old) {
            link.status = None;
        }
    }

    /// A status list of somebody's, fetched at `since` (UTC seconds) or later.
    pub(super) async fn fetch_status(&self, url: &str, since: u64) -> Option<Arc<str>> {
        let known = {
            let fetched = self
                .fetched
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            fetched.get(url).cloned()
        };
        let now = self.clock.now().seconds();
        match known {
            Some((at, Some(text))) if (since..=now).contains(&at) => return Some(text),
            Some((at, None)) if (now.saturating_sub(UNTRIED)..=now).contains(&at) => return None,
            _ => {}
        }
        let text: Option<Arc<str>> = match self.http.status_list(url, Lane::Known).await {
            Ok(octets) => std::str::from_utf8(&octets)
                .ok()
                .map(str::trim)
                .filter(|text| StatusList::read(text).is_ok())
                .map(Arc::from),
            Err(error) => {
                tracing::debug!(url, %error, "a status list cannot be fetched");
                None
            }
        };
        let mut fetched = self
            .fetched
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if fetched.len() >= FETCHED_MAX {
            fetched.clear();
        }
        fetched.insert(url.to_owned(), (now, text.clone()));
        text
    }
}

struct Held {
    row: HeldRow,
}

/// Reads a chain of vouches for somebody of ours. Nothing is proved here: whoever it is presented to
/// does that.
fn read_held(chain: &Value, now: u64) -> Option<Held> {
    let links = presented(chain)?;
    let read = Chain::read(&links).ok()?;
    let vouches: Vec<&Vouch> = read.vouches().collect();
    let last = vouches.last()?;
    let joined = vouches.iter().zip(vouches.iter().skip(1));
    let mut joined = joined.map(|(one, next)| one.claims().subject == next.claims().issuer);
    let until = vouches
        .iter()
        .map(|vouch| vouch.claims().valid_until)
        .min()?;
    if until <= now || !joined.all(|joined| joined) {
        return None;
    }
    let mut may = last.claims().may.clone();
    for vouch in &vouches {
        may = may.intersect(&vouch.claims().may);
    }
    let row = HeldRow {
        digest: last.digest(),
        subject: last.claims().subject.clone(),
        issuers: vouches
            .iter()
            .map(|vouch| vouch.claims().issuer.clone())
            .collect(),
        chain: chain.clone(),
        may,
        audience: last.claims().audience.clone(),
        until,
        received: comity_engine::Timestamp::from_seconds(now),
    };
    Some(Held { row })
}

/// Links as they are carried.
pub(super) fn presented(chain: &Value) -> Option<Vec<Presented>> {
    serde_json::from_value(chain.clone()).ok()
}

/// Keeps a chain; the oldest gives way when there are too many.
fn keep(tx: &mut dyn comity_store::Tx, row: &HeldRow) -> Result<(), CoreError> {
    let now = tx.now().seconds();
    let held = tx.held(Some(&row.subject))?;
    for over in held.iter().filter(|held| held.until <= now) {
        tx.remove_held(&over.digest)?;
    }
    let left = held
        .iter()
        .filter(|held| held.until > now && held.digest != row.digest);
    let left: Vec<&HeldRow> = left.collect();
    // Whoever sends many displaces his own, not what others said.
    let same = |held: &&&HeldRow| held.issuers.last() == row.issuers.last();
    let of_sender = left.iter().filter(same).count() >= HELD_OF_SENDER;
    let full = left.len() >= defaults::VOUCHES_HELD_MAX;
    let oldest = match (of_sender, full) {
        (true, _) => left.iter().find(same),
        (false, true) => left.first(),
        (false, false) => None,
    };
    if let Some(oldest) = oldest {
        tx.remove_held(&oldest.digest)?;
    }
    tx.put_held(row)?;
    Ok(())
}

fn shown(row: &HeldRow) -> HeldVouch {
    HeldVouch {
        id: row.digest.to_string(),
        subject: row.subject.to_string(),
        issuers: row.issuers.iter().map(ToString::to_string).collect(),
        may: row.may.to_vec(),
        audience: row.audience.iter().map(ToString::to_string).collect(),
        until: row.until,
        received: row.received.seconds(),
    }
}
