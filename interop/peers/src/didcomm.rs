//! Crate `didcomm`.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;

use comity_jose::jwe::Enc;
use didcomm::algorithms::AnonCryptAlg;
use didcomm::did::{
    DIDCommMessagingService, DIDDoc, DIDResolver, Service, ServiceKind, VerificationMaterial,
    VerificationMethod, VerificationMethodType,
};
use didcomm::error::Result as DidcommResult;
use didcomm::protocols::routing::try_parse_forward;
use didcomm::secrets::{Secret, SecretMaterial, SecretType, SecretsResolver};
use didcomm::{FromPrior, Message, PackEncryptedOptions, UnpackMetadata, UnpackOptions};
use futures_util::FutureExt as _;
use serde_json::Value;

use crate::{Endpoint, Expect, Forwarded, Key, Opened, Packing, Party, Peer, PeerError, Prior};

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
        let secrets = parties.clone().flat_map(Party::held);
        let secrets = secrets.map(|key| (key.kid.clone(), secret(key))).collect();
        let documents = parties.map(|party| (party.did.clone(), document(party)));
        Ok(Self {
            documents: Documents(documents.collect()),
            secrets: Secrets(secrets),
        })
    }

    fn message(plaintext: &Value) -> Result<Message, PeerError> {
        serde_json::from_value(plaintext.clone()).map_err(failed)
    }

    fn plaintext(message: &Message) -> Result<Value, PeerError> {
        serde_json::to_value(message).map_err(failed)
    }

    fn pack(&self, message: &Message, packing: &Packing<'_>) -> Result<String, PeerError> {
        let (documents, secrets) = (&self.documents, &self.secrets);
        if let Some(prior) = packing.prior {
            let message = self.handed_over(message, prior)?;
            let packing = Packing {
                prior: None,
                ..*packing
            };
            return self.pack(&message, &packing);
        }
        let Some(to) = packing.to else {
            return match packing.sign_by {
                Some(kid) => {
                    now(message.pack_signed(kid, documents, secrets)).map(|(envelope, _)| envelope)
                }
                None => now(message.pack_plaintext(documents)),
            };
        };
        let options = PackEncryptedOptions {
            protect_sender: packing.protect_sender,
            forward: packing.forward,
            enc_alg_anon: match packing.enc {
                Enc::A256CbcHs512 => AnonCryptAlg::A256cbcHs512EcdhEsA256kw,
                Enc::A256Gcm => AnonCryptAlg::A256gcmEcdhEsA256kw,
                Enc::Xc20p => AnonCryptAlg::Xc20pEcdhEsA256kw,
                other => return Err(unsupported(other.name())),
            },
            ..PackEncryptedOptions::default()
        };
        let (from, sign_by) = (packing.from, packing.sign_by);
        let packed = message.pack_encrypted(to, from, sign_by, documents, secrets, &options);
        now(packed).map(|(envelope, _)| envelope)
    }

    fn unpack(&self, envelope: &str, _: &Expect<'_>) -> Result<Opened<Message>, PeerError> {
        let (message, metadata) = self.opened(envelope, &UnpackOptions::default())?;
        Ok(Opened {
            encrypted: metadata.encrypted,
            sender: metadata.encrypted_from_kid,
            signer: metadata.sign_from,
            prior: metadata.from_prior_issuer_kid,
            ..Opened::new(message)
        })
    }

    fn open_forward(&self, envelope: &str, _: &str) -> Result<Forwarded, PeerError> {
        let options = UnpackOptions {
            unwrap_re_wrapping_forward: false,
            ..UnpackOptions::default()
        };
        let (message, _) = self.opened(envelope, &options)?;
        let forward = try_parse_forward(&message).ok_or_else(|| failed("this is no forward"))?;
        Ok(Forwarded {
            next: forward.next,
            envelope: forward.forwarded_msg.to_string(),
        })
    }
}

impl Didcomm {
    fn opened(
        &self,
        envelope: &str,
        options: &UnpackOptions,
    ) -> Result<(Message, UnpackMetadata), PeerError> {
        now(Message::unpack(
            envelope,
            &self.documents,
            &self.secrets,
            options,
        ))
    }

    fn handed_over(&self, message: &Message, prior: Prior<'_>) -> Result<Message, PeerError> {
        let iss = prior.kid.split('#').next().unwrap_or_default().to_owned();
        let sub = message.from.clone().unwrap_or_default();
        let claims = FromPrior::build(iss, sub).iat(prior.iat).finalize();
        let token = claims.pack(Some(prior.kid), &self.documents, &self.secrets);
        let (token, _) = now(token)?;
        Ok(Message {
            from_prior: Some(token),
            ..message.clone()
        })
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
        service: party.endpoint.iter().map(service).collect(),
    }
}

fn service(endpoint: &Endpoint) -> Service {
    Service {
        id: "#service".to_owned(),
        service_endpoint: ServiceKind::DIDCommMessaging {
            value: DIDCommMessagingService {
                uri: endpoint.uri.clone(),
                accept: Some(vec!["didcomm/v2".to_owned()]),
                routing_keys: endpoint.routing_keys.clone(),
            },
        },
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
