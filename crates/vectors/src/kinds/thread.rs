//! Threads, acknowledgements and pings.

use comity_didcomm::protocols::trust_ping;
use comity_didcomm::{MessageId, ack};
use serde_json::{Value, json};

use super::{Runner, plaintext, protocol};
use crate::case::{Case, Check, Stop, ensure, equal, failed, skipped, text, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 6] = [
        (&["received_in_order", "next_natural_reply_ack"], next_ack),
        (&["message", "effective_thid"], effective_thid),
        (&["message", "same_thread_as"], same_thread),
        (&["message", "reply_ack"], reply_ack),
        (&["message", "reply"], reply),
        (&["message", "expect"], expected),
    ];
    let known = kinds.into_iter().find(|(members, _)| case.has(members));
    known.map(|(_, runner)| runner).or_else(|| {
        let queries = case.entry.get("message")?.get("body")?.get("queries");
        queries.is_some().then_some(protocol::queries as Runner)
    })
}

/// `message`, `effective_thid`.
fn effective_thid(case: &Case<'_>) -> Check {
    let message = plaintext(case.member("message")?)?;
    equal(
        "the thread",
        message.thread().as_str(),
        case.text("effective_thid")?,
    )
}

/// `message`, `same_thread_as`: ids compare without regard to case.
fn same_thread(case: &Case<'_>) -> Check {
    let message = plaintext(case.member("message")?)?;
    equal(
        "the thread",
        message.thread(),
        &id(case.text("same_thread_as")?)?,
    )
}

/// `received_in_order`, `message_ID_please_ack`, `next_natural_reply_ack`.
fn next_ack(case: &Case<'_>) -> Check {
    let members = case.entry.as_object().into_iter().flatten();
    let asking = members.filter_map(|(name, asked)| {
        let id = name.strip_prefix("message_")?.strip_suffix("_please_ack")?;
        Some((id, asked))
    });
    let received = ids(case.member("received_in_order")?)?;
    for (id, asked) in asking {
        let message = plaintext(&json!({"id": id, "type": ANY_TYPE, "please_ack": asked}))?;
        let owed = ack::owed(&message, &received);
        equal(
            "what is acknowledged",
            owed,
            ids(case.member("next_natural_reply_ack")?)?,
        )?;
    }
    Ok(())
}

/// `message`, `reply_ack`.
fn reply_ack(case: &Case<'_>) -> Check {
    equal(
        "what is acknowledged",
        owed(case)?,
        ids(case.member("reply_ack")?)?,
    )
}

/// `message`, `reply`: a ping and its answer, or none.
fn reply(case: &Case<'_>) -> Check {
    let message = plaintext(case.member("message")?)?;
    let reply = trust_ping::response(&message, id("answer")?);
    match (reply, case.member("reply")?) {
        (None, Value::Null) => Ok(()),
        (Some(reply), wanted @ Value::Object(_)) => {
            equal("the type", reply.type_.as_str(), text(wanted, "type")?)?;
            equal("the thread", reply.thread().as_str(), text(wanted, "thid")?)
        }
        (reply, _) => Err(failed(format!(
            "whether it is answered: {}",
            reply.is_some()
        ))),
    }
}

/// `message`, and `expect` in words.
fn expected(case: &Case<'_>) -> Check {
    if case.expects_refusal() {
        return ensure(
            plaintext(case.member("message")?).is_err(),
            "the message is not refused",
        );
    }
    match case.expectation().unwrap_or_default() {
        words if words.starts_with("no pure ack") => {
            ensure(owed(case)?.is_empty(), "an acknowledgement is acknowledged")
        }
        words if words.starts_with("unknown id") => {
            let own = id(text(case.member("message")?, "id")?)?;
            ensure(
                owed(case)?.iter().all(|id| *id == own),
                "an unknown id is acknowledged",
            )
        }
        _ => Err(skipped("messages with an expectation in other words")),
    }
}

/// What is owed for `message`, the only one received.
fn owed(case: &Case<'_>) -> Result<Vec<MessageId>, Stop> {
    let mut message = case.member("message")?.clone();
    if let Some(members) = message.as_object_mut() {
        members.entry("type").or_insert_with(|| ANY_TYPE.into());
    }
    let message = plaintext(&message)?;
    Ok(ack::owed(&message, std::slice::from_ref(&message.id)))
}

fn ids(array: &Value) -> Result<Vec<MessageId>, Stop> {
    array
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(id)
        .collect()
}

fn id(text: &str) -> Result<MessageId, Stop> {
    try_to("read an id", MessageId::parse(text))
}

/// Where a vector leaves out the type of a message.
const ANY_TYPE: &str = "https://example.org/vectors/1.0/any";
