//! A public key as the backend keeps it: checked once, parsed once.

use std::sync::OnceLock;

use aws_lc_rs::{agreement, signature};

use super::curve::Curve;
use super::{ed25519, weierstrass, x25519};
use crate::key::KeyError;

/// A checked point, ready to verify with and to agree with.
pub(crate) struct Point {
    /// The one public form: 32 octets, or a compressed point.
    pub(crate) raw: Box<[u8]>,
    /// The second coordinate, on curves that have one.
    pub(crate) y: Option<Box<[u8]>>,
    pub(super) curve: Curve,
    /// See [`Point::verifier`].
    pub(super) verifier: OnceLock<Option<signature::ParsedPublicKey>>,
    pub(super) peer: Option<agreement::ParsedPublicKey>,
}

impl Point {
    /// Reads 32 octets, or a compressed or uncompressed point (SEC 1 §2.3.4), and checks it.
    pub(crate) fn parse(curve: Curve, octets: &[u8]) -> Result<Self, KeyError> {
        let row = curve.row();
        let (raw, y) = match curve {
            Curve::Ed25519 => (ed25519::checked(octets)?, None),
            Curve::X25519 => (x25519::checked(octets)?, None),
            _ => {
                let point = weierstrass::parse(curve, octets)?;
                return Ok(point);
            }
        };
        let peer = row
            .agreement
            .map(|algorithm| peer(algorithm, &raw))
            .transpose()?;
        let point = Self {
            curve,
            raw,
            y,
            verifier: OnceLock::new(),
            peer,
        };
        if curve == Curve::Ed25519 && point.verifier().is_none() {
            return Err(KeyError::NotOnCurve);
        }
        Ok(point)
    }

    /// Whether `signature` over `octets` verifies.
    pub(crate) fn verifies(&self, octets: &[u8], signature: &[u8]) -> bool {
        self.verifier()
            .is_some_and(|key| key.verify_sig(octets, signature).is_ok())
    }

    /// The key as the backend verifies with; `None` where keys on the curve do not sign. An
    /// ephemeral key never comes here.
    fn verifier(&self) -> Option<&signature::ParsedPublicKey> {
        let parse = || {
            let algorithm = self.curve.row().verification?;
            let octets = match &self.y {
                None => self.raw.to_vec(),
                Some(y) => [&[0x04], &self.raw[1..], y].concat(),
            };
            signature::ParsedPublicKey::new(algorithm, octets).ok()
        };
        self.verifier.get_or_init(parse).as_ref()
    }
}

pub(super) fn peer(
    algorithm: &'static agreement::Algorithm,
    octets: &[u8],
) -> Result<agreement::ParsedPublicKey, KeyError> {
    agreement::UnparsedPublicKey::new(algorithm, octets)
        .try_into()
        .map_err(|_| KeyError::NotOnCurve)
}
