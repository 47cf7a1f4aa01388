//! What the client starts.

use crate::world::{ARIA, World, history, text, text_in};
use crate::{AUTHCRYPT, BASICMESSAGE, DISCLOSE, PING, PING_RESPONSE, QUERIES, REPORT, SIGNED};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn pings_in_every_protection_are_answered_to_the_endpoint_of_their_sender() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    for protection in [AUTHCRYPT, SIGNED, "authcrypt+signed", "anoncrypt+authcrypt"] {
        let sent = world.client.send(protection, ping(json!({}))).await;
        assert_eq!(
            (sent.status, sent.reply.is_none()),
            (202, true),
            "{protection}"
        );
        let pong = world.client.receive().await;
        pong.is_proved(ARIA, &did);
        assert_eq!(pong.message["type"], PING_RESPONSE, "{protection}");
        assert_eq!(pong.message["thid"], sent.id, "{protection}");
    }
    assert!(
        world.leased(0).await.is_empty(),
        "pings are the node's business"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_with_return_route_is_answered_on_its_own_connection_only() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    for protection in [AUTHCRYPT, SIGNED] {
        let routed = ping(json!({"return_route": "all"}));
        let sent = world.client.send(protection, routed).await;
        assert_eq!(sent.status, 200, "{protection}");
        assert_eq!(
            content_type(&sent.rest),
            "application/didcomm-encrypted+json"
        );
        let pong = sent.reply.unwrap();
        pong.is_proved(ARIA, &did);
        assert_eq!(pong.message["type"], PING_RESPONSE, "{protection}");
        assert_eq!(pong.message["thid"], sent.id, "{protection}");
    }
    // What comes to the endpoint is the answer to a ping without it, and nothing before that.
    let sent = world.client.send(AUTHCRYPT, ping(json!({}))).await;
    assert_eq!(world.client.receive().await.message["thid"], sent.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repeats_an_envelope_of_the_client_gets_nothing_for_it() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let routed = ping(json!({"return_route": "all"}));
    let sent = world.client.send(AUTHCRYPT, routed).await;
    let answered = sent.reply.unwrap().message;
    let (status, response) = world.client.post(ARIA, &sent.packed).await;
    assert_eq!((status, &response["text"]), (202, &json!("")));
    // Whoever had the first answer may not have been its author, who gets his own.
    let again = world.client.receive().await.message;
    assert_eq!(
        (&again["type"], &again["thid"]),
        (&answered["type"], &json!(sent.id))
    );

    let sent = world.client.send(AUTHCRYPT, text("once")).await;
    assert_eq!(world.client.post(ARIA, &sent.packed).await.0, 202);
    world.client.send(AUTHCRYPT, text("and once more")).await;
    let leased = world.leased(30).await;
    let leased: Vec<_> = leased
        .iter()
        .map(|delivery| &delivery.message["body"]["content"])
        .collect();
    assert_eq!(leased, ["once", "and once more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_wants_no_answer_gets_none() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let mut quiet = ping(json!({"return_route": "all"}));
    quiet["body"] = json!({"response_requested": false});
    let sent = world.client.send(AUTHCRYPT, quiet).await;
    assert_eq!((sent.status, sent.reply.is_none()), (202, true));
    let sent = world.client.send(AUTHCRYPT, ping(json!({}))).await;
    assert_eq!(world.client.receive().await.message["thid"], sent.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_writes_is_leased_with_its_proof_and_answered_with_a_signature() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    for (protection, proof, key) in [
        (AUTHCRYPT, "us", "key-2"),
        (SIGNED, "anyone", "key-1"),
        ("authcrypt+signed", "anyone", "key-1"),
    ] {
        let sent = world.client.send(protection, text(protection)).await;
        assert_eq!(
            (sent.status, sent.reply.is_none()),
            (202, true),
            "{protection}"
        );
        let delivery = world.lease().await;
        let message = &delivery.message;
        assert_eq!(message["id"], sent.id);
        assert_eq!(message["type"], BASICMESSAGE);
        assert_eq!(
            (&message["from"], &message["to"]),
            (&json!(did), &json!([ARIA]))
        );
        assert_eq!(message["body"], json!({"content": protection}));
        assert_eq!(delivery.attempt, 1);
        let (context, kid) = (&delivery.context, format!("{did}#{key}"));
        assert_eq!(
            (&*context.proof, &context.kid),
            (proof, &kid),
            "{protection}"
        );

        let answer = world.answer(&delivery, "understood").await;
        let answered = world.client.receive().await;
        answered.is_proved(ARIA, &did);
        assert_eq!(answered.message["type"], BASICMESSAGE);
        assert_eq!(answered.message["id"], answer);
        assert_eq!(answered.message["thid"], sent.id);
        assert_eq!(answered.message["body"], json!({"content": "understood"}));
        let shown = world.when("sent", &answer).await;
        assert_eq!(history(&shown).last(), Some(&["sent", "peer", "none"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_rejects_is_reported_to_the_client() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    for protection in [AUTHCRYPT, SIGNED] {
        let sent = world
            .client
            .send(protection, text_in("numbers", "1 2 3"))
            .await;
        let delivery = world.lease().await;
        world
            .reject(&delivery, "e.p.msg.bad-body", "numbers of what?")
            .await;
        let report = world.client.receive().await;
        report.is_proved(ARIA, &did);
        assert_eq!(report.message["type"], REPORT);
        let (body, comment) = (&report.message["body"], json!("numbers of what?"));
        assert_eq!(
            (&body["code"], &body["comment"]),
            (&json!("e.p.msg.bad-body"), &comment)
        );
        assert_eq!(report.message["pthid"], "numbers");
        assert_eq!(report.message["ack"], json!([sent.id]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_answered_with_the_protocols_that_match() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let did = world.client.did().to_owned();
    let query = |pattern: &str| {
        json!({"type": QUERIES, "to": ARIA, "return_route": "all",
            "body": {"queries": [{"feature-type": "protocol", "match": pattern}]}})
    };
    for (protection, pattern, known) in [
        (
            AUTHCRYPT,
            "https://didcomm.org/trust-ping/2.*",
            &["https://didcomm.org/trust-ping/2.0"][..],
        ),
        (
            SIGNED,
            "https://didcomm.org/basicmessage/2.0",
            &["https://didcomm.org/basicmessage/2.0"],
        ),
        (AUTHCRYPT, "https://didcomm.org/no-such-thing/*", &[]),
    ] {
        let sent = world.client.send(protection, query(pattern)).await;
        assert_eq!(sent.status, 200, "{pattern}");
        let disclosed = sent.reply.unwrap();
        disclosed.is_proved(ARIA, &did);
        assert_eq!(disclosed.message["type"], DISCLOSE);
        assert_eq!(disclosed.message["thid"], sent.id);
        let expected = known
            .iter()
            .map(|id| json!({"feature-type": "protocol", "id": id}));
        let expected: Vec<Value> = expected.collect();
        assert_eq!(disclosed.message["body"]["disclosures"], json!(expected));
    }
    // What else is asked for is answered or passed over, never an error.
    let mixed = json!({"type": QUERIES, "to": ARIA, "return_route": "all", "body": {"queries": [
        {"feature-type": "no-such-type", "match": "*"},
        {"feature-type": "goal-code", "match": "*"},
        {"feature-type": "header", "match": "*"},
        {"feature-type": "constraint", "match": "max_receive_bytes"},
    ]}});
    let sent = world.client.send(AUTHCRYPT, mixed).await;
    assert_eq!(
        sent.reply.unwrap().message["body"]["disclosures"],
        json!([
            {"feature-type": "header", "id": "return_route"},
            {"feature-type": "constraint", "id": "max_receive_bytes", "max_receive_bytes": "4194304"},
        ])
    );
    let mut later = query("https://didcomm.org/*");
    later.as_object_mut().unwrap().remove("return_route");
    let sent = world.client.send(AUTHCRYPT, later).await;
    let disclosed = world.client.receive().await;
    disclosed.is_proved(ARIA, &did);
    assert_eq!(
        (sent.status, &disclosed.message["thid"]),
        (202, &json!(sent.id))
    );
    assert!(
        disclosed.message["body"]["disclosures"]
            .as_array()
            .unwrap()
            .len()
            > 3
    );
}

/// A ping to Aria with further headers.
fn ping(headers: Value) -> Value {
    let mut ping = json!({"type": PING, "to": ARIA, "body": {"response_requested": true}});
    ping.as_object_mut()
        .unwrap()
        .extend(headers.as_object().unwrap().clone());
    ping
}

fn content_type(response: &Value) -> &str {
    let headers = response["headers"].as_object().unwrap();
    let found = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    found.unwrap().1.as_str().unwrap()
}
