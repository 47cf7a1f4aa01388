use comity_jose::{AgreementKey, PublicKey, SigningKey, SystemEntropy};
use serde_json::{Value, json};

use crate::{Did, DidDocument, DidUrl, DocumentError, Relationship, limits};

const ID: &str = "did:web:a.example:bruno";

fn did() -> Did {
    Did::parse(ID).unwrap()
}

fn parse(document: &Value) -> Result<DidDocument, DocumentError> {
    DidDocument::parse(&did(), document.to_string().as_bytes())
}

fn ed25519() -> PublicKey {
    SigningKey::generate(&SystemEntropy).public().clone()
}

fn x25519() -> PublicKey {
    AgreementKey::generate(&SystemEntropy).public().clone()
}

fn multikey(id: &str, key: &PublicKey) -> Value {
    json!({"id": id, "type": "Multikey", "controller": ID, "publicKeyMultibase": key.to_multikey()})
}

fn ids(document: &DidDocument, relationship: Relationship) -> Vec<String> {
    document
        .keys(relationship)
        .map(|(id, _)| id.to_string())
        .collect()
}

#[test]
fn a_key_outside_a_relationship_is_not_authorised_for_it() {
    let (first, second) = (ed25519(), ed25519());
    let document = parse(&json!({"id": ID, "authentication": ["#a"],
        "verificationMethod": [multikey("#a", &first), multikey("#b", &second)]}))
    .unwrap();
    let b = did().with_fragment("b").unwrap();
    assert_eq!(document.key(&b, Relationship::Authentication), None);
    assert_eq!(document.method_id(&b), Some(&b));
    assert_eq!(
        ids(&document, Relationship::Authentication),
        [format!("{ID}#a")]
    );
    assert_eq!(ids(&document, Relationship::AssertionMethod), [""; 0]);
}

#[test]
fn keeps_the_order_of_a_relationship_and_embedded_methods() {
    let (a, b, c) = (x25519(), x25519(), x25519());
    let document = parse(
        &json!({"id": ID, "verificationMethod": [multikey("#a", &a), multikey("#b", &b)],
        "keyAgreement": ["#b", multikey("#c", &c), format!("{ID}#a"), "#b", "#unknown"]}),
    )
    .unwrap();
    assert_eq!(
        ids(&document, Relationship::KeyAgreement),
        ["b", "c", "a"].map(|f| format!("{ID}#{f}"))
    );
}

#[test]
fn a_curve_that_cannot_serve_is_not_offered() {
    let (signing, agreement) = (ed25519(), x25519());
    let document = parse(&json!({"id": ID, "verificationMethod": [multikey("#s", &signing), multikey("#e", &agreement)],
        "authentication": ["#s", "#e"], "keyAgreement": ["#s", "#e"]}))
    .unwrap();
    assert_eq!(
        ids(&document, Relationship::Authentication),
        [format!("{ID}#s")]
    );
    assert_eq!(
        ids(&document, Relationship::KeyAgreement),
        [format!("{ID}#e")]
    );
}

#[test]
fn reads_every_form_of_a_key() {
    let (signing, agreement) = (ed25519(), x25519());
    let base58 = |key: &PublicKey| comity_jose::multibase::encode_base58(key.raw())[1..].to_owned();
    let forms = [
        json!({"type": "JsonWebKey2020", "publicKeyJwk": signing.to_jwk()}),
        json!({"type": "JsonWebKey", "publicKeyJwk": signing.to_jwk()}),
        json!({"type": "Multikey", "publicKeyMultibase": signing.to_multikey()}),
        json!({"type": "Ed25519VerificationKey2020", "publicKeyMultibase": signing.to_multikey()}),
        json!({"type": "Ed25519VerificationKey2018", "publicKeyBase58": base58(&signing)}),
        json!({"type": "X25519KeyAgreementKey2020", "publicKeyMultibase": agreement.to_multikey()}),
        json!({"type": "X25519KeyAgreementKey2019", "publicKeyBase58": base58(&agreement)}),
    ];
    for mut method in forms {
        method["id"] = json!("#k");
        let document = parse(&json!({"id": ID, "verificationMethod": [method]})).unwrap();
        let [read] = document.verification_methods() else {
            panic!("{method} is not read")
        };
        assert!(read.key == signing || read.key == agreement, "{method}");
    }
}

#[test]
fn what_is_not_understood_authorises_nothing() {
    let key = ed25519();
    let mut private = key.to_jwk();
    private["d"] = json!("AAAA");
    for change in [
        json!({"type": "FutureKey2030"}),
        json!({"type": "X25519KeyAgreementKey2020"}),
        json!({"controller": "did:web:mallory.example"}),
        json!({"controller": [ID]}),
        json!({"id": "did:web:mallory.example#a"}),
        json!({"publicKeyMultibase": "z6Mk"}),
        json!({"publicKeyMultibase": 1}),
        json!({"publicKeyJwk": key.to_jwk()}),
        json!({"publicKeyMultibase": null, "type": "JsonWebKey", "publicKeyJwk": private}),
    ] {
        let mut method = multikey("#a", &key);
        for (name, value) in change.as_object().unwrap() {
            method[name] = value.clone();
        }
        let id = method["id"].clone();
        let document =
            parse(&json!({"id": ID, "authentication": [id], "verificationMethod": [method]}));
        assert_eq!(
            document.unwrap().keys(Relationship::Authentication).count(),
            0,
            "{change}"
        );
    }
}

#[test]
fn a_small_order_key_is_no_key() {
    // The neutral element of Ed25519: it would verify anything.
    let mut octets = vec![0xed, 0x01, 1];
    octets.extend([0; 31]);
    let multikey = comity_jose::multibase::encode_base58(&octets);
    let method = json!({"id": "#a", "type": "Multikey", "publicKeyMultibase": multikey});
    let document = parse(&json!({"id": ID, "authentication": [method]})).unwrap();
    assert_eq!(document.keys(Relationship::Authentication).count(), 0);
}

#[test]
fn refuses_the_document_of_another_did() {
    for id in [
        json!("did:web:evil.example"),
        json!(null),
        json!(format!("{ID}#a")),
    ] {
        assert!(matches!(parse(&json!({"id": id})), Err(DocumentError::Id)));
    }
    assert!(matches!(parse(&json!({})), Err(DocumentError::Id)));
}

#[test]
fn refuses_two_keys_under_one_id_but_not_one_key_twice() {
    let key = ed25519();
    let twice = json!({"id": ID, "authentication": [multikey("#a", &key)], "assertionMethod": [multikey("#a", &key)]});
    assert_eq!(parse(&twice).unwrap().verification_methods().len(), 1);
    let two = json!({"id": ID, "authentication": [multikey("#a", &key)], "assertionMethod": [multikey("#a", &ed25519())]});
    assert!(matches!(parse(&two), Err(DocumentError::AmbiguousMethod)));
}

#[test]
fn refuses_members_of_a_wrong_type() {
    for document in [
        json!({"id": ID, "verificationMethod": {}}),
        json!({"id": ID, "verificationMethod": ["#a"]}),
        json!({"id": ID, "verificationMethod": [{"id": "#a"}]}),
        json!({"id": ID, "verificationMethod": [{"type": "Multikey"}]}),
        json!({"id": ID, "authentication": "#a"}),
        json!({"id": ID, "authentication": [1]}),
        json!({"id": ID, "authentication": ["not a reference"]}),
        json!({"id": ID, "service": "x"}),
        json!({"id": ID, "alsoKnownAs": [1]}),
        json!([ID]),
    ] {
        assert!(
            matches!(parse(&document), Err(DocumentError::Member { .. })),
            "{document}"
        );
    }
}

#[test]
fn refuses_json_that_two_readers_could_read_differently() {
    let twice = format!(r#"{{"id":"{ID}","id":"{ID}"}}"#);
    assert!(matches!(
        DidDocument::parse(&did(), twice.as_bytes()),
        Err(DocumentError::Json(_))
    ));
    let deep = format!(
        r#"{{"id":"{ID}","x":{}{}}}"#,
        "[".repeat(40),
        "]".repeat(40)
    );
    assert!(matches!(
        DidDocument::parse(&did(), deep.as_bytes()),
        Err(DocumentError::Json(_))
    ));
    let long = json!({"id": ID, "x": "x".repeat(limits::DOCUMENT_BYTES)});
    assert!(matches!(parse(&long), Err(DocumentError::Json(_))));
}

#[test]
fn bounds_methods_relationships_services_and_aliases() {
    let method = multikey("#a", &ed25519());
    let service = json!({"id": "#s", "type": "X", "serviceEndpoint": "https://a.example"});
    for (member, entry, limit) in [
        ("verificationMethod", method, limits::VERIFICATION_METHODS),
        ("authentication", json!("#a"), limits::RELATIONSHIP_ENTRIES),
        ("service", service, limits::SERVICES),
        ("alsoKnownAs", json!("https://a.example"), limits::ALIASES),
    ] {
        let document = |n: usize| json!({"id": ID, member: vec![entry.clone(); n]});
        assert!(parse(&document(limit)).is_ok(), "{member}");
        let above = parse(&document(limit + 1));
        assert!(
            matches!(above, Err(DocumentError::TooMany { .. })),
            "{member}"
        );
    }
}

#[test]
fn leaves_out_a_service_that_cannot_be_read_and_keeps_the_rest() {
    let document = parse(&json!({"id": ID, "service": [
        {"id": "#a", "type": "DIDCommMessaging", "serviceEndpoint": {"accept": []}},
        {"id": "#b", "type": "DIDCommMessaging", "serviceEndpoint": {"uri": "https://b.example", "accept": ["didcomm/aip1"]}},
        {"id": "#c", "type": "DIDCommMessaging", "serviceEndpoint": {"uri": "https://c.example"}},
        {"id": "#c", "type": "DIDCommMessaging", "serviceEndpoint": {"uri": "https://twice.example"}}]}))
    .unwrap();
    assert_eq!(document.services().len(), 2);
    let uris: Vec<_> = document
        .didcomm_endpoints()
        .map(|endpoint| endpoint.uri.as_str())
        .collect();
    assert_eq!(uris, ["https://c.example"]);
}

#[test]
fn keeps_the_octets_and_names_the_document_by_their_hash() {
    let octets = format!("{{ \"id\" : \"{ID}\" }}\n");
    let document = DidDocument::parse(&did(), octets.as_bytes()).unwrap();
    assert_eq!(document.octets(), octets.as_bytes());
    assert_eq!(document.hash(), comity_jose::sha256(&[octets.as_bytes()]));
    assert_eq!(
        document.key(&DidUrl::from(did()), Relationship::Authentication),
        None
    );
}
