//! The journey of a message through the node (design §3), and the state all of it shares.
//!
//! ```text
//! agent ─ submit ─┐                              ┌─ accept ─ lease ─ settle ─ agent
//!                 ├─ one transaction ─ deliver ──┤
//! settle ─────────┘                              └─ sequence ─ receipts
//! ```
//!
//! Every step reads its facts, asks `comity-engine`, signs outside the transaction, and commits
//! effect and record entry together. Nothing is shown before its commit.

mod accept;
mod ask;
mod claims;
mod contact;
mod deliver;
mod draft;
mod expire;
mod identity;
mod lease;
mod note;
mod operate;
mod receipts;
mod sequence;
mod settle;
mod signals;
mod submit;
mod trouble;
mod views;

pub use accept::WireAnswer;
pub use ask::WaitFor;
pub use identity::{Caller, Connected};
pub use trouble::CoreError;
