//! Where the doors listen.

use super::home::Home;
use super::{Config, Host, OpenError, defaults};
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use tokio::net::TcpListener;

/// The doors on TCP, bound.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) wire: TcpListener,
    pub(super) agent: TcpListener,
    /// The operator's, if it is wanted.
    pub(super) operator: Option<TcpListener>,
}

const WIRE_FLAG: &str = "--wire";
const AGENT_FLAG: &str = "--agent-door";
const OPERATOR_FLAG: &str = "--operator-listen";

/// Binds the doors: where it was asked for, else where they were at the last start, else where
/// there is room.
pub(super) async fn bind(
    config: &Config,
    home: &Home,
    public: Option<&Host>,
) -> Result<Doors, OpenError> {
    let last = home.last_tenant();
    let wire = match (wire_asked_for(config, public), &last) {
        (Some(address), _) => listen(address, WIRE_FLAG).await?,
        (None, Some(last)) => match listen(last.wire, WIRE_FLAG).await {
            // The port is part of the DIDs of a node without a host of its own.
            Err(OpenError::AddressTaken { address, .. })
                if home.has_agents() && config.host.is_none() && public.is_none() =>
            {
                return Err(OpenError::RememberedAddressTaken { address });
            }
            Err(_) => first_free(defaults::WIRE_PORTS, WIRE_FLAG).await?,
            Ok(listener) => listener,
        },
        (None, None) => first_free(defaults::WIRE_PORTS, WIRE_FLAG).await?,
    };
    let agent = match (config.agent_door, &last) {
        (Some(address), _) => listen(address, AGENT_FLAG).await?,
        (None, Some(last)) => match listen(last.agent_door, AGENT_FLAG).await {
            Ok(listener) => listener,
            Err(_) => first_free(defaults::AGENT_PORTS, AGENT_FLAG).await?,
        },
        (None, None) => first_free(defaults::AGENT_PORTS, AGENT_FLAG).await?,
    };
    let last = last.and_then(|last| last.operator_door);
    let operator = operator(config, last, public.is_none()).await?;
    Ok(Doors {
        wire,
        agent,
        operator,
    })
}

/// The operator's door: in development there is one, unless all else fails.
async fn operator(
    config: &Config,
    last: Option<SocketAddr>,
    development: bool,
) -> Result<Option<TcpListener>, OpenError> {
    if let Some(address) = config.operator_listen {
        // Tokens and sessions go over it: in the clear only within this machine.
        if !address.ip().is_loopback() && config.operator_url.is_none() {
            return Err(OpenError::OperatorInTheClear { address });
        }
        return Ok(Some(listen(address, OPERATOR_FLAG).await?));
    }
    if !development {
        return match &config.operator_url {
            Some(_) => Err(OpenError::OperatorNowhere),
            None => Ok(None),
        };
    }
    if let Some(last) = last
        && let Ok(listener) = listen(last, OPERATOR_FLAG).await
    {
        return Ok(Some(listener));
    }
    Ok(
        match first_free(defaults::OPERATOR_PORTS, OPERATOR_FLAG).await {
            Ok(listener) => Some(listener),
            Err(_) => listen(SocketAddr::new(defaults::ADDRESS, 0), OPERATOR_FLAG)
                .await
                .ok(),
        },
    )
}

/// The wire address that follows from the configuration: a host that is mapped is served where the
/// map says.
fn wire_asked_for(config: &Config, public: Option<&Host>) -> Option<SocketAddr> {
    let own = config.host.as_ref().or(public);
    let mapped = || config.host_map.iter().find(|(host, _)| Some(host) == own);
    config
        .wire
        .or_else(|| mapped().map(|(_, address)| *address))
}

async fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, OpenError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            OpenError::AddressTaken { address, flag }
        } else {
            OpenError::Bind {
                address,
                flag,
                source,
            }
        }
    })
}

async fn first_free(
    ports: RangeInclusive<u16>,
    flag: &'static str,
) -> Result<TcpListener, OpenError> {
    let (first, last) = (*ports.start(), *ports.end());
    for port in ports {
        match listen(SocketAddr::new(defaults::ADDRESS, port), flag).await {
            Err(OpenError::AddressTaken { .. }) => {}
            other => return other,
        }
    }
    Err(OpenError::PortsTaken { first, last, flag })
}
