//! Inbound, wire to inbox: cheapest checks first (design §3, inbound 1 to 5).

use super::Core;
use super::claims::{Arrival, Stop};
use super::foreign::{About, acknowledged, hear, take_acks};
use super::note::note;
use super::own::ContactRow;
use super::receipts::{RECEIPTS, VOID};
use super::refuse::{again, receipt, refuse, suspend, void_too_late};
use super::terminal::is_nodes_own;
use super::trouble::CoreError;
use super::trust::knocks::NOT_ACCEPTABLE;
use super::trust::rules::admit_first;
use crate::fail;
use bytes::Bytes;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::decide::{Basis, Facts, Held, Verdict as Decided, decide};
use comity_engine::order::{Place, place};
use comity_engine::state::ReceiptState;
use comity_engine::{Code, GrantState, InState, Timestamp, defaults, fresh, grant};
use comity_jose::{Entropy, base64url};
use comity_record::Event;
use comity_record::entry::{MessageFacts, MessageIn, Proof, Settled};
use comity_record::receipt::By;
use comity_store::{GrantRow, Incoming, Tx, Way};
use std::sync::Arc;
use std::time::Duration;

/// What the wire door answers. Peers learn nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireAnswer {
    /// 202: ours and committed, or refused with a receipt to come.
    Accepted,
    /// 200 with this envelope: a reply of the node itself, asked for by `return_route`.
    Reply(String),
    /// 400, the same for everything that is not to be known.
    Refused,
    /// 409: an earlier message of the stream is missing.
    Gap,
    /// 413.
    TooLarge,
    /// 503: no room for strangers, or none at all, or too many in a short time; come back after
    /// this while, in whole seconds from 1.
    Busy(Duration),
}

/// What a transaction made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Again,
    /// Refused, recorded, and a receipt or a problem report says so.
    Told,
    /// To be refused, once the problem report that says so is signed. Nothing of
    /// the refusal was written.
    Untold(Code),
    Silent,
    Gap,
    Full,
    /// The grant's rate is used up for this long.
    Later(Duration),
}

/// When somebody for whom there was no room may come again.
pub(crate) const SOON: Duration = Duration::from_secs(1);

impl Core {
    /// Takes one envelope from the wire; `prefix` is the address prefix that it came from, `None`
    /// for this machine itself. `turn` is held while the envelope is opened, and no longer.
    pub async fn receive<T: Send>(
        self: &Arc<Self>,
        octets: Bytes,
        prefix: Option<String>,
        turn: T,
    ) -> WireAnswer {
        if octets.len() > defaults::ENVELOPE_BYTES_MAX {
            return WireAnswer::TooLarge;
        }
        let result = match self.open(&octets, turn).await {
            Ok(mut arrival) => {
                arrival.prefix = prefix;
                self.take(arrival).await
            }
            Err(stop) => Err(stop),
        };
        match result {
            Ok(answer) => answer,
            Err(Stop::Quiet(reason)) => {
                self.counters.count(reason);
                WireAnswer::Refused
            }
            Err(Stop::Busy(reason)) => {
                self.counters.count(reason);
                WireAnswer::Busy(SOON)
            }
            Err(Stop::Later(wait)) => {
                self.counters.count("rate");
                WireAnswer::Busy(wait)
            }
            Err(Stop::Failed(error)) => {
                tracing::error!(%error, "an envelope could not be taken");
                WireAnswer::Busy(SOON)
            }
        }
    }

    /// Sends each kind of proved message its way.
    async fn take(self: &Arc<Self>, arrival: Arrival) -> Result<WireAnswer, Stop> {
        let type_ = arrival.type_().clone();
        match type_.as_str() {
            // A carrier of nothing that we could use is nothing to know: anybody can make one.
            RECEIPTS if self.take_receipts(arrival.body()).await? => Ok(WireAnswer::Accepted),
            RECEIPTS => Err(Stop::Quiet("receipts-unproved")),
            comity_engine::contact::KNOCK => self.take_knock(arrival).await,
            comity_engine::contact::WELCOME => self.take_welcome(arrival).await,
            comity_engine::contact::DECLINED => self.take_declined(arrival).await,
            comity_engine::contact::ENDED => self.take_ended(arrival).await,
            super::trust::vouches::ISSUED => self.take_vouch(arrival).await,
            _ if is_nodes_own(&type_) && arrival.order().is_some() => {
                self.take_in_order(arrival).await
            }
            _ if is_nodes_own(&type_) => self.take_small(arrival).await,
            _ => self.take_message(arrival).await,
        }
    }

    async fn take_message(&self, arrival: Arrival) -> Result<WireAnswer, Stop> {
        let arrival = Arc::new(arrival);
        fail::point("accept.before-commit");
        let (mut verdict, changed) = self.accept_in_unit(&arrival, None).await?;
        if let Verdict::Untold(code) = &verdict {
            if !self.reports.take(arrival.sender.clone()) {
                return Err(Stop::Busy("reports-over-budget"));
            }
            let report = self
                .report(&arrival.agent, &arrival.about(), code, None)
                .await?;
            (verdict, _) = self.accept_in_unit(&arrival, Some(report)).await?;
            self.signals.outbox.raise();
        }
        fail::point("accept.after-commit");
        for id in &changed {
            self.signals.changed(&arrival.agent.did, id);
        }
        self.announce_verdict(&verdict, &arrival.agent.did)
    }

    async fn accept_in_unit(
        &self,
        arrival: &Arc<Arrival>,
        report: Option<ContactRow>,
    ) -> Result<(Verdict, Vec<MessageId>), CoreError> {
        let (entropy, arrival) = (Arc::clone(&self.entropy), Arc::clone(arrival));
        let look_for_room = self.random().is_multiple_of(64);
        self.store
            .write(move |tx| accept(tx, &*entropy, &arrival, look_for_room, report.as_ref()))
            .await
    }

    /// Wakes whoever has to do with a verdict, and says what the transport answers.
    pub(super) fn announce_verdict(
        &self,
        verdict: &Verdict,
        agent: &Did,
    ) -> Result<WireAnswer, Stop> {
        match verdict {
            Verdict::Accepted => {
                self.signals.recorded.raise();
                self.signals.inbox(agent).raise();
                Ok(WireAnswer::Accepted)
            }
            Verdict::Told => {
                self.signals.recorded.raise();
                Ok(WireAnswer::Accepted)
            }
            Verdict::Again => {
                self.signals.integrated.raise();
                Ok(WireAnswer::Accepted)
            }
            Verdict::Gap => Ok(WireAnswer::Gap),
            Verdict::Full => Err(Stop::Busy("inbox-full")),
            Verdict::Later(wait) => Err(Stop::Later(*wait)),
            Verdict::Silent => Err(Stop::Quiet("not-granted")),
            // What refused it before does not any more: it will come again.
            Verdict::Untold(_) => Err(Stop::Busy("decided-anew")),
        }
    }
}

/// Deduplicates, decides, and keeps; all on what this transaction reads. Also tells which messages
/// of ours changed by it: one that it answers, those that it acknowledges.
pub(super) fn accept(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    look_for_room: bool,
    report: Option<&ContactRow>,
) -> Result<(Verdict, Vec<MessageId>), CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let only = |verdict| Ok((verdict, Vec::new()));
    let seen = tx.seen(agent, sender, &arrival.id)?;
    if seen == Some(arrival.digest) {
        again(tx, arrival)?;
        return only(Verdict::Again);
    }
    let Some(row) = grant_for(tx, entropy, arrival)? else {
        return only(Verdict::Silent);
    };
    let order = arrival.order().filter(|_| row.knock.is_some());
    let last = match order {
        Some(_) => tx.last_order(Way::In, sender, agent, &arrival.thid)?,
        None => None,
    };
    let place = order.map(|order| place(order, last));
    let refused = if seen.is_some() {
        Some(Code::ID_REUSED)
    } else {
        match place {
            Some(Place::Gap) => return only(Verdict::Gap),
            Some(Place::Taken) if arrival.type_().as_str() == VOID => {
                return only(void_too_late(tx, entropy, arrival, &row)?);
            }
            Some(Place::Taken) => Some(Code::ORDER_CONFLICT),
            Some(Place::Next) | None => None,
        }
    };
    let decision = match refused {
        Some(code) => Err(Not::Refused(code)),
        None => judge(tx, entropy, arrival, &row)?,
    };
    let basis = match decision {
        Ok(basis) => basis,
        Err(Not::Yet(from)) => return only(Verdict::Later(wait_until(from, tx.now()))),
        Err(Not::Refused(code)) => {
            let verdict = refuse(tx, entropy, arrival, &row, &code, report)?;
            // A refusal of a proved sender consumes its number (formats §1).
            if let (Some(order), Some(Place::Next), Verdict::Told) = (order, place, &verdict) {
                tx.claim_order(Way::In, sender, agent, &arrival.thid, last, order)?;
            }
            return only(verdict);
        }
    };
    if look_for_room && tx.count_unsettled(agent)? >= defaults::INBOX_MAX {
        return only(Verdict::Full);
    }
    if let Some(order) = order {
        tx.claim_order(Way::In, sender, agent, &arrival.thid, last, order)?;
    }
    let changed = keep(tx, entropy, arrival, row, basis, order)?;
    Ok((Verdict::Accepted, changed))
}

/// The grant that counts between the two; one that a rule makes now, if none lives.
fn grant_for(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
) -> Result<Option<GrantRow>, CoreError> {
    let last = tx.grant_between(&arrival.agent.did, &arrival.sender)?;
    if last
        .as_ref()
        .is_some_and(|row| row.state != GrantState::Ended)
    {
        return Ok(last);
    }
    let begun = admit_first(tx, entropy, arrival)?;
    Ok(begun.or(last))
}

/// Why a message goes no further now.
enum Not {
    Refused(Code),
    /// The grant's rate is used up until then.
    Yet(Timestamp),
}

/// In whole seconds, and no longer than a sender pauses at most.
fn wait_until(from: Timestamp, now: Timestamp) -> Duration {
    let wait = from.millis().saturating_sub(now.millis()).div_ceil(1_000);
    Duration::from_secs(wait).clamp(SOON, defaults::RETRY_LONGEST)
}

/// The whole decision over a message: identity pinned, fresh, granted.
fn judge(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: &GrantRow,
) -> Result<Result<Basis, Not>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let now = tx.now();
    if row.state == GrantState::Active
        && row
            .pin
            .as_ref()
            .is_some_and(|pin| !grant::continues(pin, &arrival.document))
    {
        suspend(tx, entropy, row, arrival)?;
        return Ok(Err(Not::Refused(Code::SUSPENDED)));
    }
    // What a vouch is good for is used up by all that stands on it, not by this grant alone.
    for link in row.vouched.iter().flat_map(|standing| &standing.links) {
        if let Some(uses) = link.uses
            && tx.vouch_used(&link.vouch)? >= uses
        {
            return Ok(Err(Not::Refused(Code::USED_UP)));
        }
    }
    let restrictions = row.grant.restrictions();
    let comity = row.knock.is_some();
    let mut facts = Facts {
        sender,
        type_: arrival.type_(),
        bytes: arrival.bytes,
        deniable: !arrival.proof_anyone,
        grant: Some(Held {
            grant: &row.grant,
            state: row.state,
            uses: row.uses,
            paid: row.paid_in,
            vouched_until: row.vouched_until(),
        }),
        reply_to: None,
        blocked: tx.is_blocked(sender)?,
        now,
    };
    let mut decision = decide(&facts);
    let opened;
    if decision.basis == Basis::Type {
        // Perhaps a reply in a thread that we opened.
        opened = request_of(tx, agent, sender, &arrival.thid)?;
        facts.reply_to = opened.as_ref();
        decision = decide(&facts);
    }
    // A tombstone stands for a message that the same grant covered, and what the node itself takes
    // needs no mention there; everything else about them is judged alike.
    let unlisted = comity && is_settled_by_node(arrival);
    match &decision.verdict {
        Decided::Allow => {}
        _ if unlisted && decision.basis == Basis::Type => {}
        // What tells that a message does not come is not told to wait.
        Decided::Wait(_) if unlisted => {}
        Decided::Wait(from) => return Ok(Err(Not::Yet(*from))),
        Decided::Refuse(code) => return Ok(Err(Not::Refused(code.clone()))),
    }
    // What we keep we must be able to read again: an envelope has room for more than that.
    if arrival.bytes > defaults::PLAINTEXT_BYTES_MAX as u64 {
        return Ok(Err(Not::Refused(Code::TOO_LARGE)));
    }
    let (created, expires) = arrival.times();
    if fresh::check(created, expires, restrictions.untimed, now).is_err() {
        return Ok(Err(Not::Refused(Code::EXPIRED)));
    }
    if comity && arrival.recipients() != 1 {
        return Ok(Err(Not::Refused(Code::SEVERAL_RECIPIENTS)));
    }
    if comity && arrival.order().is_none() {
        return Ok(Err(Not::Refused(Code::ORDER_CONFLICT)));
    }
    Ok(Ok(decision.basis))
}

/// Keeps an accepted message with all that follows from it.
fn keep(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    mut grant: GrantRow,
    basis: Basis,
    order: Option<u64>,
) -> Result<Vec<MessageId>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let now = tx.now();
    let (created, expires) = arrival.times();
    let fresh_until = fresh::fresh_until(created.unwrap_or_else(|| now.seconds()), expires);
    tx.put_seen(agent, sender, &arrival.id, &arrival.digest, fresh_until)?;
    tx.put_message(&arrival.digest, &arrival.octets)?;
    let document = comity_record::Digest::new(arrival.document.hash());
    tx.put_document(&document, sender, arrival.document.octets(), now.seconds())?;
    let grant_id = grant.grant.id();
    let facts = MessageIn {
        facts: MessageFacts {
            message: arrival.digest,
            id: arrival.id.to_string(),
            to: agent.clone(),
            from: sender.clone(),
            type_: arrival.type_().to_string(),
            thid: arrival.thid.to_string(),
            sender_order: order,
            grant: Some(grant_id),
            bytes: arrival.bytes,
            causes: arrival.causes(),
            by: None,
        },
        kid: arrival.kid.clone(),
        key: arrival.fingerprint(),
        document: Some(document),
        did_version: None,
        proof: if arrival.proof_anyone {
            Proof::Anyone
        } else {
            Proof::Us
        },
    };
    let entry = note(tx, entropy, Event::MessageIn(facts), Some(arrival.digest))?;
    let comity = grant.knock.is_some();
    grant.uses += 1;
    for link in grant.vouched.iter().flat_map(|standing| &standing.links) {
        if link.uses.is_some() {
            tx.count_vouch_use(&link.vouch)?;
        }
    }
    if let Some(rate) = grant.grant.restrictions().rate {
        grant.paid_in = rate.next(grant.paid_in, now).1;
    }
    tx.put_grant(&grant)?;
    if comity {
        tx.put_receipt(&receipt(tx, arrival, ReceiptState::Received, None, entry))?;
    }
    if is_settled_by_node(arrival) {
        // It takes its place in the order; no agent sees it.
        let settled = Settled {
            message: arrival.digest,
            state: ReceiptState::Done,
            code: None,
            by: By::Node,
            attempt: 0,
            replies: Vec::new(),
        };
        note(tx, entropy, Event::Settled(settled), Some(arrival.digest))?;
        if comity {
            tx.put_receipt(&receipt(tx, arrival, ReceiptState::Done, None, entry))?;
        }
        return hear(tx, entropy, arrival);
    }
    let mut name = [0; 12];
    entropy.fill(&mut name);
    let delivery = format!("d_{}", base64url::encode(&name));
    let asking = tx.awaiting(agent, sender, &arrival.thid)?;
    let row = Incoming {
        delivery: delivery.clone(),
        recipient: agent.clone(),
        sender: sender.clone(),
        id: arrival.id.clone(),
        digest: arrival.digest,
        type_: arrival.type_().clone(),
        thid: arrival.thid.clone(),
        pthid: arrival.pthid(),
        order,
        seq: 0,
        state: InState::Ready,
        lease: None,
        leased_until: Timestamp::from_millis(0),
        attempt: 0,
        not_before: now,
        received: now,
        expires: fresh_until,
        grant: grant_id,
        rule: basis.as_str().to_owned(),
        proof_anyone: arrival.proof_anyone,
        kid: arrival.kid.to_string(),
        first_contact: !tx.has_incoming(agent, sender)?,
        answer_to: asking.as_ref().map(|row| row.id.clone()),
        parked: None,
        outcome: None,
    };
    tx.put_incoming(&row)?;
    let mut changed = Vec::new();
    if let Some(mut asking) = asking {
        asking.answer = Some(delivery);
        if !comity {
            acknowledged(tx, &mut asking)?;
        }
        tx.put_outgoing(&asking)?;
        tx.put_event(agent, &asking.id)?;
        changed.push(asking.id);
    }
    if !comity {
        changed.extend(take_acks(tx, arrival)?);
    }
    Ok(changed)
}

/// The type of our message that opened this thread with this peer, if we opened it and it went out.
pub(super) fn request_of(
    tx: &dyn Tx,
    agent: &Did,
    peer: &Did,
    thid: &MessageId,
) -> Result<Option<MessageType>, CoreError> {
    let row = tx
        .outgoing(agent, thid)?
        .filter(|row| row.to == *peer && row.grant.is_some());
    Ok(row.map(|row| row.type_))
}

/// True for what never reaches an agent: tombstones, and what the node itself answers or takes.
pub(super) fn is_settled_by_node(arrival: &Arrival) -> bool {
    arrival.type_().as_str() == VOID || is_nodes_own(arrival.type_())
}

impl Arrival {
    /// What we may have to say something about.
    fn about(&self) -> About {
        About {
            to: self.sender.clone(),
            digest: self.digest,
            id: self.id.clone(),
            thid: self.thid.clone(),
        }
    }
}

/// Lets `contact` refuse in the same way.
pub(super) fn silent(sender: &Did) -> Stop {
    tracing::debug!(%sender, "refused in silence");
    Stop::Quiet(NOT_ACCEPTABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_too_fast_hears_how_long_to_wait() {
        let now = Timestamp::from_seconds(1_000);
        let wait = |millis| wait_until(Timestamp::from_millis(millis), now).as_secs();
        assert_eq!((wait(1_000_001), wait(1_000_000)), (1, 1));
        assert_eq!((wait(1_001_001), wait(1_017_000)), (2, 17));
        assert_eq!(wait(u64::MAX), defaults::RETRY_LONGEST.as_secs());
    }
}
