use super::router;
use super::socket::Patience;
use crate::Node;
use crate::config::Config;
use crate::doors::server::{Limits, serve};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// A second agent's door of a node, with less patience.
async fn impatient(patience: Patience) -> (Node, SocketAddr, String, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::new(home.path());
    config.wire = Some("127.0.0.1:0".parse().unwrap());
    config.agent_door = Some("127.0.0.1:0".parse().unwrap());
    let node = Node::start(config).await.unwrap();
    let token = node
        .core()
        .create_agent(&crate::journey::Operator::local(), "bruno")
        .await
        .unwrap()
        .token;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = router(Arc::clone(node.core()), stop.clone(), patience);
    let limits = Limits {
        patience: Duration::from_secs(30),
        ..super::CONNECTIONS
    };
    tokio::spawn(serve(listener, router, limits, stop));
    (node, address, token, home)
}

async fn connect(address: SocketAddr, token: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let mut request = format!("ws://{address}/v1/socket")
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

#[tokio::test]
async fn whoever_asks_and_does_not_read_is_closed_with_the_reason() {
    let patience = Patience {
        slow: Duration::from_secs(1),
        silent: Duration::from_secs(60),
    };
    let (_node, address, token, _home) = impatient(patience).await;
    let mut socket = connect(address, &token).await;
    let complaint = json!({"op": "x".repeat(1_000)}).to_string();
    // Until the node does not read any more, because nobody reads what it answers.
    let until_full = async {
        loop {
            let sent = socket.send(Message::text(complaint.clone()));
            if tokio::time::timeout(Duration::from_millis(300), sent)
                .await
                .is_err()
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), until_full)
        .await
        .expect("unbounded queue");
    tokio::time::sleep(patience.slow).await;
    let mut closed = None;
    while let Some(Ok(frame)) = socket.next().await {
        if let Message::Close(Some(close)) = frame {
            closed = Some((u16::from(close.code), close.reason.to_string()));
        }
    }
    let (code, reason) = closed.expect("a close frame");
    assert_eq!(code, 1008);
    assert!(reason.starts_with("slow consumer"), "{reason}");
}

#[tokio::test]
async fn whoever_is_silent_is_pinged_and_then_closed() {
    let patience = Patience {
        slow: Duration::from_secs(5),
        silent: Duration::from_secs(3),
    };
    let (_node, address, token, _home) = impatient(patience).await;
    let mut talker = connect(address, &token).await;
    let listening = async {
        // Reading answers the pings.
        while let Some(Ok(frame)) = talker.next().await {
            if matches!(frame, Message::Close(_)) {
                return false;
            }
        }
        true
    };
    let alive = tokio::time::timeout(Duration::from_secs(6), listening).await;
    assert!(alive.is_err(), "a pong is a sign of life");

    let mut silent = connect(address, &token).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    // Answering the pings that piled up may break the connection before the reason is read.
    let ended = async {
        while let Some(Ok(frame)) = silent.next().await {
            if let Message::Close(Some(close)) = frame {
                assert_eq!(u16::from(close.code), 1008);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2), ended)
        .await
        .expect("it was closed");
}
