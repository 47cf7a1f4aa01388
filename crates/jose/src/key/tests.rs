use serde_json::json;

use super::*;
use crate::{Entropy, SignatureAlgorithm, SystemEntropy, base64url};

const AGREEING: [Curve; 4] = [Curve::X25519, Curve::P256, Curve::P384, Curve::P521];
const SIGNING: [Curve; 3] = [Curve::Ed25519, Curve::P256, Curve::Secp256k1];

fn signing_key(curve: Curve) -> SigningKey {
    let mut seed = vec![0; 32];
    SystemEntropy.fill(&mut seed);
    SigningKey::from_secret(curve, &seed).unwrap()
}

#[test]
fn every_public_form_reads_back_as_the_same_key() {
    let agreeing = AGREEING.map(|curve| {
        AgreementKey::generate_on(curve, &SystemEntropy)
            .unwrap()
            .public()
            .clone()
    });
    let signing = SIGNING.map(|curve| signing_key(curve).public().clone());
    for key in agreeing.iter().chain(&signing) {
        let curve = key.curve();
        assert_eq!(PublicKey::from_jwk(&key.to_jwk()).unwrap(), *key);
        assert_eq!(PublicKey::from_multikey(&key.to_multikey()).unwrap(), *key);
        let again = PublicKey::from_raw(curve, key.raw()).unwrap();
        assert_eq!(again, *key);
        assert_eq!(again.to_jwk(), key.to_jwk());
        assert_eq!(again.thumbprint(), key.thumbprint());
        assert!(PublicKey::from_raw(curve, &key.raw()[1..]).is_err());
    }
}

#[test]
fn both_sides_agree_on_one_secret_at_full_width() {
    for curve in AGREEING {
        let a = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let b = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let ab = a.agree(b.public()).unwrap();
        assert_eq!(ab.octets(), b.agree(a.public()).unwrap().octets());
        assert_eq!(ab.octets().len(), curve.field_len());
        let again = AgreementKey::from_secret(curve, &a.secret()).unwrap();
        assert_eq!(again.public(), a.public());
    }
}

#[test]
fn refuses_to_agree_across_curves() {
    let a = AgreementKey::generate(&SystemEntropy);
    let b = AgreementKey::generate_on(Curve::P256, &SystemEntropy).unwrap();
    assert_eq!(a.agree(b.public()).unwrap_err(), AgreementError);
}

#[test]
fn every_algorithm_verifies_its_own_signatures_only() {
    for curve in SIGNING {
        let key = signing_key(curve);
        let alg = key.algorithm();
        let signature = key.sign(b"octets");
        assert_eq!(signature.len(), 64);
        key.public().verify(alg, b"octets", &signature).unwrap();
        let invalid = Err(SignatureError::Invalid);
        assert_eq!(key.public().verify(alg, b"octet", &signature), invalid);
        assert_eq!(
            key.public().verify(alg, b"octets", &signature[..63]),
            invalid
        );
        assert_eq!(key.public().verify(alg, b"octets", &[]), invalid);
        assert_eq!(
            signing_key(curve)
                .public()
                .verify(alg, b"octets", &signature),
            invalid
        );
        let other = SignatureAlgorithm::ALL
            .into_iter()
            .find(|other| *other != alg)
            .unwrap();
        let refused = key.public().verify(other, b"octets", &signature);
        assert_eq!(
            refused,
            Err(SignatureError::Algorithm { alg: other, curve })
        );
    }
}

#[test]
fn signs_es256k_with_a_low_s() {
    let key = signing_key(Curve::Secp256k1);
    for octet in 0..16_u8 {
        let signature = key.sign(&[octet]);
        assert!(signature[32] <= 0x7f);
        key.public()
            .verify(SignatureAlgorithm::Es256k, &[octet], &signature)
            .unwrap();
    }
}

#[test]
fn verifies_es256k_with_a_high_s_too() {
    let key = signing_key(Curve::Secp256k1);
    let mut signature = key.sign(b"octets");
    let mut borrow = 0_i16;
    for (digit, order) in signature[32..].iter_mut().zip(SECP256K1_ORDER).rev() {
        let difference = i16::from(order) - i16::from(*digit) - borrow;
        borrow = i16::from(difference < 0);
        *digit = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    assert!(signature[32] > 0x7e);
    key.public()
        .verify(SignatureAlgorithm::Es256k, b"octets", &signature)
        .unwrap();
}

/// `S + L` satisfies the equation as well: without the check a signature has a second form.
#[test]
fn refuses_an_ed25519_signature_whose_s_is_not_reduced() {
    let key = SigningKey::generate(&SystemEntropy);
    let mut signature = key.sign(b"octets");
    let mut carry = 0_u16;
    for (digit, order) in signature[32..].iter_mut().zip(ED25519_ORDER) {
        carry += u16::from(*digit) + u16::from(order);
        *digit = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    let refused = key
        .public()
        .verify(SignatureAlgorithm::EdDsa, b"octets", &signature);
    assert_eq!(refused, Err(SignatureError::Invalid));
}

#[test]
fn refuses_ed25519_keys_of_small_order_and_in_second_form() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let order_two = minus(1);
    let order_four = [0; 32];
    for point in [identity, order_two, order_four]
        .into_iter()
        .chain(ORDER_EIGHT)
    {
        let refused = PublicKey::from_raw(Curve::Ed25519, &point).unwrap_err();
        assert_eq!(refused, KeyError::SmallOrder);
    }
    let mut signed_identity = identity;
    signed_identity[31] |= 0x80;
    assert_eq!(
        PublicKey::from_raw(Curve::Ed25519, &signed_identity).unwrap_err(),
        KeyError::SmallOrder
    );
    for beyond in 0..19 {
        let mut octets = [0xff; 32];
        octets[0] = 0xed + beyond;
        octets[31] = 0x7f;
        let refused = PublicKey::from_raw(Curve::Ed25519, &octets).unwrap_err();
        assert_eq!(refused, KeyError::NonCanonical);
        let refused = PublicKey::from_raw(Curve::X25519, &octets).unwrap_err();
        assert_eq!(refused, KeyError::NonCanonical);
    }
}

#[test]
fn refuses_x25519_keys_that_lead_to_a_known_secret() {
    let mut one = [0; 32];
    one[0] = 1;
    for octets in [[0; 32], one, minus(1)] {
        let refused = PublicKey::from_raw(Curve::X25519, &octets).unwrap_err();
        assert_eq!(refused, KeyError::SmallOrder);
    }
    for point in ORDER_EIGHT {
        let octets = crate::crypto::ed25519_to_x25519(&point).unwrap();
        let refused = PublicKey::from_raw(Curve::X25519, &octets).unwrap_err();
        assert_eq!(refused, KeyError::SmallOrder);
    }
    let mut masked = *b"a key whose top bit is set......";
    masked[31] |= 0x80;
    let refused = PublicKey::from_raw(Curve::X25519, &masked).unwrap_err();
    assert_eq!(refused, KeyError::NonCanonical);
}

#[test]
fn refuses_points_off_the_curve_and_other_forms() {
    let good = AgreementKey::generate_on(Curve::P256, &SystemEntropy).unwrap();
    let mut jwk = good.public().to_jwk();
    let y = base64url::decode(jwk["y"].as_str().unwrap()).unwrap();
    let mut off = y.clone();
    off[31] ^= 1;
    jwk["y"] = base64url::encode(&off).into();
    assert_eq!(PublicKey::from_jwk(&jwk).unwrap_err(), KeyError::NotOnCurve);
    jwk["y"] = base64url::encode(&y[1..]).into();
    assert_eq!(PublicKey::from_jwk(&jwk).unwrap_err(), KeyError::Encoding);

    let x = &good.public().raw()[1..];
    let hybrid = [&[0x06 | (y[31] & 1)][..], x, &y].concat();
    assert_eq!(
        PublicKey::from_raw(Curve::P256, &hybrid).unwrap_err(),
        KeyError::Encoding
    );
    assert_eq!(
        PublicKey::from_raw(Curve::P256, &[0]).unwrap_err(),
        KeyError::Encoding
    );
    assert_eq!(
        PublicKey::from_raw(Curve::P256, &[]).unwrap_err(),
        KeyError::Encoding
    );
}

#[test]
fn refuses_a_private_member_in_a_public_key() {
    let mut jwk = SigningKey::generate(&SystemEntropy).public().to_jwk();
    jwk["d"] = "AA".into();
    assert_eq!(
        PublicKey::from_jwk(&jwk).unwrap_err(),
        KeyError::PrivateMember
    );
}

#[test]
fn refuses_key_types_we_do_not_have() {
    let rsa = json!({"kty": "RSA", "n": "AA", "e": "AQAB"});
    assert_eq!(
        PublicKey::from_jwk(&rsa).unwrap_err(),
        KeyError::Unsupported
    );
    let x448 = json!({"kty": "OKP", "crv": "X448", "x": "AA"});
    assert_eq!(
        PublicKey::from_jwk(&x448).unwrap_err(),
        KeyError::Unsupported
    );
    let mislabelled = json!({"kty": "EC", "crv": "Ed25519", "x": "AA"});
    assert_eq!(
        PublicKey::from_jwk(&mislabelled).unwrap_err(),
        KeyError::Encoding
    );
    assert_eq!(
        PublicKey::from_multikey("z").unwrap_err(),
        KeyError::Encoding
    );
    assert_eq!(
        PublicKey::from_multikey("z6Mk").unwrap_err(),
        KeyError::Unsupported
    );
}

#[test]
fn refuses_a_private_key_beside_another_public_one() {
    let key = SigningKey::generate(&SystemEntropy);
    let mut jwk = SigningKey::generate(&SystemEntropy).public().to_jwk();
    jwk["d"] = base64url::encode(&key.secret()).into();
    assert_eq!(SigningKey::from_jwk(&jwk).unwrap_err(), KeyError::Mismatch);
}

#[test]
fn refuses_curves_that_do_not_serve_the_purpose() {
    let octets = [7; 32];
    let refused = SigningKey::from_secret(Curve::X25519, &octets).unwrap_err();
    assert_eq!(refused, KeyError::Purpose(Curve::X25519));
    let refused = AgreementKey::from_secret(Curve::Secp256k1, &octets).unwrap_err();
    assert_eq!(refused, KeyError::Purpose(Curve::Secp256k1));
}

#[test]
fn the_x25519_key_of_an_ed25519_key_is_the_same_from_either_half() {
    let key = SigningKey::generate(&SystemEntropy);
    let derived = key.to_agreement().unwrap();
    assert_eq!(
        key.public().ed25519_to_x25519().as_ref(),
        Some(derived.public())
    );
    assert!(derived.public().ed25519_to_x25519().is_none());
}

/// The 32 octets 0x07 of formats.md §0 are no point of the curve; as a seed they are a key.
#[test]
fn the_fingerprint_is_the_thumbprint_in_hexadecimal() {
    let key = SigningKey::from_secret(Curve::Ed25519, &[7; 32]).unwrap();
    let fingerprint = key.public().fingerprint();
    assert_eq!(
        fingerprint,
        "fbee883399743a8b0b8fdc96b24212621500de7ff7094450926ad831285afdc9"
    );
    assert_eq!(
        PublicKey::from_raw(Curve::Ed25519, &[7; 32]).unwrap_err(),
        KeyError::NotOnCurve
    );
}

#[test]
fn a_private_jwk_reads_back_as_the_same_key() {
    for curve in SIGNING {
        let key = SigningKey::generate_on(curve, &SystemEntropy).unwrap();
        let jwk = serde_json::from_str(&key.to_secret_jwk()).unwrap();
        let again = SigningKey::from_jwk(&jwk).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(again.secret(), key.secret());
    }
    for curve in AGREEING {
        let key = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let jwk = serde_json::from_str(&key.to_secret_jwk()).unwrap();
        let again = AgreementKey::from_jwk(&jwk).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(again.secret(), key.secret());
    }
}

#[test]
fn nothing_secret_is_printed() {
    let key = SigningKey::generate(&SystemEntropy);
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey(public {})", key.public().fingerprint())
    );
    let key = AgreementKey::generate(&SystemEntropy);
    assert_eq!(
        format!("{key:?}"),
        format!("AgreementKey(public {})", key.public().fingerprint())
    );
    let secret = key
        .agree(AgreementKey::generate(&SystemEntropy).public())
        .unwrap();
    assert_eq!(format!("{secret:?}"), "SharedSecret(..)");
}

/// `2^255 - 19 - difference`
fn minus(difference: u8) -> [u8; 32] {
    let mut octets = [0xff; 32];
    octets[0] = 0xed - difference;
    octets[31] = 0x7f;
    octets
}

/// Two of the four points of order 8, one for each coordinate on the Montgomery curve.
const ORDER_EIGHT: [[u8; 32]; 2] = [
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
];

const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

const SECP256K1_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];
