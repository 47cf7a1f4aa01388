//! The steps of packing, where a message's vector tells what each of them gives.

use comity_jose::aead::Enc;
use comity_jose::kdf::{OtherInfo, concat_kdf};
use comity_jose::{AgreementKey, PublicKey, SharedSecret, base64url, jwe, key_wrap};
use serde_json::Value;

use crate::case::{Case, Check, Stop, base64, equal, failed, hex, member, skipped, text, try_to};

/// `known_answer` beside `input`, a JWE: agreement, derivation, wrapping and encryption, each
/// compared with what is written down.
pub(super) fn check(case: &Case<'_>) -> Check {
    let (input, known) = (case.member("input")?, case.member("known_answer")?);
    let protected_text = text(input, "protected")?;
    let protected: Value = try_to(
        "read the protected header",
        serde_json::from_slice(&base64(input, "protected")?),
    )?;
    equal(
        "the protected header",
        &protected,
        member(known, "protected_json")?,
    )?;
    let kids = recipients(input)?
        .iter()
        .map(|r| text(member(r, "header")?, "kid"));
    let kids = kids.collect::<Result<Vec<_>, _>>()?;
    let apv = base64url::encode(&jwe::apv(kids));
    equal("apv", apv.as_str(), text(&protected, "apv")?)?;

    let enc = Enc::from_name(text(&protected, "enc")?);
    let enc = enc.ok_or_else(|| skipped("other content encryption"))?;
    let (cek, iv) = (hex(known, "cek_hex")?, hex(known, "iv_hex")?);
    let mut content = base64(input, "ciphertext")?;
    let (ciphertext, tag) = (content.clone(), base64(input, "tag")?);
    let aad = protected_text.as_bytes();
    try_to("decrypt", enc.open(&cek, &iv, aad, &mut content, &tag))?;
    let made = try_to("encrypt", enc.seal(&cek, &iv, aad, &mut content))?;
    equal("the ciphertext", content, ciphertext)?;
    equal("the tag", &made, &tag)?;

    let answers = member(known, "per_recipient")?.as_array();
    for answer in answers.ok_or_else(|| failed("per_recipient is not an array"))? {
        recipient(case, &protected, &tag, answer)?;
    }
    Ok(())
}

/// One recipient: `kid`, `z_hex`, `other_info_hex`, `kek_hex`.
fn recipient(case: &Case<'_>, protected: &Value, tag: &[u8], answer: &Value) -> Check {
    let (input, known) = (case.member("input")?, case.member("known_answer")?);
    let kid = text(answer, "kid")?;
    let public = secret(case, kid)?.public().clone();
    let ephemeral = AgreementKey::from_jwk(member(known, "ephemeral_private_jwk")?);
    let mut secrets = vec![agree(
        &try_to("read the ephemeral key", ephemeral)?,
        &public,
    )?];
    let apu = match protected.get("apu") {
        Some(_) => base64(protected, "apu")?,
        None => Vec::new(),
    };
    if !apu.is_empty() {
        let sender = std::str::from_utf8(&apu).map_err(|_| failed("apu is not a key id"))?;
        secrets.push(agree(&secret(case, sender)?, &public)?);
    }
    let z: Vec<u8> = secrets
        .iter()
        .flat_map(SharedSecret::octets)
        .copied()
        .collect();
    equal("Z", z.as_slice(), &hex(answer, "z_hex")?)?;
    let info = OtherInfo {
        algorithm_id: text(protected, "alg")?,
        apu: &apu,
        apv: &base64(protected, "apv")?,
        key_bits: 256,
        cc_tag: (!apu.is_empty()).then_some(tag),
    };
    equal("OtherInfo", info.octets(), hex(answer, "other_info_hex")?)?;
    let kek = concat_kdf(&[&z], &info);
    equal(
        "the key-encryption key",
        kek.as_slice(),
        &hex(answer, "kek_hex")?,
    )?;
    let mut slots = recipients(input)?.iter();
    let slot = slots.find(|slot| slot["header"]["kid"] == kid);
    let slot = slot.ok_or_else(|| failed(format!("the message is not encrypted to {kid}")))?;
    let wrapped = key_wrap::wrap(&kek, &hex(known, "cek_hex")?);
    equal("the wrapped key", wrapped, base64(slot, "encrypted_key")?)
}

fn recipients(input: &Value) -> Result<&[Value], Stop> {
    let recipients = member(input, "recipients")?.as_array();
    Ok(recipients.ok_or_else(|| failed("recipients is not an array"))?)
}

/// The secret of `kid`, whoever holds it.
fn secret(case: &Case<'_>, kid: &str) -> Result<AgreementKey, Stop> {
    let jwk = case
        .ring
        .secrets
        .get(kid)
        .ok_or_else(|| failed(format!("no secret of {kid}")))?;
    try_to("read a secret", AgreementKey::from_jwk(jwk))
}

fn agree(own: &AgreementKey, peer: &PublicKey) -> Result<SharedSecret, Stop> {
    try_to("agree", own.agree(peer))
}
