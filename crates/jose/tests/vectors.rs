//! Known answers: everything in `vectors/jose`, through the public API.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

use comity_jose::aead::Enc;
use comity_jose::kdf::{OtherInfo, concat_kdf};
use comity_jose::{
    AgreementKey, PublicKey, SignatureAlgorithm, SigningKey, base64url, json, jwe, key_wrap,
    multibase, sha256,
};
use serde_json::Value;

#[test]
fn agreement_and_kdf_give_the_published_keys() {
    for vector in primitives()
        .iter()
        .filter(|vector| vector.get("recipient_static").is_some())
    {
        let ephemeral = agreement_key(&vector["ephemeral"]);
        let recipient = agreement_key(&vector["recipient_static"]);
        let ze = ephemeral.agree(recipient.public()).unwrap();
        assert_eq!(
            ze.octets(),
            octets(vector, &["ze_hex", "z_hex"]),
            "{}",
            vector["id"]
        );
        let mut secrets = vec![ze];
        if vector.get("sender_static").is_some() {
            let zs = agreement_key(&vector["sender_static"])
                .agree(recipient.public())
                .unwrap();
            assert_eq!(zs.octets(), octets(vector, &["zs_hex"]), "{}", vector["id"]);
            secrets.push(zs);
        }
        let party = |name: &str| match vector.get(name) {
            Some(text) => base64url::decode(text.as_str().unwrap()).unwrap(),
            None => octets(vector, &[&format!("{name}_hex")]),
        };
        let (apu, apv) = (party("apu"), party("apv"));
        let tag = vector
            .get("tag_hex")
            .map(|tag| unhex(tag.as_str().unwrap()));
        let key_bits = vector["key_bits"]
            .as_u64()
            .map_or(256, |bits| u32::try_from(bits).unwrap());
        let info = OtherInfo {
            algorithm_id: vector["algorithm_id"].as_str().unwrap_or("ECDH-1PU+A256KW"),
            apu: &apu,
            apv: &apv,
            key_bits,
            cc_tag: tag.as_deref(),
        };
        assert_eq!(
            info.octets(),
            octets(vector, &["other_info_hex"]),
            "{}",
            vector["id"]
        );
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.octets()).collect();
        let key = concat_kdf(&secrets, &info);
        let expected = match vector.get("derived_key_b64u") {
            Some(text) => base64url::decode(text.as_str().unwrap()).unwrap(),
            None => octets(vector, &["kek_hex"]),
        };
        assert_eq!(
            key[..key_bits as usize / 8],
            expected[..],
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn ecdh_1pu_appendix_b_agrees_with_both_recipients() {
    let vector = primitive("ECDH1PU-04-APP-B");
    let ephemeral = agreement_key(&vector["ephemeral"]);
    let sender = agreement_key(&vector["sender_static"]);
    let cek = octets(&vector, &["cek_hex"]);
    let mut content = vector["plaintext_utf8"]
        .as_str()
        .unwrap()
        .as_bytes()
        .to_vec();
    let aad = vector["protected"].as_str().unwrap().as_bytes();
    let tag = Enc::A256CbcHs512.seal(&cek, &octets(&vector, &["iv_hex"]), aad, &mut content);
    assert_eq!(base64url::encode(&content), vector["ciphertext"]);
    assert_eq!(base64url::encode(tag.as_ref().unwrap()), vector["tag"]);
    for recipient in vector["recipients"].as_array().unwrap() {
        let key = agreement_key(&recipient["static"]);
        let ze = key.agree(ephemeral.public()).unwrap();
        let zs = key.agree(sender.public()).unwrap();
        assert_eq!(ze.octets(), octets(recipient, &["ze_hex"]));
        assert_eq!(zs.octets(), octets(recipient, &["zs_hex"]));
        let info = OtherInfo {
            algorithm_id: "ECDH-1PU+A128KW",
            apu: b"Alice",
            apv: b"Bob and Charlie",
            key_bits: 128,
            cc_tag: tag.as_deref().ok(),
        };
        let kek = concat_kdf(&[ze.octets(), zs.octets()], &info);
        assert_eq!(kek[..16], octets(recipient, &["kek_hex"])[..]);
    }
}

#[test]
fn content_encryption_gives_the_published_octets_and_refuses_every_changed_one() {
    for (id, enc) in [
        ("RFC7518-B3", Enc::A256CbcHs512),
        ("XCHACHA-A3.1", Enc::Xc20p),
    ] {
        let vector = primitive(id);
        let key = octets(&vector, &["key_hex"]);
        let iv = octets(&vector, &["iv_hex", "nonce_hex"]);
        let aad = match vector.get("aad_utf8") {
            Some(text) => text.as_str().unwrap().as_bytes().to_vec(),
            None => octets(&vector, &["aad_hex"]),
        };
        let plaintext = vector["plaintext_utf8"].as_str().unwrap().as_bytes();
        let mut content = plaintext.to_vec();
        let tag = enc.seal(&key, &iv, &aad, &mut content).unwrap();
        assert_eq!(content, octets(&vector, &["ciphertext_hex"]), "{id}");
        assert_eq!(tag, octets(&vector, &["tag_hex"]), "{id}");

        let sealed = content.clone();
        enc.open(&key, &iv, &aad, &mut content, &tag).unwrap();
        assert_eq!(content, plaintext, "{id}");
        let refused = |iv: &[u8], aad: &[u8], content: &[u8], tag: &[u8]| {
            enc.open(&key, iv, aad, &mut content.to_vec(), tag).is_err()
        };
        assert!(refused(&flipped(&iv), &aad, &sealed, &tag), "{id}");
        assert!(refused(&iv, &flipped(&aad), &sealed, &tag), "{id}");
        assert!(refused(&iv, &aad, &flipped(&sealed), &tag), "{id}");
        assert!(refused(&iv, &aad, &sealed, &flipped(&tag)), "{id}");
        assert!(refused(&iv, &aad, &sealed, &tag[..tag.len() - 1]), "{id}");
        assert!(refused(&iv, &aad, &[], &tag), "{id}");
    }
}

#[test]
fn key_wrap_gives_the_published_octets() {
    let vector = primitive("RFC3394-4.6");
    let kek: [u8; 32] = octets(&vector, &["kek_hex"]).try_into().unwrap();
    let key = octets(&vector, &["key_hex"]);
    let wrapped = key_wrap::wrap(&kek, &key);
    assert_eq!(wrapped, octets(&vector, &["wrapped_hex"]));
    assert_eq!(*key_wrap::unwrap(&kek, &wrapped).unwrap(), key);
    assert!(key_wrap::unwrap(&kek, &flipped(&wrapped)).is_err());
    assert!(key_wrap::unwrap(&kek, &wrapped[..7]).is_err());
    assert!(key_wrap::unwrap(&kek, &wrapped[..9]).is_err());
}

#[test]
fn ed25519_gives_the_published_signature() {
    let vector = primitive("RFC8037-A4");
    let key = SigningKey::from_jwk(&vector["key"]).unwrap();
    let input = vector["signing_input"].as_str().unwrap().as_bytes();
    let signature = key.sign(input);
    assert_eq!(base64url::encode(&signature), vector["signature"]);
    key.public()
        .verify(SignatureAlgorithm::EdDsa, input, &signature)
        .unwrap();
}

#[test]
fn thumbprints_are_those_of_rfc_8037_and_of_our_formats() {
    let key = PublicKey::from_jwk(&serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }))
    .unwrap();
    assert_eq!(
        base64url::encode(&key.thumbprint()),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn apv_sorts_by_code_point() {
    for vector in load("apv") {
        let kids = vector["kids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|kid| kid.as_str().unwrap());
        assert_eq!(
            base64url::encode(&jwe::apv(kids)),
            vector["apv"],
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn canonical_json_is_that_of_rfc_8785() {
    for vector in load("jcs") {
        let input = vector["input"].as_str().unwrap().as_bytes();
        let value = json::parse(input, &json::Limits::MESSAGE).unwrap();
        let canonical = json::canonical(&value).unwrap();
        assert_eq!(
            canonical,
            vector["canonical_utf8"].as_str().unwrap().as_bytes()
        );
        let multihash = [&[0x12, 0x20][..], &sha256(&[&canonical])].concat();
        assert_eq!(
            multibase::encode_base58(&multihash)[1..],
            *vector["sha256_multihash_base58btc"].as_str().unwrap()
        );
    }
}

fn primitives() -> Vec<Value> {
    load("primitives")
}

fn primitive(id: &str) -> Value {
    primitives()
        .into_iter()
        .find(|vector| vector["id"] == id)
        .unwrap()
}

fn load(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../vectors/jose/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn agreement_key(jwk: &Value) -> AgreementKey {
    AgreementKey::from_jwk(jwk).unwrap()
}

fn octets(vector: &Value, names: &[&str]) -> Vec<u8> {
    unhex(
        names
            .iter()
            .find_map(|name| vector.get(name))
            .unwrap()
            .as_str()
            .unwrap(),
    )
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |octet: &u8| u8::try_from(char::from(*octet).to_digit(16).unwrap()).unwrap();
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(&pair[0]) << 4 | digit(&pair[1]))
        .collect()
}

fn flipped(octets: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    if let Some(last) = octets.last_mut() {
        *last ^= 1;
    }
    octets
}
