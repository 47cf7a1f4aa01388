use proptest::prelude::*;
use serde_json::json;

use super::*;

const PLAINTEXT: &str = r#"{"id":"9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001","type":"https://example.org/market-analysis/1.0/request","from":"did:web:agents.org-a.test:aria","to":["did:web:agents.org-b.test:bruno"],"created_time":1795404926,"expires_time":1795664126,"sender_order":1,"salt":"AAECAwQFBgcICQoLDA0ODw","body":{"rows":3}}"#;
const PROTECTED: &str = r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;

#[test]
fn signed_message_has_the_digest_of_the_format() {
    let digest = message_digest_signed(
        &base64url::encode(PROTECTED.as_bytes()),
        &base64url::encode(PLAINTEXT.as_bytes()),
    );
    assert_eq!(
        digest.to_text(),
        "uEiBt7o3xW1wJdJbOI2sG2W5VfSZGEPMfhb6WdxicNsKCqQ"
    );
}

#[test]
fn unsigned_message_has_the_digest_of_the_format() {
    let digest = message_digest_plain(PLAINTEXT.as_bytes());
    assert_eq!(
        digest.to_text(),
        "uEiA0KgAHPHxCUPi4rhOCQINFimLA62ULACoXgsgqbBX1WA"
    );
}

#[test]
fn refuses_what_is_no_hash_text() {
    let good = Digest::of(b"x").to_text();
    assert_eq!(good.len(), 47);
    assert_eq!("".parse::<Digest>(), Err(DigestError::Length(0)));
    assert_eq!(good[..46].parse::<Digest>(), Err(DigestError::Length(46)));
    assert_eq!(
        good.replacen('u', "z", 1).parse::<Digest>(),
        Err(DigestError::NotSha256)
    );
    assert_eq!(
        good.replacen("uEi", "uEj", 1).parse::<Digest>(),
        Err(DigestError::NotSha256)
    );
    let mut sha512 = vec![0x13, 0x20];
    sha512.extend([0; 32]);
    let sha512 = format!("u{}", base64url::encode(&sha512));
    assert_eq!(sha512.parse::<Digest>(), Err(DigestError::NotSha256));
}

#[test]
fn grant_id_does_not_depend_on_how_the_grant_is_written() {
    let a = json!({"v":1,"between":["did:example:a","did:example:b"],"until":7,"must":[]});
    let b = json!({"must":[],"until":7,"between":["did:example:a","did:example:b"],"v":1});
    let canonical = br#"{"between":["did:example:a","did:example:b"],"must":[],"until":7,"v":1}"#;
    assert_eq!(grant_id(&a).unwrap(), grant_id(&b).unwrap());
    assert_eq!(
        grant_id(&a).unwrap(),
        labelled("comity/grant/v1", canonical)
    );
}

#[test]
fn approval_digest_is_over_exactly_the_members_of_the_format() {
    let digest = Digest::of(b"d");
    let mut approval = Approval {
        definitions: vec![Digest::of(b"2"), Digest::of(b"1")],
        document: digest,
        grant: digest,
        knock: None,
        pin: Pin::of_keys(["b".into(), "a".into(), "b".into()]),
        vouches: vec![],
    };
    let mut definitions = [Digest::of(b"1").to_text(), Digest::of(b"2").to_text()];
    definitions.sort();
    let expected = format!(
        r#"{{"definitions":["{}","{}"],"document":"{digest}","grant":"{digest}","knock":"","pin":{{"keys":["a","b"]}},"vouches":[]}}"#,
        definitions[0], definitions[1],
    );
    let expected = labelled("comity/approval/v1", expected.as_bytes());
    assert_eq!(approval_digest(&approval).unwrap(), expected);
    approval.definitions.reverse();
    assert_eq!(approval_digest(&approval).unwrap(), expected);
    approval.knock = Some(digest);
    assert_ne!(approval_digest(&approval).unwrap(), expected);
}

proptest! {
    #[test]
    fn text_and_value_are_one_to_one(octets: [u8; 32]) {
        let digest = Digest::new(octets);
        let text = digest.to_text();
        prop_assert!(text.starts_with("uEi"));
        prop_assert_eq!(text.parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn whatever_parses_prints_itself(text in "uEi[A-Za-z0-9_-]{44}") {
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_text(), text);
        }
    }
}
