//! What a settlement says to whom, and what happens when it is said again.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::{Send, Settlement};
use comity_node::config::Outbound;
use comity_node::journey::Operator;
use comity_node::journey::WaitFor;
use common::{BRUNO, LONG, REQUEST, Side, acquainted, eventually, places};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_words_of_a_rejection_reach_the_sender_and_its_proof_is_the_receipt() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({"rows": -1})).await;
    let delivery = bruno.lease_one().await;
    let reject = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "reject".into(),
        code: Some("bad-rows".into()),
        comment: Some("rows start at 0\u{202e}".into()),
        ..Settlement::default()
    };
    bruno.core().settle(&bruno.caller, reject).await.unwrap();
    let told = async || {
        let shown = aria.wait(&message.id, WaitFor::Done).await;
        (shown.state == "rejected" && shown.reason.is_some()).then_some(shown)
    };
    eventually(async || told().await.is_some()).await;
    let shown = told().await.unwrap();
    assert_eq!(shown.code.as_deref(), Some("e.p.bad-rows"));
    let reason = shown.reason.unwrap();
    assert!(reason.starts_with("they say: rows start at 0"), "{reason}");
    assert!(
        !reason.contains('\u{202e}'),
        "nothing turns the line around"
    );
    let last = shown.history.last().unwrap();
    assert_eq!(
        (last.state.as_str(), last.proof.as_str()),
        ("rejected", "receipt")
    );
}

#[tokio::test]
async fn a_retry_said_twice_is_one_retry() {
    let (_a, _b, aria, bruno) = acquainted().await;
    aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    let retry = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "retry".into(),
        after_s: Some(0),
        ..Settlement::default()
    };
    let settle = || bruno.core().settle(&bruno.caller, retry.clone());
    assert_eq!(settle().await.unwrap(), settle().await.unwrap());
    let again = bruno.lease_one().await;
    assert_eq!(again.attempt, 2);
    bruno.settle(&again, "done", Vec::new()).await;
}

#[tokio::test]
async fn two_messages_of_one_settlement_cannot_have_one_id() {
    let (_a, _b, aria, bruno) = acquainted().await;
    aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    let send = |id: &str| Send {
        id: Some(id.into()),
        type_: "response".into(),
        ..Send::default()
    };
    let settlement = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "done".into(),
        messages: vec![send("twice"), send("Twice")],
        ..Settlement::default()
    };
    let refused = bruno.core().settle(&bruno.caller, settlement).await;
    let problem = refused.unwrap_err();
    assert_eq!(problem.code, "e.m.req.bad-type");
    assert!(problem.title.contains("twice"), "{problem:?}");
    bruno.settle(&delivery, "done", vec![send("once")]).await;
}

#[tokio::test]
async fn an_answer_that_was_settled_is_shown_again_to_who_asked() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let ask = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        ask: true,
        ..Send::default()
    };
    let message = aria.submit(ask).await;
    let delivery = bruno.lease_one().await;
    bruno.reply(&delivery, "response", json!({"n": 42})).await;
    let answer = aria.wait(&message.id, WaitFor::Answer).await.answer;
    aria.settle(&answer.unwrap(), "done", Vec::new()).await;
    // Its process ended before it used the answer; the next one looks again.
    let shown = aria
        .core()
        .show(&aria.caller, &message.id, Some(WaitFor::Answer), LONG)
        .await
        .unwrap();
    let answer = shown.answer.expect("the answer again");
    assert_eq!(answer.message["body"]["n"], 42);
    assert!(answer.lease.is_empty(), "there is nothing left to settle");
}

#[tokio::test]
async fn an_ask_deep_in_a_thread_gets_its_answer() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let first = aria.send(BRUNO, REQUEST, json!({"n": 0})).await;
    for n in 1..=80 {
        let send = Send {
            to: Some(BRUNO.into()),
            type_: REQUEST.into(),
            body: json!({"n": n}),
            thid: Some(first.thid.clone()),
            ask: n == 80,
            id: Some(format!("n-{n}")),
            ..Send::default()
        };
        aria.submit(send).await;
    }
    for n in 0..=80 {
        let delivery = bruno.lease_one().await;
        assert_eq!(delivery.message["body"]["n"], n);
        let replies = (n == 80).then(|| Send {
            type_: "response".into(),
            body: json!({"n": n}),
            ..Send::default()
        });
        let replies = replies.into_iter().collect();
        bruno.settle(&delivery, "done", replies).await;
    }
    let answer = aria.wait("n-80", WaitFor::Answer).await.answer;
    assert_eq!(answer.expect("an answer").message["body"]["n"], 80);
}

#[tokio::test]
async fn an_answer_that_was_put_off_and_then_lost_with_the_grant_is_no_answer() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let ask = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        ask: true,
        ..Send::default()
    };
    let message = aria.submit(ask).await;
    let delivery = bruno.lease_one().await;
    bruno.reply(&delivery, "response", json!({"n": 42})).await;
    let shown = aria.wait(&message.id, WaitFor::Answer).await;
    let answer = shown.answer.expect("an answer");
    aria.settle(&answer, "retry", Vec::new()).await;
    let grants = aria.core().grants(false).await.unwrap();
    aria.core()
        .revoke(&Operator::local(), &grants[0].id)
        .await
        .unwrap();
    let shown = aria
        .core()
        .show(
            &aria.caller,
            &message.id,
            Some(WaitFor::Answer),
            Duration::ZERO,
        )
        .await
        .unwrap();
    assert!(shown.answer.is_none(), "{:?}", shown.answer);
}

#[tokio::test]
async fn who_is_allowed_to_knock_does_so_however_much_else_is_under_way() {
    let (mut place_a, place_b) = places();
    place_a.outbound = Outbound::Ask;
    let aria = Side::new(&place_a, "aria").await;
    let bruno = Side::new(&place_b, "bruno").await;
    let first = aria.send(BRUNO, REQUEST, json!({})).await;
    assert_eq!(first.waiting_on.as_deref(), Some("operator"));
    aria.core()
        .allow(&Operator::local(), &first.id)
        .await
        .unwrap();
    bruno.approve().await;
    for n in 0..300 {
        aria.send(BRUNO, REQUEST, json!({"n": n})).await;
    }
    let other = "https://example.org/other/1.0/question";
    let held = aria.send(BRUNO, other, json!({})).await;
    assert_eq!(held.waiting_on.as_deref(), Some("operator"));
    aria.core()
        .allow(&Operator::local(), &held.id)
        .await
        .unwrap();
    bruno.approve().await;
    aria.wait(&held.id, WaitFor::Received).await;
}

#[tokio::test]
async fn a_receipt_that_comes_after_the_end_is_shown_and_not_applied() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    aria.wait(&message.id, WaitFor::Received).await;
    let grants = aria.core().grants(false).await.unwrap();
    aria.core()
        .revoke(&Operator::local(), &grants[0].id)
        .await
        .unwrap();
    let shown = async || aria.wait(&message.id, WaitFor::Done).await;
    eventually(async || {
        let shown = shown().await;
        let refused = |step: &comity_api::agent::Step| {
            step.state == "refused" && step.proof == "receipt" && step.by == "peer"
        };
        shown.history.iter().any(refused)
    })
    .await;
    assert_eq!(shown().await.state, "cancelled");
    // The other side says how it ended, too.
    let row = bruno.core().message(&message.id).await.unwrap();
    let reason = row.reason.unwrap_or_default();
    assert!(reason.starts_with("refused: e.p.trust."), "{reason}");
}
