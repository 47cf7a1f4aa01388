//! base64url without padding, the one way octets become text here (RFC 4648 §5, RFC 7515 §2).
//!
//! Reading is strict: no padding, no other alphabet, no white space, and the unused bits of the
//! last character are zero, so that equal octets have exactly one text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The text is not base64url in its one permitted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct Base64Error;

/// Writes octets as base64url without padding.
pub fn encode(octets: &[u8]) -> String {
    STRICT.encode(octets)
}

/// Appends octets as base64url without padding, without an intermediate text.
pub fn encode_into(octets: &[u8], out: &mut String) {
    STRICT.encode_string(octets, out);
}

/// Number of characters that `octets` octets take.
pub const fn encoded_len(octets: usize) -> usize {
    octets / 3 * 4
        + match octets % 3 {
            0 => 0,
            1 => 2,
            _ => 3,
        }
}

/// Reads base64url strictly.
///
/// # Errors
/// Padding, another alphabet, white space, an impossible length, or unused bits that are set.
///
/// # Spec
/// DIDComm v2.1 §"Message Encryption"; JWE-04.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    STRICT.decode(text).map_err(|_| Base64Error)
}

/// Reads the base64 of attachments: either alphabet, padded or not.
///
/// Never for JOSE members: those have exactly one form, see [`decode`].
///
/// # Errors
/// Anything that is in neither alphabet.
///
/// # Spec
/// DIDComm v2.1 §"Attachments": named base64url there, while its own example is padded (ATT-05).
pub fn decode_lenient(text: &str) -> Result<Vec<u8>, Base64Error> {
    LENIENT_URL
        .decode(text)
        .or_else(|_| LENIENT_PLAIN.decode(text))
        .map_err(|_| Base64Error)
}

const STRICT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const LENIENT_PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
