//! The one connector: resolve, check, connect to exactly what was checked.

use super::guard::AddressClass;
use super::names::{NameError, Names};
use crate::config::{Host, HostMap, Site};
use crate::custody::BoxFuture;
use ::http::Uri;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// Connects to hosts that peers named. The TLS layer above it keeps the host's name for SNI and
/// for the certificate.
#[derive(Clone, Debug)]
pub(super) struct GuardedConnector(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    host_map: HostMap,
    names: Names,
    exempt: Vec<SocketAddr>,
    /// For addresses that an operator gave himself: this machine and private networks, too.
    private: bool,
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No address of the host accepted a connection.
    #[error("no connection ({0})")]
    Down(io::ErrorKind),
    /// The host name has no address.
    #[error("the host's name does not resolve")]
    Name(#[source] NameError),
    /// Plain http is for hosts of the host map only.
    #[error("only https is used, except for hosts of the host map")]
    Plain,
    /// All addresses of the host are of a kind that peers may not make us use.
    #[error("the host has a {0} address only")]
    Refused(AddressClass),
}

impl GuardedConnector {
    pub(super) fn new(site: &Site) -> Self {
        Self(Arc::new(Guard {
            host_map: site.host_map().clone(),
            names: Names::new(site.seams().name_server),
            exempt: site.seams().exempt.clone(),
            private: false,
        }))
    }

    /// The same for addresses that nobody but an operator gave: this machine and private networks
    /// are allowed, there by plain http, too.
    pub(super) fn with_private(site: &Site) -> Self {
        Self(Arc::new(Guard {
            host_map: HostMap::default(),
            names: Names::new(site.seams().name_server),
            exempt: site.seams().exempt.clone(),
            private: true,
        }))
    }

    /// Whether the host is reached by plain http.
    pub(super) fn is_mapped(&self, host: &Host) -> bool {
        self.0.host_map.address(host).is_some()
    }
}

impl Guard {
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Down(io::ErrorKind::TimedOut);
        for address in self.addresses(uri).await?.into_iter().take(ATTEMPTS) {
            match tokio::time::timeout(ATTEMPT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Envelopes are written whole; waiting to fill a segment only delays them.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = ConnectError::Down(error.kind()),
                Err(_) => last = ConnectError::Down(io::ErrorKind::TimedOut),
            }
        }
        Err(last)
    }

    /// The addresses that may be connected to, at least one.
    async fn addresses(&self, uri: &Uri) -> Result<Vec<SocketAddr>, ConnectError> {
        let host = Host::of_uri(uri).ok_or(ConnectError::Plain)?;
        let is_https = uri.scheme() == Some(&::http::uri::Scheme::HTTPS);
        if !is_https && !self.private {
            let mapped = self.host_map.address(&host).ok_or(ConnectError::Plain)?;
            return Ok(vec![mapped]);
        }
        let port = match uri.port_u16() {
            Some(port) => port,
            None if is_https => 443,
            None => 80,
        };
        let found = match host.literal() {
            Some(address) => vec![address],
            None => self
                .names
                .lookup(host.name())
                .await
                .map_err(ConnectError::Name)?,
        };
        let (mut refused, mut last) = (None, None);
        let mut allowed = Vec::new();
        for address in found {
            let target = SocketAddr::new(address, port);
            match AddressClass::of(address) {
                Some(class) if self.private && class.is_inside() => allowed.push(target),
                Some(class) if !self.exempt.contains(&target) => refused = Some(class),
                // In the clear within one's own walls only.
                None if !is_https => last = Some(ConnectError::Plain),
                _ => allowed.push(target),
            }
        }
        match refused {
            Some(class) if allowed.is_empty() => Err(ConnectError::Refused(class)),
            _ => match last {
                Some(error) if allowed.is_empty() => Err(error),
                _ => Ok(allowed),
            },
        }
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guard = Arc::clone(&self.0);
        Box::pin(async move { Ok(TokioIo::new(guard.connect(&uri).await?)) })
    }
}

/// Addresses tried for one connection: enough for one broken address family, too few to make us
/// knock at a stranger's list.
const ATTEMPTS: usize = 3;
/// Time for one of them.
const ATTEMPT: Duration = Duration::from_secs(3);
