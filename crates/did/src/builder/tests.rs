use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use serde_json::Value;

use crate::{Did, DidDocument, DocumentBuilder, Relationship};

fn build(add: impl FnOnce(DocumentBuilder) -> DocumentBuilder) -> DidDocument {
    let did = Did::parse("did:web:agents.org-b.test:bruno").unwrap();
    let signing = SigningKey::generate(&SystemEntropy);
    let agreement = AgreementKey::generate(&SystemEntropy);
    add(DocumentBuilder::new(
        did,
        signing.public(),
        agreement.public(),
    ))
    .build()
    .unwrap()
}

#[test]
fn builds_what_formats_section_9_says() {
    let document = build(|b| {
        b.didcomm("https://agents.org-b.test/didcomm")
            .also_known_as("did:webvh:x:y")
    });
    let did = document.id().clone();
    let id = |fragment: &str| did.with_fragment(fragment).unwrap();
    assert!(
        document
            .key(&id("key-1"), Relationship::Authentication)
            .is_some()
    );
    assert!(
        document
            .key(&id("key-1"), Relationship::AssertionMethod)
            .is_some()
    );
    assert!(
        document
            .key(&id("key-2"), Relationship::KeyAgreement)
            .is_some()
    );
    assert!(
        document
            .key(&id("key-2"), Relationship::Authentication)
            .is_none()
    );
    assert_eq!(document.also_known_as(), ["did:webvh:x:y"]);
    assert_eq!(document.services()[0].id, format!("{did}#didcomm"));
    let endpoint = document.didcomm_endpoints().next().unwrap();
    assert_eq!(endpoint.uri, "https://agents.org-b.test/didcomm");
    assert_eq!(document.log(), None);
}

#[test]
fn writes_absolute_ids_only() {
    let document = build(|b| {
        b.didcomm("https://x.test/didcomm")
            .log("https://x.test/comity/log", "o", "v")
    });
    let value: Value = serde_json::from_slice(document.octets()).unwrap();
    assert!(!value.to_string().contains("\"#"));
}

#[test]
fn reads_back_the_log_it_names() {
    let log = |b: DocumentBuilder| {
        b.log(
            "https://x.test/comity/log",
            "x.test/comity/log/5f3c9a1e",
            "vkey",
        )
    };
    let named = build(log).log().unwrap();
    assert_eq!(
        (named.uri.as_str(), named.vkey.as_str()),
        ("https://x.test/comity/log", "vkey")
    );
    assert_eq!(named.origin, "x.test/comity/log/5f3c9a1e");
}

#[test]
fn what_is_served_is_what_is_read() {
    let built = build(|b| b.didcomm("https://x.test/didcomm"));
    let read = DidDocument::parse(built.id(), built.octets()).unwrap();
    assert_eq!(read.hash(), built.hash());
    assert_eq!(read.services(), built.services());
    assert_eq!(read.verification_methods(), built.verification_methods());
}
