//! What an agent asks a person, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::Problem;
use comity_api::agent::{Answered, Delivery, Send, SettleDone, Settlement};
use comity_api::operator::{AnswerParked, ListQuery, Parked};
use comity_node::journey::{Operator, WaitFor};
use common::{ARIA, BRUNO, LONG, REQUEST, Side, acquainted, eventually};
use serde_json::{Value, json};
use std::time::Duration;

impl Side {
    async fn park(&self, delivery: &Delivery, question: &str, until: Option<u64>) {
        let park = parking(delivery, question, until);
        self.try_settle(park).await.unwrap();
    }

    async fn try_settle(&self, settlement: Settlement) -> Result<SettleDone, Problem> {
        self.core().settle(&self.caller, settlement).await
    }

    async fn parked(&self) -> Vec<Parked> {
        let all = ListQuery::default();
        self.core().parked(all).await.unwrap()
    }

    async fn answer(&self, id: &str, answer: impl Into<Value>) -> Result<(), Problem> {
        let answer = AnswerParked {
            answer: answer.into(),
            number: None,
        };
        self.core()
            .answer(&Operator::local(), id, answer)
            .await
            .map(drop)
    }

    /// What people decided about messages, as it stands in the record.
    async fn answered(&self) -> Vec<Value> {
        let all = ListQuery {
            limit: Some(1_000),
            ..ListQuery::default()
        };
        let entries = self.core().entries(all).await.unwrap();
        let records = entries.into_iter().filter_map(|entry| entry.record);
        records
            .filter(|record| record["outcome"] == "answered")
            .collect()
    }
}

fn parking(delivery: &Delivery, question: &str, until: Option<u64>) -> Settlement {
    Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "park".into(),
        question: Some(question.into()),
        until,
        ..Settlement::default()
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[tokio::test]
async fn a_parked_message_waits_for_a_person_over_a_restart_and_goes_on_with_the_answer() {
    let (_a, place_b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({"rows": 2_000_000})).await;
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.context.answer, None);
    let until = now() + 3_600;
    bruno.park(&delivery, " Go on\u{202e}? ", Some(until)).await;

    bruno.node.stop().await;
    let bruno = Side::new(&place_b, "bruno").await;
    let [asked] = &bruno.parked().await[..] else {
        panic!("one message waits")
    };
    assert_eq!((&*asked.from, &*asked.to), (ARIA, BRUNO));
    assert_eq!(asked.question, "Go on⟨U+202E⟩?", "shown as what it is");
    assert_eq!((asked.number, asked.until), (1, until));
    let status = bruno.core().status().await.unwrap();
    assert_eq!((status.parked, status.agents[0].inbox), (1, 1));
    let row = bruno.core().message(&message.id).await.unwrap();
    assert_eq!(row.state, "parked");
    assert_eq!(row.detail.as_deref(), Some("\"Go on⟨U+202E⟩?\""));
    let nothing = bruno.core().lease(&bruno.caller, 1, Duration::ZERO).await;
    assert!(nothing.unwrap().is_empty());
    // What the sender sees is true, and no more than that.
    let shown = aria.wait(&message.id, WaitFor::Received).await;
    assert_eq!((&*shown.state, shown.reason), ("received", None));

    bruno
        .answer(&message.id[..8], json!({"limit": 5}))
        .await
        .unwrap();
    assert!(bruno.parked().await.is_empty());
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.attempt, 2);
    let answered = delivery.context.answer.clone().unwrap();
    assert!(answered.at >= asked.asked);
    assert_eq!(
        answered,
        Answered {
            question: "Go on\u{202e}?".into(),
            answer: Some(json!({"limit": 5})),
            timed_out: false,
            by: "operator".into(),
            at: answered.at,
        }
    );
    bruno.reply(&delivery, "response", json!({"n": 5})).await;
    assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");
    let reply = aria.lease_one().await;
    assert_eq!(reply.message["body"], json!({"n": 5}));
    aria.settle(&reply, "done", Vec::new()).await;

    let [record] = &bruno.answered().await[..] else {
        panic!("one decision")
    };
    assert_eq!(record["by"], "operator");
    assert_eq!(record["message"], message.digest);
    assert_eq!(
        record["asked"],
        json!({"question": "Go on\u{202e}?", "answer": {"limit": 5}})
    );
    // Who gets the thread as evidence is not told what people say to their agents.
    let bundle = bruno.core().export(&message.id).await.unwrap();
    assert!(!String::from_utf8(bundle).unwrap().contains("decision"));
}

#[tokio::test]
async fn when_nobody_answers_in_time_the_agent_decides() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    bruno.park(&delivery, "Go on?", Some(now() + 2)).await;
    let delivery = bruno.lease_one().await;
    let answered = delivery.context.answer.clone().unwrap();
    assert!(
        answered.timed_out && answered.answer.is_none(),
        "{answered:?}"
    );
    assert_eq!((delivery.attempt, &*answered.by), (2, "rule:timeout"));
    let late = bruno.answer(&message.id, "yes").await.unwrap_err();
    assert_eq!(late.code, "e.m.req.changed");
    assert!(late.title.contains("time"), "{late:?}");
    bruno.settle(&delivery, "reject", Vec::new()).await;
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(ended.state, "rejected");
    let record = &bruno.answered().await[0];
    assert_eq!(record["by"], "rule:timeout");
    assert_eq!(record["asked"], json!({"question": "Go on?"}));
}

#[tokio::test]
async fn a_message_that_expires_while_it_waits_has_expired() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let send = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        expires_time: Some(now() + 3),
        ..Send::default()
    };
    let message = aria.submit(send).await;
    let delivery = bruno.lease_one().await;
    bruno.park(&delivery, "Go on?", None).await;
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(ended.state, "expired");
    assert!(bruno.parked().await.is_empty());
    let late = bruno.answer(&message.id, "yes").await.unwrap_err();
    assert_eq!(late.code, "e.m.req.changed");
    assert!(late.title.contains("ended"), "{late:?}");
}

#[tokio::test]
async fn a_revocation_ends_what_waits_for_a_person() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    bruno.park(&delivery, "Go on?", None).await;
    let grant = bruno.core().grants(false).await.unwrap().remove(0);
    bruno
        .core()
        .revoke(&Operator::local(), &grant.id)
        .await
        .unwrap();
    assert!(bruno.parked().await.is_empty());
    let late = bruno.answer(&message.id, "yes").await.unwrap_err();
    assert!(late.title.contains("ended"), "{late:?}");
    assert!(bruno.answered().await.is_empty());
    let row = bruno.core().message(&message.id).await.unwrap();
    let reason = row.reason.unwrap();
    assert!(reason.starts_with("refused: e.p.trust."), "{reason}");
    let told = async || {
        let shown = aria.wait(&message.id, WaitFor::Done).await;
        ["refused", "cancelled"].contains(&&*shown.state)
    };
    eventually(told).await;
}

#[tokio::test]
async fn an_operator_may_give_up_what_waits() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    bruno.park(&delivery, "Go on?", None).await;
    bruno
        .core()
        .drop_message(&Operator::local(), &message.id)
        .await
        .unwrap();
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(ended.code.as_deref(), Some("e.m.me.dropped"));
    assert!(bruno.parked().await.is_empty());
}

#[tokio::test]
async fn an_answer_counts_once_and_for_the_question_that_was_shown() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let titled = async |id: &str, answer: Value| {
        let problem = bruno.answer(id, answer).await.unwrap_err();
        format!("{}: {}", problem.code, problem.title)
    };
    let delivery = bruno.lease_one().await;
    let told = titled(&message.id, json!("yes")).await;
    assert!(
        told.starts_with("e.m.req.changed: its agent asks nothing"),
        "{told}"
    );
    bruno.park(&delivery, "Go on?", None).await;
    for (id, answer, words) in [
        ("nobody", json!("yes"), "e.m.req.not-found"),
        (&*message.id, json!(" "), "an answer says something"),
        (&*message.id, json!("y".repeat(2_001)), "at most 2000"),
        (&*message.id, json!({"limit": 0.5}), "whole"),
    ] {
        let told = titled(id, answer).await;
        assert!(told.contains(words), "{told}");
    }
    bruno.answer(&message.digest, "yes").await.unwrap();
    let told = titled(&message.id, json!("no")).await;
    assert_eq!(told, "e.m.req.changed: operator has answered already");

    // It asks again, and somebody still looks at the first question.
    let delivery = bruno.lease_one().await;
    bruno.park(&delivery, "Really?", None).await;
    let mut answer = AnswerParked {
        answer: json!("yes"),
        number: Some(1),
    };
    let stale = bruno
        .core()
        .answer(&Operator::local(), &delivery.delivery, answer.clone())
        .await;
    assert_eq!(stale.unwrap_err().code, "e.m.req.changed");
    answer.number = Some(2);
    let fresh = bruno
        .core()
        .answer(&Operator::local(), &delivery.delivery, answer)
        .await;
    fresh.unwrap();
    let delivery = bruno.lease_one().await;
    let answered = delivery.context.answer.clone().unwrap();
    assert_eq!(
        (&*answered.question, answered.text()),
        ("Really?", Some("yes"))
    );
    bruno.settle(&delivery, "done", Vec::new()).await;
}

#[tokio::test]
async fn a_parked_message_lets_its_thread_go_on_and_says_why_it_takes_long() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let first = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    let second = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({"n": 2}),
        thid: Some(first.thid.clone()),
        ..Send::default()
    };
    aria.submit(second).await;
    let delivery = bruno.lease_one().await;
    let park = Settlement {
        messages: vec![Send {
            type_: "progress".into(),
            body: json!({"asked": "my operator"}),
            ..Send::default()
        }],
        ..parking(&delivery, "Go on?", None)
    };
    let parked = bruno.try_settle(park.clone()).await.unwrap();
    let again = bruno.try_settle(park).await.unwrap();
    assert_eq!((parked.messages.len(), &again), (1, &parked), "once");
    let progress = aria.lease_one().await;
    assert_eq!(progress.message["body"]["asked"], "my operator");
    aria.settle(&progress, "done", Vec::new()).await;

    let behind = bruno.lease_one().await;
    assert_eq!(behind.message["body"]["n"], 2);
    bruno.settle(&behind, "done", Vec::new()).await;
    bruno.answer(&first.id, "yes").await.unwrap();
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.message["body"]["n"], 1);
    bruno.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(aria.wait(&first.id, WaitFor::Done).await.state, "done");
}

#[tokio::test]
async fn an_answer_renews_the_attempts_and_questions_are_counted() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let retry = async |delivery: &Delivery| {
        let retry = Settlement {
            outcome: "retry".into(),
            question: None,
            after_s: Some(0),
            ..parking(delivery, "", None)
        };
        bruno.try_settle(retry).await.unwrap();
    };
    // All attempts but the last are used up, then a person is asked.
    for _ in 1..10 {
        retry(&bruno.lease_one().await).await;
    }
    for number in 1..=10 {
        let delivery = bruno.lease_one().await;
        assert_eq!(delivery.attempt, 9 + number);
        bruno.park(&delivery, &format!("{number}?"), None).await;
        bruno.answer(&message.id, "yes").await.unwrap();
    }
    let delivery = bruno.lease_one().await;
    let eleventh = bruno.try_settle(parking(&delivery, "And?", None)).await;
    let problem = eleventh.unwrap_err();
    assert!(problem.title.contains("at most 10 times"), "{problem:?}");
    retry(&delivery).await;
    for _ in 2..=10 {
        let delivery = bruno.lease_one().await;
        let answered = delivery.context.answer.clone().unwrap();
        assert_eq!(answered.question, "10?", "until it is settled");
        retry(&delivery).await;
    }
    let nothing = bruno.core().lease(&bruno.caller, 1, Duration::ZERO).await;
    assert!(nothing.unwrap().is_empty());
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(ended.code.as_deref(), Some("e.m.me.attempts-exhausted"));
}

#[tokio::test]
async fn who_asked_may_ask_a_person_about_the_answer() {
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
    let answer = aria
        .wait(&message.id, WaitFor::Answer)
        .await
        .answer
        .unwrap();
    aria.park(&answer, "Is 42 right?", None).await;
    let (core, caller, id) = (aria.core().clone(), aria.caller.clone(), message.id.clone());
    let waiting =
        tokio::spawn(async move { core.show(&caller, &id, Some(WaitFor::Answer), LONG).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    aria.answer(&answer.delivery, "yes").await.unwrap();
    let answer = waiting.await.unwrap().unwrap().answer.unwrap();
    assert_eq!(
        (answer.attempt, &answer.message["body"]["n"]),
        (2, &json!(42))
    );
    assert_eq!(answer.context.answer.as_ref().unwrap().text(), Some("yes"));
    aria.settle(&answer, "done", Vec::new()).await;
}

#[tokio::test]
async fn a_question_is_bounded_and_its_time_lies_ahead() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    for (question, until, words) in [
        ("", None, "`question`"),
        (&*"x".repeat(281), None, "280"),
        ("Go on?", Some(now()), "ahead"),
    ] {
        let refused = bruno.try_settle(parking(&delivery, question, until)).await;
        let problem = refused.unwrap_err();
        assert_eq!(problem.code, "e.m.req.bad-type");
        assert!(problem.title.contains(words), "{problem:?}");
    }
    bruno.park(&delivery, "Go on?", Some(u64::MAX >> 11)).await;
    let [asked] = &bruno.parked().await[..] else {
        panic!("one message waits")
    };
    let shown = aria.wait(&message.id, WaitFor::Received).await;
    assert_eq!(
        asked.until,
        shown.expires_time - 60,
        "its agent decides last"
    );
}

/// Whichever comes first: after both nothing waits, and nothing is handed out.
#[tokio::test(flavor = "multi_thread")]
async fn parking_and_answering_race_with_revocation_and_lose() {
    const MANY: u64 = 200;
    for delay in [0, 20, 60] {
        let (_a, _b, aria, bruno) = acquainted().await;
        for n in 0..MANY {
            aria.send(BRUNO, REQUEST, json!({"n": n})).await;
        }
        let mut deliveries = Vec::new();
        while deliveries.len() < 200 {
            let leased = bruno.core().lease(&bruno.caller, 200, LONG).await;
            deliveries.extend(leased.unwrap());
        }
        // Every second one waits for a person already.
        for delivery in deliveries.iter().step_by(2) {
            bruno.park(delivery, "Go on?", None).await;
        }
        let grant = bruno.core().grants(false).await.unwrap().remove(0);
        let mut racing = tokio::task::JoinSet::new();
        for (n, delivery) in deliveries.into_iter().enumerate() {
            let (core, caller) = (bruno.core().clone(), bruno.caller.clone());
            racing.spawn(async move {
                let answer = AnswerParked {
                    answer: "yes".into(),
                    number: None,
                };
                match n % 2 {
                    0 => core
                        .answer(&Operator::local(), &delivery.delivery, answer)
                        .await
                        .is_ok(),
                    _ => {
                        let park = parking(&delivery, "Go on?", None);
                        core.settle(&caller, park).await.is_ok()
                    }
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(delay)).await;
        bruno
            .core()
            .revoke(&Operator::local(), &grant.id)
            .await
            .unwrap();
        let leased = bruno.core().lease(&bruno.caller, 256, Duration::ZERO).await;
        assert!(leased.unwrap().is_empty(), "after {delay} ms");
        let mut done = 0;
        while let Some(raced) = racing.join_next().await {
            done += u32::from(raced.unwrap());
        }
        println!("{done} came before the revocation");
        assert!(bruno.parked().await.is_empty(), "after {delay} ms");
        let status = bruno.core().status().await.unwrap();
        let open = status.inbox.iter().filter(|(state, _)| state != "settled");
        assert_eq!(open.map(|(_, n)| n).sum::<u64>(), 0, "after {delay} ms");
        let leased = bruno.core().lease(&bruno.caller, 256, Duration::ZERO).await;
        assert!(leased.unwrap().is_empty(), "after {delay} ms");
    }
}

#[tokio::test]
async fn what_is_passed_on_goes_to_who_waits_for_work_and_not_straight_back() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let one = bruno.caller.in_own_session();
    let delivery = bruno.core().lease(&one, 1, LONG).await.unwrap().remove(0);
    let (core, other) = (bruno.core().clone(), bruno.caller.clone());
    let waiting = tokio::spawn(async move { core.lease(&other, 1, LONG).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let pass = Settlement {
        outcome: "pass".into(),
        question: None,
        ..parking(&delivery, "", None)
    };
    let settle = || bruno.core().settle(&one, pass.clone());
    assert_eq!(settle().await.unwrap(), settle().await.unwrap(), "once");
    let back = bruno.core().lease(&one, 1, Duration::ZERO).await.unwrap();
    assert!(back.is_empty());
    let delivery = waiting.await.unwrap().unwrap().remove(0);
    assert_eq!(delivery.attempt, 2);
    bruno.settle(&delivery, "pass", Vec::new()).await;
    // Nobody is left; in a while it comes to whoever is there.
    let delivery = bruno.core().lease(&one, 1, LONG).await.unwrap().remove(0);
    assert_eq!(delivery.attempt, 3);
    let settle = bruno.core().settle(
        &one,
        Settlement {
            outcome: "done".into(),
            question: None,
            ..parking(&delivery, "", None)
        },
    );
    settle.await.unwrap();
    assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");
}

#[tokio::test]
async fn what_everyone_passes_on_ends_as_a_dead_letter() {
    let (_a, _b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let mut everyone = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (core, caller) = (bruno.core().clone(), bruno.caller.in_own_session());
        everyone.spawn(async move {
            let mut seen = Vec::new();
            while let Some(delivery) = core
                .lease(&caller, 1, Duration::from_secs(3))
                .await
                .unwrap()
                .pop()
            {
                seen.push(delivery.attempt);
                let pass = Settlement {
                    outcome: "pass".into(),
                    question: None,
                    ..parking(&delivery, "", None)
                };
                core.settle(&caller, pass).await.unwrap();
            }
            seen
        });
    }
    let ended = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(
        (&*ended.state, ended.code.as_deref()),
        ("rejected", Some("e.m.me.attempts-exhausted"))
    );
    let mut attempts = Vec::new();
    while let Some(seen) = everyone.join_next().await {
        attempts.extend(seen.unwrap());
    }
    attempts.sort_unstable();
    assert_eq!(attempts, (1..=10).collect::<Vec<_>>());
}
