//! The only place that names a cryptographic backend (aws-lc-rs; curve25519-dalek for the points
//! of Ed25519). Everything above deals in curves, keys and octets.

pub mod aead;
pub mod kdf;
pub mod key_wrap;

mod curve;
mod ed25519;
mod entropy;
mod hchacha;
mod point;
mod secret;
mod weierstrass;
mod x25519;

pub use curve::{Curve, SignatureAlgorithm};
pub(crate) use ed25519::{
    seed_to_x25519 as ed25519_seed_to_x25519, to_x25519 as ed25519_to_x25519,
};
pub use entropy::{Entropy, SystemEntropy};
pub(crate) use point::Point;
pub(crate) use secret::{AgreementSecret, SigningSecret};

use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq;

/// SHA-256 of the parts one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// HMAC-SHA256 of the parts one after the other (RFC 2104). For what outside formats demand; nothing
/// of DIDComm is authenticated by it.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Whether two octet strings are equal, in time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
