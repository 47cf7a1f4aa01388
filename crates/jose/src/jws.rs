//! JSON Web Signatures over octets: signing input out, parsed and bounded signatures in.
//!
//! Signing is split in two so that the key may live elsewhere: [`SigningInput`] gives the octets
//! to sign, and takes the signature back. Reading gives a [`Jws`] whose payload is reachable only
//! through [`Jws::verify`] or a method that says it is unverified.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::base64url;
use crate::json::{self, JsonError, Limits, Members, Tree};
use crate::{PublicKey, SignatureAlgorithm, SignatureError};

/// What is signed: the protected header and the payload, both already base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningInput(Joined);

impl SigningInput {
    /// From the octets of the protected header and of the payload. Neither is looked into.
    pub fn new(protected: &[u8], payload: &[u8]) -> Self {
        let length =
            base64url::encoded_len(protected.len()) + base64url::encoded_len(payload.len());
        // With room for what stands around them in the end.
        let mut text = String::with_capacity(length + 512);
        base64url::encode_into(protected, &mut text);
        let dot = text.len();
        text.push('.');
        base64url::encode_into(payload, &mut text);
        Self(Joined { text, dot })
    }

    /// The octets to sign: protected, dot, payload (RFC 7515 §5.1; JWS-06).
    pub fn octets(&self) -> &[u8] {
        self.0.text.as_bytes()
    }

    /// The protected header as it goes over the wire.
    pub fn protected_b64(&self) -> &str {
        self.0.protected()
    }

    /// The payload as it goes over the wire.
    pub fn payload_b64(&self) -> &str {
        self.0.payload()
    }

    /// The general form with one signature and the key id outside it: the form that every
    /// library reads (JWS-04).
    pub fn into_general(self, kid: &str, signature: &[u8]) -> String {
        // The payload may be large: it stays where it is, or nearly so.
        let Joined { text: mut out, dot } = self.0;
        let protected = out[..dot].to_owned();
        out.replace_range(..=dot, r#"{"payload":""#);
        out.push_str(r#"","signatures":[{"protected":""#);
        out.push_str(&protected);
        out.push_str(r#"","signature":""#);
        base64url::encode_into(signature, &mut out);
        out.push_str(r#"","header":{"kid":"#);
        json::push_text(kid, &mut out);
        out.push_str("}}]}");
        out
    }

    /// The flattened form without the payload, for whoever has that from elsewhere (RFC 7515
    /// appendix F). The key id belongs into the protected header.
    pub fn into_detached(self, signature: &[u8]) -> Value {
        json!({
            "protected": self.protected_b64(),
            "signature": base64url::encode(signature),
        })
    }

    /// The compact form: `protected.payload.signature` (RFC 7515 §7.1).
    pub fn into_compact(self, signature: &[u8]) -> String {
        let mut out = self.0.text;
        out.push('.');
        base64url::encode_into(signature, &mut out);
        out
    }
}

/// A signature that was read and is **not** verified.
#[derive(Clone, Debug)]
pub struct Jws {
    signed: Joined,
    payload: Vec<u8>,
    signature: Vec<u8>,
    header: Header,
}

/// What the header says; nothing of it is proved before [`Jws::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The algorithm; always one we verify (JWS-02).
    pub alg: SignatureAlgorithm,
    /// The media type of the whole, as written.
    pub typ: Option<String>,
    /// The key id, from the one place it stands in.
    pub kid: Option<String>,
}

/// A signature taken apart; whether it verifies is the caller's to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parts {
    /// What the header says.
    pub header: Header,
    /// The protected header as received.
    pub protected_b64: String,
    /// The payload as received.
    pub payload_b64: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Octets that are not a signature we accept, or one that does not verify.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// An algorithm outside [`SignatureAlgorithm`], `none` and HMAC included.
    #[error("signature algorithm is not supported")]
    Algorithm,
    /// A member that is not base64url.
    #[error("signature member {0} is not base64url")]
    Base64(&'static str),
    /// `crit` or `b64`: extensions we do not understand.
    #[error("signature header uses the extension {0}")]
    Extension(&'static str),
    /// The envelope or the protected header is not JSON as we read it.
    #[error("signature is not readable json")]
    Json(#[source] JsonError),
    /// A header parameter stands in the protected and in the unprotected header.
    #[error("signature header names a parameter in two places")]
    RepeatedParameter,
    /// More than one signature.
    #[error("more than one signature")]
    SeveralSignatures,
    /// A member is missing or of another type.
    #[error("signature member {0} is missing or of another type")]
    Shape(&'static str),
    /// The signature proves nothing.
    #[error("signature is refused")]
    Signature(#[source] SignatureError),
}

impl Jws {
    /// Reads the general or the flattened form.
    ///
    /// # Errors
    /// [`JwsError`]; the signature itself is not looked at.
    ///
    /// # Spec
    /// RFC 7515 §7.2; DIDComm v2.1 §"DIDComm Signed Messages"; JWS-02 to JWS-04, JWS-09, JWS-11.
    pub fn parse_json(octets: &[u8], limits: &Limits) -> Result<Self, JwsError> {
        Self::from_tree(json::tree(octets, limits).map_err(JwsError::Json)?)
    }

    /// Reads the general or the flattened form from a value that [`json::parse`] gave.
    ///
    /// # Errors
    /// As [`Jws::parse_json`].
    pub fn from_value(value: Value) -> Result<Self, JwsError> {
        Self::from_tree(value.into())
    }

    /// Reads the general or the flattened form from a value that [`json::tree`] gave.
    ///
    /// # Errors
    /// As [`Jws::parse_json`].
    pub fn from_tree(value: Tree<'_>) -> Result<Self, JwsError> {
        let Tree::Object(mut envelope) = value else {
            return Err(JwsError::Shape("payload"));
        };
        let payload = take_text(&mut envelope, "payload")?;
        let mut one = match envelope.take("signatures") {
            None => envelope,
            Some(Tree::Array(signatures)) => {
                if envelope.has("signature") || envelope.has("protected") {
                    return Err(JwsError::Shape("signatures"));
                }
                only(signatures)?
            }
            Some(_) => return Err(JwsError::Shape("signatures")),
        };
        let protected = take_text(&mut one, "protected")?;
        let signature = take_text(&mut one, "signature")?;
        let unprotected = match one.take("header") {
            None => Members::default(),
            Some(Tree::Object(header)) => header,
            Some(_) => return Err(JwsError::Shape("header")),
        };
        let dot = protected.len();
        let mut text = String::with_capacity(dot + 1 + payload.len());
        text.push_str(&protected);
        text.push('.');
        text.push_str(&payload);
        Self::assemble(Joined { text, dot }, unprotected, &signature)
    }

    /// Reads the compact form. Not for messages (JWS-03): `from_prior` and tokens use it.
    ///
    /// # Errors
    /// As [`Jws::parse_json`].
    ///
    /// # Spec
    /// RFC 7515 §7.1.
    pub fn parse_compact(text: &str, limits: &Limits) -> Result<Self, JwsError> {
        if text.len() > limits.bytes {
            let limit = limits.bytes;
            return Err(JwsError::Json(JsonError::TooLarge { limit }));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Shape("signature"))?;
        let dot = signed.find('.').ok_or(JwsError::Shape("payload"))?;
        let signed = Joined {
            text: signed.to_owned(),
            dot,
        };
        Self::assemble(signed, Members::default(), signature)
    }

    /// Reads a signature without its payload, which is known from elsewhere: a JSON object in the
    /// general or the flattened form, or the text `protected..signature`.
    ///
    /// # Errors
    /// As [`Jws::parse_json`]; also a payload that is there after all.
    ///
    /// # Spec
    /// RFC 7515 appendix F; DIDComm v2.1 §"Attachments"; ATT-06.
    pub fn from_detached(value: Value, payload: &[u8]) -> Result<Self, JwsError> {
        let payload = base64url::encode(payload);
        match value {
            Value::String(text) => {
                let (protected, signature) =
                    text.split_once("..").ok_or(JwsError::Shape("payload"))?;
                // The payload is the caller's and as long as it is; the rest is a stranger's.
                let limits = Limits {
                    bytes: Limits::MESSAGE.bytes.saturating_add(payload.len()),
                    ..Limits::MESSAGE
                };
                Self::parse_compact(&format!("{protected}.{payload}.{signature}"), &limits)
            }
            Value::Object(mut envelope) => {
                if envelope.insert("payload".into(), payload.into()).is_some() {
                    return Err(JwsError::Shape("payload"));
                }
                Self::from_value(Value::Object(envelope))
            }
            _ => Err(JwsError::Shape("signature")),
        }
    }

    fn assemble(
        signed: Joined,
        unprotected: Members<'_>,
        signature: &str,
    ) -> Result<Self, JwsError> {
        let protected =
            base64url::decode(signed.protected()).map_err(|_| JwsError::Base64("protected"))?;
        let payload =
            base64url::decode(signed.payload()).map_err(|_| JwsError::Base64("payload"))?;
        let signature = base64url::decode(signature).map_err(|_| JwsError::Base64("signature"))?;
        let header = Header::read(&protected, unprotected)?;
        Ok(Self {
            signed,
            payload,
            signature,
            header,
        })
    }

    /// The header: claims until [`Jws::verify`] succeeded.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The octets that were signed, as received.
    pub fn signing_input(&self) -> &[u8] {
        self.signed.text.as_bytes()
    }

    /// The protected header as received.
    pub fn protected_b64(&self) -> &str {
        self.signed.protected()
    }

    /// The payload as received.
    pub fn payload_b64(&self) -> &str {
        self.signed.payload()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The payload before anything proved it: fit to look up who claims to have signed.
    pub fn payload_unverified(&self) -> &[u8] {
        &self.payload
    }

    /// Takes the signature apart, for evidence: nothing is decoded twice.
    pub fn into_parts(self) -> Parts {
        let Joined { mut text, dot } = self.signed;
        // The payload may be large: it stays where it is, or nearly so.
        let protected_b64 = text[..dot].to_owned();
        text.drain(..=dot);
        Parts {
            header: self.header,
            protected_b64,
            payload_b64: text,
            payload: self.payload,
            signature: self.signature,
        }
    }

    /// Checks the signature and gives the payload.
    ///
    /// # Errors
    /// [`JwsError::Signature`].
    ///
    /// # Security
    /// That `key` may sign for the claimed author is the caller's to establish first (JWS-07).
    pub fn verify(&self, key: &PublicKey) -> Result<&[u8], JwsError> {
        key.verify(self.header.alg, self.signing_input(), &self.signature)
            .map_err(JwsError::Signature)?;
        Ok(&self.payload)
    }
}

impl Header {
    fn read(protected: &[u8], mut unprotected: Members<'_>) -> Result<Self, JwsError> {
        let protected = json::tree(protected, &Limits::HEADER).map_err(JwsError::Json)?;
        let Tree::Object(mut protected) = protected else {
            return Err(JwsError::Shape("protected"));
        };
        // RFC 7515 §4.1.11, RFC 7797 §6: what we do not understand must fail (JWS-09).
        for extension in ["crit", "b64"] {
            if protected.has(extension) || unprotected.has(extension) {
                return Err(JwsError::Extension(extension));
            }
        }
        // RFC 7515 §4: the names in both headers are disjoint; that also settles JWS-04.
        if unprotected.names().any(|name| protected.has(name)) {
            return Err(JwsError::RepeatedParameter);
        }
        let alg = take_text(&mut protected, "alg")?;
        let alg = SignatureAlgorithm::from_name(&alg).ok_or(JwsError::Algorithm)?;
        let typ = take_optional_text(&mut protected, "typ")?;
        let kid = match take_optional_text(&mut protected, "kid")? {
            Some(kid) => Some(kid),
            None => take_optional_text(&mut unprotected, "kid")?,
        };
        Ok(Self {
            alg,
            typ: typ.map(Cow::into_owned),
            kid: kid.map(Cow::into_owned),
        })
    }
}

/// `protected.payload`, and where the dot is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Joined {
    text: String,
    dot: usize,
}

impl Joined {
    fn protected(&self) -> &str {
        &self.text[..self.dot]
    }

    fn payload(&self) -> &str {
        &self.text[self.dot + 1..]
    }
}

fn only(signatures: Vec<Tree<'_>>) -> Result<Members<'_>, JwsError> {
    let mut signatures = signatures.into_iter();
    match (signatures.next(), signatures.next()) {
        (Some(Tree::Object(one)), None) => Ok(one),
        (_, Some(_)) => Err(JwsError::SeveralSignatures),
        _ => Err(JwsError::Shape("signatures")),
    }
}

fn take_text<'a>(members: &mut Members<'a>, name: &'static str) -> Result<Cow<'a, str>, JwsError> {
    take_optional_text(members, name)?.ok_or(JwsError::Shape(name))
}

fn take_optional_text<'a>(
    members: &mut Members<'a>,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, JwsError> {
    match members.take(name) {
        None => Ok(None),
        Some(Tree::Text(text)) => Ok(Some(text)),
        Some(_) => Err(JwsError::Shape(name)),
    }
}

#[cfg(test)]
mod tests;
