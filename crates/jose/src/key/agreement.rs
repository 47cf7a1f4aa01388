//! Keys that agree on a secret.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, draw, jwk};
use crate::crypto::{AgreementSecret, Curve, Entropy};

/// A private key for key agreement. Its octets are zeroized on drop and never printed.
pub struct AgreementKey {
    secret: AgreementSecret,
    public: PublicKey,
}

/// What two keys agreed on (`Z`). Zeroized on drop, never printed.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<Vec<u8>>);

/// Two keys that cannot agree: different curves, or a result that everybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys do not agree on a secret")]
pub struct AgreementError;

impl AgreementKey {
    /// Makes a new X25519 key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::generate_on(Curve::X25519, entropy).expect("X25519 keys agree")
    }

    /// Makes a new key on a curve.
    ///
    /// # Errors
    /// [`KeyError::Purpose`] for a curve without agreement.
    pub fn generate_on(curve: Curve, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        if !curve.agrees() {
            return Err(KeyError::Purpose(curve));
        }
        draw(curve, entropy, Self::from_secret)
    }

    /// From what [`AgreementKey::secret`] gives: 32 octets (X25519) or the private number at full width (NIST curves).
    ///
    /// # Errors
    /// Another length, a number outside the curve's order, or a curve without agreement.
    pub fn from_secret(curve: Curve, octets: &[u8]) -> Result<Self, KeyError> {
        let (secret, public) = AgreementSecret::new(curve, octets)?;
        let public = PublicKey::from_raw(curve, &public)?;
        Ok(Self { secret, public })
    }

    /// Reads a private JWK.
    ///
    /// # Errors
    /// As [`AgreementKey::from_secret`]; also a public part that is not the private part's.
    pub fn from_jwk(value: &Value) -> Result<Self, KeyError> {
        let (curve, octets) = jwk::public_octets(value)?;
        let key = Self::from_secret(curve, &jwk::private_octets(value, curve)?)?;
        if key.public == PublicKey::from_raw(curve, &octets)? {
            Ok(key)
        } else {
            Err(KeyError::Mismatch)
        }
    }

    /// The public part.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Agrees with the holder of `peer`: the x-coordinate at full width.
    ///
    /// # Errors
    /// [`AgreementError`] for a key on another curve or an all-zero result.
    ///
    /// # Spec
    /// RFC 7518 §4.6, RFC 7748 §6.1; JWE-12, JWE-13, JWE-14.
    pub fn agree(&self, peer: &PublicKey) -> Result<SharedSecret, AgreementError> {
        if peer.curve() != self.public.curve() {
            return Err(AgreementError);
        }
        self.secret
            .agree(peer.point())
            .map(SharedSecret)
            .ok_or(AgreementError)
    }

    /// The octets that [`AgreementKey::from_secret`] takes.
    ///
    /// # Security
    /// For encrypted storage only.
    pub fn secret(&self) -> Zeroizing<Vec<u8>> {
        self.secret.octets.clone()
    }

    /// The private JWK as text: what [`AgreementKey::from_jwk`] reads.
    ///
    /// # Security
    /// For encrypted storage only.
    pub fn to_secret_jwk(&self) -> Zeroizing<String> {
        jwk::to_secret_text(&self.public, &self.secret.octets)
    }
}

impl SharedSecret {
    /// From octets that a key kept elsewhere agreed on.
    pub fn from_octets(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets of `Z`.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementKey(public {})", self.public.fingerprint())
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}
