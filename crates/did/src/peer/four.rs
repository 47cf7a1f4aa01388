//! Numalgo 4: a whole document, named by its hash.

use comity_jose::{json, multibase};
use serde_json::{Map, Value};

use super::multihash;
use crate::document::{DocumentError, JSON_LIMITS};
use crate::resolve::ResolveError;
use crate::{Did, DidDocument, Relationship};

/// Returns the short form of the long form `did:peer:4` + `rest`, if its hash is right.
///
/// The hash covers the document's text as it stands in the DID, so nothing is re-serialised.
pub(super) fn short_form(rest: &str) -> Result<Did, ResolveError> {
    let (hash, document) = rest.split_once(':').ok_or(ResolveError::LongFormNeeded)?;
    if multihash(document) != hash {
        return Err(ResolveError::Hash);
    }
    Ok(Did::parse(&format!("did:peer:4{hash}")).expect("a base58 hash makes a DID"))
}

/// Builds the document of `id` from the long form `did:peer:4` + `rest`; `other` is the other form
/// of `id`. The hash has been checked by [`short_form`].
///
/// # Spec
/// did:peer §"Method 4"; conformance PEER-4a, PEER-4b.
pub(super) fn document(id: &Did, other: &Did, rest: &str) -> Result<DidDocument, ResolveError> {
    let (_, encoded) = rest.split_once(':').ok_or(ResolveError::LongFormNeeded)?;
    let octets = multibase::decode(encoded).map_err(|_| ResolveError::Encoding)?;
    let octets = match octets.strip_prefix(&MULTICODEC_JSON) {
        Some(octets) if encoded.starts_with('z') => octets,
        _ => return Err(ResolveError::Encoding),
    };
    let Value::Object(mut document) = json::parse(octets, &JSON_LIMITS)? else {
        return Err(DocumentError::Member { member: "document" }.into());
    };
    if document.contains_key("id") {
        return Err(DocumentError::Id.into());
    }
    document.insert("id".into(), id.as_str().into());
    add_alias(&mut document, other)?;
    fill_controllers(&mut document, id);
    Ok(DidDocument::from_value(
        id,
        vec![other.clone()],
        &document.into(),
    )?)
}

fn add_alias(document: &mut Map<String, Value>, other: &Did) -> Result<(), DocumentError> {
    let aliases = document
        .entry("alsoKnownAs")
        .or_insert_with(|| Value::Array(Vec::new()));
    let aliases = aliases.as_array_mut().ok_or(DocumentError::Member {
        member: "alsoKnownAs",
    })?;
    aliases.push(other.as_str().into());
    Ok(())
}

/// Gives every method without a controller the subject as one, embedded methods included.
fn fill_controllers(document: &mut Map<String, Value>, id: &Did) {
    let members = Relationship::ALL.map(Relationship::name);
    for member in members.into_iter().chain(["verificationMethod"]) {
        let methods = document.get_mut(member).and_then(Value::as_array_mut);
        for method in methods
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            method
                .entry("controller")
                .or_insert_with(|| id.as_str().into());
        }
    }
}

/// The multicodec of JSON, 0x0200, as a varint (interop trap 33).
const MULTICODEC_JSON: [u8; 2] = [0x80, 0x04];
