//! Sending and asking through a connection that breaks.

use crate::node::{Node, REQUEST, delivery, message};
use comity::{Agent, Error, Outcome, State, WaitingOn};
use serde_json::json;
use std::time::Duration;

const ARIA: &str = "did:web:agents.org-a.test:aria";

#[tokio::test]
async fn a_question_survives_a_node_that_dies_while_the_answer_is_awaited() {
    let node = Node::start().await;
    let (bruno, mut first) = node.open().await;
    let asking = tokio::spawn(bruno.ask(ARIA, REQUEST, json!({"n": 1})).into_future());

    let sent = first.expect("send").await;
    assert_eq!(sent["ask"], true);
    first.answer(&sent, message(&sent["id"], "queued")).await;
    let shown = first.expect("show").await;
    assert_eq!(shown["wait"], "answer");
    drop(first);

    let mut second = node.accept().await;
    let shown = second.expect("show").await; // and nothing is sent again
    assert_eq!(shown["id"], sent["id"]);
    let mut done = message(&sent["id"], "done");
    done["answer"] = delivery("d_1", "l_1", "x/1.0/response", json!({"found": 2}), 60);
    second.answer(&shown, done).await;
    let settled = second.expect("settle").await;
    assert_eq!(
        (&settled["delivery"], &settled["lease"]),
        (&json!("d_1"), &json!("l_1"))
    );
    assert_eq!(settled["outcome"], "done");
    second.settled(&settled).await;

    let Outcome::Answer(answer) = asking.await.unwrap().unwrap() else {
        panic!("not answered");
    };
    assert_eq!(answer.body_value()["found"], 2);
    assert_eq!(answer.sender(), "did:web:agents.org-a.test:aria");
    answer.done().await.unwrap(); // settled already: nothing to say
    second.expect_silence().await;
}

#[tokio::test]
async fn a_send_that_was_never_confirmed_is_repeated_under_the_same_id() {
    let node = Node::start().await;
    let (bruno, mut first) = node.open().await;
    let sending = tokio::spawn(bruno.send(ARIA, REQUEST, json!({})).into_future());
    let sent = first.expect("send").await;
    drop(first);

    let mut second = node.accept().await;
    let again = second.expect("send").await;
    assert_eq!(again, sent);
    second.answer(&again, message(&again["id"], "queued")).await;
    let status = sending.await.unwrap().unwrap();
    assert_eq!(status.state(), State::Queued);
    assert_eq!(json!(status.id()), sent["id"]);
}

#[tokio::test]
async fn a_question_without_an_answer_is_pending_and_says_on_whom_it_waits() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let wait = Duration::from_millis(50);
    let asking = bruno
        .ask(ARIA, REQUEST, json!({}))
        .id("q-1")
        .wait(wait)
        .into_future();
    let asking = tokio::spawn(asking);
    let mut held = message(&json!("q-1"), "held");
    held["waiting_on"] = "grant".into();
    for op in ["send", "show"] {
        let asked = session.expect(op).await;
        assert_eq!(asked["id"], "q-1");
        if op == "show" {
            tokio::time::sleep(wait).await;
        }
        session.answer(&asked, held.clone()).await;
    }
    let Outcome::Pending(pending) = asking.await.unwrap().unwrap() else {
        panic!("not pending");
    };
    assert_eq!(
        (pending.id(), pending.waiting_on()),
        ("q-1", WaitingOn::Grant)
    );
    assert_eq!(pending.waiting_on().to_string(), "their operator");
}

#[tokio::test]
async fn a_question_whose_message_is_done_still_waits_for_the_reply_that_follows() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let asking = tokio::spawn(bruno.resume("q-1").into_future());
    let id = json!("q-1");
    for _ in 0..2 {
        let asked = session.expect("show").await;
        session.answer(&asked, message(&id, "done")).await;
    }
    let asked = session.expect("show").await;
    let mut done = message(&id, "done");
    done["answer"] = delivery("d_1", "l_1", "x/1.0/response", json!({}), 60);
    session.answer(&asked, done).await;
    let settled = session.expect("settle").await;
    session.settled(&settled).await;
    assert!(matches!(asking.await.unwrap().unwrap(), Outcome::Answer(_)));
}

#[tokio::test]
async fn a_question_whose_grant_ended_is_refused_though_it_was_done() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let asking = tokio::spawn(bruno.resume("q-1").into_future());
    let id = json!("q-1");
    let asked = session.expect("show").await;
    session.answer(&asked, message(&id, "done")).await;
    let asked = session.expect("show").await;
    let mut done = message(&id, "done");
    done["code"] = json!("e.p.trust.revoked");
    session.answer(&asked, done).await;
    let Outcome::Refused(refused) = asking.await.unwrap().unwrap() else {
        panic!("not refused");
    };
    assert_eq!(refused.state(), State::Done);
    assert_eq!(refused.code(), Some("e.p.trust.revoked"));
}

#[tokio::test]
async fn an_answer_that_somebody_else_has_leased_is_not_asked_for_in_a_busy_loop() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let wait = Duration::from_secs(1);
    let asking = tokio::spawn(bruno.resume("q-1").wait(wait).into_future());
    let mut asked = 0;
    let outcome = async {
        loop {
            let shown = session.expect("show").await;
            session
                .answer(&shown, message(&json!("q-1"), "received"))
                .await;
            asked += 1;
        }
    };
    tokio::select! {
        () = outcome => {}
        outcome = asking => assert!(matches!(outcome.unwrap().unwrap(), Outcome::Pending(_))),
    }
    assert!(asked < 10, "asked {asked} times in a second");
}

#[tokio::test]
async fn an_answer_whose_lease_was_lost_is_taken_again() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let asking = tokio::spawn(bruno.resume("q-1").into_future());
    for lease in ["l_1", "l_2"] {
        let asked = session.expect("show").await;
        let mut done = message(&json!("q-1"), "done");
        done["answer"] = delivery("d_1", lease, "x/1.0/response", json!({}), 60);
        session.answer(&asked, done).await;
        let settled = session.expect("settle").await;
        assert_eq!(settled["lease"], lease);
        match lease {
            "l_1" => session.refuse(&settled, "e.m.req.lease-lost").await,
            _ => session.settled(&settled).await,
        }
    }
    assert!(matches!(asking.await.unwrap().unwrap(), Outcome::Answer(_)));
}

#[tokio::test]
async fn a_refusal_shows_a_peers_words_escaped() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let asking = tokio::spawn(bruno.ask(ARIA, REQUEST, json!({})).into_future());
    let asked = session.expect("send").await;
    let mut rejected = message(&asked["id"], "rejected");
    rejected["code"] = "e.p.msg.odd".into();
    rejected["reason"] = "no\u{1b}[2Jway \u{202e}siht".into();
    session.answer(&asked, rejected).await;
    let Outcome::Refused(refused) = asking.await.unwrap().unwrap() else {
        panic!("not refused");
    };
    assert_eq!(
        refused.to_string(),
        "rejected: e.p.msg.odd (no⟨U+001B⟩[2Jway ⟨U+202E⟩siht)"
    );
    assert_eq!(refused.state(), State::Rejected);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_never_sent() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let error = bruno.send(ARIA, REQUEST, [1, 2]).await.unwrap_err();
    assert!(matches!(error, Error::Encode { .. }));
    session.expect_silence().await;
}

#[tokio::test]
async fn a_state_that_this_version_does_not_know_is_refused_and_not_guessed() {
    let node = Node::start().await;
    let (bruno, mut session) = node.open().await;
    let asking = tokio::spawn(async move { bruno.status("q-1").await });
    let asked = session.expect("show").await;
    session
        .answer(&asked, message(&json!("q-1"), "teleported"))
        .await;
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unsupported { what: "state", .. }));
}

#[tokio::test]
async fn a_token_that_the_node_does_not_know_is_told_apart_from_a_node_that_is_away() {
    let node = Node::start().await;
    let opening = Agent::connect(&node.url, "t0ken");
    let (opened, ()) = tokio::join!(opening, node.refuse());
    assert!(matches!(opened.unwrap_err(), Error::Unauthorized { .. }));

    let url = node.url.clone();
    drop(node);
    let opened = Agent::connect(&url, "t0ken").await;
    assert!(matches!(opened.unwrap_err(), Error::Unreachable { .. }));
}

#[tokio::test]
async fn a_token_of_another_agent_is_refused_before_anything_is_said_in_its_name() {
    let node = Node::start().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("agents")).unwrap();
    let file = json!({"url": node.url, "token": "t0ken"}).to_string();
    std::fs::write(home.path().join("agents/bruno.json"), file).unwrap();
    let opening = Agent::open_in(home.path(), "bruno");
    let (opened, ()) = tokio::join!(opening, async {
        node.accept().await.introduce("aria").await;
    });
    assert!(matches!(opened.unwrap_err(), Error::OtherAgent { .. }));
}

#[tokio::test]
async fn an_agent_that_was_removed_while_away_ends_instead_of_knocking_for_ever() {
    let node = Node::start().await;
    let (bruno, session) = node.open().await;
    let running = tokio::spawn(async move { bruno.run().await });
    drop(session);
    node.refuse().await;
    assert!(matches!(
        running.await.unwrap().unwrap_err(),
        Error::Unauthorized { .. }
    ));
}

#[tokio::test]
async fn an_error_tells_in_words_what_to_do_next() {
    let home = tempfile::tempdir().unwrap();
    let error = Agent::open_in(home.path(), "bruno").await.unwrap_err();
    let said = format!("{error:?}");
    assert!(said.starts_with("no agent \"bruno\" here: "), "{said}");
    assert!(said.ends_with("\n  → comity agent create bruno"), "{said}");
}
