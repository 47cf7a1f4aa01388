//! Handling deliveries, on a connection that breaks and with handlers that fail.

use crate::node::{Node, REQUEST, Session, delivery};
use comity::{Agent, Error, Message, Outgoing, Reply};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

#[derive(Deserialize)]
struct Series {
    values: Vec<f64>,
}

/// Runs the agent; its credit has been heard.
async fn run(bruno: &Agent, session: &mut Session) {
    let bruno = bruno.clone();
    tokio::spawn(async move { bruno.run().await });
    assert_eq!(session.expect("credit").await["n"], 16);
}

async fn settlement(handled: Value) -> Value {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on(REQUEST, async |msg: Message| {
        let series: Series = msg.body()?;
        match series.values.len() {
            0 => Err(Reply::reject("e.p.msg.no-values", "nothing to add up"))?,
            1 => Err(std::io::Error::other("the disk is on fire"))?,
            2 => panic!("two is too many"),
            _ => {}
        }
        let sum: f64 = series.values.iter().sum();
        Ok(Reply::new("response", json!({"sum": sum}))
            .also(Outgoing::new("note", json!({})).to("did:web:agents.org-c.test:carla"))
            .causes([msg.digest()]))
    });
    run(&bruno, &mut session).await;
    session.deliver(handled).await;
    session.expect("settle").await
}

#[tokio::test]
async fn a_reply_travels_inside_its_settlement() {
    let settled = settlement(delivery(
        "d_1",
        "l_1",
        REQUEST,
        json!({"values": [1, 2, 3]}),
        60,
    ))
    .await;
    let causes = json!(["uEiBt7o3xW1wJdJbOI2sG2W5VfSZGEPMfhb6WdxicNsKCqQ"]);
    assert_eq!(
        settled,
        json!({
            "op": "settle", "ref": settled["ref"], "delivery": "d_1", "lease": "l_1",
            "outcome": "done",
            "messages": [
                {"type": "response", "body": {"sum": 6.0}, "causes": causes},
                {"type": "note", "body": {}, "to": "did:web:agents.org-c.test:carla", "causes": causes},
            ],
        })
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_rejected_with_what_was_wrong_with_it() {
    let settled = settlement(delivery("d_1", "l_1", REQUEST, json!({"rows": 3}), 60)).await;
    assert_eq!(settled["outcome"], "reject");
    assert_eq!(settled["code"], "e.p.msg.bad-body");
    assert_eq!(settled["comment"], "missing field `values`");
}

#[tokio::test]
async fn a_reply_may_be_returned_as_the_failure_of_a_helper() {
    let settled = settlement(delivery("d_1", "l_1", REQUEST, json!({"values": []}), 60)).await;
    assert_eq!(settled["code"], "e.p.msg.no-values");
}

#[tokio::test]
async fn an_error_is_tried_again_and_its_text_stays_here() {
    let settled = settlement(delivery("d_1", "l_1", REQUEST, json!({"values": [1]}), 60)).await;
    assert_eq!(
        (&settled["outcome"], &settled["after_s"]),
        (&json!("retry"), &json!(1))
    );
    assert!(!settled.to_string().contains("fire"));
}

#[tokio::test]
async fn a_panic_is_tried_again_later_each_time() {
    let mut offered = delivery("d_1", "l_1", REQUEST, json!({"values": [1, 2]}), 60);
    offered["attempt"] = 4.into();
    let settled = settlement(offered).await;
    assert_eq!(
        (&settled["outcome"], &settled["after_s"]),
        (&json!("retry"), &json!(8))
    );
}

#[tokio::test]
async fn a_handler_may_ask_a_person_and_gets_the_answer_with_the_next_offer() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on(REQUEST, async |msg: Message| {
        Ok(match msg.answer() {
            None => Reply::park("Go on?", Duration::from_secs(60)).also(Outgoing::new("note", ())),
            Some(said) if said.timed_out => Reply::pass(),
            Some(said) => Reply::new("response", json!({"said": said.text()})),
        })
    });
    run(&bruno, &mut session).await;
    let mut offered = delivery("d_1", "l_1", REQUEST, json!({}), 60);
    session.deliver(offered.clone()).await;
    let parked = session.expect("settle").await;
    session.settled(&parked).await;
    assert_eq!(parked["outcome"], "park");
    assert_eq!(parked["question"], "Go on?");
    assert_eq!(parked["messages"][0]["type"], "note");
    let received = offered["context"]["received_at"].as_u64().unwrap();
    assert!(parked["until"].as_u64().unwrap() >= received + 60);

    offered["context"]["answer"] = json!({
        "question": "Go on?", "answer": "yes", "by": "carla", "at": received,
    });
    session.deliver(offered.clone()).await;
    let done = session.expect("settle").await;
    session.settled(&done).await;
    assert_eq!(done["messages"][0]["body"], json!({"said": "yes"}));

    offered["context"]["answer"] = json!({
        "question": "Go on?", "timed_out": true, "by": "rule:timeout", "at": received,
    });
    session.deliver(offered).await;
    let passed = session.expect("settle").await;
    assert_eq!(
        (&passed["outcome"], passed.get("messages")),
        (&json!("pass"), None)
    );
}

#[tokio::test]
async fn a_type_without_handler_is_rejected_and_the_nearest_is_suggested() {
    let odd = "https://example.org/market-analysis/1.0/requst";
    let settled = settlement(delivery("d_1", "l_1", odd, json!({}), 60)).await;
    assert_eq!(settled["code"], "e.p.msg.unsupported-type");
    assert_eq!(
        settled["comment"],
        "no handler for \"market-analysis/1.0/requst\"; bruno handles: \
         market-analysis/1.0/request   (did you mean market-analysis/1.0/request?)"
    );
}

#[tokio::test]
async fn credit_is_given_again_after_the_node_was_away() {
    let node = Node::start().await;
    let (bruno, mut first) = node.open().await;
    run(&bruno, &mut first).await;
    drop(first);
    assert_eq!(node.accept().await.expect("credit").await["n"], 16);
}

#[tokio::test]
async fn a_handler_that_still_runs_is_not_started_twice_and_settles_under_the_newest_lease() {
    let node = Node::start().await;
    let (bruno, mut first) = node.open().await;
    let (starts, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (started, gone) = (starts.clone(), go.clone());
    bruno.on_any(move |_| {
        started.fetch_add(1, Ordering::SeqCst);
        let gone = gone.clone();
        async move {
            gone.notified().await;
            Ok(Reply::done())
        }
    });
    run(&bruno, &mut first).await;
    first
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    while starts.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(first);

    let mut second = node.accept().await;
    second.expect("credit").await;
    second
        .deliver(delivery("d_1", "l_2", REQUEST, json!({}), 60))
        .await;
    second.expect_silence().await;
    go.notify_one();
    let settled = second.expect("settle").await;
    assert_eq!(
        (&settled["delivery"], &settled["lease"]),
        (&json!("d_1"), &json!("l_2"))
    );
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_settlement_that_was_never_confirmed_is_repeated() {
    let node = Node::start().await;
    let (bruno, mut first) = node.open().await;
    bruno.on_any(async |_| Ok(Reply::done()));
    run(&bruno, &mut first).await;
    first
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    let settled = first.expect("settle").await;
    drop(first);

    let mut second = node.accept().await;
    second.expect("credit").await;
    assert_eq!(second.expect("settle").await, settled);
}

#[tokio::test]
async fn a_settlement_whose_lease_was_lost_takes_the_lease_that_is_offered_next() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on_any(async |_| Ok(Reply::done()));
    run(&bruno, &mut session).await;
    session
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    let settled = session.expect("settle").await;
    session.refuse(&settled, "e.m.req.lease-lost").await;
    session
        .deliver(delivery("d_1", "l_2", REQUEST, json!({}), 60))
        .await;
    assert_eq!(session.expect("settle").await["lease"], "l_2");
}

#[tokio::test]
async fn what_was_given_back_is_handled_again_however_soon_it_is_offered() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on_any(async |_| Ok(Reply::retry(Duration::ZERO)));
    run(&bruno, &mut session).await;
    session
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    for attempt in 2..50 {
        let settled = session.expect("settle").await;
        assert_eq!(settled["lease"], format!("l_{}", attempt - 1));
        let lease = format!("l_{attempt}");
        let again = delivery("d_1", &lease, REQUEST, json!({}), 60);
        session.settled_and_delivered(&settled, again).await;
    }
}

#[tokio::test]
async fn a_reply_that_the_node_refuses_becomes_a_rejection_that_blames_us() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on_any(async |_| Ok(Reply::new("no such type", json!({}))));
    run(&bruno, &mut session).await;
    session
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    let settled = session.expect("settle").await;
    session.refuse(&settled, "e.m.req.bad-type").await;
    let settled = session.expect("settle").await;
    assert_eq!(settled["code"], "e.p.me.bad-reply");
}

#[tokio::test]
async fn the_lease_of_a_slow_handler_is_extended() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    bruno.on_any(async |_| {
        std::future::pending::<()>().await;
        Ok(Reply::done())
    });
    run(&bruno, &mut session).await;
    session
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 2))
        .await;
    let extended = session.expect("extend").await;
    assert_eq!(
        (&extended["delivery"], &extended["lease"]),
        (&json!("d_1"), &json!("l_1"))
    );
    assert_eq!(extended["seconds"], 60);
}

#[tokio::test]
async fn stopping_takes_nothing_new_and_lets_what_runs_settle() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let (stop, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let gone = go.clone();
    bruno.on_any(move |_| {
        let gone = gone.clone();
        async move {
            gone.acquire().await?.forget();
            Ok(Reply::done())
        }
    });
    let (running, stopped) = (bruno.clone(), stop.clone());
    let running = tokio::spawn(async move { running.run_until(stopped.notified()).await });
    session.expect("credit").await;
    session
        .deliver(delivery("d_1", "l_1", REQUEST, json!({}), 60))
        .await;
    assert!(matches!(
        bruno.run().await.unwrap_err(),
        Error::AlreadyRunning
    ));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.notify_one();
    assert_eq!(session.expect("credit").await["n"], 0);
    go.add_permits(1);
    let settled = session.expect("settle").await;
    session.settled(&settled).await;
    running.await.unwrap().unwrap();
}
