//! Other people's libraries verify what we make, and we what they make: npm `jose` for signatures,
//! the Digital Bazaar libraries for keys, data model, JSON-LD and status lists (see
//! `interop/README.md`).
//!
//! Needs what `interop/credentials_node/setup.sh` installs. Without it nothing is tested, and a line
//! says so; with `COMITY_INTEROP=required` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use comity_did::{Did, DidDocument, DocumentBuilder};
use comity_jose::{AgreementKey, SignatureAlgorithm, SigningKey, SystemEntropy, base64url};
use comity_vouch::{
    Accepted, CONTEXT, CONTEXT_DOCUMENT, Chain, Claims, Expected, Honoured, Presented, StatusBits,
    StatusEntry, StatusList, StatusListDraft, Types, Vouch, VouchError,
};
use serde_json::{Value, json};

#[test]
fn they_verify_our_vouch_and_find_it_unrevoked() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    peer.know(&aria, "2026-11-24T01:20:00Z").unwrap();
    let presented = aria.presented(&[INDEX - 1, INDEX + 1, 0, 131_071]);
    let found = peer.verify(&presented).unwrap();
    assert_eq!(found["credential"], payload(&presented.vouch));
    assert_eq!(found["revoked"], false);
    // Every term of ours has a meaning for software that goes by JSON-LD.
    let subject = &found["expanded"][0]["https://www.w3.org/2018/credentials#credentialSubject"][0];
    let vouch = &subject[format!("{CONTEXT}#vouch")][0];
    for (term, expected) in [
        ("may", json!([{"@id": ORDERS}])),
        ("audience", json!([{"@id": "did:web:agents.org-c.test"}])),
        ("purpose", json!([{"@value": "spare parts"}])),
        ("must", json!([])),
    ] {
        assert_eq!(vouch[format!("{CONTEXT}#{term}")], expected, "{term}");
    }
    for (term, expected) in [("uses", 20), ("depth", 1)] {
        let found = &vouch[format!("{CONTEXT}#{term}")][0]["@value"];
        assert_eq!(*found, expected, "{term}");
    }
    assert_eq!(
        found["expanded"][0]["@type"],
        json!([
            "https://www.w3.org/2018/credentials#VerifiableCredential",
            format!("{CONTEXT}#ComityVouch")
        ])
    );
}

#[test]
fn they_see_a_revoked_vouch_as_revoked() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    peer.know(&aria, "2026-11-24T01:20:00Z").unwrap();
    let found = peer.verify(&aria.presented(&[INDEX])).unwrap();
    assert_eq!(found["revoked"], true);
}

#[test]
fn they_refuse_whatever_was_altered() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    peer.know(&aria, "2026-11-24T01:20:00Z").unwrap();
    let good = aria.presented(&[]);
    let good_status = good.status.clone().unwrap();
    for (of_status, text) in [(false, &good.vouch), (true, &good_status)] {
        for place in (0..text.len()).step_by(23) {
            let mut octets = text.clone().into_bytes();
            octets[place] = if octets[place] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(octets).unwrap();
            let mut presented = good.clone();
            if of_status {
                presented.status = Some(altered);
            } else {
                presented.vouch = altered;
            }
            assert!(peer.verify(&presented).is_err(), "{of_status} {place}");
        }
    }
    // Other words under the same signature.
    let mut wider = payload(&good.vouch);
    wider["credentialSubject"]["vouch"]["uses"] = json!(1_000_000);
    let mut parts: Vec<String> = good.vouch.split('.').map(str::to_owned).collect();
    parts[1] = base64url::encode(wider.to_string().as_bytes());
    let presented = Presented {
        vouch: parts.join("."),
        ..good
    };
    let error = peer.verify(&presented).unwrap_err();
    assert!(error.contains("signature"), "{error}");
}

#[test]
fn they_refuse_what_is_out_of_its_dates() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    for now in ["2026-11-22T01:16:05Z", "2026-11-26T00:00:00Z"] {
        peer.know(&aria, now).unwrap();
        assert!(peer.verify(&aria.presented(&[])).is_err(), "{now}");
    }
}

#[test]
fn they_refuse_a_list_of_somebody_else() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    peer.know(&aria, "2026-11-24T01:20:00Z").unwrap();
    let mut presented = aria.presented(&[]);
    let mut list = aria.list(&[]);
    list.url = "https://agents.org-a.test/comity/status/2".to_owned();
    presented.status = Some(aria.sign_list(&list));
    assert!(peer.verify(&presented).is_err());
}

#[test]
fn both_sides_write_bits_that_both_sides_read() {
    let Some(peer) = Peer::start() else { return };
    let revoked: Vec<u32> = vec![0, 1, 7, 8, 9, 4_095, INDEX, 131_070, 131_071];
    let theirs = peer
        .ask(&json!({"op": "list", "revoked": revoked}))
        .unwrap();
    let theirs = theirs["encodedList"].as_str().unwrap();
    let theirs = StatusBits::from_encoded_list(theirs).unwrap();
    let ours = bits(&revoked);
    assert_eq!(theirs, ours);
    let indexes: Vec<u32> = (0..20)
        .chain([INDEX - 1, INDEX, 131_070, 131_071])
        .collect();
    let found = peer
        .ask(&json!({"op": "bits", "encodedList": ours.to_encoded_list(), "indexes": indexes}))
        .unwrap();
    assert_eq!(found["length"], 131_072);
    let expected: Vec<bool> = indexes.iter().map(|at| revoked.contains(at)).collect();
    assert_eq!(found["bits"], json!(expected));
}

#[test]
fn we_accept_what_they_sign() {
    let Some(peer) = Peer::start() else { return };
    let aria = Aria::new();
    let ours = aria.presented(&[]);
    let sign = |payload: &Value| {
        let request = json!({"op": "sign", "payload": payload, "kid": aria.kid, "jwk": aria.jwk()});
        peer.ask(&request).unwrap()["jws"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let listed = |revoked: &[u32]| {
        let list = peer
            .ask(&json!({"op": "list", "revoked": revoked}))
            .unwrap();
        let mut status = payload(ours.status.as_ref().unwrap());
        status["credentialSubject"]["encodedList"] = list["encodedList"].clone();
        Presented {
            vouch: sign(&payload(&ours.vouch)),
            status: Some(sign(&status)),
        }
    };
    let theirs = listed(&[INDEX + 1]);
    assert_ne!(theirs.vouch, ours.vouch, "their header has another order");
    let accepted = aria.accept(&theirs).unwrap();
    assert_eq!(
        accepted.links[0].digest,
        Vouch::read(&theirs.vouch).unwrap().digest()
    );
    let refused = aria.accept(&listed(&[INDEX])).unwrap_err();
    assert!(matches!(refused, VouchError::Revoked));
}

/// A running program; it ends with this value.
struct Peer {
    process: RefCell<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    child: Child,
}

impl Peer {
    /// `None`, and a line that says so, if it isn't installed and needn't be.
    fn start() -> Option<Self> {
        const SETUP: &str = "interop/credentials_node/setup.sh";
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let libraries = root.join("target/interop/credentials_node");
        if !libraries.join("node_modules/jose").exists() {
            let is_required = std::env::var("COMITY_INTEROP").is_ok_and(|v| v == "required");
            assert!(!is_required, "run {SETUP} first");
            eprintln!("nothing tested: run {SETUP} first");
            return None;
        }
        let mut child = Command::new("node")
            .arg(root.join("interop/credentials_node/check.mjs"))
            .arg(libraries)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            process: RefCell::new((child.stdin.take(), answers)),
            child,
        })
    }

    fn ask(&self, request: &Value) -> Result<Value, String> {
        let (requests, answers) = &mut *self.process.borrow_mut();
        writeln!(requests.as_mut().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap().to_owned()),
            None => Ok(answer),
        }
    }

    fn know(&self, aria: &Aria, now: &str) -> Result<Value, String> {
        let document: Value = serde_json::from_slice(aria.document.octets()).unwrap();
        let context: Value = serde_json::from_str(CONTEXT_DOCUMENT).unwrap();
        let contexts = json!({ CONTEXT: context });
        self.ask(&json!({"op": "know", "documents": [document], "contexts": contexts, "now": now}))
    }

    fn verify(&self, presented: &Presented) -> Result<Value, String> {
        self.ask(&json!({"op": "verify", "vouch": presented.vouch, "status": presented.status}))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends at the end of its input.
        self.process.get_mut().0.take();
        let _ = self.child.wait();
    }
}

/// Who vouches, with the document that a node publishes.
struct Aria {
    did: Did,
    kid: comity_did::DidUrl,
    key: SigningKey,
    document: Arc<DidDocument>,
}

impl Aria {
    fn new() -> Self {
        let did: Did = "did:web:agents.org-a.test:aria".parse().unwrap();
        let key = SigningKey::generate(&SystemEntropy);
        let agreement = AgreementKey::generate(&SystemEntropy);
        let document = DocumentBuilder::new(did.clone(), key.public(), agreement.public());
        Self {
            kid: did.with_fragment("key-1").unwrap(),
            document: Arc::new(document.build().unwrap()),
            did,
            key,
        }
    }

    fn jwk(&self) -> Value {
        serde_json::from_str(&self.key.to_secret_jwk()).unwrap()
    }

    fn presented(&self, revoked: &[u32]) -> Presented {
        let claims = Claims {
            id: "urn:uuid:5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2b3".to_owned(),
            issuer: self.did.clone(),
            subject: "did:web:agents.org-b.test:bruno".parse().unwrap(),
            may: Types::parse([ORDERS]).unwrap(),
            audience: vec!["did:web:agents.org-c.test".parse().unwrap()],
            uses: Some(20),
            depth: 1,
            purpose: "spare parts".to_owned(),
            valid_from: NOW - 86_400,
            valid_until: NOW + 86_400,
            status: StatusEntry::new(URL, INDEX).unwrap(),
        };
        let unsigned = claims
            .prepare(&self.kid, SignatureAlgorithm::EdDsa)
            .unwrap();
        let signature = self.key.sign(unsigned.octets());
        let vouch: Vouch = unsigned.finish(&signature).unwrap();
        Presented {
            vouch: vouch.as_str().to_owned(),
            status: Some(self.sign_list(&self.list(revoked))),
        }
    }

    fn list(&self, revoked: &[u32]) -> StatusListDraft {
        StatusListDraft {
            issuer: self.did.clone(),
            url: URL.to_owned(),
            signed_at: NOW,
            valid_until: NOW + 86_400,
            bits: bits(revoked),
        }
    }

    fn sign_list(&self, list: &StatusListDraft) -> String {
        let unsigned = list.prepare(&self.kid, SignatureAlgorithm::EdDsa).unwrap();
        let signature = self.key.sign(unsigned.octets());
        let list: StatusList = unsigned.finish(&signature).unwrap();
        list.as_str().to_owned()
    }

    fn accept(&self, presented: &Presented) -> Result<Accepted, VouchError> {
        let honoured = [Honoured {
            issuer: self.did.clone(),
            scope: Types::parse([ORDERS]).unwrap(),
            depth: 0,
        }];
        let expected = Expected {
            subject: &"did:web:agents.org-b.test:bruno".parse().unwrap(),
            audience: &"did:web:agents.org-c.test:carla".parse().unwrap(),
            now: NOW,
            max_status_age: Duration::from_secs(3600),
            honoured: &honoured,
            known: &(),
        };
        let chain = Chain::read(std::slice::from_ref(presented)).unwrap();
        let documents = |_: &Did| Some(Arc::clone(&self.document));
        let verified = chain.verify(&expected, &documents);
        verified.map_err(|refusal| refusal.reason)
    }
}

fn bits(revoked: &[u32]) -> StatusBits {
    let mut bits = StatusBits::new();
    for &index in revoked {
        bits.set(index).unwrap();
    }
    bits
}

fn payload(jws: &str) -> Value {
    let payload = jws.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

const NOW: u64 = 1_795_482_966;
const INDEX: u32 = 70_251;
const URL: &str = "https://agents.org-a.test/comity/status/1";
const ORDERS: &str = "https://example.org/orders/1.0";
