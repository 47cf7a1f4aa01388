//! What an operator may choose, and where a node lives.
//!
//! [`Config`] is what was asked for; most of it may be left open. [`Config::open`] claims the home
//! directory, binds the doors and so turns it into a [`Site`]: the same questions, answered. Nothing
//! that a peer sends ever changes either.
//!
//! Without any configuration a node is reachable from this machine only, as
//! `localhost:7400`, and knows the other nodes that were started so ([`defaults::WIRE_PORTS`]).

mod defaults;
mod error;
mod home;
mod host;
mod listen;
mod site;

pub use error::OpenError;
pub use home::write_private;
pub use host::{Host, HostError, HostMap, parse_map_entry};
pub use site::{Opened, Site};

use home::Home;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What was asked for, by flags, environment or a test.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's directory; made if it does not exist.
    pub home: PathBuf,
    /// Host of its DIDs. If absent: that of `public_url`, else `localhost` with the wire port.
    pub host: Option<Host>,
    /// Where the wire door listens. If absent: what the host map says of our own host, else the
    /// first free one of [`defaults::WIRE_PORTS`] on loopback.
    pub wire: Option<SocketAddr>,
    /// Where the agent's door listens. If absent: the first free one of
    /// [`defaults::AGENT_PORTS`] on loopback.
    pub agent_door: Option<SocketAddr>,
    /// Where the operator's door listens on TCP, with its page. If absent: in development the first
    /// free one of [`defaults::OPERATOR_PORTS`] on loopback, else nowhere.
    pub operator_listen: Option<SocketAddr>,
    /// `https://HOST[:PORT]` under which a TLS proxy makes that door reachable; links name it.
    pub operator_url: Option<String>,
    /// Further names by which agents may call their door (`Host` header), besides loopback.
    pub agent_hosts: Vec<String>,
    /// Hosts that are reached by plain http at exactly these addresses, past the guard.
    /// Development only.
    pub host_map: Vec<(Host, SocketAddr)>,
    /// `https://HOST[:PORT]` under which a TLS proxy makes the wire door public. Absent: this is
    /// development.
    pub public_url: Option<String>,
    /// Whether the node knocks by itself when an agent writes to somebody new. If absent: `open`
    /// in development, else `ask`.
    pub outbound: Option<Outbound>,
    /// What strangers who send anything but an acceptable knock get to hear.
    pub strangers: Strangers,
    /// How often the status of the vouches that grants stand on is looked at: within this a revoked
    /// vouch is felt. If absent: every [`VOUCH_LOOK`](comity_engine::defaults::VOUCH_LOOK).
    pub vouch_look: Option<std::time::Duration>,
    /// The directory was restored from a backup: the record goes on under a new log origin, and
    /// what was under way ends as `failed`, because peers may have seen more than is here.
    pub restored: bool,
    /// For tests written in Rust; no flag, variable or file sets it.
    #[doc(hidden)]
    pub seams: TestSeams,
}

/// Whether the node knocks by itself when an agent writes to somebody it has no grant with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// The operator is asked before each first knock.
    Ask,
    /// Only peers with a grant can be written to.
    Listed,
    /// It knocks.
    Open,
}

/// What strangers get to hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Nothing that differs from case to case.
    #[default]
    Silent,
    /// Pings and discovery are answered, on the same connection only.
    Report,
}

/// What only tests may replace, so that they run against the real code.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct TestSeams {
    /// Ask this name server (UDP and TCP) instead of the machine's.
    pub name_server: Option<SocketAddr>,
    /// Certificates (DER) trusted besides the public roots.
    pub extra_roots: Vec<Vec<u8>>,
    /// Addresses that the guard lets through although their class is refused.
    pub exempt: Vec<SocketAddr>,
    /// Time instead of the machine's.
    pub clock: Option<std::sync::Arc<dyn crate::clock::Clock>>,
    /// Connections from these addresses count as strangers' for the rate limit, where loopback
    /// is otherwise left alone.
    pub rated: Vec<IpAddr>,
}

impl Config {
    /// Everything left open.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            host: None,
            wire: None,
            agent_door: None,
            operator_listen: None,
            operator_url: None,
            agent_hosts: Vec::new(),
            host_map: Vec::new(),
            public_url: None,
            outbound: None,
            strangers: Strangers::Silent,
            vouch_look: None,
            restored: false,
            seams: TestSeams::default(),
        }
    }

    /// Claims the home directory, reads or makes the master key, and binds the doors. Until the
    /// [`Site`] is dropped no other process can do the same.
    ///
    /// # Errors
    /// [`OpenError`], which says what to type next.
    pub async fn open(mut self) -> Result<Opened, OpenError> {
        let home = Home::claim(&self.home)?;
        self.stay_where_the_agents_are(&home);
        let public = self
            .public_url
            .as_deref()
            .map(host::read_public_url)
            .transpose()?;
        let master = crate::custody::MasterKey::open(
            &home.path().join("master.key"),
            &home.path().join("comity.db"),
        )?;
        let operator_url = self
            .operator_url
            .as_deref()
            .map(host::read_public_url)
            .transpose()
            .map_err(|_| HostError::OperatorUrl)?;
        let doors = listen::bind(&self, &home, public.as_ref()).await?;
        site::open(self, home, public, operator_url, master, doors)
    }

    /// The host is part of the DIDs of a node's agents: who does not say another gets that of the
    /// last start.
    fn stay_where_the_agents_are(&mut self, home: &Home) {
        if self.host.is_some() || self.public_url.is_some() || !home.has_agents() {
            return;
        }
        if let Some(last) = home.last_tenant() {
            self.host = last.host.and_then(|host| host.parse().ok());
            self.public_url = last.public_url;
        }
    }
}

impl Outbound {
    /// The word for it in flags and status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Listed => "listed",
            Self::Open => "open",
        }
    }
}

impl std::str::FromStr for Outbound {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "ask" => Ok(Self::Ask),
            "listed" => Ok(Self::Listed),
            "open" => Ok(Self::Open),
            _ => Err(UnknownWord {
                expected: "open, ask or listed",
            }),
        }
    }
}

impl std::str::FromStr for Strangers {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "silent" => Ok(Self::Silent),
            "report" => Ok(Self::Report),
            _ => Err(UnknownWord {
                expected: "silent or report",
            }),
        }
    }
}

/// A setting has another value than it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct UnknownWord {
    expected: &'static str,
}

/// Where a node lives when nobody says: `$XDG_DATA_HOME/comity`, else `~/.local/share/comity`.
/// `COMITY_HOME` and `--home` are for the command line to read.
#[must_use]
pub fn default_home() -> Option<PathBuf> {
    let directory = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    let data =
        directory("XDG_DATA_HOME").or_else(|| Some(directory("HOME")?.join(".local/share")))?;
    Some(data.join("comity"))
}

#[cfg(test)]
mod tests;
