//! Unpacking where keys and documents are at hand.

use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, resolve_offline};
use comity_jose::{AgreementKey, PublicKey, SharedSecret};

use super::{Received, Step, Unpack, UnpackError, UnpackOptions};

/// Drives [`Unpack`] to its end, without refusing any claim.
///
/// `keys` gives a key of ours by its id. `documents` gives a document; DIDs that carry theirs
/// resolve by themselves if it gives none.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack_offline<'k>(
    octets: &[u8],
    keys: &impl Fn(&DidUrl) -> Option<&'k AgreementKey>,
    documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
    options: &UnpackOptions,
) -> Result<Received, UnpackError> {
    let mut unpack = Unpack::new(octets, options)?;
    loop {
        match unpack.step()? {
            Step::Agree { kids, with } => match chosen(kids, keys) {
                None => unpack.no_key(),
                Some((kid, key)) => match agree(key, &with) {
                    Some(secrets) => unpack.agreed(kid, secrets),
                    None => unpack.cannot_agree(),
                },
            },
            Step::Claim(_) => unpack.proceed(),
            Step::Resolve(did) => match resolve(did, documents) {
                Some(document) => unpack.document(document),
                None => unpack.unresolved(),
            },
            Step::Done => return unpack.finish(),
        }
    }
}

/// Checks a signed message that somebody shows: without a private key, whoever it was written to.
///
/// Who is proved is the signer. What that is worth depends on the document: did:key, did:peer and
/// did:jwk carry theirs; for other methods it has to come from a source that whoever checks trusts,
/// and say which keys were the signer's at that time.
///
/// # Errors
/// [`UnpackError`]; [`UnpackError::NoKey`] if it is encrypted.
///
/// # Spec
/// DIDComm v2.1 §"DIDComm Signed Messages"; JWS-12.
pub fn verify_signed(
    jws: &[u8],
    options: &UnpackOptions,
    documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
) -> Result<Received, UnpackError> {
    let received = unpack_offline(jws, &|_| None, documents, options)?;
    match received.signed {
        Some(_) => Ok(received),
        None => Err(UnpackError::Unsigned),
    }
}

fn chosen<'k>(
    kids: &[DidUrl],
    keys: &impl Fn(&DidUrl) -> Option<&'k AgreementKey>,
) -> Option<(DidUrl, &'k AgreementKey)> {
    kids.iter()
        .find_map(|kid| keys(kid).map(|key| (kid.clone(), key)))
}

fn agree(key: &AgreementKey, with: &[PublicKey]) -> Option<Vec<SharedSecret>> {
    with.iter().map(|peer| key.agree(peer).ok()).collect()
}

fn resolve(
    did: &Did,
    documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
) -> Option<Arc<DidDocument>> {
    documents(did).or_else(|| resolve_offline(did)?.ok().map(Arc::new))
}
