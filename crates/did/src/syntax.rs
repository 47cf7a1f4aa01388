//! The characters of DIDs and DID URLs, and what makes text one of them.

/// What is wrong with a text that should have been a DID or a DID URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DidSyntaxError {
    /// A character that may not stand in this place, or a broken percent-encoding.
    #[error("a character of the DID is not allowed there")]
    Character,
    /// The part after the method is missing, or ends with a colon.
    #[error("the method-specific identifier is missing")]
    Identifier,
    /// The method is missing, or not of lower-case letters and digits.
    #[error("the DID method is not of lower-case letters and digits")]
    Method,
    /// A DID was wanted and a DID URL with path, query or fragment was given.
    #[error("a DID without path, query and fragment is needed here")]
    NotBare,
    /// The text doesn't start with `did:`, in lower case.
    #[error("the text does not start with did:")]
    Scheme,
    /// Longer than any DID or DID URL that is read here.
    #[error("longer than {limit} octets")]
    TooLong {
        /// The limit that it exceeds, in octets.
        limit: usize,
    },
}

/// Checks a whole DID, without path, query and fragment.
///
/// # Spec
/// DID Core 1.1 §"DID Syntax".
pub(crate) fn check_did(text: &str) -> Result<(), DidSyntaxError> {
    let rest = text.strip_prefix("did:").ok_or(DidSyntaxError::Scheme)?;
    let (method, identifier) = rest.split_once(':').ok_or(DidSyntaxError::Identifier)?;
    let method_is_plain = method
        .bytes()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if method.is_empty() || !method_is_plain {
        return Err(DidSyntaxError::Method);
    }
    if identifier.is_empty() || identifier.ends_with(':') {
        return Err(DidSyntaxError::Identifier);
    }
    check_characters(identifier, is_identifier_character)
}

/// Checks what follows the DID in a DID URL: `[/path][?query][#fragment]`.
pub(crate) fn check_suffix(suffix: &str) -> Result<(), DidSyntaxError> {
    let (before, fragment) = match suffix.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (suffix, None),
    };
    check_characters(before, is_url_character)?;
    match fragment {
        Some("") => Err(DidSyntaxError::Identifier),
        Some(fragment) => check_characters(fragment, is_url_character),
        None => Ok(()),
    }
}

/// Where the DID of a DID URL ends.
pub(crate) fn did_end(text: &str) -> usize {
    let ends = |octet: u8| matches!(octet, b'/' | b'?' | b'#');
    text.bytes().position(ends).unwrap_or(text.len())
}

/// Decodes percent-encoding once. `None` unless every `%` is followed by two hex digits and the
/// result is UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(octet >> 4)]));
            encoded.push(char::from(HEX[usize::from(octet & 15)]));
        }
    }
    encoded
}

fn check_characters(text: &str, allowed: impl Fn(u8) -> bool) -> Result<(), DidSyntaxError> {
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let fine = if octet == b'%' {
            rest.next()
                .and_then(hex_digit)
                .and(rest.next().and_then(hex_digit))
                .is_some()
        } else {
            allowed(octet)
        };
        if !fine {
            return Err(DidSyntaxError::Character);
        }
    }
    Ok(())
}

fn is_identifier_character(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b".-_:".contains(&octet)
}

fn is_url_character(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&octet)
}

fn hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}
