//! Reading an envelope: every rule that can be checked without a key.

use std::borrow::Cow;

use serde_json::Value;

use super::{Header, Jwe, Recipient};
use crate::crypto::key_wrap;
use crate::json::{self, JsonError, Limits, Members, Tree};
use crate::{KeyError, base64url};

/// Most recipients of one envelope: 128. They are keys of one DID (JWE-08), a handful in practice; each
/// costs its sender a key agreement, and us some 200 octets.
pub const MAX_RECIPIENTS: usize = 128;

/// Octets that are not an envelope we accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JweError {
    /// An `alg` or `enc` that we do not have, or an `enc` that ECDH-1PU does not allow.
    #[error("encryption algorithm is not supported")]
    Algorithm,
    /// `apu` does not name the sender's key, or is there without one.
    #[error("apu does not name the sender's key")]
    Apu,
    /// `apv` is not the digest of the recipients' key ids.
    #[error("apv does not cover the recipients")]
    Apv,
    /// A member that is not base64url.
    #[error("envelope member {0} is not base64url")]
    Base64(&'static str),
    /// A recipient is named twice.
    #[error("a recipient is named twice")]
    DuplicateRecipient,
    /// The ephemeral key is no key to agree with.
    #[error("ephemeral key is refused")]
    EphemeralKey(#[source] KeyError),
    /// `crit`, `zip` or `aad`: extensions we do not understand or do not want.
    #[error("envelope uses the extension {0}")]
    Extension(&'static str),
    /// The envelope or the protected header is not JSON as we read it.
    #[error("envelope is not readable json")]
    Json(#[source] JsonError),
    /// A member whose length does not fit the algorithm.
    #[error("envelope member {0} has the wrong length")]
    Length(&'static str),
    /// A header parameter stands in two places.
    #[error("envelope header names a parameter in two places")]
    RepeatedParameter,
    /// A member is missing or of another type.
    #[error("envelope member {0} is missing or of another type")]
    Shape(&'static str),
    /// More than [`MAX_RECIPIENTS`].
    #[error("more than {MAX_RECIPIENTS} recipients")]
    TooManyRecipients,
}

impl Jwe {
    /// Reads an envelope in the general or the flattened form.
    ///
    /// # Errors
    /// [`JweError`]; no key is needed and none is used.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Message Encryption"; RFC 7516 §7.2; JWE-01, JWE-04 to JWE-07, JWE-09,
    /// JWE-14 to JWE-19, JWE-21, JWE-22, JWE-24.
    pub fn parse(octets: &[u8], limits: &Limits) -> Result<Self, JweError> {
        Self::from_tree(json::tree(octets, limits).map_err(JweError::Json)?)
    }

    /// Reads an envelope from a value that [`json::parse`] gave.
    ///
    /// # Errors
    /// As [`Jwe::parse`].
    pub fn from_value(value: Value) -> Result<Self, JweError> {
        Self::from_tree(value.into())
    }

    /// Reads an envelope from a value that [`json::tree`] gave.
    ///
    /// # Errors
    /// As [`Jwe::parse`].
    pub fn from_tree(value: Tree<'_>) -> Result<Self, JweError> {
        let Tree::Object(mut envelope) = value else {
            return Err(JweError::Shape("ciphertext"));
        };
        // The additional data is the protected header alone (JWE-15).
        if envelope.has("aad") {
            return Err(JweError::Extension("aad"));
        }
        let protected_b64 = take_text(&mut envelope, "protected")?.into_owned();
        let shared = take_header(&mut envelope, "unprotected")?;
        let iv = take_octets(&mut envelope, "iv")?;
        let ciphertext = take_octets(&mut envelope, "ciphertext")?;
        let tag = take_octets(&mut envelope, "tag")?;

        let protected =
            base64url::decode(&protected_b64).map_err(|_| JweError::Base64("protected"))?;
        let protected = json::tree(&protected, &Limits::HEADER).map_err(JweError::Json)?;
        let Tree::Object(protected) = protected else {
            return Err(JweError::Shape("protected"));
        };
        refuse_extensions(&protected)?;
        refuse_extensions(&shared)?;
        refuse_repeated(&protected, &shared)?;
        let recipients = recipients(envelope, &protected, &shared)?;
        let kids = recipients.iter().map(|recipient| recipient.kid.as_str());
        let header = Header::read(protected, kids)?;

        let enc = header.enc;
        let wrapped_len = enc.key_len() + key_wrap::OVERHEAD;
        if iv.len() != enc.iv_len() {
            return Err(JweError::Length("iv"));
        }
        if tag.len() != enc.tag_len() {
            return Err(JweError::Length("tag"));
        }
        if recipients
            .iter()
            .any(|recipient| recipient.encrypted_key.len() != wrapped_len)
        {
            return Err(JweError::Length("encrypted_key"));
        }
        Ok(Self {
            header,
            protected_b64,
            recipients,
            iv,
            ciphertext,
            tag,
        })
    }
}

/// The recipients of the general form, or the one of the flattened form (RFC 7516 §7.2.2).
fn recipients(
    mut envelope: Members<'_>,
    protected: &Members<'_>,
    shared: &Members<'_>,
) -> Result<Vec<Recipient>, JweError> {
    let members = match envelope.take("recipients") {
        None => vec![Tree::Object(envelope)],
        Some(Tree::Array(members)) => {
            if envelope.has("encrypted_key") || envelope.has("header") {
                return Err(JweError::Shape("recipients"));
            }
            members
        }
        Some(_) => return Err(JweError::Shape("recipients")),
    };
    if members.is_empty() {
        return Err(JweError::Shape("recipients"));
    }
    if members.len() > MAX_RECIPIENTS {
        return Err(JweError::TooManyRecipients);
    }
    let mut recipients: Vec<Recipient> = Vec::with_capacity(members.len());
    for member in members {
        let Tree::Object(mut member) = member else {
            return Err(JweError::Shape("recipients"));
        };
        let mut header = take_header(&mut member, "header")?;
        refuse_extensions(&header)?;
        refuse_repeated(protected, &header)?;
        refuse_repeated(shared, &header)?;
        let kid = take_text(&mut header, "kid")?.into_owned();
        let encrypted_key = take_octets(&mut member, "encrypted_key")?;
        if recipients.iter().any(|earlier| earlier.kid == kid) {
            return Err(JweError::DuplicateRecipient);
        }
        recipients.push(Recipient { kid, encrypted_key });
    }
    Ok(recipients)
}

/// RFC 7516 §4.1.13 (JWE-16) and our refusal of compression (JWE-17).
fn refuse_extensions(header: &Members<'_>) -> Result<(), JweError> {
    match ["crit", "zip"].into_iter().find(|name| header.has(name)) {
        None => Ok(()),
        Some(name) => Err(JweError::Extension(name)),
    }
}

/// RFC 7516 §4: names are distinct across the headers (JWE-07).
fn refuse_repeated(a: &Members<'_>, b: &Members<'_>) -> Result<(), JweError> {
    let repeated = b.names().any(|name| a.has(name));
    if repeated {
        Err(JweError::RepeatedParameter)
    } else {
        Ok(())
    }
}

pub(super) fn take_text<'a>(
    members: &mut Members<'a>,
    name: &'static str,
) -> Result<Cow<'a, str>, JweError> {
    take_optional_text(members, name)?.ok_or(JweError::Shape(name))
}

pub(super) fn take_optional_text<'a>(
    members: &mut Members<'a>,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, JweError> {
    match members.take(name) {
        None => Ok(None),
        Some(Tree::Text(text)) => Ok(Some(text)),
        Some(_) => Err(JweError::Shape(name)),
    }
}

pub(super) fn take_octets(
    members: &mut Members<'_>,
    name: &'static str,
) -> Result<Vec<u8>, JweError> {
    base64url::decode(&take_text(members, name)?).map_err(|_| JweError::Base64(name))
}

fn take_header<'a>(members: &mut Members<'a>, name: &'static str) -> Result<Members<'a>, JweError> {
    match members.take(name) {
        None => Ok(Members::default()),
        Some(Tree::Object(header)) => Ok(header),
        Some(_) => Err(JweError::Shape(name)),
    }
}
