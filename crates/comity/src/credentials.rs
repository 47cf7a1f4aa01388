//! Where an agent finds its node's door and its token (formats §9).

use crate::{Error, Result};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Door and token of one agent.
#[derive(Clone, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Credentials {
    /// `COMITY_URL` and `COMITY_TOKEN`, or the token file of `name` in the local node's home.
    pub(crate) fn find(name: &str) -> Result<Self> {
        match (env("COMITY_URL"), env("COMITY_TOKEN")) {
            (Some(url), Some(token)) => Ok(Self { url, token }),
            (Some(_), None) => Err(Error::HalfSet {
                set: "COMITY_URL",
                missing: "COMITY_TOKEN",
            }),
            (None, Some(_)) => Err(Error::HalfSet {
                set: "COMITY_TOKEN",
                missing: "COMITY_URL",
            }),
            (None, None) => Self::read(&home(), name),
        }
    }

    /// The token file of `name` in the home `home`.
    pub(crate) fn read(home: &Path, name: &str) -> Result<Self> {
        let path = home.join("agents").join(format!("{name}.json"));
        let file = |source| Error::TokenFile {
            path: path.clone(),
            source,
        };
        let octets = match std::fs::read(&path) {
            Ok(octets) => octets,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoToken {
                    name: name.to_owned(),
                    path,
                });
            }
            Err(source) => return Err(file(source)),
        };
        serde_json::from_slice(&octets).map_err(|source| file(source.into()))
    }

    /// The address of the WebSocket.
    pub(crate) fn socket(&self) -> Result<http::Uri> {
        let bad = || Error::Url {
            url: self.url.clone(),
        };
        let rest = self.url.strip_prefix("http://").ok_or_else(bad)?;
        format!("ws://{}/v1/socket", rest.trim_end_matches('/'))
            .parse()
            .map_err(|_| bad())
    }
}

/// Never shows the token.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The local node's home: `COMITY_HOME`, else `$XDG_DATA_HOME/comity`, else
/// `~/.local/share/comity`.
pub fn home() -> PathBuf {
    if let Some(home) = env("COMITY_HOME") {
        return home.into();
    }
    let data = env("XDG_DATA_HOME").map_or_else(
        || PathBuf::from(env("HOME").unwrap_or_default()).join(".local/share"),
        PathBuf::from,
    );
    data.join("comity")
}

/// An environment variable; an empty one counts as unset.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
