//! What is not let in although its sender is proved: told, recorded, remembered (invariant I4).

use super::accept::{Verdict, is_settled_by_node};
use super::claims::Arrival;
use super::foreign::report_id;
use super::note::note;
use super::own::ContactRow;
use super::trouble::CoreError;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, GrantState, defaults, fresh};
use comity_jose::Entropy;
use comity_record::entry::{Decided, Outcome, Refused};
use comity_record::receipt::By;
use comity_record::{EntryKind, Event};
use comity_store::{GrantRow, ReceiptRow, Tx};

/// The same message came again: the same receipts go out again.
pub(super) fn again(tx: &mut dyn Tx, arrival: &Arrival) -> Result<(), CoreError> {
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

/// Refuses a proved sender who holds or held a grant: he is told, and the refusal recorded. A
/// Comity node gets a receipt, other software a problem report, which has to be signed first.
pub(super) fn refuse(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: &GrantRow,
    code: &Code,
    report: Option<&ContactRow>,
) -> Result<Verdict, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let comity = row.knock.is_some();
    // The same refusal twice is one: it has its entry, and its receipt or report.
    let known = tx.receipts_of(&arrival.digest)?;
    if known
        .iter()
        .any(|known| known.recipient == *agent && known.sender == *sender)
    {
        again(tx, arrival)?;
        return Ok(Verdict::Told);
    }
    let noted = || {
        let entries = tx.entries_about(&arrival.digest)?;
        let kind = EntryKind::Refused.as_str();
        Ok::<_, CoreError>(entries.iter().any(|entry| entry.kind == kind))
    };
    if !comity && noted()? {
        return Ok(Verdict::Told);
    }
    let reports = !comity && !is_settled_by_node(arrival);
    if reports {
        // The reason may be another than when the report was made.
        let id = report_id(&arrival.digest, code)?;
        let Some(report) = report.filter(|report| report.row.id == id) else {
            return Ok(Verdict::Untold(code.clone()));
        };
        report.keep(tx)?;
    }
    let refused = Refused {
        message: arrival.digest,
        from: sender.clone(),
        code: code.to_string(),
        grant: Some(row.grant.id()),
    };
    let entry = note(tx, entropy, Event::Refused(refused), Some(arrival.digest))?;
    let (created, expires) = arrival.times();
    let until = fresh::fresh_until(created.unwrap_or_else(|| tx.now().seconds()), expires);
    // A date far ahead is a reason to refuse, not to remember for ever.
    let until = until.min((tx.now() + defaults::EXPIRY_MAX).seconds());
    if tx.seen(agent, sender, &arrival.id)?.is_none() && tx.now().seconds() < until {
        tx.put_seen(agent, sender, &arrival.id, &arrival.digest, until)?;
    }
    if comity {
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
pub(super) fn void_too_late(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
    row: &GrantRow,
) -> Result<Verdict, CoreError> {
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
        vouches: Vec::new(),
        asked: None,
    };
    let id = row.grant.id();
    note(tx, entropy, Event::Decision(decided), Some(id))?;
    Ok(())
}

pub(super) fn receipt(
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
