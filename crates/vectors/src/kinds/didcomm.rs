//! DIDComm messages: unpacking.

use comity_did::DidUrl;
use comity_didcomm::{Layer, Proof, Received, UnpackError, UnpackOptions, unpack_offline};
use serde_json::{Value, json};

use super::{Runner, known_answer};
use crate::case::{Case, Check, Stop, equal, failed, member, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let is_message = case.has(&["input"]) && case.entry["expect"].get("result").is_some();
    is_message.then_some(message as Runner)
}

/// `input`, `expect`, and `now`, `known_answer` where they matter.
fn message(case: &Case<'_>) -> Check {
    if case.has(&["known_answer"]) {
        known_answer::check(case)?;
    }
    let (input, expect) = (case.member("input")?, case.member("expect")?);
    let result = unpack(case, input);
    match expect["result"].as_str() {
        Some("ok") => {
            accepted(&try_to("unpack", result)?, expect)?;
            every_slot(case, input, expect)
        }
        Some("error") => refused(case, result, expect),
        Some("ambiguous") => allowed(result, member(expect, "allowed")?),
        _ => Err(failed("the vector expects an unknown result")),
    }
}

/// Unpacks a message as the reader of the case's folder. Text is taken as it is.
pub(super) fn unpack(case: &Case<'_>, input: &Value) -> Result<Received, UnpackError> {
    let octets = match input {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    unpack_octets(case, octets.as_bytes())
}

/// Unpacks octets as the reader of the case's folder.
pub(super) fn unpack_octets(case: &Case<'_>, octets: &[u8]) -> Result<Received, UnpackError> {
    unpack_without(case, octets, &[])
}

/// Unpacks once with each key of the reader that the outer envelope is encrypted to.
fn every_slot(case: &Case<'_>, input: &Value, expect: &Value) -> Check {
    let recipients = input.get("recipients").and_then(Value::as_array);
    let kids = recipients
        .into_iter()
        .flatten()
        .filter_map(|r| r["header"]["kid"].as_str());
    let kids: Vec<DidUrl> = kids.filter_map(|kid| DidUrl::parse(kid).ok()).collect();
    for kid in kids.iter().filter(|kid| case.ring.held_key(kid).is_some()) {
        let others: Vec<_> = kids.iter().filter(|other| *other != kid).collect();
        let received = unpack_without(case, input.to_string().as_bytes(), &others);
        accepted(&try_to(&format!("unpack with {kid}"), received)?, expect)?;
    }
    Ok(())
}

/// Unpacks as the reader of the case's folder, who has lost some keys.
fn unpack_without(
    case: &Case<'_>,
    octets: &[u8],
    lost: &[&DidUrl],
) -> Result<Received, UnpackError> {
    let mut options = UnpackOptions::default();
    options.now = case.entry.get("now").and_then(Value::as_u64);
    let key = |kid: &DidUrl| case.ring.held_key(kid).filter(|_| !lost.contains(&kid));
    let document = |did: &_| case.ring.document(did);
    unpack_offline(octets, &key, &document, &options)
}

/// Compares everything that the vector says about a readable message.
fn accepted(received: &Received, expect: &Value) -> Check {
    let plaintext: Value = try_to(
        "read the plaintext again",
        serde_json::from_slice(&received.octets),
    )?;
    equal("the plaintext", &plaintext, member(expect, "plaintext")?)?;
    let layers: Vec<&str> = received.layers.iter().map(layer_name).collect();
    let warnings: Vec<&str> = received
        .warnings
        .iter()
        .map(|warning| warning.code())
        .collect();
    let sender = received.layers.iter().find_map(|layer| match layer {
        Layer::Authcrypt { sender, .. } => Some(sender.to_string()),
        _ => None,
    });
    let signer = received
        .signed
        .as_ref()
        .map(|signed| signed.kid.to_string());
    let from_prior = received
        .from_prior
        .as_ref()
        .map(|prior| json!({"iss": prior.iss, "sub": prior.sub, "kid": prior.kid}));
    let got = [
        ("layers", json!(layers)),
        ("encrypted", json!(received.is_encrypted())),
        ("authenticated", json!(received.proof != Proof::Nobody)),
        ("non_repudiation", json!(received.signed.is_some())),
        ("warnings", json!(warnings)),
        ("encrypted_from", json!(sender)),
        ("sign_from", json!(signer)),
        ("from_prior", json!(from_prior)),
    ];
    for (name, got) in got {
        // What the vector leaves out, of members that are not always there, must not be there.
        let wanted = match expect.get(name) {
            Some(wanted) => wanted,
            None if OPTIONAL.contains(&name) => &Value::Null,
            None => continue,
        };
        equal(name, &got, wanted)?;
    }
    Ok(())
}

/// A refusal is what counts; that its class is another than the vector's is only told.
fn refused(case: &Case<'_>, result: Result<Received, UnpackError>, expect: &Value) -> Check {
    let Err(error) = result else {
        return Err(failed("the message is not refused"));
    };
    let class = error.class().name();
    if let Some(wanted) = expect.get("class").and_then(Value::as_str)
        && wanted != class
    {
        let id = case
            .entry
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        println!("note {id}: refused as {class}, not as {wanted}");
    }
    Ok(())
}

/// Any of several outcomes, written `error:CLASS` and `ok-with-warning:CODE`.
fn allowed(result: Result<Received, UnpackError>, allowed: &Value) -> Check {
    let outcomes = match &result {
        Ok(received) => received
            .warnings
            .iter()
            .map(|warning| format!("ok-with-warning:{}", warning.code()))
            .collect(),
        Err(error) => vec![format!("error:{}", error.class().name())],
    };
    let is_allowed = |outcome: &String| {
        let allowed = allowed.as_array().into_iter().flatten();
        allowed
            .filter_map(Value::as_str)
            .any(|entry| entry == outcome)
    };
    if outcomes.iter().any(is_allowed) {
        return Ok(());
    }
    Err::<(), Stop>(failed(format!(
        "ends with {outcomes:?}, which is not allowed"
    )))
}

fn layer_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Anoncrypt { .. } => "anoncrypt",
        Layer::Authcrypt { .. } => "authcrypt",
        Layer::Forward { .. } => "forward",
        Layer::Signed { .. } => "sign",
        _ => "unknown",
    }
}

/// Members of `expect` that are there only if they say something.
const OPTIONAL: [&str; 3] = ["encrypted_from", "sign_from", "from_prior"];
