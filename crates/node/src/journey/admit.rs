//! What policy says about a message of ours, and keeping it: octets, order, entry and row in one
//! unit; and how it ends without its recipient's word.

use super::draft::SignedMessage;
use super::note::note;
use super::submit::Prepared;
use super::trouble::CoreError;
use super::trust::rules::listing;
use crate::config::Outbound;
use comity_api::Problem;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::decide::{Basis, Facts, Held, Verdict as Decided, decide};
use comity_engine::{Code, GrantState, OutState, Proved, Timestamp, WaitingOn, defaults};
use comity_record::entry::{Ended, EndedState, MessageFacts, MessageOut};
use comity_record::{Digest, Event};
use comity_store::{History, OutKind, Outgoing, StoreError, Tx, Way};

/// What policy says about sending now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes out under this grant, not before `from`.
    Queue {
        grant: Digest,
        from: Option<Timestamp>,
    },
    Hold(WaitingOn),
    Refuse(Code),
}

/// A signed message and all that its row needs.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) prepared: Prepared,
    pub(super) signed: SignedMessage,
    /// Octets as policy counts them.
    pub(super) bytes: u64,
    /// (expected last, ours) of the stream; `None` for what never leaves.
    pub(super) order: Option<(Option<u64>, u64)>,
}

/// Asks policy about one message, on what the transaction sees.
pub(crate) fn judge(
    tx: &dyn Tx,
    agent: &Did,
    prepared: &Prepared,
    bytes: u64,
    outbound: Outbound,
) -> Result<Verdict, CoreError> {
    let draft = &prepared.draft;
    let row = tx.grant_between(agent, &draft.to)?;
    let held = row.as_ref().map(|row| Held {
        grant: &row.grant,
        state: row.state,
        uses: row.sent,
        paid: row.paid_out,
        vouched_until: row.vouched_until(),
    });
    let mut facts = Facts {
        sender: agent,
        type_: &draft.type_,
        bytes,
        deniable: false,
        grant: held,
        reply_to: None,
        blocked: tx.is_blocked(&draft.to)?,
        now: tx.now(),
    };
    let mut decision = decide(&facts);
    let opened;
    if decision.basis == Basis::Type {
        opened = request_from(tx, agent, &draft.to, &draft.thid)?;
        facts.reply_to = opened.as_ref();
        decision = decide(&facts);
    }
    let code = match decision.verdict {
        Decided::Refuse(code) => code,
        passes => {
            let grant = row.map(|row| row.grant.id());
            let grant = grant.ok_or(CoreError::Defect("allowed without a grant"))?;
            let from = match passes {
                Decided::Wait(from) => Some(from),
                _ => None,
            };
            return Ok(Verdict::Queue { grant, from });
        }
    };
    let over = |until: u64| tx.now().seconds() >= until;
    let knocks = match &row {
        _ if facts.blocked || code == Code::TOO_LARGE => false,
        None => true,
        Some(row) => match row.state {
            GrantState::Offered => return Ok(Verdict::Hold(WaitingOn::Grant)),
            GrantState::Suspended => return Ok(Verdict::Hold(WaitingOn::Operator)),
            GrantState::Active => true,
            // After a revocation only an agent that says why may knock again.
            GrantState::Ended => over(row.grant.until()) || prepared.purpose.is_some(),
        },
    };
    let ended = row.as_ref().and_then(|row| row.code.clone());
    let listed = knocks && listing(tx, agent, &draft.to, &draft.type_)?.is_some();
    Ok(match outbound {
        _ if listed => Verdict::Hold(WaitingOn::Grant),
        _ if !knocks => Verdict::Refuse(ended.unwrap_or(code)),
        Outbound::Open => Verdict::Hold(WaitingOn::Grant),
        Outbound::Ask => Verdict::Hold(WaitingOn::Operator),
        Outbound::Listed => Verdict::Refuse(code),
    })
}

/// Keeps one signed message: octets, order, entry, row. Fails with a conflict if what it was
/// signed for does not hold any more.
pub(super) fn keep(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    agent: &Did,
    ready: &Ready,
    by: &str,
    outbound: Outbound,
) -> Result<Outgoing, CoreError> {
    let Ready {
        prepared,
        signed,
        bytes,
        order,
    } = ready;
    let draft = &prepared.draft;
    if tx.outgoing(agent, &draft.id)?.is_some() {
        return Err(StoreError::Conflict.into());
    }
    if tx.count_unfinished(agent)? >= defaults::OUTBOX_MAX {
        return Err(Problem::new(Code::FULL.as_str(), "the outbox is full")
            .detail("too many of your messages are under way")
            .next("wait for some to end, or cancel them")
            .retry_after(30)
            .into());
    }
    let verdict = judge(tx, agent, prepared, *bytes, outbound)?;
    if matches!(verdict, Verdict::Refuse(_)) != order.is_none() {
        return Err(StoreError::Conflict.into());
    }
    if let Some((expected, number)) = order {
        tx.claim_order(Way::Out, agent, &draft.to, &draft.thid, *expected, *number)?;
    }
    let now = tx.now();
    let (state, grant, waiting_on, code) = match &verdict {
        Verdict::Queue { grant, .. } => (OutState::Queued, Some(*grant), None, None),
        Verdict::Hold(on) => (OutState::Held, None, Some(*on), None),
        Verdict::Refuse(code) => (OutState::Refused, None, None, Some(code.clone())),
    };
    let next_attempt = match verdict {
        Verdict::Queue { grant, from } => {
            count_out(tx, agent, &grant)?;
            from.unwrap_or(now)
        }
        _ => now,
    };
    let mut row = Outgoing {
        agent: agent.clone(),
        id: draft.id.clone(),
        digest: signed.digest,
        to: draft.to.clone(),
        type_: draft.type_.clone(),
        thid: draft.thid.clone(),
        kind: OutKind::Message,
        order: order.map(|(_, number)| number),
        seq: 0,
        state,
        waiting_on,
        by: code.is_some().then(|| "node".to_owned()),
        code,
        reason: None,
        created: now,
        expires: draft.expires,
        next_attempt,
        attempts: 0,
        grant,
        purpose: prepared.purpose.clone(),
        submitted: prepared.submitted,
        ask: prepared.ask,
        answer: None,
        withdrawn: None,
        history: vec![History {
            state,
            at: now.seconds(),
            by: "node".to_owned(),
            proof: Proved::None,
        }],
    };
    tx.put_message(&signed.digest, &signed.octets)?;
    let facts = MessageFacts {
        message: signed.digest,
        id: draft.id.to_string(),
        to: draft.to.clone(),
        from: agent.clone(),
        type_: draft.type_.to_string(),
        thid: draft.thid.to_string(),
        sender_order: row.order,
        grant: row.grant,
        bytes: signed.bytes,
        causes: draft.causes.clone(),
        by: Some(by.to_owned()),
    };
    note(
        tx,
        entropy,
        Event::MessageOut(MessageOut { facts }),
        Some(signed.digest),
    )?;
    if let Some(code) = &row.code {
        end_noted(
            tx,
            entropy,
            signed.digest,
            EndedState::Failed,
            code.as_str(),
        )?;
    }
    row.seq = tx.put_outgoing(&row)?;
    tx.put_event(agent, &row.id)?;
    Ok(row)
}

/// The type of the message with which the peer opened this thread.
pub(super) fn request_from(
    tx: &dyn Tx,
    agent: &Did,
    peer: &Did,
    thid: &MessageId,
) -> Result<Option<MessageType>, CoreError> {
    // The first message of a thread is the one named like it.
    let Some(digest) = tx.seen(agent, peer, thid)? else {
        return Ok(None);
    };
    let row = tx.incoming_by_digest(agent, &digest)?;
    Ok(row.map(|row| row.type_))
}

/// Counts a message of ours under a grant that limits them.
pub(super) fn count_out(tx: &mut dyn Tx, agent: &Did, grant: &Digest) -> Result<(), CoreError> {
    let Some(mut row) = tx.grant(grant, agent)? else {
        return Ok(());
    };
    let limits = row.grant.restrictions();
    if limits.uses.is_none() && limits.rate.is_none() {
        return Ok(());
    }
    row.sent += 1;
    if let Some(rate) = limits.rate {
        row.paid_out = rate.next(row.paid_out, tx.now()).1;
    }
    tx.put_grant(&row)?;
    Ok(())
}

/// Records the end of a message of ours that no receipt proves.
pub(crate) fn end_noted(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    message: Digest,
    state: EndedState,
    reason: &str,
) -> Result<(), CoreError> {
    let ended = Ended {
        message,
        state,
        reason: reason.to_owned(),
    };
    note(tx, entropy, Event::Ended(ended), Some(message))?;
    Ok(())
}

/// `at` in the store's time, for rows that the journey changes.
pub(crate) fn ending(
    row: &mut Outgoing,
    state: OutState,
    code: Option<Code>,
    by: &str,
    at: Timestamp,
) -> bool {
    if !row.advance(state, at.seconds(), by, Proved::None) {
        return false;
    }
    row.code = code;
    row.by = Some(by.to_owned());
    true
}
