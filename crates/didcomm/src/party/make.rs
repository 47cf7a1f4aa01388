//! New parties: DIDs that carry their keys.

use comity_did::{DidDocument, make_key, make_peer2, resolve_offline};
use comity_jose::{AgreementKey, Curve, KeyError, SigningKey, SystemEntropy};
use serde_json::Value;

use super::Party;

impl Party {
    /// A new did:key.
    ///
    /// An Ed25519 key signs and, as X25519, agrees; a P-256 key does both itself; X25519, P-384
    /// and P-521 keys only agree; a secp256k1 key only signs.
    ///
    /// # Errors
    /// [`KeyError`] if the system's randomness gives no key: practically never.
    ///
    /// # Spec
    /// did:key; KEY-01 to KEY-05.
    pub fn generate_key(curve: Curve) -> Result<Self, KeyError> {
        if curve.signature_algorithm().is_none() {
            let agreement = AgreementKey::generate_on(curve, &SystemEntropy)?;
            let document = carried(&make_key(agreement.public()));
            return Ok(Self::of(document, Vec::new(), vec![agreement]));
        }
        let signing = SigningKey::generate_on(curve, &SystemEntropy)?;
        let agreement = match signing.to_agreement() {
            Some(derived) => Some(derived),
            None => AgreementKey::from_secret(curve, &signing.secret()).ok(),
        };
        let document = carried(&make_key(signing.public()));
        Ok(Self::of(
            document,
            vec![signing],
            agreement.into_iter().collect(),
        ))
    }

    /// A new did:peer:2 that signs on one curve and agrees on another (`Ed25519` and `X25519`, or
    /// `P256` twice), reachable at `services`, each as it would stand in a document.
    ///
    /// # Errors
    /// [`KeyError::Purpose`] for a curve that cannot do what it is given for.
    ///
    /// # Panics
    /// As [`make_peer2`], if the services are far too long.
    ///
    /// # Spec
    /// did:peer §"Method 2"; PEER-2.
    pub fn generate_peer(
        signing: Curve,
        agreement: Curve,
        services: &[Value],
    ) -> Result<Self, KeyError> {
        let signing = SigningKey::generate_on(signing, &SystemEntropy)?;
        let agreement = AgreementKey::generate_on(agreement, &SystemEntropy)?;
        let did = make_peer2(signing.public(), agreement.public(), services);
        Ok(Self::of(carried(&did), vec![signing], vec![agreement]))
    }

    fn of(document: DidDocument, signing: Vec<SigningKey>, agreement: Vec<AgreementKey>) -> Self {
        Self::new(document, signing, agreement).expect("a DID made of these keys authorises them")
    }
}

fn carried(did: &comity_did::Did) -> DidDocument {
    resolve_offline(did)
        .and_then(Result::ok)
        .expect("a DID made here carries its document")
}
