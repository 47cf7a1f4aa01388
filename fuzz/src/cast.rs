//! Who takes part: two parties with fixed keys, their logs, and octets that only look random.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::{AgreementKey, Curve, Entropy, SigningKey, sha256};
use comity_record::{LogOrigin, Vkey};
use serde_json::{Value, json};

/// The sender of everything.
pub(crate) static ARIA: LazyLock<Party> =
    LazyLock::new(|| Party::new("did:web:agents.org-a.test:aria", 1));
/// Its recipient, whose keys the reader holds.
pub(crate) static BRUNO: LazyLock<Party> =
    LazyLock::new(|| Party::new("did:web:agents.org-b.test:bruno", 2));
/// Who Aria was before.
pub(crate) static OLD_ARIA: LazyLock<Party> =
    LazyLock::new(|| Party::new("did:example:aria-before", 3));

/// Everybody.
pub(crate) fn everybody() -> [&'static Party; 3] {
    [&ARIA, &BRUNO, &OLD_ARIA]
}

/// Keys of every curve, and the document that shows them.
pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) document: Arc<DidDocument>,
    /// By fragment.
    pub(crate) signing: Vec<(&'static str, SigningKey)>,
    /// By fragment.
    pub(crate) agreement: Vec<(&'static str, AgreementKey)>,
    pub(crate) log_key: SigningKey,
    pub(crate) origin: LogOrigin,
    pub(crate) vkey: Vkey,
}

impl Party {
    fn new(did: &str, number: u8) -> Self {
        let did = Did::parse(did).expect("a DID");
        let fixed = Fixed::new(u64::from(number));
        let seed = |n: u8| sha256(&[&[number, n]]);
        let signing: Vec<_> = [
            ("sign", Curve::Ed25519),
            ("sign-p256", Curve::P256),
            ("sign-k256", Curve::Secp256k1),
        ]
        .into_iter()
        .zip(0..)
        .map(|((name, curve), n)| {
            (
                name,
                SigningKey::from_secret(curve, &seed(n)).expect("a key"),
            )
        })
        .collect();
        let agreement: Vec<_> = [
            ("agree", Curve::X25519),
            ("agree-p256", Curve::P256),
            ("agree-p384", Curve::P384),
            ("agree-p521", Curve::P521),
        ]
        .into_iter()
        .map(|(name, curve)| {
            (
                name,
                AgreementKey::generate_on(curve, &fixed).expect("a key"),
            )
        })
        .collect();
        let log_key = SigningKey::from_secret(Curve::Ed25519, &seed(9)).expect("a key");
        let host = did
            .method_specific_id()
            .split(':')
            .next()
            .unwrap_or("log.test");
        let origin = LogOrigin::new(host, [number; 4]).expect("a name");
        let vkey = Vkey::log(origin.clone(), log_key.public().clone()).expect("a log's key");
        let method = |name: &str, multikey: String| json!({"id": format!("#{name}"), "type": "Multikey", "controller": did, "publicKeyMultibase": multikey});
        let signs: Vec<Value> = signing
            .iter()
            .map(|(name, key)| method(name, key.public().to_multikey()))
            .collect();
        let agrees: Vec<Value> = agreement
            .iter()
            .map(|(name, key)| method(name, key.public().to_multikey()))
            .collect();
        let log = json!({"id": "#log", "type": "ComityLog", "serviceEndpoint":
            {"uri": format!("https://{host}/comity/log"), "origin": origin, "vkey": vkey}});
        let didcomm = json!({"id": "#didcomm", "type": "DIDCommMessaging", "serviceEndpoint":
            {"uri": format!("https://{host}/didcomm"), "accept": ["didcomm/v2"], "routingKeys": []}});
        let document = json!({"@context": ["https://www.w3.org/ns/did/v1"], "id": did,
            "authentication": signs, "keyAgreement": agrees, "service": [didcomm, log]});
        let document =
            DidDocument::parse(&did, document.to_string().as_bytes()).expect("a document");
        Self {
            did,
            document: Arc::new(document),
            signing,
            agreement,
            log_key,
            origin,
            vkey,
        }
    }

    pub(crate) fn kid(&self, fragment: &str) -> DidUrl {
        self.did.with_fragment(fragment).expect("a key id")
    }

    /// The key that signs by default, Ed25519.
    pub(crate) fn signs(&self) -> &SigningKey {
        &self.signing[0].1
    }

    /// The key that agrees by default, X25519.
    pub(crate) fn agrees(&self) -> &AgreementKey {
        &self.agreement[0].1
    }

    pub(crate) fn agreement_key(&self, kid: &DidUrl) -> Option<&AgreementKey> {
        let fragment = kid.fragment().filter(|_| *kid.did() == self.did)?;
        let found = self.agreement.iter().find(|(name, _)| *name == fragment);
        found.map(|(_, key)| key)
    }
}

/// Octets that are the same in every run: a finding must be found again.
pub(crate) struct Fixed {
    seed: u64,
    drawn: AtomicU64,
}

impl Fixed {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let n = self.drawn.fetch_add(1, Ordering::Relaxed);
            let octets = sha256(&[&self.seed.to_be_bytes(), &n.to_be_bytes()]);
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
    }
}
