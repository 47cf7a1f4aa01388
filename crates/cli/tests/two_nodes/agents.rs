//! The SDK with real nodes, which are killed.

use crate::world::{REQUEST, World};
use comity::{Agent, Message, Outcome, Reply, State};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ARIA: &str = "did:web:agents.org-a.test:aria";
const BRUNO: &str = "did:web:agents.org-b.test:bruno";
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_once_although_both_nodes_are_killed_meanwhile() {
    let mut world = World::start();
    let aria = Agent::open_in(world.a.home(), "aria").await.unwrap();
    let bruno = Agent::open_in(world.b.home(), "bruno").await.unwrap();
    assert_eq!((aria.did(), bruno.did()), (ARIA, BRUNO));
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = handled.clone();
    bruno.on(REQUEST, move |msg: Message| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(Duration::from_secs(3)).await; // the nodes die while it works
            Ok(Reply::new("response", json!({"asked by": msg.sender()})))
        }
    });
    let running = tokio::spawn({
        let bruno = bruno.clone();
        async move { bruno.run().await }
    });
    let asking = tokio::spawn(
        aria.ask(BRUNO, REQUEST, json!({}))
            .id("q-1")
            .wait(LONG)
            .into_future(),
    );
    world.let_in();
    while handled.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.b.kill();
    world.a.kill();
    world.b.up();
    world.a.up();
    let Outcome::Answer(answer) = asking.await.unwrap().unwrap() else {
        panic!("not answered");
    };
    assert_eq!(answer.body_value(), &json!({"asked by": ARIA}));
    assert_eq!(
        handled.load(Ordering::SeqCst),
        1,
        "a handler that still runs is not started again"
    );
    running.abort();

    let replies = world.a.json(&["message", "--all", "--json"]);
    let replies = replies
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["direction"] == "in");
    assert_eq!(replies.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_while_nobody_waits_is_there_for_who_resumes() {
    let world = World::start();
    let aria = Agent::open_in(world.a.home(), "aria").await.unwrap();
    let short = Duration::from_millis(200);
    let asked = aria
        .ask(BRUNO, REQUEST, json!({"n": 1}))
        .id("q-1")
        .wait(short)
        .await
        .unwrap();
    assert!(matches!(asked, Outcome::Pending(_)), "{asked:?}");
    drop(aria); // she goes home

    world.let_in();
    let bruno = Agent::open_in(world.b.home(), "bruno").await.unwrap();
    bruno.on(REQUEST, async |_| {
        Ok(Reply::new("response", json!({"n": 2})))
    });
    let running = tokio::spawn({
        let bruno = bruno.clone();
        async move { bruno.run().await }
    });
    let aria = Agent::open_in(world.a.home(), "aria").await.unwrap();
    while aria.status("q-1").await.unwrap().state() != State::Done {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let Outcome::Answer(answer) = aria.resume("q-1").wait(LONG).await.unwrap() else {
        panic!("not answered");
    };
    assert_eq!(answer.body_value()["n"], 2);
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_cannot_read_is_rejected_and_the_sender_learns_why() {
    #[derive(serde::Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "it is never there")]
        values: Vec<f64>,
    }
    let world = World::start();
    let bruno = Agent::open_in(world.b.home(), "bruno").await.unwrap();
    bruno.on(REQUEST, async |msg: Message| {
        let _: Body = msg.body()?;
        Ok(Reply::done())
    });
    let running = tokio::spawn({
        let bruno = bruno.clone();
        async move { bruno.run().await }
    });
    let aria = Agent::open_in(world.a.home(), "aria").await.unwrap();
    let asking = tokio::spawn(
        aria.ask(BRUNO, REQUEST, json!({"rows": 3}))
            .wait(LONG)
            .into_future(),
    );
    world.let_in();
    let Outcome::Refused(refused) = asking.await.unwrap().unwrap() else {
        panic!("not refused");
    };
    assert_eq!(
        (refused.state(), refused.code()),
        (State::Rejected, Some("e.p.msg.bad-body"))
    );

    let typo = "https://example.org/adder/1.0/requst";
    let Outcome::Refused(refused) = aria.ask(BRUNO, typo, json!({})).wait(LONG).await.unwrap()
    else {
        panic!("not refused");
    };
    assert_eq!(
        refused.code(),
        Some("e.p.msg.unsupported-type"),
        "{refused}"
    );
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_answers_from_the_terminal_and_the_agent_goes_on_although_the_node_was_killed() {
    let mut world = World::start();
    let bruno = Agent::open_in(world.b.home(), "bruno").await.unwrap();
    bruno.on(REQUEST, async |msg: Message| {
        let rows = msg.body_value()["rows"].as_u64().unwrap_or_default();
        let Some(said) = msg.answer() else {
            let question = format!("{rows} rows for {}. Go on?", msg.sender());
            return Ok(Reply::park(question, Duration::from_secs(3_600)));
        };
        let body = json!({"said": said.answer, "by": said.by, "attempt": msg.attempt()});
        Ok(Reply::new("response", body))
    });
    let running = tokio::spawn({
        let bruno = bruno.clone();
        async move { bruno.run().await }
    });
    let aria = Agent::open_in(world.a.home(), "aria").await.unwrap();
    let asking = tokio::spawn(
        aria.ask(BRUNO, REQUEST, json!({"rows": 2_000_000}))
            .id("q-1")
            .wait(LONG)
            .into_future(),
    );
    world.let_in();
    world.b.says("bruno asks about a message of");
    world.b.kill();
    world.b.up();

    let asked = world.b.json(&["parked", "--json"]);
    assert_eq!(
        asked[0]["question"],
        format!("2000000 rows for {ARIA}. Go on?")
    );
    let listed = world.b.ok(&["parked"]);
    assert!(listed.contains("2000000 rows"), "{listed}");
    assert!(listed.contains("parked answer q-1 ANSWER"), "{listed}");
    let status = world.b.ok(&["status"]);
    assert!(status.contains("1 question of your agents"), "{status}");
    let shown = world.b.ok(&["message", "show", "q-1"]);
    assert!(shown.contains("parked answer q-1"), "{shown}");
    assert_eq!(aria.status("q-1").await.unwrap().state(), State::Received);

    let no_json = world.b.run(&["parked", "answer", "q-1", "{", "--value"]);
    assert_eq!(no_json.code, 2, "{no_json:?}");
    world
        .b
        .ok(&["parked", "answer", "q-1", r#"{"limit":5}"#, "--value"]);
    let twice = world.b.run(&["parked", "answer", "q-1", "no"]);
    assert_eq!(twice.code, 1, "{twice:?}");
    let Outcome::Answer(answer) = asking.await.unwrap().unwrap() else {
        panic!("not answered");
    };
    assert_eq!(
        answer.body_value(),
        &json!({"said": {"limit": 5}, "by": "operator", "attempt": 2})
    );
    assert_eq!(
        world.b.ok(&["parked"]).trim(),
        "your agents ask you nothing"
    );
    let record = world.b.ok(&["record", "show"]);
    assert!(record.contains("answered  by operator"), "{record}");
    running.abort();
}
