use crate::Random;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address that nobody listens on now, with a port below those that the system hands out for
/// outgoing connections: a node that is down for a moment must find its port free again.
///
/// # Errors
/// All that were tried are taken.
pub fn free_address() -> io::Result<SocketAddr> {
    let mut random = Random::new();
    for _ in 0..200 {
        let port = u16::try_from(20_000 + random.below(12_000)).unwrap_or(20_000);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr();
        }
    }
    Err(io::Error::from(io::ErrorKind::AddrInUse))
}
