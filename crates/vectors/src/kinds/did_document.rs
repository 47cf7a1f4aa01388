//! DID methods: whole documents.

use std::collections::BTreeSet;

use comity_did::{Did, DidDocument, DidUrl, Relationship, peer};
use comity_jose::{PublicKey, base64url, multibase};
use serde_json::Value;

use super::did::resolve;
use crate::case::{Case, Check, Stop, ensure, equal, failed, try_to};

/// `did`, `did_document`, and for a short form `requires_known_long_form`.
pub(super) fn resolved(case: &Case<'_>) -> Check {
    let document = match case
        .entry
        .get("requires_known_long_form")
        .and_then(Value::as_str)
    {
        Some(long) => {
            ensure(
                resolve(case).is_err(),
                "the short form is resolved by itself",
            )?;
            let short = try_to("read the DID", Did::parse(case.text("did")?))?;
            let long = try_to("read the long form", Did::parse(long))?;
            ensure(
                short.same_subject(&long),
                "both forms are not the same subject",
            )?;
            try_to(
                "resolve the short form",
                peer::resolve_short_form(&short, &long),
            )?
        }
        None => resolve(case)?,
    };
    if let Some(input) = case.entry.get("input_document") {
        equal(
            "the document in the DID",
            &encoded(case.text("did")?)?,
            input,
        )?;
    }
    equal(
        "the document",
        &read(document.octets())?,
        case.member("did_document")?,
    )
}

/// `did`, `served_document`, `expect`: what a web server answered.
pub(super) fn served(case: &Case<'_>) -> Check {
    let did = try_to("read the DID", Did::parse(case.text("did")?))?;
    let served = case.member("served_document")?.to_string();
    let document = DidDocument::parse(&did, served.as_bytes());
    if case.expects_refusal() {
        return ensure(document.is_err(), "the document is not refused");
    }
    try_to("read the document", document).map(drop)
}

/// `did`, `jwk`, `vm_id`, `relationships`.
pub(super) fn jwk(case: &Case<'_>) -> Check {
    let document = resolve(case)?;
    let octets = try_to(
        "decode the DID",
        base64url::decode(document.id().method_specific_id()),
    )?;
    equal("the JWK in the DID", &read(&octets)?, case.member("jwk")?)?;
    let key = try_to("read jwk", PublicKey::from_jwk(case.member("jwk")?))?;
    let id = try_to("read vm_id", DidUrl::parse(case.text("vm_id")?))?;
    let got: BTreeSet<&str> = Relationship::ALL
        .into_iter()
        .filter(|&relationship| document.key(&id, relationship) == Some(&key))
        .map(Relationship::name)
        .collect();
    let wanted = case.member("relationships")?.as_array();
    let wanted = wanted.ok_or_else(|| failed("relationships of the vector is not an array"))?;
    equal(
        "the set of relationships",
        got,
        wanted.iter().filter_map(Value::as_str).collect(),
    )
}

/// The document that a did:peer:4 carries.
fn encoded(did: &str) -> Result<Value, Stop> {
    let (_, document) = did
        .rsplit_once(':')
        .ok_or_else(|| failed("the DID has no document"))?;
    let octets = try_to("decode the document", multibase::decode(document))?;
    let octets = octets.get(MULTICODEC_OCTETS..).unwrap_or_default();
    read(octets)
}

fn read(octets: &[u8]) -> Result<Value, Stop> {
    try_to("read the document", serde_json::from_slice(octets))
}

/// The length of the multicodec before the document of a did:peer:4.
const MULTICODEC_OCTETS: usize = 2;
