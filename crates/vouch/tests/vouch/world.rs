//! Who takes part: five agents of four organisations, their keys and documents, and ways to make
//! what nobody should make.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::jws::SigningInput;
use comity_jose::{SignatureAlgorithm, SigningKey, sha256};
use comity_record::Digest;
use comity_vouch::{
    Accepted, Chain, Claims, Expected, Honoured, Known, Presented, Refusal, StatusBits,
    StatusEntry, StatusListDraft, Types, Vouch,
};
use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_795_482_966;
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const ORDERS: &str = "https://example.org/orders/1.0";
pub(crate) const PRICES: &str = "https://example.org/prices/2.3";

pub(crate) static ARIA: LazyLock<Agent> = LazyLock::new(|| Agent::new("agents.org-a.test", "aria"));
pub(crate) static BRUNO: LazyLock<Agent> =
    LazyLock::new(|| Agent::new("agents.org-b.test", "bruno"));
pub(crate) static CARLA: LazyLock<Agent> =
    LazyLock::new(|| Agent::new("agents.org-c.test", "carla"));
pub(crate) static DORA: LazyLock<Agent> = LazyLock::new(|| Agent::new("agents.org-d.test", "dora"));
pub(crate) static EMIL: LazyLock<Agent> = LazyLock::new(|| Agent::new("agents.org-a.test", "emil"));
/// Who verifies.
pub(crate) static VERA: LazyLock<Agent> = LazyLock::new(|| Agent::new("agents.org-v.test", "vera"));

/// Everybody who may have to be resolved, in the order in which they vouch for one another.
pub(crate) fn everybody() -> [&'static Agent; 5] {
    [&ARIA, &BRUNO, &CARLA, &DORA, &EMIL]
}

/// An agent with one key under `assertionMethod`, and one for authentication only.
pub(crate) struct Agent {
    pub(crate) did: Did,
    pub(crate) key: SigningKey,
    pub(crate) authentication_key: SigningKey,
    pub(crate) document: Arc<DidDocument>,
}

impl Agent {
    fn new(host: &str, name: &str) -> Self {
        let did: Did = format!("did:web:{host}:{name}").parse().unwrap();
        let key = |purpose: &str| {
            let secret = sha256(&[name.as_bytes(), purpose.as_bytes()]);
            SigningKey::from_secret(comity_jose::Curve::Ed25519, &secret).unwrap()
        };
        let (key, authentication_key) = (key("claims"), key("authentication"));
        let method = |id: &str, key: &SigningKey| {
            json!({"id": format!("{did}#{id}"), "type": "Multikey", "controller": did,
                "publicKeyMultibase": key.public().to_multikey()})
        };
        let document = json!({"id": did, "verificationMethod":
            [method("key-1", &key), method("key-2", &authentication_key)],
            "authentication": ["#key-1", "#key-2"], "assertionMethod": ["#key-1"]});
        let document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
        Self {
            document: Arc::new(document),
            key,
            authentication_key,
            did,
        }
    }

    pub(crate) fn kid(&self) -> DidUrl {
        self.did.with_fragment("key-1").unwrap()
    }

    pub(crate) fn url(&self) -> String {
        let host = self.did.method_specific_id().split(':').next().unwrap();
        format!("https://{host}/comity/status/1")
    }

    /// The vouch of this agent for another, wide in everything.
    pub(crate) fn vouches_for(&self, subject: &Self) -> Claims {
        Claims {
            id: "urn:uuid:5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2b3".to_owned(),
            issuer: self.did.clone(),
            subject: subject.did.clone(),
            may: types(&[ORDERS, PRICES]),
            audience: vec![VERA.did.clone()],
            uses: None,
            depth: 3,
            purpose: "spare parts".to_owned(),
            valid_from: NOW - 86_400,
            valid_until: NOW + 86_400,
            status: StatusEntry::new(&self.url(), 70_251).unwrap(),
        }
    }

    /// Its status list, on which nothing is revoked.
    pub(crate) fn list(&self) -> StatusListDraft {
        StatusListDraft {
            issuer: self.did.clone(),
            url: self.url(),
            signed_at: NOW - 60,
            valid_until: NOW + 86_400,
            bits: StatusBits::new(),
        }
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Vouch {
        let unsigned = claims
            .prepare(&self.kid(), SignatureAlgorithm::EdDsa)
            .unwrap();
        let signature = self.key.sign(unsigned.octets());
        unsigned.finish(&signature).unwrap()
    }

    pub(crate) fn sign_list(&self, list: &StatusListDraft) -> String {
        let unsigned = list
            .prepare(&self.kid(), SignatureAlgorithm::EdDsa)
            .unwrap();
        let signature = self.key.sign(unsigned.octets());
        unsigned.finish(&signature).unwrap().as_str().to_owned()
    }

    /// Signs anything at all.
    pub(crate) fn sign_raw(&self, protected: &[u8], payload: &[u8]) -> String {
        let input = SigningInput::new(protected, payload);
        let signature = self.key.sign(input.octets());
        input.into_compact(&signature)
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": self.kid()})
    }

    pub(crate) fn sign_value(&self, payload: &Value) -> String {
        self.sign_raw(
            self.header().to_string().as_bytes(),
            payload.to_string().as_bytes(),
        )
    }
}

/// A chain to be presented; every part can be bent before.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) claims: Vec<Claims>,
    pub(crate) lists: Vec<Option<StatusListDraft>>,
    pub(crate) subject: Did,
    pub(crate) audience: Did,
    pub(crate) now: u64,
    pub(crate) max_status_age: Duration,
    pub(crate) honoured: Vec<Honoured>,
    pub(crate) memory: Memory,
    pub(crate) unresolved: HashSet<Did>,
}

/// What the verifier remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) revoked: HashSet<Digest>,
    pub(crate) used: HashMap<Digest, u64>,
}

impl Known for Memory {
    fn is_revoked(&self, vouch: &Digest) -> bool {
        self.revoked.contains(vouch)
    }

    fn used(&self, vouch: &Digest) -> u64 {
        self.used.get(vouch).copied().unwrap_or(0)
    }
}

impl Case {
    /// Aria vouches for Bruno, Bruno for Carla and so on, `links` times; all of it holds.
    pub(crate) fn of(links: usize) -> Self {
        let agents = everybody();
        Self {
            claims: (0..links)
                .map(|at| agents[at].vouches_for(agents[at + 1]))
                .collect(),
            lists: (0..links).map(|at| Some(agents[at].list())).collect(),
            subject: agents[links].did.clone(),
            audience: VERA.did.clone(),
            now: NOW,
            max_status_age: HOUR,
            honoured: vec![Honoured {
                issuer: ARIA.did.clone(),
                scope: types(&[ORDERS, PRICES]),
                depth: 3,
            }],
            memory: Memory::default(),
            unresolved: HashSet::new(),
        }
    }

    pub(crate) fn presented(&self) -> Vec<Presented> {
        let links = self.claims.iter().zip(&self.lists);
        links
            .map(|(claims, list)| Presented {
                vouch: agent(&claims.issuer).sign(claims).as_str().to_owned(),
                status: list
                    .as_ref()
                    .map(|list| agent(&list.issuer).sign_list(list)),
            })
            .collect()
    }

    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            subject: &self.subject,
            audience: &self.audience,
            now: self.now,
            max_status_age: self.max_status_age,
            honoured: &self.honoured,
            known: &self.memory,
        }
    }

    pub(crate) fn verify(&self) -> Result<Accepted, Refusal> {
        self.verify_presented(&self.presented())
    }

    pub(crate) fn verify_presented(&self, presented: &[Presented]) -> Result<Accepted, Refusal> {
        let documents = |did: &Did| {
            let agent = everybody().into_iter().find(|agent| agent.did == *did)?;
            let is_there = !self.unresolved.contains(did);
            is_there.then(|| Arc::clone(&agent.document))
        };
        let chain = Chain::read(presented)?;
        let checked = chain.check(&self.expected());
        let verified = chain.verify(&self.expected(), &documents);
        // What is refused without documents is refused with them, and for the same reason.
        if let Err(refusal) = checked {
            let code = refusal.reason.code();
            assert_eq!(verified.unwrap_err().reason.code(), code);
            return Err(refusal);
        }
        // And only what needs a document, a signature or the bits is left to be refused with them.
        if let Err(refusal) = &verified {
            let (_, word) = told(refusal);
            assert!(
                LATE.contains(&word.as_str()),
                "{word} could have been refused before"
            );
        }
        verified
    }

    /// The link and the code of the refusal.
    pub(crate) fn refusal(&self) -> (usize, String) {
        told(&self.verify().expect_err("is refused"))
    }
}

/// What takes a document, a signature or the bits of a list to find out.
const LATE: [&str; 8] = [
    "key",
    "revoked",
    "signature",
    "status-index",
    "status-key",
    "status-malformed",
    "status-signature",
    "unresolved",
];

/// The link of a refusal and the last word of its code.
pub(crate) fn told(refusal: &Refusal) -> (usize, String) {
    let code = refusal.reason.code().to_string();
    assert!(!refusal.reason.next().is_empty());
    let word = code
        .strip_prefix("e.p.trust.vouch-")
        .expect("a code of vouches");
    (refusal.link, word.to_owned())
}

pub(crate) fn agent(did: &Did) -> &'static Agent {
    let found = everybody().into_iter().find(|agent| agent.did == *did);
    found.expect("one of the cast")
}

pub(crate) fn types(texts: &[&str]) -> Types {
    Types::parse(texts).unwrap()
}

/// The payload of a compact JWS.
pub(crate) fn payload(jws: &str) -> Value {
    let payload = jws.split('.').nth(1).unwrap();
    serde_json::from_slice(&comity_jose::base64url::decode(payload).unwrap()).unwrap()
}
