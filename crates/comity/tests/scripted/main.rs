//! The SDK against a node that plays a script. How it works with a real one is tested where that
//! is: `crates/node/tests`.

#![allow(clippy::panic, clippy::result_large_err, clippy::unwrap_used)]

mod asking;
mod handling;
mod node;
