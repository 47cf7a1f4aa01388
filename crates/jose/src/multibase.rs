//! Multibase text in the two alphabets DID methods use: base58btc (`z…`) and base64url (`u…`).

use crate::base64url;

/// Text that is not multibase in an alphabet we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultibaseError {
    /// The first character names no alphabet that we read.
    #[error("multibase text starts with neither z nor u")]
    Alphabet,
    /// A character outside the alphabet, or an impossible length.
    #[error("multibase text holds a character outside its alphabet")]
    Text,
    /// More than [`MAX_TEXT`] characters.
    #[error("multibase text is longer than {MAX_TEXT} characters")]
    TooLong,
}

/// Longest text that [`decode`] reads, in octets. Base58 takes time in the square of the length:
/// this much takes milliseconds, and no key, hash or did:peer document of ours comes near.
pub const MAX_TEXT: usize = 16 * 1024;

/// Writes octets as base58btc with its multibase prefix: `z…`.
pub fn encode_base58(octets: &[u8]) -> String {
    let mut text = String::from("z");
    text.push_str(&bs58::encode(octets).into_string());
    text
}

/// Writes octets as base64url with its multibase prefix: `u…`.
pub fn encode_base64url(octets: &[u8]) -> String {
    let mut text = String::with_capacity(1 + base64url::encoded_len(octets.len()));
    text.push('u');
    base64url::encode_into(octets, &mut text);
    text
}

/// Reads `z…` and `u…`.
///
/// # Errors
/// Another alphabet, a character outside the alphabet, or more than [`MAX_TEXT`] characters.
pub fn decode(text: &str) -> Result<Vec<u8>, MultibaseError> {
    if text.len() > MAX_TEXT {
        return Err(MultibaseError::TooLong);
    }
    if let Some(rest) = text.strip_prefix('z') {
        bs58::decode(rest)
            .into_vec()
            .map_err(|_| MultibaseError::Text)
    } else if let Some(rest) = text.strip_prefix('u') {
        base64url::decode(rest).map_err(|_| MultibaseError::Text)
    } else {
        Err(MultibaseError::Alphabet)
    }
}
