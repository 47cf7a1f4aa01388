//! A request and what is answered: what the vectors of mediators have in common.

use comity_did::DidUrl;
use comity_didcomm::{MessageId, Plaintext, Proof};
use comity_jose::{Curve, PublicKey};
use serde_json::Value;

use super::plaintext;
use crate::case::{Case, Check, Stop, ensure, equal, text, try_to};

/// `request`, which may lack an id.
pub(super) fn request(case: &Case<'_>) -> Result<Plaintext, Stop> {
    let mut message = case.member("request")?.clone();
    if let Some(members) = message.as_object_mut() {
        members.entry("id").or_insert_with(|| "request".into());
    }
    plaintext(&message)
}

/// The id of answers.
pub(super) fn answer_id() -> Result<MessageId, Stop> {
    try_to("read an id", MessageId::parse("answer"))
}

/// What the envelope proves: by authcrypt that `did:example:sender` sent it, unless `transport` says
/// otherwise.
pub(super) fn proof(case: &Case<'_>) -> Result<Proof, Stop> {
    let transport = case.entry.get("transport").and_then(Value::as_str);
    if matches!(transport, Some("anoncrypt" | "plaintext")) {
        return Ok(Proof::Nobody);
    }
    Ok(Proof::Us {
        kid: try_to("read a key id", DidUrl::parse("did:example:sender#key"))?,
        key: try_to("read a key", PublicKey::from_raw(Curve::X25519, &[9; 32]))?,
    })
}

/// What a name in the words of a state stands for: `r1` for `did:example:r1`.
pub(super) fn did_of(name: &str) -> String {
    match name.starts_with("did:") {
        true => name.to_owned(),
        false => format!("did:example:{name}"),
    }
}

/// Checks an answer against what a vector shows of it: its type, its thread, and the members of its
/// body, more of which may be there. `<…>` stands for any text, `[<…>]` for any array of texts.
pub(super) fn answers(request: &Plaintext, answer: &Plaintext, wanted: &Value) -> Check {
    ensure(
        answer.type_.is(text(wanted, "type")?),
        "the type is another",
    )?;
    let thread = Some(request.thread());
    if wanted.get("pthid").is_some() {
        equal("the parent thread", answer.pthid.as_ref(), thread)?;
    } else {
        equal("the thread", answer.thid.as_ref(), thread)?;
    }
    let members = wanted.get("body").and_then(Value::as_object);
    for (name, wanted) in members.into_iter().flatten() {
        let got = answer.body.get(name).unwrap_or(&Value::Null);
        let is_it = got == wanted || is_example(got, wanted);
        ensure(is_it, &format!("{name} is {got}, not {wanted}"))?;
    }
    Ok(())
}

fn is_example(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::String(_), Value::String(wanted)) => {
            wanted.starts_with('<') && wanted.ends_with('>')
        }
        (Value::Array(got), Value::Array(wanted)) => {
            let [wanted] = wanted.as_slice() else {
                return false;
            };
            !got.is_empty() && got.iter().all(|got| is_example(got, wanted))
        }
        _ => false,
    }
}
