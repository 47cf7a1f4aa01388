//! base64url without padding, the one way octets become text here (RFC 4648 §5, RFC 7515 §2).
//!
//! Reading is strict: no padding, no other alphabet, no white space, and the unused bits of the
//! last character are zero, so that equal octets have exactly one text. The tests hold base64-simd
//! to that against a second implementation, at every length around its blocks.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64_simd::URL_SAFE_NO_PAD as STRICT;

/// The text is not base64url in its one permitted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct Base64Error;

/// Writes octets as base64url without padding.
pub fn encode(octets: &[u8]) -> String {
    STRICT.encode_to_string(octets)
}

/// Appends octets as base64url without padding, without an intermediate text.
pub fn encode_into(octets: &[u8], out: &mut String) {
    STRICT.encode_append(octets, out);
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
    STRICT.decode_to_vec(text).map_err(|_| Base64Error)
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

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const LENIENT_PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

#[cfg(test)]
mod tests {
    use super::*;

    /// The same rules from a second implementation.
    const ORACLE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );

    /// Lengths on both sides of every block that a vector implementation may work in.
    const LONGEST: usize = 200;

    fn octets(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn writes_and_reads_back_what_the_second_implementation_does() {
        for length in 0..LONGEST {
            let octets = octets(length);
            let text = encode(&octets);
            assert_eq!(text, ORACLE.encode(&octets));
            assert_eq!(text.len(), encoded_len(length));
            assert_eq!(decode(&text).unwrap(), octets);
            let mut appended = "a.".to_owned();
            encode_into(&octets, &mut appended);
            assert_eq!(appended, format!("a.{text}"));
        }
    }

    #[test]
    fn refuses_every_other_octet_at_every_place() {
        for length in [1, 2, 3, 24, 25, 26, 47, 48, 49, 97] {
            let text = encode(&octets(length)).into_bytes();
            for place in 0..text.len() {
                for octet in 0..128 {
                    let mut changed = text.clone();
                    changed[place] = octet;
                    let changed = String::from_utf8(changed).unwrap();
                    assert_eq!(
                        decode(&changed).ok(),
                        ORACLE.decode(&changed).ok(),
                        "{octet} at {place} of {}",
                        text.len()
                    );
                }
            }
        }
    }

    #[test]
    fn refuses_impossible_lengths_padding_and_unused_bits_after_any_beginning() {
        for length in 0..LONGEST {
            let text = encode(&octets(length));
            for tail in [
                "A", "AB", "AAB", "=", "==", "A===", "AA==", "AAA=", "\n", " ", "\u{e9}",
            ] {
                let text = format!("{text}{tail}");
                assert_eq!(decode(&text).ok(), ORACLE.decode(&text).ok(), "{text}");
            }
        }
    }
}
