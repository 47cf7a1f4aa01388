use comity_jose::json::Limits;
use serde_json::json;

use super::*;

const TYPE: &str = "https://example.org/market-analysis/1.0/request";

fn read(value: &Value) -> Result<Plaintext, PlaintextError> {
    Plaintext::parse(value.to_string().as_bytes(), &Limits::MESSAGE)
}

/// A message with one more header.
fn with(name: &str, value: Value) -> Result<Plaintext, PlaintextError> {
    let mut message = json!({"id": "1", "type": TYPE});
    message[name] = value;
    read(&message)
}

#[test]
fn what_is_written_reads_back() {
    let message = json!({
        "id": "Ab",
        "typ": "application/didcomm-plain+json",
        "type": TYPE,
        "from": "did:web:agents.org-a.test:aria",
        "to": ["did:web:agents.org-b.test:bruno"],
        "thid": "t",
        "pthid": "p",
        "created_time": 1_795_404_926,
        "expires_time": 1_795_664_126,
        "please_ack": ["", "other"],
        "ack": ["earlier"],
        "lang": "en",
        "accept-lang": ["de", "en"],
        "from_prior": "a.b.c",
        "return_route": "thread",
        "return_route_thread": "t",
        "sender_order": 1,
        "salt": "AAECAwQFBgcICQoLDA0ODw",
        "body": {"rows": 3},
        "attachments": [
            {"id": "1", "media_type": "application/json", "data": {"json": [1]}},
            {"data": {"base64": "-_8"}},
            {"byte_count": 3, "data": {"links": ["https://a.example/x"], "hash": "zQm"}},
        ],
    });
    let read_once = read(&message).unwrap();
    assert_eq!(read_once.extra.len(), 2);
    assert_eq!(
        read_once.attachments[1].octets().unwrap(),
        [0xfb, 0xff].as_slice()
    );
    let written: Value = serde_json::from_slice(&read_once.to_octets()).unwrap();
    assert_eq!(written, message);
}

#[test]
fn a_body_is_always_written_and_never_needed() {
    let message = read(&json!({"id": "1", "type": TYPE})).unwrap();
    assert_eq!(
        message,
        Plaintext::new(message.id.clone(), message.type_.clone())
    );
    let written: Value = serde_json::from_slice(&message.to_octets()).unwrap();
    assert_eq!(written["body"], json!({}));
}

#[test]
fn a_header_with_a_field_is_not_written_twice() {
    let mut message = read(&json!({"id": "1", "type": TYPE})).unwrap();
    message.extra.insert("id".to_owned(), "2".into());
    let again = Plaintext::parse(&message.to_octets(), &Limits::MESSAGE).unwrap();
    assert_eq!(again.id.as_str(), "1");
}

#[test]
fn refuses_headers_of_another_type() {
    for (name, value) in [
        ("from", json!(["did:example:a"])),
        ("to", json!("did:example:a")),
        ("to", json!([1])),
        ("thid", json!(1)),
        ("body", json!([])),
        ("body", Value::Null),
        ("attachments", json!({})),
        ("ack", json!("1")),
        ("please_ack", json!(true)),
        ("lang", json!(1)),
        ("from_prior", json!({})),
        ("return_route", json!(1)),
    ] {
        assert!(
            matches!(with(name, value), Err(PlaintextError::Header(_))),
            "{name}"
        );
    }
    assert!(matches!(
        with("thid", "a b".into()),
        Err(PlaintextError::Id("thid"))
    ));
    assert!(matches!(
        with("ack", json!([""])),
        Err(PlaintextError::Id("ack"))
    ));
    assert!(matches!(
        with("from", "aria".into()),
        Err(PlaintextError::Did("from"))
    ));
    assert!(matches!(
        with("to", json!(["did:example:a#k"])),
        Err(PlaintextError::Did("to"))
    ));
}

#[test]
fn times_are_whole_seconds_that_every_reader_keeps() {
    for value in [
        json!("1"),
        json!(1.0),
        json!(-1),
        json!(null),
        json!(9_007_199_254_740_992_u64),
    ] {
        assert!(matches!(
            with("created_time", value),
            Err(PlaintextError::Time(_))
        ));
    }
    assert_eq!(
        with("expires_time", json!(9_007_199_254_740_991_u64))
            .unwrap()
            .expires_time,
        Some(9_007_199_254_740_991)
    );
}

#[test]
fn typ_names_plaintext_or_nothing() {
    assert!(with("typ", "didcomm-plain+json".into()).is_ok());
    assert!(with("typ", "Application/DIDComm-Plain+JSON".into()).is_err());
    for typ in [
        "application/json",
        "JWM",
        "application/didcomm-signed+json",
        "",
    ] {
        assert!(
            matches!(with("typ", typ.into()), Err(PlaintextError::Typ)),
            "{typ}"
        );
    }
}

#[test]
fn an_unknown_return_route_asks_for_nothing() {
    let route = |text: &str| with("return_route", text.into()).unwrap().return_route;
    assert_eq!(route("all"), ReturnRoute::All);
    assert_eq!(route("everything"), ReturnRoute::None);
}
