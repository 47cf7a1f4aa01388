//! did:web: which address its document is at. Nothing here touches the network.
//!
//! The mapping is also where a DID could be made to point into somebody's private network or out
//! of its directory, so it refuses IP addresses in any spelling and segments that a web server
//! might read as something else. What a *name* resolves to is for the connector to check.

use std::fmt;

use crate::Did;
use crate::handle::{self, HandleError};
use crate::syntax::{percent_decode, percent_encode};

/// Where a document is served: always https, without userinfo, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    host: String,
    port: Option<u16>,
    path: String,
}

impl WebUrl {
    /// Returns the host name: lower case, in its ASCII form, never an IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port if the DID names one; 443 is meant if not.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the path: percent-encoded, with its leading slash.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

/// Why a DID can't be mapped to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebUrlError {
    /// The host is not a domain name.
    #[error("the host of the DID is not a domain name")]
    Host,
    /// The host is an IP address, in whatever spelling.
    #[error("the host of the DID is an IP address")]
    IpAddress,
    /// The DID is of another method.
    #[error("the DID is not of the method {expected}")]
    Method {
        /// The method that was asked for.
        expected: &'static str,
    },
    /// The port is not a number from 1 to 65535.
    #[error("the port of the DID is not from 1 to 65535")]
    Port,
    /// The self-certifying identifier is not 46 characters of base58.
    #[error("the self-certifying identifier of the DID is malformed")]
    Scid,
    /// A path segment is empty, `.`, `..`, or holds a slash, a control character or white space at
    /// an edge.
    #[error("a path segment of the DID is not allowed")]
    Segment,
}

/// Maps a did:web to the address of its document.
///
/// # Errors
/// [`WebUrlError`] if the DID is of another method, or names what must not be fetched.
///
/// # Spec
/// did:web §"Read (Resolve)"; conformance WEB-01.
///
/// ```
/// # use comity_did::{Did, web};
/// let did: Did = "did:web:agents.org-b.com%3A8443:bruno".parse()?;
/// assert_eq!(web::url(&did)?.to_string(), "https://agents.org-b.com:8443/bruno/did.json");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn url(did: &Did) -> Result<WebUrl, WebUrlError> {
    if did.method() != "web" {
        return Err(WebUrlError::Method { expected: "web" });
    }
    let location = Location::read(did.method_specific_id())?;
    Ok(location.url_of("did.json"))
}

/// Makes the did:web of the agent `name` at a node: `did:web:HOST[%3APORT]:NAME`.
///
/// # Errors
/// [`HandleError`] if the name is not one for agents or the host is not a domain name.
pub fn did_for(host: &str, port: Option<u16>, name: &str) -> Result<Did, HandleError> {
    handle::did_for(host, port, name)
}

/// Reads a handle, `NAME@HOST[:PORT]`, as the did:web that it stands for.
///
/// # Errors
/// [`HandleError`] if it isn't one.
pub fn from_handle(text: &str) -> Result<Did, HandleError> {
    handle::parse(text)
}

/// Returns the handle of a did:web that has one: exactly one path segment, an agent's name.
pub fn to_handle(did: &Did) -> Option<String> {
    handle::of(did)
}

/// Host, port and path segments of a DID whose method maps them to an address.
pub(crate) struct Location {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// Decoded.
    pub(crate) segments: Vec<String>,
}

impl Location {
    /// Reads `HOST[%3APORT](:SEGMENT)*`. Percent-encoding is decoded once, then checked.
    pub(crate) fn read(text: &str) -> Result<Self, WebUrlError> {
        let mut parts = text.split(':');
        let authority = parts
            .next()
            .and_then(percent_decode)
            .ok_or(WebUrlError::Host)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(read_port(port)?)),
            None => (authority.as_str(), None),
        };
        let host = read_host(host)?;
        let segments = parts.map(read_segment).collect::<Result<_, _>>()?;
        Ok(Self {
            host,
            port,
            segments,
        })
    }

    /// The address of `file` in the directory of this location, `/.well-known` if it has none.
    pub(crate) fn url_of(&self, file: &str) -> WebUrl {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            path.push_str(&percent_encode(segment));
        }
        if self.segments.is_empty() {
            path.push_str("/.well-known");
        }
        path.push('/');
        path.push_str(file);
        WebUrl {
            host: self.host.clone(),
            port: self.port,
            path,
        }
    }
}

/// Reads a host: a domain name, in its ASCII form.
///
/// # Spec
/// did:webvh 1.0 §"DID-to-HTTPS Transformation" (IDNA, no IP addresses); URL Standard §"ends in a
/// number checker" says which names a browser would take for an IPv4 address.
pub(crate) fn read_host(host: &str) -> Result<String, WebUrlError> {
    let ascii = idna::domain_to_ascii_strict(host).map_err(|_| WebUrlError::Host)?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.is_empty() {
        return Err(WebUrlError::Host);
    }
    let is_hexadecimal = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
    if is_hexadecimal || last.bytes().all(|c| c.is_ascii_digit()) {
        return Err(WebUrlError::IpAddress);
    }
    Ok(ascii)
}

/// Reads a port: 1 to 65535, digits only, no leading zero.
pub(crate) fn read_port(port: &str) -> Result<u16, WebUrlError> {
    let is_plain = port.bytes().all(|c| c.is_ascii_digit()) && !port.starts_with('0');
    if !is_plain {
        return Err(WebUrlError::Port);
    }
    port.parse().map_err(|_| WebUrlError::Port)
}

fn read_segment(segment: &str) -> Result<String, WebUrlError> {
    let decoded = percent_decode(segment).ok_or(WebUrlError::Segment)?;
    let is_dots = matches!(decoded.as_str(), "" | "." | "..");
    let has_separator = decoded.contains(['/', '\\']) || decoded.contains(char::is_control);
    if is_dots || has_separator || decoded.trim() != decoded {
        return Err(WebUrlError::Segment);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
