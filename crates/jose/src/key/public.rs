//! Public keys.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use super::{KeyError, jwk};
use crate::crypto::{Curve, Point, SignatureAlgorithm, ed25519_to_x25519, sha256};
use crate::json::Tree;
use crate::{hex, multibase};

/// A public key that has been checked on the way in. Cloning shares it.
#[derive(Clone)]
pub struct PublicKey(Arc<Checked>);

struct Checked {
    curve: Curve,
    point: Point,
}

/// A signature that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The algorithm does not fit the key (JWS-08).
    #[error("{} does not fit a key on {}", .alg.name(), .curve.name())]
    Algorithm {
        /// The algorithm claimed.
        alg: SignatureAlgorithm,
        /// Where the key lives.
        curve: Curve,
    },
    /// Wrong octets, wrong key or wrong signature.
    #[error("signature does not verify")]
    Invalid,
}

impl PublicKey {
    /// Reads the octets of a key: 32 for curve 25519, else a compressed or uncompressed point.
    ///
    /// # Errors
    /// Anything that is not a canonical point of the curve, or a point of small order.
    pub fn from_raw(curve: Curve, octets: &[u8]) -> Result<Self, KeyError> {
        let point = Point::parse(curve, octets)?;
        Ok(Self(Arc::new(Checked { curve, point })))
    }

    /// Reads a JWK. Members beyond `kty`, `crv`, `x`, `y` are ignored, a private one is refused.
    ///
    /// # Errors
    /// As [`PublicKey::from_raw`]; also an unknown curve and a `d`.
    pub fn from_jwk(value: &Value) -> Result<Self, KeyError> {
        Self::from_members(value)
    }

    pub(crate) fn from_jwk_tree(value: &Tree<'_>) -> Result<Self, KeyError> {
        Self::from_members(value)
    }

    fn from_members(jwk: &impl jwk::Jwk) -> Result<Self, KeyError> {
        if jwk.has("d") {
            return Err(KeyError::PrivateMember);
        }
        let (curve, octets) = jwk::public_octets(jwk)?;
        Self::from_raw(curve, &octets)
    }

    /// Reads a Multikey: multibase, multicodec, and for EC curves a compressed point.
    ///
    /// # Errors
    /// As [`PublicKey::from_raw`]; also an unknown multicodec.
    ///
    /// # Spec
    /// did:key §"Create"; KEY-01, KEY-02.
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        if !text.starts_with('z') || text.len() > MAX_MULTIKEY {
            return Err(KeyError::Encoding);
        }
        let octets = multibase::decode(text).map_err(|_| KeyError::Encoding)?;
        let (code, raw) = octets.split_first_chunk::<2>().ok_or(KeyError::Encoding)?;
        let curve = Curve::from_multicodec(*code).ok_or(KeyError::Unsupported)?;
        let key = Self::from_raw(curve, raw)?;
        if key.raw().len() == raw.len() {
            Ok(key)
        } else {
            Err(KeyError::Encoding)
        }
    }

    /// The JWK with exactly the members that identify the key.
    pub fn to_jwk(&self) -> Value {
        jwk::to_jwk(self.0.curve, &self.0.point)
    }

    /// The text of [`PublicKey::to_jwk`].
    pub(crate) fn to_jwk_text(&self) -> String {
        jwk::to_text(self.0.curve, &self.0.point)
    }

    /// The Multikey text: `z…`.
    pub fn to_multikey(&self) -> String {
        let mut octets = Vec::with_capacity(2 + self.raw().len());
        octets.extend_from_slice(&self.0.curve.multicodec());
        octets.extend_from_slice(self.raw());
        multibase::encode_base58(&octets)
    }

    /// The curve the key lives on.
    pub fn curve(&self) -> Curve {
        self.0.curve
    }

    /// The octets of the key: 32 for curve 25519, else the compressed point.
    pub fn raw(&self) -> &[u8] {
        &self.0.point.raw
    }

    /// The SHA-256 thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> [u8; 32] {
        sha256(&[jwk::thumbprint_text(self.0.curve, &self.0.point).as_bytes()])
    }

    /// What people compare: the thumbprint as 64 lower-case hexadecimal digits (formats.md §0).
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.thumbprint())
    }

    /// The X25519 key of the same secret, for a key on Ed25519 (KEY-05).
    pub fn ed25519_to_x25519(&self) -> Option<Self> {
        if self.0.curve != Curve::Ed25519 {
            return None;
        }
        let octets = ed25519_to_x25519(self.raw())?;
        Self::from_raw(Curve::X25519, &octets).ok()
    }

    /// Checks a signature over `octets`.
    ///
    /// Ed25519 signatures whose `S` is not below the group order are refused, so a signature has
    /// one form; ECDSA signatures are `r || s`, of either sign (JWS-10).
    ///
    /// # Errors
    /// [`SignatureError::Algorithm`] if `alg` is not the one of this key's curve, else
    /// [`SignatureError::Invalid`].
    pub fn verify(
        &self,
        alg: SignatureAlgorithm,
        octets: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if alg.curve() != self.0.curve {
            return Err(SignatureError::Algorithm {
                alg,
                curve: self.0.curve,
            });
        }
        if self.0.point.verifies(octets, signature) {
            Ok(())
        } else {
            Err(SignatureError::Invalid)
        }
    }

    pub(crate) fn point(&self) -> &Point {
        &self.0.point
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.curve == other.0.curve && self.raw() == other.raw()
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.curve.hash(state);
        self.raw().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_multikey())
    }
}

/// Longest Multikey text that any of our curves needs is 97 characters.
const MAX_MULTIKEY: usize = 128;
