//! Wake-ups within the process. They carry nothing: the store is the truth, and every waiter reads
//! it again; a lost wake-up costs one poll interval, never a message.

use comity_did::Did;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// One kind of change, counted.
#[derive(Debug)]
pub(crate) struct Signal(watch::Sender<u64>);

impl Default for Signal {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Signal {
    /// Wakes whoever waits.
    pub(crate) fn raise(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// To be taken **before** the store is read, so that a change in between is not missed.
    pub(crate) fn listen(&self) -> Listener {
        let mut receiver = self.0.subscribe();
        receiver.mark_unchanged();
        Listener(receiver)
    }
}

/// Waits for the next change since it was taken, or since the last wait.
#[derive(Debug)]
pub(crate) struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Waits for a change or for `longest`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn wait(&mut self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.0.changed()).await;
    }
}

/// All signals of a node.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Something may be handed over.
    pub(crate) outbox: Signal,
    /// Something is held and may need a knock.
    pub(crate) held: Signal,
    /// An entry was recorded.
    pub(crate) recorded: Signal,
    /// Entries were integrated: receipts may go out, watchers may see more.
    pub(crate) integrated: Signal,
    inbox: Mutex<HashMap<Did, Arc<Signal>>>,
    events: Mutex<HashMap<Did, Arc<Signal>>>,
}

impl Signals {
    /// Something may be leased for this agent.
    pub(crate) fn inbox(&self, agent: &Did) -> Arc<Signal> {
        named(&self.inbox, agent)
    }

    /// A message of this agent changed.
    pub(crate) fn events(&self, agent: &Did) -> Arc<Signal> {
        named(&self.events, agent)
    }
}

/// Only DIDs of hosted agents come here, so the map is bounded by them.
fn named(map: &Mutex<HashMap<Did, Arc<Signal>>>, agent: &Did) -> Arc<Signal> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signal) = map.get(agent) {
        return Arc::clone(signal);
    }
    Arc::clone(map.entry(agent.clone()).or_default())
}
