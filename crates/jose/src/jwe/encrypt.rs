//! Writing an envelope.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::parse::MAX_RECIPIENTS;
use super::{Alg, Enc, Header, apv, key_encryption_key};
use crate::crypto::key_wrap;
use crate::{AgreementKey, Curve, Entropy, KeyError, PublicKey, SharedSecret, base64url, json};

/// Who the envelope says it is from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Sender<'a> {
    /// Nobody: anoncrypt.
    Anonymous,
    /// The holder of a static key: authcrypt.
    Static {
        /// The key's id.
        skid: &'a str,
        /// What it agreed on with each recipient's key, in the order of the recipients.
        zs: &'a [SharedSecret],
    },
}

/// Why an envelope cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// ECDH-1PU allows A256CBC-HS512 only (JWE-19).
    #[error("{} is not allowed with a named sender", .0.name())]
    Enc(Enc),
    /// A recipient's key cannot agree on a secret.
    #[error("key of recipient {kid} is refused")]
    Key {
        /// The key's id.
        kid: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The recipients' keys are on different curves: they need an envelope each (JWE-03).
    #[error("recipient keys are on different curves")]
    MixedCurves,
    /// No recipient, a recipient named twice, or more than [`MAX_RECIPIENTS`].
    #[error("recipients are none, repeated or too many")]
    Recipients,
    /// Not one secret for each recipient.
    #[error("number of secrets and of recipients differ")]
    Secrets,
}

/// Encrypts `plaintext` to the recipients' keys, which are on one curve. Octets given away are
/// encrypted where they stand; borrowed ones are copied first.
///
/// Ephemeral key, content key and iv are drawn from `entropy`, fresh (JWE-11, JWE-28).
///
/// # Errors
/// [`EncryptError`].
///
/// # Spec
/// DIDComm v2.1 §"Message Encryption"; RFC 7516 §5.1; ECDH-1PU draft-04 §2.3: content first, for
/// the wrapping key depends on its tag.
pub fn encrypt<'a>(
    entropy: &dyn Entropy,
    sender: Sender<'_>,
    enc: Enc,
    recipients: &[(&str, &PublicKey)],
    plaintext: impl Into<Cow<'a, [u8]>>,
    typ: &str,
) -> Result<String, EncryptError> {
    let (alg, skid, zs) = match sender {
        Sender::Anonymous => (Alg::EcdhEs, None, None),
        Sender::Static { .. } if enc != Enc::A256CbcHs512 => return Err(EncryptError::Enc(enc)),
        Sender::Static { zs, .. } if zs.len() != recipients.len() => {
            return Err(EncryptError::Secrets);
        }
        Sender::Static { skid, zs } => (Alg::Ecdh1Pu, Some(skid.to_owned()), Some(zs)),
    };
    let curve = common_curve(recipients)?;
    let ephemeral =
        AgreementKey::generate_on(curve, entropy).map_err(|source| EncryptError::Key {
            kid: recipients[0].0.to_owned(),
            source,
        })?;
    let header = Header {
        alg,
        enc,
        epk: ephemeral.public().clone(),
        typ: Some(typ.to_owned()),
        skid,
        apv: apv(recipients.iter().map(|(kid, _)| *kid)),
    };
    let protected = base64url::encode(header.write().as_bytes());

    let mut cek = Zeroizing::new(vec![0; enc.key_len()]);
    entropy.fill(&mut cek);
    let mut iv = vec![0; enc.iv_len()];
    entropy.fill(&mut iv);
    let mut content = match plaintext.into() {
        Cow::Owned(octets) => octets,
        Cow::Borrowed(octets) => {
            // One block more, so that padding does not move the content.
            let mut content = Vec::with_capacity(octets.len() + 16);
            content.extend_from_slice(octets);
            content
        }
    };
    let tag = enc
        .seal(&cek, &iv, protected.as_bytes(), &mut content)
        .expect("key and iv have the length their algorithm states");

    let mut out = String::with_capacity(
        protected.len() + base64url::encoded_len(content.len()) + 256 * (1 + recipients.len()),
    );
    out.push_str(r#"{"protected":""#);
    out.push_str(&protected);
    out.push_str(r#"","recipients":["#);
    for (index, (kid, key)) in recipients.iter().enumerate() {
        let ze = ephemeral.agree(key).map_err(|_| EncryptError::Key {
            kid: (*kid).to_owned(),
            source: KeyError::Purpose(curve),
        })?;
        let zs = zs.map(|zs| &zs[index]);
        let kek = key_encryption_key(alg, header.skid.as_deref(), &header.apv, &tag, &ze, zs);
        out.push_str(if index == 0 {
            r#"{"header":{"kid":"#
        } else {
            r#",{"header":{"kid":"#
        });
        json::push_text(kid, &mut out);
        out.push_str(r#"},"encrypted_key":""#);
        base64url::encode_into(&key_wrap::wrap(&kek, &cek), &mut out);
        out.push_str("\"}");
    }
    out.push_str(r#"],"iv":""#);
    base64url::encode_into(&iv, &mut out);
    out.push_str(r#"","ciphertext":""#);
    base64url::encode_into(&content, &mut out);
    out.push_str(r#"","tag":""#);
    base64url::encode_into(&tag, &mut out);
    out.push_str("\"}");
    Ok(out)
}

fn common_curve(recipients: &[(&str, &PublicKey)]) -> Result<Curve, EncryptError> {
    let [(_, first), rest @ ..] = recipients else {
        return Err(EncryptError::Recipients);
    };
    if recipients.len() > MAX_RECIPIENTS {
        return Err(EncryptError::Recipients);
    }
    let curve = first.curve();
    if rest.iter().any(|(_, key)| key.curve() != curve) {
        return Err(EncryptError::MixedCurves);
    }
    let repeated = |index: usize| {
        recipients[..index]
            .iter()
            .any(|(kid, _)| *kid == recipients[index].0)
    };
    if (1..recipients.len()).any(repeated) {
        return Err(EncryptError::Recipients);
    }
    Ok(curve)
}
