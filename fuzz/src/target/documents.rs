//! DID documents, as they are fetched and as DIDs carry them.

use comity_did::{
    Did, DidDocument, DidUrl, Relationship, Service, limits, make_peer2, resolve_offline,
};
use comity_didcomm::protocols::routing::Route;
use comity_jose::{base64url, multibase, sha256};
use serde_json::{Value, json};

use super::{choice, chosen};
use crate::cast::{ARIA, BRUNO};
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "documents",
    max_len: 8192,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 5) else {
        return;
    };
    match how {
        0 => {
            let did = document_did(rest);
            if let Ok(document) = DidDocument::parse(&did, rest) {
                assert_eq!(document.octets(), rest);
                assert_eq!(document.hash(), sha256(&[rest]));
                check(&document);
            }
        }
        // The rest as services of a did:peer:2, as document of a did:peer:4, as key of a did:jwk.
        1 => resolve(&format!(
            "did:peer:2.V{}.E{}.S{}",
            ARIA.signs().public().to_multikey(),
            ARIA.agrees().public().to_multikey(),
            base64url::encode(rest)
        )),
        2 => resolve(&peer4(rest)),
        3 => resolve(&format!("did:jwk:{}", base64url::encode(rest))),
        _ => {
            if let Ok(value) = serde_json::from_slice::<Value>(rest)
                && let Ok(service) = Service::parse(&ARIA.did, &value)
            {
                check_service(&ARIA.did, &service);
            }
        }
    }
}

/// The DID whose document this says to be: the reader asks for one and would refuse others.
fn document_did(octets: &[u8]) -> Did {
    let said = serde_json::from_slice::<Value>(octets).ok();
    let said = said.and_then(|value| Did::parse(value.get("id")?.as_str()?).ok());
    said.unwrap_or_else(|| ARIA.did.clone())
}

fn peer4(document: &[u8]) -> String {
    if document.len() > limits::DID_BYTES {
        return String::new();
    }
    let encoded = multibase::encode_base58(&[&[0x80, 0x04], document].concat());
    let hash = sha256(&[encoded.as_bytes()]);
    let hash = multibase::encode_base58(&[&[0x12, 0x20], hash.as_slice()].concat());
    format!("did:peer:4{hash}:{encoded}")
}

fn resolve(text: &str) {
    let Ok(did) = Did::parse(text) else { return };
    assert!(did.same_subject(&did));
    if let Some(Ok(document)) = resolve_offline(&did) {
        assert_eq!(document.id(), &did);
        check(&document);
        for alias in document.also_known_as() {
            if let Ok(alias) = Did::parse(alias)
                && alias.method() == "peer"
            {
                assert_eq!(alias.same_subject(&did), did.same_subject(&alias));
            }
        }
    }
}

/// What holds for every document that exists.
pub(crate) fn check(document: &DidDocument) {
    let did = document.id();
    assert!(document.octets().len() <= limits::DOCUMENT_BYTES);
    let methods = document.verification_methods();
    assert!(methods.len() <= limits::VERIFICATION_METHODS);
    for relationship in Relationship::ALL {
        let keys: Vec<_> = document.keys(relationship).collect();
        assert!(keys.len() <= limits::RELATIONSHIP_ENTRIES);
        for (kid, key) in keys {
            assert_eq!(document.key(kid, relationship), Some(key));
            assert_eq!(document.method_id(kid), Some(kid));
            assert!(relationship.suits(key.curve()));
        }
    }
    let stranger = DidUrl::parse("did:example:stranger#key-1").expect("a DID URL");
    if !methods.iter().any(|method| method.id == stranger) {
        assert!(document.method_id(&stranger).is_none());
    }
    assert!(document.services().len() <= limits::SERVICES);
    for service in document.services() {
        check_service(did, service);
    }
    let _ = document.didcomm_endpoints().count();
    assert!(document.also_known_as().len() <= limits::ALIASES);
    // The octets are the document: read again they are the same, but for what the method adds.
    let again = DidDocument::parse(did, document.octets()).expect("its own octets");
    assert_eq!(again.services(), document.services());
    assert_eq!(again.hash(), document.hash());
}

fn check_service(did: &Did, service: &Service) {
    assert!((1..=limits::SERVICE_TYPES).contains(&service.types.len()) || !service.is_didcomm());
    assert!(service.endpoints.len() <= limits::ENDPOINTS);
    for endpoint in &service.endpoints {
        assert!(!endpoint.uri.is_empty() && endpoint.uri.len() <= limits::DID_BYTES);
        assert!(
            !endpoint
                .uri
                .contains(|c: char| c.is_control() || c.is_whitespace())
        );
        assert!(endpoint.routing_keys.len() <= limits::ROUTING_KEYS);
        assert!(endpoint.accept.len() <= limits::ACCEPT_PROFILES);
        let _ = (endpoint.target(), endpoint.accepts_didcomm_v2());
        if let Ok(route) = Route::find(endpoint, &super::unpack::document) {
            assert!(!route.uri.is_empty() && Did::parse(&route.uri).is_err());
            assert!(route.hops.len() <= 2 * limits::ROUTING_KEYS + 1);
            assert!(route.hops.iter().all(|hop| !hop.keys.is_empty()));
        }
    }
    assert_eq!(Service::parse(did, &service.raw).as_ref(), Ok(service));
}

fn seeds() -> Vec<Vec<u8>> {
    let mut out: Vec<_> = harvest::objects("didcomm", &["verificationMethod"])
        .into_iter()
        .chain(harvest::objects("did", &["@context"]))
        .map(|value| chosen(0, value.to_string()))
        .collect();
    out.push(chosen(0, ARIA.document.octets()));
    for value in harvest::objects("protocol", &["serviceEndpoint"]) {
        out.push(chosen(4, value.to_string()));
        out.push(chosen(1, value.to_string()));
    }
    let service = json!({"id": "#s", "type": "DIDCommMessaging", "serviceEndpoint": [
        {"uri": "https://a.test/d", "accept": ["didcomm/v2"], "routingKeys": ["did:example:m#k"]},
        {"uri": "did:example:m"}, {"uri": "didcomm:transport/queue"}]});
    out.push(chosen(4, service.to_string()));
    let routed = json!({"id": "#r", "type": "DIDCommMessaging", "serviceEndpoint":
        {"uri": ARIA.did, "routingKeys": [BRUNO.kid("agree"), BRUNO.did]}});
    out.push(chosen(4, routed.to_string()));
    out.push(chosen(1, routed.to_string()));
    out.push(chosen(1, r#"[{"t":"dm","s":{"uri":"https://a.test","a":["didcomm/v2"],"r":["did:example:m#k"]}},{"t":["x"],"s":"u"}]"#));
    let peer = make_peer2(BRUNO.signs().public(), BRUNO.agrees().public(), &[service]);
    if let Some(Ok(document)) = resolve_offline(&peer) {
        out.push(chosen(0, document.octets()));
    }
    let inner = json!({"@context": ["https://www.w3.org/ns/did/v1"],
        "verificationMethod": [{"id": "#k", "type": "Multikey",
            "publicKeyMultibase": BRUNO.signs().public().to_multikey()}],
        "authentication": ["#k", {"id": "#e", "type": "JsonWebKey2020",
            "publicKeyJwk": BRUNO.signing[1].1.public().to_jwk()}],
        "alsoKnownAs": ["did:web:b.test"]});
    out.push(chosen(2, inner.to_string()));
    for (_, key) in &BRUNO.agreement {
        out.push(chosen(3, key.public().to_jwk().to_string()));
    }
    for (_, key) in &BRUNO.signing {
        out.push(chosen(3, key.public().to_jwk().to_string()));
    }
    out
}

fn heavy() -> Vec<Vec<u8>> {
    let key = BRUNO.agreement[3].1.public().to_multikey();
    let methods: Vec<_> = (0..64)
        .map(|n| json!({"id": format!("#{n}"), "type": "Multikey", "publicKeyMultibase": key}))
        .collect();
    let document = json!({"id": ARIA.did, "verificationMethod": methods,
        "keyAgreement": (0..64).map(|n| format!("#{n}")).collect::<Vec<_>>()});
    vec![
        chosen(0, document.to_string()),
        chosen(
            0,
            format!(
                r#"{{"id":"{}","x":[{}]}}"#,
                ARIA.did,
                vec!["0"; 4_000].join(",")
            ),
        ),
        chosen(
            0,
            format!(r#"{{"id":"{}","x":"{}"}}"#, ARIA.did, "x".repeat(65_000)),
        ),
        chosen(
            1,
            format!("[{}]", vec![r#"{"t":"dm","s":"u"}"#; 100].join(",")),
        ),
        chosen(2, format!(r#"{{"x":"{}"}}"#, "x".repeat(2_900))),
    ]
}
