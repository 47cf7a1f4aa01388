//! Chains of vouches: from somebody whom the verifier honours to whoever presents them.
//!
//! ```text
//! Chain::read(presented)? ─> check(expected)? ─> verify(expected, documents)? ─> Accepted
//!                                                 ▲          │
//!                                                 └─ resolve ◄─ Unresolved(did)
//! ```
//!
//! `check` needs no network, no signature and no expansion: what it refuses, a stranger could not
//! have had honoured by any document. Everything in a chain can only narrow: a link that says more
//! than the one before gives no more.

use std::sync::Arc;
use std::time::Duration;

use comity_did::{Did, DidDocument, DidUrl};
use comity_engine::scope::Types;
use comity_record::Digest;
use serde::{Deserialize, Serialize};

use crate::credential;
use crate::error::{FormError, Refusal, VouchError};
use crate::limits;
use crate::status::{StatusEntry, StatusList};
use crate::vouch::Vouch;

/// One link as it is carried: `{"vouch":"…","status":"…"}`, two compact JWS.
///
/// The presenter staples the status, so that a verifier asks nobody and no issuer learns who is
/// introduced to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// The vouch.
    pub vouch: String,
    /// The newest status list that the presenter could get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What an operator honours: vouches made by one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Honoured {
    /// Who must have made the first vouch of a chain.
    pub issuer: Did,
    /// What may be spoken at most on the strength of it.
    pub scope: Types,
    /// How many links may follow the first: 0 honours only whom the issuer itself introduces.
    pub depth: u8,
}

/// What a verifier knows when a chain comes in.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The proved sender: who must be the subject of the last vouch.
    pub subject: &'a Did,
    /// The agent of ours that is addressed.
    pub audience: &'a Did,
    /// UTC seconds.
    pub now: u64,
    /// How long ago a status list may have been signed at most. Older ones count for nothing.
    pub max_status_age: Duration,
    /// What is honoured here; of several entries for one issuer the first that fits counts.
    pub honoured: &'a [Honoured],
    /// What is remembered of vouches.
    pub known: &'a (dyn Known + Sync),
}

/// What a verifier remembers of vouches, by their digest.
pub trait Known {
    /// Whether the vouch was ever seen revoked, or an operator here gave it up. Revocation has no
    /// way back: an older list that is fresh enough does not undo it.
    fn is_revoked(&self, vouch: &Digest) -> bool;

    /// How many messages were accepted on the strength of the vouch, in whatever chain it stood.
    fn used(&self, vouch: &Digest) -> u64;
}

/// A verifier that remembers nothing.
impl Known for () {
    fn is_revoked(&self, _: &Digest) -> bool {
        false
    }

    fn used(&self, _: &Digest) -> u64 {
        0
    }
}

/// A chain that was read: 1 to [`limits::CHAIN_LINKS`] vouches, nothing of it verified.
#[derive(Clone, Debug)]
pub struct Chain {
    links: Vec<Link>,
}

#[derive(Clone, Debug)]
struct Link {
    vouch: Vouch,
    status: Option<String>,
}

/// A chain that holds, and all that follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The vouches, from the root.
    pub links: Vec<AcceptedLink>,
    /// Which entry of [`Expected::honoured`] it rests on.
    pub honoured: usize,
    /// What may be spoken: what all vouches and the verifier have in common. Never empty.
    pub types: Types,
    /// How many messages may still be accepted; `None` if no vouch says. Never 0.
    pub uses: Option<u64>,
    /// The earliest end of all vouches, UTC seconds.
    pub until: u64,
    /// When the oldest of the status lists was signed, UTC seconds. Past `status_at` and the greatest
    /// age allowed the chain holds only with newer ones.
    pub status_at: u64,
    /// How many further links the chain would bear, by its vouches and by the verifier.
    pub depth: u8,
}

/// One vouch of an accepted chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedLink {
    /// Its digest: what records and approvals name it by.
    pub digest: Digest,
    /// Who vouched.
    pub issuer: Did,
    /// For whom.
    pub subject: Did,
    /// The key that signed.
    pub kid: DidUrl,
    /// What for, in the issuer's words: a peer's text.
    pub purpose: String,
    /// Where its revocation shows, to look again later.
    pub status: StatusEntry,
    /// When its status list was signed, UTC seconds.
    pub status_at: u64,
}

/// What follows from a chain if its signatures and statuses hold.
struct Outcome {
    honoured: usize,
    types: Types,
    uses: Option<u64>,
    until: u64,
    depth: u8,
}

impl Chain {
    /// Reads what was presented, the root first. Of the statuses only the length is looked at yet.
    ///
    /// # Errors
    /// [`VouchError::ChainLength`], what [`Vouch::read`] refuses, or a status that is too long.
    pub fn read(presented: &[Presented]) -> Result<Self, Refusal> {
        let found = presented.len();
        if !(1..=limits::CHAIN_LINKS).contains(&found) {
            return Err(Refusal::at(0)(VouchError::ChainLength { found }));
        }
        let links = presented.iter().enumerate().map(|(at, presented)| {
            let vouch = Vouch::read(&presented.vouch).map_err(Refusal::at(at))?;
            let status = presented.status.as_deref();
            let limit = limits::STATUS_BYTES;
            if status.is_some_and(|status| status.len() > limit) {
                let reason = VouchError::StatusMalformed(FormError::TooLong { limit });
                return Err(Refusal::at(at)(reason));
            }
            let status = status.map(str::to_owned);
            Ok(Link { vouch, status })
        });
        let links = links.collect::<Result<_, Refusal>>()?;
        Ok(Self { links })
    }

    /// The vouches, from the root.
    pub fn vouches(&self) -> impl Iterator<Item = &Vouch> {
        self.links.iter().map(|link| &link.vouch)
    }

    /// Says whether the chain could hold at all, before anything is resolved: everything that
    /// [`Chain::verify`] asks for but documents, signatures and the bits of the status lists.
    ///
    /// # Errors
    /// The first reason against it. Nothing may be concluded from its absence.
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        self.prospect(expected).map(drop)
    }

    /// Verifies the chain.
    ///
    /// The presenter is the subject of the last vouch; the issuer of each is the subject of the one
    /// before; the first issuer is honoured; every vouch names this verifier, is within its dates and
    /// signed with a key that its issuer's document lists under `assertionMethod`; every status is
    /// there, of that issuer and list, fresh, and says that nothing was revoked; no DID comes twice.
    ///
    /// `documents` gives the document of a DID, as fresh and as pinned as the verifier wants it. It is
    /// asked for one only when every link before is proved. A verifier that has to go to the network
    /// gives what it has, resolves the DID that [`VouchError::Unresolved`] names, and calls again: so
    /// only those are looked up whom somebody honoured vouched for, himself or through others.
    ///
    /// # Errors
    /// [`Refusal`] with one variant of [`VouchError`] for each rule.
    ///
    /// # Security
    /// Don't resolve all issuers beforehand: whoever wrote the chain chose those in its middle.
    pub fn verify(
        &self,
        expected: &Expected<'_>,
        documents: &dyn Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<Accepted, Refusal> {
        let (outcome, lists) = self.prospect(expected)?;
        let links = self.links.iter().zip(&lists).enumerate();
        let links = links.map(|(at, (link, list))| {
            link.verify(list, expected, documents)
                .map_err(Refusal::at(at))
        });
        let links = links.collect::<Result<Vec<_>, Refusal>>()?;
        Ok(Accepted {
            status_at: links.iter().map(|link| link.status_at).min().unwrap_or(0),
            links,
            honoured: outcome.honoured,
            types: outcome.types,
            uses: outcome.uses,
            until: outcome.until,
            depth: outcome.depth,
        })
    }

    /// What would follow, and the status lists, which are not verified yet.
    fn prospect(&self, expected: &Expected<'_>) -> Result<(Outcome, Vec<StatusList>), Refusal> {
        let outcome = self.outcome(expected)?;
        let lists = self.links.iter().enumerate();
        let lists = lists.map(|(at, link)| link.status(expected).map_err(Refusal::at(at)));
        Ok((outcome, lists.collect::<Result<_, _>>()?))
    }

    /// Everything that the words of the vouches decide.
    fn outcome(&self, expected: &Expected<'_>) -> Result<Outcome, Refusal> {
        let root = self.links[0].vouch.claims();
        if expected
            .honoured
            .iter()
            .all(|rule| rule.issuer != root.issuer)
        {
            return Err(Refusal::at(0)(VouchError::NotHonoured));
        }
        self.check_joints(expected)?;
        let mut types = root.may.clone();
        let (mut uses, mut until, mut depth) = (None, u64::MAX, u8::MAX);
        for (at, link) in self.links.iter().enumerate() {
            let refuse = Refusal::at(at);
            let claims = link.vouch.claims();
            link.check(expected).map_err(&refuse)?;
            if at > 0 {
                let before = Refusal::at(at - 1);
                depth = depth
                    .checked_sub(1)
                    .ok_or(VouchError::Depth)
                    .map_err(before)?;
            }
            depth = depth.min(claims.depth);
            until = until.min(claims.valid_until);
            types = types.intersect(&claims.may);
            if types.is_empty() {
                return Err(refuse(VouchError::Scope));
            }
            if let Some(of_link) = claims.uses {
                let used = expected.known.used(&link.vouch.digest());
                let left = of_link.saturating_sub(used);
                if left == 0 {
                    return Err(refuse(VouchError::UsedUp));
                }
                uses = Some(uses.map_or(left, |uses: u64| uses.min(left)));
            }
        }
        let (honoured, types, spare) = self.honour(&types, expected.honoured)?;
        Ok(Outcome {
            honoured,
            types,
            uses,
            until,
            depth: depth.min(spare),
        })
    }

    /// Who vouches for whom: an unbroken line to the presenter, without a circle.
    fn check_joints(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        let mut seen: Vec<&Did> = vec![&self.links[0].vouch.claims().issuer];
        for (at, vouch) in self.vouches().enumerate() {
            let claims = vouch.claims();
            if seen.last() != Some(&&claims.issuer) {
                return Err(Refusal::at(at)(VouchError::NotJoined));
            }
            if seen.iter().any(|did| did.same_subject(&claims.subject)) {
                return Err(Refusal::at(at)(VouchError::Cycle));
            }
            seen.push(&claims.subject);
        }
        if seen.last() == Some(&expected.subject) {
            Ok(())
        } else {
            Err(Refusal::at(self.links.len() - 1)(VouchError::Subject))
        }
    }

    /// The first entry that honours a chain of this length with something in common, what they have
    /// in common, and how many links it would still bear.
    fn honour(&self, types: &Types, honoured: &[Honoured]) -> Result<(usize, Types, u8), Refusal> {
        let issuer = &self.links[0].vouch.claims().issuer;
        let follow = u8::try_from(self.links.len() - 1).unwrap_or(u8::MAX);
        let mut refusal = None;
        for (index, rule) in honoured.iter().enumerate() {
            if rule.issuer != *issuer {
                continue;
            }
            let both = types.intersect(&rule.scope);
            match rule.depth.checked_sub(follow) {
                None => refusal.get_or_insert(VouchError::TooFar),
                Some(_) if both.is_empty() => refusal.get_or_insert(VouchError::Scope),
                Some(spare) => return Ok((index, both, spare)),
            };
        }
        Err(Refusal::at(0)(refusal.unwrap_or(VouchError::NotHonoured)))
    }
}

impl Link {
    /// What a vouch must be whatever stands before and after it.
    fn check(&self, expected: &Expected<'_>) -> Result<(), VouchError> {
        let claims = self.vouch.claims();
        if !claims.is_for(expected.audience) {
            Err(VouchError::Audience)
        } else if !credential::has_started(claims.valid_from, expected.now) {
            Err(VouchError::NotYet)
        } else if claims.valid_until <= expected.now {
            Err(VouchError::Expired)
        } else if expected.known.is_revoked(&self.vouch.digest()) {
            Err(VouchError::Revoked)
        } else {
            Ok(())
        }
    }

    /// The status list, if it could be the right one.
    fn status(&self, expected: &Expected<'_>) -> Result<StatusList, VouchError> {
        let claims = self.vouch.claims();
        let status = self.status.as_deref().ok_or(VouchError::StatusMissing)?;
        let list = StatusList::read(status)?;
        let (now, max_age) = (expected.now, expected.max_status_age);
        let entry = &claims.status;
        entry.check_claims(&list, &claims.issuer, now, max_age)?;
        Ok(list)
    }

    fn verify(
        &self,
        list: &StatusList,
        expected: &Expected<'_>,
        documents: &dyn Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<AcceptedLink, VouchError> {
        let claims = self.vouch.claims();
        let issuer = &claims.issuer;
        let document = documents(issuer).ok_or_else(|| VouchError::Unresolved(issuer.clone()))?;
        self.vouch.verify(&document)?;
        let (now, max_age) = (expected.now, expected.max_status_age);
        let status_at = claims.status.check(list, issuer, &document, now, max_age)?;
        Ok(AcceptedLink {
            digest: self.vouch.digest(),
            issuer: issuer.clone(),
            subject: claims.subject.clone(),
            kid: self.vouch.kid().clone(),
            purpose: claims.purpose.clone(),
            status: claims.status.clone(),
            status_at,
        })
    }
}
