//! Every envelope of `vectors/didcomm` is read, or refused for the right reason.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

mod common;

use comity_didcomm::{Layer, Proof, Received, UnpackError, UnpackOptions};
use common::{World, entries, texts};
use serde_json::{Value, json};

#[test]
fn reads_every_message_of_appendix_c() {
    check("didcomm/spec-appendix", 10);
}

#[test]
fn reads_and_refuses_as_the_vectors_of_other_implementations_want() {
    check("didcomm/sicpa-extra", 26);
}

#[test]
fn reads_every_combination_of_algorithms_and_layers() {
    check("didcomm/generated-positive", 21);
}

#[test]
fn refuses_everything_that_breaks_a_rule() {
    check("didcomm/negative", 68);
}

fn check(file: &str, count: usize) {
    let world = World::load();
    let vectors = entries(file);
    assert_eq!(vectors.len(), count);
    let complaints: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let result = world.unpack(&input(vector), &options(vector));
            let complaint = judge(&vector["expect"], result)?;
            Some(format!("{}: {complaint}", vector["id"]))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn input(vector: &Value) -> Vec<u8> {
    match &vector["input"] {
        Value::String(text) => text.clone().into_bytes(),
        value => value.to_string().into_bytes(),
    }
}

fn options(vector: &Value) -> UnpackOptions {
    let mut options = UnpackOptions::default();
    options.now = vector["now"].as_u64();
    options
}

fn judge(expect: &Value, result: Result<Received, UnpackError>) -> Option<String> {
    match (expect["result"].as_str().unwrap(), result) {
        ("ok", Ok(received)) => {
            let mut seen = describe(&received);
            let mut wanted = expect.clone();
            wanted.as_object_mut().unwrap().remove("result");
            for (name, value) in seen.as_object_mut().unwrap() {
                if wanted.get(name).is_none() && value.is_null() {
                    wanted[name] = Value::Null;
                }
            }
            (seen != wanted).then(|| format!("got {seen}, wanted {wanted}"))
        }
        ("ok", Err(error)) => Some(format!("refused: {error:?}")),
        ("error", Ok(_)) => Some("accepted".to_owned()),
        ("error", Err(error)) => {
            let class = expect["class"].as_str().unwrap();
            (error.class().name() != class).then(|| format!("{class} expected, not {error:?}"))
        }
        ("ambiguous", Err(error)) => {
            let outcome = format!("error:{}", error.class().name());
            (!texts(&expect["allowed"]).contains(&outcome)).then_some(outcome)
        }
        ("ambiguous", Ok(received)) => {
            let warned = received
                .warnings
                .first()
                .map_or("", |warning| warning.code());
            let outcome = format!("ok-with-warning:{warned}");
            (!texts(&expect["allowed"]).contains(&outcome)).then_some(outcome)
        }
        (other, _) => Some(format!("unknown expectation {other}")),
    }
}

/// What was received, in the words of the vectors.
fn describe(received: &Received) -> Value {
    let mut sign_from = None;
    let mut encrypted_from = None;
    let layers: Vec<&str> = received
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Authcrypt { sender, .. } => {
                encrypted_from = Some(sender.as_str());
                "authcrypt"
            }
            Layer::Signed { signer } => {
                sign_from = Some(signer.as_str());
                "sign"
            }
            _ => "anoncrypt",
        })
        .collect();
    let plaintext: Value = serde_json::from_slice(&received.octets).unwrap();
    let warnings: Vec<&str> = received
        .warnings
        .iter()
        .map(|warning| warning.code())
        .collect();
    json!({
        "plaintext": plaintext,
        "layers": layers,
        "encrypted": received.is_encrypted(),
        "authenticated": received.proof != Proof::Nobody,
        "non_repudiation": matches!(received.proof, Proof::Anyone { .. }),
        "warnings": warnings,
        "sign_from": sign_from,
        "encrypted_from": encrypted_from,
        "from_prior": received.from_prior.as_ref().map(|prior| json!({
            "iss": prior.iss,
            "sub": prior.sub,
            "kid": prior.kid,
        })),
    })
}

#[test]
fn an_unlisted_recipient_is_accepted_with_a_warning_only_where_asked_for() {
    let world = World::load();
    let vector = entries("didcomm/negative")
        .into_iter()
        .find(|vector| vector["id"] == "AMB-TO-MISMATCH")
        .unwrap();
    let mut options = options(&vector);
    assert!(world.unpack(&input(&vector), &options).is_err());
    options.accept_unlisted_recipient = true;
    let received = world.unpack(&input(&vector), &options).unwrap();
    assert_eq!(
        received.warnings,
        [comity_didcomm::Warning::RecipientNotInTo]
    );
}
