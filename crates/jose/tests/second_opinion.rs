//! Our primitives beside a second implementation: what the one makes the other takes, and they refuse
//! the same.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its keys has failed"
)]

use comity_jose::{AgreementKey, Curve, PublicKey, SignatureAlgorithm, SigningKey};
use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signer as _, Verifier as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ed25519(seed in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 0..100), at in 0..64_usize, mask in 1..=u8::MAX) {
        let ours = SigningKey::from_secret(Curve::Ed25519, &seed).unwrap();
        let theirs = ed25519_dalek::SigningKey::from_bytes(&seed);
        prop_assert_eq!(ours.public().raw().to_vec(), theirs.verifying_key().to_bytes().to_vec());
        let mut signature = ours.sign(&message);
        prop_assert_eq!(&signature, &theirs.sign(&message).to_bytes());
        signature[at] ^= mask;
        let other = ed25519_dalek::Signature::from_slice(&signature).unwrap();
        prop_assert!(theirs.verifying_key().verify_strict(&message, &other).is_err());
        prop_assert!(ours.public().verify(SignatureAlgorithm::EdDsa, &message, &signature).is_err());
    }

    /// Theirs takes keys of small order; ours does not.
    #[test]
    fn ed25519_keys(octets in any::<[u8; 32]>(), small in any::<bool>()) {
        let octets = if small { std::array::from_fn(|n| if n == 0 { octets[0] } else { 0 }) } else { octets };
        let ours = PublicKey::from_raw(Curve::Ed25519, &octets);
        let theirs = ed25519_dalek::VerifyingKey::from_bytes(&octets);
        let sound = theirs.is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().0 == octets);
        prop_assert_eq!(ours.is_ok(), sound);
    }

    #[test]
    fn x25519(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
        let ours = AgreementKey::from_secret(Curve::X25519, &a).unwrap();
        let peer = AgreementKey::from_secret(Curve::X25519, &b).unwrap();
        let point = MontgomeryPoint(peer.public().raw().try_into().unwrap());
        prop_assert_eq!(ours.public().raw().to_vec(), MontgomeryPoint::mul_base_clamped(a).to_bytes());
        let z = ours.agree(peer.public()).unwrap();
        prop_assert_eq!(z.octets().to_vec(), point.mul_clamped(a).to_bytes());
    }

    #[test]
    fn p256(a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), message in any::<[u8; 20]>()) {
        let theirs = (p256::SecretKey::from_slice(&a), p256::SecretKey::from_slice(&b));
        let ours = AgreementKey::from_secret(Curve::P256, &a);
        prop_assert_eq!(ours.is_ok(), theirs.0.is_ok());
        let (Ok(ours), (Ok(own), Ok(peer))) = (ours, theirs) else { return Ok(()) };
        let public = peer.public_key().to_sec1_point(false);
        let public = PublicKey::from_raw(Curve::P256, public.as_bytes()).unwrap();
        let z = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), peer.public_key().as_affine());
        prop_assert_eq!(ours.agree(&public).unwrap().octets().to_vec(), z.raw_secret_bytes().to_vec());

        let signer = SigningKey::from_secret(Curve::P256, &a).unwrap();
        let other = p256::ecdsa::SigningKey::from(&own);
        let signature: p256::ecdsa::Signature = other.sign(&message);
        signer.public().verify(SignatureAlgorithm::Es256, &message, &signature.to_bytes()).unwrap();
        let signature = p256::ecdsa::Signature::from_slice(&signer.sign(&message)).unwrap();
        prop_assert!(other.verifying_key().verify(&message, &signature).is_ok());
        prop_assert!(other.verifying_key().verify(b"another", &signature).is_err());
    }

    #[test]
    fn secp256k1(a in any::<[u8; 32]>(), message in any::<[u8; 20]>()) {
        let Ok(other) = k256::ecdsa::SigningKey::from_slice(&a) else { return Ok(()) };
        let signer = SigningKey::from_secret(Curve::Secp256k1, &a).unwrap();
        let signature: k256::ecdsa::Signature = other.sign(&message);
        signer.public().verify(SignatureAlgorithm::Es256k, &message, &signature.to_bytes()).unwrap();
        let signature = k256::ecdsa::Signature::from_slice(&signer.sign(&message)).unwrap();
        prop_assert!(other.verifying_key().verify(&message, &signature).is_ok());
        prop_assert_eq!(signer.public().raw().to_vec(), other.verifying_key().to_sec1_point(true).as_bytes().to_vec());
    }

    #[test]
    fn p384(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
        let [a, b] = [a, b].map(|half| [&half[..16], &half].concat());
        let theirs = (p384::SecretKey::from_slice(&a), p384::SecretKey::from_slice(&b));
        let (Ok(own), Ok(peer)) = theirs else { return Ok(()) };
        let ours = AgreementKey::from_secret(Curve::P384, &a).unwrap();
        let public = peer.public_key().to_sec1_point(true);
        let public = PublicKey::from_raw(Curve::P384, public.as_bytes()).unwrap();
        let z = p384::ecdh::diffie_hellman(own.to_nonzero_scalar(), peer.public_key().as_affine());
        prop_assert_eq!(ours.agree(&public).unwrap().octets().to_vec(), z.raw_secret_bytes().to_vec());
    }
}
