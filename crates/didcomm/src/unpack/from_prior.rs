//! The rotation of a DID that a message announces.

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_jose::json::{self, Limits};
use comity_jose::jws::Jws;
use serde_json::Value;

use super::{Claim, FromPrior, FromPriorError, SoFar, UnpackError, UnpackOptions};
use crate::Plaintext;

/// A `from_prior` whose claims fit the message, and whose signature is still to be verified.
#[derive(Debug)]
pub(super) struct Prior {
    jws: Jws,
    kid: DidUrl,
    claims: Claims,
}

#[derive(Debug)]
struct Claims {
    iss: Did,
    sub: Option<Did>,
    iat: u64,
}

impl Prior {
    pub(super) fn read(
        jwt: &str,
        message: &Plaintext,
        so_far: &SoFar,
        options: &UnpackOptions,
    ) -> Result<Self, UnpackError> {
        // ROT-02.
        if so_far.recipient.is_none() {
            return Err(FromPriorError::NotEncrypted.into());
        }
        let jws = Jws::parse_compact(jwt, &Limits::HEADER).map_err(FromPriorError::Jws)?;
        // ROT-01.
        if !jws
            .header()
            .typ
            .as_deref()
            .is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"))
        {
            return Err(FromPriorError::Header.into());
        }
        let kid = jws
            .header()
            .kid
            .as_deref()
            .and_then(|kid| DidUrl::parse(kid).ok());
        let kid = kid
            .filter(|kid| kid.fragment().is_some())
            .ok_or(FromPriorError::Header)?;
        let claims = Claims::read(jws.payload_unverified(), options)?;
        claims.check(message, &kid)?;
        // ROT-02: the new DID has to have sent it. Whoever has seen the token could repeat it.
        if claims.sub.is_some() && so_far.sender.is_none() && so_far.signer.is_none() {
            return Err(FromPriorError::Unproved.into());
        }
        Ok(Self { jws, kid, claims })
    }

    pub(super) fn issuer(&self) -> &Did {
        &self.claims.iss
    }

    /// What the token says before its signature is looked at: that the prior DID made it.
    pub(super) fn claim(&self, message: &Plaintext, so_far: &SoFar) -> Claim {
        Claim {
            from: self.claims.iss.clone(),
            kid: self.kid.clone(),
            recipients: so_far.recipient.iter().cloned().collect(),
            type_: Some(message.type_.clone()),
            id: Some(message.id.clone()),
            thid: Some(message.thread().clone()),
        }
    }

    /// ROT-04: by a key that the prior DID authorises for authentication.
    pub(super) fn verify(self, document: &DidDocument) -> Result<FromPrior, UnpackError> {
        if !document.id().same_subject(&self.claims.iss) {
            return Err(UnpackError::Unresolved {
                did: self.claims.iss,
            });
        }
        let key = document
            .key(&self.kid, Relationship::Authentication)
            .ok_or(FromPriorError::Unauthorized)?;
        self.jws.verify(key).map_err(FromPriorError::Jws)?;
        let Claims { iss, sub, iat } = self.claims;
        Ok(FromPrior {
            iss,
            sub,
            iat,
            kid: self.kid,
        })
    }
}

impl Claims {
    /// ROT-01, ROT-05: `iat` is required; `exp` and `nbf` hold if they are there.
    fn read(payload: &[u8], options: &UnpackOptions) -> Result<Self, FromPriorError> {
        let claims = json::parse(payload, &Limits::HEADER).map_err(|_| FromPriorError::Claims)?;
        let did = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Did::parse(text)
                .map(Some)
                .map_err(|_| FromPriorError::Claims),
            Some(_) => Err(FromPriorError::Claims),
        };
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(FromPriorError::Claims),
        };
        let iat = time("iat")?.ok_or(FromPriorError::Claims)?;
        if let Some(now) = options.now {
            let starts = time("nbf")?.unwrap_or(iat).max(iat);
            let ended = |exp: u64| now >= exp.saturating_add(options.skew);
            if starts > now.saturating_add(options.skew) || time("exp")?.is_some_and(ended) {
                return Err(FromPriorError::Time);
            }
        }
        Ok(Self {
            iss: did("iss")?.ok_or(FromPriorError::Claims)?,
            sub: did("sub")?,
            iat,
        })
    }

    /// ROT-03, ROT-04, ROT-09: from the prior DID, to the sender of this message; or, with neither
    /// `sub` nor `from`, the end of the relationship.
    fn check(&self, message: &Plaintext, kid: &DidUrl) -> Result<(), FromPriorError> {
        if !kid.did().same_subject(&self.iss) {
            return Err(FromPriorError::ForeignKey);
        }
        match (&self.sub, &message.from) {
            (None, None) => Ok(()),
            (Some(sub), _) if sub.same_subject(&self.iss) => Err(FromPriorError::SameDid),
            (Some(sub), Some(from)) if sub.same_subject(from) => Ok(()),
            _ => Err(FromPriorError::Subject),
        }
    }
}
