//! did:webvh: fetching a history and verifying it.

use super::Lane;
use super::http::{FetchError, Http, Limits};
use super::resolver::{Found, ResolveError};
use crate::clock::Clock;
use bytes::Bytes;
use comity_did::webvh::{self, History, Log, LogError, Query, ResolutionError};
use comity_did::{Did, limits};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Fetches the log of `did`, and if it asks for them its witness proofs, from beside each other.
///
/// It takes one of `places` to verify what was fetched, and none while it waits for a host: one that
/// is slow keeps nobody's history waiting.
///
/// # Spec
/// did:webvh 1.0 §"Read (Resolve)"; conformance VH-02, VH-03, VH-08, VH-11.
pub(super) async fn look_up(
    http: &Http,
    clock: &dyn Clock,
    did: &Did,
    lane: Lane,
    time: Duration,
    places: &Arc<Semaphore>,
) -> Result<Found, ResolveError> {
    let url = webvh::url(did).map_err(|source| ResolveError::Url {
        did: did.clone(),
        source,
    })?;
    let unfetched = |source| ResolveError::Fetch {
        did: did.clone(),
        source: Arc::new(source),
    };
    let bounds = |most| Limits {
        time,
        bytes: octets_of(lane, most),
    };
    let octets = http
        .get(&url.log.to_string(), lane, bounds(limits::LOG_BYTES))
        .await
        .map_err(unfetched)?;
    let now = clock.now().seconds();
    let (asked, refused) = (did.clone(), |error| refused(did, error));
    // A long log has a thousand signatures: no work for a thread that others wait for.
    let log = aside(places, move || Log::verify(&asked, &octets, now)).await?;
    let log = log.map_err(|error| refused(error.into()))?;
    let proofs = if log.needs_witness_proofs() {
        let (address, bounds) = (url.witness.to_string(), bounds(limits::WITNESS_PROOF_BYTES));
        unless_missing(http.get(&address, lane, bounds).await).map_err(unfetched)?
    } else {
        None
    };
    let history = aside(places, move || log.into_history(proofs.as_deref())).await?;
    let history = history.map_err(|error: LogError| refused(error.into()))?;
    present(did, &history)
}

/// The present document, of exactly this DID.
fn present(did: &Did, history: &History) -> Result<Found, ResolveError> {
    let resolution = history
        .resolve(&Query::Latest)
        .map_err(|error| refused(did, error))?;
    let Some(document) = resolution.document else {
        return Err(ResolveError::Ended { did: did.clone() });
    };
    if document.id() != did {
        return Err(ResolveError::Moved {
            did: did.clone(),
            to: document.id().clone(),
        });
    }
    Ok(Found {
        document: Arc::new(document),
        fresh: Duration::from_secs(resolution.metadata.ttl.into()),
    })
}

/// No file of witness proofs is none; that it can't be fetched now says nothing.
fn unless_missing(fetched: Result<Bytes, FetchError>) -> Result<Option<Bytes>, FetchError> {
    match fetched {
        Err(FetchError::Status {
            status: 404 | 410, ..
        }) => Ok(None),
        fetched => fetched.map(Some),
    }
}

/// Does `work` on a thread of its own as soon as there is a place. Nothing can break it off, so it
/// keeps its place to its end, even if nobody waits for it any more.
pub(super) async fn aside<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ResolveError> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(|_| ResolveError::Interrupted)?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    done.await.map_err(|_| ResolveError::Interrupted)
}

fn refused(did: &Did, source: ResolutionError) -> ResolveError {
    ResolveError::History {
        did: did.clone(),
        source: Arc::new(source),
    }
}

/// Octets of a log or of witness proofs that are read, of the `most` that there may be: a stranger
/// can make us verify a quarter of what a peer can.
const fn octets_of(lane: Lane, most: usize) -> usize {
    match lane {
        Lane::Known => most,
        Lane::Stranger => most / 4,
    }
}
