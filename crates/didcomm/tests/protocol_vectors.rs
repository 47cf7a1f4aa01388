//! The vectors of `vectors/protocol` that need nothing but types.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

mod common;

use comity_didcomm::problem::{ProblemReport, Scope, Sorter, render};
use comity_didcomm::protocols::discover_features::{self, Disclosure, Queries, Query};
use comity_didcomm::protocols::routing::{Forwarded, Hop, forward};
use comity_didcomm::protocols::{Body, trust_ping};
use comity_didcomm::{
    MessageId, MessageType, Plaintext, ProblemCode, ProtocolUri, UnpackOptions, ack,
};
use comity_jose::jwe::Enc;
use comity_jose::{SystemEntropy, json};
use common::{World, entries, texts};
use serde_json::{Value, json};

#[test]
fn message_types_are_taken_apart_and_compared() {
    for vector in entries("protocol/mturi") {
        let id = &vector["id"];
        if let Some(a) = vector.get("a") {
            let (a, b) = (type_(a), type_(&vector["b"]));
            assert_eq!(a.matches(&b), vector["same_handler"], "{id}");
            assert_eq!(a.is(b.as_str()), vector["same_handler"], "{id}");
            assert_eq!(a.protocol().covers(&b), vector["same_handler"], "{id}");
            continue;
        }
        let text = vector["input"].as_str().unwrap();
        if vector.get("expect").is_some() {
            assert!(MessageType::parse(text).is_err(), "{id}");
            continue;
        }
        let type_ = MessageType::parse(text).unwrap();
        assert_eq!(type_.doc_uri(), vector["doc_uri"], "{id}");
        assert_eq!(type_.protocol_name(), vector["protocol_name"], "{id}");
        assert_eq!(type_.version().to_string(), vector["version"], "{id}");
        assert_eq!(type_.message_name(), vector["message_type"], "{id}");
        let protocol = ProtocolUri::parse(type_.protocol().as_str()).unwrap();
        assert_eq!(protocol.name(), vector["protocol_name"], "{id}");
    }
}

#[test]
fn problem_codes_and_reports_are_read_as_the_vectors_want() {
    for vector in entries("protocol/problem-report") {
        let id = vector["id"].as_str().unwrap();
        if let Some(code) = vector.get("code") {
            check_code(id, code.as_str().unwrap(), &vector);
        } else if let Some(comment) = vector.get("comment") {
            let args = vector["args"].as_array().unwrap();
            check_comment(id, &render(comment.as_str().unwrap(), args), &vector);
        } else if let Some(warning) = vector.get("warning_code") {
            let reply = code(vector["reply_code"].as_str().unwrap());
            let valid = reply.may_answer(&code(warning.as_str().unwrap()));
            assert_eq!(valid, vector["valid"], "{id}");
        } else {
            let report = ProblemReport::read(&message(&vector["message"]));
            assert_eq!(report.is_ok(), vector["valid"], "{id}");
        }
    }
}

fn check_code(id: &str, text: &str, vector: &Value) {
    let parsed = ProblemCode::parse(text);
    assert_eq!(parsed.is_ok(), vector["valid"], "{id}");
    let Ok(code) = parsed else { return };
    if let Some(sorter) = vector.get("sorter") {
        let seen = if code.sorter() == Sorter::Error {
            "e"
        } else {
            "w"
        };
        assert_eq!(seen, sorter, "{id}");
        let scope = match code.scope() {
            Scope::Message => "m",
            Scope::Protocol => "p",
            Scope::State(name) => name,
            _ => "?",
        };
        assert_eq!(scope, vector["scope"], "{id}");
        assert_eq!(
            code.descriptors().collect::<Vec<_>>(),
            texts(&vector["descriptors"]),
            "{id}"
        );
    }
    assert!(
        texts(&vector["matches_prefix"])
            .iter()
            .all(|prefix| code.matches(prefix)),
        "{id}"
    );
    let unmatched = texts(&vector["must_not_match_prefix"]);
    assert!(!unmatched.iter().any(|prefix| code.matches(prefix)), "{id}");
}

fn check_comment(id: &str, rendered: &str, vector: &Value) {
    if let Some(expected) = vector.get("rendered") {
        assert_eq!(rendered, expected, "{id}");
    }
    if let Some(start) = vector.get("rendered_starts_with") {
        assert!(
            rendered.starts_with(start.as_str().unwrap()),
            "{id}: {rendered}"
        );
    }
    let mut rest = rendered;
    for part in texts(&vector["must_contain_in_order"]) {
        let at = rest.find(&part).unwrap();
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn features_are_disclosed_by_wildcard_only() {
    for vector in entries("protocol/discover-features") {
        if let Some(supported) = vector.get("supported_protocols") {
            let features: Vec<_> = texts(supported)
                .iter()
                .map(|uri| Disclosure::protocol(uri, &[]))
                .collect();
            let query = Query {
                feature_type: "protocol".to_owned(),
                pattern: vector["match"].as_str().unwrap().to_owned(),
            };
            let disclosed = discover_features::disclose(
                &Queries {
                    queries: vec![query],
                },
                &features,
            );
            let ids: Vec<_> = disclosed
                .disclosures
                .into_iter()
                .map(|one| one.id)
                .collect();
            assert_eq!(ids, texts(&vector["disclosed_at_most"]), "{}", vector["id"]);
        } else {
            let message = message(&vector["message"]);
            let queries = Queries::read_body(&message).unwrap();
            let ping = Disclosure::protocol("https://didcomm.org/trust-ping/2.0", &["receiver"]);
            let answer = discover_features::disclose(&queries, [&ping])
                .answer(MessageId::generate(&SystemEntropy), &message);
            assert_eq!(answer.thread(), &message.id);
            let asked = queries
                .queries
                .iter()
                .any(|query| query.feature_type == "protocol");
            let count = answer.body["disclosures"].as_array().unwrap().len();
            assert_eq!(count, usize::from(asked), "{}", vector["id"]);
        }
    }
}

#[test]
fn threads_and_acknowledgements_follow_the_vectors() {
    for vector in entries("protocol/thread-ack") {
        let id = vector["id"].as_str().unwrap();
        match id {
            "TH-1" => assert_eq!(message(&vector["message"]).thread().as_str(), "A1"),
            "TH-2" => {
                let same = vector["same_thread_as"].as_str().unwrap();
                assert_eq!(message(&vector["message"]).thread(), &ids(&[same])[0]);
            }
            "TH-3" => assert!(parse(&vector["message"]).is_err()),
            "ACK-1" => {
                let received = texts(&vector["received_in_order"]);
                let received: Vec<_> = received
                    .iter()
                    .map(|id| MessageId::parse(id).unwrap())
                    .collect();
                let asking = with_type(json!({
                    "id": "xyz", "please_ack": vector["message_xyz_please_ack"],
                }));
                let owed = ack::owed(&asking, &received);
                assert_eq!(json!(owed), vector["next_natural_reply_ack"]);
            }
            "ACK-2" => {
                let owed = ack::owed(&with_type(vector["message"].clone()), &[]);
                assert_eq!(json!(owed), vector["reply_ack"]);
            }
            "ACK-3" => assert_eq!(ack::owed(&message(&vector["message"]), &ids(&["m1"])), []),
            "ACK-4" => {
                let owed = ack::owed(&with_type(vector["message"].clone()), &ids(&["m2"]));
                assert_eq!(owed, ids(&["m3"]));
            }
            "PING-1" | "PING-2" => {
                let reply =
                    trust_ping::response(&message(&vector["message"]), ids(&["r"])[0].clone());
                assert_eq!(reply.is_some(), !vector["reply"].is_null());
                if let Some(reply) = reply {
                    assert_eq!(reply.type_.as_str(), vector["reply"]["type"]);
                    assert_eq!(reply.thread().as_str(), vector["reply"]["thid"]);
                }
            }
            // A count over time: the engine's.
            "ERRMAX-1" => {}
            "ID-UUID" | "ID-RESERVED" | "ID-LONG" => {
                let accepted = MessageId::parse(vector["id_value"].as_str().unwrap()).is_ok();
                assert_eq!(accepted, id == "ID-UUID", "{id}");
            }
            other => panic!("unknown vector {other}"),
        }
    }
}

/// The registration of `next` and the expiry of a forward are the mediator's business.
#[test]
fn forwards_are_read_as_a_mediator_must() {
    for vector in entries("protocol/routing") {
        let Some(plaintext) = vector.get("decrypted_forward") else {
            continue;
        };
        let read = Forwarded::read(&message(plaintext));
        let id = vector["id"].as_str().unwrap();
        let unreadable = ["FWD-NO-NEXT", "FWD-NO-ATT", "FWD-PLAINTEXT-ATT"].contains(&id);
        assert_eq!(read.is_err(), unreadable, "{id}");
        if let Ok(read) = read {
            assert_eq!(read.payloads.len(), 1, "{id}");
        }
    }
}

#[test]
fn a_chain_of_forwards_opens_hop_by_hop() {
    let world = World::load();
    let chain = entries("protocol/routing").remove(0);
    let options = UnpackOptions::default();
    let mut envelope = chain["outermost"].to_string().into_bytes();
    for hop in chain["hops"].as_array().unwrap() {
        let received = world.unpack(&envelope, &options).unwrap();
        let seen: Value = serde_json::from_slice(&received.octets).unwrap();
        assert_eq!(seen, hop["decrypted_forward"]);
        let forwarded = Forwarded::read(&received.plaintext).unwrap();
        assert_eq!(
            forwarded.next.as_str(),
            hop["decrypted_forward"]["body"]["next"]
        );
        envelope = forwarded.payloads.into_iter().next().unwrap();
    }
    let received = world.unpack(&envelope, &options).unwrap();
    let seen: Value = serde_json::from_slice(&received.octets).unwrap();
    assert_eq!(seen, chain["innermost_plaintext"]);
}

#[test]
fn what_is_wrapped_for_routing_keys_opens_hop_by_hop() {
    let world = World::load();
    let hops = [
        "did:example:mediator3",
        "did:example:mediator2",
        "did:example:mediator1",
    ]
    .map(|did| {
        let document = world.document(&did.parse().unwrap()).unwrap();
        let (kid, key) = comity_didcomm::agreement_targets(&document).remove(0);
        Hop::new(kid, key)
    });
    let charlie = "did:example:charlie".parse().unwrap();
    let inner = comity_didcomm::anoncrypt(
        &SystemEntropy,
        &world.document(&charlie).unwrap(),
        Enc::A256Gcm,
        br#"{"id":"1","type":"https://example.com/x/1.0/y"}"#,
        comity_didcomm::media_type::ENCRYPTED,
    )
    .unwrap();
    let next = charlie.into();
    let outer = forward(
        &SystemEntropy,
        &next,
        &hops,
        inner.clone(),
        Enc::A256Gcm,
        Some(9),
    )
    .unwrap();
    let mut envelope = outer.into_bytes();
    for index in 0..hops.len() {
        let received = world.unpack(&envelope, &UnpackOptions::default()).unwrap();
        assert_eq!(received.plaintext.expires_time, Some(9));
        assert_eq!(received.recipient.as_ref(), Some(&hops[index].name));
        assert_eq!(received.plaintext.from, None);
        assert_eq!(received.plaintext.please_ack, []);
        assert!(received.plaintext.attachments[0].data.json.is_some());
        let forwarded = Forwarded::read(&received.plaintext).unwrap();
        assert_eq!(
            &forwarded.next,
            hops.get(index + 1).map_or(&next, |hop| &hop.name)
        );
        envelope = forwarded.payloads.into_iter().next().unwrap();
    }
    assert_eq!(envelope, inner.into_bytes());
}

fn parse(value: &Value) -> Result<Plaintext, comity_didcomm::PlaintextError> {
    Plaintext::parse(value.to_string().as_bytes(), &json::Limits::MESSAGE)
}

fn message(value: &Value) -> Plaintext {
    parse(value).unwrap()
}

fn with_type(mut value: Value) -> Plaintext {
    value["type"] = "https://x.example/p/1.0/m".into();
    message(&value)
}

fn type_(value: &Value) -> MessageType {
    MessageType::parse(value.as_str().unwrap()).unwrap()
}

fn code(text: &str) -> ProblemCode {
    ProblemCode::parse(text).unwrap()
}

fn ids(texts: &[&str]) -> Vec<MessageId> {
    texts
        .iter()
        .map(|text| MessageId::parse(text).unwrap())
        .collect()
}
