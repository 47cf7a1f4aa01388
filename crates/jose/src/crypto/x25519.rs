//! Public keys of X25519 that lead to a secret everybody knows.

use crate::key::KeyError;

/// Checks that the octets are a reduced coordinate of a point that is not of small order
/// (RFC 7748 §6.1; JWE-14).
///
/// RFC 7748 §5 tells a receiver to mask the top bit and reduce. No generator writes such a key,
/// and two texts for one key would defeat comparison, so we refuse them instead.
pub(super) fn checked(octets: &[u8]) -> Result<Box<[u8]>, KeyError> {
    let octets: &[u8; 32] = octets.try_into().map_err(|_| KeyError::Encoding)?;
    let high_bit = octets[31] & 0x80 != 0;
    let ones = octets[1..31].iter().all(|octet| *octet == 0xff) && octets[31] == 0x7f;
    if high_bit || (ones && octets[0] >= 0xed) {
        return Err(KeyError::NonCanonical);
    }
    if SMALL_ORDER.contains(octets) {
        return Err(KeyError::SmallOrder);
    }
    Ok(octets.as_slice().into())
}

/// The reduced coordinates of points whose order divides 8, on the curve and on its twist.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    one(),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    minus_one(),
];

const fn one() -> [u8; 32] {
    let mut octets = [0; 32];
    octets[0] = 1;
    octets
}

const fn minus_one() -> [u8; 32] {
    let mut octets = [0xff; 32];
    octets[0] = 0xec;
    octets[31] = 0x7f;
    octets
}
