//! Makes histories, good and bad: hashed and signed as they stand, whatever they say.

use comity_jose::{Curve, SigningKey, multibase};
use serde_json::{Value, json};

use crate::Did;
use crate::webvh::{Log, LogError, entry, parameters, proof};

/// After everything that is made here: 2025-06-01.
pub(super) const NOW: u64 = 1_748_736_000;

/// A key for tests, made from a number.
pub(super) fn key(number: u8) -> SigningKey {
    SigningKey::from_secret(Curve::Ed25519, &[number; 32]).unwrap()
}

pub(super) fn multikey(number: u8) -> String {
    key(number).public().to_multikey()
}

pub(super) fn promise(number: u8) -> String {
    parameters::key_hash(&multikey(number))
}

/// A history in the making.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) entries: Vec<Value>,
    pub(super) scid: String,
}

impl Maker {
    /// A first entry for `example.com`, signed by key 1; `parameters` are added to those that it
    /// must have.
    pub(super) fn new(parameters: Value) -> Self {
        let mut all = json!({
            "method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [multikey(1)],
        });
        merge(&mut all, parameters);
        Self::from_template(json!({
            "versionId": "{SCID}", "versionTime": "2025-01-01T00:00:00Z", "parameters": all,
            "state": {"id": "did:webvh:{SCID}:example.com"},
        }))
    }

    pub(super) fn from_template(template: Value) -> Self {
        let scid = entry::scid(&template).unwrap();
        let text = template.to_string().replace(entry::PLACEHOLDER, &scid);
        let mut maker = Self {
            entries: Vec::new(),
            scid,
        };
        maker.push(serde_json::from_str(&text).unwrap(), &[1]);
        maker
    }

    /// Adds an entry a day later with these parameters, signed by the keys of these numbers.
    pub(super) fn then(self, parameters: Value, signers: &[u8]) -> Self {
        let state = json!({"id": self.did().as_str()});
        self.then_state(parameters, state, signers)
    }

    pub(super) fn then_state(mut self, parameters: Value, state: Value, signers: &[u8]) -> Self {
        let day = self.entries.len() + 1;
        let entry = json!({
            "versionId": "", "versionTime": format!("2025-01-{day:02}T00:00:00Z"),
            "parameters": parameters, "state": state,
        });
        self.push(entry, signers);
        self
    }

    /// Adds entries a second apart that change nothing, signed by key 1, until there are `most`.
    pub(super) fn filled(mut self, most: usize) -> Self {
        let state = json!({"id": self.did().as_str()});
        for number in self.entries.len()..most {
            let time = format!("2025-02-01T00:{:02}:{:02}Z", number / 60, number % 60);
            self.push(
                json!({"versionTime": time, "parameters": {}, "state": state.clone()}),
                &[1],
            );
        }
        self
    }

    /// Adds an entry as it is, but for its hash and proofs.
    pub(super) fn push(&mut self, mut entry: Value, signers: &[u8]) {
        let last = self.entries.last();
        let before = last.map_or(self.scid.clone(), |last| text(&last["versionId"]));
        let hash = entry::entry_hash(&entry, &before).unwrap();
        entry["versionId"] = format!("{}-{hash}", self.entries.len() + 1).into();
        let proofs: Vec<Value> = signers.iter().map(|&by| prove(&entry, by)).collect();
        entry["proof"] = proofs.into();
        self.entries.push(entry);
    }

    pub(super) fn did(&self) -> Did {
        self.did_at("example.com")
    }

    pub(super) fn did_at(&self, place: &str) -> Did {
        Did::parse(&format!("did:webvh:{}:{place}", self.scid)).unwrap()
    }

    pub(super) fn version_id(&self, number: usize) -> String {
        text(&self.entries[number - 1]["versionId"])
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        let lines = self.entries.iter().map(|entry| format!("{entry}\n"));
        lines.collect::<String>().into_bytes()
    }

    pub(super) fn verify(&self) -> Result<Log, LogError> {
        Log::verify(&self.did(), &self.octets(), NOW)
    }

    /// What the witnesses of these numbers say about a version.
    pub(super) fn witnessed(&self, number: usize, witnesses: &[u8]) -> Value {
        let id = self.version_id(number);
        let said = json!({"versionId": id});
        let proofs: Vec<Value> = witnesses.iter().map(|&by| prove(&said, by)).collect();
        json!({"versionId": id, "proof": proofs})
    }
}

/// A proof over a document by the key of this number.
pub(super) fn prove(document: &Value, by: u8) -> Value {
    let key = multikey(by);
    let options = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": format!("did:key:{key}#{key}"),
        "created": "2025-01-01T00:00:00Z", "proofPurpose": "assertionMethod",
    });
    prove_with(document, options, by)
}

/// A proof with these options.
pub(super) fn prove_with(document: &Value, mut options: Value, by: u8) -> Value {
    let mut document = document.clone();
    document.as_object_mut().unwrap().shift_remove("proof");
    let input = proof::signing_input(
        &proof::digest(&options).unwrap(),
        &proof::digest(&document).unwrap(),
    );
    options["proofValue"] = multibase::encode_base58(&key(by).sign(&input)).into();
    options
}

/// The witnesses of these numbers.
pub(super) fn witnesses(threshold: usize, numbers: &[u8]) -> Value {
    let of = |number: &u8| json!({"id": format!("did:key:{}", multikey(*number))});
    let list: Vec<Value> = numbers.iter().map(of).collect();
    json!({"threshold": threshold, "witnesses": list})
}

fn merge(into: &mut Value, from: Value) {
    let from = from.as_object().cloned().unwrap_or_default();
    into.as_object_mut().unwrap().extend(from);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
