//! Crate `affinidi-messaging-didcomm`.
//!
//! It has no call that signs and then encrypts: that is composed of its own two. Its anoncrypt
//! writes A256CBC-HS512 only, and it has no envelope in an envelope.

use std::collections::HashMap;
use std::fmt::Display;

use affinidi_crypto::jose::key_agreement::{Curve, PrivateKeyAgreement, PublicKeyAgreement};
use affinidi_messaging_didcomm::jws::sign::{JwsSigner, sign_ed25519, sign_multi};
use affinidi_messaging_didcomm::jws::verify::VerifyKey;
use affinidi_messaging_didcomm::message::forward::{unwrap_forward, wrap_in_forward};
use affinidi_messaging_didcomm::message::unpack::unpack_bound;
use affinidi_messaging_didcomm::{Message, SenderKey, SignerKey, UnpackResult, jwe};
use comity_jose::PublicKey;
use comity_jose::jwe::Enc;
use serde_json::Value;

use crate::{Endpoint, Expect, Forwarded, Key, Opened, Packing, Party, Peer, PeerError};

/// Crate `affinidi-messaging-didcomm` with parsed keys.
pub struct Affinidi {
    /// Keys of ours that agree.
    private: HashMap<String, PrivateKeyAgreement>,
    /// Keys of ours that sign.
    signing: HashMap<String, Signing>,
    /// Everybody's keys that agree, by their ids.
    public: HashMap<String, PublicKeyAgreement>,
    /// The ids of a DID's keys that agree, in the order of its document.
    agreement: HashMap<String, Vec<String>>,
    /// Everybody's keys that verify.
    verifying: HashMap<String, VerifyKey>,
    /// Where DIDs are reached.
    endpoints: HashMap<String, Endpoint>,
}

enum Signing {
    Ed25519([u8; 32]),
    P256([u8; 32]),
    Secp256k1([u8; 32]),
}

impl Peer for Affinidi {
    const NAME: &'static str = "affinidi";

    type Message = Message;

    fn new(me: &Party, others: &[&Party]) -> Result<Self, PeerError> {
        let mut new = Self {
            private: HashMap::new(),
            signing: HashMap::new(),
            public: HashMap::new(),
            agreement: HashMap::new(),
            verifying: HashMap::new(),
            endpoints: HashMap::new(),
        };
        for party in [me].into_iter().chain(others.iter().copied()) {
            for key in &party.agreement {
                if let (Some(curve), Some(secret)) = (curve(key), key.secret()) {
                    let private = PrivateKeyAgreement::from_raw_bytes(curve, &secret);
                    let private = private.map_err(failed)?;
                    new.private.insert(key.kid.clone(), private);
                }
            }
            for key in &party.authentication {
                if let Some(signing) = signing(key) {
                    new.signing.insert(key.kid.clone(), signing);
                }
            }
            if let Some(endpoint) = &party.endpoint {
                new.endpoints.insert(party.did.clone(), endpoint.clone());
            }
            let known = || party.agreement.iter().filter(|key| curve(key).is_some());
            for key in known() {
                let public = PublicKeyAgreement::from_jwk(&key.public_jwk()).map_err(failed)?;
                new.public.insert(key.kid.clone(), public);
            }
            let kids = known().map(|key| key.kid.clone()).collect();
            new.agreement.insert(party.did.clone(), kids);
            for key in &party.authentication {
                if let Some(verifying) = verifying(key)? {
                    new.verifying.insert(key.kid.clone(), verifying);
                }
            }
        }
        Ok(new)
    }

    fn message(plaintext: &Value) -> Result<Message, PeerError> {
        serde_json::from_value(plaintext.clone()).map_err(failed)
    }

    fn plaintext(message: &Message) -> Result<Value, PeerError> {
        serde_json::to_value(message).map_err(failed)
    }

    fn pack(&self, message: &Message, packing: &Packing<'_>) -> Result<String, PeerError> {
        if packing.protect_sender {
            return Err(unsupported("envelope in an envelope"));
        }
        if packing.prior.is_some() {
            return Err(unsupported("from_prior"));
        }
        let mut octets = message.to_json().map_err(failed)?;
        if let Some(kid) = packing.sign_by {
            octets = self.sign(kid, &octets)?.into_bytes();
        }
        let Some(to) = packing.to else {
            return String::from_utf8(octets).map_err(failed);
        };
        let envelope = match packing.from {
            None if packing.enc != Enc::A256CbcHs512 => {
                let what = format!("anoncrypt with {}", packing.enc.name());
                return Err(unsupported(what));
            }
            None => self.anoncrypt(&octets, to)?,
            Some(from) => {
                let sender = held(&self.private, from)?;
                let recipients = self.recipients(to, Some(sender.curve()))?;
                jwe::encrypt::authcrypt(&octets, from, sender, &recipients).map_err(failed)?
            }
        };
        if packing.forward {
            self.wrap(to, envelope)
        } else {
            Ok(envelope)
        }
    }

    fn unpack(&self, envelope: &str, expect: &Expect<'_>) -> Result<Opened<Message>, PeerError> {
        let recipient = expect.recipient.map(|kid| held(&self.private, kid));
        let sender = expect
            .sender
            .map(|kid| held(&self.public, kid).map(|key| SenderKey::new(kid, key)));
        let signer = expect
            .signer
            .map(|kid| held(&self.verifying, kid).map(|key| SignerKey::new(kid, key)));
        let unpacked = unpack_bound(
            envelope,
            expect.recipient,
            recipient.transpose()?,
            sender.transpose()?,
            signer.transpose()?,
        );
        match unpacked.map_err(failed)? {
            UnpackResult::Encrypted {
                message,
                sender_kid,
                signer_kid,
                ..
            } => Ok(Opened {
                encrypted: true,
                sender: sender_kid,
                signer: signer_kid,
                ..Opened::new(message)
            }),
            UnpackResult::Signed {
                message,
                signer_kid,
            } => Ok(Opened {
                signer: signer_kid,
                ..Opened::new(message)
            }),
            UnpackResult::Plaintext(message) => Ok(Opened::new(message)),
            _ => Err(failed("it gives a result that is unknown here")),
        }
    }

    fn open_forward(&self, envelope: &str, recipient: &str) -> Result<Forwarded, PeerError> {
        let expect = Expect {
            recipient: Some(recipient),
            ..Expect::default()
        };
        let mut message = self.unpack(envelope, &expect)?.message;
        // Its `unwrap_forward` looks for attachments where reading a message never puts them.
        let attachments = serde_json::to_value(message.attachments.take()).map_err(failed)?;
        message.extra.insert("attachments".to_owned(), attachments);
        let (next, envelope) = unwrap_forward(&message).map_err(failed)?;
        Ok(Forwarded { next, envelope })
    }
}

impl Affinidi {
    fn anoncrypt(&self, octets: &[u8], to: &str) -> Result<String, PeerError> {
        let recipients = self.recipients(to, None)?;
        jwe::encrypt::anoncrypt(octets, &recipients).map_err(failed)
    }

    /// Its forward around an envelope, for every hop: finding them is its caller's business.
    fn wrap(&self, to: &str, envelope: String) -> Result<String, PeerError> {
        let did = to.split('#').next().unwrap_or_default();
        let Some(endpoint) = self.endpoints.get(did) else {
            return Ok(envelope);
        };
        let is_mediator = endpoint.uri.starts_with("did:");
        let mut hops: Vec<&str> = is_mediator.then_some(&*endpoint.uri).into_iter().collect();
        hops.extend(endpoint.routing_keys.iter().map(String::as_str));
        let (mut envelope, mut next) = (envelope, did);
        for hop in hops.into_iter().rev() {
            let forward = wrap_in_forward(next, &envelope).map_err(failed)?;
            envelope = self.anoncrypt(&forward.to_json().map_err(failed)?, hop)?;
            next = hop;
        }
        Ok(envelope)
    }

    fn sign(&self, kid: &str, octets: &[u8]) -> Result<String, PeerError> {
        match held(&self.signing, kid)? {
            Signing::Ed25519(private) => sign_ed25519(octets, kid, private),
            Signing::P256(private) => sign_multi(octets, &[JwsSigner::P256 { kid, private }]),
            Signing::Secp256k1(private) => {
                sign_multi(octets, &[JwsSigner::Secp256k1 { kid, private }])
            }
        }
        .map_err(failed)
    }

    /// One key by its id, or all of a DID's on one curve: the sender's, or else that of its first
    /// key.
    fn recipients<'a>(
        &'a self,
        to: &'a str,
        curve: Option<Curve>,
    ) -> Result<Vec<(&'a str, &'a PublicKeyAgreement)>, PeerError> {
        if to.contains('#') {
            return Ok(vec![(to, held(&self.public, to)?)]);
        }
        let keys: Vec<_> = held(&self.agreement, to)?
            .iter()
            .filter_map(|kid| Some((kid.as_str(), self.public.get(kid)?)))
            .collect();
        let curve = curve.or_else(|| keys.first().map(|(_, key)| key.curve()));
        let fits = |(_, key): &(_, &PublicKeyAgreement)| Some(key.curve()) == curve;
        Ok(keys.into_iter().filter(fits).collect())
    }
}

fn held<'a, T>(keys: &'a HashMap<String, T>, kid: &str) -> Result<&'a T, PeerError> {
    keys.get(kid)
        .ok_or_else(|| PeerError::NoKey(kid.to_owned()))
}

fn curve(key: &Key) -> Option<Curve> {
    match key.curve() {
        "X25519" => Some(Curve::X25519),
        "P-256" => Some(Curve::P256),
        "P-384" => Some(Curve::P384),
        "P-521" => Some(Curve::P521),
        "secp256k1" => Some(Curve::K256),
        _ => None,
    }
}

fn signing(key: &Key) -> Option<Signing> {
    let secret = key.secret()?.try_into().ok()?;
    match key.curve() {
        "Ed25519" => Some(Signing::Ed25519(secret)),
        "P-256" => Some(Signing::P256(secret)),
        "secp256k1" => Some(Signing::Secp256k1(secret)),
        _ => None,
    }
}

/// Its own form of a public key: 32 octets, or a compressed point.
fn verifying(key: &Key) -> Result<Option<VerifyKey>, PeerError> {
    let raw = || -> Result<Vec<u8>, PeerError> {
        let key = PublicKey::from_jwk(&key.public_jwk()).map_err(failed)?;
        Ok(key.raw().to_vec())
    };
    Ok(match key.curve() {
        "Ed25519" => raw()?.try_into().ok().map(VerifyKey::Ed25519),
        "P-256" => Some(VerifyKey::P256(raw()?)),
        "secp256k1" => Some(VerifyKey::Secp256k1(raw()?)),
        _ => None,
    })
}

fn failed(words: impl Display) -> PeerError {
    PeerError::Failed {
        peer: Affinidi::NAME,
        words: words.to_string(),
    }
}

fn unsupported(what: impl Into<String>) -> PeerError {
    PeerError::Unsupported {
        peer: Affinidi::NAME,
        what: what.into(),
    }
}
