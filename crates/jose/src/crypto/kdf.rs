//! The one Concat KDF (NIST SP 800-56A §5.8.1 with SHA-256, as RFC 7518 §4.6.2 fills it in).
//!
//! Two mistakes here make an implementation that talks to nobody but itself: leaving out the
//! length before the tag, and feeding the text of `apu` and `apv` instead of what it encodes.

use aws_lc_rs::digest;
use zeroize::Zeroizing;

/// The input beside the shared secrets.
#[derive(Clone, Copy, Debug)]
pub struct OtherInfo<'a> {
    /// `alg` where a key is wrapped, `enc` where the result is used directly (RFC 7518 §4.6.2).
    pub algorithm_id: &'a str,
    /// The octets that `apu` encodes.
    pub apu: &'a [u8],
    /// The octets that `apv` encodes.
    pub apv: &'a [u8],
    /// Length of the wanted key, in bits, at most 256.
    pub key_bits: u32,
    /// The content's tag, for ECDH-1PU with key wrapping only (ECDH-1PU draft-04 §2.3; JWE-27).
    pub cc_tag: Option<&'a [u8]>,
}

impl OtherInfo<'_> {
    /// The octets that are hashed after the secrets (JWE-23).
    pub fn octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        prefixed(self.algorithm_id.as_bytes(), &mut out);
        prefixed(self.apu, &mut out);
        prefixed(self.apv, &mut out);
        out.extend_from_slice(&self.key_bits.to_be_bytes());
        if let Some(tag) = self.cc_tag {
            prefixed(tag, &mut out);
        }
        out
    }
}

/// Derives a key of at most 256 bits from the secrets, one after the other (`Ze || Zs`).
///
/// The caller of fewer than 256 bits takes the leading octets.
pub fn concat_kdf(secrets: &[&[u8]], info: &OtherInfo<'_>) -> Zeroizing<[u8; 32]> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&1_u32.to_be_bytes());
    for secret in secrets {
        context.update(secret);
    }
    context.update(&info.octets());
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(context.finish().as_ref());
    key
}

fn prefixed(octets: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(octets.len()).expect("header fields are far below 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(octets);
}
