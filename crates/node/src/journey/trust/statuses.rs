//! Status lists of our agents: which of their vouches were revoked, signed anew every few minutes.
//!
//! Anybody may ask for them at any time, so a list is signed once and kept until it is no longer
//! fresh or one of its vouches is revoked.

use crate::journey::Core;
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_engine::defaults;
use comity_jose::SignatureAlgorithm;
use comity_vouch::{StatusBits, StatusListDraft, limits};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Status lists of our agents as last signed.
#[derive(Debug, Default)]
pub(crate) struct StatusLists(Mutex<Signed>);

#[derive(Debug, Default)]
struct Signed {
    /// By agent and number: when the list was signed, UTC seconds, and the list.
    lists: HashMap<(Did, u32), (u64, Arc<str>)>,
    /// How often a vouch was revoked.
    revocations: u64,
}

impl StatusLists {
    /// The list, if it is fresh at `now`, UTC seconds.
    fn fresh(&self, agent: &Did, number: u32, now: u64) -> Option<Arc<str>> {
        let signed = self.lock();
        let (signed_at, text) = signed.lists.get(&(agent.clone(), number))?;
        let fresh = *signed_at..signed_at + defaults::STATUS_FRESH.as_secs();
        fresh.contains(&now).then(|| Arc::clone(text))
    }

    /// What [`StatusLists::keep`] wants to know; to be asked before the list's vouches are read.
    fn revocations(&self) -> u64 {
        self.lock().revocations
    }

    /// Keeps a list, unless a vouch was revoked since its vouches were read: it might be there as
    /// one that holds.
    fn keep(&self, agent: &Did, number: u32, read_at: u64, signed_at: u64, text: &Arc<str>) {
        let mut signed = self.lock();
        if signed.revocations == read_at {
            let list = (signed_at, Arc::clone(text));
            signed.lists.insert((agent.clone(), number), list);
        }
    }

    /// A vouch in this list was revoked; to be said after the store knows.
    pub(super) fn revoked(&self, agent: &Did, number: u32) {
        let mut signed = self.lock();
        signed.revocations += 1;
        signed.lists.remove(&(agent.clone(), number));
    }

    fn lock(&self) -> MutexGuard<'_, Signed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// The status list of an agent, signed not long ago; `None` if there is none of that number.
    pub(crate) async fn status_list(
        &self,
        agent: &str,
        number: u32,
    ) -> Result<Option<Arc<str>>, CoreError> {
        let Some(agent) = self.agent_named(agent) else {
            return Ok(None);
        };
        let now = self.clock.now().seconds();
        if let Some(text) = self.statuses.fresh(&agent.did, number, now) {
            return Ok(Some(text));
        }
        let (owner, read_at) = (agent.did.clone(), self.statuses.revocations());
        let places = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.places_of_list(&owner, number)?))
            .await?;
        if places.is_empty() {
            return Ok(None);
        }
        let mut bits = StatusBits::new();
        for (place, _) in places.into_iter().filter(|(_, revoked)| *revoked) {
            let set = bits.set(place);
            set.map_err(|_| CoreError::Defect("an index beyond its list"))?;
        }
        let draft = StatusListDraft {
            issuer: agent.did.clone(),
            url: self.list_url(&agent.name, number),
            signed_at: now,
            valid_until: now + defaults::STATUS_LIFETIME.as_secs(),
            bits,
        };
        let unsigned = draft
            .prepare(&agent.signing_kid, SignatureAlgorithm::EdDsa)
            .map_err(|_| CoreError::Defect("a status list that cannot be made"))?;
        let signature = self
            .sign_with(&agent.signing_kid, unsigned.octets())
            .await?;
        let list = unsigned
            .finish(&signature)
            .map_err(|_| CoreError::Defect("a status list that grew"))?;
        let text: Arc<str> = Arc::from(list.as_str());
        self.statuses.keep(&agent.did, number, read_at, now, &text);
        Ok(Some(text))
    }

    /// A free place for a new vouch: the number of its list, and one in it that tells nothing of
    /// how many there are, and in which order.
    pub(super) async fn free_place(&self, issuer: &Did) -> Result<(u32, u32), CoreError> {
        let owner = issuer.clone();
        let (list, taken) = self
            .store
            .read(move |tx| {
                let list = tx.last_list(&owner)?.unwrap_or(1);
                Ok::<_, CoreError>((list, tx.places_of_list(&owner, list)?))
            })
            .await?;
        let (list, taken) = match taken.len() {
            n if n >= limits::LIST_ENTRIES => (list + 1, Vec::new()),
            _ => (list, taken),
        };
        let bits = u64::try_from(limits::LIST_BITS_MIN).unwrap_or(u64::MAX);
        loop {
            let place = u32::try_from(self.random() % bits).unwrap_or_default();
            if taken.iter().all(|(taken, _)| *taken != place) {
                return Ok((list, place));
            }
        }
    }

    pub(super) async fn sign_with(
        &self,
        kid: &comity_did::DidUrl,
        octets: &[u8],
    ) -> Result<Vec<u8>, CoreError> {
        use crate::custody::Signer;
        Ok(self.custody.sign(kid, octets).await?)
    }

    pub(super) fn list_url(&self, agent: &str, number: u32) -> String {
        format!("{}/{agent}/status/{number}", self.site.base_url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_was_read_before_a_revocation_is_not_kept_after_it() {
        let lists = StatusLists::default();
        let aria: Did = "did:web:agents.org-a.test:aria".parse().unwrap();
        let kept = |now| lists.fresh(&aria, 1, now).is_some();
        let read_at = lists.revocations();
        lists.keep(&aria, 1, read_at, 100, &Arc::from("list"));
        let lasts = defaults::STATUS_FRESH.as_secs();
        assert!(kept(100) && kept(99 + lasts));
        assert!(!kept(99) && !kept(100 + lasts), "it is fresh for its time");
        let read_at = lists.revocations();
        lists.revoked(&aria, 1);
        assert!(!kept(100));
        lists.keep(&aria, 1, read_at, 100, &Arc::from("list"));
        assert!(!kept(100), "it may say that the revoked one holds");
        lists.keep(&aria, 1, lists.revocations(), 100, &Arc::from("list"));
        assert!(kept(100));
    }
}
