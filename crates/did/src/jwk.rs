//! did:jwk: a DID that is a JWK.

use comity_jose::{PublicKey, base64url, json};
use serde_json::{Value, json};

use crate::document::JSON_LIMITS;
use crate::resolve::ResolveError;
use crate::{Did, DidDocument, Relationship};

/// Resolves a did:jwk.
///
/// The JWK is used as its maker wrote it: equal keys written differently are different DIDs.
///
/// # Spec
/// did:jwk §"Read"; conformance JWK-01, JWK-02.
pub(crate) fn resolve(did: &Did) -> Result<DidDocument, ResolveError> {
    let octets = base64url::decode(did.method_specific_id()).map_err(|_| ResolveError::Encoding)?;
    let jwk = json::parse(&octets, &JSON_LIMITS)?;
    let key = PublicKey::from_jwk(&jwk)?;
    let usage = jwk.get("use").and_then(Value::as_str);
    let id = format!("{did}#0");
    let method =
        json!({"id": id, "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": jwk});
    let mut document = json!({"@context": CONTEXT, "id": did, "verificationMethod": [method]});
    for relationship in Relationship::ALL {
        let allowed = match usage {
            Some("sig") => relationship != Relationship::KeyAgreement,
            Some("enc") => relationship == Relationship::KeyAgreement,
            _ => true,
        };
        if allowed && relationship.suits(key.curve()) {
            document[relationship.name()] = json!([id]);
        }
    }
    Ok(DidDocument::from_value(did, Vec::new(), &document)?)
}

const CONTEXT: [&str; 2] = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/jws-2020/v1",
];
