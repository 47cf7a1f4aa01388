//! A node that plays a script, for what a real node does only by accident: dying between two
//! frames, losing an answer, offering something twice.

use comity::Agent;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

pub(crate) struct Node {
    listener: TcpListener,
    pub(crate) url: String,
}

/// One connection of an agent.
pub(crate) struct Session(WebSocketStream<TcpStream>);

impl Node {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// Bruno, and the node's end of his connection.
    pub(crate) async fn open(&self) -> (Agent, Session) {
        let opening = Agent::connect(&self.url, "t0ken");
        let (agent, session) = tokio::join!(opening, async {
            let mut session = self.accept().await;
            session.introduce("bruno").await;
            session
        });
        (agent.unwrap(), session)
    }

    pub(crate) async fn accept(&self) -> Session {
        let (stream, _) = self.listener.accept().await.unwrap();
        let check = |request: &Request, response: Response| {
            let authorization = request.headers().get("authorization");
            assert_eq!(authorization.unwrap(), "Bearer t0ken");
            assert_eq!(request.uri().path(), "/v1/socket");
            Ok(response)
        };
        Session(
            tokio_tungstenite::accept_hdr_async(stream, check)
                .await
                .unwrap(),
        )
    }

    pub(crate) async fn refuse(&self) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
            Err(refusal)
        };
        assert!(
            tokio_tungstenite::accept_hdr_async(stream, refuse)
                .await
                .is_err()
        );
    }
}

impl Session {
    pub(crate) async fn introduce(&mut self, name: &str) {
        let asked = self.expect("whoami").await;
        let did = format!("did:web:agents.org-b.test:{name}");
        self.answer(
            &asked,
            json!({"name": name, "did": did, "version": "0.1.0"}),
        )
        .await;
    }

    /// The next frame, which must be of this `op`.
    pub(crate) async fn expect(&mut self, op: &str) -> Value {
        let next = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return text,
                    Some(Ok(_)) => {}
                    other => panic!("wanted {op}, got {other:?}"),
                }
            }
        });
        let text = next
            .await
            .unwrap_or_else(|_| panic!("no {op} in ten seconds"));
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["op"], op, "{frame}");
        frame
    }

    /// Nothing comes for a while.
    pub(crate) async fn expect_silence(&mut self) {
        let said = tokio::time::timeout(Duration::from_millis(300), async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return text,
                    Some(Ok(_)) => {}
                    _ => std::future::pending().await,
                }
            }
        });
        if let Ok(text) = said.await {
            panic!("expected silence, got {text}");
        }
    }

    pub(crate) async fn answer(&mut self, asked: &Value, value: Value) {
        self.push(json!({"op": "result", "ref": asked["ref"], "value": value}))
            .await;
    }

    pub(crate) async fn refuse(&mut self, asked: &Value, code: &str) {
        let problem = json!({"type": "", "code": code, "title": code});
        self.push(json!({"op": "error", "ref": asked["ref"], "problem": problem}))
            .await;
    }

    pub(crate) async fn settled(&mut self, asked: &Value) {
        self.answer(
            asked,
            json!({"delivery": asked["delivery"], "messages": []}),
        )
        .await;
    }

    /// Both frames at once, as a node that has them ready sends them.
    pub(crate) async fn settled_and_delivered(&mut self, asked: &Value, mut delivery: Value) {
        let value = json!({"delivery": asked["delivery"], "messages": []});
        let settled = json!({"op": "result", "ref": asked["ref"], "value": value});
        delivery["op"] = "delivery".into();
        self.0
            .feed(Message::text(settled.to_string()))
            .await
            .unwrap();
        self.push(delivery).await;
    }

    pub(crate) async fn push(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn deliver(&mut self, delivery: Value) {
        let mut frame = delivery;
        frame["op"] = "delivery".into();
        self.push(frame).await;
    }
}

pub(crate) const REQUEST: &str = "https://example.org/market-analysis/1.0/request";

/// A delivery under a lease that ends in `seconds`.
pub(crate) fn delivery(id: &str, lease: &str, type_: &str, body: Value, seconds: u64) -> Value {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    json!({
        "delivery": id, "lease": lease, "until": now.as_secs() + seconds, "attempt": 1,
        "message": {
            "id": format!("m-{id}"), "type": type_, "from": "did:web:agents.org-a.test:aria",
            "to": ["did:web:agents.org-b.test:bruno"], "body": body,
        },
        "context": {
            "digest": "uEiBt7o3xW1wJdJbOI2sG2W5VfSZGEPMfhb6WdxicNsKCqQ", "proof": "anyone",
            "kid": "did:web:agents.org-a.test:aria#key-1", "grant": "uEiA", "first_contact": false,
            "received_at": now.as_secs(),
        },
    })
}

/// A message of ours, in a state.
pub(crate) fn message(id: &Value, state: &str) -> Value {
    json!({
        "id": id, "digest": "uEiA0KgAHPHxCUPi4rhOCQINFimLA62ULACoXgsgqbBX1WA",
        "to": "did:web:agents.org-a.test:aria", "type": REQUEST, "thid": id, "state": state,
        "expires_time": 1_800_000_000_u64, "history": [],
    })
}
