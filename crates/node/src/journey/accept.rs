//! Inbound, wire to inbox: cheapest checks first (design §3, inbound 1 to 5).

use super::Core;
use super::claims::{Arrival, Stop};
use super::contact;
use super::note::note;
use super::receipts::{RECEIPTS, VOID};
use super::terminal::is_nodes_own;
use super::trouble::CoreError;
use crate::fail;
use bytes::Bytes;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::decide::{Facts, Held, Rule, decide};
use comity_engine::order::{Place, place};
use comity_engine::state::ReceiptState;
use comity_engine::{Code, GrantState, InState, OutState, Timestamp, defaults, fresh, grant};
use comity_jose::{Entropy, base64url};
use comity_record::Event;
use comity_record::entry::{Decided, MessageFacts, MessageIn, Outcome, Proof, Refused, Settled};
use comity_record::receipt::By;
use comity_store::{GrantRow, Incoming, Outgoing, ReceiptRow, Tx, Way};
use std::sync::Arc;

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
    /// 503: no room for strangers, or none at all; come back later.
    Busy,
}

/// What a transaction made of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Again,
    /// Refused, recorded, and a receipt says so.
    Told,
    Silent,
    Gap,
    Full,
}

impl Core {
    /// Takes one envelope from the wire.
    pub async fn receive(self: &Arc<Self>, octets: Bytes) -> WireAnswer {
        if octets.len() > defaults::ENVELOPE_BYTES_MAX {
            return WireAnswer::TooLarge;
        }
        let result = match self.open(&octets).await {
            Ok(arrival) => self.take(arrival).await,
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
                WireAnswer::Busy
            }
            Err(Stop::Failed(error)) => {
                tracing::error!(%error, "an envelope could not be taken");
                WireAnswer::Busy
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
            _ if is_nodes_own(&type_) && arrival.order().is_some() => {
                self.take_in_order(arrival).await
            }
            _ if is_nodes_own(&type_) => self.take_small(arrival).await,
            _ => self.take_message(arrival).await,
        }
    }

    async fn take_message(&self, arrival: Arrival) -> Result<WireAnswer, Stop> {
        let agent = arrival.agent.did.clone();
        let entropy = Arc::clone(&self.entropy);
        let look_for_room = self.random().is_multiple_of(64);
        fail::point("accept.before-commit");
        let (verdict, answered) = self
            .store
            .write(move |tx| accept(tx, &*entropy, &arrival, look_for_room))
            .await?;
        fail::point("accept.after-commit");
        if answered {
            self.signals.events(&agent).raise();
        }
        self.announce_verdict(verdict, &agent)
    }

    /// Wakes whoever has to do with a verdict, and says what the transport answers.
    pub(super) fn announce_verdict(
        &self,
        verdict: Verdict,
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
            Verdict::Silent => Err(Stop::Quiet("not-granted")),
        }
    }
}

/// Deduplicates, decides, and keeps; all on what this transaction reads. Also tells whether the
/// message answers one of ours.
pub(super) fn accept(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    look_for_room: bool,
) -> Result<(Verdict, bool), CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let quiet = |verdict| Ok((verdict, false));
    if let Some(digest) = tx.seen(agent, sender, &arrival.id)? {
        if digest == arrival.digest {
            again(tx, arrival)?;
            return quiet(Verdict::Again);
        }
        let verdict = refuse(tx, entropy, arrival, None, &Code::ID_REUSED)?;
        // A refusal of a proved sender consumes its number (formats §1).
        if let (Some(order), Verdict::Told) = (arrival.order(), verdict) {
            let last = tx.last_order(Way::In, sender, agent, &arrival.thid)?;
            if place(order, last) == Place::Next {
                tx.claim_order(Way::In, sender, agent, &arrival.thid, last, order)?;
            }
        }
        return quiet(verdict);
    }
    let row = tx.grant_between(agent, sender)?;
    let comity = row.as_ref().is_some_and(|row| row.knock.is_some());
    let order = if comity { arrival.order() } else { None };
    if let Some(order) = order {
        let last = tx.last_order(Way::In, sender, agent, &arrival.thid)?;
        match place(order, last) {
            Place::Next => {}
            Place::Gap => return quiet(Verdict::Gap),
            Place::Taken if arrival.type_().as_str() == VOID => {
                return void_too_late(tx, entropy, arrival, row.as_ref()).map(|v| (v, false));
            }
            Place::Taken => {
                let code = Code::ORDER_CONFLICT;
                return refuse(tx, entropy, arrival, row.as_ref(), &code).map(|v| (v, false));
            }
        }
    }
    let decision = judge(
        tx,
        entropy,
        arrival,
        row.as_ref(),
        order.is_some() || !comity,
    )?;
    if let Err(code) = decision {
        // A refusal of a proved sender consumes its number (formats §1).
        let verdict = refuse(tx, entropy, arrival, row.as_ref(), &code)?;
        if let (Some(order), Verdict::Told) = (order, &verdict) {
            let last = tx.last_order(Way::In, sender, agent, &arrival.thid)?;
            tx.claim_order(Way::In, sender, agent, &arrival.thid, last, order)?;
        }
        return quiet(verdict);
    }
    if look_for_room && tx.count_unsettled(agent)? >= defaults::INBOX_MAX {
        return quiet(Verdict::Full);
    }
    let (Ok(rule), Some(grant)) = (decision, row) else {
        return Err(CoreError::Defect("allowed without a grant"));
    };
    let answered = keep(tx, entropy, arrival, grant, rule, order)?;
    Ok((Verdict::Accepted, answered))
}

/// The whole decision over a message: identity pinned, fresh, granted.
fn judge(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: Option<&GrantRow>,
    ordered: bool,
) -> Result<Result<Rule, Code>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let now = tx.now();
    if let Some(row) = row
        && row.state == GrantState::Active
        && row
            .pin
            .as_ref()
            .is_some_and(|pin| !grant::continues(pin, &arrival.document))
    {
        suspend(tx, entropy, row, arrival)?;
        return Ok(Err(Code::SUSPENDED));
    }
    let restrictions = row.map(|row| row.grant.restrictions()).unwrap_or_default();
    let opened = request_of(tx, agent, sender, &arrival.thid)?;
    let facts = Facts {
        sender,
        type_: arrival.type_(),
        bytes: arrival.bytes,
        deniable: !arrival.proof_anyone,
        grant: row.map(|row| Held {
            grant: &row.grant,
            state: row.state,
            uses: row.uses,
        }),
        reply_to: opened.as_ref(),
        blocked: tx.peer(sender)?.is_some_and(|peer| peer.blocked),
        now,
    };
    let decision = decide(&facts);
    // A tombstone stands for a message that the same grant covered, and what the node itself takes
    // needs no mention there; everything else about them is judged alike.
    let comity = row.is_some_and(|row| row.knock.is_some());
    let unlisted = comity && is_settled_by_node(arrival);
    if let Some(code) = decision.refused
        && !(unlisted && decision.rule == Rule::Type)
    {
        return Ok(Err(code));
    }
    // What we keep we must be able to read again: an envelope has room for more than that.
    if arrival.bytes > defaults::PLAINTEXT_BYTES_MAX as u64 {
        return Ok(Err(Code::TOO_LARGE));
    }
    let (created, expires) = arrival.times();
    if fresh::check(created, expires, restrictions.untimed, now).is_err() {
        return Ok(Err(Code::EXPIRED));
    }
    if row.is_some_and(|row| row.knock.is_some()) {
        if arrival.recipients() != 1 {
            return Ok(Err(Code::SEVERAL_RECIPIENTS));
        }
        if !ordered {
            return Ok(Err(Code::ORDER_CONFLICT));
        }
    }
    Ok(Ok(decision.rule))
}

/// Keeps an accepted message with all that follows from it.
fn keep(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    mut grant: GrantRow,
    rule: Rule,
    order: Option<u64>,
) -> Result<bool, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let now = tx.now();
    let (created, expires) = arrival.times();
    let fresh_until = fresh::fresh_until(created.unwrap_or_else(|| now.seconds()), expires);
    if let Some(order) = order {
        let last = tx.last_order(Way::In, sender, agent, &arrival.thid)?;
        tx.claim_order(Way::In, sender, agent, &arrival.thid, last, order)?;
    }
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
        return Ok(false);
    }
    let mut name = [0; 12];
    entropy.fill(&mut name);
    let delivery = format!("d_{}", base64url::encode(&name));
    let asking = asking(tx, arrival)?;
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
        rule: rule.as_str().to_owned(),
        proof_anyone: arrival.proof_anyone,
        kid: arrival.kid.to_string(),
        first_contact: !tx.has_incoming(agent, sender)?,
        answer_to: asking.as_ref().map(|row| row.id.clone()),
        outcome: None,
    };
    tx.put_incoming(&row)?;
    let answers = asking.is_some();
    if let Some(mut asking) = asking {
        asking.answer = Some(delivery);
        tx.put_outgoing(&asking)?;
        tx.put_event(agent, &asking.id)?;
        if !comity {
            super::receipts::acknowledged(tx, &mut asking)?;
        }
    }
    Ok(answers)
}

/// The type of our message that opened this thread with this peer, if we opened it and it went out.
fn request_of(
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
fn is_settled_by_node(arrival: &Arrival) -> bool {
    arrival.type_().as_str() == VOID || is_nodes_own(arrival.type_())
}

/// The message of ours that asks and has no answer yet, in this thread, to this sender.
fn asking(tx: &dyn Tx, arrival: &Arrival) -> Result<Option<Outgoing>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    // Whoever asked what then ended otherwise waits for nothing any more.
    let open = |row: &Outgoing| !row.state.is_end() || row.state == OutState::Done;
    let waits = |row: &Outgoing| row.ask && row.answer.is_none() && row.to == *sender && open(row);
    if let Some(row) = tx.outgoing(agent, &arrival.thid)?
        && waits(&row)
    {
        return Ok(Some(row));
    }
    // An ask in the middle of a thread; only looked for while threads are short.
    const SHORT: u64 = 64;
    let sent = tx.last_order(Way::Out, agent, sender, &arrival.thid)?;
    if sent.is_none_or(|sent| sent > SHORT) {
        return Ok(None);
    }
    let thread = tx.thread_outgoing(&arrival.thid)?;
    Ok(thread
        .into_iter()
        .find(|row| row.agent == *agent && waits(row)))
}

/// The same message came again: the same receipts go out again.
fn again(tx: &mut dyn Tx, arrival: &Arrival) -> Result<(), CoreError> {
    let now = tx.now();
    for row in tx.receipts_of(&arrival.digest)? {
        if row.delivered && row.recipient == arrival.agent.did {
            tx.put_receipt(&ReceiptRow {
                delivered: false,
                next_attempt: now,
                ..row
            })?;
        }
    }
    Ok(())
}

/// Refuses a proved sender. Who holds or held a grant is told and the refusal recorded
/// (invariant I4); to others there is silence.
fn refuse(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: Option<&GrantRow>,
    code: &Code,
) -> Result<Verdict, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let found;
    let row = match row {
        Some(row) => Some(row),
        None => {
            found = tx.grant_between(agent, sender)?;
            found.as_ref()
        }
    };
    let Some(row) = row else {
        return Ok(Verdict::Silent);
    };
    let refused = Refused {
        message: arrival.digest,
        from: sender.clone(),
        code: code.to_string(),
        grant: Some(row.grant.id()),
    };
    // The same refusal twice is one: it has its entry and its receipt.
    let known = tx.receipts_of(&arrival.digest)?;
    if known
        .iter()
        .any(|known| known.recipient == *agent && known.sender == *sender)
    {
        again(tx, arrival)?;
        return Ok(Verdict::Told);
    }
    let entry = note(tx, entropy, Event::Refused(refused), Some(arrival.digest))?;
    let (created, expires) = arrival.times();
    let until = fresh::fresh_until(created.unwrap_or_else(|| tx.now().seconds()), expires);
    // A date far ahead is a reason to refuse, not to remember for ever.
    let until = until.min((tx.now() + defaults::EXPIRY_MAX).seconds());
    if tx.seen(agent, sender, &arrival.id)?.is_none() && tx.now().seconds() < until {
        tx.put_seen(agent, sender, &arrival.id, &arrival.digest, until)?;
    }
    if row.knock.is_some() {
        let refused = receipt(
            tx,
            arrival,
            ReceiptState::Refused,
            Some(code.clone()),
            entry,
        );
        tx.put_receipt(&refused)?;
    }
    Ok(Verdict::Told)
}

/// A tombstone for a message that is here already: what it wanted to withdraw stays.
fn void_too_late(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: Option<&GrantRow>,
) -> Result<Verdict, CoreError> {
    let Some(row) = row else {
        return Ok(Verdict::Silent);
    };
    if tx
        .receipts_of(&arrival.digest)?
        .iter()
        .any(|known| known.recipient == arrival.agent.did)
    {
        again(tx, arrival)?;
        return Ok(Verdict::Told);
    }
    let refused = Refused {
        message: arrival.digest,
        from: arrival.sender.clone(),
        code: Code::ALREADY_RECEIVED.to_string(),
        grant: Some(row.grant.id()),
    };
    let entry = note(tx, entropy, Event::Refused(refused), Some(arrival.digest))?;
    let code = Some(Code::ALREADY_RECEIVED);
    tx.put_receipt(&receipt(tx, arrival, ReceiptState::Rejected, code, entry))?;
    Ok(Verdict::Told)
}

/// The peer's keys are not those that were pinned: nothing passes until an operator decides.
pub(super) fn suspend(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &GrantRow,
    arrival: &Arrival,
) -> Result<(), CoreError> {
    suspend_for(tx, entropy, row, Some(arrival.digest))
}

/// The same, with the message that showed it, if one did.
pub(super) fn suspend_for(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &GrantRow,
    message: Option<comity_record::Digest>,
) -> Result<(), CoreError> {
    let mut row = row.clone();
    row.state = GrantState::Suspended;
    row.version += 1;
    tx.put_grant(&row)?;
    let decided = Decided {
        grant: row.grant.id(),
        approval: None,
        by: "rule:pinned-keys".to_owned(),
        outcome: Outcome::Suspended,
        message,
    };
    let id = row.grant.id();
    note(tx, entropy, Event::Decision(decided), Some(id))?;
    Ok(())
}

fn receipt(
    tx: &dyn Tx,
    arrival: &Arrival,
    state: ReceiptState,
    code: Option<Code>,
    entry: u64,
) -> ReceiptRow {
    ReceiptRow {
        message: arrival.digest,
        id: arrival.id.clone(),
        recipient: arrival.agent.did.clone(),
        sender: arrival.sender.clone(),
        state,
        code,
        at: tx.now().seconds(),
        by: By::Node.as_str().to_owned(),
        sender_kid: arrival.kid.to_string(),
        sender_key: arrival.fingerprint().to_string(),
        entry,
        deniable: !arrival.proof_anyone,
        receipt: None,
        delivered: false,
        next_attempt: tx.now(),
        attempts: 0,
    }
}

/// Lets `contact` refuse in the same way.
pub(super) fn silent(sender: &Did) -> Stop {
    tracing::debug!(%sender, "refused in silence");
    Stop::Quiet(contact::NOT_ACCEPTABLE)
}
