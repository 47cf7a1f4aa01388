//! Where a document says that messages are to be sent, and through whom.

use super::{Lane, ResolveError, Resolver};
use comity_did::{Did, DidDocument, Endpoint};
use comity_didcomm::protocols::routing::{Route, RouteError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Why nothing can be sent to a peer. The operator's business, never a peer's.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoRoute {
    /// No endpoint at all, or none with an address that is reached by HTTP.
    #[error("its document names no HTTP endpoint for DIDComm v2")]
    Address,
    /// The document of a mediator could not be had.
    #[error("a mediator on the way to it does not resolve: {0}")]
    Mediator(ResolveError),
    /// The mediators on the way did not answer in time.
    #[error("the mediators on the way to it do not answer within {} s", TIME_FOR_A_WAY.as_secs())]
    Slow,
    /// The endpoint leads nowhere.
    #[error("its endpoint leads nowhere: {0}")]
    Way(RouteError),
}

impl Resolver {
    /// The way to a peer: by the first of its endpoints that can be used (conformance RTE-02,
    /// RTE-03, SVC-02).
    ///
    /// Of a document that names many only the first few are tried, and not for long: who waits holds
    /// a place of the outbox.
    ///
    /// # Errors
    /// [`NoRoute`], of the last endpoint that was tried.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn route(&self, document: &DidDocument) -> Result<Route, NoRoute> {
        let found = self.first_route(document);
        tokio::time::timeout(TIME_FOR_A_WAY, found)
            .await
            .unwrap_or(Err(NoRoute::Slow))
    }

    async fn first_route(&self, document: &DidDocument) -> Result<Route, NoRoute> {
        let mut because = NoRoute::Address;
        for endpoint in document.didcomm_endpoints().take(ENDPOINTS_TRIED) {
            match self.through(endpoint).await {
                Ok(route) if is_http(&route.uri) => return Ok(route),
                Ok(_) => {}
                Err(error) => because = error,
            }
        }
        Err(because)
    }

    /// Fetches the documents of those on the way as they turn out to be needed.
    async fn through(&self, endpoint: &Endpoint) -> Result<Route, NoRoute> {
        let mut known: HashMap<Did, Arc<DidDocument>> = HashMap::new();
        loop {
            match Route::find(endpoint, &|did| known.get(did).cloned()) {
                Ok(route) => return Ok(route),
                Err(RouteError::Unresolved { did }) if known.len() < DOCUMENTS_ON_A_WAY => {
                    let document = self.resolve(&did, Lane::Known).await;
                    known.insert(did, document.map_err(NoRoute::Mediator)?);
                }
                Err(error) => return Err(NoRoute::Way(error)),
            }
        }
    }
}

fn is_http(uri: &str) -> bool {
    let has = |scheme: &str| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has("https://") || has("http://")
}

/// Endpoints that are looked at: more than anybody has in use.
const ENDPOINTS_TRIED: usize = 8;

/// For all documents of a way together; each has ten seconds of its own.
const TIME_FOR_A_WAY: Duration = Duration::from_secs(20);

/// Documents fetched for one way: those of the mediator, of its routing keys and of the peer's, of
/// which nobody has more than two or three.
const DOCUMENTS_ON_A_WAY: usize = 8;
