//! Forwarding: reading what mediators read, and what a recipient reads behind them.

use std::borrow::Cow;

use comity_did::{Did, DidUrl, Service};
use comity_didcomm::protocols::routing::{Forwarded, Relay, Room, is_for, relay};
use comity_didcomm::{Attachment, Layer, Plaintext};
use serde_json::Value;

use super::{Runner, didcomm, plaintext};
use crate::case::{Case, Check, Stop, ensure, equal, failed, member, text, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 4] = [
        (&["outermost", "hops", "innermost_plaintext"], chain),
        (&["outermost", "decrypted_forward"], forward),
        (&["received", "inner_plaintext"], rewrapped),
        (&["decrypted_forward", "expect"], judged),
    ];
    kinds
        .into_iter()
        .find(|(members, _)| case.has(members))
        .map(|(_, runner)| runner)
}

/// `service`, `outermost`, `hops`, `innermost_plaintext`: from the sender's reading of the service
/// to the recipient.
fn chain(case: &Case<'_>) -> Check {
    let mut envelope = case.member("outermost")?.to_string().into_bytes();
    let hops = case.member("hops")?.as_array();
    let hops = hops.ok_or_else(|| failed("hops of the vector is not an array"))?;
    if let Some(service) = case.entry.get("service") {
        route(service, hops)?;
    }
    for hop in hops {
        let forwarded = read_forward(case, &envelope, member(hop, "decrypted_forward")?)?;
        equal("next", forwarded.next.as_str(), text(hop, "next")?)?;
        envelope = only_payload(forwarded)?;
    }
    let received = try_to(
        "unpack the message",
        didcomm::unpack_octets(case, &envelope),
    )?;
    equal_json(
        "the message",
        &received.octets,
        case.member("innermost_plaintext")?,
    )
}

/// The routing keys of the service are the `next` of all hops but the last.
fn route(service: &Value, hops: &[Value]) -> Check {
    let service = service
        .as_array()
        .and_then(|services| services.first())
        .unwrap_or(service);
    let last = hops
        .last()
        .ok_or_else(|| failed("the vector has no hops"))?;
    let recipient = try_to("read next", DidUrl::parse(text(last, "next")?))?;
    let service = try_to("read the service", Service::parse(recipient.did(), service))?;
    let endpoint = service
        .endpoints
        .first()
        .ok_or_else(|| failed("there is no endpoint"))?;
    let nexts = hops
        .iter()
        .map(|hop| text(hop, "next"))
        .collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<&str> = endpoint.routing_keys.iter().map(DidUrl::as_str).collect();
    equal(
        "the routing keys",
        keys.as_slice(),
        &nexts[..nexts.len() - 1],
    )
}

/// `outermost`, `decrypted_forward`.
fn forward(case: &Case<'_>) -> Check {
    let envelope = case.member("outermost")?.to_string();
    let forwarded = read_forward(case, envelope.as_bytes(), case.member("decrypted_forward")?)?;
    let payload = only_payload(forwarded)?;
    try_to("unpack the message", didcomm::unpack_octets(case, &payload)).map(drop)
}

/// `received`, `inner_plaintext`: a forward to the recipient itself, inside which is the message.
fn rewrapped(case: &Case<'_>) -> Check {
    let received = try_to(
        "unpack the message",
        didcomm::unpack(case, case.member("received")?),
    )?;
    let is_forward = |layer: &Layer| matches!(layer, Layer::Forward { .. });
    ensure(
        received.layers.iter().any(is_forward),
        "there is no forward around the message",
    )?;
    equal_json(
        "the message",
        &received.octets,
        case.member("inner_plaintext")?,
    )
}

/// `decrypted_forward`, `expect`, and as far as it is there `now`: what a mediator does for which
/// the reader is registered.
fn judged(case: &Case<'_>) -> Check {
    let message = plaintext(case.member("decrypted_forward")?)?;
    let now = case.entry.get("now").and_then(Value::as_u64);
    let room = |next: &DidUrl| {
        let recipient = DidUrl::from(next.did().clone());
        (is_ours(case, next.did()) && is_for(&recipient, next)).then_some(Room {
            recipient,
            messages: 16,
            bytes: 1024 * 1024,
        })
    };
    match relay(&message, now.unwrap_or_default(), room) {
        Relay::Refuse(_) if case.expects_refusal() => Ok(()),
        Relay::Drop if case.expectation() == Some("drop") => Ok(()),
        Relay::Pass { payloads, .. } if case.expectation() == Some("forward-without-ack") => {
            passed_unaltered(&message, &payloads)
        }
        done => Err(failed(format!("the mediator's decision is {done:?}"))),
    }
}

/// What is passed on is what was attached. A decision to pass on has no place for an
/// acknowledgement.
fn passed_unaltered(message: &Plaintext, payloads: &[Vec<u8>]) -> Check {
    let attached = message.attachments.iter().map(Attachment::octets);
    let attached: Vec<_> = attached.map(Option::unwrap_or_default).collect();
    let payloads: Vec<_> = payloads.iter().map(Cow::from).collect();
    equal("what is passed on", payloads, attached)
}

/// Opens an envelope and reads the forward in it, which must be the one expected.
fn read_forward(case: &Case<'_>, envelope: &[u8], expected: &Value) -> Result<Forwarded, Stop> {
    let received = try_to("unpack the forward", didcomm::unpack_octets(case, envelope))?;
    equal_json("the forward", &received.octets, expected)?;
    try_to("read the forward", Forwarded::read(&received.plaintext))
}

fn only_payload(forwarded: Forwarded) -> Result<Vec<u8>, Stop> {
    let [payload] = <[Vec<u8>; 1]>::try_from(forwarded.payloads)
        .map_err(|payloads| failed(format!("the forward carries {}", payloads.len())))?;
    Ok(payload)
}

fn is_ours(case: &Case<'_>, did: &Did) -> bool {
    case.ring.is_reader(did)
}

fn equal_json(what: &str, octets: &[u8], wanted: &Value) -> Check {
    let value: Value = try_to("read it again", serde_json::from_slice(octets))?;
    equal(what, &value, wanted)
}
