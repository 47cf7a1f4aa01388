//! The protected header: reading it with all its rules, and writing it.

use std::borrow::Cow;

use super::parse::{take_octets, take_optional_text, take_text};
use super::{Alg, Enc, Header, JweError, apv};
use crate::crypto::constant_time_eq;
use crate::json::Members;
use crate::{KeyError, PublicKey, base64url, json};

impl Header {
    /// Reads the header of an envelope to these recipients.
    pub(super) fn read<'a>(
        mut protected: Members<'_>,
        kids: impl Iterator<Item = &'a str>,
    ) -> Result<Self, JweError> {
        let alg = take_text(&mut protected, "alg")?;
        let alg = Alg::from_name(&alg).ok_or(JweError::Algorithm)?;
        let enc = take_text(&mut protected, "enc")?;
        let enc = Enc::from_name(&enc).ok_or(JweError::Algorithm)?;
        // ECDH-1PU draft-04 §2.1: key wrapping needs an `enc` that commits to its key (JWE-19).
        if alg == Alg::Ecdh1Pu && enc != Enc::A256CbcHs512 {
            return Err(JweError::Algorithm);
        }
        let typ = take_optional_text(&mut protected, "typ")?.map(Cow::into_owned);
        let skid = sender(alg, &mut protected)?;
        let expected = apv(kids);
        if !constant_time_eq(&take_octets(&mut protected, "apv")?, &expected) {
            return Err(JweError::Apv);
        }
        let epk = protected.take("epk").ok_or(JweError::Shape("epk"))?;
        let epk = PublicKey::from_jwk_tree(&epk).map_err(JweError::EphemeralKey)?;
        if !epk.curve().agrees() {
            return Err(JweError::EphemeralKey(KeyError::Purpose(epk.curve())));
        }
        Ok(Self {
            alg,
            enc,
            epk,
            typ,
            skid,
            apv: expected,
        })
    }

    /// The JSON of the header.
    pub(super) fn write(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        if let Some(typ) = &self.typ {
            member("typ", typ, &mut out);
        }
        member("alg", self.alg.name(), &mut out);
        member("enc", self.enc.name(), &mut out);
        member("apv", &base64url::encode(&self.apv), &mut out);
        if let Some(skid) = &self.skid {
            member("skid", skid, &mut out);
            member("apu", &base64url::encode(skid.as_bytes()), &mut out);
        }
        out.push_str(r#""epk":"#);
        out.push_str(&self.epk.to_jwk_text());
        out.push('}');
        out
    }
}

/// The sender's key id (JWE-22, JWE-24): `apu` is required with ECDH-1PU, agrees with `skid`, and
/// neither has a place in anoncrypt.
fn sender(alg: Alg, protected: &mut Members<'_>) -> Result<Option<String>, JweError> {
    let skid = take_optional_text(protected, "skid")?;
    match alg {
        Alg::EcdhEs => {
            if skid.is_some() || protected.has("apu") {
                return Err(JweError::Apu);
            }
            Ok(None)
        }
        Alg::Ecdh1Pu => {
            let apu = take_octets(protected, "apu")?;
            let apu = String::from_utf8(apu).map_err(|_| JweError::Apu)?;
            match skid {
                Some(skid) if skid != apu => Err(JweError::Apu),
                _ => Ok(Some(apu)),
            }
        }
    }
}

fn member(name: &str, value: &str, out: &mut String) {
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
    json::push_text(value, out);
    out.push(',');
}
