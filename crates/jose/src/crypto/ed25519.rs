//! Points of edwards25519 that the backend would take and we do not.

use aws_lc_rs::digest;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use zeroize::Zeroizing;

use crate::key::KeyError;

/// Checks that the octets are the canonical form of a point that is not of small order: under a
/// key of small order one signature fits any message (design.md §4).
pub(super) fn checked(octets: &[u8]) -> Result<Box<[u8]>, KeyError> {
    if !is_reduced(octets)? {
        return Err(KeyError::NonCanonical);
    }
    // A reduced y leaves one more non-canonical form, x = 0 with the sign bit set; those two
    // points have order 1 and 2.
    if decompress(octets)?.is_small_order() {
        return Err(KeyError::SmallOrder);
    }
    Ok(octets.into())
}

/// The X25519 public key of the same secret (RFC 7748 §4.1; KEY-05).
pub(crate) fn to_x25519(octets: &[u8]) -> Option<[u8; 32]> {
    Some(decompress(octets).ok()?.to_montgomery().to_bytes())
}

/// The X25519 secret of an Ed25519 seed: the first half of its SHA-512 (RFC 8032 §5.1.5).
pub(crate) fn seed_to_x25519(seed: &[u8]) -> Zeroizing<Vec<u8>> {
    let hash = digest::digest(&digest::SHA512, seed);
    Zeroizing::new(hash.as_ref()[..32].to_vec())
}

fn decompress(octets: &[u8]) -> Result<EdwardsPoint, KeyError> {
    CompressedEdwardsY::from_slice(octets)
        .map_err(|_| KeyError::Encoding)?
        .decompress()
        .ok_or(KeyError::NotOnCurve)
}

/// Whether the number without its sign bit is below 2^255 - 19.
fn is_reduced(octets: &[u8]) -> Result<bool, KeyError> {
    let octets: &[u8; 32] = octets.try_into().map_err(|_| KeyError::Encoding)?;
    let all_ones = octets[1..31].iter().all(|octet| *octet == 0xff) && octets[31] & 0x7f == 0x7f;
    Ok(!(all_ones && octets[0] >= 0xed))
}
