//! The way to a recipient: from a service endpoint to an address and the keys to wrap for.

use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl, Endpoint, Relationship, Target, resolve_offline};
use comity_jose::{Entropy, PublicKey, jwe::Enc};

use super::forward;
use crate::{PackError, agreement_targets};

/// Where to send a message, and for whom to wrap it before.
///
/// # Spec
/// DIDComm v2.1 §"Routing Protocol 2.0", §"Using a DID as an endpoint"; RTE-02, RTE-03, SVC-05.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The address to send to.
    pub uri: String,
    /// Whom to wrap for, from the outside in; empty for a recipient who is reached directly.
    pub hops: Vec<Hop>,
}

/// Somebody who unwraps one layer and passes on what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// What the forward before it calls `next`: a key, or the DID of a mediator.
    pub name: DidUrl,
    /// The keys to encrypt to: of one DID, on one curve.
    pub keys: Vec<(DidUrl, PublicKey)>,
}

/// Why an endpoint leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// A routing key that its document does not list for key agreement (SVC-05).
    #[error("routing key {key} is not authorised in its document")]
    Key {
        /// The key.
        key: DidUrl,
    },
    /// The mediator's own endpoint is a DID again, or it has none: one step is followed (RTE-03).
    #[error("mediator {did} has no address of its own")]
    Mediator {
        /// The mediator.
        did: Did,
    },
    /// Messages are held until they are picked up: nothing can be sent (SVC-04).
    #[error("messages for this endpoint wait until they are picked up")]
    Queue,
    /// A document could not be had.
    #[error("{did} does not resolve")]
    Unresolved {
        /// Whose.
        did: Did,
    },
}

impl Hop {
    /// A key that a document was found to list for key agreement.
    pub fn new(kid: DidUrl, key: PublicKey) -> Self {
        Self {
            name: kid.clone(),
            keys: vec![(kid, key)],
        }
    }
}

impl Route {
    /// The DIDs whose documents [`Route::find`] will ask for, as far as the endpoint itself tells:
    /// a mediator's document may name routing keys of others.
    pub fn dids(endpoint: &Endpoint) -> Vec<Did> {
        let mediator = match endpoint.target() {
            Target::Did(did) => Some(did),
            _ => None,
        };
        let keys = endpoint.routing_keys.iter().map(|key| key.did().clone());
        let mut dids: Vec<Did> = mediator.into_iter().chain(keys).collect();
        dids.dedup();
        dids
    }

    /// Finds the way to whoever has this endpoint.
    ///
    /// Where the endpoint is a DID, its keys come before the listed routing keys, unless the first
    /// of these is the same key (interop-trap 42). `documents` gives documents; DIDs that carry
    /// theirs resolve by themselves if it gives none.
    ///
    /// # Errors
    /// [`RouteError`]: try another endpoint, or later.
    pub fn find(
        endpoint: &Endpoint,
        documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<Self, RouteError> {
        let listed = hops(&endpoint.routing_keys, documents)?;
        match endpoint.target() {
            Target::Did(did) => Self::through(did, listed, documents),
            Target::Url(uri) => Ok(Self {
                uri: uri.to_owned(),
                hops: listed,
            }),
            _ => Err(RouteError::Queue),
        }
    }

    fn through(
        did: Did,
        listed: Vec<Hop>,
        documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
    ) -> Result<Self, RouteError> {
        let document = resolve(&did, documents)?;
        let mut endpoints = document.didcomm_endpoints();
        let found = endpoints.find_map(|endpoint| match endpoint.target() {
            Target::Url(uri) => Some((uri.to_owned(), endpoint)),
            _ => None,
        });
        let keys = agreement_targets(&document);
        let Some((uri, endpoint)) = found.filter(|_| !keys.is_empty()) else {
            return Err(RouteError::Mediator { did });
        };
        let mut hops = hops(&endpoint.routing_keys, documents)?;
        let is_listed = listed.first().is_some_and(|hop| {
            let is_mediators = |key| keys.iter().any(|(_, own)| own == key);
            hop.keys.iter().all(|(_, key)| is_mediators(key))
        });
        if !is_listed {
            hops.push(Hop {
                name: DidUrl::from(did),
                keys,
            });
        }
        hops.extend(listed);
        Ok(Self { uri, hops })
    }

    /// Wraps an envelope for the way: what comes out goes to [`Route::uri`].
    ///
    /// # Errors
    /// [`PackError`].
    pub fn wrap(
        &self,
        entropy: &dyn Entropy,
        recipient: &Did,
        envelope: String,
        enc: Enc,
        expires_time: Option<u64>,
    ) -> Result<String, PackError> {
        let next = DidUrl::from(recipient.clone());
        forward(entropy, &next, &self.hops, envelope, enc, expires_time)
    }
}

/// The hops that routing keys name: each a key, or a DID that stands for its keys.
fn hops(
    routing_keys: &[DidUrl],
    documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
) -> Result<Vec<Hop>, RouteError> {
    let hop = |name: &DidUrl| {
        let document = resolve(name.did(), documents)?;
        let keys = if name.fragment().is_none() {
            agreement_targets(&document)
        } else {
            let key = document.key(name, Relationship::KeyAgreement);
            key.map(|key| (name.clone(), key.clone()))
                .into_iter()
                .collect()
        };
        if keys.is_empty() {
            return Err(RouteError::Key { key: name.clone() });
        }
        let name = name.clone();
        Ok(Hop { name, keys })
    };
    routing_keys.iter().map(hop).collect()
}

fn resolve(
    did: &Did,
    documents: &impl Fn(&Did) -> Option<Arc<DidDocument>>,
) -> Result<Arc<DidDocument>, RouteError> {
    documents(did)
        .or_else(|| resolve_offline(did)?.ok().map(Arc::new))
        .filter(|document| document.id().same_subject(did))
        .ok_or_else(|| RouteError::Unresolved { did: did.clone() })
}
