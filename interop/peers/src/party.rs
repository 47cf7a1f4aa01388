//! Somebody with keys. Throw-away ones: nothing here is zeroized.

use comity_did::{DidDocument, Relationship};
use comity_jose::{PublicKey, base64url};
use serde_json::{Value, json};

/// A DID, its keys, and the private parts of those that are held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Party {
    /// The DID.
    pub did: String,
    /// Keys for `keyAgreement`, in the order of the document.
    pub agreement: Vec<Key>,
    /// Keys for `authentication`, in the order of the document.
    pub authentication: Vec<Key>,
    /// Where it is reached, if its document says so.
    pub endpoint: Option<Endpoint>,
}

/// Where a party is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Endpoint {
    /// An address, or the DID of a mediator.
    pub uri: String,
    /// Whom to wrap for: keys of mediators, from the outside in.
    pub routing_keys: Vec<String>,
}

/// A key of a party.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Key {
    /// Its id, an absolute DID URL.
    pub kid: String,
    /// The JWK, with `d` if it is held.
    pub jwk: Value,
}

impl Party {
    /// Somebody without keys.
    pub fn new(did: impl Into<String>) -> Self {
        Self {
            did: did.into(),
            agreement: Vec::new(),
            authentication: Vec::new(),
            endpoint: None,
        }
    }

    /// Somebody with the keys of a document. `secret` gives the private JWK of a key that is
    /// held.
    pub fn from_document(document: &DidDocument, secret: impl Fn(&str) -> Option<Value>) -> Self {
        let keys = |relationship| {
            let key = |(kid, key): (&comity_did::DidUrl, &PublicKey)| Key {
                kid: kid.to_string(),
                jwk: secret(kid.as_str()).unwrap_or_else(|| key.to_jwk()),
            };
            document.keys(relationship).map(key).collect()
        };
        Self {
            did: document.id().to_string(),
            agreement: keys(Relationship::KeyAgreement),
            authentication: keys(Relationship::Authentication),
            endpoint: None,
        }
    }

    /// The same with one more key for key agreement.
    #[must_use]
    pub fn agreement(mut self, kid: impl Into<String>, jwk: Value) -> Self {
        let kid = kid.into();
        self.agreement.push(Key { kid, jwk });
        self
    }

    /// The same with one more key for authentication.
    #[must_use]
    pub fn authentication(mut self, kid: impl Into<String>, jwk: Value) -> Self {
        let kid = kid.into();
        self.authentication.push(Key { kid, jwk });
        self
    }

    /// The same, reached at `uri` through mediators.
    #[must_use]
    pub fn endpoint(mut self, uri: impl Into<String>, routing_keys: Vec<String>) -> Self {
        let uri = uri.into();
        self.endpoint = Some(Endpoint { uri, routing_keys });
        self
    }

    /// The same as others know it: without private parts.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut public = self.clone();
        for key in public
            .agreement
            .iter_mut()
            .chain(&mut public.authentication)
        {
            key.jwk = key.public_jwk();
        }
        public
    }

    /// The DID document.
    pub fn document(&self) -> Value {
        let method = |key: &Key| json!({"id": key.kid, "type": "JsonWebKey2020", "controller": self.did, "publicKeyJwk": key.public_jwk()});
        let kids = |keys: &[Key]| Vec::from_iter(keys.iter().map(|key| key.kid.clone()));
        let service = self.endpoint.as_ref().map(|Endpoint { uri, routing_keys }| {
            json!({"id": format!("{}#service", self.did), "type": "DIDCommMessaging",
                "serviceEndpoint": {"uri": uri, "accept": ["didcomm/v2"], "routingKeys": routing_keys}})
        });
        json!({"id": self.did, "verificationMethod": Vec::from_iter(self.keys().map(method)),
            "keyAgreement": kids(&self.agreement), "authentication": kids(&self.authentication),
            "service": Vec::from_iter(service)})
    }

    /// Its keys with their private parts.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Key> {
        self.keys().filter(|key| key.jwk.get("d").is_some())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.agreement.iter().chain(&self.authentication)
    }
}

impl Key {
    /// The JWK without its private part.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        if let Some(members) = jwk.as_object_mut() {
            members.shift_remove("d");
        }
        jwk
    }

    pub(crate) fn curve(&self) -> &str {
        self.jwk["crv"].as_str().unwrap_or_default()
    }

    /// The octets of the private part, if it is held.
    pub(crate) fn secret(&self) -> Option<Vec<u8>> {
        base64url::decode(self.jwk["d"].as_str()?).ok()
    }
}
