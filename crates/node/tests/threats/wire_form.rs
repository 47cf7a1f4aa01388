//! Form, at the wire: size, truncation, depth, names twice, other types, `crit`, tampering.
//!
//! Each class is tried at every layer that it can reach: the envelope, its protected header, the
//! signed message, its header, the plaintext. Inner layers are built with good signatures and good
//! encryption, by strangers and by the friend: what is refused is the form, not the sender.

use crate::toolkit::chaos::{duplicated, flips, nested, substitutions, truncations};
use crate::toolkit::{Case, Chaos, Identity, Scene, seal, seal_with};
use comity_jose::base64url;
use serde_json::{Value, json};

const TYP: &str = r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;

fn as_object(text: &[u8]) -> serde_json::Map<String, Value> {
    match serde_json::from_slice(text).unwrap() {
        Value::Object(members) => members,
        _ => panic!("not an object"),
    }
}

/// What was cut short anywhere is refused, whoever cut it.
#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_cut_at_any_offset_is_refused() {
    let scene = Scene::new().await;
    let message = scene.good();
    let envelope = scene.friend.send(&scene.bruno, &message);
    let mut cases = truncations(&envelope, 1_200);
    // Cut inside: the signed message and the plaintext, encrypted and signed again by the friend.
    let signed = scene.friend.sign(&message);
    for case in truncations(signed.as_bytes(), 300) {
        cases.push(Case::new(
            format!("signed, {}", case.name),
            seal(&scene.bruno, &case.octets),
        ));
    }
    for case in truncations(message.to_string().as_bytes(), 300) {
        let signed = scene.friend.sign_octets(&case.octets);
        cases.push(Case::new(
            format!("plaintext, {}", case.name),
            seal(&scene.bruno, signed.as_bytes()),
        ));
    }
    let count = scene.all_refused(cases).await;
    assert!(count > 1_500, "{count} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_layer_is_refused() {
    let scene = Scene::new().await;
    let chaos = Chaos::new(0x7a3b);
    let message = scene.good();
    let signed = scene.friend.sign(&message);
    let mut cases = Vec::new();
    for case in flips(&chaos, signed.as_bytes(), 600) {
        // The key id stands outside the signature. Spelled otherwise it names no key of the signer.
        cases.push(Case::new(
            format!("signed, {}", case.name),
            seal(&scene.bruno, &case.octets),
        ));
    }
    let envelope = scene.friend.send(&scene.bruno, &message);
    cases.extend(flips(&chaos, &envelope, 1_200));
    let count = scene.all_refused(cases).await;
    assert!(count > 1_500, "{count} cases");
}

/// Parts of one good envelope in another: each is genuine, together they are not.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_two_good_envelopes_do_not_make_a_third() {
    let scene = Scene::new().await;
    let mut cases = Vec::new();
    for round in 0..20 {
        let pair = || as_object(&scene.friend.send(&scene.bruno, &scene.good()));
        let (one, other) = (pair(), pair());
        for name in ["protected", "recipients", "iv", "ciphertext", "tag"] {
            let mut mixed = one.clone();
            mixed[name] = other[name].clone();
            let octets = Value::Object(mixed).to_string();
            cases.push(Case::new(
                format!("round {round}: {name} of another"),
                octets,
            ));
        }
        let pair = || as_object(scene.friend.sign(&scene.good()).as_bytes());
        let (one, other) = (pair(), pair());
        for name in ["payload", "signatures"] {
            let mut mixed = one.clone();
            mixed[name] = other[name].clone();
            let octets = seal(&scene.bruno, Value::Object(mixed).to_string().as_bytes());
            cases.push(Case::new(
                format!("round {round}: signed {name} of another"),
                octets,
            ));
        }
    }
    scene.all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_nested_too_deep_is_refused_at_every_layer() {
    let scene = Scene::new().await;
    let message = as_object(scene.good().to_string().as_bytes());
    let envelope = as_object(&scene.friend.send(&scene.bruno, &scene.good()));
    let signed = as_object(scene.friend.sign(&scene.good()).as_bytes());
    let mut cases = Vec::new();
    for depth in (32..=200).step_by(7).chain([400, 1_000, 5_000, 50_000]) {
        for (form, text) in nested(&envelope, "x", depth).into_iter().enumerate() {
            cases.push(Case::new(
                format!("envelope, depth {depth}, form {form}"),
                text,
            ));
        }
        for (form, text) in nested(&signed, "x", depth).into_iter().enumerate() {
            let octets = seal(&scene.bruno, text.as_bytes());
            cases.push(Case::new(
                format!("signed, depth {depth}, form {form}"),
                octets,
            ));
        }
        for (form, text) in nested(&message, "x", depth).into_iter().enumerate() {
            let octets = seal(
                &scene.bruno,
                scene.friend.sign_octets(text.as_bytes()).as_bytes(),
            );
            cases.push(Case::new(
                format!("plaintext, depth {depth}, form {form}"),
                octets,
            ));
        }
    }
    scene.all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_named_twice_is_refused_at_every_layer() {
    let scene = Scene::new().await;
    let message = as_object(scene.good().to_string().as_bytes());
    let envelope = as_object(&scene.friend.send(&scene.bruno, &scene.good()));
    let signed = as_object(scene.friend.sign(&scene.good()).as_bytes());
    let mut cases = Vec::new();
    for (name, text) in duplicated(&envelope) {
        cases.push(Case::new(format!("envelope: {name}"), text));
    }
    for (name, text) in duplicated(&signed) {
        cases.push(Case::new(
            format!("signed: {name}"),
            seal(&scene.bruno, text.as_bytes()),
        ));
    }
    for (name, text) in duplicated(&message) {
        let octets = seal(
            &scene.bruno,
            scene.friend.sign_octets(text.as_bytes()).as_bytes(),
        );
        cases.push(Case::new(format!("plaintext: {name}"), octets));
    }
    for (name, text) in duplicated(&as_object(message["body"].to_string().as_bytes())) {
        let body = format!("\"body\":{text}");
        let mut rest = message.clone();
        rest.remove("body");
        let rest = Value::Object(rest).to_string();
        let plaintext = format!("{},{body}}}", &rest[..rest.len() - 1]);
        let octets = seal(
            &scene.bruno,
            scene.friend.sign_octets(plaintext.as_bytes()).as_bytes(),
        );
        cases.push(Case::new(format!("body: {name}"), octets));
    }
    for (name, text) in duplicated(&as_object(TYP.as_bytes())) {
        let signed = scene
            .friend
            .sign_with(&text, Value::Object(message.clone()).to_string().as_bytes());
        cases.push(Case::new(
            format!("signature's header: {name}"),
            seal(&scene.bruno, signed.as_bytes()),
        ));
    }
    let count = scene.all_refused(cases).await;
    assert!(count > 150, "{count} cases");
}

/// Members that make a message another message, or none: nothing that is not a message is taken for
/// one. Where the other type is legal for that member, the message may be accepted; it must never
/// be anything between the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_another_type_is_refused_or_harmless_at_every_layer() {
    let scene = Scene::new().await;
    let nothing = scene.nothing_to_know().await;
    let mut refused = Vec::new();
    let envelope = scene.friend.send(&scene.bruno, &scene.good());
    for (name, value) in substitutions(&serde_json::from_slice(&envelope).unwrap()) {
        refused.push(Case::new(format!("envelope: {name}"), value.to_string()));
    }
    let signed = scene.friend.sign(&scene.good());
    for (name, value) in substitutions(&serde_json::from_str(&signed).unwrap()) {
        // The whole unprotected header of the signature is its kid: without it nobody signed.
        refused.push(Case::new(
            format!("signed: {name}"),
            seal(&scene.bruno, value.to_string().as_bytes()),
        ));
    }
    let count = scene.all_refused(refused).await;
    assert!(count > 200, "{count} cases");

    // The plaintext, signed by a granted peer: refused with nothing kept, refused and recorded
    // (it was a readable message of a proved peer), or accepted; never an answer of another kind.
    let mut line = scene.line().await;
    for (name, value) in substitutions(&scene.good()) {
        let answer = line
            .envelope(&scene.friend.send(&scene.bruno, &value))
            .await;
        let known = answer == nothing || [202, 409].contains(&answer.status);
        assert!(known && answer.body.is_empty(), "{name}: {answer:?}");
    }
    while let Some(delivery) = scene.lease_within("bruno", std::time::Duration::ZERO).await {
        for member in ["id", "type", "from"] {
            assert!(delivery.message[member].is_string(), "{}", delivery.message);
        }
        assert!(delivery.message["body"].is_object() || delivery.message.get("body").is_none());
        scene.done("bruno", &delivery).await;
    }
    scene.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn critical_and_confusing_headers_are_refused_though_everything_else_is_right() {
    let scene = Scene::new().await;
    let message = scene.good().to_string();
    let signed = scene.friend.sign(&scene.good());
    let mut cases = Vec::new();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("zip", json!("DEF")),
        ("alg", json!("none")),
        ("alg", json!("dir")),
        ("alg", json!("ECDH-ES")),
        ("alg", json!("ECDH-1PU+A256KW")),
        ("alg", json!("RSA-OAEP")),
        ("enc", json!("A128GCM")),
        ("enc", json!("A256GCM")),
        ("apu", json!("AAAA")),
        ("skid", json!(scene.friend.agreement_kid)),
        ("apv", json!("AAAA")),
        ("typ", json!("application/jose")),
        ("typ", json!("application/didcomm-plain+json")),
        (
            "epk",
            json!({"kty": "OKP", "crv": "X25519", "x": base64url::encode(&[0; 32])}),
        ),
        (
            "epk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(&[9; 32])}),
        ),
        ("epk", json!({"kty": "oct", "k": "AAAA"})),
        ("kid", json!("did:example:x#1")),
    ] {
        let octets = seal_with(&scene.bruno, signed.as_bytes(), |protected, _| {
            protected[name] = value.clone();
        });
        cases.push(Case::new(
            format!("envelope's header: {name} {value}"),
            octets,
        ));
        // Outside the protected header these say nothing, and nothing listens to them.
        if ["apu", "skid", "kid"].contains(&name) {
            continue;
        }
        let octets = seal_with(&scene.bruno, signed.as_bytes(), |_, envelope| {
            envelope["unprotected"] = json!({name: value});
        });
        cases.push(Case::new(format!("unprotected: {name} {value}"), octets));
        let octets = seal_with(&scene.bruno, signed.as_bytes(), |_, envelope| {
            envelope["recipients"][0]["header"][name] = value.clone();
        });
        cases.push(Case::new(
            format!("recipient's header: {name} {value}"),
            octets,
        ));
    }
    for protected in [
        r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA","crit":["exp"],"exp":1}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA","crit":[]}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA","b64":false,"crit":["b64"]}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"none"}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"HS256"}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"ES256"}"#,
        r#"{"typ":"application/didcomm-signed+json"}"#,
        r#"{"typ":"application/didcomm-encrypted+json","alg":"EdDSA"}"#,
        r#"{"typ":"comity-receipt+jws","alg":"EdDSA"}"#,
        r#"{"typ":7,"alg":"EdDSA"}"#,
        r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA","jwk":{"kty":"OKP"},"crit":["jwk"]}"#,
    ] {
        let signed = scene.friend.sign_with(protected, message.as_bytes());
        cases.push(Case::new(
            format!("signature's {protected}"),
            seal(&scene.bruno, signed.as_bytes()),
        ));
    }
    // The author named in two places, which may differ.
    let both = format!(
        r#"{{"typ":"application/didcomm-signed+json","alg":"EdDSA","kid":"{}"}}"#,
        Identity::key(99).kid
    );
    let signed = scene.friend.sign_with(&both, message.as_bytes());
    cases.push(Case::new(
        "kid in two headers",
        seal(&scene.bruno, signed.as_bytes()),
    ));
    scene.all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let scene = Scene::new().await;
    let before = scene.rows().await;
    let mut line = scene.line().await;
    let most = comity_engine::defaults::ENVELOPE_BYTES_MAX;
    for size in [most + 1, most + 65_536, most * 2, most * 4] {
        let head = format!("POST /didcomm HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        let octets = [head.as_bytes(), &vec![b'x'; size]].concat();
        // Whoever goes on writing after the answer may find the connection closed before he reads.
        if let Some(answer) = line.raw(&octets).await {
            assert_eq!(
                (answer.status, answer.body.len()),
                (413, 0),
                "{size}: {answer:?}"
            );
        }
    }
    // Announced, never sent: refused on the announcement.
    for announced in ["4194305", "99999999999", "18446744073709551615"] {
        let head =
            format!("POST /didcomm HTTP/1.1\r\nhost: x\r\ncontent-length: {announced}\r\n\r\n");
        let answer = scene
            .line()
            .await
            .raw(head.as_bytes())
            .await
            .expect("an answer");
        // What is not even a number of octets is a malformed head.
        assert!(
            [413, 431].contains(&answer.status),
            "{announced}: {answer:?}"
        );
    }
    assert_eq!(scene.rows().await, before);
    // Large inside: many tiny values, many recipients.
    let mut cases = Vec::new();
    let many = format!("[{}0]", "0,".repeat(300_000));
    cases.push(Case::new("many values", many.into_bytes()));
    let mut wide = scene.good();
    wide["body"]["x"] = vec![0; comity_engine::defaults::JSON_NODES_MAX + 1].into();
    cases.push(Case::new(
        "many values inside",
        scene.friend.send(&scene.bruno, &wide),
    ));
    for count in [65, 1_000, 20_000] {
        let octets = seal_with(&scene.bruno, b"{}", |_, envelope| {
            let one = envelope["recipients"][0].clone();
            let list = envelope["recipients"].as_array_mut().unwrap();
            for index in 0..count {
                let mut other = one.clone();
                other["header"]["kid"] = format!("did:web:x.test:y#{index}").into();
                other["encrypted_key"] = base64url::encode(&[0; 72]).into();
                list.push(other);
            }
        });
        cases.push(Case::new(format!("{count} recipients"), octets));
    }
    scene.all_refused(cases).await;
}

/// A plaintext over its bound, in an envelope within its own: told to the peer, kept nowhere, and
/// the agent's other mail is handed out as ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_plaintext_over_its_bound_is_refused_and_holds_up_no_inbox() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let most = comity_engine::defaults::PLAINTEXT_BYTES_MAX;
    for size in [most - 600, most, most + 1_024, most * 3 / 2, most * 2] {
        let mut large = scene.good();
        large["body"]["x"] = "y".repeat(size).into();
        let (bytes, before) = (large.to_string().len(), scene.last_entry().await);
        let answer = line
            .envelope(&scene.friend.send(&scene.bruno, &large))
            .await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (202, 0),
            "{size}: {answer:?}"
        );
        let entries = scene.entries_after(before).await;
        if bytes <= most {
            scene
                .done("bruno", &scene.lease("bruno").await.unwrap())
                .await;
        } else {
            let record = entries[0].record.as_ref().unwrap();
            assert_eq!(record["code"], "e.p.me.res.too-large", "{size}: {record}");
        }
        scene.still_serves().await;
    }
}
