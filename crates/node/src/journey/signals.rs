//! Wake-ups within the process. They carry nothing: the store is the truth, and every waiter reads
//! it again; a lost wake-up costs one poll interval, never a message.

use comity_did::Did;
use comity_didcomm::MessageId;
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
    /// A grant began or ended.
    pub(crate) decided: Signal,
    /// A webhook changed, or has something to be told.
    pub(crate) webhooks: Signal,
    /// An entry was recorded.
    pub(crate) recorded: Signal,
    /// Entries were integrated: receipts may go out, watchers may see more.
    pub(crate) integrated: Signal,
    inbox: Mutex<HashMap<Did, Arc<Signal>>>,
    events: Mutex<HashMap<Did, Arc<Signal>>>,
    watched: Mutex<HashMap<Did, HashMap<MessageId, Watched>>>,
}

/// A message that somebody looks at.
#[derive(Debug, Default)]
struct Watched {
    signal: Arc<Signal>,
    watchers: usize,
}

impl Signals {
    /// Something may be leased for this agent.
    pub(crate) fn inbox(&self, agent: &Did) -> Arc<Signal> {
        named(&self.inbox, agent)
    }

    /// Any message of this agent changed.
    pub(crate) fn events(&self, agent: &Did) -> Arc<Signal> {
        named(&self.events, agent)
    }

    /// This message of an agent changed.
    pub(crate) fn changed(&self, agent: &Did, message: &MessageId) {
        self.events(agent).raise();
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = watched.get(agent).and_then(|of| of.get(message)) {
            one.signal.raise();
        }
    }

    /// Any messages of an agent may have changed.
    pub(crate) fn all_changed(&self, agent: &Did) {
        self.events(agent).raise();
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for one in watched.get(agent).into_iter().flat_map(HashMap::values) {
            one.signal.raise();
        }
    }

    /// Looks at one message of an agent until the watch is dropped.
    pub(crate) fn watch(&self, agent: &Did, message: &MessageId) -> Watch<'_> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let of_agent = watched.entry(agent.clone()).or_default();
        let one = of_agent.entry(message.clone()).or_default();
        one.watchers += 1;
        Watch {
            signals: self,
            agent: agent.clone(),
            message: message.clone(),
            signal: Arc::clone(&one.signal),
        }
    }
}

/// Interest in one message.
pub(crate) struct Watch<'a> {
    signals: &'a Signals,
    agent: Did,
    message: MessageId,
    signal: Arc<Signal>,
}

impl Watch<'_> {
    /// To be taken before the store is read.
    pub(crate) fn listen(&self) -> Listener {
        self.signal.listen()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let watched = &self.signals.watched;
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_agent) = watched.get_mut(&self.agent) else {
            return;
        };
        if let Some(one) = of_agent.get_mut(&self.message) {
            one.watchers -= 1;
            if one.watchers == 0 {
                of_agent.remove(&self.message);
            }
        }
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
