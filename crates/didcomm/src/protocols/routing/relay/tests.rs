use serde_json::json;

use super::*;

fn name(text: &str) -> DidUrl {
    DidUrl::parse(text).unwrap()
}

fn payload() -> Value {
    json!({"protected": "", "ciphertext": "", "iv": "", "tag": ""})
}

fn forward(extra: &Value) -> Plaintext {
    let mut message = json!({
        "id": "f", "type": "https://didcomm.org/routing/2.0/forward",
        "body": {"next": "did:example:frank#key"}, "attachments": [{"data": {"json": payload()}}],
    });
    for (name, value) in extra.as_object().unwrap() {
        message[name] = value.clone();
    }
    Plaintext::from_value(message).unwrap()
}

/// What a mediator does for which only frank is registered, at the time 100.
fn relayed(extra: Value, messages: usize, bytes: usize) -> Relay {
    let frank = name("did:example:frank");
    let room = |next: &DidUrl| {
        is_for(&frank, next).then(|| Room {
            recipient: frank.clone(),
            messages,
            bytes,
        })
    };
    relay(&forward(&extra), 100, room)
}

#[test]
fn a_payload_is_passed_on_unaltered_and_never_acknowledged() {
    for extra in [
        json!({}),
        json!({"please_ack": [""]}),
        json!({"expires_time": 101}),
    ] {
        let Relay::Pass {
            to,
            payloads,
            delay_milli,
        } = relayed(extra, 1, 100)
        else {
            panic!("not passed on");
        };
        assert_eq!(to, name("did:example:frank"));
        assert_eq!(payloads, [payload().to_string().into_bytes()]);
        assert_eq!(delay_milli, None);
    }
    let octets = b"{ \"tag\":1,\"iv\":2, \"ciphertext\":3,\"protected\":4}\n";
    let encoded = comity_jose::base64url::encode(octets);
    let as_octets = json!({"attachments": [{"data": {"base64": encoded}}]});
    let passed = relayed(as_octets, 1, 100);
    assert!(matches!(passed, Relay::Pass { payloads, .. } if payloads[0] == octets));
    let late = relayed(json!({"delay_milli": -5}), 1, 100);
    assert!(matches!(
        late,
        Relay::Pass {
            delay_milli: Some(-5),
            ..
        }
    ));
}

#[test]
fn what_has_expired_is_dropped() {
    for expires in [1, 100] {
        assert_eq!(
            relayed(json!({"expires_time": expires}), 1, 100),
            Relay::Drop
        );
    }
}

#[test]
fn what_is_for_nobody_here_or_no_envelope_or_too_much_is_refused() {
    let refused = |extra, messages, bytes| match relayed(extra, messages, bytes) {
        Relay::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let stranger = json!({"body": {"next": "did:example:stranger"}});
    assert_eq!(refused(stranger, 1, 100), Refusal::UnknownNext);
    let plaintext = json!({"attachments": [{"data": {"json": {"id": "x"}}}]});
    assert_eq!(
        refused(plaintext, 1, 100),
        Refusal::Malformed(BodyError::Attachment)
    );
    assert_eq!(
        refused(json!({"body": {}}), 1, 100),
        Refusal::Malformed(BodyError::Body)
    );
    assert_eq!(refused(json!({}), 1, 10), Refusal::Full);
    assert_eq!(refused(json!({}), 0, 100), Refusal::Full);
    let two =
        json!({"attachments": [{"data": {"json": payload()}}, {"data": {"json": payload()}}]});
    assert_eq!(refused(two.clone(), 1, 200), Refusal::Full);
    assert!(matches!(relayed(two, 2, 200), Relay::Pass { payloads, .. } if payloads.len() == 2));
}

#[test]
fn a_registered_did_covers_its_keys_and_a_key_itself() {
    let peer = "did:peer:2.Ez6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";
    let alias = comity_did::peer::short_form(name(peer).did()).unwrap();
    let long = |rest| format!("{peer}{rest}");
    let short = |rest| format!("{alias}{rest}");
    for (registered, next, wanted) in [
        ("did:example:a", "did:example:a", true),
        ("did:example:a", "did:example:a#k", true),
        ("did:example:a#k", "did:example:a#k", true),
        ("did:example:a#k", "did:example:a", false),
        ("did:example:a#k", "did:example:a#l", false),
        ("did:example:a", "did:example:b", false),
        ("did:key:z6Mk#z6Mk", "did:key:z6Mk", true),
        ("did:key:z6Mk", "did:key:z6Mk#z6LS", true),
        ("did:key:z6Mk", "did:key:z6LS", false),
        (&long("#k"), &short("#k"), true),
        (&long("#k"), &short("#l"), false),
        (&long("#k"), &short(""), false),
    ] {
        assert_eq!(
            is_for(&name(registered), &name(next)),
            wanted,
            "{registered} {next}"
        );
    }
}
