//! The signed layer.

use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_jose::json;
use comity_jose::jws::Jws;

use super::sealed::{authorized, key_id};
use super::{
    AddressingError, Author, Claim, Layer, Message, SignedEvidence, SoFar, State, UnpackError,
    UnpackOptions, read_plaintext,
};
use crate::{Plaintext, PlaintextError, media_type};

/// A signed message on its way to being verified.
#[derive(Debug)]
pub(super) struct Signed {
    jws: Jws,
    octets: Vec<u8>,
    kid: DidUrl,
    plaintext: Plaintext,
    /// The spelling of the signer's DID that is easiest to resolve.
    signer: Did,
}

impl Signed {
    /// A signature stands innermost (ENV-02, ENV-03, ENV-07), in at most two envelopes.
    pub(super) fn check_place(so_far: &SoFar) -> Result<(), UnpackError> {
        let is_signed = |layer: &Layer| matches!(layer, Layer::Signed { .. });
        if so_far.layers.iter().any(is_signed) {
            return Err(UnpackError::Nesting);
        }
        Ok(())
    }

    /// Checks of the signature, and of the message in it, all that needs no key.
    pub(super) fn read(
        jws: Jws,
        octets: Vec<u8>,
        options: &UnpackOptions,
        so_far: &SoFar,
    ) -> Result<State, UnpackError> {
        let header = jws.header();
        if header
            .typ
            .as_deref()
            .is_some_and(|typ| !media_type::names(typ, media_type::SIGNED))
        {
            return Err(UnpackError::Typ);
        }
        let kid = key_id(header.kid.as_deref().unwrap_or_default(), "kid")?;
        let payload = json::tree(jws.payload_unverified(), &options.limits)
            .map_err(|error| UnpackError::Plaintext(PlaintextError::Json(error)))?;
        if payload.get("ciphertext").is_some() || payload.get("payload").is_some() {
            return Err(UnpackError::Nesting);
        }
        let plaintext = read_plaintext(payload)?;
        let from = check_addresses(&plaintext, &kid, so_far)?;
        let signer = resolvable(from, kid.did()).clone();
        let claim = Claim {
            from: from.clone(),
            kid: kid.clone(),
            recipients: so_far.recipient.iter().cloned().collect(),
            type_: Some(plaintext.type_.clone()),
            id: Some(plaintext.id.clone()),
            thid: Some(plaintext.thread().clone()),
        };
        Ok(State::SignedClaimed(
            Box::new(Self {
                jws,
                octets,
                kid,
                plaintext,
                signer,
            }),
            claim,
        ))
    }

    pub(super) fn signer(&self) -> &Did {
        &self.signer
    }

    /// The key must be for authentication, which is checked first (JWS-07), and the signature
    /// must be its.
    pub(super) fn verify(
        self,
        document: Arc<DidDocument>,
        so_far: &mut SoFar,
    ) -> Result<Message, UnpackError> {
        let key = authorized(&document, &self.kid, Relationship::Authentication)?;
        self.jws.verify(&key)?;
        let parts = self.jws.into_parts();
        so_far.layers.push(Layer::Signed {
            signer: self.kid.clone(),
        });
        let evidence = SignedEvidence {
            jws: self.octets,
            protected_b64: parts.protected_b64,
            payload_b64: parts.payload_b64,
            signature: parts.signature,
            alg: parts.header.alg,
            typ: parts.header.typ,
            kid: self.kid.clone(),
        };
        so_far.signer = Some((
            Author {
                kid: self.kid,
                key,
                document,
            },
            evidence,
        ));
        Ok(Message {
            plaintext: self.plaintext,
            octets: parts.payload,
        })
    }
}

/// MSG-08, ADR-03; ENV-03 inside authcrypt; ENV-08 inside any envelope: a signed message that does
/// not name its reader was signed for somebody else and passed on.
fn check_addresses<'a>(
    plaintext: &'a Plaintext,
    kid: &DidUrl,
    so_far: &SoFar,
) -> Result<&'a Did, UnpackError> {
    let from = plaintext.from.as_ref().ok_or(AddressingError::NoFrom)?;
    if !from.same_subject(kid.did()) {
        return Err(AddressingError::FromIsNotSigner.into());
    }
    if let Some(sender) = &so_far.sender
        && !sender.kid.did().same_subject(kid.did())
    {
        return Err(AddressingError::SignerIsNotSender.into());
    }
    if let Some(recipient) = &so_far.recipient
        && !plaintext.is_to(recipient.did())
    {
        return Err(AddressingError::RecipientNotInTo.into());
    }
    Ok(from)
}

/// Of two spellings of one DID the long one: only that carries its document (PEER-4c).
fn resolvable<'a>(a: &'a Did, b: &'a Did) -> &'a Did {
    if b.as_str().len() > a.as_str().len() {
        b
    } else {
        a
    }
}
