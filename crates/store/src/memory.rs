//! The memory backend: the contract in its plainest form, for tests.
//!
//! Every rule is written as it reads in [`crate::Tx`], by looking at all rows, so that it can
//! serve as the reference that the durable backends are compared with. Nothing survives a drop.

mod agents;
mod inbox;
mod log;
mod messages;
mod operators;
mod order;
mod outbox;
mod policy;
mod receipts;
mod table;
mod trust;
mod vouches;

use crate::rows::agent::{AgentRow, TokenRow};
use crate::rows::inbox::Incoming;
use crate::rows::log::{EntryRow, LogHead, PeerLogRow};
use crate::rows::operator::{OperatorRow, WebhookEvent, WebhookRow};
use crate::rows::outbox::Outgoing;
use crate::rows::receipt::{PeerReceiptRow, ReceiptRow};
use crate::rows::trust::{BlockRow, GrantRow, KnockRow, PeerRow, RuleRow};
use crate::rows::vouch::{HeldRow, IssuedRow, RightRow};
use crate::tx::Way;
use crate::{Backend, Clock, Done, ReadWork, StoreError, Tx, WriteWork};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::Timestamp;
use comity_engine::domain::Domain;
use comity_record::{Digest, ReceiptState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

/// A store in memory. Clones share the same rows. Units run on the thread of the caller.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    /// An empty store on this clock.
    #[must_use]
    pub fn new(clock: impl Clock) -> Self {
        Self {
            state: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    fn run(&self, work: impl FnOnce(&mut MemoryTx<'_>) -> bool) -> Result<(), StoreError> {
        // A poisoned lock cannot hide half a unit: what a panic left is rolled back below.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = MemoryTx {
            state: &mut state,
            now: self.clock.now(),
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
        match result {
            Ok(true) => state.keep(),
            Ok(false) | Err(_) => state.roll_back(),
        }
        result.map(drop).map_err(|_| StoreError::Panicked)
    }
}

impl Backend for Memory {
    fn write(&self, mut work: WriteWork, done: Done) {
        done(self.run(|tx| work(tx)));
    }

    fn read(&self, work: ReadWork, done: Done) {
        done(self.run(|tx| {
            work(tx);
            true
        }));
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

/// One transaction: the lock is held while it lives.
struct MemoryTx<'a> {
    state: &'a mut State,
    now: Timestamp,
}

impl Tx for MemoryTx<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// Ids are compared without regard to case, so their prefixes are too.
fn id_starts_with(id: &MessageId, prefix: &str) -> bool {
    let start = id.as_str().as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Declares the tables and what ends a unit over all of them.
macro_rules! tables {
    ($($name:ident: $key:ty => $row:ty,)*) => {
        #[derive(Default)]
        struct State {
            $($name: Table<$key, $row>,)*
        }

        impl State {
            fn keep(&mut self) {
                $(self.$name.keep();)*
            }

            fn roll_back(&mut self) {
                $(self.$name.roll_back();)*
            }
        }
    };
}

tables! {
    agents: String => AgentRow,
    tokens: [u8; 32] => TokenRow,
    operators: String => OperatorRow,
    webhooks: String => WebhookRow,
    webhook_events: u64 => WebhookEvent,
    meta: String => Vec<u8>,
    messages: Digest => Vec<u8>,
    documents: Digest => (Did, Vec<u8>, u64),
    orders: (Way, Did, Did, MessageId) => u64,
    seen: (Did, Did, MessageId) => (Digest, u64),
    outbox: u64 => Outgoing,
    outbox_keys: (Did, MessageId) => u64,
    events: u64 => (Did, MessageId),
    inbox: u64 => Incoming,
    inbox_keys: String => u64,
    grants: u64 => GrantRow,
    grant_keys: (Digest, Did) => u64,
    knocks: u64 => KnockRow,
    knock_keys: Digest => u64,
    peers: Did => PeerRow,
    rules: u64 => RuleRow,
    blocks: Domain => BlockRow,
    issued: u64 => IssuedRow,
    held: u64 => HeldRow,
    rights: Did => RightRow,
    revoked: Digest => (),
    vouch_uses: Digest => u64,
    entries: u64 => EntryRow,
    entry_keys: (String, u64) => u64,
    nodes: (String, u8, u64) => [u8; 32],
    head: () => LogHead,
    peer_logs: String => PeerLogRow,
    receipts: u64 => ReceiptRow,
    receipt_keys: (Digest, Did, ReceiptState) => u64,
    peer_receipts: (Digest, ReceiptState) => PeerReceiptRow,
}
