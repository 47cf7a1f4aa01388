//! What is kept, row by row.

pub(crate) mod agent;
mod hex;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod operator;
pub(crate) mod outbox;
pub(crate) mod receipt;
pub(crate) mod trust;
pub(crate) mod vouch;
