//! The agent's door over HTTP: agents that reach for what is another's, or the node's to say.

use crate::agent_http::{bearer, post};
use crate::toolkit::{Chaos, Identity, REQUEST, Scene};
use serde_json::json;

/// One agent's token opens nothing of another agent's: as if it did not exist.
#[tokio::test(flavor = "multi_thread")]
async fn an_agents_token_reaches_no_other_agents_messages_or_deliveries() {
    let scene = Scene::new().await;
    let mut line = scene.agent_line().await;
    let (bruno, brenda) = (
        scene.tokens["bruno"].clone(),
        scene.tokens["brenda"].clone(),
    );
    let send = json!({"to": scene.friend.did, "type": REQUEST, "body": {}, "id": "brunos-own"});
    assert_eq!(
        post(
            &mut line,
            &bruno,
            "/v1/messages",
            send.to_string().as_bytes()
        )
        .await
        .status,
        201
    );
    let answer = scene
        .line()
        .await
        .envelope(&scene.friend.send(&scene.bruno, &scene.good()))
        .await;
    assert_eq!(answer.status, 202);
    let delivery = scene.lease("bruno").await.unwrap();

    let theirs = |path: &str| path.replace("ID", "brunos-own");
    let nowhere = |path: &str| path.replace("ID", "no-such-id");
    for (method, path) in [
        ("GET", "/v1/messages/ID"),
        ("POST", "/v1/messages/ID/cancel"),
        ("GET", "/v1/messages/ID?wait=answer&wait_s=0"),
    ] {
        let header = bearer(&brenda);
        let found = line
            .ask(method, &theirs(path), &[("authorization", &header)], b"")
            .await;
        let missing = line
            .ask(method, &nowhere(path), &[("authorization", &header)], b"")
            .await;
        assert_eq!(
            (found.status, found.code().as_str()),
            (404, "e.m.req.not-found"),
            "{path}"
        );
        let same = String::from_utf8(found.body)
            .unwrap()
            .replace("brunos-own", "no-such-id");
        assert_eq!(
            same.as_bytes(),
            missing.body,
            "{path}: hers or nobody's is the same to her"
        );
    }
    let settle = |delivery: &str, lease: &str, outcome: &str| {
        json!({"settlements": [{"delivery": delivery, "lease": lease, "outcome": outcome}]})
            .to_string()
    };
    for outcome in ["done", "retry", "reject"] {
        let body = settle(&delivery.delivery, &delivery.lease, outcome);
        let answer = post(&mut line, &brenda, "/v1/settle", body.as_bytes()).await;
        assert_eq!(
            answer.json()["results"][0]["problem"]["code"],
            "e.m.req.not-found",
            "{answer:?}"
        );
    }
    let extend = json!({"delivery": delivery.delivery, "lease": delivery.lease, "seconds": 60});
    let answer = post(
        &mut line,
        &brenda,
        "/v1/extend",
        extend.to_string().as_bytes(),
    )
    .await;
    assert!([404, 409].contains(&answer.status), "{answer:?}");
    let answer = post(
        &mut line,
        &brenda,
        "/v1/lease",
        br#"{"max":256,"wait_s":0}"#,
    )
    .await;
    assert_eq!(answer.json()["deliveries"], json!([]));
    let header = bearer(&brenda);
    let events = line
        .ask(
            "GET",
            "/v1/events?after=0&wait_s=0",
            &[("authorization", &header)],
            b"",
        )
        .await;
    assert_eq!(events.json()["events"], json!([]));
    // The owner with a lease that is not the current one: every other string.
    let chaos = Chaos::new(77);
    for _ in 0..100 {
        let mut lease = delivery.lease.clone().into_bytes();
        let place = chaos.below(lease.len());
        lease[place] = b"abcXYZ"[chaos.below(6)];
        if lease == delivery.lease.as_bytes() {
            continue;
        }
        let body = settle(
            &delivery.delivery,
            std::str::from_utf8(&lease).unwrap(),
            "done",
        );
        let answer = post(&mut line, &bruno, "/v1/settle", body.as_bytes()).await;
        assert_eq!(
            answer.json()["results"][0]["problem"]["code"],
            "e.m.req.lease-lost",
            "{answer:?}"
        );
    }
    scene.done("bruno", &delivery).await;
    let again = settle(&delivery.delivery, &delivery.lease, "reject");
    let answer = post(&mut line, &bruno, "/v1/settle", again.as_bytes()).await;
    assert_eq!(
        answer.json()["results"][0]["problem"]["code"],
        "e.m.req.lease-lost",
        "settled once"
    );
}

/// An agent cannot speak as the node: the node's own types, and somebody's else name.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_cannot_send_what_is_the_nodes_to_say() {
    let scene = Scene::new().await;
    let mut line = scene.agent_line().await;
    let token = scene.tokens["bruno"].clone();
    let before = scene.rows().await;
    for type_ in [
        "https://w3id.org/comity/contact/1.0/knock",
        "https://w3id.org/comity/contact/1.0/ended",
        "https://w3id.org/comity/receipt/1.0/receipts",
        "https://w3id.org/comity/receipt/1.0/void",
        "HTTPS://W3ID.ORG/comity/contact/1.0/knock",
        "https://w3id.org/Comity/Contact/1.0/Knock",
        "https://w3id.org/comity/contact/1.1/welcome",
        "contact/1.0/knock",
    ] {
        let send = json!({"to": scene.friend.did, "type": type_, "body": {}});
        let answer = post(
            &mut line,
            &token,
            "/v1/messages",
            send.to_string().as_bytes(),
        )
        .await;
        assert_eq!(answer.status, 400, "{type_}: {answer:?}");
    }
    for extra in [
        "from",
        "sender_order",
        "salt",
        "created_time",
        "kid",
        "state",
    ] {
        let mut send = json!({"to": scene.friend.did, "type": REQUEST, "body": {}});
        send[extra] = json!(Identity::key(1).did);
        let answer = post(
            &mut line,
            &token,
            "/v1/messages",
            send.to_string().as_bytes(),
        )
        .await;
        assert_eq!(answer.status, 400, "{extra}: {answer:?}");
    }
    assert_eq!(scene.rows().await, before);
}
