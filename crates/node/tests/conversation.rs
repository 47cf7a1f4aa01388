//! Two nodes in one process, over real sockets: what agents and operators go through.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::{Send, Settlement};
use comity_api::operator::Deny;
use comity_node::journey::Operator;
use comity_node::journey::WaitFor;
use common::between::apart;
use common::{ARIA, BRUNO, LONG, REQUEST, Side, UPDATE, acquainted, places};
use serde_json::{Value, json};
use std::time::Duration;

fn states(message: &comity_api::agent::Message) -> Vec<(&str, &str)> {
    message
        .history
        .iter()
        .map(|step| (step.state.as_str(), step.proof.as_str()))
        .collect()
}

#[tokio::test]
async fn a_stranger_knocks_is_let_in_and_gets_a_signed_answer() {
    let (place_a, place_b) = places();
    let (aria, bruno) = (
        Side::new(&place_a, "aria").await,
        Side::new(&place_b, "bruno").await,
    );
    let ask = Send {
        to: Some("bruno@agents.org-b.test".into()),
        type_: REQUEST.into(),
        body: json!({"rows": 3}),
        purpose: Some("Q3 pricing study".into()),
        ask: true,
        ..Send::default()
    };
    let message = aria.submit(ask).await;
    assert_eq!(
        (message.state.as_str(), message.waiting_on.as_deref()),
        ("held", Some("grant"))
    );

    bruno.approve().await;
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.message["body"], json!({"rows": 3}));
    assert_eq!(delivery.message["from"], ARIA);
    assert_eq!(delivery.message["to"], json!([BRUNO]));
    assert_eq!(
        (delivery.attempt, delivery.context.proof.as_str()),
        (1, "anyone")
    );
    assert!(delivery.context.first_contact);
    bruno
        .reply(&delivery, "response", json!({"trend": "up"}))
        .await;

    let answered = aria.wait(&message.id, WaitFor::Answer).await;
    let answer = answered.answer.expect("an answer");
    assert_eq!(answer.message["body"], json!({"trend": "up"}));
    assert_eq!(answer.message["from"], BRUNO);
    aria.settle(&answer, "done", Vec::new()).await;

    let done = aria.wait(&message.id, WaitFor::Done).await;
    let last = states(&done);
    assert_eq!(last.last(), Some(&("done", "receipt")), "{last:?}");
    assert!(
        last.contains(&("queued", "none")) && last[0] == ("held", "none"),
        "{last:?}"
    );
}

#[tokio::test]
async fn the_other_side_may_start_and_order_within_a_thread_holds() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let first = bruno.send(ARIA, UPDATE, json!({"n": 0})).await;
    for n in 1..20 {
        let send = Send {
            to: Some(ARIA.into()),
            type_: UPDATE.into(),
            body: json!({"n": n}),
            thid: Some(first.thid.clone()),
            ..Send::default()
        };
        bruno.submit(send).await;
    }
    for n in 0..20 {
        let delivery = aria.lease_one().await;
        assert_eq!(delivery.message["body"]["n"], n);
        assert_eq!(delivery.message["sender_order"], n + 1);
        aria.settle(&delivery, "done", Vec::new()).await;
    }
}

#[tokio::test]
async fn a_lost_lease_is_offered_again_and_settling_it_does_nothing() {
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
    bruno.core().settle(&bruno.caller, retry).await.unwrap();
    let again = bruno.lease_one().await;
    assert_eq!(
        (again.delivery.as_str(), again.attempt),
        (delivery.delivery.as_str(), 2)
    );
    let stale = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease,
        outcome: "done".into(),
        ..Settlement::default()
    };
    let problem = bruno.core().settle(&bruno.caller, stale).await.unwrap_err();
    assert_eq!(problem.code, "e.m.req.lease-lost");
    let settlement = Settlement {
        delivery: again.delivery.clone(),
        lease: again.lease.clone(),
        outcome: "done".into(),
        messages: vec![Send {
            type_: "response".into(),
            ..Send::default()
        }],
        ..Settlement::default()
    };
    let once = bruno
        .core()
        .settle(&bruno.caller, settlement.clone())
        .await
        .unwrap();
    let twice = bruno
        .core()
        .settle(&bruno.caller, settlement)
        .await
        .unwrap();
    assert_eq!(once, twice, "the same settlement again gives its result");
    let reply = aria.lease_one().await;
    aria.settle(&reply, "done", Vec::new()).await;
    let none = aria
        .core()
        .lease(&aria.caller, 1, Duration::from_millis(300))
        .await
        .unwrap();
    assert_eq!(none, [], "the reply took effect once");
}

#[tokio::test]
async fn the_same_id_and_content_is_the_same_message_and_other_content_a_conflict() {
    let (_a, _b, aria, _bruno) = acquainted().await;
    let send = Send {
        id: Some("order-7".into()),
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        ..Send::default()
    };
    let (first, new) = aria
        .core()
        .submit(&aria.caller, send.clone())
        .await
        .unwrap();
    assert!(new);
    let (second, new) = aria
        .core()
        .submit(&aria.caller, send.clone())
        .await
        .unwrap();
    assert!(!new);
    assert_eq!(first.digest, second.digest);
    let other = Send {
        body: json!({"x": 1}),
        ..send
    };
    let problem = aria.core().submit(&aria.caller, other).await.unwrap_err();
    assert_eq!(problem.code, "e.m.req.id-conflict");
}

#[tokio::test]
async fn a_revocation_ends_mail_and_leases_at_both_nodes_and_the_next_message_is_refused() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let open = aria.send(BRUNO, REQUEST, json!({"open": true})).await;
    let leased = bruno.lease_one().await;
    let grant = bruno.core().grants(false).await.unwrap()[0].id.clone();
    bruno
        .core()
        .revoke(&Operator::local(), &grant)
        .await
        .unwrap();
    let lost = Settlement {
        delivery: leased.delivery,
        lease: leased.lease,
        outcome: "done".into(),
        ..Settlement::default()
    };
    let problem = bruno.core().settle(&bruno.caller, lost).await.unwrap_err();
    assert_eq!(problem.code, "e.m.req.lease-lost");
    let ended = aria.wait(&open.id, WaitFor::Done).await;
    assert!(
        ["cancelled", "refused"].contains(&ended.state.as_str()),
        "{ended:?}"
    );
    for _ in 0..100 {
        if aria.core().grants(false).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let next = aria.send(BRUNO, REQUEST, json!({})).await;
    let next = aria.wait(&next.id, WaitFor::Done).await;
    assert_eq!(next.state, "refused");
    assert_eq!(next.code.as_deref(), Some("e.p.trust.revoked"));
}

#[tokio::test]
async fn a_denied_knock_refuses_what_waited() {
    let (place_a, place_b) = places();
    let (aria, bruno) = (
        Side::new(&place_a, "aria").await,
        Side::new(&place_b, "bruno").await,
    );
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let knock = loop {
        if let [knock] = bruno.core().knocks(false).await.unwrap().as_slice() {
            break knock.clone();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    };
    // What the one operator is shown is what the other reads out.
    let agents = aria.core().list_agents().await.unwrap();
    assert_eq!(knock.fingerprint, agents[0].fingerprint);
    bruno
        .core()
        .deny(&Operator::local(), &knock.id, Deny::default())
        .await
        .unwrap();
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(
        (ended.state.as_str(), ended.code.as_deref()),
        ("refused", Some("e.p.trust.denied"))
    );
}

#[tokio::test]
async fn mail_waits_for_a_node_that_is_down() {
    let (place_a, place_b, aria, bruno) = acquainted().await;
    bruno.node.stop().await;
    let message = aria.send(BRUNO, REQUEST, json!({"late": true})).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let queued = aria
        .core()
        .show(&aria.caller, &message.id, None, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(queued.state, "queued");
    assert!(
        queued.reason.is_some_and(|why| why.contains("unreachable")),
        "says why it waits"
    );
    let bruno = Side::new(&place_b, "bruno").await;
    let delivery = bruno.lease_one().await;
    assert_eq!(
        (delivery.message["body"]["late"].as_bool(), delivery.attempt),
        (Some(true), 1)
    );
    bruno.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");
    drop((place_a, place_b));
}

#[tokio::test]
async fn a_cancelled_message_leaves_its_place_and_the_thread_goes_on() {
    let (_a, place_b, aria, bruno) = acquainted().await;
    bruno.node.stop().await;
    let first = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    let in_thread = |n: u64| Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({"n": n}),
        thid: Some(first.thid.clone()),
        ..Send::default()
    };
    let second = aria.submit(in_thread(2)).await;
    aria.submit(in_thread(3)).await;
    let cancelled = aria.core().cancel(&aria.caller, &second.id).await.unwrap();
    assert_eq!(cancelled.state, "cancelled");
    let bruno = Side::new(&place_b, "bruno").await;
    for n in [1, 3] {
        let delivery = bruno.lease_one().await;
        assert_eq!(delivery.message["body"]["n"], n);
        bruno.settle(&delivery, "done", Vec::new()).await;
    }
}

#[tokio::test]
async fn a_message_that_expires_is_told_to_its_agent() {
    let (_a, _b, aria, bruno) = acquainted().await;
    bruno.node.stop().await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let send = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        expires_time: Some(now + 2),
        ..Send::default()
    };
    let message = aria.submit(send).await;
    let ended = aria
        .core()
        .show(&aria.caller, &message.id, Some(WaitFor::Done), LONG)
        .await;
    assert_eq!(ended.unwrap().state, "expired");
}

#[tokio::test]
async fn a_ping_between_agents_keeps_its_place_in_the_thread_and_is_receipted() {
    const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
    let (_a, _b, aria, bruno) = acquainted().await;
    // A grant for pings: the first one knocks for it.
    let ping = aria.send(BRUNO, PING, json!({})).await;
    bruno.approve().await;
    let pinged = aria.wait(&ping.id, WaitFor::Done).await;
    assert_eq!(states(&pinged).last(), Some(&("done", "receipt")));
    let behind = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        thid: Some(ping.thid.clone()),
        ..Send::default()
    };
    aria.submit(behind).await;
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.message["sender_order"], 2);
    bruno.settle(&delivery, "done", Vec::new()).await;
}

#[tokio::test]
async fn a_restored_node_starts_a_new_log_and_ends_what_was_under_way() {
    let (place_a, _b, aria, bruno) = acquainted().await;
    bruno.node.stop().await;
    let under_way = aria.send(BRUNO, REQUEST, json!({})).await;
    let before = aria.core().status().await.unwrap().record;
    aria.node.stop().await;
    let mut config = place_a.config();
    config.restored = true;
    let node = comity_node::Node::start(config).await.unwrap();
    let after = node.core().status().await.unwrap().record;
    assert_ne!(before.origin, after.origin);
    assert_ne!(before.vkey, after.vkey);
    let query = comity_api::operator::ListQuery {
        limit: Some(1_000),
        ..Default::default()
    };
    let entries = node.core().entries(query).await.unwrap();
    let started = entries.iter().rfind(|entry| entry.kind == "start").unwrap();
    let record = started.record.as_ref().unwrap();
    let previous = record["previous"].as_str().unwrap();
    assert!(
        previous.starts_with(&before.origin),
        "it names the old log: {previous}"
    );
    let shown = node.core().message(&under_way.id).await.unwrap();
    assert_eq!(
        (shown.state.as_str(), shown.reason.as_deref()),
        ("failed", Some("restored"))
    );
    let document = node.core().did_document("aria").unwrap();
    assert_eq!(
        document.log().unwrap().origin,
        after.origin,
        "the document names the new log"
    );
    node.stop().await;
}

#[tokio::test]
async fn a_peer_gets_the_encryption_that_everybody_reads_until_it_is_known_to_read_the_faster_one()
{
    let (_places, aria, bruno, between) = apart().await;
    let message = aria.send(BRUNO, REQUEST, json!({"n": 2})).await;
    bruno.lease_one().await;
    aria.wait(&message.id, WaitFor::Received).await;
    let asked = String::from_utf8_lossy(&between.asked.lock().unwrap()).into_owned();
    let encs: Vec<String> = asked
        .split(r#""protected":""#)
        .skip(1)
        .map(|rest| {
            let header = rest.split('"').next().unwrap();
            let header = comity_jose::base64url::decode(header).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            header["enc"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(encs.first().map(String::as_str), Some("A256CBC-HS512"));
    assert_eq!(encs.last().map(String::as_str), Some("A256GCM"));
}
