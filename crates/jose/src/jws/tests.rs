use super::*;
use crate::{SigningKey, SystemEntropy};

const PROTECTED: &str = r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;
const KID: &str = "did:example:aria#key-1";

fn signed(protected: &str) -> (SigningKey, SigningInput, Vec<u8>) {
    let key = SigningKey::generate(&SystemEntropy);
    let input = SigningInput::new(protected.as_bytes(), b"{\"rows\":3}");
    let signature = key.sign(input.octets());
    (key, input, signature)
}

fn read(text: &str) -> Result<Jws, JwsError> {
    Jws::parse_json(text.as_bytes(), &Limits::MESSAGE)
}

/// A flattened signature with this protected and this unprotected header.
fn flattened(protected: &str, unprotected: &str) -> String {
    let (_, input, signature) = signed(protected);
    format!(
        r#"{{"payload":"{}","protected":"{}","header":{unprotected},"signature":"{}"}}"#,
        input.payload_b64(),
        input.protected_b64(),
        base64url::encode(&signature),
    )
}

#[test]
fn what_is_written_reads_back_and_verifies() {
    let (key, input, signature) = signed(PROTECTED);
    let octets = input.octets().to_vec();
    let jws = read(&input.into_general(KID, &signature)).unwrap();
    assert_eq!(jws.signing_input(), octets);
    assert_eq!(jws.header().kid.as_deref(), Some(KID));
    assert_eq!(
        jws.header().typ.as_deref(),
        Some("application/didcomm-signed+json")
    );
    assert_eq!(jws.verify(key.public()).unwrap(), b"{\"rows\":3}");
}

#[test]
fn the_compact_form_reads_back_and_verifies() {
    let (key, input, signature) = signed(r#"{"alg":"EdDSA","kid":"did:example:aria#key-1"}"#);
    let jws = Jws::parse_compact(&input.into_compact(&signature), &Limits::HEADER).unwrap();
    assert_eq!(jws.header().kid.as_deref(), Some(KID));
    assert_eq!(jws.verify(key.public()).unwrap(), b"{\"rows\":3}");
    for text in ["", "a", "a.b", "a.b.c", "e30.e30.", "....", "e30.e30.AA.AA"] {
        assert!(Jws::parse_compact(text, &Limits::HEADER).is_err(), "{text}");
    }
}

#[test]
fn a_key_id_is_escaped() {
    let (_, input, signature) = signed(PROTECTED);
    let kid = "a\"b\\c\u{7}";
    let jws = read(&input.into_general(kid, &signature)).unwrap();
    assert_eq!(jws.header().kid.as_deref(), Some(kid));
}

#[test]
fn the_flattened_form_takes_the_key_id_from_either_header_but_not_both() {
    let inside = r#"{"alg":"EdDSA","kid":"did:example:aria#key-1"}"#;
    assert_eq!(
        read(&flattened(inside, "{}"))
            .unwrap()
            .header()
            .kid
            .as_deref(),
        Some(KID)
    );
    let outside = format!(r#"{{"kid":"{KID}"}}"#);
    assert_eq!(
        read(&flattened(PROTECTED, &outside))
            .unwrap()
            .header()
            .kid
            .as_deref(),
        Some(KID)
    );
    assert!(matches!(
        read(&flattened(inside, &outside)),
        Err(JwsError::RepeatedParameter)
    ));
}

#[test]
fn refuses_algorithms_that_prove_nothing() {
    for alg in ["none", "HS256", "RS256", "ES384", "eddsa", ""] {
        let text = flattened(&format!(r#"{{"alg":"{alg}"}}"#), "{}");
        assert!(matches!(read(&text), Err(JwsError::Algorithm)), "{alg}");
    }
    let outside = flattened(r#"{"typ":"JWM"}"#, r#"{"alg":"EdDSA"}"#);
    assert!(matches!(read(&outside), Err(JwsError::Shape("alg"))));
}

#[test]
fn refuses_extensions_in_either_header() {
    for (protected, unprotected) in [
        (r#"{"alg":"EdDSA","crit":["x"],"x":1}"#, "{}"),
        (r#"{"alg":"EdDSA","b64":false}"#, "{}"),
        (PROTECTED, r#"{"crit":["x"]}"#),
        (PROTECTED, r#"{"b64":true}"#),
    ] {
        assert!(matches!(
            read(&flattened(protected, unprotected)),
            Err(JwsError::Extension(_))
        ));
    }
}

#[test]
fn refuses_none_several_and_mixed_signatures() {
    let one = r#"{"protected":"e30","signature":"AA"}"#;
    let several = format!(r#"{{"payload":"","signatures":[{one},{one}]}}"#);
    assert!(matches!(read(&several), Err(JwsError::SeveralSignatures)));
    for text in [
        r#"{"payload":"","signatures":[]}"#.to_owned(),
        r#"{"payload":"","signatures":{}}"#.to_owned(),
        format!(r#"{{"payload":"","signatures":[{one}],"signature":"AA"}}"#),
        r#"{"payload":1,"signatures":[]}"#.to_owned(),
        r#"{"payload":""}"#.to_owned(),
        "[]".to_owned(),
    ] {
        assert!(matches!(read(&text), Err(JwsError::Shape(_))), "{text}");
    }
}

#[test]
fn refuses_a_header_that_names_a_member_twice() {
    let text = flattened(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, "{}");
    assert!(matches!(
        read(&text),
        Err(JwsError::Json(JsonError::DuplicateMember))
    ));
}

#[test]
fn refuses_a_changed_payload_and_another_key() {
    let (key, input, signature) = signed(PROTECTED);
    let other = SigningInput::new(PROTECTED.as_bytes(), b"{\"rows\":4}");
    let changed = read(&other.into_general(KID, &signature)).unwrap();
    assert!(matches!(
        changed.verify(key.public()),
        Err(JwsError::Signature(_))
    ));
    let jws = read(&input.into_general(KID, &signature)).unwrap();
    let stranger = SigningKey::generate(&SystemEntropy);
    assert!(matches!(
        jws.verify(stranger.public()),
        Err(JwsError::Signature(_))
    ));
}

#[test]
fn the_key_id_is_written_beside_the_protected_header_of_the_general_form() {
    let (_, input, signature) = signed(PROTECTED);
    let written: Value = serde_json::from_str(&input.into_general(KID, &signature)).unwrap();
    let signature = &written["signatures"][0];
    assert_eq!(signature["header"], serde_json::json!({"kid": KID}));
    let protected = base64url::decode(signature["protected"].as_str().unwrap()).unwrap();
    assert_eq!(protected, PROTECTED.as_bytes());
}

#[test]
fn a_detached_signature_needs_the_payload_it_was_made_for() {
    let (key, input, signature) = signed(PROTECTED);
    let compact = format!(
        "{}..{}",
        input.protected_b64(),
        base64url::encode(&signature)
    );
    let flattened = input.into_detached(&signature);
    for detached in [flattened.clone(), Value::from(compact)] {
        let jws = Jws::from_detached(detached.clone(), b"{\"rows\":3}").unwrap();
        assert_eq!(jws.verify(key.public()).unwrap(), b"{\"rows\":3}");
        let other = Jws::from_detached(detached, b"{\"rows\":4}").unwrap();
        assert!(matches!(
            other.verify(key.public()),
            Err(JwsError::Signature(_))
        ));
    }
    let mut attached = flattened;
    attached["payload"] = "e30".into();
    for refused in [attached, Value::from("a.b.c"), Value::from(3)] {
        assert!(matches!(
            Jws::from_detached(refused, b"{\"rows\":3}"),
            Err(JwsError::Shape(_))
        ));
    }
}
