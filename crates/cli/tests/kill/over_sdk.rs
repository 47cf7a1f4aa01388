//! Agents that use the SDK: one that sends streams of messages and asks, and handles what comes.

use crate::deeds::{Deed, Kind, STREAMS, deed};
use crate::ledger::{Ledger, Told};
use comity::{Agent, Message, Outcome, Outgoing, Reply};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// An agent, its node, and whom it writes to.
#[derive(Clone)]
pub(crate) struct Talker {
    pub(crate) agent: Agent,
    pub(crate) node: usize,
    pub(crate) to: String,
    pub(crate) ledger: Arc<Ledger>,
    /// Cancelled when nothing new is to be sent.
    pub(crate) enough: CancellationToken,
}

impl Talker {
    /// Sends until it is enough.
    pub(crate) fn talk(&self, tasks: &mut JoinSet<()>) {
        for (number, kind) in STREAMS.into_iter().enumerate() {
            tasks.spawn(self.clone().stream(number, kind));
        }
        for number in 0..2 {
            tasks.spawn(self.clone().asks(number));
        }
    }

    /// Handles what comes until `over`.
    pub(crate) fn listen(&self, tasks: &mut JoinSet<()>, over: CancellationToken) {
        let ledger = Arc::clone(&self.ledger);
        self.agent.on_any(move |message: Message| {
            let ledger = Arc::clone(&ledger);
            async move {
                let label = ledger.offered(message.plaintext(), message.attempt());
                let kind = Kind::of(message.message_type());
                let deed = deed(kind, &label, message.attempt());
                if deed != Deed::Retry {
                    ledger.settling(&label);
                }
                Ok(reply(&message, deed))
            }
        });
        let agent = self.agent.clone();
        tasks.spawn(async move { agent.run_until(over.cancelled()).await.unwrap() });
    }

    async fn stream(self, number: usize, kind: Kind) {
        for part in 0.. {
            let thread = format!("{}-{number}.{part}", self.agent.name());
            for n in 1_u64.. {
                let did = self.agent.did();
                match room(&self.ledger, did, &thread, n, &self.enough).await {
                    Room::Enough => return,
                    Room::None => break,
                    Room::Some => self.send(&thread, n, kind).await,
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn send(&self, thread: &str, n: u64, kind: Kind) {
        let id = format!("{thread}-{n}");
        loop {
            let sent = self
                .agent
                .send(&self.to, kind.uri(), json!({"label": id}))
                .id(&id)
                .thread(thread)
                .await;
            match sent {
                Ok(status) => {
                    let (node, digest) = (self.node, status.digest().to_owned());
                    let told = Told {
                        node,
                        id: id.clone(),
                        digest,
                    };
                    return self.ledger.told(&id, kind, told);
                }
                // Its node was away for longer than the SDK waits: say it again.
                Err(why) => println!("{id}: {why}"),
            }
        }
    }

    async fn asks(self, number: usize) {
        for n in 1.. {
            if self.enough.is_cancelled() {
                return;
            }
            let id = format!("{}-ask{number}-{n}", self.agent.name());
            let ask = self
                .agent
                .ask(&self.to, Kind::Ask.uri(), json!({"label": id}));
            let mut outcome = ask.id(&id).wait(PATIENCE).await;
            while let Err(why) = outcome {
                println!("{id}: {why}");
                let again = self
                    .agent
                    .ask(&self.to, Kind::Ask.uri(), json!({"label": id}));
                outcome = again.id(&id).wait(PATIENCE).await;
            }
            match outcome.unwrap() {
                Outcome::Answer(answer) => {
                    let status = self.agent.status(&id).await;
                    let label = self.ledger.offered(answer.plaintext(), answer.attempt());
                    self.ledger.settling(&label);
                    self.ledger.settled(&label);
                    if label != format!("re:{id}") {
                        self.ledger.wrong(format!("{id}: answered with {label}"));
                    }
                    if let Ok(status) = status {
                        let digest = status.digest().to_owned();
                        let told = Told {
                            node: self.node,
                            id: id.clone(),
                            digest,
                        };
                        self.ledger.told(&id, Kind::Ask, told);
                    }
                }
                other => self.ledger.wrong(format!("{id}: {other:?}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn reply(message: &Message, deed: Deed) -> Reply {
    match deed {
        Deed::Done => Reply::done(),
        Deed::Retry => Reply::retry(Duration::ZERO),
        Deed::DoneWith(messages) => {
            messages
                .into_iter()
                .fold(Reply::done(), |reply, (kind, label)| {
                    let outgoing = Outgoing::new(kind.name(), json!({"label": label}));
                    reply.also(match kind {
                        Kind::Aside => outgoing.to(message.sender()).thread(aside(message.thid())),
                        _ => outgoing,
                    })
                })
        }
    }
}

/// The thread of what is sent beside the replies of a thread.
pub(crate) fn aside(thread: &str) -> String {
    format!("{thread}-aside")
}

/// Whether a thread has room for its next message.
pub(crate) enum Room {
    Some,
    /// The thread stands still, likely for a lease that was lost with its node: it will go on in
    /// a minute, and until then the load goes on in another one.
    None,
    /// Nothing more is to be sent at all.
    Enough,
}

/// Waits a little for room.
pub(crate) async fn room(
    ledger: &Ledger,
    from: &str,
    thread: &str,
    next: u64,
    enough: &CancellationToken,
) -> Room {
    for _ in 0..40 {
        if enough.is_cancelled() {
            return Room::Enough;
        }
        if next <= ledger.last_in(from, thread) + AHEAD {
            return Room::Some;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Room::None
}

/// Messages of a stream that are on their way at most.
const AHEAD: u64 = 20;
/// Between two messages of a stream: a load, not a measurement.
pub(crate) const PAUSE: Duration = Duration::from_millis(15);
/// An answer whose lease was lost with its node is offered again after a minute.
const PATIENCE: Duration = Duration::from_secs(150);
