//! SHA-256 multihashes in base58: by them did:peer and did:webvh name what they hash.

use comity_jose::{multibase, sha256};

/// Returns the SHA-256 multihash of `octets` in base58, without a multibase prefix: 46 characters
/// that start with `Qm`.
pub(crate) fn sha256_base58(octets: &[u8]) -> String {
    of_digest(&sha256(&[octets]))
}

/// Returns the same for a digest that was taken before.
pub(crate) fn of_digest(digest: &[u8; 32]) -> String {
    let mut octets = SHA2_256.to_vec();
    octets.extend_from_slice(digest);
    multibase::encode_base58(&octets).split_off(1)
}

/// The code of SHA-256 and the length of its digests.
const SHA2_256: [u8; 2] = [0x12, 0x20];
