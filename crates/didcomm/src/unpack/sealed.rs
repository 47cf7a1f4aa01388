//! The encrypted layer.

use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_jose::json::Tree;
use comity_jose::jwe::{Alg, Jwe};
use comity_jose::{PublicKey, SharedSecret};

use super::{AddressingError, Author, Claim, Layer, SoFar, State, UnpackError};
use crate::media_type;

/// An envelope on its way to being opened.
#[derive(Debug)]
pub(super) struct Sealed {
    jwe: Jwe,
    kids: Vec<DidUrl>,
    skid: Option<DidUrl>,
    sender: Option<Author>,
}

impl Sealed {
    pub(super) fn read(tree: Tree<'_>, so_far: &SoFar) -> Result<State, UnpackError> {
        let jwe = Jwe::from_tree(tree)?;
        if jwe
            .typ()
            .is_some_and(|typ| !media_type::names(typ, media_type::ENCRYPTED))
        {
            return Err(UnpackError::Typ);
        }
        // ENV-02, ENV-04: authcrypt may stand in anoncrypt, and nothing else in anything.
        match (so_far.hop(), jwe.alg()) {
            ([], _) | ([Layer::Anoncrypt { .. }], Alg::Ecdh1Pu) => {}
            _ => return Err(UnpackError::Nesting),
        }
        let kids: Vec<DidUrl> = jwe
            .recipient_kids()
            .map(|kid| key_id(kid, "kid"))
            .collect::<Result<_, _>>()?;
        // JWE-08.
        if kids.windows(2).any(|pair| pair[0].did() != pair[1].did()) {
            return Err(UnpackError::SeveralRecipients);
        }
        let skid = jwe.skid().map(|skid| key_id(skid, "skid")).transpose()?;
        let claim = skid.as_ref().map(|skid| Claim {
            from: skid.did().clone(),
            kid: skid.clone(),
            recipients: kids.clone(),
            type_: None,
            id: None,
            thid: None,
        });
        let sealed = Box::new(Self {
            jwe,
            kids,
            skid,
            sender: None,
        });
        Ok(match claim {
            Some(claim) => State::SealedClaimed(sealed, claim),
            None => State::Agreeing(sealed),
        })
    }

    pub(super) fn kids(&self) -> &[DidUrl] {
        &self.kids
    }

    /// The DID to resolve before the envelope can be opened.
    pub(super) fn sender(&self) -> Result<&Did, UnpackError> {
        self.skid
            .as_ref()
            .map(DidUrl::did)
            .ok_or(UnpackError::OutOfTurn)
    }

    /// The ephemeral key, then the sender's.
    pub(super) fn keys_to_agree_with(&self) -> Vec<PublicKey> {
        let sender = self.sender.as_ref().map(|sender| sender.key.clone());
        [self.jwe.epk().clone()].into_iter().chain(sender).collect()
    }

    /// Takes the sender's document: its key must be for key agreement (JWE-25), on the curve of
    /// the envelope (JWE-13).
    pub(super) fn found(&mut self, document: Arc<DidDocument>) -> Result<(), UnpackError> {
        let skid = self.skid.clone().ok_or(UnpackError::OutOfTurn)?;
        let key = authorized(&document, &skid, Relationship::KeyAgreement)?;
        if key.curve() != self.jwe.epk().curve() {
            return Err(UnpackError::Agreement);
        }
        self.sender = Some(Author {
            kid: skid,
            key,
            document,
        });
        Ok(())
    }

    /// Opens the envelope with what our key agreed on.
    pub(super) fn open(
        self,
        kid: &DidUrl,
        secrets: &[SharedSecret],
        so_far: &mut SoFar,
    ) -> Result<Vec<u8>, UnpackError> {
        let (ze, zs) = match (secrets, &self.sender) {
            ([ze], None) => (ze, None),
            ([ze, zs], Some(_)) => (ze, Some(zs)),
            _ => return Err(UnpackError::OutOfTurn),
        };
        if !self.kids.contains(kid) {
            return Err(UnpackError::OutOfTurn);
        }
        if so_far
            .recipient
            .as_ref()
            .is_some_and(|outer| !outer.did().same_subject(kid.did()))
        {
            return Err(AddressingError::RecipientsDiffer.into());
        }
        let mut octets = self
            .jwe
            .into_opened(kid.as_str(), ze, zs)
            .map_err(|_| UnpackError::Open)?;
        so_far.recipient = Some(kid.clone());
        so_far.layers.push(match &self.sender {
            None => Layer::Anoncrypt {
                recipient: kid.clone(),
            },
            Some(sender) => Layer::Authcrypt {
                recipient: kid.clone(),
                sender: sender.kid.clone(),
            },
        });
        so_far.sender = self.sender;
        Ok(std::mem::take(&mut *octets))
    }
}

/// An absolute DID URL with a fragment (JWS-05, JWE-09).
pub(super) fn key_id(text: &str, header: &'static str) -> Result<DidUrl, UnpackError> {
    match DidUrl::parse(text) {
        Ok(url) if url.fragment().is_some() => Ok(url),
        _ => Err(UnpackError::KeyId(header)),
    }
}

/// The key, if the document is the right one and authorises it (ADR-05).
pub(super) fn authorized(
    document: &DidDocument,
    kid: &DidUrl,
    relationship: Relationship,
) -> Result<PublicKey, UnpackError> {
    if !document.id().same_subject(kid.did()) {
        return Err(UnpackError::Unresolved {
            did: kid.did().clone(),
        });
    }
    document
        .key(kid, relationship)
        .cloned()
        .ok_or_else(|| UnpackError::Unauthorized { kid: kid.clone() })
}
