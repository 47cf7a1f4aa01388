//! Somebody with their private keys at hand: packing, unpacking and rotating in one call each.

mod make;

use std::borrow::Cow;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, PublicKey, SharedSecret, SigningKey, SystemEntropy};

use crate::pack::PREFERENCE;
use crate::{
    Attachment, PackError, Plaintext, Received, UnpackError, UnpackOptions, agreement_targets_on,
    anoncrypt, authcrypt, media_type, rotation_input, sign, unpack_offline,
};

/// A DID with its document and its private keys.
///
/// For programs that hold their own keys. Where keys live elsewhere, or documents have to be
/// fetched while a message is read, use the parts that this is made of: [`crate::signing_input`],
/// [`crate::anoncrypt`], [`crate::authcrypt`] and [`crate::Unpack`].
///
/// `Debug` shows public keys only.
#[derive(Debug)]
pub struct Party {
    document: Arc<DidDocument>,
    signing: Vec<SigningKey>,
    agreement: Vec<AgreementKey>,
}

/// How a message is protected on its way, and thereby who can tell what about it (ENV-02).
///
/// | | read by | who wrote it can be told by |
/// | --- | --- | --- |
/// | [`Signed`](Self::Signed) | everybody | everybody |
/// | [`Anoncrypted`](Self::Anoncrypted) | the recipient | nobody |
/// | [`Authcrypted`](Self::Authcrypted) | the recipient | the recipient, and nobody else ever |
/// | [`SignedAnoncrypted`](Self::SignedAnoncrypted) | the recipient | the recipient, and whoever the recipient shows it to |
/// | [`HiddenAuthcrypted`](Self::HiddenAuthcrypted) | the recipient | as authcrypted; who carries it does not see the sender's key |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protection {
    /// `sign(plaintext)`: a public statement.
    Signed,
    /// `anoncrypt(plaintext)`: a letter without sender.
    Anoncrypted,
    /// `authcrypt(plaintext)`: deniable, what most DIDComm software sends.
    Authcrypted,
    /// `anoncrypt(sign(plaintext))`: confidential and non-repudiable, what Comity sends.
    #[default]
    SignedAnoncrypted,
    /// `anoncrypt(authcrypt(plaintext))`: deniable, the sender hidden from mediators (JWE-33).
    HiddenAuthcrypted,
}

/// How to pack; a [`Protection`] alone makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packing {
    /// Who can tell what.
    pub protection: Protection,
    /// How an anoncrypted layer encrypts: A256CBC-HS512, which everybody reads, unless set
    /// otherwise. Authcrypted layers know no other (JWE-19, JWE-30).
    pub enc: Enc,
}

/// Why a DID and its private keys do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartyError {
    /// A private key whose public part the document does not authorise for its purpose.
    #[error("the document does not authorise the key {fingerprint} for its purpose")]
    ForeignKey {
        /// The key's fingerprint.
        fingerprint: String,
    },
}

impl Party {
    /// A DID whose document and private keys came from somewhere: a file, a DID of any method.
    ///
    /// # Errors
    /// [`PartyError`] if a key is not in the document for what it does.
    pub fn new(
        document: DidDocument,
        signing: Vec<SigningKey>,
        agreement: Vec<AgreementKey>,
    ) -> Result<Self, PartyError> {
        let party = Self {
            document: Arc::new(document),
            signing,
            agreement,
        };
        let signs = party
            .signing
            .iter()
            .map(|key| (key.public(), Relationship::Authentication));
        let agrees = party
            .agreement
            .iter()
            .map(|key| (key.public(), Relationship::KeyAgreement));
        for (key, relationship) in signs.chain(agrees) {
            party
                .kid(key, relationship)
                .ok_or_else(|| PartyError::ForeignKey {
                    fingerprint: key.fingerprint(),
                })?;
        }
        Ok(party)
    }

    /// The DID.
    pub fn did(&self) -> &Did {
        self.document.id()
    }

    /// Its document: what others encrypt to and verify with.
    pub fn document(&self) -> &Arc<DidDocument> {
        &self.document
    }

    /// The keys that sign, in the order in which they are preferred.
    pub fn signing_keys(&self) -> &[SigningKey] {
        &self.signing
    }

    /// The keys that agree on secrets.
    pub fn agreement_keys(&self) -> &[AgreementKey] {
        &self.agreement
    }

    /// Packs a message for one recipient.
    ///
    /// `from` and `to` are filled in where they are missing, except that an anoncrypted message
    /// without `from` stays without.
    ///
    /// # Errors
    /// [`PackError`] if `from` or `to` names others, or a key is missing that this protection needs.
    pub fn pack(
        &self,
        message: &Plaintext,
        recipient: &DidDocument,
        how: impl Into<Packing>,
    ) -> Result<String, PackError> {
        let Packing { protection, enc } = how.into();
        let message = self.addressed(message, recipient, protection)?;
        let plaintext = message.to_octets();
        let seal = |octets: Vec<u8>| {
            anoncrypt(
                &SystemEntropy,
                recipient,
                enc,
                octets,
                media_type::ENCRYPTED,
            )
        };
        match protection {
            Protection::Signed => self.sign(&plaintext),
            Protection::Anoncrypted => seal(plaintext),
            Protection::Authcrypted => self.authcrypt(plaintext, recipient),
            Protection::SignedAnoncrypted => seal(self.sign(&plaintext)?.into_bytes()),
            Protection::HiddenAuthcrypted => {
                seal(self.authcrypt(plaintext, recipient)?.into_bytes())
            }
        }
    }

    /// Unpacks a message of a sender whose DID carries its document: did:key, did:peer, did:jwk.
    ///
    /// What names others in `to` is refused, encrypted or not ([`UnpackOptions::reader`]). A plaintext
    /// without any protection is read too: it proves nobody.
    ///
    /// # Errors
    /// [`UnpackError`]: nothing of the message may be used.
    pub fn unpack(&self, octets: &[u8], options: &UnpackOptions) -> Result<Received, UnpackError> {
        self.unpack_with(octets, options, &|_| None)
    }

    /// The same, with documents from elsewhere: `documents` is asked first.
    ///
    /// # Errors
    /// [`UnpackError`]: nothing of the message may be used. [`UnpackError::Unresolved`] names the DID
    /// whose document was missing: fetch it, and unpack again.
    pub fn unpack_with(
        &self,
        octets: &[u8],
        options: &UnpackOptions,
        documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<Received, UnpackError> {
        let options = UnpackOptions {
            reader: Some(self.did().clone()),
            ..options.clone()
        };
        unpack_offline(octets, &|kid| self.agreement_key(kid), documents, &options)
    }

    /// The token by which this DID hands over to `new`, or with `None` ends the relationship: the
    /// `from_prior` of messages that `new` sends. `now` is in UTC seconds.
    ///
    /// # Errors
    /// [`PackError::NoSigningKey`].
    ///
    /// # Spec
    /// [`rotation_input`], which says how long to repeat it.
    pub fn hand_over(&self, new: Option<&Did>, now: u64) -> Result<String, PackError> {
        let (kid, key) = self.signer()?;
        let input = rotation_input(self.did(), new, kid, key.algorithm(), now);
        let signature = key.sign(input.octets());
        Ok(input.into_compact(&signature))
    }

    /// Signs the content of an attachment: as its author, or as somebody who vouches for it, whoever
    /// sends it. `content` is what [`Attachment::octets`] gives, or what its links lead to.
    ///
    /// # Errors
    /// [`PackError::NoSigningKey`].
    pub fn sign_attachment(
        &self,
        attachment: Attachment,
        content: &[u8],
    ) -> Result<Attachment, PackError> {
        let (kid, key) = self.signer()?;
        Ok(attachment.signed(key, kid, content))
    }

    fn addressed<'m>(
        &self,
        message: &'m Plaintext,
        recipient: &DidDocument,
        protection: Protection,
    ) -> Result<Cow<'m, Plaintext>, PackError> {
        let mut message = Cow::Borrowed(message);
        match &message.from {
            Some(from) if !from.same_subject(self.did()) => return Err(PackError::From),
            None if protection != Protection::Anoncrypted => {
                message.to_mut().from = Some(self.did().clone());
            }
            _ => {}
        }
        if message.to.is_empty() {
            message.to_mut().to = vec![recipient.id().clone()];
        } else if !message.is_to(recipient.id()) {
            return Err(PackError::To);
        }
        Ok(message)
    }

    fn sign(&self, plaintext: &[u8]) -> Result<String, PackError> {
        let (kid, key) = self.signer()?;
        Ok(sign(key, kid, plaintext))
    }

    fn authcrypt(&self, plaintext: Vec<u8>, recipient: &DidDocument) -> Result<String, PackError> {
        let mut ours = PREFERENCE.iter().filter_map(|curve| {
            let key = self
                .agreement
                .iter()
                .find(|key| key.public().curve() == *curve)?;
            let targets = agreement_targets_on(recipient, *curve);
            (!targets.is_empty()).then_some((key, targets))
        });
        let (key, targets) = ours.next().ok_or(PackError::Curves)?;
        let skid = self
            .kid(key.public(), Relationship::KeyAgreement)
            .ok_or(PackError::Curves)?;
        let zs: Vec<SharedSecret> = targets
            .iter()
            .map(|(_, target)| key.agree(target))
            .collect::<Result<_, _>>()
            .map_err(|_| PackError::NoKey)?;
        authcrypt(
            &SystemEntropy,
            skid,
            &zs,
            &targets,
            plaintext,
            media_type::ENCRYPTED,
        )
    }

    fn signer(&self) -> Result<(&DidUrl, &SigningKey), PackError> {
        let key = self.signing.first().ok_or(PackError::NoSigningKey)?;
        let kid = self.kid(key.public(), Relationship::Authentication);
        Ok((kid.ok_or(PackError::NoSigningKey)?, key))
    }

    fn agreement_key(&self, kid: &DidUrl) -> Option<&AgreementKey> {
        let public = self.document.key(kid, Relationship::KeyAgreement)?;
        self.agreement.iter().find(|key| key.public() == public)
    }

    fn kid(&self, key: &PublicKey, relationship: Relationship) -> Option<&DidUrl> {
        let mut keys = self.document.keys(relationship);
        keys.find(|(_, listed)| *listed == key).map(|(kid, _)| kid)
    }
}

impl Protection {
    /// The media type of what comes out: what HTTP calls `Content-Type` (ENV-01).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Signed => media_type::SIGNED,
            _ => media_type::ENCRYPTED,
        }
    }
}

impl From<Protection> for Packing {
    fn from(protection: Protection) -> Self {
        Self {
            protection,
            enc: Enc::A256CbcHs512,
        }
    }
}

impl Packing {
    /// The same with another content encryption, for a recipient that is known to read it.
    #[must_use]
    pub fn with_enc(self, enc: Enc) -> Self {
        Self { enc, ..self }
    }
}
