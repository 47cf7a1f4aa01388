//! Comity's storage contract by aggregate, its memory backend and its conformance suite.
//!
//! # The contract
//!
//! - A unit of work is a closure over [`Tx`]. All it writes commits together or not at all; a
//!   backend may commit several units in one group, but one unit's failure undoes only itself.
//! - When [`Store::write`] returns `Ok`, the work is durable: it survives a crash of the process
//!   and, with the backend's durability on, loss of power.
//! - A unit may be run again if the database aborts it for a conflict with another process, so it
//!   must not have effects outside the transaction.
//! - Units never sign, resolve or wait. What must be computed before (signatures) is checked in
//!   the transaction against what it was computed from: [`Order::claim_order`],
//!   [`Log::integrate`] and the grant's version fail with a conflict rather than overwrite.
//! - [`Tx::now`] is the store's clock. Leases and retries use it, so that several processes agree.
//! - Rows are dumb. What may happen is decided by `comity-engine` on what was read in the same
//!   transaction.
//!
//! Backends: [`memory`] for tests; SQLite in `comity-store-sqlite`. A backend counts as supported
//! when [`mod@conformance`] passes on it.

mod clock;
pub mod conformance;
pub mod memory;
mod rows;
mod store;
mod tx;

pub use clock::{Clock, ManualClock, SystemClock};
pub use memory::Memory;
pub use rows::agent::{AgentRow, AgentState, TokenRow};
pub use rows::inbox::{Incoming, Outcome, ParkReply, Parked};
pub use rows::log::{EntryRow, LogHead, NodeRow, PeerLogRow};
pub use rows::operator::{OperatorRow, WebhookEvent, WebhookRow, WebhookTry};
pub use rows::outbox::{History, OutKind, Outgoing};
pub use rows::receipt::{PeerReceiptRow, ReceiptRow};
pub use rows::trust::{
    BlockRow, GrantRow, KnockRow, KnockState, PeerRow, RuleRow, Standing, StandingLink, Taken,
};
pub use rows::vouch::{HeldRow, IssuedRow, RightRow};
pub use store::{Backend, Done, ReadWork, Store, WriteWork};
pub use tx::{
    Agents, Inbox, Log, Messages, Operators, Order, Outbox, Page, Policy, Receipts, Trust, Tx,
    Vouches, Way, Webhooks,
};

/// Why storage could not do its work. The operator's business, never a peer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something else was there first; read again and decide anew.
    #[error("what this was computed from has changed meanwhile")]
    Conflict,
    /// The disk is full or cannot be written.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// The database is damaged or not ours.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Another process holds this node's directory.
    #[error("another node process is using this database")]
    Locked,
    /// A unit of work panicked; nothing of it was kept.
    #[error("a unit of work broke off; nothing of it was kept")]
    Panicked,
    /// The store was shut down.
    #[error("the store is closed")]
    Closed,
    /// The database answered with an error that has no case of its own.
    #[error("the database failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}
