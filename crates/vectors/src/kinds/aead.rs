//! JOSE: content encryption.

use comity_jose::aead::Enc;
use serde_json::Value;

use crate::case::{Case, Check, Stop, ensure, equal, failed, hex, skipped, try_to};

/// `key_hex`, `iv_hex` or `nonce_hex`, `aad_…`, `plaintext_…`, `ciphertext_hex`, `tag_hex`. The
/// algorithm is the one with these lengths.
pub(super) fn content(case: &Case<'_>) -> Check {
    let key = case.hex("key_hex")?;
    let iv = case.hex("iv_hex").or_else(|_| case.hex("nonce_hex"))?;
    let enc = Enc::ALL
        .into_iter()
        .find(|enc| enc.key_len() == key.len() && enc.iv_len() == iv.len());
    let Some(enc) = enc else {
        return Err(skipped(
            "content encryption with other lengths of key and nonce",
        ));
    };
    let aad = octets(case.entry, "aad")?;
    let plaintext = octets(case.entry, "plaintext")?;
    let (ciphertext, tag) = (case.hex("ciphertext_hex")?, case.hex("tag_hex")?);

    let mut sealed = plaintext.clone();
    let made = try_to("encrypt", enc.seal(&key, &iv, &aad, &mut sealed))?;
    equal("the ciphertext", &sealed, &ciphertext)?;
    equal("the tag", &made, &tag)?;
    try_to("decrypt", enc.open(&key, &iv, &aad, &mut sealed, &tag))?;
    equal("the plaintext", &sealed, &plaintext)?;

    let mut altered = tag;
    if let Some(first) = altered.first_mut() {
        *first ^= 1;
    }
    let opened = enc.open(&key, &iv, &aad, &mut ciphertext.clone(), &altered);
    ensure(opened.is_err(), "an altered tag is accepted")
}

/// A member given as text or in hexadecimal.
fn octets(entry: &Value, name: &str) -> Result<Vec<u8>, Stop> {
    match entry.get(format!("{name}_utf8")) {
        Some(text) => {
            let text = text
                .as_str()
                .ok_or_else(|| failed(format!("{name}_utf8 is not text")))?;
            Ok(text.as_bytes().to_vec())
        }
        None => hex(entry, &format!("{name}_hex")),
    }
}
