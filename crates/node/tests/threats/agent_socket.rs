//! The agent's door over WebSocket: frames that are none, giant ones, more credit than there is.

use crate::toolkit::chaos::{duplicated, nested, substitutions, truncations};
use crate::toolkit::scene::resident;
use crate::toolkit::{Chaos, REQUEST, Scene};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open_with(scene: &Scene, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let door = scene.core().status().await.unwrap().agent_door;
    let url = format!("{}/v1/socket", door.replacen("http", "ws", 1));
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn open(scene: &Scene, agent: &str) -> Socket {
    let header = format!("Bearer {}", scene.tokens[agent]);
    open_with(scene, &[("authorization", &header)])
        .await
        .unwrap()
}

/// The next frame that is JSON; `None` if the socket ends.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        match frame.expect("a frame in time") {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

async fn say(socket: &mut Socket, frame: impl Into<Message>) -> Value {
    socket.send(frame.into()).await.unwrap();
    next(socket).await.expect("the socket stays open")
}

fn is_helpful(told: &Value) -> bool {
    let text = |name: &str| {
        told["problem"][name]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    };
    let next = text("next") || told["problem"]["retry_after_s"].is_u64();
    told["op"] == "error" && text("code") && text("title") && next
}

/// The door is checked before it becomes a socket.
#[tokio::test(flavor = "multi_thread")]
async fn no_socket_opens_without_token_or_for_foreign_pages() {
    let scene = Scene::new().await;
    let good = format!("Bearer {}", scene.tokens["bruno"]);
    for (headers, status) in [
        (vec![], 401),
        (vec![("authorization", "Bearer ct_wrong")], 401),
        (
            vec![
                ("authorization", good.as_str()),
                ("origin", "http://evil.com"),
            ],
            403,
        ),
        (
            vec![("authorization", good.as_str()), ("origin", "null")],
            403,
        ),
        (
            vec![("authorization", good.as_str()), ("host", "evil.com")],
            403,
        ),
        // What a page could smuggle a token in by.
        (vec![("sec-websocket-protocol", good.as_str())], 401),
    ] {
        assert_eq!(
            open_with(&scene, &headers).await.err(),
            Some(status),
            "{headers:?}"
        );
    }
}

/// Frames that are none: each gets an error that helps, and the socket stays.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_are_explained_and_the_socket_stays() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, "bruno").await;
    let before = scene.rows().await;
    let chaos = Chaos::new(5);
    let frame = json!({"op": "send", "ref": 1, "to": scene.friend.did, "type": REQUEST,
        "body": {"x": [1, {"y": 2}]}, "thid": "t"});
    let object = frame.as_object().unwrap();
    let mut texts: Vec<String> = Vec::new();
    for op in [
        "",
        "SEND",
        "lease",
        "approve",
        "grant",
        "knock",
        "subscribe",
        "__proto__",
        "send ",
        "state",
        "delivery",
        "result",
    ] {
        texts.push(json!({"op": op, "ref": 1}).to_string());
    }
    texts.extend(
        [
            "",
            "{}",
            "[]",
            "null",
            "0",
            "\"send\"",
            "{\"op\":\"whoami\"}",
            "{\"op\":\"credit\"}",
        ]
        .map(String::from),
    );
    for n in [
        json!(-1),
        json!(1.5),
        json!("8"),
        json!([]),
        Value::Null,
        json!(1e300),
    ] {
        texts.push(json!({"op": "credit", "n": n}).to_string());
    }
    for reference in [
        json!(-1),
        json!("x"),
        json!([]),
        json!({}),
        json!(1.5),
        Value::Null,
    ] {
        texts.push(json!({"op": "whoami", "ref": reference}).to_string());
    }
    for case in truncations(frame.to_string().as_bytes(), 400) {
        texts.extend(String::from_utf8(case.octets));
    }
    texts.extend(duplicated(object).into_iter().map(|(_, text)| text));
    for depth in [33, 100, 10_000] {
        texts.extend(nested(object, "deep", depth));
    }
    let count = texts.len();
    for text in texts {
        let told = say(&mut socket, Message::text(text.clone())).await;
        let credit = text.contains("credit");
        assert!(
            is_helpful(&told),
            "{}: {told}",
            text.chars().take(200).collect::<String>()
        );
        assert!(!credit || told["op"] == "error");
    }
    assert!(count > 200, "{count} frames");
    for size in [0, 1, 100, 60_000] {
        let told = say(&mut socket, Message::binary(chaos.octets(size))).await;
        assert!(is_helpful(&told), "{told}");
    }
    let who = say(&mut socket, Message::text(r#"{"op":"whoami","ref":9}"#)).await;
    assert_eq!(
        (who["op"].as_str(), who["ref"].as_u64()),
        (Some("result"), Some(9))
    );
    assert_eq!(scene.rows().await, before);
}

/// Every member of every operation replaced by every other type: one answer with its reference, or
/// an error; the socket stays.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_other_types_get_one_answer_each() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, "brenda").await;
    for frame in [
        json!({"op": "settle", "ref": 1, "delivery": "d_x", "lease": "l_x", "outcome": "done", "messages": []}),
        json!({"op": "extend", "ref": 2, "delivery": "d_x", "lease": "l_x", "seconds": 5}),
        json!({"op": "cancel", "ref": 3, "id": "x"}),
        json!({"op": "show", "ref": 4, "id": "x"}),
    ] {
        for (name, value) in substitutions(&frame) {
            let told = say(&mut socket, Message::text(value.to_string())).await;
            assert!(is_helpful(&told), "{name}: {told}");
        }
    }
}

/// A frame beyond the limit ends the socket; it is never held in memory whole, and others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_giant_frame_ends_its_own_socket_and_nothing_else() {
    let scene = Scene::alone().await;
    let mut other = open(&scene, "brenda").await;
    let memory = resident();
    for size in [3, 8, 16] {
        let mut socket = open(&scene, "bruno").await;
        let giant = "x".repeat(size * 1024 * 1024);
        let _ = socket.send(Message::text(giant)).await;
        assert_eq!(next(&mut socket).await, None, "{size} MiB");
    }
    assert!(resident().saturating_sub(memory) < 96 * 1024 * 1024);
    let who = say(&mut other, Message::text(r#"{"op":"whoami","ref":1}"#)).await;
    assert_eq!(who["op"], "result");
    scene.still_serves().await;
}

/// Credit is absolute room: whatever is said, never more unsettled deliveries than last granted,
/// and never more than there are.
#[tokio::test(flavor = "multi_thread")]
async fn credit_never_overflows() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    for _ in 0..12 {
        let envelope = scene.friend.send(&scene.bruno, &scene.good());
        assert_eq!(line.envelope(&envelope).await.status, 202);
    }
    let mut socket = open(&scene, "bruno").await;
    // Said twenty times, it is still three.
    for _ in 0..20 {
        socket
            .send(Message::text(r#"{"op":"credit","n":3}"#))
            .await
            .unwrap();
    }
    let mut leased = Vec::new();
    for _ in 0..3 {
        let told = next(&mut socket).await.unwrap();
        assert_eq!(told["op"], "delivery", "{told}");
        leased.push(told);
    }
    let more = tokio::time::timeout(Duration::from_millis(500), socket.next()).await;
    assert!(more.is_err(), "more than was granted: {more:?}");
    // The largest number there is: all that there are, and no more.
    socket
        .send(Message::text(r#"{"op":"credit","n":9007199254740991}"#))
        .await
        .unwrap();
    let mut rest = 0;
    while let Ok(Some(Ok(frame))) =
        tokio::time::timeout(Duration::from_millis(700), socket.next()).await
    {
        if let Message::Text(text) = frame {
            let told: Value = serde_json::from_str(&text).unwrap();
            assert!(
                ["delivery", "error"].contains(&told["op"].as_str().unwrap()),
                "{told}"
            );
            rest += u32::from(told["op"] == "delivery");
        }
    }
    assert!(
        rest == 9 || rest == 0,
        "{rest}: all that are left, or the number was refused"
    );
    assert_eq!(leased[0]["attempt"], 1);
}

/// Thousands of operations at once on one socket: every one is answered, and memory stays.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_operations_at_once_are_all_answered() {
    let scene = Scene::alone().await;
    let socket = open(&scene, "brenda").await;
    let memory = resident();
    let (mut sink, mut frames) = socket.split();
    let speaker = tokio::spawn(async move {
        for reference in 0..5_000 {
            let frame = json!({"op": "show", "ref": reference, "id": "nothing"}).to_string();
            sink.send(Message::text(frame)).await.unwrap();
        }
        sink
    });
    let mut answered = 0;
    while answered < 5_000 {
        let frame = tokio::time::timeout(Duration::from_secs(20), frames.next())
            .await
            .unwrap();
        answered += u32::from(matches!(frame, Some(Ok(Message::Text(_)))));
        assert!(
            !matches!(frame, None | Some(Err(_) | Ok(Message::Close(_)))),
            "{frame:?}"
        );
    }
    drop(speaker.await.unwrap());
    assert!(resident().saturating_sub(memory) < 64 * 1024 * 1024);
}
