//! Agents that use nothing but HTTP, and take the node at its word.

use crate::deeds::{Deed, Kind, STREAMS, deed};
use crate::ledger::{Ledger, Told};
use crate::over_sdk::{PAUSE, Room, aside, room};
use comity_api::agent::{
    Delivery, LeaseRequest, Leased, Send, SettleRequest, SettleResult, Settled, Settlement,
};
use comity_testkit::Door;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// An agent, its node, and whom it writes to.
pub(crate) struct Talker {
    pub(crate) name: &'static str,
    pub(crate) did: String,
    pub(crate) door: Door,
    pub(crate) node: usize,
    pub(crate) to: String,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) enough: CancellationToken,
}

impl Talker {
    /// Sends until it is enough.
    pub(crate) fn talk(&self, tasks: &mut JoinSet<()>) {
        for (number, kind) in STREAMS.into_iter().enumerate() {
            let sender = Sender {
                thread: format!("{}-{number}", self.name),
                from: self.did.clone(),
                door: self.door.another(),
                node: self.node,
                to: self.to.clone(),
                ledger: Arc::clone(&self.ledger),
                enough: self.enough.clone(),
            };
            tasks.spawn(sender.stream(kind));
        }
    }

    /// Takes what comes until `over`.
    pub(crate) fn listen(&self, tasks: &mut JoinSet<()>, over: CancellationToken) {
        let taker = Taker {
            door: self.door.another(),
            ledger: Arc::clone(&self.ledger),
            leases: BTreeMap::new(),
            broken: 0,
        };
        tasks.spawn(taker.take(over));
    }
}

struct Sender {
    thread: String,
    from: String,
    door: Door,
    node: usize,
    to: String,
    ledger: Arc<Ledger>,
    enough: CancellationToken,
}

impl Sender {
    async fn stream(mut self, kind: Kind) {
        for part in 0.. {
            let thread = format!("{}.{part}", self.thread);
            for n in 1_u64.. {
                match room(&self.ledger, &self.from, &thread, n, &self.enough).await {
                    Room::Enough => return,
                    Room::None => break,
                    Room::Some => self.send(&thread, n, kind).await,
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn send(&mut self, thread: &str, n: u64, kind: Kind) {
        let label = format!("{thread}-{n}");
        let send = Send {
            id: Some(label.clone()),
            to: Some(self.to.clone()),
            type_: kind.uri(),
            body: json!({"label": label}),
            thid: Some(thread.to_owned()),
            ..Send::default()
        };
        let (_, digest) = self.submit(&send).await;
        let told = Told {
            node: self.node,
            id: label.clone(),
            digest: digest.clone(),
        };
        self.ledger.told(&label, kind, told);
        if n.is_multiple_of(8) {
            let (status, again) = self.submit(&send).await;
            if (status, &again) != (200, &digest) {
                let what = format!("{label}: said again: {status}, {again}");
                self.ledger.wrong(what);
            }
        }
    }

    /// Says it until the node answers: it is told `queued` then. Status and digest.
    async fn submit(&mut self, send: &Send) -> (u16, String) {
        loop {
            match self.door.post::<Value>("/v1/messages", send).await {
                Ok((status @ (200 | 201), message)) => {
                    return (
                        status,
                        message["digest"].as_str().unwrap_or_default().to_owned(),
                    );
                }
                Ok((status, problem)) => {
                    // A node that is being stopped or is short of something says so.
                    if status < 500 {
                        self.ledger
                            .wrong(format!("{:?}: {status}: {problem}", send.id));
                    }
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

struct Taker {
    door: Door,
    ledger: Arc<Ledger>,
    /// The last lease of each delivery.
    leases: BTreeMap<String, Lease>,
    /// Requests for leases that were never answered: each may have leased what nobody saw.
    broken: u32,
}

struct Lease {
    attempt: u32,
    until: u64,
    /// It was given back or settled.
    ended: bool,
    /// How many requests were broken when it was given.
    broken: u32,
}

impl Taker {
    async fn take(mut self, over: CancellationToken) {
        while !over.is_cancelled() {
            let request = LeaseRequest { max: 8, wait_s: 1 };
            let Ok((_, leased)) = self.door.post::<Leased>("/v1/lease", &request).await else {
                self.broken += 1;
                tokio::time::sleep(Duration::from_millis(30)).await;
                continue;
            };
            if !leased.deliveries.is_empty() {
                self.settle(leased.deliveries).await;
            }
        }
    }

    async fn settle(&mut self, deliveries: Vec<Delivery>) {
        let mut settlements = Vec::new();
        let mut labels = Vec::new();
        for delivery in &deliveries {
            self.hold_to_its_lease(delivery);
            let label = self.ledger.offered(&delivery.message, delivery.attempt);
            let kind = Kind::of(delivery.message["type"].as_str().unwrap_or_default());
            let deed = deed(kind, &label, delivery.attempt);
            let for_good = deed != Deed::Retry;
            if for_good {
                self.ledger.settling(&label);
            }
            settlements.push(settlement(delivery, deed));
            labels.push((label, for_good));
        }
        let request = SettleRequest { settlements };
        // Until it is answered: repeating it is safe, that is the promise.
        let results = loop {
            match self.door.post::<Settled>("/v1/settle", &request).await {
                Ok((_, settled)) => break settled.results,
                Err(_) => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        };
        for ((delivery, (label, for_good)), result) in deliveries.iter().zip(labels).zip(results) {
            match result {
                SettleResult::Settled(_) => {
                    if for_good {
                        self.ledger.settled(&label);
                    }
                    if let Some(lease) = self.leases.get_mut(&delivery.delivery) {
                        lease.ended = true;
                    }
                }
                // A retry that took effect has no result to repeat: the lease is gone with it.
                SettleResult::Problem(problem)
                    if problem.code == "e.m.req.lease-lost"
                        && (!for_good || now() >= delivery.until) =>
                {
                    if let Some(lease) = self.leases.get_mut(&delivery.delivery) {
                        lease.ended = true;
                    }
                }
                SettleResult::Problem(problem) => {
                    self.ledger
                        .wrong(format!("{label} could not be settled: {problem:?}"));
                }
            }
        }
    }

    /// Attempt 1 is offered once; later ones only after a lease that ended unsettled.
    fn hold_to_its_lease(&mut self, delivery: &Delivery) {
        let known = self.leases.get(&delivery.delivery);
        let (seen, broken) = known.map_or((0, 0), |lease| (lease.attempt, lease.broken));
        if let Some(lease) = known
            && !lease.ended
            && now() < lease.until
        {
            let (one, other) = (lease.attempt, delivery.attempt);
            let what = format!(
                "{}: attempt {other} within {one}'s lease",
                delivery.delivery
            );
            self.ledger.wrong(what);
        }
        let unseen = delivery.attempt.saturating_sub(seen + 1);
        if unseen > self.broken - broken {
            let what = format!(
                "{}: attempt {} after {seen}, with {} broken requests in between",
                delivery.delivery,
                delivery.attempt,
                self.broken - broken
            );
            self.ledger.wrong(what);
        }
        let lease = Lease {
            attempt: delivery.attempt,
            until: delivery.until,
            ended: false,
            broken: self.broken,
        };
        self.leases.insert(delivery.delivery.clone(), lease);
    }
}

fn settlement(delivery: &Delivery, deed: Deed) -> Settlement {
    let message = |(kind, label): (Kind, String)| {
        let send = Send {
            type_: kind.name().to_owned(),
            body: json!({"label": label}),
            ..Send::default()
        };
        let text = |name: &str| delivery.message[name].as_str().map(str::to_owned);
        match kind {
            Kind::Aside => {
                let thread = aside(&text("thid").unwrap_or_default());
                Send {
                    to: text("from"),
                    thid: Some(thread),
                    ..send
                }
            }
            _ => send,
        }
    };
    let (outcome, messages) = match deed {
        Deed::Done => ("done", Vec::new()),
        Deed::Retry => ("retry", Vec::new()),
        Deed::DoneWith(messages) => ("done", messages.into_iter().map(message).collect()),
    };
    Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: outcome.to_owned(),
        messages,
        after_s: (outcome == "retry").then_some(0),
        ..Settlement::default()
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
