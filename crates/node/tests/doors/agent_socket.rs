//! The agent's door over a WebSocket.

use crate::house::{House, REQUEST};
use comity_node::journey::Operator;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(house: &House) -> Self {
        Self::open_at(house, "/v1/socket").await
    }

    async fn open_at(house: &House, path: &str) -> Self {
        let url = format!("ws://{}{path}", house.agent);
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", house.bruno_token).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        Self(connect_async(request).await.unwrap().0)
    }

    async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
            match frame.expect("nothing came").expect("closed").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(close) => panic!("closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// The next frame of this kind; others are passed over.
    async fn next_of(&mut self, op: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["op"] == op {
                return frame;
            }
        }
    }

    async fn ask(&mut self, frame: Value) -> Value {
        let reference = frame["ref"].clone();
        self.say(frame).await;
        loop {
            let frame = self.next().await;
            if frame.get("ref") == Some(&reference) {
                return frame;
            }
        }
    }

    /// Whether any delivery comes in this time.
    async fn is_quiet_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.next_of("delivery"))
            .await
            .is_err()
    }

    /// Code and reason of the close frame.
    async fn closing(&mut self) -> (u16, String) {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
            match frame.expect("it stays open") {
                Some(Ok(Message::Close(Some(close)))) => {
                    return (close.code.into(), close.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    async fn settle(&mut self, delivery: &Value) {
        let settled = self.ask(json!({
            "op": "settle", "ref": 900, "outcome": "done",
            "delivery": delivery["delivery"], "lease": delivery["lease"],
        }));
        let settled = settled.await;
        assert_eq!(settled["op"], "result", "{settled}");
        assert_eq!(settled["value"]["delivery"], delivery["delivery"]);
    }
}

#[tokio::test]
async fn the_same_operations_go_through_frames() {
    let house = House::introduced().await;
    let mut socket = Socket::open(&house).await;
    let whoami = socket.ask(json!({"op": "whoami", "ref": 1})).await;
    assert_eq!(
        whoami,
        json!({"op": "result", "ref": 1, "value": {
            "name": "bruno", "did": house.bruno(), "version": env!("CARGO_PKG_VERSION"),
        }})
    );
    let send = json!({
        "op": "send", "ref": 2, "id": "m-2", "to": house.aria(), "type": REQUEST,
        "body": {"x": 1}, "purpose": "to answer",
    });
    let sent = socket.ask(send.clone()).await;
    assert_eq!(sent["value"]["id"], "m-2", "{sent}");
    let again = socket.ask(send).await;
    assert_eq!(again["value"]["digest"], sent["value"]["digest"]);
    let shown = socket
        .ask(json!({"op": "show", "ref": 3, "id": "m-2"}))
        .await;
    assert_eq!(shown["value"]["digest"], sent["value"]["digest"]);
    let missing = socket
        .ask(json!({"op": "show", "ref": 4, "id": "nobody"}))
        .await;
    assert_eq!(
        (missing["op"].as_str(), missing["problem"]["code"].as_str()),
        (Some("error"), Some("e.m.req.not-found"))
    );
    let cancelled = socket
        .ask(json!({"op": "cancel", "ref": 5, "id": "m-2"}))
        .await;
    assert_eq!(cancelled["op"], "result", "{cancelled}");
}

#[tokio::test]
async fn what_one_session_passes_on_goes_to_the_other_and_never_straight_back() {
    let house = House::introduced().await;
    let mut one = Socket::open(&house).await;
    let mut other = Socket::open(&house).await;
    let mut passed = Vec::new();
    one.say(json!({"op": "credit", "n": 4})).await;
    for n in 0..4 {
        house
            .aria
            .send(&house.bruno(), REQUEST, json!({"n": n}))
            .await;
        passed.push(one.next_of("delivery").await);
    }
    // Room for one: it is there for the rest, too.
    other.say(json!({"op": "credit", "n": 1})).await;
    other.ask(json!({"op": "whoami", "ref": 1})).await;
    for delivery in &passed {
        let settled = one.ask(json!({
            "op": "settle", "ref": 2, "outcome": "pass",
            "delivery": delivery["delivery"], "lease": delivery["lease"],
        }));
        assert_eq!(settled.await["op"], "result");
    }
    assert!(one.is_quiet_for(Duration::from_millis(1_500)).await);
    for delivery in &passed {
        let got = other.next_of("delivery").await;
        assert_eq!(got["delivery"], delivery["delivery"]);
        assert_eq!(got["attempt"], 2);
        other.settle(&got).await;
    }
    // Over plain HTTP it is the token that passes.
    house
        .aria
        .send(&house.bruno(), REQUEST, json!({"n": 5}))
        .await;
    other.say(json!({"op": "credit", "n": 0})).await;
    other.ask(json!({"op": "whoami", "ref": 3})).await;
    let got = one.next_of("delivery").await;
    one.settle(&got).await;
    one.say(json!({"op": "credit", "n": 0})).await;
    one.ask(json!({"op": "whoami", "ref": 4})).await;
    house
        .aria
        .send(&house.bruno(), REQUEST, json!({"n": 6}))
        .await;
    let delivery = house.lease(1).await.remove(0);
    one.say(json!({"op": "credit", "n": 1})).await;
    one.ask(json!({"op": "whoami", "ref": 5})).await;
    house.settle(&delivery, "pass").await;
    let got = one.next_of("delivery").await;
    assert_eq!(
        (&got["delivery"], &got["attempt"]),
        (&delivery["delivery"], &json!(2))
    );
    one.settle(&got).await;
}

#[tokio::test]
async fn what_is_not_understood_is_told_and_the_socket_stays() {
    let house = House::new().await;
    let mut socket = Socket::open(&house).await;
    for (frame, reference) in [
        (json!({"op": "dance", "ref": 7}), json!(7)),
        (json!({"op": "dance"}), Value::Null),
        (json!({"op": "show", "ref": 8}), json!(8)),
        (json!([]), Value::Null),
        (json!({"op": "credit", "n": "many"}), Value::Null),
    ] {
        socket.say(frame.clone()).await;
        let error = socket.next_of("error").await;
        assert_eq!(
            error.get("ref").cloned().unwrap_or_default(),
            reference,
            "{frame}"
        );
        assert_eq!(error["problem"]["code"], "e.m.req.bad-type");
    }
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(
        socket.next_of("error").await["problem"]["code"],
        "e.m.req.bad-type"
    );
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(
        socket.next_of("error").await["problem"]["title"],
        "frames are text"
    );
    assert_eq!(
        socket.ask(json!({"op": "whoami", "ref": 9})).await["op"],
        "result"
    );
}

#[tokio::test]
async fn deliveries_come_while_fewer_than_the_credit_are_unsettled() {
    let house = House::introduced().await;
    let mut socket = Socket::open(&house).await;
    for n in 0..4 {
        house
            .aria
            .send(&house.bruno(), REQUEST, json!({"n": n}))
            .await;
    }
    assert!(
        socket.is_quiet_for(Duration::from_millis(300)).await,
        "no credit, no delivery"
    );

    socket.say(json!({"op": "credit", "n": 2})).await;
    let first = socket.next_of("delivery").await;
    let second = socket.next_of("delivery").await;
    assert_eq!(first["attempt"], 1);
    assert!(
        socket.is_quiet_for(Duration::from_millis(300)).await,
        "two are unsettled"
    );
    // Absolute, not added.
    socket.say(json!({"op": "credit", "n": 2})).await;
    assert!(
        socket.is_quiet_for(Duration::from_millis(300)).await,
        "two are unsettled"
    );

    socket.settle(&first).await;
    let third = socket.next_of("delivery").await;
    assert!(
        socket.is_quiet_for(Duration::from_millis(300)).await,
        "two are unsettled"
    );
    socket.say(json!({"op": "credit", "n": 1})).await;
    socket.settle(&second).await;
    assert!(
        socket.is_quiet_for(Duration::from_millis(300)).await,
        "one is unsettled"
    );
    socket.settle(&third).await;
    let fourth = socket.next_of("delivery").await;
    socket.say(json!({"op": "credit", "n": 0})).await;
    socket.settle(&fourth).await;
}

#[tokio::test]
async fn a_delivery_that_comes_later_is_pushed_at_once() {
    let house = House::introduced().await;
    let mut socket = Socket::open(&house).await;
    socket.say(json!({"op": "credit", "n": 8})).await;
    assert!(socket.is_quiet_for(Duration::from_millis(200)).await);
    let status = house.aria.core().list_agents().await.unwrap();
    assert!(
        status
            .iter()
            .any(|agent| agent.name == "bruno" && agent.connected)
    );
    house
        .aria
        .send(&house.bruno(), REQUEST, json!({"late": true}))
        .await;
    let delivery = socket.next_of("delivery").await;
    assert_eq!(delivery["message"]["body"], json!({"late": true}));
}

#[tokio::test]
async fn changes_are_pushed_from_now_on_or_from_where_one_left_off() {
    let house = House::introduced().await;
    let mut socket = Socket::open(&house).await;
    let send = |id: &str| json!({"op": "send", "ref": 1, "id": id, "to": house.aria(), "type": REQUEST, "body": {}});
    socket.ask(send("m-1")).await;
    let mut change = socket.next_of("state").await;
    while change["message"]["state"] == "queued" {
        change = socket.next_of("state").await;
    }
    assert_eq!(change["message"]["id"], "m-1");
    let n = change["n"].as_u64().unwrap();

    let mut from_now = Socket::open(&house).await;
    from_now.ask(send("m-2")).await;
    while from_now.next_of("state").await["message"]["id"] != "m-2" {}

    let mut from_before = Socket::open_at(&house, &format!("/v1/socket?after={}", n - 1)).await;
    // A message that went on meanwhile is told where it is now, which may be after the other.
    let mut seen = from_before.next_of("state").await;
    while seen["message"]["id"] != "m-1" {
        seen = from_before.next_of("state").await;
    }
    assert!(seen["n"].as_u64() >= Some(n), "{seen}");
}

#[tokio::test]
async fn an_operation_that_waits_does_not_hold_up_the_others() {
    let house = House::new().await;
    let mut socket = Socket::open(&house).await;
    let send = json!({"op": "send", "ref": 1, "id": "m-1", "to": house.aria(), "type": REQUEST});
    socket.ask(send).await;
    socket
        .say(json!({"op": "show", "ref": 2, "id": "m-1", "wait": "done", "wait_s": 50}))
        .await;
    let start = std::time::Instant::now();
    assert_eq!(
        socket.ask(json!({"op": "whoami", "ref": 3})).await["op"],
        "result"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_socket_ends_with_the_node_its_token_or_a_frame_too_large() {
    let house = House::new().await;
    let mut large = Socket::open(&house).await;
    let _ = large.0.send(Message::text("x".repeat(2_300_000))).await;
    // It may be gone before it said why: octets were still coming.
    if let Some(Ok(Message::Close(Some(close)))) = large.0.next().await {
        assert_eq!(u16::from(close.code), 1009);
    }
    let mut socket = Socket::open(&house).await;
    house
        .aria
        .core()
        .remove_agent(&Operator::local(), "bruno")
        .await
        .unwrap();
    let (code, reason) = socket.closing().await;
    assert_eq!(
        (code, reason.as_str()),
        (4401, "the token is no longer known")
    );

    let house = House::new().await;
    let mut socket = Socket::open(&house).await;
    let (closing, ()) = tokio::join!(socket.closing(), house.aria.node.stop());
    assert_eq!(closing.0, 1012);
}

#[tokio::test]
async fn without_a_token_there_is_no_socket() {
    let house = House::new().await;
    let request = format!("ws://{}/v1/socket", house.agent)
        .into_client_request()
        .unwrap();
    match connect_async(request).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 401),
        other => panic!("{other:?}"),
    }
}
