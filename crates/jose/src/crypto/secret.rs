//! Private keys as the backend keeps them. The octets are kept beside it, zeroized on drop.

use aws_lc_rs::agreement;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::curve::{Curve, Row};
use super::point::Point;
use crate::key::KeyError;

/// A key that signs.
pub(crate) struct SigningSecret {
    pub(crate) octets: Zeroizing<Vec<u8>>,
    pair: Pair,
}

enum Pair {
    Edwards(Box<Ed25519KeyPair>),
    Weierstrass { pair: EcdsaKeyPair, low_s: bool },
}

impl SigningSecret {
    /// From a seed (Ed25519) or a private number (ECDSA), with its public octets.
    pub(crate) fn new(curve: Curve, octets: &[u8]) -> Result<(Self, Vec<u8>), KeyError> {
        let row = curve.row();
        if octets.len() != row.field_len {
            return Err(KeyError::Encoding);
        }
        let pair = match (curve, row.signing) {
            (Curve::Ed25519, _) => {
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(octets).map_err(|_| KeyError::Encoding)?;
                Pair::Edwards(Box::new(pair))
            }
            (_, Some(algorithm)) => {
                let der = private_key_der(row, octets);
                let pair = EcdsaKeyPair::from_private_key_der(algorithm, &der)
                    .map_err(|_| KeyError::Encoding)?;
                Pair::Weierstrass {
                    pair,
                    low_s: curve == Curve::Secp256k1,
                }
            }
            (_, None) => return Err(KeyError::Purpose(curve)),
        };
        let public = match &pair {
            Pair::Edwards(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Weierstrass { pair, .. } => pair.public_key().as_ref().to_vec(),
        };
        Ok((
            Self {
                octets: Zeroizing::new(octets.to_vec()),
                pair,
            },
            public,
        ))
    }

    pub(crate) fn sign(&self, octets: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Edwards(pair) => pair.sign(octets).as_ref().to_vec(),
            Pair::Weierstrass { pair, low_s } => {
                let signature = pair
                    .sign(&SystemRandom::new(), octets)
                    .expect("a checked private key signs")
                    .as_ref()
                    .to_vec();
                if *low_s {
                    with_low_s(signature)
                } else {
                    signature
                }
            }
        }
    }
}

/// A key that agrees on secrets.
pub(crate) struct AgreementSecret {
    pub(crate) octets: Zeroizing<Vec<u8>>,
    key: agreement::PrivateKey,
}

impl AgreementSecret {
    /// From 32 octets (X25519) or a private number (NIST), with its public octets.
    pub(crate) fn new(curve: Curve, octets: &[u8]) -> Result<(Self, Vec<u8>), KeyError> {
        let algorithm = curve.row().agreement.ok_or(KeyError::Purpose(curve))?;
        let key = agreement::PrivateKey::from_private_key(algorithm, octets)
            .map_err(|_| KeyError::Encoding)?;
        let public = key.compute_public_key().map_err(|_| KeyError::Encoding)?;
        let public = public.as_ref().to_vec();
        Ok((
            Self {
                octets: Zeroizing::new(octets.to_vec()),
                key,
            },
            public,
        ))
    }

    /// The x-coordinate at full width (JWE-12); `None` for another curve or an all-zero result
    /// (JWE-14).
    pub(crate) fn agree(&self, peer: &Point) -> Option<Zeroizing<Vec<u8>>> {
        let peer = peer.peer.clone()?;
        agreement::agree(&self.key, peer, (), |z| Ok(Zeroizing::new(z.to_vec()))).ok()
    }
}

/// An RFC 5915 private key without its public part, which the backend then computes.
fn private_key_der(row: &Row, octets: &[u8]) -> Zeroizing<Vec<u8>> {
    let small = |length: usize| u8::try_from(length).expect("a private key has at most 66 octets");
    let mut body = Zeroizing::new(Vec::with_capacity(64));
    body.extend_from_slice(&[0x02, 0x01, 0x01, 0x04, small(octets.len())]);
    body.extend_from_slice(octets);
    body.extend_from_slice(&[0xa0, small(row.oid.len())]);
    body.extend_from_slice(row.oid);
    let mut der = Zeroizing::new(Vec::with_capacity(2 + body.len()));
    der.extend_from_slice(&[0x30, small(body.len())]);
    der.extend_from_slice(&body);
    der
}

/// Replaces `s` by `n - s` where that is smaller: some verifiers of secp256k1 insist (JWS-10).
fn with_low_s(mut signature: Vec<u8>) -> Vec<u8> {
    let (_, s) = signature.split_at_mut(32);
    if (*s).as_ref() > SECP256K1_HALF_ORDER.as_slice() {
        let mut borrow = false;
        for (digit, order) in s.iter_mut().zip(SECP256K1_ORDER).rev() {
            let (difference, first) = order.overflowing_sub(*digit);
            let (difference, second) = difference.overflowing_sub(u8::from(borrow));
            *digit = difference;
            borrow = first || second;
        }
    }
    signature
}

const SECP256K1_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];
const SECP256K1_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];
