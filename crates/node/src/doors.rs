//! The doors of a node, each with its own rules of who may enter.
//!
//! | door | who | how |
//! | --- | --- | --- |
//! | [wire] | anybody; nobody is believed | HTTP; TLS is a proxy's business |
//! | [agent] | agents, by token | HTTP and WebSocket, loopback by default |
//! | [operator] | whoever owns the node's process | HTTP on `operator.sock` |
//! | the same | operators, by token or session | HTTP and a page, loopback by default |
//!
//! Doors decide nothing about messages: they bound what comes in (octets, time, connections,
//! rate), read it strictly, call [`Core`](crate::journey::Core) and write down what it said.

pub(crate) mod agent;
mod body;
mod lane;
pub(crate) mod operator;
mod origin;
mod patient;
mod problem;
mod server;
pub(crate) mod wire;

pub use agent::openapi;
