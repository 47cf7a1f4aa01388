//! Handles: how people write the DID of an agent, `bruno@agents.org-b.com`.
//!
//! A handle is another spelling of a did:web and nothing more: it proves nothing and never travels
//! in a message.

use crate::Did;
use crate::web::{self, Location, WebUrlError};

/// Why a text is not a handle, or a name not one for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The part after `@` is not a host with an optional port.
    #[error("the part after @ is not a host with an optional port")]
    Host(#[source] WebUrlError),
    /// The name is not 1 to 63 of `a-z`, `0-9` and `-`, starting with a letter or digit.
    #[error("an agent's name has 1 to 63 of a-z, 0-9 and -, and starts with a letter or digit")]
    Name,
    /// There is no `@`.
    #[error("a handle is written NAME@HOST or NAME@HOST:PORT")]
    NoHost,
    /// The name is one that nodes use for themselves.
    #[error("the name is reserved for the node itself")]
    Reserved,
}

pub(crate) fn parse(text: &str) -> Result<Did, HandleError> {
    let (name, authority) = text.split_once('@').ok_or(HandleError::NoHost)?;
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(web::read_port(port).map_err(HandleError::Host)?)),
        None => (authority, None),
    };
    did_for(host, port, name)
}

pub(crate) fn did_for(host: &str, port: Option<u16>, name: &str) -> Result<Did, HandleError> {
    check_name(name)?;
    let host = web::read_host(host).map_err(HandleError::Host)?;
    let text = match port {
        Some(0) => return Err(HandleError::Host(WebUrlError::Port)),
        Some(port) => format!("did:web:{host}%3A{port}:{name}"),
        None => format!("did:web:{host}:{name}"),
    };
    Ok(Did::parse(&text).expect("a checked host, port and name make a DID"))
}

pub(crate) fn of(did: &Did) -> Option<String> {
    if did.method() != "web" {
        return None;
    }
    let Location {
        host,
        port,
        segments,
    } = Location::read(did.method_specific_id()).ok()?;
    let [name] = segments.as_slice() else {
        return None;
    };
    check_name(name).ok()?;
    Some(match port {
        Some(port) => format!("{name}@{host}:{port}"),
        None => format!("{name}@{host}"),
    })
}

/// Checks an agent's name.
///
/// # Errors
/// [`HandleError::Name`] or [`HandleError::Reserved`].
pub fn check_name(name: &str) -> Result<(), HandleError> {
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if name.is_empty()
        || name.len() > NAME_OCTETS
        || name.starts_with('-')
        || !name.bytes().all(is_plain)
    {
        return Err(HandleError::Name);
    }
    if RESERVED.contains(&name) {
        return Err(HandleError::Reserved);
    }
    Ok(())
}

/// One DNS label, so that a name could become a host of its own.
const NAME_OCTETS: usize = 63;

/// First path segments that a node's wire door uses itself.
const RESERVED: [&str; 3] = ["comity", "didcomm", "v1"];
