//! What must hold for any octets, keys and values: reading undoes writing, and equal things have one
//! form.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its keys has failed"
)]

use comity_jose::json::{self, Limits};
use comity_jose::jwe::{Alg, Enc, Jwe, Sender, encrypt};
use comity_jose::jws::{Jws, SigningInput};
use comity_jose::kdf::OtherInfo;
use comity_jose::{
    AgreementKey, Curve, PublicKey, SharedSecret, SigningKey, SystemEntropy, base64url, key_wrap,
    multibase,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

const AGREEING: [Curve; 4] = [Curve::X25519, Curve::P256, Curve::P384, Curve::P521];
const SIGNING: [Curve; 3] = [Curve::Ed25519, Curve::P256, Curve::Secp256k1];

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

fn signing_key() -> impl Strategy<Value = SigningKey> {
    let seed = any::<[u8; 32]>();
    (select(SIGNING.to_vec()), seed).prop_filter_map("a number below the order", |(curve, seed)| {
        SigningKey::from_secret(curve, &seed).ok()
    })
}

/// Any JSON value of a few levels, fractions too.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same value with its members in the opposite order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(reversed).collect(),
        Value::Object(members) => {
            let members = members.iter().rev();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), reversed(value)))
                    .collect(),
            )
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #[test]
    fn octets_have_one_text(octets in octets(200)) {
        let text = base64url::encode(&octets);
        prop_assert_eq!(text.len(), base64url::encoded_len(octets.len()));
        prop_assert_eq!(base64url::decode(&text).unwrap(), octets.clone());
        for text in [multibase::encode_base58(&octets), multibase::encode_base64url(&octets)] {
            prop_assert_eq!(multibase::decode(&text).unwrap(), octets.clone());
        }
    }

    #[test]
    fn text_that_is_read_is_the_text_of_its_octets(text in "[zu]?[A-Za-z0-9_-]{0,12}[A-Za-z0-9+/=_. -]?") {
        if let Ok(octets) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(&octets), text.as_str());
        }
        if let Ok(octets) = multibase::decode(&text) {
            let texts = [multibase::encode_base58(&octets), multibase::encode_base64url(&octets)];
            prop_assert!(texts.contains(&text));
        }
    }

    #[test]
    fn a_value_reads_as_it_was_printed(value in value()) {
        let printed = value.to_string();
        prop_assert_eq!(json::parse(printed.as_bytes(), &Limits::MESSAGE).unwrap(), value);
    }

    #[test]
    fn the_canonical_form_is_its_own_and_knows_no_order(value in value()) {
        let canonical = json::canonical(&value).unwrap();
        prop_assert_eq!(json::canonical(&reversed(&value)).unwrap(), canonical.clone());
        let again = json::parse(&canonical, &Limits::MESSAGE).unwrap();
        prop_assert_eq!(json::canonical(&again).unwrap(), canonical);
    }

    #[test]
    fn a_public_key_has_three_forms_and_one_identity(key in signing_key()) {
        let key = key.public();
        let forms = [
            PublicKey::from_jwk(&key.to_jwk()).unwrap(),
            PublicKey::from_multikey(&key.to_multikey()).unwrap(),
            PublicKey::from_raw(key.curve(), key.raw()).unwrap(),
        ];
        for again in forms {
            prop_assert_eq!(&again, key);
            prop_assert_eq!(again.to_jwk(), key.to_jwk());
            prop_assert_eq!(again.fingerprint(), key.fingerprint());
        }
    }

    #[test]
    fn any_octets_are_a_key_in_one_form_or_refused(curve in select(Curve::ALL.to_vec()), octets in octets(140)) {
        if let Ok(key) = PublicKey::from_raw(curve, &octets) {
            prop_assert_eq!(PublicKey::from_raw(curve, key.raw()).unwrap(), key);
        }
    }

    #[test]
    fn a_signature_reads_in_each_form_and_holds_for_nothing_else(
        key in signing_key(),
        kid in any::<String>(),
        payload in octets(100),
        at in any::<Index>(),
        mask in 1..=u8::MAX,
    ) {
        let mut header = Map::new();
        header.insert("alg".into(), key.algorithm().name().into());
        let protected = Value::Object(header.clone()).to_string();
        let input = SigningInput::new(protected.as_bytes(), &payload);
        let signature = key.sign(input.octets());
        let general = input.clone().into_general(&kid, &signature);
        let general = Jws::parse_json(general.as_bytes(), &Limits::MESSAGE).unwrap();
        prop_assert_eq!(general.header().kid.as_deref(), Some(kid.as_str()));
        let compact = input.clone().into_compact(&signature);
        let compact = Jws::parse_compact(&compact, &Limits::MESSAGE).unwrap();
        prop_assert_eq!(&compact.header().kid, &None);
        for jws in [general, compact] {
            prop_assert_eq!(jws.verify(key.public()).unwrap(), payload.as_slice());
            prop_assert_eq!(jws.signing_input(), input.octets());
        }
        let mut changed = input.octets().to_vec();
        let at = at.index(changed.len());
        changed[at] ^= mask;
        prop_assert!(key.public().verify(key.algorithm(), &changed, &signature).is_err());
    }

    #[test]
    fn a_wrapped_key_unwraps_with_its_key_only(kek in any::<[u8; 32]>(), other in any::<[u8; 32]>(), cek in any::<[u8; 64]>()) {
        let wrapped = key_wrap::wrap(&kek, &cek);
        prop_assert_eq!(key_wrap::unwrap(&kek, &wrapped).unwrap().to_vec(), cek);
        prop_assert!(kek == other || key_wrap::unwrap(&other, &wrapped).is_err());
    }

    /// Without lengths before its parts two sets of parties would share a key.
    #[test]
    fn no_two_derivations_share_their_information(
        a in (octets(4), octets(4), proptest::option::of(octets(4))),
        b in (octets(4), octets(4), proptest::option::of(octets(4))),
    ) {
        let info = |parts: &(Vec<u8>, Vec<u8>, Option<Vec<u8>>)| {
            OtherInfo { algorithm_id: "x", apu: &parts.0, apv: &parts.1, key_bits: 256, cc_tag: parts.2.as_deref() }.octets()
        };
        prop_assert_eq!(a == b, info(&a) == info(&b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_recipient_opens_and_nobody_else(
        curve in select(AGREEING.to_vec()),
        enc in select(Enc::ALL.to_vec()),
        named in any::<bool>(),
        count in 1..5_usize,
        content in octets(300),
    ) {
        let enc = if named { Enc::A256CbcHs512 } else { enc };
        let key = || AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let (sender, stranger) = (key(), key());
        let keys: Vec<_> = (0..count).map(|n| (format!("did:example:b#{n}"), key())).collect();
        let recipients: Vec<_> = keys.iter().map(|(kid, key)| (kid.as_str(), key.public())).collect();
        let zs: Vec<SharedSecret> = keys.iter().map(|(_, key)| sender.agree(key.public()).unwrap()).collect();
        let from = if named { Sender::Static { skid: "did:example:a#1", zs: &zs } } else { Sender::Anonymous };
        let text = encrypt(&SystemEntropy, from, enc, &recipients, &content, "x").unwrap();
        let jwe = Jwe::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        prop_assert_eq!(jwe.alg() == Alg::Ecdh1Pu, named);
        for (kid, key) in &keys {
            let ze = key.agree(jwe.epk()).unwrap();
            let with = |other: &AgreementKey| named.then(|| key.agree(other.public()).unwrap());
            prop_assert_eq!(&*jwe.open(kid, &ze, with(&sender).as_ref()).unwrap(), &content);
            let wrong = stranger.agree(jwe.epk()).unwrap();
            prop_assert!(jwe.open(kid, &wrong, with(&sender).as_ref()).is_err());
            if named {
                prop_assert!(jwe.open(kid, &ze, with(&stranger).as_ref()).is_err());
            }
        }
    }
}
