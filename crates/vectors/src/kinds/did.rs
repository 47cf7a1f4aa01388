//! DID methods: keys, addresses, refusals.

use comity_did::{
    Did, DidDocument, DidUrl, Relationship, make_key, peer, resolve_offline, web, webvh,
};
use comity_jose::PublicKey;
use serde_json::Value;

use super::{Runner, did_document, did_history};
use crate::case::{Case, Check, Stop, ensure, equal, failed, member, skipped, text, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 8] = [
        (&["did", "log_jsonl"], did_history::history),
        (&["did_peer_2", "did_peer_3"], alias),
        (&["did", "url"], address),
        (&["did", "served_document"], did_document::served),
        (&["did", "jwk", "relationships"], did_document::jwk),
        (&["did", "did_document"], did_document::resolved),
        (&["did", "public_jwk"], key),
        (&["did", "expect"], judged),
    ];
    kinds
        .into_iter()
        .find(|(members, _)| case.has(members))
        .map(|(_, runner)| runner)
}

/// Reads the DID of a vector and resolves it without network.
pub(super) fn resolve(case: &Case<'_>) -> Result<DidDocument, Stop> {
    let did = try_to("read the DID", Did::parse(case.text("did")?))?;
    let Some(resolved) = resolve_offline(&did) else {
        return Err(skipped(format!("resolving did:{}", did.method())));
    };
    try_to("resolve the DID", resolved)
}

/// `did_peer_2`, `did_peer_3`: both are the same subject.
fn alias(case: &Case<'_>) -> Check {
    let two = try_to("read did_peer_2", Did::parse(case.text("did_peer_2")?))?;
    let three = try_to("read did_peer_3", Did::parse(case.text("did_peer_3")?))?;
    equal("the alias", peer::short_form(&two), Some(three.clone()))?;
    ensure(two.same_subject(&three), "both are not the same subject")?;
    let resolved = resolve_offline(&two).ok_or_else(|| failed("did:peer is not resolved"))?;
    try_to("resolve did_peer_2", resolved)?;
    try_to("resolve did_peer_3", peer::resolve_short_form(&three, &two)).map(drop)
}

/// `did`, `url`: where the document or the log is fetched.
fn address(case: &Case<'_>) -> Check {
    let did = try_to("read the DID", Did::parse(case.text("did")?))?;
    let url = match did.method() {
        "web" => try_to("map the DID", web::url(&did))?,
        "webvh" => try_to("map the DID", webvh::url(&did))?.log,
        other => return Err(skipped(format!("addresses of did:{other}"))),
    };
    equal("the address", url.to_string().as_str(), case.text("url")?)
}

/// `did`, `public_jwk` and the ids that it is to be found under.
fn key(case: &Case<'_>) -> Check {
    let document = resolve(case)?;
    let key = try_to(
        "read public_jwk",
        PublicKey::from_jwk(case.member("public_jwk")?),
    )?;
    let method = document
        .verification_methods()
        .iter()
        .find(|method| method.key == key);
    ensure(method.is_some(), "the document has another key")?;
    match case.entry.get("signing_vm_id") {
        Some(Value::Null) => {
            let signs = document.keys(Relationship::Authentication).next().is_some();
            ensure(!signs, "a key is authorised for authentication")?;
        }
        Some(Value::String(id)) => {
            for relationship in Relationship::ALL {
                if relationship != Relationship::KeyAgreement {
                    has_key(&document, id, relationship, &key)?;
                }
            }
        }
        _ => {}
    }
    if let Some(Value::String(id)) = case.entry.get("key_agreement_vm_id") {
        has_key(&document, id, Relationship::KeyAgreement, &key)?;
    }
    if let Some(derived) = case.entry.get("derived_key_agreement") {
        let agreement = try_to(
            "read the key",
            PublicKey::from_jwk(member(derived, "public_jwk")?),
        )?;
        equal(
            "the derived key",
            key.ed25519_to_x25519().as_ref(),
            Some(&agreement),
        )?;
        let multikey = text(derived, "publicKeyMultibase")?;
        equal("its multikey", agreement.to_multikey().as_str(), multikey)?;
        has_key(
            &document,
            text(derived, "vm_id")?,
            Relationship::KeyAgreement,
            &agreement,
        )?;
    }
    let made = make_key(&key);
    match case.entry.get("equivalent_did_key").and_then(Value::as_str) {
        Some(equivalent) => equal("the did:key", made.as_str(), equivalent),
        None if document.id().method() == "key" => equal("the did:key", &made, document.id()),
        None => Ok(()),
    }
}

/// `did`, `expect`: it is accepted, or refused at whatever step.
fn judged(case: &Case<'_>) -> Check {
    let accepted = match Did::parse(case.text("did")?) {
        Err(_) => false,
        Ok(did) => match did.method() {
            "web" => web::url(&did).is_ok(),
            "webvh" => webvh::url(&did).is_ok(),
            method => match resolve_offline(&did) {
                Some(resolved) => resolved.is_ok(),
                None => return Err(skipped(format!("resolving did:{method}"))),
            },
        },
    };
    match case.expectation() {
        Some("ok") => ensure(accepted, "the DID is refused"),
        _ if case.expects_refusal() => ensure(!accepted, "the DID is not refused"),
        _ => Err(skipped("DIDs with an expectation in other words")),
    }
}

/// Fails unless the document authorises `key`, under this id, for the relationship.
fn has_key(document: &DidDocument, id: &str, relationship: Relationship, key: &PublicKey) -> Check {
    let id = try_to("read the id", DidUrl::parse(id))?;
    equal(
        relationship.name(),
        document.key(&id, relationship),
        Some(key),
    )
}
