//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037, RFC 8812).

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{KeyError, PublicKey};
use crate::base64url;
use crate::crypto::{Curve, Point};
use crate::json::Tree;

/// A JSON object, whoever read it.
pub(super) trait Jwk {
    /// Whether there is a member of this name.
    fn has(&self, name: &str) -> bool;

    /// The member, if it is a text.
    fn text(&self, name: &str) -> Option<&str>;
}

impl Jwk for Value {
    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }
}

impl Jwk for Tree<'_> {
    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }
}

/// The public members, as an uncompressed or raw point.
pub(super) fn public_octets(jwk: &impl Jwk) -> Result<(Curve, Vec<u8>), KeyError> {
    if !matches!(text(jwk, "kty")?, "OKP" | "EC") {
        return Err(KeyError::Unsupported);
    }
    let curve = Curve::from_name(text(jwk, "crv")?).ok_or(KeyError::Unsupported)?;
    if text(jwk, "kty")? != curve.kty() {
        return Err(KeyError::Encoding);
    }
    let x = coordinate(jwk, "x", curve)?;
    if curve.kty() == "OKP" {
        return Ok((curve, x));
    }
    let mut point = Vec::with_capacity(1 + 2 * curve.field_len());
    point.push(0x04);
    point.extend_from_slice(&x);
    point.extend_from_slice(&coordinate(jwk, "y", curve)?);
    Ok((curve, point))
}

/// The private member. Full width: RFC 7518 §6.2.2.1 for EC, RFC 8037 §2 for OKP.
pub(super) fn private_octets(jwk: &impl Jwk, curve: Curve) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let octets = Zeroizing::new(decode(jwk, "d")?);
    if octets.len() == curve.field_len() {
        Ok(octets)
    } else {
        Err(KeyError::Encoding)
    }
}

/// The public members, in the order everybody writes them.
pub(super) fn to_jwk(curve: Curve, point: &Point) -> Value {
    let (x, y) = coordinates(point);
    match y {
        None => json!({"kty": curve.kty(), "crv": curve.name(), "x": x}),
        Some(y) => json!({"kty": curve.kty(), "crv": curve.name(), "x": x, "y": y}),
    }
}

/// The private JWK. Every copy of the private octets made here is wiped.
pub(super) fn to_secret_text(public: &PublicKey, secret: &[u8]) -> Zeroizing<String> {
    let public = public.to_jwk_text();
    let mut text = Zeroizing::new(String::with_capacity(public.len() + 128));
    text.push_str(public.trim_end_matches('}'));
    text.push_str(r#","d":""#);
    base64url::encode_into(secret, &mut text);
    text.push_str(r#""}"#);
    text
}

/// The same as text. It needs no escaping.
pub(super) fn to_text(curve: Curve, point: &Point) -> String {
    let (crv, kty) = (curve.name(), curve.kty());
    match coordinates(point) {
        (x, None) => format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}"}}"#),
        (x, Some(y)) => format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}","y":"{y}"}}"#),
    }
}

/// The text whose SHA-256 is the thumbprint (RFC 7638 §3). It needs no escaping.
pub(super) fn thumbprint_text(curve: Curve, point: &Point) -> String {
    let (crv, kty) = (curve.name(), curve.kty());
    match coordinates(point) {
        (x, None) => format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"}}"#),
        (x, Some(y)) => format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#),
    }
}

fn coordinates(point: &Point) -> (String, Option<String>) {
    match &point.y {
        None => (base64url::encode(&point.raw), None),
        Some(y) => (
            base64url::encode(&point.raw[1..]),
            Some(base64url::encode(y)),
        ),
    }
}

fn coordinate(jwk: &impl Jwk, name: &str, curve: Curve) -> Result<Vec<u8>, KeyError> {
    let octets = decode(jwk, name)?;
    if octets.len() == curve.field_len() {
        Ok(octets)
    } else {
        Err(KeyError::Encoding)
    }
}

fn decode(jwk: &impl Jwk, name: &str) -> Result<Vec<u8>, KeyError> {
    base64url::decode(text(jwk, name)?).map_err(|_| KeyError::Encoding)
}

fn text<'a>(jwk: &'a impl Jwk, name: &str) -> Result<&'a str, KeyError> {
    jwk.text(name).ok_or(KeyError::Encoding)
}
