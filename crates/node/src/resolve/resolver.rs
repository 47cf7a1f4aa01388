//! DIDs to documents: bounded, cached, each fetched once at a time.

use super::Lane;
use super::cache::{Cache, Resolved};
use super::http::{FetchError, Http, Limits};
use super::webvh;
use crate::bucket::{Buckets, Rate};
use crate::clock::Clock;
use crate::custody::BoxFuture;
use comity_did::webvh::ResolutionError;
use comity_did::{Did, DidDocument, DocumentError, limits, resolve_offline, web};
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Resolves DIDs. Cheap to clone; all clones share caches and lanes.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    clock: Arc<dyn Clock>,
    own: RwLock<HashMap<Did, Arc<DidDocument>>>,
    known: Shelf,
    strangers: Shelf,
    places: Arc<Semaphore>,
    hosts: Buckets<String>,
    rechecks: Buckets<Did>,
}

/// A cache, what is being fetched for it, and places to verify that.
#[derive(Debug)]
struct Shelf {
    cache: Mutex<Cache>,
    flights: Mutex<HashMap<Did, WeakShared<Flight>>>,
    histories: Arc<Semaphore>,
}

type Flight = BoxFuture<'static, Resolved>;

/// A document, and how long its owner would have it used without looking again.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) document: Arc<DidDocument>,
    pub(super) fresh: Duration,
}

/// Why a DID has no document here. The operator's business; a peer learns nothing of it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The strangers' lane is full; nothing was tried.
    #[error("too many strangers are being looked up")]
    Busy,
    /// What was fetched is not the document of this DID.
    #[error("{did} has a document that cannot be used: {source}")]
    Document {
        /// The DID.
        did: Did,
        /// What is wrong with it.
        source: Arc<DocumentError>,
    },
    /// The DID has ended: its owner says that it has no document any more.
    #[error("{did} was deactivated by its owner")]
    Ended {
        /// The DID.
        did: Did,
    },
    /// It could not be fetched.
    #[error("{}", unfetched(did, source))]
    Fetch {
        /// The DID.
        did: Did,
        /// Why not.
        source: Arc<FetchError>,
    },
    /// What was fetched is not a history that can be verified.
    #[error("{did} has a history that cannot be used: {}", chain(&**source))]
    History {
        /// The DID.
        did: Did,
        /// What is wrong with it.
        source: Arc<ResolutionError>,
    },
    /// The lookup was broken off, as by a node that stops.
    #[error("the lookup was broken off")]
    Interrupted,
    /// The DID has another host or path now.
    #[error("{did} is now {to}: use that")]
    Moved {
        /// The DID.
        did: Did,
        /// What it is now.
        to: Did,
    },
    /// A DID that should carry its document in itself, and does not.
    #[error("{did} is not valid: {source}")]
    Offline {
        /// The DID.
        did: Did,
        /// What is wrong with it.
        source: Arc<comity_did::ResolveError>,
    },
    /// A method that this node does not read.
    #[error("the method did:{method} is not read here")]
    Unsupported {
        /// The method.
        method: String,
    },
    /// A did:web or did:webvh that names no address.
    #[error("{did} names no address: {source}")]
    Url {
        /// The DID.
        did: Did,
        /// What is wrong with it.
        source: web::WebUrlError,
    },
}

impl ResolveError {
    /// Whether it may work later without anybody changing anything.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Fetch { .. } | Self::Interrupted)
    }
}

impl Resolver {
    /// Resolves by way of `http`; histories are verified by the time of `clock`.
    #[must_use]
    pub fn new(http: Http, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            http,
            clock,
            own: RwLock::default(),
            known: Shelf::new(KNOWN_MAX),
            strangers: Shelf::new(STRANGERS_MAX),
            places: Arc::new(Semaphore::new(STRANGERS_AT_ONCE)),
            hosts: Buckets::new(STRANGERS_RATE),
            rechecks: Buckets::new(RECHECK_RATE),
        }))
    }

    /// An agent of this node: its document needs no fetching from now on.
    pub fn host(&self, document: Arc<DidDocument>) {
        let mut own = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
        own.insert(document.id().clone(), document);
    }

    /// No longer an agent of this node.
    pub fn unhost(&self, did: &Did) {
        self.0
            .own
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(did);
    }

    /// The document of a DID: our own, cached (for ten minutes), computed or fetched.
    ///
    /// # Errors
    /// [`ResolveError`]; [`ResolveError::Busy`] only in the strangers' lane.
    ///
    /// # Cancel safety
    /// Cancel safe; what others wait for too goes on for them.
    pub async fn resolve(&self, did: &Did, lane: Lane) -> Resolved {
        if let Some(found) = self.at_hand(did, lane) {
            return found;
        }
        self.fetch(did, lane).await
    }

    /// Resolves anew, for a key that the cached document does not have; at most twice in a row and
    /// then once a minute for each DID, otherwise as [`Resolver::resolve`].
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn refetch(&self, did: &Did) -> Resolved {
        let is_ours = self.own(did).is_some();
        if is_ours || !is_fetched(did) || !self.0.rechecks.take(did.clone()) {
            return self.resolve(did, Lane::Known).await;
        }
        self.fetch(did, Lane::Known).await
    }

    /// The document may be outdated: the next resolution fetches it, no more often than
    /// [`Resolver::refetch`] would.
    pub fn suspect(&self, did: &Did) {
        if is_fetched(did) && self.0.rechecks.take(did.clone()) {
            lock(&self.0.known.cache).remove(did);
        }
    }

    fn own(&self, did: &Did) -> Option<Arc<DidDocument>> {
        self.0
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(did)
            .cloned()
    }

    /// What needs no network.
    fn at_hand(&self, did: &Did, lane: Lane) -> Option<Resolved> {
        if let Some(document) = self.own(did) {
            return Some(Ok(document));
        }
        if let Some((found, _)) = lock(&self.0.known.cache).get(did) {
            return Some(found);
        }
        let strangers = lock(&self.0.strangers.cache).get(did);
        match (strangers, lane) {
            // What a stranger's lookup found is as true for others; that it failed is not.
            (Some((Ok(document), left)), Lane::Known) => {
                lock(&self.0.known.cache).put(did, Ok(Arc::clone(&document)), left);
                return Some(Ok(document));
            }
            (Some((found, _)), Lane::Stranger) => return Some(found),
            (Some((Err(_), _)) | None, _) => {}
        }
        let computed = match resolve_offline(did) {
            None if is_fetched(did) => return None,
            None => Err(ResolveError::Unsupported {
                method: did.method().to_owned(),
            }),
            Some(result) => result
                .map(Arc::new)
                .map_err(|source| ResolveError::Offline {
                    did: did.clone(),
                    source: Arc::new(source),
                }),
        };
        if computed.is_ok() {
            lock(&self.0.shelf(lane).cache).put(did, computed.clone(), FRESH);
        }
        Some(computed)
    }

    async fn fetch(&self, did: &Did, lane: Lane) -> Resolved {
        let flight = self.join_flight(did, lane)?;
        flight.await
    }

    /// The flight for this DID that is under way, or a new one.
    fn join_flight(&self, did: &Did, lane: Lane) -> Result<Shared<Flight>, ResolveError> {
        let mut flights = lock(&self.0.shelf(lane).flights);
        if let Some(flight) = flights.get(did).and_then(WeakShared::upgrade) {
            return Ok(flight);
        }
        let url = address(did).map_err(|source| ResolveError::Url {
            did: did.clone(),
            source,
        })?;
        let place = match lane {
            Lane::Known => None,
            Lane::Stranger if !self.0.hosts.take(url.host().to_owned()) => {
                return Err(ResolveError::Busy);
            }
            Lane::Stranger => {
                let place = Arc::clone(&self.0.places).try_acquire_owned();
                Some(place.map_err(|_| ResolveError::Busy)?)
            }
        };
        let (inner, did_) = (Arc::clone(&self.0), did.clone());
        let flight: Flight = Box::pin(async move {
            let result = inner.look_up(&did_, &url, lane).await;
            drop(place);
            inner.land(&did_, lane, result)
        });
        let flight = flight.shared();
        // Flights that everybody gave up on leave an empty name behind.
        flights.retain(|_, flight| flight.upgrade().is_some());
        flights.extend(flight.downgrade().map(|weak| (did.clone(), weak)));
        Ok(flight)
    }
}

impl Inner {
    async fn look_up(
        &self,
        did: &Did,
        url: &web::WebUrl,
        lane: Lane,
    ) -> Result<Found, ResolveError> {
        if did.method() == "webvh" {
            let (time, places) = (bounds(lane).time, &self.shelf(lane).histories);
            return webvh::look_up(&self.http, &*self.clock, did, lane, time, places).await;
        }
        let fetched = self.http.get(&url.to_string(), lane, bounds(lane)).await;
        let octets = fetched.map_err(|source| ResolveError::Fetch {
            did: did.clone(),
            source: Arc::new(source),
        })?;
        let document =
            DidDocument::parse(did, &octets).map_err(|source| ResolveError::Document {
                did: did.clone(),
                source: Arc::new(source),
            })?;
        Ok(Found {
            document: Arc::new(document),
            fresh: FRESH,
        })
    }

    fn land(&self, did: &Did, lane: Lane, result: Result<Found, ResolveError>) -> Resolved {
        let shelf = self.shelf(lane);
        let resolved = match result {
            Ok(found) => {
                let fresh = found.fresh.clamp(FRESH_LEAST, FRESH);
                lock(&shelf.cache).put(did, Ok(Arc::clone(&found.document)), fresh);
                Ok(found.document)
            }
            Err(error) => {
                // For those we know the schedule of deliveries says when to try again.
                if lane == Lane::Stranger {
                    lock(&shelf.cache).put(did, Err(error.clone()), FAILED);
                }
                Err(error)
            }
        };
        lock(&shelf.flights).remove(did);
        resolved
    }

    const fn shelf(&self, lane: Lane) -> &Shelf {
        match lane {
            Lane::Known => &self.known,
            Lane::Stranger => &self.strangers,
        }
    }
}

impl Shelf {
    fn new(capacity: usize) -> Self {
        Self {
            cache: Mutex::new(Cache::new(capacity)),
            flights: Mutex::default(),
            histories: Arc::new(Semaphore::new(HISTORIES_AT_ONCE)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn bounds(lane: Lane) -> Limits {
    let time = match lane {
        Lane::Known => Duration::from_secs(10),
        // A stranger's host that is slow can wait for its next knock.
        Lane::Stranger => Duration::from_secs(5),
    };
    Limits {
        time,
        bytes: limits::DOCUMENT_BYTES,
    }
}

/// Whether the document of a DID has to be fetched.
fn is_fetched(did: &Did) -> bool {
    matches!(did.method(), "web" | "webvh")
}

/// Where the document or the history of a DID is fetched.
fn address(did: &Did) -> Result<web::WebUrl, web::WebUrlError> {
    match did.method() {
        "webvh" => comity_did::webvh::url(did).map(|url| url.log),
        _ => web::url(did),
    }
}

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A did:web that its host does not have is an agent that does not exist.
fn unfetched(did: &Did, source: &FetchError) -> String {
    match (source, web::to_handle(did)) {
        (FetchError::Status { status, .. }, Some(handle)) if matches!(status, 404 | 410) => {
            let (name, host) = handle.split_once('@').unwrap_or((&handle, "that host"));
            format!("there is no agent {name} at {host} ({status})")
        }
        _ => format!("{did} cannot be fetched: {source}"),
    }
}

/// How long a document is used without looking again. A change of keys is seen at once where it
/// matters: by a `kid` that the document does not have.
const FRESH: Duration = Duration::from_secs(600);
/// How long it is used at least, even if its owner asks for less: a message that comes in costs its
/// sender's host no more than this.
const FRESH_LEAST: Duration = Duration::from_secs(10);
/// How long a stranger's failure is remembered, so that repeating it costs nothing.
const FAILED: Duration = Duration::from_secs(5);
/// Documents kept for those we know: 64 KiB at most each, some 3 KiB usually.
const KNOWN_MAX: usize = 4_096;
/// Documents kept for strangers.
const STRANGERS_MAX: usize = 256;
/// Histories of did:webvh that are verified at once in each lane: each takes a processor, and some
/// times its octets in memory.
const HISTORIES_AT_ONCE: usize = 4;
/// Strangers looked up at once.
const STRANGERS_AT_ONCE: usize = 4;
/// Lookups at one host for strangers: whoever owns a host can't have us fetch from it all day.
const STRANGERS_RATE: Rate = Rate {
    burst: 10.0,
    per_second: 0.2,
    keys: 1_024,
};
/// Lookups beyond the cache for each DID.
const RECHECK_RATE: Rate = Rate {
    burst: 2.0,
    per_second: 1.0 / 60.0,
    keys: 4_096,
};
