//! Numalgo 2: keys and services, one element after the other.

use comity_jose::{PublicKey, base64url, json};
use serde_json::{Map, Value, json};

use super::multihash;
use crate::document::JSON_LIMITS;
use crate::key::{MULTIKEY_CONTEXT, multikey_method};
use crate::resolve::ResolveError;
use crate::service::DIDCOMM_MESSAGING;
use crate::{Did, DidDocument, Relationship, limits};

/// Makes a did:peer:2 of a signing key (`#key-1`), an agreement key (`#key-2`) and services, each
/// as it would stand in a document.
///
/// The members of a service are abbreviated, those of its endpoint are not: some libraries don't
/// expand them there (interop trap 29).
///
/// # Panics
/// If the services are so long that the DID would exceed [`limits::DID_BYTES`].
///
/// # Spec
/// did:peer §"Method 2"; conformance PEER-2, PEER-3.
pub fn make_peer2(signing: &PublicKey, agreement: &PublicKey, services: &[Value]) -> Did {
    let mut text = format!(
        "did:peer:2.V{}.E{}",
        signing.to_multikey(),
        agreement.to_multikey()
    );
    for service in services {
        text.push_str(".S");
        text.push_str(&base64url::encode(
            abbreviate(service).to_string().as_bytes(),
        ));
    }
    Did::parse(&text).expect("the services fit into a DID")
}

/// Returns the did:peer:3 of `did:peer:2` + `rest`.
pub(super) fn alias(rest: &str) -> Did {
    let text = format!("did:peer:3{}", multihash(rest));
    Did::parse(&text).expect("a base58 hash makes a DID")
}

/// Builds the document of `id` from `did:peer:2` + `rest`; `other` is the other form of `id`.
///
/// # Spec
/// did:peer §"Method 2"; conformance PEER-2, PEER-3.
pub(super) fn document(id: &Did, other: &Did, rest: &str) -> Result<DidDocument, ResolveError> {
    let elements = rest.strip_prefix('.').ok_or(ResolveError::Purpose)?;
    let mut parts = Parts::default();
    for element in elements.split('.') {
        parts.add(id, element)?;
    }
    let mut document = json!({
        "@context": MULTIKEY_CONTEXT,
        "id": id,
        "verificationMethod": parts.methods,
    });
    for relationship in Relationship::ALL {
        let keys = &parts.keys[relationship as usize];
        if !keys.is_empty() {
            document[relationship.name()] = json!(keys);
        }
    }
    if !parts.services.is_empty() {
        document["service"] = Value::Array(parts.services);
    }
    document["alsoKnownAs"] = json!([other]);
    Ok(DidDocument::from_value(id, vec![other.clone()], &document)?)
}

/// What the elements read so far have given.
#[derive(Default)]
struct Parts {
    methods: Vec<Value>,
    /// For each of [`Relationship::ALL`], relative references.
    keys: [Vec<String>; 5],
    services: Vec<Value>,
    /// How many services had no id of their own.
    unnamed_services: usize,
}

impl Parts {
    fn add(&mut self, did: &Did, element: &str) -> Result<(), ResolveError> {
        let (purpose, value) = element.split_at_checked(1).ok_or(ResolveError::Purpose)?;
        let relationship = match purpose {
            "A" => Relationship::AssertionMethod,
            "D" => Relationship::CapabilityDelegation,
            "E" => Relationship::KeyAgreement,
            "I" => Relationship::CapabilityInvocation,
            "V" => Relationship::Authentication,
            "S" => return self.add_services(value),
            _ => return Err(ResolveError::Purpose),
        };
        PublicKey::from_multikey(value)?;
        let id = format!("#key-{}", self.methods.len() + 1);
        self.methods.push(multikey_method(did, &id, value));
        self.keys[relationship as usize].push(id);
        Ok(())
    }

    /// Adds the service of an element, or the services: one widely used library writes all of them
    /// into one element as an array, `[]` if there is none (interop traps 30 and 56).
    fn add_services(&mut self, encoded: &str) -> Result<(), ResolveError> {
        let octets = base64url::decode(encoded).map_err(|_| ResolveError::Encoding)?;
        match json::parse(&octets, &JSON_LIMITS)? {
            Value::Array(services) => services
                .into_iter()
                .try_for_each(|service| self.add_service(service)),
            service => self.add_service(service),
        }
    }

    fn add_service(&mut self, service: Value) -> Result<(), ResolveError> {
        let Value::Object(mut service) = expand(service, 0)? else {
            return Err(ResolveError::Service);
        };
        if !service.contains_key("id") {
            let id = match self.unnamed_services {
                0 => "#service".to_owned(),
                n => format!("#service-{n}"),
            };
            self.unnamed_services += 1;
            service.insert("id".into(), id.into());
        }
        self.services.push(service.into());
        Ok(())
    }
}

/// Expands the abbreviated members, and the abbreviated type, at every level.
fn expand(value: Value, depth: usize) -> Result<Value, ResolveError> {
    match value {
        _ if depth > limits::PEER2_SERVICE_DEPTH => Err(ResolveError::Service),
        Value::Array(values) => values
            .into_iter()
            .map(|value| expand(value, depth + 1))
            .collect(),
        Value::Object(members) => {
            let mut expanded = Map::with_capacity(members.len());
            for (name, value) in members {
                let long = ABBREVIATIONS.iter().find(|(short, _)| *short == name);
                let name = long.map_or(name, |(_, long)| (*long).to_owned());
                let value = match value {
                    Value::String(kind) if name == "type" && kind == SHORT_DIDCOMM_MESSAGING => {
                        DIDCOMM_MESSAGING.into()
                    }
                    value => expand(value, depth + 1)?,
                };
                if expanded.insert(name, value).is_some() {
                    return Err(ResolveError::Service);
                }
            }
            Ok(expanded.into())
        }
        scalar => Ok(scalar),
    }
}

/// Abbreviates the members of a service, not those of its endpoint.
fn abbreviate(service: &Value) -> Value {
    let Value::Object(members) = service else {
        return service.clone();
    };
    let abbreviated = members.iter().map(|(name, value)| {
        let short = ABBREVIATIONS.iter().find(|(_, long)| long == name);
        let value = match value {
            Value::String(kind) if name == "type" && kind == DIDCOMM_MESSAGING => {
                SHORT_DIDCOMM_MESSAGING.into()
            }
            value => value.clone(),
        };
        (
            short.map_or(name.as_str(), |(short, _)| short).to_owned(),
            value,
        )
    });
    Value::Object(abbreviated.collect())
}

/// The abbreviations of member names.
const ABBREVIATIONS: [(&str, &str); 4] = [
    ("t", "type"),
    ("s", "serviceEndpoint"),
    ("r", "routingKeys"),
    ("a", "accept"),
];

/// The abbreviation of the type of DIDComm services.
const SHORT_DIDCOMM_MESSAGING: &str = "dm";
