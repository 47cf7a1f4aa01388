//! Accepting connections and talking HTTP/1.1 on them, bounded in number and time.

use super::patient::Patient;
use crate::bucket::Prefix;
use crate::resolve::AddressClass;
use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How many connections a door holds, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// In all; a further one is closed at once.
    pub(super) connections: usize,
    /// From one [`Prefix`] of public addresses, so that one party cannot take them all. Others
    /// have no limit of their own: a proxy there speaks for everybody.
    pub(super) for_a_prefix: usize,
    /// Time for the head of a request, from the end of the one before: how long a connection may
    /// idle.
    pub(super) idle: Duration,
    /// Time in which a reader must take at least something of an answer.
    pub(super) patience: Duration,
}

/// Who is at the other end; in the extensions of each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote(pub(super) Option<IpAddr>);

/// What a connection has shown itself to be worth; in the extensions of each request on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(Arc<AtomicBool>);

impl Standing {
    /// True if what it brought last was taken.
    pub(super) fn is_good(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What it brings from now on is worth as much as what it brought now.
    pub(super) fn learn(&self, good: bool) {
        self.0.store(good, Ordering::Relaxed);
    }
}

/// Something that accepts connections.
pub(super) trait Accept: Send {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next connection and where it comes from.
    async fn accept(&self) -> io::Result<(Self::Stream, Remote)>;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Remote)> {
        let (stream, address) = Self::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, Remote(Some(address.ip().to_canonical()))))
    }
}

/// A socket that only its owner and root may use, whatever the file's mode was for an instant.
#[derive(Debug)]
pub(super) struct OwnersOnly {
    pub(super) listener: UnixListener,
    pub(super) owner: u32,
}

impl Accept for OwnersOnly {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Remote)> {
        let (stream, _) = self.listener.accept().await?;
        let user = stream.peer_cred()?.uid();
        if user == self.owner || user == 0 {
            Ok((stream, Remote(None)))
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

/// Serves until `stop`; then no connection is accepted, and those that talk get [`GRACE`].
pub(super) async fn serve<A: Accept>(
    listener: A,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let places = Arc::new(Places {
        limits: limits.clone(),
        taken: Mutex::default(),
    });
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_about_one_connection(&error) => continue,
            Err(error) => {
                // Out of file descriptors, most likely: others have to end first.
                tracing::warn!(%error, "a door cannot accept connections now");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = Places::take(&places, remote) else {
            continue;
        };
        let (router, stop, limits) = (router.clone(), stop.clone(), limits.clone());
        tasks.spawn(async move {
            converse(stream, remote, router, &limits, stop).await;
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    remote: Remote,
    router: Router,
    limits: &Limits,
    stop: CancellationToken,
) {
    let standing = Standing::default();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(remote);
        request.extensions_mut().insert(standing.clone());
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.patience)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // What goes wrong on a connection is its peer's business.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, connection).await;
        }
    }
}

/// Places for connections.
#[derive(Debug)]
struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_prefix: HashMap<Prefix, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
struct Place(Arc<Places>, Option<Prefix>);

impl Places {
    fn take(this: &Arc<Self>, remote: Remote) -> Option<Place> {
        let is_public = |ip: &IpAddr| AddressClass::of(*ip).is_none();
        let prefix = remote.0.filter(is_public).map(Prefix::of);
        let mut taken = this.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= this.limits.connections {
            return None;
        }
        if let Some(prefix) = prefix {
            let of_prefix = taken.by_prefix.entry(prefix).or_default();
            if *of_prefix >= this.limits.for_a_prefix {
                return None;
            }
            *of_prefix += 1;
        }
        taken.all += 1;
        Some(Place(Arc::clone(this), prefix))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(prefix) = self.1
            && let Some(of_prefix) = taken.by_prefix.get_mut(&prefix)
        {
            *of_prefix = of_prefix.saturating_sub(1);
            if *of_prefix == 0 {
                taken.by_prefix.remove(&prefix);
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotConnected
            | io::ErrorKind::PermissionDenied
    )
}

/// Octets of a request's line and headers.
const HEAD_BYTES: usize = 32 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Time for what is under way when the node stops.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
