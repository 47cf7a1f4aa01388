//! Message types, ids and features of DIDComm.

use comity_didcomm::protocols::Body as _;
use comity_didcomm::protocols::discover_features::{Disclosure, Queries, Query, disclose};
use comity_didcomm::{MessageId, MessageType};
use serde_json::{Map, Value, json};

use super::{Runner, plaintext};
use crate::case::{Case, Check, ensure, equal, failed, member, skipped, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 4] = [
        (&["input", "doc_uri", "protocol_name"], message_type),
        (&["a", "b", "same_handler"], same_handler),
        (&["id_value", "expect"], message_id),
        (
            &["supported_protocols", "match", "disclosed_at_most"],
            disclosed,
        ),
    ];
    let known = kinds.into_iter().find(|(members, _)| case.has(members));
    known.map(|(_, runner)| runner).or_else(|| {
        let is_bad_type = case.entry.get("input").is_some_and(Value::is_string);
        (is_bad_type && case.expects_refusal()).then_some(bad_message_type as Runner)
    })
}

/// `input` and its parts.
fn message_type(case: &Case<'_>) -> Check {
    let parsed = try_to("read the type", MessageType::parse(case.text("input")?))?;
    equal(
        "the documentation URI",
        parsed.doc_uri(),
        case.text("doc_uri")?,
    )?;
    equal(
        "the protocol's name",
        parsed.protocol_name(),
        case.text("protocol_name")?,
    )?;
    equal(
        "the version",
        parsed.version().to_string().as_str(),
        case.text("version")?,
    )?;
    equal(
        "the message's name",
        parsed.message_name(),
        case.text("message_type")?,
    )
}

/// `input`, `expect`: no message type.
fn bad_message_type(case: &Case<'_>) -> Check {
    ensure(
        MessageType::parse(case.text("input")?).is_err(),
        "the type is not refused",
    )
}

/// `a`, `b`, `same_handler`.
fn same_handler(case: &Case<'_>) -> Check {
    let a = try_to("read a", MessageType::parse(case.text("a")?))?;
    let b = try_to("read b", MessageType::parse(case.text("b")?))?;
    let wanted = case.member("same_handler")?.as_bool();
    equal("same_handler", Some(a.matches(&b)), wanted)?;
    equal("same_handler the other way", Some(b.matches(&a)), wanted)
}

/// `id_value`, and `expect` in words.
fn message_id(case: &Case<'_>) -> Check {
    let id = MessageId::parse(case.text("id_value")?);
    match case.expectation().unwrap_or_default() {
        words if words.starts_with("accept") => try_to("read the id", id).map(drop),
        words if words.starts_with("reject") => ensure(id.is_err(), "the id is not refused"),
        _ => Err(skipped("ids with an expectation in other words")),
    }
}

/// `supported_protocols`, `match`, `disclosed_at_most`: no policy here holds anything back, so that
/// the most is what is disclosed.
fn disclosed(case: &Case<'_>) -> Check {
    let supported = strings(case.member("supported_protocols")?);
    let features: Vec<_> = supported
        .iter()
        .map(|uri| Disclosure::protocol(uri, &[]))
        .collect();
    let query = Query {
        feature_type: "protocol".into(),
        pattern: case.text("match")?.into(),
    };
    let answer = disclose(
        &Queries {
            queries: vec![query],
        },
        &features,
    );
    let got: Vec<_> = answer
        .disclosures
        .iter()
        .map(|feature| feature.id.as_str())
        .collect();
    equal(
        "what is disclosed",
        got,
        strings(case.member("disclosed_at_most")?),
    )
}

/// `message`, a query: unknown types of features are ignored, the others answered in its thread.
pub(super) fn queries(case: &Case<'_>) -> Check {
    let message = plaintext(case.member("message")?)?;
    let queries = try_to("read the queries", Queries::read_body(&message))?;
    let limit = Disclosure {
        feature_type: "constraint".into(),
        id: "max_receive_bytes".into(),
        roles: Vec::new(),
        extra: Map::from_iter([("max_receive_bytes".to_owned(), json!("1048576"))]),
    };
    let features = [
        Disclosure::protocol(
            "https://didcomm.org/trust-ping/2.0",
            &["sender", "receiver"],
        ),
        Disclosure::protocol("https://didcomm.org/routing/2.0", &["mediator"]),
        limit,
    ];
    let disclose = disclose(&queries, &features);
    let is_asked = |feature: &Disclosure| queries.queries.iter().any(|q| q.matches(feature));
    ensure(
        disclose.disclosures.iter().all(is_asked),
        "something is disclosed unasked",
    )?;
    ensure(
        !disclose.disclosures.is_empty(),
        "the query is not answered",
    )?;
    let answer = disclose.answer(
        MessageId::parse("answer").map_err(|e| failed(e.to_string()))?,
        &message,
    );
    equal("the thread of the answer", answer.thread(), &message.id)?;
    if let Some(shape) = case
        .entry
        .get("expected_disclosure_shape")
        .and_then(Value::as_object)
    {
        let body = Value::Object(answer.body);
        let disclosed = &member(&body, "disclosures")?[0];
        let missing = shape.keys().find(|name| disclosed.get(name).is_none());
        equal("the missing member", missing, None)?;
        for name in ["feature-type", "id"] {
            equal(name, disclosed.get(name), shape.get(name))?;
        }
    }
    Ok(())
}

fn strings(array: &Value) -> Vec<&str> {
    array
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
