//! Octets from the wire, through the whole machine, with keys and documents that are known.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_didcomm::{
    Layer, Proof, Received, UnpackError, UnpackOptions, agreement_targets_on, anoncrypt,
    anoncrypt_to, authcrypt, media_type, sign, unpack_offline, verify_signed,
};
use comity_jose::json::Limits;
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, SigningKey};
use serde_json::Value;

use super::plaintext;
use crate::cast::{ARIA, BRUNO, Fixed, everybody};
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "unpack",
    max_len: 16 * 1024,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    if let Ok(shown) = verify_signed(data, &UnpackOptions::default(), &document) {
        check(&shown);
        assert!(matches!(shown.proof, Proof::Anyone { .. }));
    }
    let Ok(received) = unpack(data) else { return };
    check(&received);
    // Whoever feeds octets here holds no key: what is proved is a message that its sender made.
    if received.proof != Proof::Nobody {
        assert!(PROVED.contains(&received.octets), "a forged message");
    }
    if let Some(prior) = &received.from_prior {
        assert!(
            prior.iss.as_str().starts_with("did:example:"),
            "a forged rotation"
        );
    }
}

/// The plaintexts that somebody signed or authenticated in what fuzzing starts from.
static PROVED: LazyLock<HashSet<Vec<u8>>> = LazyLock::new(|| {
    let made = seeds().into_iter().chain(heavy());
    let received = made.filter_map(|seed| unpack(&seed).ok());
    let proved = received.filter(|received| received.proof != Proof::Nobody);
    proved.map(|received| received.octets).collect()
});

pub(crate) fn unpack(octets: &[u8]) -> Result<Received, UnpackError> {
    let mut options = UnpackOptions::default();
    options.now = Some(1_795_404_930);
    unpack_offline(octets, &key, &document, &options)
}

/// Bruno's keys, and those of the reader in the vectors.
fn key(kid: &DidUrl) -> Option<&'static AgreementKey> {
    let ours = BRUNO.agreement_key(kid);
    ours.or_else(|| {
        READER
            .iter()
            .find(|(known, _)| known == kid)
            .map(|(_, key)| key)
    })
}

pub(crate) fn document(did: &Did) -> Option<Arc<DidDocument>> {
    let ours = everybody().into_iter().map(|party| &party.document);
    let all = ours.chain(DOCUMENTS.iter());
    all.into_iter()
        .find(|document| document.id() == did)
        .cloned()
}

static READER: LazyLock<Vec<(DidUrl, AgreementKey)>> = LazyLock::new(|| {
    let keys = harvest::objects("didcomm", &["holds", "secrets"]);
    let secrets = keys
        .iter()
        .filter_map(|keys| keys["secrets"].as_object())
        .flatten();
    secrets
        .filter_map(|(kid, jwk)| {
            let ours = kid.starts_with("did:example:bob") || kid.starts_with("did:example:charlie");
            let key = AgreementKey::from_jwk(jwk).ok()?;
            ours.then_some((DidUrl::parse(kid).ok()?, key))
        })
        .collect()
});

static DOCUMENTS: LazyLock<Vec<Arc<DidDocument>>> = LazyLock::new(|| {
    let documents = harvest::objects("didcomm", &["id", "verificationMethod"]);
    documents
        .iter()
        .filter_map(|value| {
            let did = Did::parse(value["id"].as_str()?).ok()?;
            Some(Arc::new(
                DidDocument::parse(&did, value.to_string().as_bytes()).ok()?,
            ))
        })
        .collect()
});

/// Four times a forward to ourselves, and what may stand in the last.
const MAX_LAYERS: usize = 4 * 2 + 3;

/// What holds for every message that was unpacked.
pub(crate) fn check(received: &Received) {
    plaintext::check(&received.plaintext);
    let again = comity_didcomm::Plaintext::parse(&received.octets, &Limits::MESSAGE);
    assert_eq!(again.as_ref().ok(), Some(&received.plaintext));
    assert!(received.layers.len() <= MAX_LAYERS);
    let opened = |layer: &Layer| matches!(layer, Layer::Anoncrypt { .. } | Layer::Authcrypt { .. });
    assert_eq!(received.is_encrypted(), received.layers.iter().any(opened));
    assert_eq!(received.author().is_some(), received.proof != Proof::Nobody);
    let from = received.plaintext.from.as_ref();
    let signed = received
        .layers
        .iter()
        .any(|layer| matches!(layer, Layer::Signed { .. }));
    let authenticated = received
        .layers
        .iter()
        .any(|layer| matches!(layer, Layer::Authcrypt { .. }));
    match &received.proof {
        Proof::Nobody => {
            assert!(!signed && !authenticated && received.sender_document.is_none());
        }
        Proof::Us { kid, key } => {
            assert!(authenticated && !signed);
            assert!(from.is_some_and(|from| from.same_subject(kid.did())));
            let document = received
                .sender_document
                .as_ref()
                .expect("a proof rests on a document");
            assert_eq!(document.key(kid, Relationship::KeyAgreement), Some(key));
        }
        Proof::Anyone { kid, key } => {
            assert!(signed);
            assert!(from.is_some_and(|from| from.same_subject(kid.did())));
            let document = received
                .sender_document
                .as_ref()
                .expect("a proof rests on a document");
            assert_eq!(document.key(kid, Relationship::Authentication), Some(key));
            // The evidence convinces without us.
            let evidence = received.signed.as_ref().expect("evidence");
            let input = format!("{}.{}", evidence.protected_b64, evidence.payload_b64);
            key.verify(evidence.alg, input.as_bytes(), &evidence.signature)
                .expect("verifies");
            assert_eq!(
                comity_jose::base64url::decode(&evidence.payload_b64).as_ref(),
                Ok(&received.octets)
            );
            assert_eq!(&evidence.kid, kid);
        }
        _ => panic!("a proof that is not known here"),
    }
    assert_eq!(received.signed.is_some(), signed);
    if let Some(recipient) = &received.recipient {
        assert!(
            key(recipient).is_some(),
            "opened with a key that nobody holds"
        );
        let to = &received.plaintext.to;
        assert!(to.is_empty() && !signed || received.plaintext.is_to(recipient.did()));
    }
    assert!(received.from_prior.is_none() || received.is_encrypted());
}

/// The ways to wrap octets, from Aria to Bruno.
#[derive(Clone, Copy)]
pub(crate) enum Wrapped {
    Plain,
    Signed(usize),
    Sealed(Enc),
    Authenticated(usize),
    SealedSigned(Enc, usize),
    SealedAuthenticated(Enc, usize),
    AuthenticatedSigned(usize),
}

impl Wrapped {
    pub(crate) const ALL: [Self; 14] = [
        Self::Plain,
        Self::Signed(0),
        Self::Signed(1),
        Self::Signed(2),
        Self::Sealed(Enc::ALL[0]),
        Self::Sealed(Enc::ALL[1]),
        Self::Sealed(Enc::ALL[2]),
        Self::Authenticated(0),
        Self::Authenticated(1),
        Self::Authenticated(3),
        Self::SealedSigned(Enc::ALL[0], 0),
        Self::SealedSigned(Enc::ALL[1], 1),
        Self::SealedAuthenticated(Enc::ALL[0], 0),
        Self::AuthenticatedSigned(0),
    ];

    pub(crate) fn wrap(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => octets.to_vec(),
            Self::Signed(n) => signed(n, octets),
            Self::Sealed(enc) => sealed(enc, octets),
            Self::Authenticated(n) => authenticated(n, octets),
            Self::SealedSigned(enc, n) => sealed(enc, &signed(n, octets)),
            Self::SealedAuthenticated(enc, n) => sealed(enc, &authenticated(n, octets)),
            Self::AuthenticatedSigned(n) => authenticated(n, &signed(0, octets)),
        }
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Signed(_) | Self::SealedSigned(..) | Self::AuthenticatedSigned(_)
        )
    }

    pub(crate) const fn is_authenticated(self) -> bool {
        matches!(
            self,
            Self::Authenticated(_) | Self::SealedAuthenticated(..) | Self::AuthenticatedSigned(_)
        )
    }

    pub(crate) const fn layers(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Signed(_) | Self::Sealed(_) | Self::Authenticated(_) => 1,
            Self::SealedSigned(..)
            | Self::SealedAuthenticated(..)
            | Self::AuthenticatedSigned(_) => 2,
        }
    }
}

fn signed(n: usize, octets: &[u8]) -> Vec<u8> {
    let (name, key): &(&str, SigningKey) = &ARIA.signing[n];
    sign(key, &ARIA.kid(name), octets).into_bytes()
}

pub(crate) fn sealed(enc: Enc, octets: &[u8]) -> Vec<u8> {
    anoncrypt(
        &Fixed::new(5),
        &BRUNO.document,
        enc,
        octets,
        media_type::ENCRYPTED,
    )
    .expect("Bruno has keys")
    .into_bytes()
}

fn authenticated(n: usize, octets: &[u8]) -> Vec<u8> {
    let (name, own) = &ARIA.agreement[n];
    let targets = agreement_targets_on(&BRUNO.document, own.public().curve());
    let zs: Vec<_> = targets
        .iter()
        .map(|(_, key)| own.agree(key).expect("agrees"))
        .collect();
    authcrypt(
        &Fixed::new(6),
        &ARIA.kid(name),
        &zs,
        &targets,
        octets,
        media_type::ENCRYPTED,
    )
    .expect("Bruno has keys")
    .into_bytes()
}

fn seeds() -> Vec<Vec<u8>> {
    let vectors = harvest::objects("didcomm", &["ciphertext"])
        .into_iter()
        .chain(harvest::objects("didcomm", &["payload", "signatures"]))
        .map(|value| value.to_string().into_bytes());
    let message = plaintext::messages()[0].to_string();
    let ours = Wrapped::ALL
        .into_iter()
        .map(|how| how.wrap(message.as_bytes()));
    // The same key as if it were two: an envelope to several.
    let twice: Vec<_> = ["agree", "agree-p384"]
        .iter()
        .zip(&BRUNO.agreement)
        .map(|(name, (_, key))| (BRUNO.kid(name), key.public().clone()))
        .take(1)
        .chain([(BRUNO.kid("other"), ARIA.agrees().public().clone())])
        .collect();
    let several = anoncrypt_to(
        &Fixed::new(8),
        &twice,
        Enc::ALL[0],
        message.as_bytes(),
        media_type::ENCRYPTED,
    );
    vectors
        .chain(ours)
        .chain(several.ok().map(String::into_bytes))
        .collect()
}

fn heavy() -> Vec<Vec<u8>> {
    let mut message: Value = plaintext::messages()[0].clone();
    message["body"]["text"] = "x".repeat(300_000).into();
    let long = message.to_string();
    let mut message: Value = plaintext::messages()[0].clone();
    message["to"] = vec![message["to"][0].clone(); 10_000].into();
    let many = message.to_string();
    let kids: Vec<_> = (0..64)
        .map(|n| (BRUNO.kid(&format!("k{n}")), ARIA.agrees().public().clone()))
        .collect();
    let crowd = anoncrypt_to(
        &Fixed::new(8),
        &kids,
        Enc::ALL[0],
        b"{}",
        media_type::ENCRYPTED,
    );
    let mut out: Vec<_> = [long, many]
        .iter()
        .flat_map(|text| [1, 4, 8, 10].map(|n| Wrapped::ALL[n].wrap(text.as_bytes())))
        .collect();
    out.extend(crowd.ok().map(String::into_bytes));
    out
}
