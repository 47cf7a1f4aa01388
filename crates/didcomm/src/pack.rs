//! Packing: the five combinations that may be emitted for a hop (ENV-02).
//!
//! Sign first, then encrypt (ENV-07). Signing and the sender's key agreement are split from the
//! writing, because those keys may live elsewhere.

use std::borrow::Cow;

use comity_did::{DidDocument, DidUrl, Relationship};
use comity_jose::jwe::{self, Enc, EncryptError, Sender};
use comity_jose::jws::SigningInput;
use comity_jose::{Curve, Entropy, PublicKey, SharedSecret, SignatureAlgorithm, SigningKey};

use crate::media_type;

/// Why a message cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The sender has no key on any curve that the recipient agrees on. A signature proves the sender
    /// whatever the curve.
    #[error("sender and recipient have no agreement keys on one curve")]
    Curves,
    /// The envelope cannot be written.
    #[error("message cannot be encrypted")]
    Encrypt(#[from] EncryptError),
    /// What is to be forwarded is not JSON.
    #[error("envelope to forward is not json")]
    Envelope,
    /// `from` names somebody else than the one who packs (ADR-01, ADR-03).
    #[error("from is another DID than the one that packs the message")]
    From,
    /// The recipient's document has no key to encrypt to.
    #[error("recipient has no key to encrypt to")]
    NoKey,
    /// The sender has no key that signs.
    #[error("sender has no key that signs")]
    NoSigningKey,
    /// `to` names others than the recipient (ADR-02, ENV-08).
    #[error("to does not name the recipient")]
    To,
}

/// The octets to sign for a message: the protected header is always the same (formats.md §1).
pub fn signing_input(plaintext: &[u8]) -> SigningInput {
    SigningInput::new(PROTECTED, plaintext)
}

/// The octets to sign with an algorithm other than EdDSA (JWS-01).
pub fn signing_input_for(alg: SignatureAlgorithm, plaintext: &[u8]) -> SigningInput {
    if alg == SignatureAlgorithm::EdDsa {
        return signing_input(plaintext);
    }
    let protected = protected_header(media_type::SIGNED, alg);
    SigningInput::new(protected.as_bytes(), plaintext)
}

/// The protected header of a signature that names its key beside it.
fn protected_header(typ: &str, alg: SignatureAlgorithm) -> String {
    format!(r#"{{"typ":"{typ}","alg":"{}"}}"#, alg.name())
}

/// Signs a message with a key that is at hand.
pub fn sign(key: &SigningKey, kid: &DidUrl, plaintext: &[u8]) -> String {
    let input = signing_input_for(key.algorithm(), plaintext);
    let signature = key.sign(input.octets());
    input.into_general(kid.as_str(), &signature)
}

/// Encrypts octets to every key of the recipient on one curve, without naming a sender.
///
/// Octets may be borrowed or given away; the latter saves copying them.
///
/// # Errors
/// [`PackError`].
///
/// # Spec
/// DIDComm v2.1 §"ECDH-ES key wrapping and common protected headers"; JWE-03, JWE-31.
pub fn anoncrypt<'a>(
    entropy: &dyn Entropy,
    recipient: &DidDocument,
    enc: Enc,
    octets: impl Into<Cow<'a, [u8]>>,
    typ: &str,
) -> Result<String, PackError> {
    anoncrypt_to(entropy, &agreement_targets(recipient), enc, octets, typ)
}

/// The same as [`anoncrypt`], to keys already chosen.
///
/// # Errors
/// [`PackError`].
pub fn anoncrypt_to<'a>(
    entropy: &dyn Entropy,
    targets: &[(DidUrl, PublicKey)],
    enc: Enc,
    octets: impl Into<Cow<'a, [u8]>>,
    typ: &str,
) -> Result<String, PackError> {
    write(entropy, Sender::Anonymous, enc, targets, octets, typ)
}

/// Encrypts octets so that the recipient, and nobody else, can tell who did.
///
/// `zs` holds what the sender's key agreed on with each target, in their order. The targets are
/// those of [`agreement_targets_on`] with the curve of the sender's key.
///
/// # Errors
/// [`PackError`].
///
/// # Spec
/// DIDComm v2.1 §"ECDH-1PU key wrapping and common protected headers"; JWE-19, JWE-20.
pub fn authcrypt<'a>(
    entropy: &dyn Entropy,
    skid: &DidUrl,
    zs: &[SharedSecret],
    targets: &[(DidUrl, PublicKey)],
    octets: impl Into<Cow<'a, [u8]>>,
    typ: &str,
) -> Result<String, PackError> {
    let sender = Sender::Static {
        skid: skid.as_str(),
        zs,
    };
    write(entropy, sender, Enc::A256CbcHs512, targets, octets, typ)
}

/// The keys to encrypt to: all of the recipient's on the best curve it has (JWE-03). X25519 is
/// best; P-256, which v2.1 deprecates, comes last but for the optional P-521 (JWE-10).
pub fn agreement_targets(recipient: &DidDocument) -> Vec<(DidUrl, PublicKey)> {
    let mut targets = PREFERENCE
        .iter()
        .map(|curve| agreement_targets_on(recipient, *curve));
    targets
        .find(|targets| !targets.is_empty())
        .unwrap_or_default()
}

/// The recipient's keys on one curve.
pub fn agreement_targets_on(recipient: &DidDocument, curve: Curve) -> Vec<(DidUrl, PublicKey)> {
    recipient
        .keys(Relationship::KeyAgreement)
        .filter(|(_, key)| key.curve() == curve)
        .map(|(kid, key)| (kid.clone(), key.clone()))
        .collect()
}

fn write<'a>(
    entropy: &dyn Entropy,
    sender: Sender<'_>,
    enc: Enc,
    targets: &[(DidUrl, PublicKey)],
    octets: impl Into<Cow<'a, [u8]>>,
    typ: &str,
) -> Result<String, PackError> {
    if targets.is_empty() {
        return Err(PackError::NoKey);
    }
    let recipients: Vec<(&str, &PublicKey)> = targets
        .iter()
        .map(|(kid, key)| (kid.as_str(), key))
        .collect();
    Ok(jwe::encrypt(
        entropy,
        sender,
        enc,
        &recipients,
        octets,
        typ,
    )?)
}

const PROTECTED: &[u8] = br#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;

/// The curves, best first.
pub(crate) const PREFERENCE: [Curve; 4] = [Curve::X25519, Curve::P384, Curve::P256, Curve::P521];
