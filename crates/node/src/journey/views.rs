//! Rows as the agent's door shows them.

use super::trouble::CoreError;
use comity_api::agent::{Answered, Context, Delivery, Message, Step};
use comity_jose::{base64url, json};
use comity_store::{Incoming, Outgoing, Parked, Tx};
use serde::Deserialize;
use serde_json::Value;

/// A message of ours with its answer, if that is leased to the one who asks.
pub(crate) fn message(row: &Outgoing, answer: Option<Delivery>) -> Message {
    Message {
        id: row.id.to_string(),
        digest: row.digest.to_string(),
        to: row.to.to_string(),
        type_: row.type_.to_string(),
        thid: row.thid.to_string(),
        state: row.state.as_str().to_owned(),
        waiting_on: row.waiting_on.map(|on| on.as_str().to_owned()),
        code: row.code.as_ref().map(ToString::to_string),
        reason: row.reason.clone(),
        by: row.by.clone(),
        expires_time: row.expires,
        answer: answer.map(Box::new),
        history: steps(row),
    }
}

/// Each state that a message reached.
pub(crate) fn steps(row: &Outgoing) -> Vec<Step> {
    row.history
        .iter()
        .map(|step| Step {
            state: step.state.as_str().to_owned(),
            at: step.at,
            by: step.by.clone(),
            proof: step.proof.as_str().to_owned(),
        })
        .collect()
}

/// A leased row as a delivery.
pub(crate) fn delivery(tx: &dyn Tx, row: &Incoming) -> Result<Delivery, CoreError> {
    let octets = tx
        .message(&row.digest)?
        .ok_or(CoreError::Defect("a delivery without message"))?;
    let grant = tx.grant(&row.grant, &row.recipient)?;
    let vouches = grant.iter().filter_map(|grant| grant.vouched.as_ref());
    let issuers = vouches.flat_map(|standing| &standing.links);
    let vouched_by = issuers.map(|link| link.issuer.to_string()).collect();
    Ok(Delivery {
        delivery: row.delivery.clone(),
        lease: row.lease.clone().unwrap_or_default(),
        until: row.leased_until.seconds(),
        attempt: row.attempt,
        message: plaintext(&octets, row.proof_anyone)?,
        context: Context {
            digest: row.digest.to_string(),
            proof: if row.proof_anyone { "anyone" } else { "us" }.to_owned(),
            kid: row.kid.clone(),
            grant: row.grant.to_string(),
            rule: Some(row.rule.clone()),
            let_in_by: grant.map(|grant| grant.let_in_by),
            vouched_by,
            first_contact: row.first_contact,
            received_at: row.received.seconds(),
            answer: row.parked.as_ref().and_then(answered),
        },
    })
}

/// What became of the question of a delivery that was parked.
fn answered(parked: &Parked) -> Option<Answered> {
    let reply = parked.reply.as_ref()?;
    Some(Answered {
        question: parked.question.clone(),
        answer: reply.answer.clone(),
        timed_out: reply.answer.is_none(),
        by: reply.by.clone(),
        at: reply.at,
    })
}

/// The plaintext in kept octets: the payload of a JWS, or the octets themselves.
pub(crate) fn plaintext(octets: &[u8], signed: bool) -> Result<Value, CoreError> {
    /// Only what is needed of a JWS that was verified before it was kept.
    #[derive(Deserialize)]
    struct Kept<'a> {
        // Borrowed unless it is written with escapes, which JSON allows anywhere.
        #[serde(borrow)]
        payload: std::borrow::Cow<'a, str>,
    }
    let invalid = CoreError::Defect("a kept message that does not parse");
    if !signed {
        return json::parse(octets, &crate::limits::PLAINTEXT).map_err(|_| invalid);
    }
    let Ok(kept) = serde_json::from_slice::<Kept<'_>>(octets) else {
        return Err(invalid);
    };
    let Ok(payload) = base64url::decode(&kept.payload) else {
        return Err(invalid);
    };
    json::parse(&payload, &crate::limits::PLAINTEXT).map_err(|_| invalid)
}
