//! Keys that sign.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::{AgreementKey, KeyError, PublicKey, draw, jwk};
use crate::crypto::{Curve, Entropy, SignatureAlgorithm, SigningSecret, ed25519_seed_to_x25519};

/// A private key for signatures. Its octets are zeroized on drop and never printed.
pub struct SigningKey {
    secret: SigningSecret,
    public: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl SigningKey {
    /// Makes a new Ed25519 key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::generate_on(Curve::Ed25519, entropy).expect("every 32 octets are an Ed25519 seed")
    }

    /// Makes a new key on a curve.
    ///
    /// # Errors
    /// [`KeyError::Purpose`] for a curve without signatures.
    pub fn generate_on(curve: Curve, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        curve
            .signature_algorithm()
            .ok_or(KeyError::Purpose(curve))?;
        draw(curve, entropy, Self::from_secret)
    }

    /// From what [`SigningKey::secret`] gives: the seed of an Ed25519 key, or the private number of a P-256 or secp256k1 key.
    ///
    /// # Errors
    /// Another length, a number outside the curve's order, or a curve without signatures.
    pub fn from_secret(curve: Curve, octets: &[u8]) -> Result<Self, KeyError> {
        let algorithm = curve
            .signature_algorithm()
            .ok_or(KeyError::Purpose(curve))?;
        let (secret, public) = SigningSecret::new(curve, octets)?;
        let public = PublicKey::from_raw(curve, &public)?;
        Ok(Self {
            secret,
            public,
            algorithm,
        })
    }

    /// Reads a private JWK.
    ///
    /// # Errors
    /// As [`SigningKey::from_secret`]; also a public part that is not the private part's.
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

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Signs the octets. ES256K signatures have a low `s` (JWS-10).
    pub fn sign(&self, octets: &[u8]) -> Vec<u8> {
        self.secret.sign(octets)
    }

    /// The octets that [`SigningKey::from_secret`] takes.
    ///
    /// # Security
    /// For encrypted storage only.
    pub fn secret(&self) -> Zeroizing<Vec<u8>> {
        self.secret.octets.clone()
    }

    /// The private JWK as text: what [`SigningKey::from_jwk`] reads.
    ///
    /// # Security
    /// For encrypted storage only.
    pub fn to_secret_jwk(&self) -> Zeroizing<String> {
        jwk::to_secret_text(&self.public, &self.secret.octets)
    }

    /// The X25519 key of the same seed, for an Ed25519 key (KEY-05).
    pub fn to_agreement(&self) -> Option<AgreementKey> {
        if self.public.curve() != Curve::Ed25519 {
            return None;
        }
        AgreementKey::from_secret(Curve::X25519, &ed25519_seed_to_x25519(&self.secret.octets)).ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public {})", self.public.fingerprint())
    }
}
