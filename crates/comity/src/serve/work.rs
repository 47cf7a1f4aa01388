//! One delivery: handle it, keep its lease, settle it.

use crate::link::Frame;
use crate::reply::BAD_REPLY;
use crate::{Agent, Failure, Message, Reply, suggest};
use comity_api::agent as api;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Under which lease to settle, and until when it holds.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    id: String,
    until: u64,
}

impl Lease {
    pub(super) fn of(delivery: &api::Delivery) -> Self {
        Self {
            id: delivery.lease.clone(),
            until: delivery.until,
        }
    }

    /// When to extend it: half-way, but not more often than each second.
    fn renew_in(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let left = self.until.saturating_sub(now.unwrap_or_default().as_secs());
        Duration::from_secs(left / 2).clamp(SOONEST_RENEWAL, LATEST_RENEWAL)
    }
}

/// A delivery that a worker has ended with.
#[derive(Debug)]
pub(super) struct Worked {
    pub(super) delivery: String,
    /// The lease under which it settled it, or tried to.
    pub(super) lease: String,
}

/// Handles a delivery from beginning to settlement.
pub(super) async fn work(
    agent: Agent,
    delivery: api::Delivery,
    mut leased: watch::Receiver<Lease>,
) -> Worked {
    let id = delivery.delivery.clone();
    let reply = match Message::new(agent.clone(), delivery) {
        Ok(message) => {
            let attempt = message.attempt();
            let type_ = message.message_type().to_owned();
            let handling = handling(&agent, message);
            let handled = keep_lease(&agent, &id, &leased, handling).await;
            handled.unwrap_or_else(|failure| failure.into_reply(&type_, attempt))
        }
        Err(newer) => {
            tracing::error!(error = ?newer, "a delivery can't be read");
            Reply::reject("e.p.msg.unsupported", "this message can't be read")
        }
    };
    let lease = settle(&agent, &id, reply, &mut leased).await;
    Worked {
        delivery: id,
        lease,
    }
}

/// The handler's future; a panic becomes a failure like any other.
fn handling(agent: &Agent, message: Message) -> impl Future<Output = Result<Reply, Failure>> {
    let type_ = message.message_type();
    let handler = agent.read_handlers(|handlers| {
        let serving = suggest::serving(type_, handlers.by_type.keys().map(String::as_str));
        let handler = serving.and_then(|serving| handlers.by_type.get(serving));
        handler.or(handlers.any.as_ref()).cloned().ok_or_else(|| {
            let handled = handlers.by_type.keys().map(String::as_str);
            suggest::no_handler(agent.name(), type_, handled)
        })
    });
    async move {
        let handler = match handler {
            Ok(handler) => handler,
            Err(words) => {
                tracing::warn!("{words}");
                return Ok(Reply::reject("e.p.msg.unsupported-type", words));
            }
        };
        // A handler may panic before its future exists, too.
        let handling = AssertUnwindSafe(async move { handler.handle(message).await });
        handling
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(Panicked.into()))
    }
}

/// Awaits `handling`, and extends the lease for as long as it takes.
async fn keep_lease(
    agent: &Agent,
    delivery: &str,
    leased: &watch::Receiver<Lease>,
    handling: impl Future<Output = Result<Reply, Failure>>,
) -> Result<Reply, Failure> {
    let mut handling = std::pin::pin!(handling);
    let mut renewal = leased.borrow().renew_in();
    loop {
        tokio::select! {
            handled = &mut handling => return handled,
            () = extend_after(agent, delivery, leased, renewal) => renewal = LATEST_RENEWAL,
        }
    }
}

async fn extend_after(
    agent: &Agent,
    delivery: &str,
    leased: &watch::Receiver<Lease>,
    pause: Duration,
) {
    tokio::time::sleep(pause).await;
    let extend = api::ExtendRequest {
        delivery: delivery.to_owned(),
        lease: leased.borrow().id.clone(),
        seconds: EXTENSION_S,
    };
    if let Err(why) = agent.link().ask(Frame::extend(&extend)).await {
        // The handler goes on: the delivery may be offered again, and then has a lease.
        tracing::debug!(delivery, error = ?why, "a lease was not extended");
    }
}

/// Settles under the newest lease; gives back which that was.
async fn settle(
    agent: &Agent,
    id: &str,
    reply: Reply,
    leased: &mut watch::Receiver<Lease>,
) -> String {
    let mut settlement = match reply.into_settlement(id) {
        Ok(settlement) => settlement,
        Err(why) => {
            tracing::error!(error = ?why, "a handler's reply can't be written");
            bad_reply(id)
        }
    };
    loop {
        settlement.lease.clone_from(&leased.borrow_and_update().id);
        let Err(why) = agent.link().ask(Frame::settle(&settlement)).await else {
            return settlement.lease;
        };
        if why.is_lease_lost() {
            let offered_again = tokio::time::timeout(OFFERED_AGAIN, leased.changed()).await;
            if !matches!(offered_again, Ok(Ok(()))) {
                tracing::warn!(
                    id,
                    "the lease was lost; the node will offer the message again"
                );
                return settlement.lease;
            }
        } else if let Some(pause) = why.retry_after() {
            // The node's trouble, not the reply's: finished work is not thrown away for it.
            tracing::warn!(id, error = ?why, "a settlement has to wait");
            tokio::time::sleep(pause).await;
        } else if settlement.code.as_deref() != Some(BAD_REPLY) {
            tracing::error!(id, error = ?why, "the node did not take a handler's reply");
            settlement = bad_reply(id);
        } else {
            tracing::error!(id, error = ?why, "the node did not take a settlement");
            return settlement.lease;
        }
    }
}

/// Repeating what the node won't take would help nobody: the sender learns that it is our fault.
fn bad_reply(id: &str) -> api::Settlement {
    api::Settlement {
        delivery: id.to_owned(),
        outcome: "reject".to_owned(),
        code: Some(BAD_REPLY.to_owned()),
        comment: Some("the agent's reply could not be sent".to_owned()),
        ..api::Settlement::default()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

/// A lease that is nearly over is extended at once, yet not in a busy loop.
const SOONEST_RENEWAL: Duration = Duration::from_secs(1);
/// Well within the shortest lease that a node gives (60 s).
const LATEST_RENEWAL: Duration = Duration::from_secs(20);
/// By how much a lease is extended each time.
const EXTENSION_S: u64 = 60;
/// How long a settlement whose lease was lost waits for a newer one.
const OFFERED_AGAIN: Duration = Duration::from_secs(5);
