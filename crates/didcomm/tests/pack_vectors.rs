//! Packing gives, octet for octet, what the vectors' ephemeral keys, content keys and nonces lead to.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

mod common;

use std::sync::Mutex;

use comity_did::DidUrl;
use comity_didcomm::{UnpackOptions, agreement_targets_on, anoncrypt_to, authcrypt, media_type};
use comity_jose::jwe::{Enc, Jwe};
use comity_jose::{Entropy, PublicKey, base64url, json};
use common::{World, entries};
use serde_json::Value;

/// Random octets that are not: the ones a vector names, in the order they are drawn.
struct Script(Mutex<Vec<Vec<u8>>>);

impl Entropy for Script {
    fn fill(&self, out: &mut [u8]) {
        let octets = self.0.lock().unwrap().remove(0);
        out.copy_from_slice(&octets);
    }
}

#[test]
fn writes_the_envelopes_of_the_known_answers() {
    let world = World::load();
    let mut written = 0;
    for vector in entries("didcomm/generated-positive") {
        let answer = &vector["known_answer"];
        // An envelope without `skid` is read but never written (JWE-24).
        if answer.is_null() || vector["id"] == "JWE-AUTH-P256-NO-SKID" {
            continue;
        }
        let envelope = vector["input"].to_string();
        let octets = world
            .unpack(envelope.as_bytes(), &UnpackOptions::default())
            .unwrap()
            .octets;
        let jwe = Jwe::parse(envelope.as_bytes(), &json::Limits::MESSAGE).unwrap();
        let entropy = script(answer);
        let targets = targets(&world, &jwe);
        let typ = media_type::ENCRYPTED;
        let packed = match jwe.skid() {
            None => anoncrypt_to(&entropy, &targets, jwe.enc(), &octets, typ),
            Some(skid) => {
                let skid = DidUrl::parse(skid).unwrap();
                let sender = &world.agreement[&skid];
                let zs: Vec<_> = targets
                    .iter()
                    .map(|(_, key)| sender.agree(key).unwrap())
                    .collect();
                authcrypt(&entropy, &skid, &zs, &targets, &octets, typ)
            }
        };
        let packed: Value = serde_json::from_str(&packed.unwrap()).unwrap();
        assert_eq!(packed, vector["input"], "{}", vector["id"]);
        written += 1;
    }
    assert_eq!(written, 7);
}

#[test]
fn the_targets_of_a_recipient_are_on_one_curve() {
    let world = World::load();
    let bob = world.document(&"did:example:bob".parse().unwrap()).unwrap();
    let targets = comity_didcomm::agreement_targets(&bob);
    assert_eq!(targets.len(), 3);
    assert_eq!(
        targets,
        agreement_targets_on(&bob, comity_jose::Curve::X25519)
    );
    assert_eq!(agreement_targets_on(&bob, comity_jose::Curve::Ed25519), []);
    let packed = comity_didcomm::anoncrypt(
        &comity_jose::SystemEntropy,
        &bob,
        Enc::A256Gcm,
        br#"{"id":"1","type":"https://example.com/x/1.0/y"}"#,
        media_type::ENCRYPTED,
    );
    let received = world
        .unpack(packed.unwrap().as_bytes(), &UnpackOptions::default())
        .unwrap();
    assert_eq!(received.plaintext.id.as_str(), "1");
}

fn script(answer: &Value) -> Script {
    let ephemeral = answer["ephemeral_private_jwk"]["d"].as_str().unwrap();
    let draws = vec![
        base64url::decode(ephemeral).unwrap(),
        unhex(answer["cek_hex"].as_str().unwrap()),
        unhex(answer["iv_hex"].as_str().unwrap()),
    ];
    Script(Mutex::new(draws))
}

/// The recipients, in the order of the envelope.
fn targets(world: &World, jwe: &Jwe) -> Vec<(DidUrl, PublicKey)> {
    let kids = jwe.recipient_kids().map(|kid| DidUrl::parse(kid).unwrap());
    kids.map(|kid| (kid.clone(), world.agreement[&kid].public().clone()))
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |octet: &u8| u8::try_from(char::from(*octet).to_digit(16).unwrap()).unwrap();
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(&pair[0]) << 4 | digit(&pair[1]))
        .collect()
}
