//! What is proved of an attachment's content: its hash, and a signature of whoever vouches for it.

use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, Relationship, resolve_offline};
use comity_jose::jws::{Jws, JwsError, SigningInput};
use comity_jose::{PublicKey, SigningKey, multibase, sha256};

use serde_json::json;

use super::{Attachment, Data};
use crate::media_type;

/// Why content is not what its attachment says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The content has another hash than the attachment names: discard it (ATT-04).
    #[error("content has another hash than its attachment names")]
    Hash,
    /// The hash is no SHA-256 multihash in a text form that is read.
    #[error("hash is not a SHA-256 multihash")]
    HashForm,
    /// The signature breaks a rule or does not verify.
    #[error("signature of the content is refused")]
    Jws(#[from] JwsError),
    /// The signature names no key as an absolute DID URL with fragment.
    #[error("signature of the content names no key")]
    KeyId,
    /// The signature was made for something else than an attachment.
    #[error("signature is one of another kind")]
    Typ,
    /// The key is not for authentication in its document.
    #[error("{kid} is not authorised in its document")]
    Unauthorized {
        /// The key.
        kid: DidUrl,
    },
    /// The signer's document could not be had.
    #[error("{did} does not resolve")]
    Unresolved {
        /// Whose.
        did: Did,
    },
}

/// Who signed an attachment's content: anybody, not only the sender of the message (ATT-06).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentSigner {
    /// The key's id.
    pub kid: DidUrl,
    /// The key.
    pub key: PublicKey,
    /// What the signature says to be for: `application/comity-attachment+jws`, or nothing, as other
    /// software leaves it. Nothing means that the same signature may have been made for something
    /// else.
    pub typ: Option<String>,
}

impl Attachment {
    /// Content to be fetched from one of `links`, named by its hash (ATT-04).
    pub fn of_links(links: Vec<String>, content: &[u8]) -> Self {
        Self {
            byte_count: u64::try_from(content.len()).ok(),
            data: Data {
                links,
                hash: Some(multihash(content)),
                ..Data::default()
            },
            ..Self::default()
        }
    }

    /// Adds a detached signature over the content, by the key that `kid` names;
    /// [`Party::sign_attachment`](crate::Party::sign_attachment) knows both. Its `typ` keeps it from
    /// ever being taken for a signed message, and the key id is signed as well.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Attachments"; ATT-06.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey, kid: &DidUrl, content: &[u8]) -> Self {
        let alg = key.algorithm().name();
        let protected = json!({"typ": media_type::ATTACHMENT, "alg": alg, "kid": kid});
        let input = SigningInput::new(protected.to_string().as_bytes(), content);
        let signature = key.sign(input.octets());
        self.data.jws = Some(input.into_detached(&signature));
        self
    }

    /// Whether `content` is what the attachment's `hash` names. Content without a hash is nobody's
    /// promise, and passes.
    ///
    /// The hash is a SHA-256 multihash in multibase (`z` or `u`), or in base58 without prefix.
    ///
    /// # Errors
    /// [`ContentError::Hash`] or [`ContentError::HashForm`]: discard the content.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Attachments"; ATT-04.
    pub fn check_hash(&self, content: &[u8]) -> Result<(), ContentError> {
        let Some(text) = &self.data.hash else {
            return Ok(());
        };
        let named = read_multihash(text).ok_or(ContentError::HashForm)?;
        if named == sha256(&[content]) {
            Ok(())
        } else {
            Err(ContentError::Hash)
        }
    }

    /// The DID whose document [`Attachment::verify_signature`] needs; `None` without a signature
    /// that names a key. A claim until then.
    pub fn claimed_signer(&self) -> Option<Did> {
        let jws = Jws::from_detached(self.data.jws.clone()?, &[]).ok()?;
        let kid = DidUrl::parse(jws.header().kid.as_deref()?).ok()?;
        Some(kid.did().clone())
    }

    /// Verifies the detached signature over `content`, and says whose it is: compare that with whom
    /// you expect. `None` if there is no signature: then nobody vouches for the content.
    ///
    /// `content` is what [`Attachment::octets`] gives, or what was fetched. Names and descriptions
    /// beside it are not signed. The key has to be for authentication in its DID's document;
    /// `documents` gives documents, and DIDs that carry theirs resolve by themselves if it gives none.
    ///
    /// # Errors
    /// [`ContentError`]: trust nothing of it.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Attachments"; ATT-06.
    pub fn verify_signature(
        &self,
        content: &[u8],
        documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<Option<ContentSigner>, ContentError> {
        let Some(jws) = &self.data.jws else {
            return Ok(None);
        };
        let jws = Jws::from_detached(jws.clone(), content)?;
        let typ = jws.header().typ.as_deref();
        if typ.is_some_and(|typ| !media_type::names(typ, media_type::ATTACHMENT)) {
            return Err(ContentError::Typ);
        }
        let kid = jws.header().kid.as_deref();
        let kid = kid
            .and_then(|kid| DidUrl::parse(kid).ok())
            .filter(|kid| kid.fragment().is_some())
            .ok_or(ContentError::KeyId)?;
        let unresolved = || ContentError::Unresolved {
            did: kid.did().clone(),
        };
        let document = documents(kid.did())
            .or_else(|| resolve_offline(kid.did())?.ok().map(Arc::new))
            .filter(|document| document.id().same_subject(kid.did()))
            .ok_or_else(unresolved)?;
        let Some(key) = document.key(&kid, Relationship::Authentication) else {
            return Err(ContentError::Unauthorized { kid });
        };
        jws.verify(key)?;
        let (key, typ) = (key.clone(), typ.map(str::to_owned));
        Ok(Some(ContentSigner { kid, key, typ }))
    }
}

/// The SHA-256 multihash of octets in multibase base58: `zQm…`.
fn multihash(octets: &[u8]) -> String {
    multibase::encode_base58(&[&SHA2_256[..], &sha256(&[octets])].concat())
}

fn read_multihash(text: &str) -> Option<[u8; 32]> {
    if text.len() > MULTIHASH_CHARACTERS {
        return None;
    }
    let octets = if text.starts_with("Qm") {
        multibase::decode(&format!("z{text}")).ok()?
    } else {
        multibase::decode(text).ok()?
    };
    octets.strip_prefix(&SHA2_256)?.try_into().ok()
}

/// The multihash prefix of SHA-256: its code and the length of the digest.
const SHA2_256: [u8; 2] = [0x12, 0x20];

/// No text form that is read is longer: 34 octets in base58 or base64url, and a prefix.
const MULTIHASH_CHARACTERS: usize = 48;
