//! The vectors of `vectors/didcomm`: keys, documents and one way to unpack with them.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::HashMap;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::{Received, UnpackError, UnpackOptions, unpack_offline};
use comity_jose::{AgreementKey, SigningKey};
use serde_json::Value;

/// A holder of keys who resolves from a fixed set of documents.
pub(crate) struct World {
    /// Every agreement key, also those that the reader does not hold.
    pub(crate) agreement: HashMap<DidUrl, AgreementKey>,
    /// Every signing key.
    pub(crate) signing: HashMap<DidUrl, SigningKey>,
    documents: HashMap<Did, Arc<DidDocument>>,
    holds: Vec<String>,
}

impl World {
    pub(crate) fn load() -> Self {
        let keys = load("didcomm/keys");
        let mut world = Self {
            agreement: HashMap::new(),
            signing: HashMap::new(),
            documents: HashMap::new(),
            holds: texts(&keys["holds"]),
        };
        for (kid, jwk) in keys["secrets"].as_object().unwrap() {
            let kid = DidUrl::parse(kid).unwrap();
            if let Ok(key) = AgreementKey::from_jwk(jwk) {
                world.agreement.insert(kid.clone(), key);
            }
            if let Ok(key) = SigningKey::from_jwk(jwk) {
                world.signing.insert(kid, key);
            }
        }
        for (did, document) in load("didcomm/did-documents").as_object().unwrap() {
            let did = Did::parse(did).unwrap();
            let document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
            world.documents.insert(did, Arc::new(document));
        }
        world
    }

    pub(crate) fn document(&self, did: &Did) -> Option<Arc<DidDocument>> {
        self.documents.get(did).cloned()
    }

    pub(crate) fn unpack(
        &self,
        octets: &[u8],
        options: &UnpackOptions,
    ) -> Result<Received, UnpackError> {
        let held = |kid: &DidUrl| {
            let ours = self
                .holds
                .iter()
                .any(|prefix| kid.as_str().starts_with(prefix.as_str()));
            self.agreement.get(kid).filter(|_| ours)
        };
        unpack_offline(octets, &held, &|did| self.document(did), options)
    }
}

/// A file of vectors, without its ending.
pub(crate) fn load(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn entries(name: &str) -> Vec<Value> {
    load(name).as_array().unwrap().clone()
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().map_or(&[][..], Vec::as_slice).iter();
    texts
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}
