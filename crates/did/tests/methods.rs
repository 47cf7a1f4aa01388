//! Rules of did:key and did:jwk that the vectors leave out.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its DIDs has failed"
)]

use comity_did::{Did, DidDocument, Relationship, ResolveError, make_key, resolve_offline};
use comity_jose::{AgreementKey, Curve, SigningKey, SystemEntropy, base64url};
use serde_json::{Value, json};

fn resolve(did: &str) -> Result<DidDocument, ResolveError> {
    resolve_offline(&Did::parse(did).unwrap()).unwrap()
}

/// The relationships under which a did:jwk lists its key.
fn relationships(jwk: &Value) -> Vec<Relationship> {
    let did = format!("did:jwk:{}", base64url::encode(jwk.to_string().as_bytes()));
    let document = resolve(&did).unwrap();
    let id = document.id().with_fragment("0").unwrap();
    let lists = |one: &Relationship| document.key(&id, *one).is_some();
    Relationship::ALL.into_iter().filter(lists).collect()
}

fn all_but_agreement() -> Vec<Relationship> {
    let signs = |one: &Relationship| *one != Relationship::KeyAgreement;
    Relationship::ALL.into_iter().filter(signs).collect()
}

#[test]
fn the_use_of_a_jwk_and_its_curve_say_what_it_is_for() {
    let p256 = AgreementKey::generate_on(Curve::P256, &SystemEntropy).unwrap();
    let mut jwk = p256.public().to_jwk();
    jwk["kid"] = json!("ignored");
    assert_eq!(relationships(&jwk), Relationship::ALL);
    jwk["use"] = json!("sig");
    assert_eq!(relationships(&jwk), all_but_agreement());
    jwk["use"] = json!("enc");
    assert_eq!(relationships(&jwk), [Relationship::KeyAgreement]);

    let ed25519 = SigningKey::generate(&SystemEntropy);
    assert_eq!(
        relationships(&ed25519.public().to_jwk()),
        all_but_agreement()
    );
    let x25519 = AgreementKey::generate(&SystemEntropy);
    let mut jwk = x25519.public().to_jwk();
    assert_eq!(relationships(&jwk), [Relationship::KeyAgreement]);
    jwk["use"] = json!("sig");
    assert_eq!(relationships(&jwk), []);
}

#[test]
fn a_did_key_may_name_a_version_that_is_known() {
    let key = SigningKey::generate(&SystemEntropy);
    let plain = make_key(key.public());
    let multikey = plain.method_specific_id();
    for did in [format!("did:key:1:{multikey}"), plain.to_string()] {
        let document = resolve(&did).unwrap();
        let id = document.id().with_fragment(multikey).unwrap();
        assert_eq!(
            document.key(&id, Relationship::Authentication),
            Some(key.public())
        );
    }
    let newer = resolve(&format!("did:key:2:{multikey}")).unwrap_err();
    assert!(matches!(newer, ResolveError::Version));
    assert_eq!(newer.code(), "FEATURE_NOT_SUPPORTED");
    assert_eq!(resolve("did:key:z6Mk").unwrap_err().code(), "INVALID_DID");
}
