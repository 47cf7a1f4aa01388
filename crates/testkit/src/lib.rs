//! Organisations as processes: what tests and benchmarks need to drive the real `comity up`, over
//! real sockets, and to end it in the middle of anything.
//!
//! Not published, and no part of the product: it only uses what a node's doors offer everybody.

mod door;
mod http;
mod operator;
mod organisation;
mod ports;
mod random;
mod receiver;

pub use door::Door;
pub use operator::Operator;
pub use organisation::{Ended, Organisation, acquaint};
pub use ports::free_address;
pub use random::Random;
pub use receiver::{Posted, Receiver};

/// All message types of the loads belong to this protocol, so that one grant covers them.
pub const PROTOCOL: &str = "https://example.org/load/1.0";
