use crate::{Did, DidSyntaxError, DidUrl, limits};

const KEY: &str = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

#[test]
fn reads_a_did_and_its_parts() {
    let did = Did::parse("did:web:example.com%3A3000:a_b").unwrap();
    assert_eq!(did.method(), "web");
    assert_eq!(did.method_specific_id(), "example.com%3A3000:a_b");
    assert_eq!(did.to_string(), "did:web:example.com%3A3000:a_b");
}

#[test]
fn refuses_what_is_not_a_did() {
    for (text, why) in [
        ("", DidSyntaxError::Scheme),
        ("DID:web:a", DidSyntaxError::Scheme),
        (" did:web:a", DidSyntaxError::Scheme),
        ("did:", DidSyntaxError::Identifier),
        ("did:web", DidSyntaxError::Identifier),
        ("did:web:", DidSyntaxError::Identifier),
        ("did:web:a:", DidSyntaxError::Identifier),
        ("did::a", DidSyntaxError::Method),
        ("did:Web:a", DidSyntaxError::Method),
        ("did:web:a b", DidSyntaxError::Character),
        ("did:web:a@b", DidSyntaxError::Character),
        ("did:web:ä", DidSyntaxError::Character),
        ("did:web:%4", DidSyntaxError::Character),
        ("did:web:%zz", DidSyntaxError::Character),
        ("did:web:a%", DidSyntaxError::Character),
        ("did:web:a#b", DidSyntaxError::NotBare),
        ("did:web:a/b", DidSyntaxError::NotBare),
        ("did:web:a?b", DidSyntaxError::NotBare),
    ] {
        assert_eq!(Did::parse(text), Err(why), "{text:?}");
    }
}

#[test]
fn refuses_a_did_above_the_limit_and_takes_one_at_it() {
    let at_limit = format!(
        "did:web:{}",
        "a".repeat(limits::DID_BYTES - "did:web:".len())
    );
    assert!(Did::parse(&at_limit).is_ok());
    let above = DidSyntaxError::TooLong {
        limit: limits::DID_BYTES,
    };
    assert_eq!(Did::parse(&format!("{at_limit}a")), Err(above));
    let url = format!("{KEY}#{}", "a".repeat(limits::DID_URL_SUFFIX_BYTES));
    let above = DidSyntaxError::TooLong {
        limit: limits::DID_URL_SUFFIX_BYTES,
    };
    assert_eq!(DidUrl::parse(&url), Err(above));
}

#[test]
fn splits_a_did_url() {
    let url = DidUrl::parse("did:example:a/p/q?x=1?#k/?1").unwrap();
    assert_eq!(url.did().as_str(), "did:example:a");
    assert_eq!(url.path(), "/p/q");
    assert_eq!(url.query(), Some("x=1?"));
    assert_eq!(url.fragment(), Some("k/?1"));
    assert_eq!(url.without_path_and_query().as_str(), "did:example:a#k/?1");
    let bare = DidUrl::parse("did:example:a?x=1").unwrap();
    assert_eq!((bare.path(), bare.fragment()), ("", None));
    assert_eq!(bare.without_path_and_query().as_str(), "did:example:a");
}

#[test]
fn refuses_a_did_url_with_a_broken_suffix() {
    for text in [
        "did:example:a#",
        "did:example:a#b#c",
        "did:example:a#ä",
        "did:example:a/%4",
        "#key-1",
    ] {
        assert!(DidUrl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn joins_relative_ids_to_their_document() {
    let base = Did::parse("did:example:a").unwrap();
    assert_eq!(
        DidUrl::join(&base, "#k").unwrap(),
        base.with_fragment("k").unwrap()
    );
    assert_eq!(
        DidUrl::join(&base, "did:example:b#k")
            .unwrap()
            .did()
            .as_str(),
        "did:example:b"
    );
    assert!(DidUrl::join(&base, "k").is_err());
    assert!(base.with_fragment("").is_err());
}

#[test]
fn compares_subjects_not_spellings_of_did_peer() {
    let two = Did::parse("did:peer:2.Ez6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc").unwrap();
    let three = crate::peer::short_form(&two).unwrap();
    assert!(three.as_str().starts_with("did:peer:3zQm"));
    assert!(two.same_subject(&three) && three.same_subject(&two));
    let key = Did::parse(KEY).unwrap();
    assert!(!two.same_subject(&key) && key.same_subject(&key));
    let lower_case = Did::parse(&KEY.to_lowercase()).unwrap();
    assert!(!key.same_subject(&lower_case));
}

#[test]
fn is_its_text_in_json() {
    let url: DidUrl = serde_json::from_str("\"did:example:a#k\"").unwrap();
    assert_eq!(serde_json::to_string(&url).unwrap(), "\"did:example:a#k\"");
    assert!(serde_json::from_str::<Did>("\"did:example:a#k\"").is_err());
}
