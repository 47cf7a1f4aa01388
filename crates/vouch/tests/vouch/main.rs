//! Vouches, status lists and chains, by what can be seen from outside the crate.

#![allow(clippy::unwrap_used, clippy::panic)]

mod chain;
mod form;
mod hostile;
mod prop;
mod status;
mod world;
