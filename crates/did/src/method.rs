//! Verification methods: the forms in which documents write keys.

use comity_jose::{Curve, PublicKey, multibase};
use serde_json::{Map, Value};

use crate::document::DocumentError;
use crate::{Did, DidUrl};

/// A key of a document, under its id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerificationMethod {
    /// The absolute id.
    pub id: DidUrl,
    /// The key.
    pub key: PublicKey,
}

/// Reads a verification method of the document of `did`.
///
/// `None` for what authorises nothing here: an unknown type, a key that is none or not of its
/// type, more than one key, a foreign controller, an id in another document.
///
/// # Spec
/// DID Core 1.1 §"Verification Methods"; conformance DID-03, DID-04.
pub(crate) fn read(
    did: &Did,
    aliases: &[Did],
    value: &Value,
) -> Result<Option<VerificationMethod>, DocumentError> {
    const MALFORMED: DocumentError = DocumentError::Member {
        member: "verificationMethod",
    };
    let object = value.as_object().ok_or(MALFORMED)?;
    let text = |member| object.get(member).and_then(Value::as_str);
    let id = text("id")
        .and_then(|id| DidUrl::join(did, id).ok())
        .ok_or(MALFORMED)?;
    let kind = text("type").ok_or(MALFORMED)?;
    let id = own_id(did, aliases, &id);
    let is_own = |name: &str| name == did.as_str() || aliases.iter().any(|a| a.as_str() == name);
    let controlled_here = match object.get("controller") {
        None => true,
        Some(controller) => controller.as_str().is_some_and(is_own),
    };
    if id.did() != did || id.fragment().is_none() || !controlled_here {
        return Ok(None);
    }
    let key = Suite::named(kind).and_then(|suite| suite.read_key(object));
    Ok(key.map(|key| VerificationMethod { id, key }))
}

/// Writes an id that uses another form of the document's DID with the form it was resolved by.
pub(crate) fn own_id(did: &Did, aliases: &[Did], id: &DidUrl) -> DidUrl {
    let is_alias = aliases.contains(id.did());
    let own = id
        .fragment()
        .filter(|_| is_alias)
        .and_then(|name| did.with_fragment(name).ok());
    own.unwrap_or_else(|| id.clone())
}

/// A type of verification method, as data: the curves it allows and what its base58 member holds.
struct Suite {
    name: &'static str,
    /// Empty: any.
    curves: &'static [Curve],
}

impl Suite {
    fn named(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name)
    }

    /// Reads the one key of a method. Every suite's key is read in every form, because libraries
    /// mix them; the curve is checked in all of them.
    fn read_key(&self, method: &Map<String, Value>) -> Option<PublicKey> {
        let jwk = method.get("publicKeyJwk");
        let multikey = method.get("publicKeyMultibase");
        let base58 = method.get("publicKeyBase58");
        let key = match (jwk, multikey, base58) {
            (Some(jwk), None, None) => PublicKey::from_jwk(jwk).ok()?,
            (None, Some(multikey), None) => PublicKey::from_multikey(multikey.as_str()?).ok()?,
            (None, None, Some(base58)) => self.read_base58(base58.as_str()?)?,
            _ => return None,
        };
        (self.curves.is_empty() || self.curves.contains(&key.curve())).then_some(key)
    }

    /// Reads the raw key of the suites of 2018 and 2019, whose curve only the type tells.
    fn read_base58(&self, text: &str) -> Option<PublicKey> {
        let [curve] = *self.curves else {
            return None;
        };
        if text.len() > BASE58_CHARACTERS {
            return None;
        }
        let raw = multibase::decode(&format!("z{text}")).ok()?;
        PublicKey::from_raw(curve, &raw).ok()
    }
}

/// The types that are read.
const SUITES: [Suite; 9] = [
    Suite {
        name: "Multikey",
        curves: &[],
    },
    Suite {
        name: "JsonWebKey2020",
        curves: &[],
    },
    Suite {
        name: "JsonWebKey",
        curves: &[],
    },
    Suite {
        name: "Ed25519VerificationKey2020",
        curves: &[Curve::Ed25519],
    },
    Suite {
        name: "Ed25519VerificationKey2018",
        curves: &[Curve::Ed25519],
    },
    Suite {
        name: "X25519KeyAgreementKey2020",
        curves: &[Curve::X25519],
    },
    Suite {
        name: "X25519KeyAgreementKey2019",
        curves: &[Curve::X25519],
    },
    Suite {
        name: "EcdsaSecp256k1VerificationKey2019",
        curves: &[Curve::Secp256k1],
    },
    Suite {
        name: "EcdsaSecp256r1VerificationKey2019",
        curves: &[Curve::P256],
    },
];

/// The longest raw key of those types, an uncompressed point, takes 89 characters.
const BASE58_CHARACTERS: usize = 96;
