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
mod admit;
mod ask;
mod claims;
mod deliver;
mod doctor;
mod draft;
mod evidence;
mod expire;
mod foreign;
mod gaps;
mod handovers;
mod hands;
mod identity;
mod lanes;
mod lease;
mod looks;
mod note;
mod operate;
mod own;
mod parked;
mod prove;
mod receipts;
mod refuse;
mod sequence;
mod sessions;
mod settle;
mod signals;
mod submit;
mod terminal;
mod trouble;
mod trust;
mod views;
mod webhooks;
mod withdraw;

pub(crate) use accept::SOON;
pub use accept::WireAnswer;
pub use ask::WaitFor;
pub use identity::{Caller, Connected};
pub(crate) use sessions::Attending;
pub use trouble::CoreError;
pub use trust::Operator;

use crate::clock::Clock;
use crate::config::Site;
use crate::custody::NodeHeld;
use crate::resolve::{Http, Resolver};
use crate::streams::Streams;
use comity_did::Did;
use comity_jose::Entropy;
use comity_store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

/// The node's state and everything it can do; the doors call it, the background tasks run on it.
pub struct Core {
    pub(crate) store: Store,
    pub(crate) site: Site,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) custody: NodeHeld,
    pub(crate) resolver: Resolver,
    pub(crate) http: Http,
    pub(crate) agents: RwLock<HashMap<Did, Arc<identity::Hosted>>>,
    pub(crate) callers: Mutex<identity::Callers>,
    pub(crate) connected: Mutex<HashMap<Did, u64>>,
    pub(crate) sessions: Arc<sessions::Sessions>,
    pub(crate) signals: signals::Signals,
    pub(crate) streams: Streams,
    pub(crate) lanes: lanes::Lanes,
    pub(crate) handovers: handovers::Handovers,
    pub(crate) counters: expire::Counters,
    pub(crate) knocks: trust::knocks::KnockBudget,
    pub(crate) statuses: trust::statuses::StatusLists,
    pub(crate) fetched: trust::holding::Fetched,
    pub(crate) reports: foreign::ReportBudget,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Puts the parts together and loads what the store knows: log, agents.
    ///
    /// # Errors
    /// [`CoreError`] if the store cannot be read or a key cannot be unsealed.
    pub(crate) async fn start(parts: Parts) -> Result<Arc<Self>, CoreError> {
        let newest = parts
            .store
            .read(|tx| Ok::<_, CoreError>(tx.newest_outgoing()?))
            .await?;
        let core = Arc::new(Self {
            store: parts.store,
            site: parts.site,
            clock: parts.clock,
            entropy: parts.entropy,
            custody: parts.custody,
            resolver: parts.resolver,
            http: parts.http,
            agents: RwLock::default(),
            callers: Mutex::default(),
            connected: Mutex::default(),
            sessions: Arc::default(),
            signals: signals::Signals::default(),
            streams: Streams::default(),
            lanes: lanes::Lanes::default(),
            handovers: handovers::Handovers::new(newest),
            counters: expire::Counters::default(),
            knocks: trust::knocks::KnockBudget::default(),
            statuses: trust::statuses::StatusLists::default(),
            fetched: trust::holding::Fetched::default(),
            reports: foreign::ReportBudget::default(),
        });
        core.start_log().await?;
        core.load_agents().await?;
        if core.site.is_restored() {
            core.end_what_was_under_way().await?;
        }
        Ok(core)
    }
}

/// What a [`Core`] is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) site: Site,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) custody: NodeHeld,
    pub(crate) resolver: Resolver,
    pub(crate) http: Http,
}
