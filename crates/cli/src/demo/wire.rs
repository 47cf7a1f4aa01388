//! The wire between the two nodes: a real HTTP proxy for one direction.
//!
//! Each node's host map says that the other is here, so that every byte between them passes
//! through. It sees what any middleman sees (ciphertext), and does what a hostile or broken network
//! does: holds back, drops, changes a byte, keeps copies.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One direction. Dropping it ends the proxy.
#[derive(Debug)]
pub(super) struct Wire {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

/// What the wire does with what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Carries it.
    Open,
    /// Holds envelopes back until the mode changes.
    Held,
    /// Closes every connection without an answer.
    Cut,
}

/// What the wire did when it changed a byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tampered {
    /// Which octet of the envelope.
    pub(super) octet: usize,
    /// Of how many.
    pub(super) of: usize,
    /// What the node answered.
    pub(super) status: u16,
}

#[derive(Debug)]
struct Inner {
    target: SocketAddr,
    mode: watch::Sender<Mode>,
    holding: AtomicU64,
    carried: AtomicU64,
    tamper_next: AtomicBool,
    tampered: watch::Sender<Option<Tampered>>,
    copies: Mutex<VecDeque<Bytes>>,
}

impl Wire {
    /// A wire to `target`, on a free port of this machine.
    pub(super) async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            target,
            mode: watch::Sender::new(Mode::Open),
            holding: AtomicU64::new(0),
            carried: AtomicU64::new(0),
            tamper_next: AtomicBool::new(false),
            tampered: watch::Sender::new(None),
            copies: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Ok(Self {
            address,
            inner,
            task,
        })
    }

    /// Where the sending node finds it.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn set(&self, mode: Mode) {
        self.inner.mode.send_replace(mode);
    }

    /// Envelopes that are held back now.
    pub(super) fn holding(&self) -> u64 {
        self.inner.holding.load(Ordering::SeqCst)
    }

    /// Envelopes that it passed on so far.
    pub(super) fn carried(&self) -> u64 {
        self.inner.carried.load(Ordering::SeqCst)
    }

    /// Changes one byte of the next envelope that carries more than receipts; what came of it, once
    /// that is known.
    pub(super) async fn tamper_with_next(&self, within: Duration) -> Option<Tampered> {
        let mut tampered = self.inner.tampered.subscribe();
        self.inner.tampered.send_replace(None);
        self.inner.tamper_next.store(true, Ordering::SeqCst);
        let seen = tokio::time::timeout(within, tampered.wait_for(Option::is_some)).await;
        self.inner.tamper_next.store(false, Ordering::SeqCst);
        seen.ok()?.ok().and_then(|seen| *seen)
    }

    /// The copies that it kept, oldest first.
    pub(super) fn copies(&self) -> Vec<Bytes> {
        let copies = self.inner.copies.lock();
        let copies = copies.unwrap_or_else(PoisonError::into_inner);
        copies.iter().cloned().collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hands an envelope to a node's wire door: the status, and the octets of the answer.
pub(super) async fn post(target: SocketAddr, envelope: Bytes) -> Result<(u16, Bytes), Fault> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/didcomm")
        .header("host", target.to_string())
        .header("content-type", "application/didcomm-encrypted+json")
        .body(Full::new(envelope))?;
    let response = exchange(target, request).await?;
    Ok((response.status().as_u16(), response.into_body()))
}

/// Fetches a document from a node's wire door.
pub(super) async fn get(target: SocketAddr, path: &str) -> Result<Bytes, Fault> {
    let request = Request::builder()
        .uri(path)
        .header("host", target.to_string());
    let response = exchange(target, request.body(Full::default())?).await?;
    match response.status().is_success() {
        true => Ok(response.into_body()),
        false => Err(format!("{path}: {}", response.status()).into()),
    }
}

/// Whatever can go wrong on a connection.
pub(super) type Fault = Box<dyn Error + Send + Sync>;

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(connection(stream, Arc::clone(&inner)));
    }
}

/// One connection of the sending node, for as long as the wire isn't cut.
async fn connection(stream: TcpStream, inner: Arc<Inner>) {
    let mut mode = inner.mode.subscribe();
    let serve = service_fn(move |request| carry(request, Arc::clone(&inner)));
    let served =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve);
    tokio::select! {
        _ = served => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn carry(
    request: Request<Incoming>,
    inner: Arc<Inner>,
) -> Result<Response<Full<Bytes>>, Fault> {
    let (head, body) = request.into_parts();
    let mut octets = Limited::new(body, MOST_OCTETS).collect().await?.to_bytes();
    let envelope = head.method == Method::POST;
    if envelope {
        inner.keep_copy(&octets);
        inner.wait_while_held().await;
    }
    let mut changed = None;
    if envelope && octets.len() > RECEIPTS_OCTETS && inner.tamper_next.swap(false, Ordering::SeqCst)
    {
        changed = change_a_byte(&mut octets);
    }
    let of = octets.len();
    let response = exchange(inner.target, Request::from_parts(head, Full::new(octets))).await?;
    if envelope {
        inner.carried.fetch_add(1, Ordering::SeqCst);
    }
    if let Some(octet) = changed {
        let status = response.status().as_u16();
        inner
            .tampered
            .send_replace(Some(Tampered { octet, of, status }));
    }
    Ok(response.map(Full::new))
}

impl Inner {
    fn keep_copy(&self, octets: &Bytes) {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if copies.len() == COPIES {
            copies.pop_front();
        }
        copies.push_back(octets.clone());
    }

    async fn wait_while_held(&self) {
        let mut mode = self.mode.subscribe();
        if *mode.borrow() != Mode::Held {
            return;
        }
        let _held = Holding::one_more(&self.holding);
        let _ = mode.wait_for(|mode| *mode != Mode::Held).await;
    }
}

/// Counts an envelope as held back, however that ends.
struct Holding<'a>(&'a AtomicU64);

impl<'a> Holding<'a> {
    fn one_more(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Changes one letter or digit in the middle, where an envelope has its ciphertext.
fn change_a_byte(octets: &mut Bytes) -> Option<usize> {
    let mut changed = octets.to_vec();
    let middle = changed.len() / 2;
    let (at, octet) = changed
        .iter_mut()
        .enumerate()
        .skip(middle)
        .find(|(_, octet)| octet.is_ascii_alphanumeric())?;
    *octet = if *octet == b'A' { b'B' } else { b'A' };
    *octets = changed.into();
    Some(at)
}

async fn exchange(
    target: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Fault> {
    let stream = TcpStream::connect(target).await?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MOST_OCTETS).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// More than a node ever sends at once (formats §5).
const MOST_OCTETS: usize = 8 * 1024 * 1024;
/// Envelopes with receipts for one thread are shorter than this, Aria's questions longer.
const RECEIPTS_OCTETS: usize = 12 * 1024;
/// Copies that are kept: enough for the story and some minutes of its keys.
const COPIES: usize = 256;
