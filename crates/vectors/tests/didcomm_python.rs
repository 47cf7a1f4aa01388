//! Envelopes exchanged with PyPI `didcomm`, in both directions (see `interop/README.md`).
//!
//! Needs the virtual environment of `interop/didcomm_python/setup.sh`. Without it nothing is
//! tested, and a line says so; with `COMITY_INTEROP=required` that is a failure.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: whatever fails here fails the test"
)]

mod python;

use comity_did::{Did, DidDocument, DocumentBuilder, make_peer2, resolve_offline};
use comity_didcomm::{
    Layer, Proof, Received, UnpackError, UnpackOptions, agreement_targets_on, anoncrypt, authcrypt,
    media_type, sign, unpack_offline,
};
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, Curve, SigningKey, SystemEntropy};
use python::Python;
use serde_json::{Value, json};

/// One side of ours.
struct Agent {
    signing: SigningKey,
    agreement: AgreementKey,
    document: DidDocument,
}

impl Agent {
    fn new(document: impl FnOnce(&SigningKey, &AgreementKey) -> DidDocument) -> Self {
        let signing = SigningKey::generate(&SystemEntropy);
        let agreement = AgreementKey::generate(&SystemEntropy);
        let document = document(&signing, &agreement);
        Self {
            signing,
            agreement,
            document,
        }
    }

    fn peer() -> Self {
        Self::new(|signing, agreement| {
            let service = json!({"type": "DIDCommMessaging", "serviceEndpoint":
                {"uri": "https://a.example/didcomm", "accept": ["didcomm/v2"]}});
            let did = make_peer2(signing.public(), agreement.public(), &[service]);
            resolve_offline(&did).unwrap().unwrap()
        })
    }

    fn web() -> Self {
        Self::new(|signing, agreement| {
            let did = Did::parse("did:web:agents.org-a.test:aria").unwrap();
            let builder = DocumentBuilder::new(did, signing.public(), agreement.public());
            builder
                .didcomm("https://agents.org-a.test/didcomm")
                .build()
                .unwrap()
        })
    }

    fn did(&self) -> &Did {
        self.document.id()
    }

    /// A message with all headers that our nodes send.
    fn message(&self, to: &Did) -> Value {
        json!({"id": "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001",
            "typ": media_type::PLAINTEXT, "type": "https://didcomm.org/basicmessage/2.0/message",
            "from": self.did(), "to": [to], "thid": "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001",
            "created_time": 1_795_404_926, "expires_time": 1_795_664_126, "sender_order": 1,
            "salt": "AAECAwQFBgcICQoLDA0ODw", "causes": ["uEi"], "body": {"content": "grüezi"}})
    }

    fn sign(&self, message: &[u8]) -> String {
        sign(
            &self.signing,
            &self.did().with_fragment("key-1").unwrap(),
            message,
        )
    }

    fn authcrypt(&self, to: &DidDocument, message: &[u8]) -> String {
        let targets = agreement_targets_on(to, Curve::X25519);
        let secrets = targets
            .iter()
            .map(|(_, key)| self.agreement.agree(key).unwrap());
        let secrets: Vec<_> = secrets.collect();
        let kid = self.did().with_fragment("key-2").unwrap();
        authcrypt(
            &SystemEntropy,
            &kid,
            &secrets,
            &targets,
            message,
            media_type::ENCRYPTED,
        )
        .unwrap()
    }

    fn unpack(&self, packed: &str) -> Received {
        self.try_unpack(packed).unwrap()
    }

    fn try_unpack(&self, packed: &str) -> Result<Received, UnpackError> {
        let own = self.did().with_fragment("key-2").unwrap();
        let key = |kid: &_| (*kid == own).then_some(&self.agreement);
        let options = UnpackOptions::default();
        unpack_offline(packed.as_bytes(), &key, &|_: &Did| None, &options)
    }
}

fn anoncrypt_with(enc: Enc, to: &DidDocument, octets: &[u8]) -> String {
    anoncrypt(&SystemEntropy, to, enc, octets, media_type::ENCRYPTED).unwrap()
}

#[test]
fn we_read_what_it_writes() {
    let Some(mut python) = Python::start() else {
        return;
    };
    let (aria, peer) = (Agent::peer(), python.did());
    for (kind, layers) in [
        ("plain", &[][..]),
        ("signed", &["sign"]),
        ("authcrypt", &["authcrypt"]),
        ("anoncrypt", &["anoncrypt"]),
        ("anoncrypt+signed", &["anoncrypt", "sign"]),
        ("anoncrypt+authcrypt", &["anoncrypt", "authcrypt"]),
        ("authcrypt+signed", &["authcrypt", "sign"]),
    ] {
        let mut message = json!({"id": "1", "typ": media_type::PLAINTEXT, "from": peer,
            "to": [aria.did()], "type": "https://didcomm.org/basicmessage/2.0/message",
            "created_time": 1_795_404_926, "return_route": "all", "body": {"content": "salü"}});
        if kind == "anoncrypt" {
            message.as_object_mut().unwrap().remove("from");
        }
        let received = aria.unpack(&python.pack(kind, &message, aria.did()));
        assert_eq!(names(&received.layers), layers, "{kind}");
        assert_eq!(received.plaintext.body["content"], "salü", "{kind}");
        let kid = match &received.proof {
            Proof::Anyone { kid, .. } => Some((kid, "key-1")),
            Proof::Us { kid, .. } => Some((kid, "key-2")),
            _ => None,
        };
        assert_eq!(
            kid.is_some(),
            !matches!(kind, "plain" | "anoncrypt"),
            "{kind}"
        );
        if let Some((kid, fragment)) = kid {
            assert_eq!(*kid, peer.with_fragment(fragment).unwrap(), "{kind}");
        }
    }
}

#[test]
fn it_reads_what_we_write() {
    let Some(mut python) = Python::start() else {
        return;
    };
    let peer = resolve_offline(&python.did()).unwrap().unwrap();
    for aria in [Agent::peer(), Agent::web()] {
        python.learn(&aria.document);
        let message = aria.message(peer.id());
        let octets = message.to_string().into_bytes();
        let signed = aria.sign(&octets).into_bytes();
        let authcrypted = aria.authcrypt(&peer, &octets);
        for (name, packed, authenticated, non_repudiation) in [
            (
                "signed",
                String::from_utf8(signed.clone()).unwrap(),
                true,
                true,
            ),
            ("authcrypt", authcrypted.clone(), true, false),
            (
                "anoncrypt A256CBC-HS512",
                anoncrypt_with(Enc::A256CbcHs512, &peer, &octets),
                false,
                false,
            ),
            (
                "anoncrypt A256GCM",
                anoncrypt_with(Enc::A256Gcm, &peer, &octets),
                false,
                false,
            ),
            (
                "anoncrypt XC20P",
                anoncrypt_with(Enc::Xc20p, &peer, &octets),
                false,
                false,
            ),
            (
                "anoncrypt(sign)",
                anoncrypt_with(Enc::A256CbcHs512, &peer, &signed),
                true,
                true,
            ),
            (
                "anoncrypt(authcrypt)",
                anoncrypt_with(Enc::A256CbcHs512, &peer, authcrypted.as_bytes()),
                true,
                false,
            ),
        ] {
            let (read, metadata) = python.unpack(&packed);
            assert_eq!(read, message, "{name}");
            assert_eq!(metadata["authenticated"], authenticated, "{name}");
            assert_eq!(metadata["non_repudiation"], non_repudiation, "{name}");
        }
    }
}

#[test]
fn neither_reads_what_was_altered() {
    let Some(mut python) = Python::start() else {
        return;
    };
    let (aria, peer) = (
        Agent::peer(),
        resolve_offline(&python.did()).unwrap().unwrap(),
    );
    let message = json!({"id": "1", "typ": media_type::PLAINTEXT, "from": peer.id(),
        "to": [aria.did()], "type": "https://didcomm.org/empty/1.0/empty", "body": {}});
    let theirs = altered(&python.pack("authcrypt", &message, aria.did()));
    assert!(matches!(aria.try_unpack(&theirs), Err(UnpackError::Open)));

    let ours = aria.message(peer.id()).to_string();
    let ours = altered(&aria.authcrypt(&peer, ours.as_bytes()));
    let refusal = python.ask(&json!({"op": "unpack", "packed": ours}));
    assert!(refusal["error"].is_string(), "{refusal}");
}

/// The same envelope with another tag.
fn altered(packed: &str) -> String {
    let mut packed: Value = serde_json::from_str(packed).unwrap();
    packed["tag"] = json!("A".repeat(43));
    packed.to_string()
}

fn names(layers: &[Layer]) -> Vec<&'static str> {
    let name = |layer: &Layer| match layer {
        Layer::Anoncrypt { .. } => "anoncrypt",
        Layer::Authcrypt { .. } => "authcrypt",
        Layer::Forward { .. } => "forward",
        Layer::Signed { .. } => "sign",
        _ => "unknown",
    };
    layers.iter().map(name).collect()
}
