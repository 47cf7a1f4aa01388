//! What neither a peer nor a log may learn: why an envelope did not open, and the octets of a secret.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::{
    Class, Step, Unpack, UnpackError, UnpackOptions, agreement_targets, anoncrypt, authcrypt,
    media_type, unpack_offline,
};
use comity_jose::jwe::Enc;
use comity_jose::{
    AgreementKey, Curve, PublicKey, SharedSecret, SigningKey, SystemEntropy, base64url,
};
use serde_json::{Value, json};

const MESSAGE: &str = r#"{"id":"1","type":"https://example.org/x/1.0/y","from":"did:example:aria","to":["did:example:bruno"],"body":{}}"#;

struct Party {
    document: Arc<DidDocument>,
    key: AgreementKey,
}

impl Party {
    fn new(did: &str) -> Self {
        let key = AgreementKey::generate(&SystemEntropy);
        Self {
            document: document(did, key.public()),
            key,
        }
    }

    fn kid(&self) -> DidUrl {
        self.document.id().with_fragment("key").unwrap()
    }
}

fn document(did: &str, key: &PublicKey) -> Arc<DidDocument> {
    let method = json!({"id": "#key", "type": "Multikey", "publicKeyMultibase": key.to_multikey()});
    let document = json!({"id": did, "keyAgreement": [method]}).to_string();
    let did = Did::parse(did).unwrap();
    Arc::new(DidDocument::parse(&did, document.as_bytes()).unwrap())
}

fn anonymous(to: &Party, enc: Enc) -> String {
    let typ = media_type::ENCRYPTED;
    anoncrypt(&SystemEntropy, &to.document, enc, MESSAGE.as_bytes(), typ).unwrap()
}

fn authenticated(from: &Party, to: &Party) -> String {
    let targets = agreement_targets(&to.document);
    let zs = [from.key.agree(to.key.public()).unwrap()];
    let typ = media_type::ENCRYPTED;
    authcrypt(
        &SystemEntropy,
        &from.kid(),
        &zs,
        &targets,
        MESSAGE.as_bytes(),
        typ,
    )
    .unwrap()
}

#[test]
fn what_does_not_open_fails_in_one_way() {
    let (aria, bruno) = (
        Party::new("did:example:aria"),
        Party::new("did:example:bruno"),
    );
    let stranger = Party::new("did:example:aria");
    let open = |envelope: &str, key: &AgreementKey, sender: &Party| {
        let keys = |kid: &DidUrl| (*kid == bruno.kid()).then_some(key);
        let found = |_: &Did| Some(sender.document.clone());
        unpack_offline(
            envelope.as_bytes(),
            &keys,
            &found,
            &UnpackOptions::default(),
        )
    };
    let mut errors = Vec::new();
    let anonymous = Enc::ALL.map(|enc| anonymous(&bruno, enc));
    for envelope in anonymous.into_iter().chain([authenticated(&aria, &bruno)]) {
        open(&envelope, &bruno.key, &aria).unwrap();
        // Another key than the one it was made for: the key does not unwrap.
        errors.extend(open(&envelope, &stranger.key, &aria).err());
        let good: Value = serde_json::from_str(&envelope).unwrap();
        for member in ["/recipients/0/encrypted_key", "/iv", "/ciphertext", "/tag"] {
            let octets =
                base64url::decode(good.pointer(member).unwrap().as_str().unwrap()).unwrap();
            for at in [0, octets.len() / 2, octets.len() - 1] {
                let mut octets = octets.clone();
                octets[at] ^= 1;
                let mut changed = good.clone();
                *changed.pointer_mut(member).unwrap() = base64url::encode(&octets).into();
                errors.extend(open(&changed.to_string(), &bruno.key, &aria).err());
            }
        }
        // A ciphertext cut to nothing, and to what is no multiple of a block.
        for text in ["", "AAAA"] {
            let mut changed = good.clone();
            changed["ciphertext"] = text.into();
            errors.extend(open(&changed.to_string(), &bruno.key, &aria).err());
        }
    }
    // Another sender's key than the one that was used.
    errors.extend(open(&authenticated(&aria, &bruno), &bruno.key, &stranger).err());
    assert_eq!(errors.len(), 4 * (1 + 4 * 3 + 2) + 1);
    for error in errors {
        assert!(matches!(error, UnpackError::Open), "{error:?}");
        assert_eq!(
            format!("{error:?}, {error}"),
            "Open, envelope does not open"
        );
        assert!(error.source().is_none());
        assert_eq!(error.class(), Class::Crypto);
    }
}

/// Octets as somebody could print them.
struct Secrets(Vec<String>);

impl Secrets {
    fn new(secrets: &[&[u8]]) -> Self {
        let forms = |octets: &&[u8]| {
            let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            let decimal: Vec<_> = octets[..8].iter().map(ToString::to_string).collect();
            [
                hex[..16].to_owned(),
                hex[..16].to_uppercase(),
                decimal.join(", "),
                base64url::encode(&octets[..9]),
            ]
        };
        Self(secrets.iter().flat_map(forms).collect())
    }

    fn absent_from(&self, thing: &dyn Debug) {
        for text in [
            format!("{thing:?}"),
            format!("{thing:#?}")
                .replace([' ', '\n'], "")
                .replace(',', ", "),
        ] {
            for secret in &self.0 {
                assert!(!text.contains(secret.as_str()), "{secret} in {text}");
            }
        }
    }
}

#[test]
fn nothing_secret_is_printed_on_the_way() {
    let (aria, bruno) = (
        Party::new("did:example:aria"),
        Party::new("did:example:bruno"),
    );
    for envelope in [
        anonymous(&bruno, Enc::A256Gcm),
        authenticated(&aria, &bruno),
    ] {
        let mut unpack = Unpack::new(envelope.as_bytes(), &UnpackOptions::default()).unwrap();
        let own = bruno.key.secret();
        let mut secrets = Secrets::new(&[&own]);
        loop {
            secrets.absent_from(&unpack);
            let step = unpack.step().unwrap();
            secrets.absent_from(&step);
            match step {
                Step::Claim(_) => unpack.proceed(),
                Step::Resolve(_) => unpack.document(aria.document.clone()),
                Step::Agree { with, .. } => {
                    let agreed: Vec<SharedSecret> = with
                        .iter()
                        .map(|key| bruno.key.agree(key).unwrap())
                        .collect();
                    let octets: Vec<&[u8]> = agreed.iter().map(SharedSecret::octets).collect();
                    secrets.0.extend(Secrets::new(&octets).0);
                    unpack.agreed(bruno.kid(), agreed);
                }
                _ => break,
            }
        }
        secrets.absent_from(&unpack.finish().unwrap());
    }
}

#[test]
fn no_error_quotes_a_private_key() {
    let key = SigningKey::generate(&SystemEntropy);
    let (secret, mut jwk) = (key.secret(), key.public().to_jwk());
    let secrets = Secrets::new(&[&secret]);
    jwk["d"] = base64url::encode(&secret).into();
    secrets.absent_from(&SigningKey::from_jwk(&jwk));
    secrets.absent_from(&PublicKey::from_jwk(&jwk).unwrap_err());
    secrets.absent_from(&AgreementKey::from_jwk(&jwk).unwrap_err());
    jwk["x"] = SigningKey::generate(&SystemEntropy).public().to_jwk()["x"].clone();
    secrets.absent_from(&SigningKey::from_jwk(&jwk).unwrap_err());
    jwk["d"] = format!("{}=", base64url::encode(&secret)).into();
    secrets.absent_from(&SigningKey::from_jwk(&jwk).unwrap_err());
    secrets.absent_from(&SigningKey::from_secret(Curve::P256, &secret[1..]).unwrap_err());
    secrets.absent_from(&AgreementKey::from_secret(Curve::P384, &secret).unwrap_err());
}
