//! Data integrity proofs of the one cryptosuite that the method allows: eddsa-jcs-2022.

use comity_jose::json::{self, JsonError};
use comity_jose::{Curve, PublicKey, SignatureAlgorithm, multibase, sha256};
use serde_json::Value;

use super::VersionTime;
use super::error::ProofError;

/// A proof that was read: whose it says to be, and what it says. Not verified yet.
pub(super) struct Proof {
    /// The signer's key, as `updateKeys` and did:key write it.
    multikey: String,
    key: PublicKey,
    /// The hash of all its members but the signature.
    options: [u8; 32],
    signature: Vec<u8>,
}

impl Proof {
    /// Reads a proof; `now` is in UTC seconds.
    ///
    /// # Spec
    /// Data Integrity EdDSA Cryptosuites §"eddsa-jcs-2022"; did:webvh 1.0 §"Authorized Keys";
    /// conformance VH-05.
    pub(super) fn read(value: &Value, now: u64) -> Result<Self, ProofError> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        if text("type") != Some("DataIntegrityProof") || text("cryptosuite") != Some(CRYPTOSUITE) {
            return Err(ProofError::Suite);
        }
        if text("proofPurpose") != Some("assertionMethod") {
            return Err(ProofError::Purpose);
        }
        for member in ["@context", "previousProof"] {
            if value.get(member).is_some() {
                return Err(ProofError::Extension { member });
            }
        }
        if let Some(expires) = value.get("expires") {
            let expires = expires.as_str().and_then(VersionTime::parse);
            if !expires.is_some_and(|expires| expires.is_after(now)) {
                return Err(ProofError::Expired);
            }
        }
        let multikey = text("verificationMethod").and_then(own_key);
        let multikey = multikey.ok_or(ProofError::Key)?;
        let key = ed25519(multikey).ok_or(ProofError::Key)?;
        let signature = text("proofValue").and_then(signature);
        let mut options = value.clone();
        if let Some(options) = options.as_object_mut() {
            options.shift_remove("proofValue");
        }
        Ok(Self {
            multikey: multikey.to_owned(),
            key,
            options: digest(&options).map_err(|_| ProofError::Signature)?,
            signature: signature.ok_or(ProofError::Signature)?,
        })
    }

    /// Returns the key that the proof says to be made with.
    pub(super) fn multikey(&self) -> &str {
        &self.multikey
    }

    /// Checks the signature over a document by its [`digest`].
    pub(super) fn verify(&self, document: &[u8; 32]) -> Result<(), ProofError> {
        let input = signing_input(&self.options, document);
        self.key
            .verify(SignatureAlgorithm::EdDsa, &input, &self.signature)
            .map_err(|_| ProofError::Signature)
    }
}

/// Returns the octets that are signed.
pub(super) fn signing_input(options: &[u8; 32], document: &[u8; 32]) -> Vec<u8> {
    [options.as_slice(), document].concat()
}

/// Returns the SHA-256 of a value in its canonical form.
pub(super) fn digest(value: &Value) -> Result<[u8; 32], JsonError> {
    Ok(sha256(&[&json::canonical(value)?]))
}

/// Reads a multikey that the cryptosuite can use.
pub(super) fn ed25519(multikey: &str) -> Option<PublicKey> {
    let key = PublicKey::from_multikey(multikey).ok()?;
    (key.curve() == Curve::Ed25519).then_some(key)
}

/// Returns the key of `did:key:KEY#KEY`, the same text twice (interop trap 53).
fn own_key(verification_method: &str) -> Option<&str> {
    let (body, fragment) = verification_method
        .strip_prefix("did:key:")?
        .split_once('#')?;
    (body == fragment).then_some(body)
}

fn signature(text: &str) -> Option<Vec<u8>> {
    let is_base58 = text.starts_with('z') && text.len() <= SIGNATURE_CHARACTERS;
    is_base58.then(|| multibase::decode(text).ok()).flatten()
}

const CRYPTOSUITE: &str = "eddsa-jcs-2022";

/// The most characters that 64 octets take in base58, with the multibase prefix.
const SIGNATURE_CHARACTERS: usize = 89;
