use comity_jose::{AgreementKey, SigningKey, SystemEntropy, base64url, multibase};
use serde_json::{Value, json};

use crate::{
    Did, DidDocument, DocumentError, Relationship, ResolveError, make_peer2, peer, resolve_offline,
};

const AGREEMENT: &str = "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";
const SIGNING: &str = "z6MkqRYqQiSgvZQdnBytw86Qbs2ZWUkGv22od935YF4s8M7V";

fn resolve(did: &str) -> Result<DidDocument, ResolveError> {
    resolve_offline(&Did::parse(did).unwrap()).unwrap()
}

fn with_services(services: &[Value]) -> String {
    let mut did = format!("did:peer:2.V{SIGNING}.E{AGREEMENT}");
    for service in services {
        did += &format!(".S{}", base64url::encode(service.to_string().as_bytes()));
    }
    did
}

fn service_ids(document: &DidDocument) -> Vec<&str> {
    document
        .services()
        .iter()
        .map(|s| s.id.rsplit_once('#').unwrap().1)
        .collect()
}

/// The long form of a did:peer:4 around a document.
fn four(document: &Value) -> Did {
    let mut octets = vec![0x80, 0x04];
    octets.extend(document.to_string().into_bytes());
    let encoded = multibase::encode_base58(&octets);
    Did::parse(&format!(
        "did:peer:4{}:{encoded}",
        super::multihash(&encoded)
    ))
    .unwrap()
}

#[test]
fn what_it_makes_is_what_it_reads() {
    let signing = SigningKey::generate(&SystemEntropy);
    let agreement = AgreementKey::generate(&SystemEntropy);
    let service = json!({"type": "DIDCommMessaging",
        "serviceEndpoint": {"uri": "https://a.example/didcomm", "accept": ["didcomm/v2"], "routingKeys": ["did:example:m#k"]}});
    let did = make_peer2(signing.public(), agreement.public(), &[service]);
    let document = resolve_offline(&did).unwrap().unwrap();
    let kid = |n: u8| did.with_fragment(&format!("key-{n}")).unwrap();
    assert_eq!(
        document.key(&kid(1), Relationship::Authentication),
        Some(signing.public())
    );
    assert_eq!(
        document.key(&kid(2), Relationship::KeyAgreement),
        Some(agreement.public())
    );
    let endpoint = document.didcomm_endpoints().next().unwrap();
    assert_eq!(endpoint.uri, "https://a.example/didcomm");
    assert_eq!(endpoint.routing_keys[0].as_str(), "did:example:m#k");
}

#[test]
fn numbers_services_without_an_id_only() {
    let didcomm = json!({"t": "dm", "s": {"uri": "https://a.example"}});
    let named = json!({"id": "#mine", "t": "dm", "s": {"uri": "https://a.example"}});
    let document = resolve(&with_services(&[
        didcomm.clone(),
        named,
        didcomm.clone(),
        didcomm,
    ]))
    .unwrap();
    assert_eq!(
        service_ids(&document),
        ["service", "mine", "service-1", "service-2"]
    );
}

#[test]
fn reads_services_that_old_libraries_wrote_as_one_array() {
    let service = json!({"t": "dm", "s": {"uri": "https://a.example"}});
    let document = resolve(&with_services(&[json!([service, service])])).unwrap();
    assert_eq!(document.didcomm_endpoints().count(), 2);
    let none = format!("did:peer:2.V{SIGNING}.SW10");
    assert_eq!(resolve(&none).unwrap().services().len(), 0);
}

#[test]
fn reads_the_service_shape_from_before_2023() {
    let old =
        json!({"t": "dm", "s": "https://a.example", "r": ["did:example:m#k"], "a": ["didcomm/v2"]});
    let document = resolve(&with_services(&[old])).unwrap();
    let endpoint = document.didcomm_endpoints().next().unwrap();
    assert_eq!(
        (endpoint.uri.as_str(), endpoint.routing_keys.len()),
        ("https://a.example", 1)
    );
}

#[test]
fn finds_keys_by_the_fragments_of_old_libraries() {
    let did = Did::parse(&format!("did:peer:2.E{AGREEMENT}.V{SIGNING}")).unwrap();
    let document = resolve_offline(&did).unwrap().unwrap();
    let id = did.with_fragment("key-2").unwrap();
    for fragment in [&SIGNING[1..9], &SIGNING[1..], SIGNING] {
        let old = did.with_fragment(fragment).unwrap();
        assert_eq!(document.method_id(&old), Some(&id), "{fragment}");
        assert!(document.key(&old, Relationship::Authentication).is_some());
        assert!(document.key(&old, Relationship::KeyAgreement).is_none());
        let foreign = Did::parse("did:example:mallory")
            .unwrap()
            .with_fragment(fragment)
            .unwrap();
        assert_eq!(document.method_id(&foreign), None);
    }
    assert_eq!(
        document.method_id(&did.with_fragment(&SIGNING[1..8]).unwrap()),
        None
    );
}

#[test]
fn refuses_malformed_elements() {
    let bad = |did: String| resolve(&did).unwrap_err();
    assert!(matches!(bad("did:peer:2".into()), ResolveError::Purpose));
    assert!(matches!(bad("did:peer:2.".into()), ResolveError::Purpose));
    assert!(matches!(
        bad(format!("did:peer:2.V{SIGNING}..")),
        ResolveError::Purpose
    ));
    assert!(matches!(
        bad(format!("did:peer:2.X{SIGNING}")),
        ResolveError::Purpose
    ));
    assert!(matches!(
        bad(format!("did:peer:2V{SIGNING}")),
        ResolveError::Purpose
    ));
    assert!(matches!(
        bad("did:peer:2.Vz6Mk".into()),
        ResolveError::Key(_)
    ));
    assert!(matches!(
        bad(format!("did:peer:2.V{SIGNING}.S")),
        ResolveError::Json(_)
    ));
    assert!(matches!(
        bad(with_services(&[json!("x")])),
        ResolveError::Service
    ));
    assert!(matches!(
        bad(with_services(&[json!({"t": "dm", "type": "dm"})])),
        ResolveError::Service
    ));
    let mut deep = json!({});
    for _ in 0..12 {
        deep = json!({"s": deep});
    }
    assert!(matches!(bad(with_services(&[deep])), ResolveError::Service));
}

#[test]
fn unsupported_kinds_are_told_from_malformed_ones() {
    for did in [
        "did:peer:1zQmZMygzYqNwU6Uhmewx5Xepf2VLp5S4HLSwwgf2aiKZuwa",
        "did:peer:5z6Mk",
        "did:peer:%41",
    ] {
        let refused = resolve(did).unwrap_err();
        assert!(matches!(refused, ResolveError::Numalgo), "{did}");
        assert_eq!(refused.code(), "FEATURE_NOT_SUPPORTED");
    }
    assert_eq!(resolve("did:peer:3zQmS19").unwrap_err().code(), "NOT_FOUND");
    assert_eq!(resolve("did:peer:4zQmS19").unwrap_err().code(), "NOT_FOUND");
}

#[test]
fn both_forms_of_a_did_peer_4_name_its_keys() {
    let method = json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": AGREEMENT});
    let long = four(&json!({"keyAgreement": [method]}));
    let short = peer::short_form(&long).unwrap();
    assert!(long.same_subject(&short));
    let by_long = resolve_offline(&long).unwrap().unwrap();
    let by_short = peer::resolve_short_form(&short, &long).unwrap();
    assert_eq!((by_long.id(), by_short.id()), (&long, &short));
    assert_eq!(by_long.also_known_as(), [short.to_string()]);
    for document in [&by_long, &by_short] {
        for form in [&long, &short] {
            let kid = form.with_fragment("k").unwrap();
            assert!(document.key(&kid, Relationship::KeyAgreement).is_some());
            assert_eq!(
                document.method_id(&kid),
                Some(&document.id().with_fragment("k").unwrap())
            );
        }
    }
}

#[test]
fn refuses_a_did_peer_4_that_is_not_what_its_hash_says() {
    let long = four(&json!({}));
    let other = four(&json!({"alsoKnownAs": []}));
    let (short, other_short) = (
        peer::short_form(&long).unwrap(),
        peer::short_form(&other).unwrap(),
    );
    let document = long.as_str().rsplit_once(':').unwrap().1;
    let forged = Did::parse(&format!("{other_short}:{document}")).unwrap();
    assert!(matches!(resolve(forged.as_str()), Err(ResolveError::Hash)));
    assert!(!forged.same_subject(&other_short) && !forged.same_subject(&long));
    assert!(matches!(
        peer::resolve_short_form(&short, &other),
        Err(ResolveError::LongFormNeeded)
    ));
}

#[test]
fn refuses_a_did_peer_4_whose_document_is_none() {
    let with_id = four(&json!({"id": "did:example:a"}));
    assert!(matches!(
        resolve(with_id.as_str()),
        Err(ResolveError::Document(DocumentError::Id))
    ));
    assert!(resolve(four(&json!([])).as_str()).is_err());
    assert!(resolve(four(&json!({"alsoKnownAs": "x"})).as_str()).is_err());
    let encoded = multibase::encode_base58(&[0x02, 0x00, b'{', b'}']);
    let wrong_codec = format!("did:peer:4{}:{encoded}", super::multihash(&encoded));
    assert!(matches!(resolve(&wrong_codec), Err(ResolveError::Encoding)));
}

#[test]
fn a_controller_inside_a_did_peer_4_must_be_the_subject() {
    let method = json!({"id": "#k", "type": "Multikey", "controller": "did:example:mallory", "publicKeyMultibase": SIGNING});
    let document = resolve_offline(&four(&json!({"authentication": [method]})))
        .unwrap()
        .unwrap();
    assert_eq!(document.keys(Relationship::Authentication).count(), 0);
}
