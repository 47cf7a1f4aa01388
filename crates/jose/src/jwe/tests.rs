use serde_json::{Value, json};

use super::*;
use crate::json::Limits;
use crate::{AgreementKey, Curve, SystemEntropy, base64url};

const TYP: &str = "application/didcomm-encrypted+json";
const SKID: &str = "did:example:aria#key-2";
const CURVES: [Curve; 4] = [Curve::X25519, Curve::P256, Curve::P384, Curve::P521];

struct Pair {
    keys: Vec<AgreementKey>,
    kids: Vec<String>,
}

impl Pair {
    fn on(curve: Curve) -> Self {
        let key = |_| AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let kid = |index| format!("did:example:bruno#key-{index}");
        Self {
            keys: (0..2).map(key).collect(),
            kids: (0..2).map(kid).collect(),
        }
    }

    fn recipients(&self) -> Vec<(&str, &PublicKey)> {
        self.kids
            .iter()
            .map(String::as_str)
            .zip(self.keys.iter().map(|key| key.public()))
            .collect()
    }

    fn anoncrypt(&self, enc: Enc, octets: &[u8]) -> Jwe {
        let text = self.anoncrypt_text(enc, octets);
        Jwe::parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }

    fn anoncrypt_text(&self, enc: Enc, octets: &[u8]) -> String {
        let recipients = self.recipients();
        encrypt(
            &SystemEntropy,
            Sender::Anonymous,
            enc,
            &recipients,
            octets,
            TYP,
        )
        .unwrap()
    }

    fn authcrypt(&self, sender: &AgreementKey, octets: &[u8]) -> Jwe {
        let zs: Vec<_> = self
            .keys
            .iter()
            .map(|key| sender.agree(key.public()).unwrap())
            .collect();
        let sender = Sender::Static {
            skid: SKID,
            zs: &zs,
        };
        let recipients = self.recipients();
        let enc = Enc::A256CbcHs512;
        let text = encrypt(&SystemEntropy, sender, enc, &recipients, octets, TYP).unwrap();
        Jwe::parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }
}

#[test]
fn each_recipient_opens_what_was_encrypted_to_all() {
    for curve in CURVES {
        for enc in Enc::ALL {
            let pair = Pair::on(curve);
            for length in [0, 1, 15, 16, 17, 1000] {
                let octets = vec![7; length];
                let jwe = pair.anoncrypt(enc, &octets);
                assert_eq!(jwe.alg(), Alg::EcdhEs);
                assert_eq!(jwe.enc(), enc);
                assert_eq!(jwe.typ(), Some(TYP));
                assert_eq!(jwe.skid(), None);
                for (kid, key) in pair.kids.iter().zip(&pair.keys) {
                    let ze = key.agree(jwe.epk()).unwrap();
                    assert_eq!(*jwe.open(kid, &ze, None).unwrap(), octets);
                }
            }
        }
    }
}

#[test]
fn authcrypt_opens_with_the_senders_key_only() {
    for curve in CURVES {
        let pair = Pair::on(curve);
        let sender = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let jwe = pair.authcrypt(&sender, b"octets");
        assert_eq!(jwe.alg(), Alg::Ecdh1Pu);
        assert_eq!(jwe.skid(), Some(SKID));
        let (kid, key) = (&pair.kids[1], &pair.keys[1]);
        let ze = key.agree(jwe.epk()).unwrap();
        let zs = key.agree(sender.public()).unwrap();
        assert_eq!(**jwe.open(kid, &ze, Some(&zs)).unwrap(), *b"octets");

        let stranger = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
        let wrong = key.agree(stranger.public()).unwrap();
        assert!(jwe.open(kid, &ze, Some(&wrong)).is_err());
        assert!(jwe.open(kid, &ze, None).is_err());
        assert!(jwe.open(&pair.kids[0], &ze, Some(&zs)).is_err());
        assert!(jwe.open("did:example:nobody#1", &ze, Some(&zs)).is_err());
    }
}

#[test]
fn refuses_to_write_what_nobody_may_read() {
    let pair = Pair::on(Curve::X25519);
    let other = Pair::on(Curve::P256);
    let write = |sender, enc, recipients: &[(&str, &PublicKey)]| {
        encrypt(&SystemEntropy, sender, enc, recipients, b"", TYP).unwrap_err()
    };
    let recipients = pair.recipients();
    let named = Sender::Static {
        skid: SKID,
        zs: &[],
    };
    assert_eq!(
        write(named, Enc::A256Gcm, &recipients),
        EncryptError::Enc(Enc::A256Gcm)
    );
    assert_eq!(
        write(named, Enc::A256CbcHs512, &recipients),
        EncryptError::Secrets
    );
    let anonymous = |recipients: &[_]| write(Sender::Anonymous, Enc::A256Gcm, recipients);
    assert_eq!(anonymous(&[]), EncryptError::Recipients);
    assert_eq!(
        anonymous(&[recipients[0], recipients[0]]),
        EncryptError::Recipients
    );
    assert_eq!(
        anonymous(&[recipients[0], other.recipients()[1]]),
        EncryptError::MixedCurves
    );
    let many: Vec<String> = (0..=MAX_RECIPIENTS)
        .map(|index| index.to_string())
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|kid| (kid.as_str(), recipients[0].1))
        .collect();
    assert_eq!(anonymous(&many), EncryptError::Recipients);
}

#[test]
fn no_changed_octet_opens() {
    let pair = Pair::on(Curve::X25519);
    let good: Value = serde_json::from_str(&pair.anoncrypt_text(Enc::A256Gcm, b"octets")).unwrap();
    for member in ["/iv", "/ciphertext", "/tag", "/recipients/0/encrypted_key"] {
        let mut changed = good.clone();
        let text = changed.pointer_mut(member).unwrap();
        let mut octets = base64url::decode(text.as_str().unwrap()).unwrap();
        octets[0] ^= 1;
        *text = base64url::encode(&octets).into();
        let jwe = Jwe::from_value(changed).unwrap();
        let ze = pair.keys[0].agree(jwe.epk()).unwrap();
        assert_eq!(
            jwe.open(&pair.kids[0], &ze, None).unwrap_err(),
            OpenError,
            "{member}"
        );
    }
}

/// Reads an envelope after a change to its protected header, then to itself.
fn read_changed(
    change_protected: impl FnOnce(&mut Value),
    change: impl FnOnce(&mut Value),
) -> Result<Jwe, JweError> {
    let pair = Pair::on(Curve::X25519);
    let mut envelope: Value =
        serde_json::from_str(&pair.anoncrypt_text(Enc::A256Gcm, b"octets")).unwrap();
    let protected = base64url::decode(envelope["protected"].as_str().unwrap()).unwrap();
    let mut protected: Value = serde_json::from_slice(&protected).unwrap();
    change_protected(&mut protected);
    envelope["protected"] = base64url::encode(protected.to_string().as_bytes()).into();
    change(&mut envelope);
    Jwe::from_value(envelope)
}

#[test]
fn refuses_headers_that_break_a_rule() {
    let protected = |change: fn(&mut Value)| read_changed(change, |_| {}).unwrap_err();
    assert!(matches!(
        protected(|h| h["alg"] = "ECDH-ES".into()),
        JweError::Algorithm
    ));
    assert!(matches!(
        protected(|h| h["enc"] = "A128GCM".into()),
        JweError::Algorithm
    ));
    assert!(matches!(
        protected(|h| h["alg"] = "ECDH-1PU+A256KW".into()),
        JweError::Algorithm
    ));
    assert!(matches!(
        protected(|h| h["apu"] = "AA".into()),
        JweError::Apu
    ));
    assert!(matches!(
        protected(|h| h["skid"] = "a".into()),
        JweError::Apu
    ));
    assert!(matches!(
        protected(|h| h["apv"] = "AA".into()),
        JweError::Apv
    ));
    assert!(matches!(
        protected(|h| h["apv"] = Value::Null),
        JweError::Shape("apv")
    ));
    assert!(matches!(
        protected(|h| h["crit"] = json!([])),
        JweError::Extension("crit")
    ));
    assert!(matches!(
        protected(|h| h["zip"] = "DEF".into()),
        JweError::Extension("zip")
    ));
    assert!(matches!(
        protected(|h| h["epk"] = Value::Null),
        JweError::EphemeralKey(_)
    ));
    assert!(matches!(
        protected(|h| h["epk"]["d"] = "AA".into()),
        JweError::EphemeralKey(_)
    ));
    assert!(matches!(
        protected(|h| h["kid"] = "a".into()),
        JweError::RepeatedParameter
    ));
    assert!(matches!(
        protected(|h| h["enc"] = "XC20P".into()),
        JweError::Length("iv")
    ));
}

#[test]
fn refuses_envelopes_that_break_a_rule() {
    let envelope = |change: fn(&mut Value)| read_changed(|_| {}, change).unwrap_err();
    assert!(matches!(
        envelope(|e| e["aad"] = "AA".into()),
        JweError::Extension("aad")
    ));
    assert!(matches!(
        envelope(|e| e["recipients"] = json!([])),
        JweError::Shape("recipients")
    ));
    assert!(matches!(
        envelope(|e| e["iv"] = "AA".into()),
        JweError::Length("iv")
    ));
    assert!(matches!(
        envelope(|e| e["tag"] = "AA".into()),
        JweError::Length("tag")
    ));
    assert!(matches!(
        envelope(|e| e["tag"] = "AA==".into()),
        JweError::Base64("tag")
    ));
    assert!(matches!(
        envelope(|e| e["unprotected"] = json!({"enc": "A256GCM"})),
        JweError::RepeatedParameter
    ));
    assert!(matches!(
        envelope(|e| e["recipients"][1] = e["recipients"][0].clone()),
        JweError::DuplicateRecipient
    ));
    assert!(matches!(
        envelope(|e| e["recipients"][1]["encrypted_key"] = "AA".into()),
        JweError::Length("encrypted_key")
    ));
    assert!(matches!(
        envelope(|e| e["recipients"] = e["recipients"][0].clone().to_string().into()),
        JweError::Shape("recipients")
    ));
    assert!(matches!(
        envelope(|e| e["recipients"] = vec![e["recipients"][0].clone(); MAX_RECIPIENTS + 1].into()),
        JweError::TooManyRecipients
    ));
}

#[test]
fn the_flattened_form_reads_as_one_recipient() {
    let pair = Pair::on(Curve::X25519);
    let recipients = &pair.recipients()[..1];
    let text = encrypt(
        &SystemEntropy,
        Sender::Anonymous,
        Enc::A256Gcm,
        recipients,
        b"octets",
        TYP,
    )
    .unwrap();
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    let recipient = envelope["recipients"][0].take();
    envelope.as_object_mut().unwrap().remove("recipients");
    envelope["header"] = recipient["header"].clone();
    envelope["encrypted_key"] = recipient["encrypted_key"].clone();
    let jwe = Jwe::from_value(envelope).unwrap();
    let ze = pair.keys[0].agree(jwe.epk()).unwrap();
    assert_eq!(**jwe.open(&pair.kids[0], &ze, None).unwrap(), *b"octets");
}

#[test]
fn no_two_envelopes_share_a_key_or_a_nonce() {
    let pair = Pair::on(Curve::X25519);
    let write = || -> Value {
        serde_json::from_str(&pair.anoncrypt_text(Enc::A256Gcm, b"octets")).unwrap()
    };
    let (one, other) = (write(), write());
    for member in ["/iv", "/ciphertext", "/recipients/0/encrypted_key"] {
        assert_ne!(one.pointer(member), other.pointer(member), "{member}");
    }
    let epk = |envelope: &Value| Jwe::from_value(envelope.clone()).unwrap().epk().clone();
    assert_ne!(epk(&one), epk(&other));
}

#[test]
fn unknown_members_of_the_ephemeral_key_and_of_the_header_are_ignored() {
    let change = |header: &mut Value| {
        header["epk"]["kid"] = "a".into();
        header["x-unknown"] = 1.into();
    };
    assert!(read_changed(change, |_| {}).is_ok());
}
