//! Points of the NIST curves and secp256k1.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::ParsedPublicKey;

use super::curve::Curve;
use super::point::{Point, peer};
use crate::key::KeyError;

/// Reads a compressed or uncompressed point; refuses what is not on the curve, the point at
/// infinity and hybrid forms (SEC 1 §2.3.4; JWE-14).
pub(super) fn parse(curve: Curve, octets: &[u8]) -> Result<Point, KeyError> {
    let row = curve.row();
    let width = row.field_len;
    let form = octets.first().copied();
    let acceptable = match form {
        Some(0x02 | 0x03) => octets.len() == 1 + width,
        Some(0x04) => octets.len() == 1 + 2 * width,
        _ => false,
    };
    if !acceptable {
        return Err(KeyError::Encoding);
    }
    // Whichever way the backend parses the octets, it checks that they are a point of the curve.
    let verifier = OnceLock::new();
    let uncompressed = if form == Some(0x04) && row.agreement.is_some() {
        octets.to_vec()
    } else {
        let algorithm = row.verification.ok_or(KeyError::Encoding)?;
        let parsed = ParsedPublicKey::new(algorithm, octets).map_err(|_| KeyError::NotOnCurve)?;
        let uncompressed = uncompressed(&parsed, octets, width)?;
        verifier.get_or_init(|| Some(parsed));
        uncompressed
    };
    let peer = row
        .agreement
        .map(|algorithm| peer(algorithm, &uncompressed))
        .transpose()?;
    let (x, y) = uncompressed[1..].split_at(width);
    let sign = y.last().map_or(0, |last| last & 1);
    let mut raw = Vec::with_capacity(1 + width);
    raw.push(0x02 | sign);
    raw.extend_from_slice(x);
    Ok(Point {
        curve,
        raw: raw.into(),
        y: Some(y.into()),
        verifier,
        peer,
    })
}

/// The uncompressed form. The backend decompresses; its subject public key info ends with it.
fn uncompressed(key: &ParsedPublicKey, octets: &[u8], width: usize) -> Result<Vec<u8>, KeyError> {
    if octets.len() == 1 + 2 * width {
        return Ok(octets.to_vec());
    }
    let der = key.as_der().map_err(|_| KeyError::Encoding)?;
    let der = der.as_ref();
    let start = der
        .len()
        .checked_sub(1 + 2 * width)
        .ok_or(KeyError::Encoding)?;
    let point = &der[start..];
    // Tag, length and the count of unused bits stand before the point in every named curve.
    if point[0] != 0x04 || point[1..=width] != octets[1..] {
        return Err(KeyError::Encoding);
    }
    Ok(point.to_vec())
}
