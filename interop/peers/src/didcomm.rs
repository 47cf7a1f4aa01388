//! Crate `didcomm`.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;

use comity_jose::jwe::Enc;
use didcomm::algorithms::AnonCryptAlg;
use didcomm::did::{
    DIDDoc, DIDResolver, VerificationMaterial, VerificationMethod, VerificationMethodType,
};
use didcomm::error::Result as DidcommResult;
use didcomm::secrets::{Secret, SecretMaterial, SecretType, SecretsResolver};
use didcomm::{Message, PackEncryptedOptions, UnpackOptions};
use futures_util::FutureExt as _;
use serde_json::Value;

use crate::{Expect, Key, Opened, Packing, Party, Peer, PeerError};

/// Crate `didcomm` with documents and secrets in memory.
#[derive(Debug)]
pub struct Didcomm {
    documents: Documents,
    secrets: Secrets,
}

#[derive(Debug)]
struct Documents(HashMap<String, DIDDoc>);

#[derive(Debug)]
struct Secrets(HashMap<String, Secret>);

impl Peer for Didcomm {
    const NAME: &'static str = "didcomm";

    type Message = Message;

    fn new(me: &Party, others: &[&Party]) -> Result<Self, PeerError> {
        let parties = [me].into_iter().chain(others.iter().copied());
        let secrets = me
            .keys()
            .filter(|key| key.jwk.get("d").is_some())
            .map(|key| (key.kid.clone(), secret(key)));
        Ok(Self {
            documents: Documents(
                parties
                    .map(|party| (party.did.clone(), document(party)))
                    .collect(),
            ),
            secrets: Secrets(secrets.collect()),
        })
    }

    fn message(plaintext: &Value) -> Result<Message, PeerError> {
        serde_json::from_value(plaintext.clone()).map_err(failed)
    }

    fn plaintext(message: &Message) -> Result<Value, PeerError> {
        serde_json::to_value(message).map_err(failed)
    }

    fn pack(&self, message: &Message, packing: &Packing<'_>) -> Result<String, PeerError> {
        let Some(to) = packing.to else {
            let kid = packing.sign_by.unwrap_or_default();
            let signed = message.pack_signed(kid, &self.documents, &self.secrets);
            return now(signed).map(|(envelope, _)| envelope);
        };
        let options = PackEncryptedOptions {
            protect_sender: packing.protect_sender,
            forward: false,
            enc_alg_anon: match packing.enc {
                Enc::A256CbcHs512 => AnonCryptAlg::A256cbcHs512EcdhEsA256kw,
                Enc::A256Gcm => AnonCryptAlg::A256gcmEcdhEsA256kw,
                Enc::Xc20p => AnonCryptAlg::Xc20pEcdhEsA256kw,
                other => return Err(unsupported(other.name())),
            },
            ..PackEncryptedOptions::default()
        };
        let (from, sign_by) = (packing.from, packing.sign_by);
        let packed =
            message.pack_encrypted(to, from, sign_by, &self.documents, &self.secrets, &options);
        now(packed).map(|(envelope, _)| envelope)
    }

    fn unpack(&self, envelope: &str, _: &Expect<'_>) -> Result<Opened<Message>, PeerError> {
        let options = UnpackOptions::default();
        let unpacked = Message::unpack(envelope, &self.documents, &self.secrets, &options);
        let (message, metadata) = now(unpacked)?;
        Ok(Opened::new(
            message,
            metadata.encrypted,
            metadata.encrypted_from_kid,
            metadata.sign_from,
        ))
    }
}

#[async_trait::async_trait(?Send)]
impl DIDResolver for Documents {
    async fn resolve(&self, did: &str) -> DidcommResult<Option<DIDDoc>> {
        Ok(self.0.get(did).cloned())
    }
}

#[async_trait::async_trait(?Send)]
impl SecretsResolver for Secrets {
    async fn get_secret(&self, secret_id: &str) -> DidcommResult<Option<Secret>> {
        Ok(self.0.get(secret_id).cloned())
    }

    async fn find_secrets<'a>(&self, secret_ids: &'a [&'a str]) -> DidcommResult<Vec<&'a str>> {
        let held = |id: &&'a str| self.0.contains_key(*id);
        Ok(secret_ids.iter().copied().filter(held).collect())
    }
}

fn document(party: &Party) -> DIDDoc {
    let kids = |keys: &[Key]| keys.iter().map(|key| key.kid.clone()).collect();
    let method = |key: &Key| VerificationMethod {
        id: key.kid.clone(),
        type_: VerificationMethodType::JsonWebKey2020,
        controller: party.did.clone(),
        verification_material: VerificationMaterial::JWK {
            public_key_jwk: key.public_jwk(),
        },
    };
    DIDDoc {
        id: party.did.clone(),
        key_agreement: kids(&party.agreement),
        authentication: kids(&party.authentication),
        verification_method: party.keys().map(method).collect(),
        service: Vec::new(),
    }
}

fn secret(key: &Key) -> Secret {
    Secret {
        id: key.kid.clone(),
        type_: SecretType::JsonWebKey2020,
        secret_material: SecretMaterial::JWK {
            private_key_jwk: key.jwk.clone(),
        },
    }
}

/// Nothing here waits: documents and secrets are in memory.
fn now<T>(future: impl Future<Output = DidcommResult<T>>) -> Result<T, PeerError> {
    match future.now_or_never() {
        Some(result) => result.map_err(failed),
        None => Err(failed("it waits for something")),
    }
}

fn failed(words: impl Display) -> PeerError {
    PeerError::Failed {
        peer: Didcomm::NAME,
        words: words.to_string(),
    }
}

fn unsupported(what: impl Into<String>) -> PeerError {
    PeerError::Unsupported {
        peer: Didcomm::NAME,
        what: what.into(),
    }
}
