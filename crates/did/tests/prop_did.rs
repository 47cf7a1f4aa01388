//! What must hold for any text: printing undoes reading, and nothing panics.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its keys has failed"
)]

use comity_did::{
    Did, DidDocument, DidUrl, Relationship, make_key, make_peer2, resolve_offline, web, webvh,
};
use comity_jose::{AgreementKey, Curve, SigningKey, base64url};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

proptest! {
    #[test]
    fn printing_undoes_reading(text in "did:[a-z0-9]{1,8}:[A-Za-z0-9._%:-]{0,40}([/?#][ -~]{0,20})?") {
        if let Ok(url) = DidUrl::parse(&text) {
            prop_assert_eq!(url.as_str(), &text);
            prop_assert!(text.starts_with(url.did().as_str()));
        }
        if let Ok(did) = Did::parse(&text) {
            let url = DidUrl::from(did);
            prop_assert_eq!(url.as_str(), &text);
        }
    }

    #[test]
    fn any_did_is_mapped_or_refused(text in "did:(web|webvh):[A-Za-z0-9._%:-]{1,60}") {
        if let Ok(did) = Did::parse(&text) {
            if let Ok(url) = web::url(&did) {
                prop_assert!(!url.path().contains("/../") && !url.path().contains("//"));
            }
            let _ = webvh::url(&did);
        }
    }

    #[test]
    fn any_self_contained_did_is_resolved_or_refused(text in "did:(key:z|jwk:|peer:[0-4]|peer:2\\.[VES]z?)[A-Za-z0-9._:-]{1,90}") {
        if let Ok(did) = Did::parse(&text) {
            let _ = resolve_offline(&did);
            prop_assert!(did.same_subject(&did));
        }
    }

    #[test]
    fn any_octets_are_a_document_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let did = Did::parse("did:example:a").unwrap();
        prop_assert!(DidDocument::parse(&did, &octets).is_err());
    }

    #[test]
    fn a_handle_is_another_spelling_of_its_did(name in "[a-z0-9-]{1,64}", host in "[a-z0-9.-]{1,30}", port in proptest::option::of(any::<u16>())) {
        let port_text = port.map_or_else(String::new, |port| format!(":{port}"));
        let handle = format!("{name}@{host}{port_text}");
        prop_assert_eq!(web::from_handle(&handle).ok(), web::did_for(&host, port, &name).ok());
        if let Ok(did) = web::from_handle(&handle) {
            prop_assert_eq!(web::to_handle(&did), Some(handle));
            prop_assert!(web::url(&did).is_ok());
        }
    }

    #[test]
    fn a_did_that_is_made_of_keys_resolves_to_them(
        seed in any::<[u8; 32]>(),
        curve in select(vec![Curve::Ed25519, Curve::P256, Curve::Secp256k1]),
        uri in "https://[a-z]{1,20}[.]test/[a-z]{0,20}",
    ) {
        let Ok(signing) = SigningKey::from_secret(curve, &seed) else { return Ok(()) };
        let agreement = AgreementKey::from_secret(Curve::X25519, &seed).unwrap();
        let service = json!({"type": "DIDCommMessaging", "serviceEndpoint": {"uri": uri, "accept": ["didcomm/v2"]}});
        let jwk = base64url::encode(signing.public().to_jwk().to_string().as_bytes());
        let dids = [
            make_key(signing.public()),
            make_peer2(signing.public(), agreement.public(), &[service]),
            Did::parse(&format!("did:jwk:{jwk}")).unwrap(),
        ];
        for did in dids {
            let document = resolve_offline(&did).unwrap().unwrap();
            prop_assert_eq!(document.id(), &did);
            let (kid, key) = document.keys(Relationship::Authentication).next().unwrap();
            prop_assert_eq!(key, signing.public());
            prop_assert_eq!(document.key(kid, Relationship::Authentication), Some(key));
            if did.method() == "peer" {
                let (_, key) = document.keys(Relationship::KeyAgreement).next().unwrap();
                prop_assert_eq!(key, agreement.public());
                prop_assert_eq!(&document.didcomm_endpoints().next().unwrap().uri, &uri);
            }
        }
    }
}
