//! Keys, signatures, key agreement, JWS and JWE over octets, and strict JSON: the ground under
//! Comity.
//!
//! This crate turns octets of strangers into values that have been checked, and values into
//! octets. It does no I/O, reads no clock, resolves no identifier and decides nothing about
//! trust: *whose* a key is, and whether it may be used, is established above. It is not a general
//! JOSE library either. It reads what DIDComm v2.1 needs, and refuses the rest by name: `none`,
//! HMAC, direct agreement, compression, critical extensions, several signatures, members named
//! twice.
//!
//! - [`PublicKey`], [`SigningKey`], [`AgreementKey`]: a value that exists is a canonical point of
//!   its curve and not of small order. Private octets are zeroized and never printed.
//! - [`jws`]: [`jws::SigningInput`] goes to wherever the key lives; [`jws::Jws`] comes back.
//! - [`jwe`]: [`jwe::encrypt`] and [`jwe::Jwe`], with ECDH-ES (anoncrypt) and ECDH-1PU (authcrypt).
//! - [`json`]: the one reader for JSON from outside, and its canonical form.
//!
//! ```
//! use comity_jose::jws::{Jws, SigningInput};
//! use comity_jose::{SigningKey, SystemEntropy, json};
//!
//! let key = SigningKey::generate(&SystemEntropy);
//! let input = SigningInput::new(br#"{"alg":"EdDSA"}"#, b"three rows, please");
//! let signature = key.sign(input.octets());
//! let signed = input.into_general("did:example:aria#key-1", &signature);
//!
//! let jws = Jws::parse_json(signed.as_bytes(), &json::Limits::MESSAGE)?;
//! assert_eq!(jws.header().kid.as_deref(), Some("did:example:aria#key-1"));
//! assert_eq!(jws.verify(key.public())?, b"three rows, please");
//! # Ok::<(), comity_jose::jws::JwsError>(())
//! ```
//!
//! The backend is aws-lc-rs; only the private `crypto` module names it. Specifications: RFC 7515 to
//! 7518, 7638, 8037, 8812, 8785, 3394; ECDH-1PU draft-04; DIDComm Messaging v2.1 where it narrows
//! them. Rule numbers such as JWE-15 are those of the conformance checklist.

mod crypto;
mod hex;
mod key;

pub mod base64url;
pub mod json;
pub mod jwe;
pub mod jws;
pub mod multibase;

pub use crypto::{
    Curve, Entropy, SignatureAlgorithm, SystemEntropy, aead, constant_time_eq, hmac_sha256, kdf,
    key_wrap, sha256,
};
pub use key::{
    AgreementError, AgreementKey, KeyError, PairSecrets, PublicKey, SharedSecret, SignatureError,
    SigningKey,
};
