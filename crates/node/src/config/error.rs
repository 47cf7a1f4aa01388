//! Why a node could not be started where it was told to.

use super::HostError;
use crate::custody::MasterKeyError;
use comity_api::Problem;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a node could not be opened. [`OpenError::problem`] says what to type next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Something else listens where a door should.
    #[error("{address} is taken: something else listens there")]
    AddressTaken {
        /// Where.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// A door can't listen there for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory of the home can't be used.
    #[error("cannot use {}", path.display())]
    Home {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has this home.
    #[error("another node is running in {}{}", path.display(), process(.pid.as_ref()))]
    HomeInUse {
        /// The home.
        path: PathBuf,
        /// That process, if it says so.
        pid: Option<u32>,
    },
    /// The host can't be that of DIDs.
    #[error("the host or public URL cannot be used")]
    Host(#[from] HostError),
    /// The master key is missing, exposed or damaged.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A wire door that others can reach, and no URL under which they should.
    #[error("{address} can be reached from other machines, and there is no public URL")]
    NotPublic {
        /// Where.
        address: SocketAddr,
    },
    /// The operator's door would be reachable from other machines without TLS.
    #[error("{address} can be reached from other machines, and there is no --operator-url")]
    OperatorInTheClear {
        /// Where.
        address: SocketAddr,
    },
    /// A URL for the operator's door, and no door.
    #[error("there is a URL for the operator's page, and no address where it is served")]
    OperatorNowhere,
    /// Every port that a door would choose by itself is taken.
    #[error("ports {first} to {last} are all taken")]
    PortsTaken {
        /// The first tried.
        first: u16,
        /// The last tried.
        last: u16,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// The agents of this node are known at an address that something else uses now.
    #[error("{address} is taken, and this node's agents are known there")]
    RememberedAddressTaken {
        /// Where.
        address: SocketAddr,
    },
    /// The operator's socket can't be made.
    #[error("cannot open the operator's socket {}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    /// What happened, what it means, what to type.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let problem = Problem::new("e.m.me.start", self.to_string());
        match self {
            Self::AddressTaken { address, flag } => {
                problem.next(format!("comity up {flag} {}:PORT", address.ip()))
            }
            Self::Bind {
                address,
                flag,
                source,
            } => problem
                .detail(source.to_string())
                .next(format!("comity up {flag} ADDRESS:PORT   (not {address})")),
            Self::Home { path, source } => problem.detail(source.to_string()).next(format!(
                "ls -ld {}   or   comity up --home DIRECTORY",
                path.display()
            )),
            Self::HomeInUse { .. } => problem
                .detail("one directory, one node; nothing was changed")
                .next("comity status   or   comity up --home OTHER_DIRECTORY"),
            Self::Host(error) => problem
                .detail(error.to_string())
                .next("comity up --host agents.example.org   or   --public-url https://HOST"),
            Self::MasterKey(error) => error.explain(problem),
            Self::NotPublic { .. } => problem
                .detail("peers only take https; a TLS proxy in front gives the node its public URL")
                .next("comity up --public-url https://HOST   or   --wire 127.0.0.1:PORT"),
            Self::OperatorInTheClear { .. } => problem
                .detail("tokens would go over it in the clear; a TLS proxy in front gives it a URL")
                .next(
                    "comity up --operator-url https://HOST   or   --operator-listen 127.0.0.1:PORT",
                ),
            Self::OperatorNowhere => problem
                .detail("the TLS proxy that serves the URL has to reach it somewhere")
                .next("comity up --operator-listen 127.0.0.1:7421"),
            Self::PortsTaken { flag, .. } => {
                problem.next(format!("comity up {flag} 127.0.0.1:PORT"))
            }
            Self::RememberedAddressTaken { address } => problem
                .detail("their DIDs name that port; under another one nobody would find them")
                .next(format!(
                    "ss -ltnp 'sport = :{}'   and stop what uses it",
                    address.port()
                )),
            Self::Socket { path, source } => {
                let long = path.as_os_str().len() > SOCKET_PATH_MAX;
                let detail = if long {
                    format!(
                        "the system takes paths of at most {SOCKET_PATH_MAX} octets for sockets"
                    )
                } else {
                    source.to_string()
                };
                problem
                    .detail(detail)
                    .next("comity up --home SHORTER_DIRECTORY")
            }
        }
    }
}

/// Octets of a socket's path on Linux (`sun_path`, less the final zero).
const SOCKET_PATH_MAX: usize = 107;

fn process(pid: Option<&u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}
