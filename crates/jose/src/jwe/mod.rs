//! JSON Web Encryption as DIDComm uses it: an ephemeral key, one wrapped content key for each
//! recipient, and with ECDH-1PU the sender's static key mixed in.
//!
//! A [`Jwe`] that exists has passed every rule of shape (lengths, header places, `apv`, `apu`);
//! what remains can only fail as a whole, with one error that says nothing about why.

mod encrypt;
mod header;
mod parse;

pub use crate::crypto::aead::Enc;
pub use encrypt::{EncryptError, Sender, encrypt};
pub use parse::{JweError, MAX_RECIPIENTS};

use zeroize::Zeroizing;

use crate::crypto::kdf::{OtherInfo, concat_kdf};
use crate::crypto::key_wrap;
use crate::{PublicKey, SharedSecret, sha256};

/// How the content key is agreed on and wrapped (JWE-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alg {
    /// `ECDH-ES+A256KW`: anoncrypt.
    EcdhEs,
    /// `ECDH-1PU+A256KW`: authcrypt (draft-04).
    Ecdh1Pu,
}

impl Alg {
    /// The `alg` of a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES+A256KW",
            Self::Ecdh1Pu => "ECDH-1PU+A256KW",
        }
    }

    /// The algorithm of that `alg`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::EcdhEs, Self::Ecdh1Pu]
            .into_iter()
            .find(|alg| alg.name() == name)
    }
}

/// An encrypted envelope, read and checked in shape.
#[derive(Clone, Debug)]
pub struct Jwe {
    header: Header,
    protected_b64: String,
    recipients: Vec<Recipient>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Header {
    alg: Alg,
    enc: Enc,
    epk: PublicKey,
    typ: Option<String>,
    /// For authcrypt the sender's key id, from `skid` or else from `apu` (JWE-24).
    skid: Option<String>,
    /// The digest over the recipients' key ids; recomputed and equal.
    apv: [u8; 32],
}

#[derive(Clone, Debug)]
struct Recipient {
    kid: String,
    encrypted_key: Vec<u8>,
}

/// The envelope cannot be opened. There is no further detail: not which step failed, not why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot open envelope")]
pub struct OpenError;

impl Jwe {
    /// Key agreement and wrapping.
    pub fn alg(&self) -> Alg {
        self.header.alg
    }

    /// Content encryption.
    pub fn enc(&self) -> Enc {
        self.header.enc
    }

    /// The media type of the envelope, as written.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The sender's key id; always present for authcrypt, never for anoncrypt.
    pub fn skid(&self) -> Option<&str> {
        self.header.skid.as_deref()
    }

    /// The ephemeral key to agree with.
    pub fn epk(&self) -> &PublicKey {
        &self.header.epk
    }

    /// The recipients' key ids, in the order of the envelope; distinct, at least one.
    pub fn recipient_kids(&self) -> impl Iterator<Item = &str> {
        self.recipients
            .iter()
            .map(|recipient| recipient.kid.as_str())
    }

    /// Opens the envelope as the holder of `kid`.
    ///
    /// `ze` is what the recipient's key agreed on with [`Jwe::epk`]; `zs`, for authcrypt, with
    /// the sender's key.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause (JWE-15).
    ///
    /// # Spec
    /// ECDH-1PU draft-04 §2.3; RFC 7516 §5.2; JWE-20, JWE-23, JWE-27, JWE-29.
    pub fn open(
        &self,
        kid: &str,
        ze: &SharedSecret,
        zs: Option<&SharedSecret>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.clone().into_opened(kid, ze, zs)
    }

    /// The same, in the place where the ciphertext stands.
    ///
    /// # Errors
    /// As [`Jwe::open`].
    pub fn into_opened(
        self,
        kid: &str,
        ze: &SharedSecret,
        zs: Option<&SharedSecret>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let recipient = self
            .recipients
            .iter()
            .find(|recipient| recipient.kid == kid)
            .ok_or(OpenError)?;
        if zs.is_some() != (self.header.alg == Alg::Ecdh1Pu) {
            return Err(OpenError);
        }
        let kek = key_encryption_key(
            self.header.alg,
            self.header.skid.as_deref(),
            &self.header.apv,
            &self.tag,
            ze,
            zs,
        );
        let cek = key_wrap::unwrap(&kek, &recipient.encrypted_key).map_err(|_| OpenError)?;
        let aad = self.protected_b64.as_bytes();
        let mut content = Zeroizing::new(self.ciphertext);
        self.header
            .enc
            .open(&cek, &self.iv, aad, &mut content, &self.tag)
            .map_err(|_| OpenError)?;
        Ok(content)
    }
}

/// `apv`: the digest of the recipients' key ids, sorted by code point and joined by dots
/// (DIDComm v2.1 §"ECDH-ES key wrapping and common protected headers"; JWE-21).
pub fn apv<'a>(kids: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut kids: Vec<&str> = kids.into_iter().collect();
    kids.sort_unstable();
    sha256(&[kids.join(".").as_bytes()])
}

/// The key that wraps the content key. Only ECDH-1PU knows the sender and the tag (JWE-27,
/// JWE-29).
fn key_encryption_key(
    alg: Alg,
    skid: Option<&str>,
    apv: &[u8; 32],
    tag: &[u8],
    ze: &SharedSecret,
    zs: Option<&SharedSecret>,
) -> Zeroizing<[u8; 32]> {
    let (apu, cc_tag) = match alg {
        Alg::EcdhEs => (&[][..], None),
        Alg::Ecdh1Pu => (skid.unwrap_or_default().as_bytes(), Some(tag)),
    };
    let info = OtherInfo {
        algorithm_id: alg.name(),
        apu,
        apv,
        key_bits: 256,
        cc_tag,
    };
    match zs {
        None => concat_kdf(&[ze.octets()], &info),
        Some(zs) => concat_kdf(&[ze.octets(), zs.octets()], &info),
    }
}

#[cfg(test)]
mod tests;
