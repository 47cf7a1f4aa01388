//! The targets, a file each.

pub(crate) mod bundle;
pub(crate) mod contact;
pub(crate) mod documents;
pub(crate) mod jose;
pub(crate) mod json;
pub(crate) mod layers;
pub(crate) mod names;
pub(crate) mod plaintext;
pub(crate) mod receipts;
pub(crate) mod records;
pub(crate) mod unpack;
pub(crate) mod vouch;
pub(crate) mod webvh;

/// The choice in the first octet, of `n`, and the rest.
fn choice(data: &[u8], n: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((first % n, rest))
}

/// A seed with its choice before it.
fn chosen(choice: u8, rest: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = vec![choice];
    out.extend_from_slice(rest.as_ref());
    out
}

/// A target without inputs at the limits.
fn none() -> Vec<Vec<u8>> {
    Vec::new()
}
