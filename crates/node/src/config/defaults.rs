//! Where doors listen when nobody says.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

/// Doors are open to this machine only, until somebody asks for more.
pub(super) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Ports of the wire door, tried in this order. A node without configuration also takes
/// `localhost` with one of these ports for another node on this machine, and reaches it by plain
/// http; with no other port, so that nothing a peer writes makes it speak to another local service.
pub(super) const WIRE_PORTS: RangeInclusive<u16> = 7400..=7409;

/// Ports of the agent's door, tried in this order.
pub(super) const AGENT_PORTS: RangeInclusive<u16> = 7411..=7420;

/// Ports of the operator's door on TCP, tried in this order; then any.
pub(super) const OPERATOR_PORTS: RangeInclusive<u16> = 7421..=7430;
