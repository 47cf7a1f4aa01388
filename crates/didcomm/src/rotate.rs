//! Making the token by which a DID hands over to another, or ends a relationship (`from_prior`).
//!
//! Reading it is part of [`crate::Unpack`].

use comity_did::{Did, DidUrl};
use comity_jose::SignatureAlgorithm;
use comity_jose::jws::SigningInput;
use serde_json::json;

/// The octets to sign so that `prior` hands over to `new`, or with `None` ends the relationship;
/// [`SigningInput::into_compact`] then gives what goes into
/// [`Plaintext::from_prior`](crate::Plaintext::from_prior).
///
/// `kid` is a key of `prior` for authentication, which signs with `alg`. `iat` is the time of the
/// rotation, in UTC seconds.
///
/// The token travels in encrypted messages from `new` only, in each of them until a message comes
/// that is addressed to `new`. One that ends a relationship travels in an anoncrypted message
/// without `from`.
///
/// # Spec
/// DIDComm v2.1 §"DID Rotation"; ROT-01 to ROT-06, ROT-09.
pub fn rotation_input(
    prior: &Did,
    new: Option<&Did>,
    kid: &DidUrl,
    alg: SignatureAlgorithm,
    iat: u64,
) -> SigningInput {
    let header = json!({"typ": "JWT", "alg": alg.name(), "kid": kid});
    let mut claims = json!({"iss": prior, "iat": iat});
    if let Some(new) = new {
        claims["sub"] = json!(new);
    }
    SigningInput::new(header.to_string().as_bytes(), claims.to_string().as_bytes())
}
