//! Our side of a case: the public interface of `comity-didcomm`, all checks on.

use std::sync::Arc;

use anyhow::{Context, Result};
use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::{
    Plaintext, Received, Step, Unpack, UnpackOptions, agreement_targets_on, anoncrypt, authcrypt,
    media_type, sign, unpack_offline,
};
use comity_jose::{
    AgreementKey, Curve, PairSecrets, SharedSecret, SigningKey, SystemEntropy, json::Limits,
};
use comity_peers::Party;

use super::case::Mode;

/// A sender and a recipient with their keys and documents.
pub(crate) struct World {
    pub(crate) sender: Side,
    pub(crate) recipient: Side,
    options: UnpackOptions,
}

/// A party whose private keys are at hand.
pub(crate) struct Side {
    pub(crate) did: Did,
    pub(crate) document: Arc<DidDocument>,
    pub(crate) signing: SigningKey,
    pub(crate) signing_kid: DidUrl,
    /// The key it holds: the last of its document.
    pub(crate) agreement: AgreementKey,
    pub(crate) agreement_kid: DidUrl,
    /// The same for the peers.
    pub(crate) party: Party,
}

impl World {
    pub(crate) fn new(curve: Curve, recipients: usize) -> Result<Self> {
        let mut options = UnpackOptions::default();
        // A body of 1 MiB is more than a message may have by default.
        options.limits = Limits {
            bytes: 8 * 1024 * 1024,
            ..Limits::MESSAGE
        };
        Ok(Self {
            sender: Side::new("did:example:aria", curve, 1)?,
            recipient: Side::new("did:example:bruno", curve, recipients)?,
            options,
        })
    }

    pub(crate) fn limits(&self) -> Limits {
        self.options.limits
    }

    /// Packs; with `cache`, secrets of pairs of static keys are taken from it.
    pub(crate) fn pack(
        &self,
        message: &Plaintext,
        mode: Mode,
        cache: Option<&mut PairSecrets>,
    ) -> Result<String> {
        let (from, to) = (&self.sender, &self.recipient);
        let octets = message.to_octets();
        let typ = media_type::ENCRYPTED;
        Ok(match mode {
            Mode::Sign => sign(&from.signing, &from.signing_kid, &octets),
            Mode::Anoncrypt(enc) => anoncrypt(&SystemEntropy, &to.document, enc, octets, typ)?,
            Mode::AnoncryptSign(enc) => {
                let signed = sign(&from.signing, &from.signing_kid, &octets);
                anoncrypt(&SystemEntropy, &to.document, enc, signed.into_bytes(), typ)?
            }
            Mode::Authcrypt => {
                let key = &from.agreement;
                let targets = agreement_targets_on(&to.document, key.public().curve());
                let zs: Vec<SharedSecret> = match cache {
                    None => targets
                        .iter()
                        .map(|(_, peer)| key.agree(peer))
                        .collect::<Result<_, _>>()?,
                    Some(cache) => targets
                        .iter()
                        .map(|(_, peer)| cache.get(key.public(), peer))
                        .collect::<Option<_>>()
                        .context("the cache is warm")?,
                };
                authcrypt(
                    &SystemEntropy,
                    &from.agreement_kid,
                    &zs,
                    &targets,
                    octets,
                    typ,
                )?
            }
        })
    }

    /// Unpacks with the recipient's key.
    pub(crate) fn unpack(&self, envelope: &str) -> Result<Received> {
        let to = &self.recipient;
        let keys = |kid: &DidUrl| (*kid == to.agreement_kid).then_some(&to.agreement);
        let documents = |did: &Did| self.document(did);
        let options = &self.options;
        Ok(unpack_offline(
            envelope.as_bytes(),
            &keys,
            &documents,
            options,
        )?)
    }

    /// The same with secrets of pairs of static keys from `cache`.
    pub(crate) fn unpack_warm(&self, envelope: &str, cache: &mut PairSecrets) -> Result<Received> {
        let to = &self.recipient;
        let mut unpack = Unpack::new(envelope.as_bytes(), &self.options)?;
        loop {
            match unpack.step()? {
                Step::Agree { with, .. } => {
                    let key = &to.agreement;
                    let mut secrets = vec![key.agree(&with[0])?];
                    if let Some(sender) = with.get(1) {
                        let zs = cache.get(key.public(), sender);
                        secrets.push(zs.context("the cache is warm")?);
                    }
                    unpack.agreed(to.agreement_kid.clone(), secrets);
                }
                Step::Claim(_) => unpack.proceed(),
                Step::Resolve(did) => {
                    let document = self.document(did).context("both are known")?;
                    unpack.document(document);
                }
                _ => return Ok(unpack.finish()?),
            }
        }
    }

    /// A cache that knows the two parties, for either of them.
    pub(crate) fn warm(&self) -> Result<PairSecrets> {
        let mut cache = PairSecrets::new(1024);
        let key = &self.sender.agreement;
        for (_, peer) in agreement_targets_on(&self.recipient.document, key.public().curve()) {
            cache.insert(key.public(), &peer, key.agree(&peer)?);
        }
        Ok(cache)
    }

    fn document(&self, did: &Did) -> Option<Arc<DidDocument>> {
        let sides = [&self.sender, &self.recipient];
        let side = sides.into_iter().find(|side| side.did == *did)?;
        Some(side.document.clone())
    }
}

impl Side {
    fn new(did: &str, curve: Curve, keys: usize) -> Result<Self> {
        let signing = SigningKey::generate(&SystemEntropy);
        let signing_kid = format!("{did}#sign");
        let jwk = serde_json::from_str(&signing.to_secret_jwk())?;
        let mut party = Party::new(did);
        if keys == 1 {
            // A document has room for so many keys, and who has many keys here only reads.
            party = party.authentication(&signing_kid, jwk);
        }
        for index in 1..keys {
            let key = AgreementKey::generate_on(curve, &SystemEntropy)?;
            party = party.agreement(format!("{did}#agree-{index}"), key.public().to_jwk());
        }
        let agreement = AgreementKey::generate_on(curve, &SystemEntropy)?;
        let agreement_kid = format!("{did}#agree-{keys}");
        let jwk = serde_json::from_str(&agreement.to_secret_jwk())?;
        let party = party.agreement(&agreement_kid, jwk);
        let did = Did::parse(did)?;
        let document = DidDocument::parse(&did, party.document().to_string().as_bytes())?;
        Ok(Self {
            did,
            document: Arc::new(document),
            signing,
            signing_kid: DidUrl::parse(&signing_kid)?,
            agreement,
            agreement_kid: DidUrl::parse(&agreement_kid)?,
            party,
        })
    }
}
