//! JWS, JWE, JWK, multikeys and the codecs under them.

use comity_jose::json::Limits;
use comity_jose::jwe::{Alg, Jwe, MAX_RECIPIENTS, apv};
use comity_jose::jws::{Jws, SigningInput};
use comity_jose::{AgreementKey, PublicKey, SharedSecret, base64url, multibase};
use serde_json::Value;

use super::{choice, chosen};
use crate::cast::{ARIA, BRUNO, Fixed};
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "jose",
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
            if let Ok(jws) = Jws::parse_json(rest, &Limits::MESSAGE) {
                check_jws(&jws);
            }
            if let Ok(jwe) = Jwe::parse(rest, &Limits::MESSAGE) {
                check_jwe(&jwe);
            }
            if let Ok(value) = serde_json::from_slice::<Value>(rest) {
                detached(value);
            }
        }
        1 => compact(rest),
        2 => {
            if let Ok(value) = serde_json::from_slice::<Value>(rest)
                && let Ok(key) = PublicKey::from_jwk(&value)
            {
                check_key(&key);
            }
        }
        3 => codecs(rest),
        _ => header(rest),
    }
}

fn compact(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    detached(text.into());
    if let Ok(jws) = Jws::parse_compact(text, &Limits::MESSAGE) {
        check_jws(&jws);
        let (signed, signature) = text.rsplit_once('.').expect("two dots");
        assert_eq!(jws.signing_input(), signed.as_bytes());
        assert_eq!(base64url::encode(jws.signature()), signature);
    }
}

/// The rest as a signature whose payload is known from elsewhere.
fn detached(value: Value) {
    for payload in [&b"x"[..], b"", SIGNED] {
        if let Ok(jws) = Jws::from_detached(value.clone(), payload) {
            assert_eq!(jws.payload_unverified(), payload);
            assert_eq!(jws.payload_b64(), base64url::encode(payload));
            check_jws(&jws);
        }
    }
}

/// The rest as protected header of a signature and of an envelope.
fn header(data: &[u8]) {
    let protected = base64url::encode(data);
    let compact = format!("{protected}.e30.AAAA");
    if let Ok(jws) = Jws::parse_compact(&compact, &Limits::MESSAGE) {
        check_jws(&jws);
        assert!(data.len() <= Limits::HEADER.bytes);
    }
    let kid = BRUNO.kid("agree");
    let encrypted_key = base64url::encode(&[0; 72]);
    for (iv, tag) in [(16, 32), (12, 16), (24, 16)] {
        let (iv, tag) = (
            base64url::encode(&vec![0; iv]),
            base64url::encode(&vec![0; tag]),
        );
        let text = format!(
            r#"{{"protected":"{protected}","recipients":[{{"header":{{"kid":"{kid}"}},"encrypted_key":"{encrypted_key}"}}],"iv":"{iv}","ciphertext":"AAAA","tag":"{tag}"}}"#
        );
        if let Ok(jwe) = Jwe::parse(text.as_bytes(), &Limits::MESSAGE) {
            check_jwe(&jwe);
        }
    }
}

fn check_jws(jws: &Jws) {
    // Octets have one text, and what is signed is what came.
    assert_eq!(
        base64url::encode(jws.payload_unverified()),
        jws.payload_b64()
    );
    let joined = format!("{}.{}", jws.protected_b64(), jws.payload_b64());
    assert_eq!(jws.signing_input(), joined.as_bytes());
    let protected = base64url::decode(jws.protected_b64()).expect("was decoded");
    let input = SigningInput::new(&protected, jws.payload_unverified());
    assert_eq!(input.octets(), jws.signing_input());
    // What is written again reads the same, in both forms.
    let again = Jws::parse_compact(
        &input.clone().into_compact(jws.signature()),
        &Limits {
            bytes: usize::MAX,
            ..Limits::MESSAGE
        },
    );
    let in_protected = serde_json::from_slice::<Value>(&protected).expect("was read");
    if in_protected.get("kid").is_some() || jws.header().kid.is_none() {
        assert_eq!(again.expect("compact").header(), jws.header());
    }
    // Nobody's signature but ours verifies under our key.
    for (_, key) in &ARIA.signing {
        if jws.verify(key.public()).is_ok() {
            assert_eq!(jws.payload_unverified(), SIGNED, "a forged signature");
        }
    }
}

fn check_jwe(jwe: &Jwe) {
    let kids: Vec<_> = jwe.recipient_kids().collect();
    assert!((1..=MAX_RECIPIENTS).contains(&kids.len()));
    let mut sorted = kids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), kids.len());
    assert_eq!(apv(kids.iter().copied()), apv(sorted));
    assert_eq!(jwe.skid().is_some(), jwe.alg() == Alg::Ecdh1Pu);
    assert!(jwe.epk().curve().agrees());
    check_key(jwe.epk());
    // A wrong secret opens nothing, and neither does a missing one.
    let ze = agree(jwe.epk()).unwrap_or_else(|| SharedSecret::from_octets(vec![7; 32]));
    let zs = (jwe.alg() == Alg::Ecdh1Pu).then(|| SharedSecret::from_octets(vec![8; 32]));
    assert!(
        jwe.open(
            kids[0],
            &SharedSecret::from_octets(vec![9; 32]),
            zs.as_ref()
        )
        .is_err()
    );
    assert!(jwe.open("did:example:nobody#1", &ze, zs.as_ref()).is_err());
    let wrong = if zs.is_some() { None } else { Some(&ze) };
    assert!(jwe.open(kids[0], &ze, wrong).is_err());
}

fn check_key(key: &PublicKey) {
    assert_eq!(PublicKey::from_jwk(&key.to_jwk()).expect("jwk"), *key);
    assert_eq!(
        PublicKey::from_multikey(&key.to_multikey()).expect("multikey"),
        *key
    );
    let again = PublicKey::from_raw(key.curve(), key.raw()).expect("raw");
    assert_eq!(again.thumbprint(), key.thumbprint());
    if let Some(x) = key.ed25519_to_x25519() {
        assert!(agree(&x).is_some_and(|z| z.octets().iter().any(|octet| *octet != 0)));
    }
    if key.curve().agrees() {
        // A key that was taken agrees, on something.
        let z = agree(key).expect("a checked key agrees");
        assert_eq!(z.octets().len(), key.curve().field_len());
        assert!(z.octets().iter().any(|octet| *octet != 0));
    }
    if let Some(alg) = key.curve().signature_algorithm() {
        assert!(key.verify(alg, b"octets", &[0; 64]).is_err());
    }
}

fn agree(key: &PublicKey) -> Option<SharedSecret> {
    let own: Vec<&AgreementKey> = BRUNO.agreement.iter().map(|(_, key)| key).collect();
    own.into_iter().find_map(|own| own.agree(key).ok())
}

fn codecs(data: &[u8]) {
    let text = base64url::encode(data);
    assert_eq!(base64url::decode(&text).expect("encoded"), data);
    assert_eq!(base64url::decode_lenient(&text).expect("encoded"), data);
    assert_eq!(text.len(), base64url::encoded_len(data.len()));
    if data.len() < 1024 {
        assert_eq!(
            multibase::decode(&multibase::encode_base58(data)).expect("encoded"),
            data
        );
    }
    let text = multibase::encode_base64url(data);
    match multibase::decode(&text) {
        Ok(octets) => assert_eq!(octets, data),
        Err(_) => assert!(text.len() > multibase::MAX_TEXT),
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(octets) = base64url::decode(text) {
        assert_eq!(base64url::encode(&octets), text);
        assert_eq!(
            base64url::decode_lenient(text).expect("strict is lenient"),
            octets
        );
    }
    if let Ok(octets) = multibase::decode(text) {
        let again = match text.as_bytes()[0] {
            b'z' => multibase::encode_base58(&octets),
            _ => multibase::encode_base64url(&octets),
        };
        assert_eq!(again, text);
    }
    if let Ok(key) = PublicKey::from_multikey(text) {
        assert_eq!(key.to_multikey(), text);
        check_key(&key);
    }
}

/// The one payload that the cast signed here.
const SIGNED: &[u8] = br#"{"signed":"by the cast"}"#;

fn seeds() -> Vec<Vec<u8>> {
    let mut out: Vec<_> = harvest::objects("didcomm", &["payload"])
        .into_iter()
        .chain(harvest::objects("didcomm", &["ciphertext"]))
        .map(|value| chosen(0, value.to_string()))
        .collect();
    for (name, key) in &ARIA.signing {
        let protected = format!(
            r#"{{"typ":"JWT","alg":"{}","kid":"{}"}}"#,
            key.algorithm().name(),
            ARIA.kid(name)
        );
        let input = SigningInput::new(protected.as_bytes(), SIGNED);
        let signature = key.sign(input.octets());
        out.push(chosen(
            1,
            format!(
                "{}..{}",
                input.protected_b64(),
                base64url::encode(&signature)
            ),
        ));
        let detached = input.clone().into_detached(&signature);
        out.push(chosen(0, detached.to_string()));
        out.push(chosen(1, input.into_compact(&signature)));
        out.push(chosen(4, protected));
        out.push(chosen(2, key.public().to_jwk().to_string()));
        out.push(chosen(3, key.public().to_multikey()));
    }
    let kid = BRUNO.kid("agree");
    for (_, key) in &BRUNO.agreement {
        out.push(chosen(2, key.public().to_jwk().to_string()));
        out.push(chosen(3, key.public().to_multikey()));
        let apv = base64url::encode(&apv([kid.as_str()]));
        let epk = AgreementKey::generate_on(key.public().curve(), &Fixed::new(7)).expect("a key");
        let epk = epk.public().to_jwk();
        let skid = ARIA.kid("agree");
        let apu = base64url::encode(skid.as_str().as_bytes());
        out.push(chosen(
            4,
            format!(r#"{{"alg":"ECDH-ES+A256KW","enc":"A256GCM","apv":"{apv}","epk":{epk}}}"#),
        ));
        out.push(chosen(4, format!(
            r#"{{"alg":"ECDH-1PU+A256KW","enc":"A256CBC-HS512","skid":"{skid}","apu":"{apu}","apv":"{apv}","epk":{epk}}}"#
        )));
    }
    out.push(chosen(3, "uAAECAwQFBgcICQ"));
    out
}

fn heavy() -> Vec<Vec<u8>> {
    let kids: Vec<_> = (0..65)
        .map(|n| format!(r#"{{"header":{{"kid":"did:example:a#{n}"}},"encrypted_key":"AAAA"}}"#))
        .collect();
    vec![
        chosen(3, format!("z{}", "2".repeat(16 * 1024 - 1))),
        chosen(3, format!("z{}", "1".repeat(16 * 1024 - 1))),
        chosen(
            0,
            format!(
                r#"{{"protected":"e30","iv":"","tag":"","ciphertext":"{}","recipients":[{}]}}"#,
                "A".repeat(900_000),
                kids.join(",")
            ),
        ),
        chosen(1, format!("e30.{}.AAAA", "A".repeat(1_000_000))),
        chosen(
            4,
            format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "x".repeat(16_000)),
        ),
    ]
}
