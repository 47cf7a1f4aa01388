//! did:key: a DID that is its key.

use comity_jose::{Curve, PublicKey};
use serde_json::{Value, json};

use crate::resolve::ResolveError;
use crate::{Did, DidDocument, Relationship};

/// Makes the did:key of a public key.
///
/// # Spec
/// did:key §"Create"; conformance KEY-01.
pub fn make_key(key: &PublicKey) -> Did {
    Did::parse(&format!("did:key:{}", key.to_multikey())).expect("a multikey makes a DID")
}

/// Resolves a did:key.
pub(crate) fn resolve(did: &Did) -> Result<DidDocument, ResolveError> {
    let multikey = match did.method_specific_id().split_once(':') {
        Some((version, multikey)) if VERSIONS.contains(&version) => multikey,
        Some(_) => return Err(ResolveError::Version),
        None => did.method_specific_id(),
    };
    document(did, multikey)
}

/// Builds the document of a DID that consists of one key: did:key and did:peer of numalgo 0.
///
/// An Ed25519 key brings the X25519 key derived from it, so that whoever has only such a DID can
/// be written to (conformance KEY-05). NIST and secp256k1 keys stand under every relationship.
///
/// # Spec
/// did:key §"Document Creation Algorithm"; conformance KEY-02 to KEY-05.
pub(crate) fn document(did: &Did, multikey: &str) -> Result<DidDocument, ResolveError> {
    let key = PublicKey::from_multikey(multikey)?;
    let id = format!("{did}#{multikey}");
    let mut methods = vec![multikey_method(did, &id, multikey)];
    let mut agreement_id = id.clone();
    if let Some(derived) = key.ed25519_to_x25519() {
        let derived = derived.to_multikey();
        agreement_id = format!("{did}#{derived}");
        methods.push(multikey_method(did, &agreement_id, &derived));
    }
    let mut document = json!({
        "@context": MULTIKEY_CONTEXT,
        "id": did,
        "verificationMethod": methods,
    });
    for relationship in Relationship::ALL {
        document[relationship.name()] = match relationship {
            Relationship::KeyAgreement => json!([agreement_id]),
            _ if key.curve() == Curve::X25519 => continue,
            _ => json!([id]),
        };
    }
    Ok(DidDocument::from_value(did, Vec::new(), &document)?)
}

/// Writes a verification method of type Multikey.
pub(crate) fn multikey_method(did: &Did, id: &str, multikey: &str) -> Value {
    json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey})
}

/// The contexts of a document whose keys are Multikeys.
pub(crate) const MULTIKEY_CONTEXT: [&str; 2] = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
];

/// The versions that a did:key may name; it usually names none.
const VERSIONS: [&str; 2] = ["1", "1.1"];
