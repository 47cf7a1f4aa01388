//! A node's place: every question of [`Config`](super::Config) answered.

use super::home::{Home, Tenant};
use super::listen::Doors;
use super::{
    Config, Host, HostError, HostMap, OpenError, Outbound, Strangers, TestSeams, defaults,
};
use crate::custody::MasterKey;
use comity_engine::defaults::{VOUCH_LOOK, VOUCH_STATUS_AGE_MAX};
use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// Where a node is and how it behaves. While it lives, the home directory is locked.
#[derive(Debug)]
pub struct Site {
    home: Home,
    host: Host,
    public: bool,
    wire: SocketAddr,
    agent_door: SocketAddr,
    operator_door: Option<SocketAddr>,
    operator_url: Option<Host>,
    agent_hosts: Vec<String>,
    host_map: HostMap,
    outbound: Outbound,
    strangers: Strangers,
    restored: bool,
    owner: u32,
    vouch_look: Duration,
    seams: TestSeams,
}

/// What [`Config::open`] gives: the place, its key, and the doors that are bound already.
#[derive(Debug)]
pub struct Opened {
    /// The place.
    pub site: Site,
    /// What everything secret here is sealed under.
    pub master: MasterKey,
    /// The wire door.
    pub wire: TcpListener,
    /// The agent's door.
    pub agent_door: TcpListener,
    /// The operator's door.
    pub operator: UnixListener,
    /// The operator's door on TCP, if there is one.
    pub operator_web: Option<TcpListener>,
}

pub(super) fn open(
    config: Config,
    home: Home,
    public: Option<Host>,
    operator_url: Option<Host>,
    master: MasterKey,
    doors: Doors,
) -> Result<Opened, OpenError> {
    let of = |listener: &TcpListener| {
        let path = home.path().to_owned();
        listener
            .local_addr()
            .map_err(|source| OpenError::Home { path, source })
    };
    let (wire, agent_door) = (of(&doors.wire)?, of(&doors.agent)?);
    let operator_door = doors.operator.as_ref().map(of).transpose()?;
    let is_public = public.is_some();
    check_reach(&config, public.as_ref(), wire)?;
    let unconfigured = config.host.is_none() && !is_public;
    let host = match config.host.or(public) {
        Some(host) => host,
        None => Host::new("localhost", Some(wire.port()))?,
    };
    let neighbours = neighbours().filter(|_| unconfigured);
    let own = (host.clone(), from_here(wire));
    let host_map = neighbours.chain(config.host_map).chain([own]).collect();
    home.note_tenant(Tenant {
        pid: std::process::id(),
        wire,
        agent_door,
        operator_door,
        host: (!unconfigured).then(|| host.to_string()),
        public_url: config.public_url.clone(),
    })?;
    let (operator, owner) = operator_socket(&home)?;
    let site = Site {
        host,
        public: is_public,
        wire,
        agent_door,
        operator_door,
        operator_url,
        agent_hosts: config.agent_hosts,
        host_map,
        outbound: config.outbound.unwrap_or(if is_public {
            Outbound::Ask
        } else {
            Outbound::Open
        }),
        strangers: config.strangers,
        restored: config.restored,
        owner,
        vouch_look: config
            .vouch_look
            .unwrap_or(VOUCH_LOOK)
            .clamp(VOUCH_LOOK_LEAST, VOUCH_STATUS_AGE_MAX),
        seams: config.seams,
        home,
    };
    site.home.move_agents(&site.agent_url())?;
    Ok(Opened {
        site,
        master,
        wire: doors.wire,
        agent_door: doors.agent,
        operator,
        operator_web: doors.operator,
    })
}

impl Site {
    /// Name of the host of our DIDs.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.name()
    }

    /// Port in our DIDs, if they name one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.host.port()
    }

    /// Host and port as in a URL: `agents.org-b.test`, `localhost:7400`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.host.to_string()
    }

    /// Where peers reach us; documents name it. Without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The public URL; `None` in development.
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        self.public.then(|| self.base_url())
    }

    /// Whether nobody outside can reach this node.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        !self.public
    }

    /// How often the status of what grants stand on is looked at.
    #[must_use]
    pub const fn vouch_look(&self) -> Duration {
        self.vouch_look
    }

    /// Where the wire door listens.
    #[must_use]
    pub const fn wire(&self) -> SocketAddr {
        self.wire
    }

    /// Where the agent's door listens.
    #[must_use]
    pub const fn agent_door(&self) -> SocketAddr {
        self.agent_door
    }

    /// The agent's door, for agents on this machine.
    #[must_use]
    pub fn agent_url(&self) -> String {
        format!("http://{}", from_here(self.agent_door))
    }

    /// Where the operator's door listens on TCP.
    #[must_use]
    pub const fn operator_door(&self) -> Option<SocketAddr> {
        self.operator_door
    }

    /// Host and port under which a TLS proxy makes the operator's door reachable.
    #[must_use]
    pub const fn operator_host(&self) -> Option<&Host> {
        self.operator_url.as_ref()
    }

    /// The operator's page, without a slash at its end: what links name.
    #[must_use]
    pub fn operator_url(&self) -> Option<String> {
        let door = self.operator_door?;
        Some(match &self.operator_url {
            Some(host) => format!("https://{host}"),
            None => format!("http://{}", from_here(door)),
        })
    }

    /// Names by which the agent's door may be called, besides loopback and its own address.
    #[must_use]
    pub fn agent_hosts(&self) -> &[String] {
        &self.agent_hosts
    }

    /// Hosts that are reached by plain http; our own is always one of them.
    #[must_use]
    pub const fn host_map(&self) -> &HostMap {
        &self.host_map
    }

    /// Whether the node knocks by itself.
    #[must_use]
    pub const fn outbound(&self) -> Outbound {
        self.outbound
    }

    /// What strangers get to hear.
    #[must_use]
    pub const fn strangers(&self) -> Strangers {
        self.strangers
    }

    /// Whether the operator said that this directory was restored from a backup.
    #[must_use]
    pub const fn is_restored(&self) -> bool {
        self.restored
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.home().join("comity.db")
    }

    /// The operator's socket.
    #[must_use]
    pub fn operator_socket(&self) -> PathBuf {
        self.home().join("operator.sock")
    }

    /// User id of whoever runs the node: only this user and root may speak to the operator's door.
    #[must_use]
    pub const fn owner(&self) -> u32 {
        self.owner
    }

    /// `agents/NAME.json`.
    #[must_use]
    pub fn token_file(&self, name: &str) -> PathBuf {
        self.home().join("agents").join(format!("{name}.json"))
    }

    /// For tests written in Rust.
    #[doc(hidden)]
    #[must_use]
    pub const fn seams(&self) -> &TestSeams {
        &self.seams
    }
}

/// Without a public URL a node is for this machine only; with one it has no development map.
fn check_reach(config: &Config, public: Option<&Host>, wire: SocketAddr) -> Result<(), OpenError> {
    match public {
        None if !wire.ip().is_loopback() => Err(OpenError::NotPublic { address: wire }),
        None => Ok(()),
        Some(public) => {
            if config.host.as_ref().is_some_and(|host| host != public) {
                return Err(HostError::Differs.into());
            }
            if config.host_map.is_empty() {
                Ok(())
            } else {
                Err(HostError::MapInPublic.into())
            }
        }
    }
}

/// The other nodes without configuration on this machine.
fn neighbours() -> impl Iterator<Item = (Host, SocketAddr)> {
    defaults::WIRE_PORTS.filter_map(|port| {
        let host = Host::new("localhost", Some(port)).ok()?;
        Some((host, SocketAddr::new(defaults::ADDRESS, port)))
    })
}

/// Where this machine itself reaches a listener.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

/// Makes `operator.sock`; what is in its place is ours by the lock, left by a crash.
fn operator_socket(home: &Home) -> Result<(UnixListener, u32), OpenError> {
    let path = home.path().join("operator.sock");
    let make = || {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        // Between these two lines others might connect; the door also asks who they are.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok((listener, fs::metadata(&path)?.uid()))
    };
    make().map_err(|source| OpenError::Socket {
        path: path.clone(),
        source,
    })
}

/// Vouches are not looked at more often: each look is a request to somebody's node.
const VOUCH_LOOK_LEAST: Duration = Duration::from_millis(100);
