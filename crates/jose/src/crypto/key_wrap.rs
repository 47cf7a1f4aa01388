//! AES-256 key wrap with the default initial value (RFC 3394 §2.2.3; JWE-28).

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use zeroize::Zeroizing;

/// The wrapped key does not belong to this wrapping key, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot unwrap key")]
pub struct UnwrapError;

/// Octets that wrapping adds.
pub const OVERHEAD: usize = 8;

/// Wraps a content key of 32 or 64 octets.
pub fn wrap(kek: &[u8; 32], key: &[u8]) -> Vec<u8> {
    let mut out = vec![0; key.len() + OVERHEAD];
    AesKek::new(&AES_256, kek)
        .and_then(|kek| kek.wrap(key, &mut out).map(|_| ()))
        .expect("content keys are multiples of 8 octets");
    out
}

/// Unwraps a content key.
///
/// # Errors
/// [`UnwrapError`], the same for every cause.
pub fn unwrap(kek: &[u8; 32], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
    let length = wrapped.len().checked_sub(OVERHEAD).ok_or(UnwrapError)?;
    let mut out = Zeroizing::new(vec![0; length]);
    AesKek::new(&AES_256, kek)
        .and_then(|kek| kek.unwrap(wrapped, &mut out).map(|_| ()))
        .map_err(|_| UnwrapError)?;
    Ok(out)
}
