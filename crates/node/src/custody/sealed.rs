//! Sealing: how secrets rest in the database.
//!
//! ```text
//! version (1 octet, 0x01) ‖ nonce (12) ‖ A256GCM ciphertext ‖ tag (16)
//! key = Concat KDF (master key; "comity/sealed/v1", purpose, "", 256 bits)
//! aad = version ‖ purpose
//! ```
//!
//! The purpose names what is inside and whose it is, so that a blob moved to another row does not
//! open. A key serves one purpose and so sees a handful of nonces, far below the 2^32 at which
//! random ones become a risk.

use super::CustodyError;
use comity_jose::Entropy;
use comity_jose::aead::{AeadError, Enc};
use comity_jose::kdf::{OtherInfo, concat_kdf};
use zeroize::Zeroizing;

/// Seals `secret` for `purpose`.
pub(super) fn seal(
    master: &[u8],
    purpose: &str,
    secret: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, CustodyError> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    // Encrypted in place: room for all of it now, so that no copy of the secret stays behind.
    let mut content = Vec::with_capacity(secret.len() + TAG);
    content.extend_from_slice(secret);
    let tag = Enc::A256Gcm
        .seal(
            key(master, purpose).as_ref(),
            &nonce,
            &aad(purpose),
            &mut content,
        )
        .map_err(|_: AeadError| CustodyError::Unseal)?;
    let mut out = Vec::with_capacity(1 + NONCE + content.len() + TAG);
    out.push(VERSION);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&content);
    out.extend_from_slice(&tag);
    Ok(out)
}

/// Opens what was sealed for `purpose`.
pub(super) fn open(
    master: &[u8],
    purpose: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let (version, rest) = sealed.split_first().ok_or(CustodyError::Unseal)?;
    if *version != VERSION {
        return Err(CustodyError::Version);
    }
    let (nonce, rest) = rest.split_at_checked(NONCE).ok_or(CustodyError::Unseal)?;
    let length = rest.len().checked_sub(TAG).ok_or(CustodyError::Unseal)?;
    let (ciphertext, tag) = rest.split_at(length);
    let mut content = Zeroizing::new(ciphertext.to_vec());
    Enc::A256Gcm
        .open(
            key(master, purpose).as_ref(),
            nonce,
            &aad(purpose),
            &mut content,
            tag,
        )
        .map_err(|_: AeadError| CustodyError::Unseal)?;
    Ok(content)
}

fn key(master: &[u8], purpose: &str) -> Zeroizing<[u8; 32]> {
    let info = OtherInfo {
        algorithm_id: "comity/sealed/v1",
        apu: purpose.as_bytes(),
        apv: b"",
        key_bits: 256,
        cc_tag: None,
    };
    concat_kdf(&[master], &info)
}

fn aad(purpose: &str) -> Vec<u8> {
    let mut aad = vec![VERSION];
    aad.extend_from_slice(purpose.as_bytes());
    aad
}

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
