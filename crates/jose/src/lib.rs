//! Keys, signatures, key agreement, JWS and JWE over bytes, and strict JSON: the ground under Comity.

mod crypto;
mod hex;
mod key;

pub mod base64url;
pub mod json;
pub mod jwe;
pub mod jws;
pub mod multibase;

pub use crypto::{
    Curve, Entropy, SignatureAlgorithm, SystemEntropy, aead, constant_time_eq, kdf, key_wrap,
    sha256,
};
pub use key::{
    AgreementError, AgreementKey, KeyError, PublicKey, SharedSecret, SignatureError, SigningKey,
};
