//! The media types of the three formats, and what else is read as them.

use std::borrow::Cow;

/// Plaintext (ENV-01).
pub const PLAINTEXT: &str = "application/didcomm-plain+json";
/// Signed.
pub const SIGNED: &str = "application/didcomm-signed+json";
/// Encrypted.
pub const ENCRYPTED: &str = "application/didcomm-encrypted+json";
/// The `typ` of a detached signature over an attachment: the specification names none, and what
/// was signed as an attachment must not pass for a message.
pub const ATTACHMENT: &str = "application/comity-attachment+jws";

/// Whether a `typ` names this format. Without a slash it is read as if `application/` stood
/// before it (ENV-05).
pub(crate) fn names(typ: &str, format: &str) -> bool {
    let typ = typ.strip_prefix(PREFIX).unwrap_or(typ);
    let is = |known: &str| typ.eq_ignore_ascii_case(known.strip_prefix(PREFIX).unwrap_or(known));
    is(format) || ALIASES.iter().any(|(alias, of)| *of == format && is(alias))
}

/// A media type with its first part (ENV-05).
pub(crate) fn in_full(media_type: &str) -> Cow<'_, str> {
    if media_type.contains('/') {
        Cow::Borrowed(media_type)
    } else {
        Cow::Owned(format!("{PREFIX}{media_type}"))
    }
}

const PREFIX: &str = "application/";

/// Names in use that contradict nothing: the prose of the specification, and some libraries
/// (interop-traps 16 and 57).
const ALIASES: [(&str, &str); 2] = [("JWM", SIGNED), ("didcomm+encrypted", ENCRYPTED)];
