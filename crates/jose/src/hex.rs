//! Lower-case hexadecimal digits, for fingerprints.

pub(crate) fn encode(octets: &[u8]) -> String {
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(octet & 15)])
        .collect()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
