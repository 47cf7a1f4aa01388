//! Two nodes, started as anybody would start them, and everything else through the command line and
//! the SDK: real binary, real sockets on loopback, real databases.

#![allow(clippy::panic, clippy::unwrap_used)]

mod agents;
mod shell;
mod trust;
mod world;
