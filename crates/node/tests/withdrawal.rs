//! What a sender is told of messages that he takes back, or whose time runs out, while nobody can
//! know where they are.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::{Message, Send};
use comity_api::operator::CreateGrant;
use comity_node::journey::Operator;
use comity_node::journey::WaitFor;
use common::between::{Between, Weather, apart};
use common::{ARIA, BRUNO, REQUEST, Side, eventually, places};
use serde_json::json;
use std::time::Duration;

async fn now(side: &Side, message: &Message) -> Message {
    let shown = side
        .core()
        .show(&side.caller, &message.id, None, Duration::ZERO);
    shown.await.unwrap()
}

async fn cancel(side: &Side, message: &Message) -> Message {
    side.core().cancel(&side.caller, &message.id).await.unwrap()
}

#[tokio::test]
async fn what_arrived_without_an_answer_is_not_called_cancelled() {
    let (_homes, aria, bruno, between) = apart().await;
    between.set(Weather::AnswersLost);
    let message = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    let delivery = bruno.lease_one().await;
    let asked_back = cancel(&aria, &message).await;
    // B's receipt travels the other way, and may be here already.
    assert!(["queued", "received"].contains(&asked_back.state.as_str()));
    if asked_back.state == "queued" {
        let reason = asked_back.reason.expect("a reason");
        assert!(reason.contains("may have been handed over"), "{reason}");
    }
    between.set(Weather::Fair);
    // Bruno has it: his node does not let the tombstone take its place.
    eventually(async || now(&aria, &message).await.reason.is_none()).await;
    assert!(!now(&aria, &message).await.state.contains("cancel"));
    bruno.settle(&delivery, "done", Vec::new()).await;
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(ended.state, "done");
}

#[tokio::test]
async fn what_was_lost_on_the_way_is_cancelled_once_its_recipient_says_so() {
    let (_homes, aria, bruno, between) = apart().await;
    between.set(Weather::AllLost);
    let message = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(cancel(&aria, &message).await.state, "queued");
    assert_eq!(
        cancel(&aria, &message).await.state,
        "queued",
        "twice is once"
    );
    between.set(Weather::Fair);
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(
        (ended.state.as_str(), ended.by.as_deref()),
        ("cancelled", Some("agent"))
    );
    // The thread goes on behind it.
    let next = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({"n": 2}),
        thid: Some(message.thid),
        ..Send::default()
    };
    aria.submit(next).await;
    assert_eq!(bruno.lease_one().await.message["body"]["n"], 2);
}

#[tokio::test]
async fn what_may_have_left_is_not_called_cancelled_though_nobody_could_say_and_asked_twice() {
    let (mut place_a, place_b) = places();
    let between = Between::new(place_b.wire).await;
    for (host, address) in &mut place_a.map {
        if host.to_string() == "agents.org-b.test" {
            *address = between.address;
        }
    }
    let aria = Side::new(&place_a, "aria").await;
    let _bruno = Side::new(&place_b, "bruno").await;
    // To her node he is other software: no receipts, no tombstones.
    let grant = CreateGrant {
        agent: "aria".into(),
        peer: BRUNO.into(),
        they_may_send: vec![REQUEST.into()],
        we_may_send: vec![REQUEST.into()],
        until: None,
        deniable: false,
        untimed: false,
        ..Default::default()
    };
    aria.core()
        .create_grant(&Operator::local(), grant)
        .await
        .unwrap();
    between.set(Weather::AllLost);
    let message = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..2 {
        let asked_back = cancel(&aria, &message).await;
        assert_eq!(asked_back.state, "queued");
        let reason = asked_back.reason.expect("a reason");
        assert!(reason.contains("cannot be taken back"), "{reason}");
    }
}

#[tokio::test]
async fn what_never_left_is_cancelled_at_once() {
    let (_homes, aria, bruno, _between) = apart().await;
    bruno.node.stop().await;
    // The peer's refusal to connect is known before this one is sent.
    aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let message = aria.send(BRUNO, REQUEST, json!({"n": 2})).await;
    assert_eq!(cancel(&aria, &message).await.state, "cancelled");
}

#[tokio::test]
async fn what_its_recipient_works_on_is_not_called_expired() {
    let (_homes, aria, bruno, _between) = apart().await;
    let expires = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 2;
    let send = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        expires_time: Some(expires),
        ..Send::default()
    };
    let message = aria.submit(send).await;
    let delivery = bruno.lease_one().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(now(&aria, &message).await.state, "received");
    bruno.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");
}

#[tokio::test]
async fn what_nobody_leased_in_time_expires_by_its_recipients_word() {
    let (_homes, aria, bruno, _between) = apart().await;
    let expires = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 2;
    let send = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        expires_time: Some(expires),
        ..Send::default()
    };
    let message = aria.submit(send).await;
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    let last = ended.history.last().unwrap();
    assert_eq!(
        (last.state.as_str(), last.proof.as_str()),
        ("expired", "receipt")
    );
    let leased = bruno.core().lease(&bruno.caller, 1, Duration::ZERO).await;
    assert!(leased.unwrap().is_empty(), "nobody gets it any more");
    assert_eq!(ended.to, BRUNO);
    // The other way about, so that both nodes are seen to go on.
    let other = bruno.send(ARIA, REQUEST, json!({})).await;
    let delivery = aria.lease_one().await;
    aria.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(bruno.wait(&other.id, WaitFor::Done).await.state, "done");
}
