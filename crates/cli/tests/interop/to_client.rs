//! What our agent starts: `sent` is all that a transport can say, `received` is what the client
//! says, and nothing more is ever claimed, for it signs no receipts.

use crate::world::{ARIA, World, history, text, text_in};
use crate::{AUTHCRYPT, BASICMESSAGE, EMPTY, REPORT, SIGNED};
use comity_api::agent::Message;
use serde_json::{Value, json};
use std::time::Duration;

/// Who says so in the end, and that nobody signed it.
const RECEIVED: [&str; 3] = ["received", "peer", "none"];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_asks_is_only_sent_until_the_client_answers() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    for (protection, proof) in [(AUTHCRYPT, "us"), (SIGNED, "anyone")] {
        let asked = world.send("how are you?", true).await;
        let received = world.client.receive().await;
        received.is_proved(ARIA, &did);
        assert_eq!(received.message["type"], BASICMESSAGE);
        assert_eq!(received.message["id"], asked.id);
        assert_eq!(received.message["body"], json!({"content": "how are you?"}));
        is_only_sent(&world.when("sent", &asked.id).await);

        world
            .client
            .send(protection, text_in(&asked.id, "well"))
            .await;
        let answered = world.when("received", &asked.id).await;
        assert_eq!(history(&answered).last(), Some(&RECEIVED), "{protection}");
        let answer = world.the_answer(&asked.id).await;
        assert_eq!(answer.message["body"], json!({"content": "well"}));
        assert_eq!(
            (&answer.message["from"], &*answer.context.proof),
            (&json!(did), proof)
        );
        world.answer(&answer, "good to hear").await;
        assert_eq!(world.client.receive().await.message["thid"], asked.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_in_the_thread_says_that_the_message_was_received_although_nobody_asked() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    for protection in [AUTHCRYPT, SIGNED] {
        let sent = world.send("good morning", false).await;
        world.client.receive().await;
        is_only_sent(&world.when("sent", &sent.id).await);
        world
            .client
            .send(protection, text_in(&sent.id, "to you too"))
            .await;
        assert_eq!(world.lease().await.message["thid"], sent.id);
        let replied = world.when("received", &sent.id).await;
        assert_eq!(history(&replied).last(), Some(&RECEIVED), "{protection}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_message_that_acknowledges_says_received() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    for protection in [AUTHCRYPT, SIGNED] {
        let sent = world.send("good morning", false).await;
        world.client.receive().await;
        is_only_sent(&world.when("sent", &sent.id).await);
        let ack = json!({"type": EMPTY, "to": ARIA, "body": {}, "ack": [sent.id]});
        assert_eq!(world.client.send(protection, ack).await.status, 202);
        let acknowledged = world.when("received", &sent.id).await;
        assert_eq!(
            history(&acknowledged).last(),
            Some(&RECEIVED),
            "{protection}"
        );
    }
    assert!(
        world.leased(0).await.is_empty(),
        "acknowledgements are the node's business"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_message_of_the_client_may_acknowledge() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let sent = world.send("good morning", false).await;
    let other = world.send("are you there?", false).await;
    world.client.receive().await;
    world.client.receive().await;
    is_only_sent(&world.when("sent", &other.id).await);
    let mut aside = text("something else");
    aside["ack"] = json!([sent.id]);
    world.client.send(AUTHCRYPT, aside).await;
    assert_eq!(
        world.lease().await.message["body"],
        json!({"content": "something else"})
    );
    let acknowledged = world.when("received", &sent.id).await;
    assert_eq!(history(&acknowledged).last(), Some(&RECEIVED));
    is_only_sent(&world.show(&other.id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_for_a_client_that_is_away_waits_and_comes_once() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    world.client.close().await;
    let mut sent = Vec::new();
    for content in ["one", "two", "three"] {
        sent.push(world.send(content, false).await.id);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for id in &sent {
        assert_eq!(world.show(id).await.state, "queued");
    }
    world.client.open().await;
    let mut came = Vec::new();
    for id in &sent {
        is_only_sent(&world.when("sent", id).await);
        came.push(world.client.receive().await.message["id"].clone());
    }
    came.sort_by_key(|id| sent.iter().position(|sent| id == sent));
    assert_eq!(json!(came), json!(sent));
    assert_eq!(world.client.look().await, json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_report_about_a_message_ends_it_as_rejected() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    for (protection, named) in [(AUTHCRYPT, "pthid"), (SIGNED, "ack")] {
        let (sent, other) = (
            world.send("1 2 3", false).await,
            world.send("4 5 6", false).await,
        );
        world.client.receive().await;
        world.client.receive().await;
        world.when("sent", &sent.id).await;
        world.when("sent", &other.id).await;
        let mut report = json!({"type": REPORT, "to": ARIA,
            "body": {"code": "e.p.msg.unreadable", "comment": "what do these numbers mean?"}});
        report[named] = match named {
            "ack" => json!([sent.id]),
            _ => json!(sent.id),
        };
        assert_eq!(world.client.send(protection, report).await.status, 202);
        let rejected = world.when("rejected", &sent.id).await;
        assert_eq!(rejected.code.as_deref(), Some("e.p.msg.unreadable"));
        let last = ["rejected", "peer", "none"];
        assert_eq!(history(&rejected).last(), Some(&last), "{protection}");
        is_only_sent(&world.show(&other.id).await);
    }
    assert_eq!(
        world.client.look().await,
        json!({}),
        "no report is answered"
    );
}

/// Handed over, says the transport; nobody has said anything about it since.
fn is_only_sent(message: &Message) {
    let states: Vec<_> = history(message).iter().map(|step| step[0]).collect();
    assert_eq!(states, ["queued", "sent"], "{message:?}");
    let proofs = message.history.iter().map(|step| json!(step.proof));
    assert!(
        proofs.into_iter().all(|proof: Value| proof == "none"),
        "{message:?}"
    );
}
