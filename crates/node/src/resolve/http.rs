//! The one HTTP client towards peers.

use super::Lane;
use super::connect::{ConnectError, GuardedConnector};
use crate::config::{Host, Site};
use ::http::header::{self, HeaderMap, HeaderValue};
use ::http::uri::{PathAndQuery, Scheme};
use ::http::{Method, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use comity_engine::defaults;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

type Peers = Client<HttpsConnector<GuardedConnector>, Full<Bytes>>;

/// Speaks to peers through the guard. Connections are kept; strangers' are not.
#[derive(Clone, Debug)]
pub struct Http {
    guard: GuardedConnector,
    known: Peers,
    strangers: Peers,
    /// For addresses that an operator gave, also within his own walls.
    inside: Peers,
}

/// What a peer's transport said to an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostAnswer {
    /// It cannot take it now; or what stands before it can't reach it (5xx).
    Busy {
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It misses an earlier message of the stream.
    Gap,
    /// It does not want this one; its status.
    Refused(u16),
    /// It has it.
    Taken,
    /// It never takes one of this size.
    TooLarge,
}

/// Why something could not be fetched or posted. The operator's business, never a peer's.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The host's certificate is not valid, or it does not speak TLS as we do.
    #[error("no trusted TLS connection with {host}: {source}")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// No connection.
    #[error("{host}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// Why not.
        source: ConnectError,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("the connection with {host} broke")]
    Broken {
        /// The host.
        host: String,
        /// What happened.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// A redirect that is not followed.
    #[error("{host} answered with a redirect ({status}), which is not followed")]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// Where a redirect led the envelope did not arrive; but it had left.
    #[error("redirected: {0}")]
    Redirected(Box<Self>),
    /// Another status than 200 where a document was expected.
    #[error("{host} answered with status {status}")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// No whole answer in time.
    #[error("{host} did not answer within {} s", limit.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// How long it had.
        limit: Duration,
    },
    /// The answer is larger than what is read.
    #[error("{host} answered with more than {limit} octets")]
    TooLarge {
        /// The host.
        host: String,
        /// How many are read.
        limit: usize,
    },
    /// Not an address of a peer.
    #[error("a peer's address is https://HOST/…, without user and password")]
    Url,
}

impl FetchError {
    /// True if it is certain that nothing of a request left.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(self, Self::Url | Self::Connect { .. })
    }
}

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From name resolution to the last octet.
    pub(super) time: Duration,
    /// Octets of the answer's body.
    pub(super) bytes: usize,
}

impl Http {
    /// A client for this place.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let guard = GuardedConnector::new(site);
        let connector = |guard: GuardedConnector| {
            HttpsConnectorBuilder::new()
                .with_tls_config(tls(&site.seams().extra_roots))
                .https_or_http()
                .enable_http1()
                .wrap_connector(guard)
        };
        let build = |guard: GuardedConnector, idle: usize| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(KEPT)
                .pool_max_idle_per_host(idle)
                .http1_max_buf_size(HEAD_BYTES)
                .http1_max_headers(HEADERS)
                .build(connector(guard))
        };
        Self {
            known: build(guard.clone(), KEPT_FOR_A_HOST),
            strangers: build(guard.clone(), 0),
            inside: build(GuardedConnector::with_private(site), 0),
            guard,
        }
    }

    /// Hands an envelope over, to an address that a peer's document gave.
    ///
    /// A status of 307 is followed once, through the same guard; no other redirect is (TRN-02).
    ///
    /// # Errors
    /// [`FetchError`] if nothing is known about what became of it: it may have been taken.
    pub async fn post_envelope(
        &self,
        uri: &str,
        envelope: Bytes,
    ) -> Result<PostAnswer, FetchError> {
        let uri = self.target(uri)?;
        let response = self.post(uri.clone(), envelope.clone()).await?;
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            return post_answer(&uri, &response);
        }
        let elsewhere =
            location(&uri, response.headers()).ok_or_else(|| redirect(&uri, &response))?;
        let elsewhere = self
            .target(&elsewhere)
            .map_err(|error| FetchError::Redirected(Box::new(error)))?;
        let response = self.post(elsewhere.clone(), envelope).await;
        let response = response.map_err(|error| FetchError::Redirected(Box::new(error)))?;
        post_answer(&elsewhere, &response)
    }

    async fn post(&self, uri: Uri, envelope: Bytes) -> Result<Response<()>, FetchError> {
        let mut request = Request::new(Full::new(envelope));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(header::CONTENT_TYPE, ENVELOPE);
        let (response, _) = self.exchange(Lane::Known, uri, request, POST).await?;
        Ok(response)
    }

    /// Posts to an address that an operator gave. No redirect is followed. Gives the status, and
    /// when it wants to be asked again.
    ///
    /// # Errors
    /// [`FetchError`] if no whole answer came.
    pub(crate) async fn post_hook(
        &self,
        url: &str,
        inside: bool,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(u16, Option<Duration>), FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = headers;
        let client = if inside { &self.inside } else { &self.known };
        let (response, _) = exchange(client, uri, request, HOOK).await?;
        let status = response.status().as_u16();
        Ok((status, retry_after(response.headers())))
    }

    /// Whether somebody answers there. Asks for the page, which no endpoint has: unlike an envelope
    /// that is none, it looks like no attack.
    ///
    /// # Errors
    /// [`FetchError`] if nothing answers, or with a redirect other than the one an envelope follows.
    pub async fn look_at(&self, uri: &str) -> Result<(), FetchError> {
        match self.get(uri, Lane::Known, POST).await {
            Ok(_) | Err(FetchError::Status { .. } | FetchError::Redirect { status: 307, .. }) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches a status list that a vouch names.
    ///
    /// # Errors
    /// [`FetchError`]; a list of more than 16 KiB is none that anybody reads.
    pub async fn status_list(&self, url: &str, lane: Lane) -> Result<Bytes, FetchError> {
        self.get(url, lane, STATUS).await
    }

    /// Fetches a small document.
    pub(super) async fn get(
        &self,
        url: &str,
        lane: Lane,
        limits: Limits,
    ) -> Result<Bytes, FetchError> {
        let uri = self.target(url)?;
        let request = Request::new(Full::default());
        let (response, body) = self.exchange(lane, uri.clone(), request, limits).await?;
        let status = response.status();
        match status.as_u16() {
            200 => Ok(body),
            300..=399 => Err(redirect(&uri, &response)),
            status => Err(FetchError::Status {
                host: host(&uri),
                status,
            }),
        }
    }

    /// The address to connect to: https, or plain http for a host of the host map.
    fn target(&self, url: &str) -> Result<Uri, FetchError> {
        let mut parts = url
            .parse::<Uri>()
            .map_err(|_| FetchError::Url)?
            .into_parts();
        let authority = parts.authority.as_ref().ok_or(FetchError::Url)?;
        let host = Host::of_authority(authority);
        let is_name = Host::new(host.name(), host.port()).is_ok();
        let is_plain = !authority.as_str().contains('@');
        if !is_plain || !(is_name || host.literal().is_some()) {
            return Err(FetchError::Url);
        }
        let is_https = match &parts.scheme {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(FetchError::Url),
        };
        let is_mapped = self.guard.is_mapped(&host);
        if !is_https && !is_mapped {
            return Err(FetchError::Connect {
                host: host.to_string(),
                source: ConnectError::Plain,
            });
        }
        parts.scheme = Some(if is_mapped {
            Scheme::HTTP
        } else {
            Scheme::HTTPS
        });
        parts
            .path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).map_err(|_| FetchError::Url)
    }

    async fn exchange(
        &self,
        lane: Lane,
        uri: Uri,
        request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<(Response<()>, Bytes), FetchError> {
        let client = match lane {
            Lane::Known => &self.known,
            Lane::Stranger => &self.strangers,
        };
        exchange(client, uri, request, limits).await
    }
}

async fn exchange(
    client: &Peers,
    uri: Uri,
    mut request: Request<Full<Bytes>>,
    limits: Limits,
) -> Result<(Response<()>, Bytes), FetchError> {
    let host = host(&uri);
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::USER_AGENT, AGENT);
    let exchange = async {
        let response = client
            .request(request)
            .await
            .map_err(|error| broken(&host, error))?;
        let (head, body) = response.into_parts();
        let body = read(body, &host, limits.bytes).await?;
        Ok((Response::from_parts(head, ()), body))
    };
    tokio::time::timeout(limits.time, exchange)
        .await
        .unwrap_or_else(|_| {
            Err(FetchError::Timeout {
                host: host.clone(),
                limit: limits.time,
            })
        })
}

async fn read(body: Incoming, host: &str, limit: usize) -> Result<Bytes, FetchError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge {
            host: host.to_owned(),
            limit,
        }),
        Err(error) => {
            let source = Arc::from(error);
            Err(FetchError::Broken {
                host: host.to_owned(),
                source,
            })
        }
    }
}

/// Finds our own reason, or that of TLS, below those of the client.
fn broken(host: &str, error: legacy::Error) -> FetchError {
    let host = host.to_owned();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(source) = error.downcast_ref::<ConnectError>() {
            return FetchError::Connect {
                host,
                source: source.clone(),
            };
        }
        if let Some(source) = error.downcast_ref::<rustls::Error>() {
            return FetchError::Certificate {
                host,
                source: source.clone(),
            };
        }
        // An I/O error that wraps another does not name it as its source.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    FetchError::Broken {
        host,
        source: Arc::new(error),
    }
}

fn post_answer(uri: &Uri, response: &Response<()>) -> Result<PostAnswer, FetchError> {
    Ok(match response.status().as_u16() {
        200..=299 => PostAnswer::Taken,
        300..=399 => return Err(redirect(uri, response)),
        409 => PostAnswer::Gap,
        413 => PostAnswer::TooLarge,
        408 | 425 | 429 | 500..=599 => PostAnswer::Busy {
            retry_after: retry_after(response.headers()),
        },
        status => PostAnswer::Refused(status),
    })
}

/// Where a redirect leads: an address, or a path at the same host.
fn location(from: &Uri, headers: &HeaderMap) -> Option<String> {
    let location = headers.get(header::LOCATION)?.to_str().ok()?;
    if location.starts_with('/') && !location.starts_with("//") {
        let scheme = from.scheme_str()?;
        return Some(format!("{scheme}://{}{location}", from.authority()?));
    }
    Some(location.to_owned())
}

fn redirect<T>(uri: &Uri, response: &Response<T>) -> FetchError {
    FetchError::Redirect {
        host: host(uri),
        status: response.status().as_u16(),
    }
}

fn host(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(defaults::RETRY_LONGEST))
}

fn tls(extra_roots: &[Vec<u8>]) -> ClientConfig {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(extra_roots.iter().map(|der| CertificateDer::from(&der[..])));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

const ENVELOPE: HeaderValue = HeaderValue::from_static("application/didcomm-encrypted+json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("comity/", env!("CARGO_PKG_VERSION")));

/// For a hand-over: the peer decrypts, decides and commits before it answers.
const POST: Limits = Limits {
    time: Duration::from_secs(30),
    bytes: 64 * 1024,
};
/// A status list is some kilobytes.
const STATUS: Limits = Limits {
    time: Duration::from_secs(10),
    bytes: 16 * 1024,
};
/// For a webhook: as long as the specification advises.
const HOOK: Limits = Limits {
    time: Duration::from_secs(20),
    bytes: 64 * 1024,
};
/// How long an idle connection is kept; below the 30 s after which a node closes it, so that an
/// envelope rarely runs into a closing connection.
const KEPT: Duration = Duration::from_secs(20);
/// Idle connections kept for one host: hand-overs of several threads run beside each other.
const KEPT_FOR_A_HOST: usize = 16;
/// Octets of an answer's status line and headers.
const HEAD_BYTES: usize = 32 * 1024;
/// Headers of an answer.
const HEADERS: usize = 64;
