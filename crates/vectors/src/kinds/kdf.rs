//! JOSE: key agreement and key derivation.

use comity_jose::aead::Enc;
use comity_jose::kdf::{OtherInfo, concat_kdf};
use comity_jose::{AgreementKey, SharedSecret};
use serde_json::Value;

use crate::case::{Case, Check, Stop, base64, equal, failed, hex, member, skipped, text, try_to};

/// `sender_static`, `recipient_static`, `ephemeral`, `other_info_hex` and the derived key, either
/// for direct use (`algorithm_id`, `key_bits`) or for wrapping (`kek_hex`).
pub(super) fn derived(case: &Case<'_>) -> Check {
    let recipient = case.member("recipient_static")?;
    let secrets = agree(case, recipient, case.entry)?;
    let (apu, apv) = (field(case.entry, "apu")?, field(case.entry, "apv")?);
    let tag = case
        .entry
        .get("tag_hex")
        .map(|_| case.hex("tag_hex"))
        .transpose()?;
    let algorithm_id = match case.entry.get("algorithm_id").and_then(Value::as_str) {
        Some(name) => name,
        None if tag.is_some() => "ECDH-1PU+A256KW",
        None => "ECDH-ES+A256KW",
    };
    let key_bits = match case.entry.get("key_bits") {
        Some(bits) => bits.as_u64().and_then(|bits| u32::try_from(bits).ok()),
        None => Some(256),
    };
    let key_bits = key_bits.filter(|bits| *bits <= 256);
    let key_bits = key_bits.ok_or_else(|| skipped("derived keys of more than 256 bits"))?;
    let info = OtherInfo {
        algorithm_id,
        apu: &apu,
        apv: &apv,
        key_bits,
        cc_tag: tag.as_deref(),
    };
    equal("OtherInfo", info.octets(), case.hex("other_info_hex")?)?;
    let derived = derive(&secrets, &info);
    match case.entry.get("kek_hex") {
        Some(_) => equal("the key-encryption key", derived, case.hex("kek_hex")?),
        None => equal(
            "the derived key",
            derived,
            base64(case.entry, "derived_key_b64u")?,
        ),
    }
}

/// A whole JWE with its key agreement, for several recipients: the content first, then, with its
/// tag, each recipient's key. Keys wrapped with AES-128 are derived but not unwrapped: DIDComm has
/// AES-256 only.
pub(super) fn wrapped(case: &Case<'_>) -> Check {
    let protected = case.member("protected_json")?;
    let header: Value = try_to(
        "read the protected header",
        serde_json::from_slice(&base64(case.entry, "protected")?),
    )?;
    equal("the protected header", &header, protected)?;
    let enc = Enc::from_name(text(protected, "enc")?);
    let enc = enc.ok_or_else(|| skipped("other content encryption"))?;
    let aad = case.text("protected")?.as_bytes();
    let mut content = case.text("plaintext_utf8")?.as_bytes().to_vec();
    let tag = try_to(
        "encrypt",
        enc.seal(
            &case.hex("cek_hex")?,
            &case.hex("iv_hex")?,
            aad,
            &mut content,
        ),
    )?;
    equal("the ciphertext", content, base64(case.entry, "ciphertext")?)?;
    equal("the tag", &tag, &base64(case.entry, "tag")?)?;

    let algorithm_id = text(protected, "alg")?;
    let key_bits = if algorithm_id.ends_with("A128KW") {
        128
    } else {
        256
    };
    let (apu, apv) = (base64(protected, "apu")?, base64(protected, "apv")?);
    let info = OtherInfo {
        algorithm_id,
        apu: &apu,
        apv: &apv,
        key_bits,
        cc_tag: Some(&tag),
    };
    equal("OtherInfo", info.octets(), case.hex("other_info_hex")?)?;
    let recipients = case.member("recipients")?.as_array();
    for recipient in recipients.ok_or_else(|| failed("recipients is not an array"))? {
        let secrets = agree(case, member(recipient, "static")?, recipient)?;
        equal(
            "the key-encryption key",
            derive(&secrets, &info),
            hex(recipient, "kek_hex")?,
        )?;
    }
    Ok(())
}

/// Agrees from both ends and compares with `z_hex`, or `ze_hex` and `zs_hex`, of `expected`.
fn agree(case: &Case<'_>, recipient: &Value, expected: &Value) -> Result<Vec<SharedSecret>, Stop> {
    let recipient = key(recipient)?;
    let mut secrets = Vec::new();
    let senders = [
        ("ephemeral", ["ze_hex", "z_hex"]),
        ("sender_static", ["zs_hex", "zs_hex"]),
    ];
    for (sender, names) in senders {
        let Some(sender) = case.entry.get(sender) else {
            continue;
        };
        let sender = key(sender)?;
        let secret = try_to("agree", sender.agree(recipient.public()))?;
        let other_end = try_to("agree", recipient.agree(sender.public()))?;
        equal(
            "the secret of the other end",
            other_end.octets(),
            secret.octets(),
        )?;
        let wanted = names.into_iter().find(|name| expected.get(name).is_some());
        if let Some(name) = wanted {
            equal(name, secret.octets(), &hex(expected, name)?)?;
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

fn derive(secrets: &[SharedSecret], info: &OtherInfo<'_>) -> Vec<u8> {
    let secrets: Vec<&[u8]> = secrets.iter().map(SharedSecret::octets).collect();
    let octets = usize::try_from(info.key_bits / 8).unwrap_or(usize::MAX);
    concat_kdf(&secrets, info)
        .iter()
        .copied()
        .take(octets)
        .collect()
}

/// A header field: in hexadecimal, else in base64url.
fn field(entry: &Value, name: &str) -> Result<Vec<u8>, Stop> {
    let in_hex = format!("{name}_hex");
    if entry.get(&in_hex).is_some() {
        hex(entry, &in_hex)
    } else {
        base64(entry, name)
    }
}

fn key(jwk: &Value) -> Result<AgreementKey, Stop> {
    try_to("read a key", AgreementKey::from_jwk(jwk))
}
