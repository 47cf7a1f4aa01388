//! A stranger knocks (formats §3): rules answer in the operators' place, or they are asked.
//!
//! Whatever a stranger sends is bounded before it is kept: how often he is listened to, how much
//! of the room his knocks take, how many octets each has. Who fills the room displaces himself.

use super::decisions::denied;
use super::rules::{self, Letting};
use crate::bucket::{Buckets, Rate};
use crate::journey::Core;
use crate::journey::accept::{WireAnswer, silent};
use crate::journey::claims::{Arrival, Stop};
use crate::journey::trouble::CoreError;
use crate::journey::webhooks;
use comity_did::{Did, DidDocument};
use comity_engine::contact::Knock;
use comity_engine::room::{self, Place};
use comity_engine::{defaults, domain, fresh, grant};
use comity_jose::Entropy;
use comity_record::Digest;
use comity_store::{KnockRow, KnockState, PeerRow, Taken, Tx};
use comity_vouch::limits;
use serde_json::Value;
use std::sync::Arc;

/// Counted for contact messages that cannot be taken.
pub(in crate::journey) const NOT_ACCEPTABLE: &str = "contact-not-acceptable";

impl Core {
    /// A stranger knocks.
    pub(in crate::journey) async fn take_knock(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let knock = is_knock(&arrival)
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
        let (digest, named) = (arrival.digest, arrival.pthid());
        let ours = arrival.agent.did.clone();
        let (known, invitation) = self
            .store
            .read(move |tx| {
                let invitation = match &named {
                    Some(named) => rules::live_invitation(tx, &ours, named.as_str())?,
                    None => None,
                };
                Ok::<_, CoreError>((tx.knock(&digest)?.is_some(), invitation))
            })
            .await?;
        if known {
            return Ok(WireAnswer::Accepted);
        }
        // A DID that carries its own keys costs nothing, and nobody answers for it.
        if domain::is_self_certifying(&arrival.sender) && invitation.is_none() {
            return Err(Stop::Quiet("self-certifying-uninvited"));
        }
        // Whoever makes himself as many DIDs as he likes has the share of his invitation.
        let share = match &invitation {
            Some(key) if domain::is_self_certifying(&arrival.sender) => key.clone(),
            _ => domain::share_of(&arrival.sender),
        };
        let chains = self.chains(&arrival, &knock).await?;
        let kind = match (&invitation, chains.could_hold()) {
            (Some(_), _) => Kind::Invited,
            (None, true) => Kind::Vouched,
            (None, false) => Kind::Stranger,
        };
        if !self.knocks.take(&share, kind) {
            return Err(Stop::Busy("knocks-over-budget"));
        }
        let vouching = self.verified(&arrival, chains).await?;
        let row = KnockRow {
            digest: arrival.digest,
            id: arrival.id.clone(),
            sender: arrival.sender.clone(),
            recipient: arrival.agent.did.clone(),
            document: Digest::new(arrival.document.hash()),
            kid: arrival.kid.to_string(),
            pin: grant::pin_of(&arrival.document),
            received: now,
            expires: fresh::fresh_until(created.unwrap_or_default(), expires),
            state: KnockState::Pending,
            taken: Taken {
                share,
                prefix: arrival.prefix.clone(),
                kept_room: invitation.is_some() || !vouching.standing.is_empty(),
                bytes: (arrival.octets.len() + arrival.document.octets().len()) as u64,
            },
            invitation,
            vouched: vouching.standing,
            not_vouched: vouching.refused,
            knock,
        };
        let letting = self.letting(&row).await?;
        let octets = arrival.octets.clone();
        let document = Arc::clone(&arrival.document);
        let decided = letting.is_some();
        let entropy = Arc::clone(&self.entropy);
        let taken = self
            .store
            .write(move |tx| {
                take(
                    tx,
                    &*entropy,
                    row.clone(),
                    &octets,
                    &document,
                    letting.as_ref(),
                )
            })
            .await?;
        if let Some(why) = taken {
            return Err(Stop::Quiet(why));
        }
        if decided {
            self.after_decision(&arrival.agent.did);
        }
        self.signals.webhooks.raise();
        self.signals.integrated.raise();
        Ok(WireAnswer::Accepted)
    }
}

/// Keeps a knock; in the same unit a grant begins, if a rule says so. Says why not, if it is not
/// kept.
fn take(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    mut row: KnockRow,
    octets: &[u8],
    document: &DidDocument,
    letting: Option<&Letting>,
) -> Result<Option<&'static str>, CoreError> {
    if tx.knock(&row.digest)?.is_some() {
        return Ok(None);
    }
    if tx.is_blocked(&row.sender)? {
        return Ok(Some("blocked"));
    }
    // A nonce is good for one grant: the same offer again would begin the same grant again, its
    // counts and its end forgotten.
    let grants = tx.grants_of_pair(&row.recipient, &row.sender)?;
    let nonce = row.knock.offer.nonce();
    if grants.iter().any(|known| known.grant.nonce() == nonce) {
        return Ok(Some("offer-used"));
    }
    if let Some(before) = tx.knock_between(&row.sender, &row.recipient)? {
        end_unapproved(tx, before, KnockState::Replaced)?;
    }
    // What the rules say now counts; if it is not what the answer was signed for, a person decides.
    let lets_in = match letting {
        Some(letting) => letting.still_holds(tx, &row)?,
        None => false,
    };
    if !lets_in {
        make_room(tx, entropy, &row)?;
    }
    tx.put_message(&row.digest, octets)?;
    let now = tx.now().seconds();
    tx.put_document(&row.document, &row.sender, document.octets(), now)?;
    learn(tx, &row.sender, &row.knock.speaks)?;
    match letting.filter(|_| lets_in) {
        Some(letting) => {
            row.state = KnockState::Approved;
            tx.put_knock(&row)?;
            letting.begin(tx, entropy, &row)?;
        }
        None => {
            tx.put_knock(&row)?;
            webhooks::events::knock_received(tx, entropy, &row)?;
        }
    }
    Ok(None)
}

/// Ends a knock that let nobody in. What lists show of it stays; its octets and vouches go, or
/// strangers would fill the disk with what nobody wanted. The record has its digest.
pub(super) fn end_unapproved(
    tx: &mut dyn Tx,
    mut row: KnockRow,
    state: KnockState,
) -> Result<KnockRow, CoreError> {
    row.state = state;
    row.knock.vouches.clear();
    tx.put_knock(&row)?;
    // Its sender may be an agent of this node, too.
    if tx.outgoing_by_digest(&row.digest)?.is_none() {
        tx.remove_message(&row.digest)?;
    }
    Ok(row)
}

/// Takes the places of those that give way.
fn make_room(tx: &mut dyn Tx, entropy: &dyn Entropy, row: &KnockRow) -> Result<(), CoreError> {
    let pending = tx.knock_room()?;
    let of = |digest, sender, taken| place(digest, sender, taken);
    let places: Vec<Place<'_>> = pending
        .iter()
        .map(|(digest, sender, taken)| of(*digest, sender, taken))
        .collect();
    let newcomer = of(row.digest, &row.sender, &row.taken);
    for digest in room::place(&newcomer, &places) {
        if let Some(gone) = tx.knock(&digest)? {
            let gone = end_unapproved(tx, gone, KnockState::Displaced)?;
            denied(tx, entropy, &gone, "rule:room")?;
        }
    }
    Ok(())
}

fn place<'a>(knock: Digest, sender: &'a Did, taken: &'a Taken) -> Place<'a> {
    Place {
        knock,
        sender,
        share: &taken.share,
        prefix: taken.prefix.as_deref(),
        kept_room: taken.kept_room,
        bytes: taken.bytes,
    }
}

/// How many knocks are listened to. Each leaves a row, an entry and perhaps an answer, so that a
/// bound on those that wait is not enough: whoever lets his run out could knock for ever.
#[derive(Debug)]
pub(crate) struct KnockBudget {
    shares: Buckets<String>,
    of: Buckets<Kind>,
}

/// Who queues with whom. Whoever names an invitation of ours, or brings vouches that could hold,
/// does not queue with strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Invited,
    Stranger,
    Vouched,
}

impl Default for KnockBudget {
    fn default() -> Self {
        Self {
            shares: Buckets::new(KNOCKS_OF_SHARE),
            of: Buckets::new(KNOCKS_OF_KIND),
        }
    }
}

impl KnockBudget {
    /// Whoever has used up his own share takes nothing of the others'.
    fn take(&self, share: &str, kind: Kind) -> bool {
        self.shares.take(share.to_owned()) && self.of.take(kind)
    }
}

/// As many at once as may wait; then one a minute.
const KNOCKS_OF_SHARE: Rate = Rate {
    burst: room::OPEN.of_share as f64,
    per_second: 1.0 / 60.0,
    keys: 4_096,
};
/// Of each kind. Sustained, this is 17,000 knocks a day.
const KNOCKS_OF_KIND: Rate = Rate {
    burst: 100.0,
    per_second: 0.2,
    keys: 3,
};

/// A knock is signed and to one recipient; small, unless it carries vouches.
fn is_knock(arrival: &Arrival) -> bool {
    let most = match arrival.received.plaintext.body.get("vouches") {
        Some(chains) if carries_vouches(chains) => defaults::VOUCHED_KNOCK_BYTES_MAX,
        _ => defaults::CONTACT_BYTES_MAX,
    };
    arrival.proof_anyone && arrival.bytes <= most as u64 && arrival.recipients() == 1
}

/// True for chains of links that could each be a vouch and its status: anything else would be
/// room for whatever a stranger likes to leave here.
fn carries_vouches(chains: &Value) -> bool {
    let Some(chains) = chains.as_array() else {
        return false;
    };
    let text = |member: Option<&Value>, most: usize| {
        member
            .and_then(Value::as_str)
            .is_some_and(|text| text.len() <= most)
    };
    let is_link = |link: &Value| {
        let known = |link: &serde_json::Map<String, Value>| {
            let mut names = link.keys();
            names.all(|name| name == "vouch" || name == "status")
        };
        let status = link.get("status");
        link.as_object().is_some_and(known)
            && text(link.get("vouch"), limits::VOUCH_BYTES)
            && (status.is_none() || text(status, limits::STATUS_BYTES))
    };
    let is_chain = |chain: &Value| {
        let links = chain.as_array();
        links.is_some_and(|links| !links.is_empty() && links.iter().all(is_link))
    };
    !chains.is_empty() && chains.iter().all(is_chain)
}

/// Contact messages are signed, small, and to one recipient.
pub(in crate::journey) fn acceptable(arrival: &Arrival) -> bool {
    arrival.proof_anyone
        && arrival.bytes <= defaults::CONTACT_BYTES_MAX as u64
        && arrival.recipients() == 1
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_could_be_vouches_makes_room_for_them() {
        let status = "s".repeat(limits::STATUS_BYTES);
        let link = json!({"vouch": "v".repeat(limits::VOUCH_BYTES), "status": status});
        assert!(carries_vouches(&json!([[link]])));
        assert!(carries_vouches(
            &json!([[{"vouch": "a.b.c"}], [link, link]])
        ));
        for junk in [
            json!([]),
            json!([[]]),
            json!({}),
            json!("x".repeat(60_000)),
            json!([["x"]]),
            json!([[{"status": "s"}]]),
            json!([[link, {"vouch": "v".repeat(limits::VOUCH_BYTES + 1)}]]),
            json!([[{"vouch": "a.b.c", "status": "s".repeat(limits::STATUS_BYTES + 1)}]]),
            json!([[{"vouch": "a.b.c", "more": "x"}]]),
            json!([[{"vouch": "a.b.c", "status": 7}]]),
            json!([[link], []]),
        ] {
            assert!(!carries_vouches(&junk), "{junk}");
        }
    }
}
