//! Host names to addresses, by our own client of DNS: asynchronous, bounded, and replaceable by a
//! name server of a test.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Why a name has no address.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name does not exist, or has no address.
    #[error("the name has no address")]
    NoAddress,
    /// This machine names no name server.
    #[error("this machine has no name server (/etc/resolv.conf)")]
    NoNameServer,
    /// The name server did not answer, or with an error.
    #[error("the name server did not answer")]
    Unanswered(#[source] NetError),
}

#[derive(Debug)]
pub(super) struct Names(Result<TokioResolver, NameError>);

impl Names {
    /// With the machine's name servers, or `server` only.
    pub(super) fn new(server: Option<SocketAddr>) -> Self {
        let builder = match server {
            Some(server) => Ok(TokioResolver::builder_with_config(
                ResolverConfig::from_name_servers(vec![only(server)]),
                TokioRuntimeProvider::default(),
            )),
            None => TokioResolver::builder_tokio(),
        };
        let resolver = builder.and_then(|mut builder| {
            tune(builder.options_mut());
            if server.is_some() {
                builder.options_mut().use_hosts_file = ResolveHosts::Never;
            }
            builder.build()
        });
        Self(resolver.map_err(|error| {
            tracing::warn!(%error, "no name server; only hosts of the host map can be reached");
            NameError::NoNameServer
        }))
    }

    /// The addresses of `name`, at least one.
    pub(super) async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, NameError> {
        let resolver = self.0.as_ref().map_err(Clone::clone)?;
        // With the final dot it is the whole name: no search list of this machine applies.
        let found = resolver
            .lookup_ip(format!("{name}."))
            .await
            .map_err(|error| {
                if error.is_no_records_found() {
                    NameError::NoAddress
                } else {
                    NameError::Unanswered(error)
                }
            })?;
        let addresses: Vec<IpAddr> = found.iter().take(ADDRESSES_MAX).collect();
        if addresses.is_empty() {
            Err(NameError::NoAddress)
        } else {
            Ok(addresses)
        }
    }
}

fn only(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

fn tune(options: &mut ResolverOpts) {
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
    // A stranger's names pass through here too: small, and nothing stays long.
    options.cache_size = 256;
    options.positive_max_ttl = Some(Duration::from_secs(300));
    options.negative_max_ttl = Some(Duration::from_secs(10));
}

/// Addresses of one name that are looked at: as many as would ever be tried, and room for those
/// that are refused.
const ADDRESSES_MAX: usize = 16;
