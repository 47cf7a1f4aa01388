//! The doors of a running node, from outside: over real sockets, with a client that says exactly
//! what a test wants it to say.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod agent_http;
mod agent_socket;
mod client;
mod house;
mod openapi;
mod operator;
mod operator_web;
mod wire;
