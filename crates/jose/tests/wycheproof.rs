//! Project Wycheproof: thousands of cases made to break implementations of our primitives.
//!
//! Every case of each set runs. A case that is *valid* is accepted with the right result, one that is
//! *invalid* is refused; wherever we are stricter, or a case is not for the lengths we take, the flags
//! or lengths for which that is so are named beside the set. The counts are asserted, so that a set
//! that shrinks or a policy that grows is noticed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot read its cases has failed"
)]

use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, Curve, PublicKey, SignatureAlgorithm, key_wrap};
use wycheproof::TestResult;

/// How many cases ended how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Accepted, as they must be.
    accepted: usize,
    /// Accepted, as they may be.
    tolerated: usize,
    /// Refused, as they must be.
    refused: usize,
    /// Refused although another implementation may accept: our policy.
    stricter: usize,
}

impl Tally {
    /// Counts a case; `strict` says that our policy refuses it whatever the set says.
    fn count(&mut self, case: usize, result: TestResult, strict: bool, accepts: bool) {
        let place = match (result, strict, accepts) {
            (TestResult::Invalid, _, false) => &mut self.refused,
            (TestResult::Valid, false, true) => &mut self.accepted,
            (TestResult::Acceptable, false, true) => &mut self.tolerated,
            (TestResult::Valid | TestResult::Acceptable, true, false) => &mut self.stricter,
            _ => panic!("case {case} is {result:?}, strict: {strict}, accepted: {accepts}"),
        };
        *place += 1;
    }
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut tally = Tally::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_raw(Curve::Ed25519, &group.key.pk).unwrap();
        for test in group.tests {
            let verified = key.verify(SignatureAlgorithm::EdDsa, &test.msg, &test.sig);
            tally.count(test.tc_id, test.result, false, verified.is_ok());
        }
    }
    let expected = Tally {
        accepted: 88,
        refused: 63,
        ..Tally::default()
    };
    assert_eq!(tally, expected);
}

/// P1363 is the form of JWS: r and s at full width, one after the other.
#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let sets = [
        (
            TestName::EcdsaSecp256r1Sha256P1363,
            SignatureAlgorithm::Es256,
            173,
            89,
        ),
        (
            TestName::EcdsaSecp256k1Sha256P1363,
            SignatureAlgorithm::Es256k,
            167,
            85,
        ),
    ];
    for (name, alg, accepted, refused) in sets {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_raw(alg.curve(), &group.key.key).unwrap();
            for test in group.tests {
                let verified = key.verify(alg, &test.msg, &test.sig);
                tally.count(test.tc_id, test.result, false, verified.is_ok());
            }
        }
        let expected = Tally {
            accepted,
            refused,
            ..Tally::default()
        };
        assert_eq!(tally, expected, "{}", alg.name());
    }
}

/// Stricter than RFC 7748, which would have bits ignored and numbers reduced: keys in another form
/// than their one (`NonCanonicalPublic`), of small order (`LowOrderPublic`), and whatever leads to
/// zero (`ZeroSharedSecret`) are refused (JWE-14). Points of the twist are tolerated: the function is
/// as safe on them.
#[test]
fn x25519() {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    const STRICT: [TestFlag; 3] = [
        TestFlag::NonCanonicalPublic,
        TestFlag::LowOrderPublic,
        TestFlag::ZeroSharedSecret,
    ];
    let mut tally = Tally::default();
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let strict = test.flags.iter().any(|flag| STRICT.contains(flag));
            let z = agree(Curve::X25519, &test.private_key, &test.public_key);
            if let Some(z) = &z {
                assert_eq!(z.as_slice(), &test.shared_secret[..], "case {}", test.tc_id);
            }
            tally.count(test.tc_id, test.result, strict, z.is_some());
        }
    }
    let expected = Tally {
        accepted: 264,
        tolerated: 210,
        stricter: 44,
        refused: 0,
    };
    assert_eq!(tally, expected);
}

/// Public keys as points. Compressed ones are taken, because that is what multikeys hold.
#[test]
fn ecdh() {
    use wycheproof::ecdh::{TestName, TestSet};
    let sets = [
        (TestName::EcdhSecp256r1Ecpoint, Curve::P256, 330, 24),
        (TestName::EcdhSecp384r1Ecpoint, Curve::P384, 771, 18),
        (TestName::EcdhSecp521r1Ecpoint, Curve::P521, 632, 28),
    ];
    for (name, curve, accepted, refused) in sets {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let private = at_width(&test.private_key, curve.field_len());
                let z = agree(curve, &private, &test.public_key);
                if let Some(z) = &z {
                    assert_eq!(z.as_slice(), &test.shared_secret[..], "case {}", test.tc_id);
                }
                tally.count(test.tc_id, test.result, false, z.is_some());
            }
        }
        let expected = Tally {
            accepted,
            refused,
            tolerated: 1,
            ..Tally::default()
        };
        assert_eq!(tally, expected, "{}", curve.name());
    }
}

/// Keys and ivs of other lengths than JOSE has are refused, valid or not (JWE-15).
#[test]
fn content_encryption() {
    use wycheproof::aead::{TestName, TestSet};
    let sets = [
        (TestName::AesGcm, Enc::A256Gcm, [39, 87, 190]),
        (
            TestName::Aes256CbcHmacSha512,
            Enc::A256CbcHs512,
            [67, 27, 0],
        ),
        (TestName::XChaCha20Poly1305, Enc::Xc20p, [246, 69, 0]),
    ];
    for (name, enc, [accepted, refused, stricter]) in sets {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let strict = test.key.len() != enc.key_len() || test.nonce.len() != enc.iv_len();
                let mut content = test.ct.to_vec();
                let opened = enc.open(&test.key, &test.nonce, &test.aad, &mut content, &test.tag);
                if opened.is_ok() {
                    assert_eq!(content, test.pt.to_vec(), "case {}", test.tc_id);
                    let tag = enc.seal(&test.key, &test.nonce, &test.aad, &mut content);
                    assert_eq!(tag.unwrap(), test.tag.to_vec(), "case {}", test.tc_id);
                    assert_eq!(content, test.ct.to_vec(), "case {}", test.tc_id);
                }
                tally.count(test.tc_id, test.result, strict, opened.is_ok());
            }
        }
        let expected = Tally {
            accepted,
            refused,
            stricter,
            tolerated: 0,
        };
        assert_eq!(tally, expected, "{}", enc.name());
    }
}

/// Wrapping keys have 256 bits here, by type; what is wrapped has 16 octets or more (RFC 3394 §2),
/// so that `ShortKey` is refused.
#[test]
fn aes_key_wrap() {
    use wycheproof::keywrap::{TestFlag, TestName, TestSet};
    let mut tally = Tally::default();
    let mut of_other_sizes = 0;
    for group in TestSet::load(TestName::AesKeyWrap).unwrap().test_groups {
        for test in group.tests {
            let Ok(kek) = <&[u8; 32]>::try_from(&test.key[..]) else {
                of_other_sizes += 1;
                continue;
            };
            let strict = test.flags.contains(&TestFlag::ShortKey);
            let unwrapped = key_wrap::unwrap(kek, &test.ct);
            if let Ok(key) = &unwrapped {
                assert_eq!(key.as_slice(), &test.pt[..], "case {}", test.tc_id);
                assert_eq!(
                    key_wrap::wrap(kek, key),
                    test.ct.to_vec(),
                    "case {}",
                    test.tc_id
                );
            }
            tally.count(test.tc_id, test.result, strict, unwrapped.is_ok());
        }
    }
    let expected = Tally {
        accepted: 13,
        refused: 54,
        stricter: 1,
        tolerated: 0,
    };
    assert_eq!(tally, expected);
    assert_eq!(of_other_sizes, 97);
}

/// What the keys agree on; `None` wherever one of them is refused.
fn agree(curve: Curve, private: &[u8], public: &[u8]) -> Option<Vec<u8>> {
    let private = AgreementKey::from_secret(curve, private).expect("private keys are in order");
    let public = PublicKey::from_raw(curve, public).ok()?;
    private.agree(&public).ok().map(|z| z.octets().to_vec())
}

/// A number in octets, at full width.
fn at_width(number: &[u8], width: usize) -> Vec<u8> {
    let start = number
        .iter()
        .position(|octet| *octet != 0)
        .unwrap_or(number.len());
    let number = &number[start..];
    [vec![0; width - number.len()], number.to_vec()].concat()
}
