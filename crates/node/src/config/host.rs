//! Hosts as DIDs name them, and the development host map.

use comity_did::web;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host name with an optional port: what follows `did:web:`.
///
/// Lower case, in its ASCII form, never an IP address; port 443 is the same as none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// A text is not a host, or a public URL not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The host and the public URL are not the same host.
    #[error("the host and the public URL name different hosts; one of them is enough")]
    Differs,
    /// An entry of the host map has not the form `HOST=ADDRESS:PORT`.
    #[error("an entry of the host map is written HOST=ADDRESS:PORT")]
    MapEntry,
    /// A host map would make a public node speak plain http to others.
    #[error("the host map is for development; a node with a public URL has none")]
    MapInPublic,
    /// Not a domain name with an optional port.
    #[error("a host is a domain name with an optional port, and no IP address")]
    Name,
    /// The operator's URL is `https://HOST[:PORT]` and nothing more.
    #[error("the operator's URL is written https://HOST or https://HOST:PORT, without a path")]
    OperatorUrl,
    /// A public URL is `https://HOST[:PORT]` and nothing more.
    #[error("a public URL is written https://HOST or https://HOST:PORT, without a path")]
    PublicUrl,
}

impl Host {
    /// A host by its parts.
    ///
    /// # Errors
    /// [`HostError::Name`] if it cannot be the host of a did:web.
    pub fn new(name: &str, port: Option<u16>) -> Result<Self, HostError> {
        // The rule for hosts is that of did:web; any agent's name shows whether it holds.
        let did = web::did_for(name, port, "x").map_err(|_| HostError::Name)?;
        let url = web::url(&did).map_err(|_| HostError::Name)?;
        Ok(Self {
            name: url.host().to_owned(),
            port: url.port().filter(|port| *port != 443),
        })
    }

    /// The host of a request's address, unchecked.
    pub(crate) fn of_uri(uri: &http::Uri) -> Option<Self> {
        uri.authority().map(Self::of_authority)
    }

    /// The host of an address, unchecked.
    pub(crate) fn of_authority(authority: &http::uri::Authority) -> Self {
        let name = authority.host().to_ascii_lowercase();
        Self {
            name,
            port: authority.port_u16().filter(|port| *port != 443),
        }
    }

    /// The IP address that stands in place of a name.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        match self.name.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
            None => self.name.parse().ok().map(IpAddr::V4),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if it isn't that of https.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

/// As in a URL: `localhost:7400`.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `agents.org-a.test`, `localhost:7400`, or with `%3A` as DIDs write it.
impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let text = text.replace("%3A", ":").replace("%3a", ":");
        let (name, port) = match text.split_once(':') {
            None => (text.as_str(), None),
            Some((name, port)) => (name, Some(port.parse().map_err(|_| HostError::Name)?)),
        };
        Self::new(name, port)
    }
}

/// Which hosts are reached by plain http, and where. Nothing from outside is ever put in.
#[derive(Clone, Debug, Default)]
pub struct HostMap(HashMap<Host, SocketAddr>);

impl HostMap {
    /// Where exactly this host is reached, if it is mapped.
    #[must_use]
    pub fn address(&self, host: &Host) -> Option<SocketAddr> {
        self.0.get(host).copied()
    }

    /// How many hosts are mapped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no host is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Host, SocketAddr)> for HostMap {
    fn from_iter<I: IntoIterator<Item = (Host, SocketAddr)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Reads `agents.org-a.test=127.0.0.1:7401`.
///
/// # Errors
/// [`HostError`] if it isn't of that form.
pub fn parse_map_entry(text: &str) -> Result<(Host, SocketAddr), HostError> {
    let (host, address) = text.split_once('=').ok_or(HostError::MapEntry)?;
    Ok((
        host.trim().parse()?,
        address.trim().parse().map_err(|_| HostError::MapEntry)?,
    ))
}

/// Reads `https://HOST[:PORT]`, with or without a final slash.
pub(super) fn read_public_url(text: &str) -> Result<Host, HostError> {
    let authority = text.strip_prefix("https://").ok_or(HostError::PublicUrl)?;
    authority
        .strip_suffix('/')
        .unwrap_or(authority)
        .parse()
        .map_err(|_| HostError::PublicUrl)
}
