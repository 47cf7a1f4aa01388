//! What one revocation does at both nodes (invariant I5): mail queued behind a door that is shut,
//! deliveries leased, questions open; who is told what, and that both records tell it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::{Delivery, Message, Send, Settlement};
use comity_api::operator::{Entry, Grant, ListQuery};
use comity_node::journey::{Operator, WaitFor};
use comity_record::{Bundle, Reconciliation, Side as Shown, Verdict, reconcile, verify};
use common::between::{Between, Weather, apart};
use common::{ARIA, BRUNO, LONG, REQUEST, Side, UPDATE, eventually};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;

const REVOKED: &str = "e.p.trust.revoked";
const QUEUED: u64 = 10;

/// The moment before a revocation.
struct Moment {
    aria: Side,
    bruno: Side,
    between: Between,
    grant: String,
    /// Handed over, not leased.
    offered: Vec<Message>,
    /// Of Aria, leased by Bruno.
    at_bruno: Vec<(Message, Delivery)>,
    /// Of Bruno, leased by Aria.
    at_aria: (Message, Delivery),
    /// Of Aria, behind the shut door.
    queued: Vec<Message>,
    /// Aria asked; Bruno has it leased; somebody waits.
    open: (Message, JoinHandle<Message>),
    /// Aria asked; Bruno said `done`, and the answer was to come; somebody waits.
    promised: (Message, JoinHandle<Message>),
}

async fn ask(side: &Side) -> Message {
    let ask = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({"question": true}),
        ask: true,
        ..Send::default()
    };
    side.submit(ask).await
}

/// Somebody waits for the answer, as long as a door lets him.
fn waiting(side: &Side, id: &str) -> JoinHandle<Message> {
    let (core, caller, id) = (side.core().clone(), side.caller.clone(), id.to_owned());
    tokio::spawn(async move {
        core.show(&caller, &id, Some(WaitFor::Answer), 30 * LONG)
            .await
            .unwrap()
    })
}

async fn lease(side: &Side, message: &Message) -> Delivery {
    let delivery = side.lease_one().await;
    assert_eq!(delivery.message["id"], message.id.as_str());
    delivery
}

async fn moment() -> (impl Sized, Moment) {
    let (homes, aria, bruno, between) = apart().await;
    let promised = ask(&aria).await;
    let delivery = lease(&bruno, &promised).await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    aria.wait(&promised.id, WaitFor::Done).await;
    let open = ask(&aria).await;
    let mut at_bruno = vec![(open.clone(), lease(&bruno, &open).await)];
    for n in 0..2 {
        let message = aria.send(BRUNO, REQUEST, json!({"leased": n})).await;
        let delivery = lease(&bruno, &message).await;
        at_bruno.push((message, delivery));
    }
    let mut offered = Vec::new();
    for n in 0..3 {
        let message = aria.send(BRUNO, REQUEST, json!({"offered": n})).await;
        aria.wait(&message.id, WaitFor::Received).await;
        offered.push(message);
    }
    let theirs = bruno.send(ARIA, UPDATE, json!({"of": "Bruno"})).await;
    let at_aria = (theirs.clone(), lease(&aria, &theirs).await);
    between.set(Weather::AllLost);
    let mut queued = Vec::new();
    for n in 0..QUEUED {
        queued.push(aria.send(BRUNO, REQUEST, json!({"queued": n})).await);
    }
    let grant = bruno.core().grants(false).await.unwrap().remove(0).id;
    let moment = Moment {
        open: (open.clone(), waiting(&aria, &open.id)),
        promised: (promised.clone(), waiting(&aria, &promised.id)),
        aria,
        bruno,
        between,
        grant,
        offered,
        at_bruno,
        at_aria,
        queued,
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    (homes, moment)
}

async fn grant(side: &Side, id: &str) -> Grant {
    let grants = side.core().grants(true).await.unwrap();
    grants.into_iter().find(|grant| grant.id == id).unwrap()
}

async fn show(side: &Side, message: &Message) -> Message {
    let shown = side
        .core()
        .show(&side.caller, &message.id, None, Duration::ZERO);
    shown.await.unwrap()
}

async fn entries(side: &Side) -> Vec<Entry> {
    let query = ListQuery {
        limit: Some(1_000),
        ..ListQuery::default()
    };
    side.core().entries(query).await.unwrap()
}

fn named<'a>(entries: &'a [Entry], kind: &str, member: &str, value: &str) -> Vec<&'a Entry> {
    let is = |entry: &&Entry| {
        let record = entry.record.as_ref();
        entry.kind == kind && record.is_some_and(|record| record[member] == value)
    };
    entries.iter().filter(is).collect()
}

/// No lease of these deliveries counts any more, and there is nothing to lease.
async fn has_lost(side: &Side, delivery: &Delivery) {
    let settlement = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "done".into(),
        messages: vec![Send {
            type_: "response".into(),
            body: json!({"late": true}),
            ..Send::default()
        }],
        ..Settlement::default()
    };
    let problem = side.core().settle(&side.caller, settlement).await;
    assert_eq!(problem.unwrap_err().code, "e.m.req.lease-lost");
    let extended = side
        .core()
        .extend(&side.caller, &delivery.delivery, &delivery.lease, 60);
    assert_eq!(extended.await.unwrap_err().code, "e.m.req.lease-lost");
    let leased = side.core().lease(&side.caller, 256, Duration::ZERO).await;
    assert_eq!(leased.unwrap(), Vec::new());
}

/// Whose operator revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Aria,
    Bruno,
}

impl Moment {
    /// Everything that holds at both nodes once both know.
    async fn has_ended_everywhere(mut self, revoked: At) {
        let (aria, bruno) = (&self.aria, &self.bruno);
        if revoked == At::Aria {
            // She can tell nobody before.
            self.between.set(Weather::Fair);
        }
        let ended = async |side: &Side| grant(side, &self.grant).await.state == "ended";
        eventually(async || ended(aria).await && ended(bruno).await).await;
        for (at, side) in [(At::Aria, aria), (At::Bruno, bruno)] {
            let shown = grant(side, &self.grant).await;
            let by = if at == revoked { "operator" } else { "peer" };
            assert_eq!(
                (shown.code.as_deref(), shown.decided_by.as_str()),
                (Some(REVOKED), by)
            );
        }
        for message in &self.queued {
            let shown = show(aria, message).await;
            assert_eq!(
                (shown.state.as_str(), shown.code.as_deref()),
                ("cancelled", Some(REVOKED)),
                "{shown:?}"
            );
        }
        // Whichever came first: that the grant ended, or the receipt of what it ended.
        let given_up = async |side: &Side, message: &Message| {
            let shown = show(side, message).await;
            assert!(
                ["cancelled", "refused"].contains(&shown.state.as_str()),
                "{shown:?}"
            );
            assert_eq!(shown.code.as_deref(), Some(REVOKED), "{shown:?}");
        };
        for message in &self.offered {
            given_up(aria, message).await;
        }
        for (message, delivery) in &self.at_bruno {
            given_up(aria, message).await;
            has_lost(bruno, delivery).await;
        }
        given_up(bruno, &self.at_aria.0).await;
        has_lost(aria, &self.at_aria.1).await;
        // Who waits in `ask` is told, and not left to wait.
        let told = (&mut self.open.1).await.unwrap();
        assert!(["cancelled", "refused"].contains(&told.state.as_str()));
        assert_eq!((told.code.as_deref(), &told.answer), (Some(REVOKED), &None));
        let told = (&mut self.promised.1).await.unwrap();
        assert_eq!(told.state, "done", "it was, says Bruno's receipt");
        assert_eq!((told.code.as_deref(), &told.answer), (Some(REVOKED), &None));
        assert!(told.reason.unwrap().contains("answer"));
        // New mail is refused here and needs no way to the other side.
        for (side, to, type_) in [(aria, BRUNO, REQUEST), (bruno, ARIA, UPDATE)] {
            let refused = side.send(to, type_, json!({"too": "late"})).await;
            assert_eq!(
                (refused.state.as_str(), refused.code.as_deref()),
                ("refused", Some(REVOKED))
            );
        }
        self.between.set(Weather::Fair);
        self.is_recorded(revoked).await;
    }

    async fn is_recorded(&self, revoked: At) {
        let (aria, bruno) = (&self.aria, &self.bruno);
        // Receipts of what the revocation ended are on their way.
        let leased = self.at_bruno.iter().map(|(message, _)| message);
        let received: Vec<&Message> = self.offered.iter().chain(leased).collect();
        eventually(async || {
            let at_a = entries(aria).await;
            received.iter().all(|message| {
                let receipts = named(&at_a, "receipt-in", "message", &message.digest);
                receipts
                    .iter()
                    .any(|entry| entry.record.as_ref().unwrap()["state"] == "refused")
            })
        })
        .await;
        let (at_a, at_b) = (entries(aria).await, entries(bruno).await);
        for (at, entries) in [(At::Aria, &at_a), (At::Bruno, &at_b)] {
            let decided = named(entries, "decision", "grant", &self.grant);
            let outcome = |entry: &&Entry| entry.record.as_ref().unwrap()["outcome"].clone();
            let begins = |word: &serde_json::Value| word == "offered" || word == "approved";
            let mut ends: Vec<_> = decided.iter().map(outcome).collect();
            ends.retain(|word| !begins(word));
            let word = if at == revoked { "revoked" } else { "ended" };
            assert_eq!(ends, [word], "one decision, once");
        }
        for message in &self.queued {
            assert_eq!(named(&at_a, "ended", "message", &message.digest).len(), 1);
            assert!(named(&at_b, "message-in", "message", &message.digest).is_empty());
        }
        for message in &received {
            assert_eq!(named(&at_b, "settled", "message", &message.digest).len(), 1);
            assert!(named(&at_a, "ended", "message", &message.digest).len() <= 1);
        }
        let theirs = &self.at_aria.0.digest;
        assert_eq!(named(&at_a, "settled", "message", theirs).len(), 1);
        assert!(named(&at_b, "ended", "message", theirs).len() <= 1);
        // Both records, laid side by side, tell one story, once all of it is on the trees.
        let both: Vec<&Message> = received
            .into_iter()
            .chain([&self.promised.0, &self.at_aria.0])
            .collect();
        let mut found = self.laid_side_by_side(&both).await;
        for _ in 0..100 {
            if found.is_clean() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            found = self.laid_side_by_side(&both).await;
        }
        assert!(found.is_clean(), "{found:#?}");
    }

    async fn laid_side_by_side(&self, both: &[&Message]) -> Reconciliation {
        let (mut a, mut b) = (Shown::default(), Shown::default());
        for message in both {
            a.add_bundle(&exported(&self.aria, message).await);
            b.add_bundle(&exported(&self.bruno, message).await);
        }
        // Of what never left only hers tells.
        for message in &self.queued {
            a.add_bundle(&exported(&self.aria, message).await);
        }
        reconcile(&a, &b)
    }
}

async fn exported(side: &Side, message: &Message) -> Bundle {
    let octets = side.core().export(&message.thid).await.unwrap();
    let report = verify(&octets, &[]);
    assert_ne!(report.verdict, Verdict::Broken, "{report:#?}");
    Bundle::parse(&octets).unwrap()
}

async fn revoke(side: &Side, grant: &str) {
    let operator = Operator::local();
    side.core().revoke(&operator, grant).await.unwrap();
}

#[tokio::test]
async fn revoked_by_the_recipient_everything_ends_at_both_nodes() {
    let (_homes, moment) = moment().await;
    revoke(&moment.bruno, &moment.grant).await;
    // At Bruno's node from that moment on.
    for (_, delivery) in &moment.at_bruno {
        has_lost(&moment.bruno, delivery).await;
    }
    moment.has_ended_everywhere(At::Bruno).await;
}

#[tokio::test]
async fn revoked_by_the_sender_everything_ends_at_both_nodes() {
    let (_homes, moment) = moment().await;
    revoke(&moment.aria, &moment.grant).await;
    has_lost(&moment.aria, &moment.at_aria.1).await;
    for message in &moment.queued {
        let shown = show(&moment.aria, message).await;
        assert_eq!(shown.state, "cancelled");
        assert_eq!(shown.by.as_deref(), Some("operator"));
    }
    moment.has_ended_everywhere(At::Aria).await;
}
