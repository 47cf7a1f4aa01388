//! Picking messages up: what a mediator answers, and what is left in its queue.

use comity_did::DidUrl;
use comity_didcomm::Plaintext;
use comity_didcomm::protocols::message_pickup::{
    Change, Connection, Decision, Delivery, Queued, Situation, decide,
};
use serde_json::{Value, json};

use super::{Runner, exchange};
use crate::case::{Case, Check, Stop, ensure, equal, failed, skipped, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let request = exchange::request(case).ok()?;
    let protocol = request.type_.protocol();
    let is_pickup = protocol.as_str().ends_with("/messagepickup/3.0");
    is_pickup.then_some(pickup as Runner)
}

/// `request`, and as far as they are there `state` and `transport`; then what is answered.
fn pickup(case: &Case<'_>) -> Check {
    let request = exchange::request(case)?;
    let mut queue = queue(
        case.entry
            .get("state")
            .and_then(Value::as_str)
            .unwrap_or(""),
    )?;
    let decision = decided(case, &request, &queue)?;
    for change in &decision.changes {
        if let Change::Remove(ids) = change {
            queue.retain(|queued| !ids.contains(&queued.id));
        }
    }
    let answer = decision
        .answer
        .message(exchange::answer_id()?, &request, |id| Some(envelope(id)));
    let answer = answer.ok_or_else(|| failed("there is no answer"))?;
    let hidden = case
        .entry
        .get("must_not_contain_body")
        .and_then(Value::as_array);
    for name in hidden.into_iter().flatten().filter_map(Value::as_str) {
        ensure(
            !answer.body.contains_key(name),
            "a member is there that must not be",
        )?;
    }
    if case.has(&["reply_type"]) {
        delivered(case, &request, &answer, &queue)?;
    } else {
        exchange::answers(&request, &answer, case.member("reply")?)?;
    }
    match case.entry.get("then").and_then(Value::as_str) {
        None => Ok(()),
        Some(words) => match words.strip_prefix("queue still holds ").map(number) {
            Some(wanted) => equal("what is queued", queue.len(), wanted?),
            None => Err(skipped("pickup with an end in other words")),
        },
    }
}

fn decided(case: &Case<'_>, request: &Plaintext, queue: &[Queued]) -> Result<Decision, Stop> {
    let transport = case.entry.get("transport").and_then(Value::as_str);
    let situation = Situation {
        proof: &exchange::proof(case)?,
        queue: Some(queue),
        connection: match transport {
            Some("websocket") => Connection::lasting(),
            _ => Connection::Single,
        },
        now: 1_760_000_000,
        delivery_bytes: 1024 * 1024,
    };
    try_to("decide", decide(request, &situation))
}

/// `reply_type`, `max_attachments`: a delivery of messages that are still queued.
fn delivered(case: &Case<'_>, request: &Plaintext, answer: &Plaintext, queue: &[Queued]) -> Check {
    exchange::answers(request, answer, &json!({"type": case.text("reply_type")?}))?;
    let delivery = try_to("read the delivery", Delivery::read(answer))?;
    let count = delivery.messages.len() as u64;
    ensure(count > 0, "nothing is delivered")?;
    if let Some(most) = case.entry.get("max_attachments").and_then(Value::as_u64) {
        ensure(count <= most, "more is delivered than was asked for")?;
    }
    let is_queued = |id: &String| queue.iter().any(|queued| queued.id == *id);
    let ids = delivery.received().message_id_list;
    ensure(
        ids.iter().all(is_queued),
        "something is delivered that is not queued",
    )
}

/// A queue in words: `3 queued`, `2 queued for r1, 1 for r2`, `3 queued with ids a,b,c`.
fn queue(state: &str) -> Result<Vec<Queued>, Stop> {
    let mut queue = Vec::new();
    let (counts, ids) = match state.split_once(" with ids ") {
        Some((counts, ids)) => (counts, ids.split(',').map(str::trim).collect()),
        None => (state, Vec::new()),
    };
    for part in counts.split(',').filter(|part| !part.trim().is_empty()) {
        let count = number(part.trim())?;
        let name = part
            .split_once(" for ")
            .map_or("r", |(_, name)| name.trim());
        for _ in 0..count {
            let index = queue.len();
            let id = ids
                .get(index)
                .map_or_else(|| format!("m{index}"), ToString::to_string);
            queue.push(Queued {
                bytes: envelope(&id).len() as u64,
                id,
                recipient: try_to("read a DID", DidUrl::parse(&exchange::did_of(name)))?,
                received_time: 1_759_000_000 + index as u64,
            });
        }
    }
    Ok(queue)
}

/// The number that words begin with.
fn number(words: &str) -> Result<usize, Stop> {
    let digits = words.split(|it: char| !it.is_ascii_digit()).next();
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| failed(format!("{words:?} does not begin with a number")))
}

/// The message of this id.
fn envelope(id: &str) -> Vec<u8> {
    let envelope = json!({"protected": id, "ciphertext": "", "iv": "", "tag": ""});
    envelope.to_string().into_bytes()
}
