use super::*;

const A: &str = "did:web:agents.org-a.test:aria";
const B: &str = "did:web:agents.org-b.test:bruno";
const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw";
const ANALYSIS: &str = "https://example.org/market-analysis/1.0";
const UPDATE: &str = "https://example.org/market-analysis/1.0/update";

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

fn grant(a: &[&str], b: &[&str], until: u64) -> Grant {
    let list = |types: &[&str]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
    Grant::new(
        [did(A), did(B)],
        [list(a), list(b)],
        until,
        NONCE,
        &Restrictions::default(),
    )
    .unwrap()
}

fn type_(text: &str) -> MessageType {
    text.parse().unwrap()
}

#[test]
fn a_protocol_covers_all_its_types_and_any_minor() {
    let grant = grant(&[ANALYSIS], &[UPDATE], 10);
    assert!(grant.permits(
        &did(A),
        &type_("https://example.org/market-analysis/1.0/request")
    ));
    assert!(grant.permits(
        &did(A),
        &type_("https://example.org/market-analysis/1.7/anything")
    ));
    assert!(!grant.permits(
        &did(A),
        &type_("https://example.org/market-analysis/2.0/request")
    ));
    assert!(!grant.permits(
        &did(A),
        &type_("https://example.com/market-analysis/1.0/request")
    ));
    assert!(grant.permits(&did(B), &type_(UPDATE)));
    assert!(!grant.permits(
        &did(B),
        &type_("https://example.org/market-analysis/1.0/request")
    ));
    assert!(!grant.permits(&did("did:web:other.test:x"), &type_(UPDATE)));
}

#[test]
fn the_id_does_not_depend_on_the_order_of_members() {
    let one = grant(&[ANALYSIS], &[UPDATE], 10);
    let text = format!(
        r#"{{"must":[],"nonce":"{NONCE}","until":10,"may":[{{"types":["{ANALYSIS}"],"from":0}},{{"from":1,"types":["{UPDATE}"]}}],"between":["{A}","{B}"],"v":1}}"#
    );
    let other = Grant::from_json(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(one.id(), other.id());
}

#[test]
fn a_grant_is_within_an_offer_only_if_it_is_narrower_in_everything() {
    let offer = grant(&[ANALYSIS], &[ANALYSIS], 10);
    assert!(offer.is_within(&offer));
    assert!(grant(&[ANALYSIS], &[UPDATE], 9).is_within(&offer));
    assert!(grant(&[ANALYSIS], &[], 9).is_within(&offer));
    assert!(!grant(&[ANALYSIS], &[UPDATE], 11).is_within(&offer));
    assert!(!grant(&[ANALYSIS, "https://example.org/other/1.0"], &[], 9).is_within(&offer));
    assert!(
        !offer.is_within(&grant(&[ANALYSIS], &[UPDATE], 10)),
        "a protocol is wider than a type"
    );
}

#[test]
fn an_unknown_word_in_must_is_unsupported_and_unknown_members_are_not() {
    let mut json = grant(&[ANALYSIS], &[], 10).json().clone();
    json["weekdays"] = serde_json::json!(["mon"]);
    assert!(Grant::from_json(json.clone()).is_ok());
    json["must"] = serde_json::json!(["weekdays"]);
    assert_eq!(
        Grant::from_json(json),
        Err(GrantError::Unsupported("weekdays".into()))
    );
}

#[test]
fn malformed_grants_are_refused() {
    let good = grant(&[ANALYSIS], &[UPDATE], 10).json().clone();
    let change = |pointer: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        Grant::from_json(json)
    };
    assert!(matches!(
        change("/v", 2.into()),
        Err(GrantError::Version(2))
    ));
    for (pointer, value) in [
        ("/between/0", serde_json::json!(B)),
        ("/may", serde_json::json!([])),
        ("/may/0/from", serde_json::json!(2)),
        ("/may/1/from", serde_json::json!(0)),
        ("/may/0/types", serde_json::json!([])),
        ("/may/0/types", serde_json::json!(["*"])),
        ("/until", serde_json::json!(-1)),
        ("/until", serde_json::json!(1.5)),
        ("/nonce", serde_json::json!("AAEC")),
    ] {
        assert_eq!(
            change(pointer, value.clone()),
            Err(GrantError::Malformed),
            "{pointer} {value}"
        );
    }
}

#[test]
fn a_webvh_peer_is_pinned_by_its_scid_and_others_by_their_keys() {
    let document = |id: &str, seed: u8| {
        let key = comity_jose::SigningKey::from_secret(comity_jose::Curve::Ed25519, &[seed; 32]);
        let agreement =
            comity_jose::AgreementKey::from_secret(comity_jose::Curve::X25519, &[seed; 32]);
        let (key, agreement) = (key.unwrap(), agreement.unwrap());
        comity_did::DocumentBuilder::new(did(id), key.public(), agreement.public())
            .build()
            .unwrap()
    };
    let history = "did:webvh:QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE:agents.org-a.test:aria";
    let pin = pin_of(&document(history, 1));
    assert!(matches!(&pin, Pin::Scid(scid) if history.contains(scid)));
    assert!(continues(&pin, &document(history, 2)));
    let pin = pin_of(&document(A, 1));
    assert!(matches!(pin, Pin::Keys(_)));
    assert!(!continues(&pin, &document(A, 2)));
}
