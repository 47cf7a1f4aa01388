//! Keys. A value of these types has been checked: its point is on the curve, in its canonical
//! form and not of small order, its private part belongs to its public part.

mod agreement;
mod jwk;
mod pair_secrets;
mod public;
mod signing;

pub use agreement::{AgreementError, AgreementKey, SharedSecret};
pub use pair_secrets::PairSecrets;
pub use public::{PublicKey, SignatureError};
pub use signing::SigningKey;

use zeroize::Zeroizing;

use crate::crypto::{Curve, Entropy};

/// Octets or a JWK that are not a key we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong length, wrong form, or a member of another type.
    #[error("key is not encoded as its curve demands")]
    Encoding,
    /// The private part does not belong to the public part beside it.
    #[error("private and public part of the key differ")]
    Mismatch,
    /// A coordinate that is not reduced: a second text for the same point.
    #[error("key is not in its canonical form")]
    NonCanonical,
    /// No point of the curve.
    #[error("key is not a point of its curve")]
    NotOnCurve,
    /// A private key where a public one is wanted.
    #[error("public key carries a private member")]
    PrivateMember,
    /// The curve cannot do what the key is wanted for.
    #[error("keys on {} do not serve this purpose", .0.name())]
    Purpose(Curve),
    /// A point that makes every signature valid or every secret known.
    #[error("key is a point of small order")]
    SmallOrder,
    /// A curve, key type or multicodec that we do not know.
    #[error("key type is not supported")]
    Unsupported,
}

/// Draws the private octets of a new key until they make one.
///
/// A number at or above the order of a curve is refused and drawn again: about once in 2^32 draws
/// for P-256, practically never for the others.
fn draw<K>(
    curve: Curve,
    entropy: &dyn Entropy,
    make: impl Fn(Curve, &[u8]) -> Result<K, KeyError>,
) -> Result<K, KeyError> {
    let mut octets = Zeroizing::new(vec![0; curve.field_len()]);
    for _ in 0..64 {
        entropy.fill(&mut octets);
        if curve == Curve::P521 {
            octets[0] &= 0x01;
        }
        if let Ok(key) = make(curve, &octets) {
            return Ok(key);
        }
    }
    Err(KeyError::Encoding)
}

#[cfg(test)]
mod tests;
