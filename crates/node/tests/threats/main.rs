//! The threat matrix: what attackers can do, through which door, and what stops it.
//!
//! Every class that reaches the wire, the agent's door or a bundle has a generator here; the other
//! cells of the matrix name the test that covers them, or say why the class cannot reach that door
//! ([`matrix`]). `docs/threats.md` holds the same table.
//!
//! After every refused case the same is asserted: the answer tells nothing, nothing was kept, and
//! the peer that was let in is still served.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs
)]

mod agent_http;
mod agent_others;
mod agent_socket;
mod bundle;
mod cells;
mod contact;
mod documents;
mod flood;
mod invitations;
mod matrix;
mod operator;
mod order;
mod races;
mod receipts;
mod resume;
mod revocation;
mod rules;
mod toolkit;
mod wire_form;
mod wire_identity;
mod wire_time;
