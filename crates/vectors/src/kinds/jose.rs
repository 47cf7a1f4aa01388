//! JOSE: hashing of key ids, canonical JSON, key wrapping, signatures.

use comity_jose::json::{self, Limits};
use comity_jose::{PublicKey, SignatureAlgorithm, SigningKey, base64url, jwe, key_wrap};
use serde_json::Value;

use super::{Runner, aead, kdf};
use crate::case::{Case, Check, base64, equal, failed, multihash, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 8] = [
        (&["kids", "apv"], apv),
        (&["input", "canonical_utf8"], canonical),
        (&["ephemeral", "recipients", "cek_hex"], kdf::wrapped),
        (
            &["ephemeral", "recipient_static", "other_info_hex"],
            kdf::derived,
        ),
        (&["key_hex", "ciphertext_hex", "tag_hex"], aead::content),
        (&["kek_hex", "key_hex", "wrapped_hex"], wrap),
        (&["key", "signing_input", "signature"], signature),
        (&["canonical_utf8"], canonical),
    ];
    kinds
        .into_iter()
        .find(|(members, _)| case.has(members))
        .map(|(_, runner)| runner)
}

/// `kids`, `sorted`, `apv`.
fn apv(case: &Case<'_>) -> Check {
    let kids = case.member("kids")?.as_array();
    let kids = kids.ok_or_else(|| failed("kids of the vector is not an array"))?;
    let kids: Vec<&str> = kids.iter().filter_map(Value::as_str).collect();
    if let Some(sorted) = case.entry.get("sorted").and_then(Value::as_array) {
        let mut by_octets = kids.clone();
        by_octets.sort_unstable();
        equal(
            "the order",
            by_octets,
            sorted.iter().filter_map(Value::as_str).collect(),
        )?;
    }
    let digest = jwe::apv(kids);
    equal(
        "apv",
        base64url::encode(&digest).as_str(),
        case.text("apv")?,
    )
}

/// `input`, `canonical_utf8`, `sha256_multihash_base58btc`.
fn canonical(case: &Case<'_>) -> Check {
    let value = try_to(
        "read the input",
        json::parse(case.text("input")?.as_bytes(), &Limits::MESSAGE),
    )?;
    let octets = try_to("canonicalise the input", json::canonical(&value))?;
    equal(
        "the canonical form",
        octets.as_slice(),
        case.text("canonical_utf8")?.as_bytes(),
    )?;
    match case
        .entry
        .get("sha256_multihash_base58btc")
        .and_then(Value::as_str)
    {
        Some(wanted) => equal("its multihash", multihash(&octets).as_str(), wanted),
        None => Ok(()),
    }
}

/// `kek_hex`, `key_hex`, `wrapped_hex`.
fn wrap(case: &Case<'_>) -> Check {
    let kek = case
        .hex("kek_hex")?
        .try_into()
        .map_err(|_| failed("kek_hex is not 32 octets"))?;
    let (key, wrapped) = (case.hex("key_hex")?, case.hex("wrapped_hex")?);
    equal("the wrapped key", &key_wrap::wrap(&kek, &key), &wrapped)?;
    let unwrapped = try_to("unwrap the key", key_wrap::unwrap(&kek, &wrapped))?;
    equal("the unwrapped key", unwrapped.as_slice(), key.as_slice())
}

/// `key`, `signing_input`, `signature`: verified, and for Ed25519 made again.
fn signature(case: &Case<'_>) -> Check {
    let signing = try_to("read the key", SigningKey::from_jwk(case.member("key")?))?;
    let key: &PublicKey = signing.public();
    let octets = case.text("signing_input")?.as_bytes();
    let signature = base64(case.entry, "signature")?;
    try_to(
        "verify the signature",
        key.verify(signing.algorithm(), octets, &signature),
    )?;
    if signing.algorithm() == SignatureAlgorithm::EdDsa {
        equal("the signature", &signing.sign(octets), &signature)?;
    }
    let mut other = octets.to_vec();
    other.push(b'.');
    let verifies_other = key.verify(signing.algorithm(), &other, &signature).is_ok();
    equal("whether it fits another text", verifies_other, false)
}
