//! Handing envelopes over.

use super::world::{Server, World, answer, did, everywhere};
use crate::resolve::{Endpoint, FetchError, PostAnswer, endpoint};
use comity_did::{DidDocument, DocumentBuilder};
use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use std::sync::Arc;
use std::time::Duration;

fn at(path: &str) -> Endpoint {
    Endpoint {
        uri: format!("https://agents.org-b.test{path}"),
    }
}

async fn peer() -> (World, Server) {
    let server = Server::plain(Arc::new(|path| {
        let status = path.trim_start_matches('/').parse().unwrap_or(202);
        match status {
            429 => answer(429, "Retry-After: 7\r\n", ""),
            503 => answer(503, "Retry-After: 99999\r\n", ""),
            status => answer(status, "", ""),
        }
    }))
    .await;
    let mapped = [("agents.org-b.test", server.address)];
    let world = World::new(everywhere(&[]), None, &[], &mapped).await;
    (world, server)
}

#[tokio::test]
async fn what_a_peers_transport_says_is_told_apart() {
    let (world, server) = peer().await;
    let busy = |seconds: Option<u64>| PostAnswer::Busy {
        retry_after: seconds.map(Duration::from_secs),
    };
    for (path, expected) in [
        ("/didcomm", PostAnswer::Taken),
        ("/200", PostAnswer::Taken),
        ("/400", PostAnswer::Refused(400)),
        ("/404", PostAnswer::Refused(404)),
        ("/409", PostAnswer::Gap),
        ("/413", PostAnswer::TooLarge),
        ("/429", busy(Some(7))),
        ("/500", busy(None)),
        ("/502", busy(None)),
        ("/503", busy(Some(300))),
    ] {
        let answer = world
            .http
            .post_envelope(&at(path), "{}".into())
            .await
            .unwrap();
        assert_eq!(answer, expected, "{path}");
    }
    let redirect = world.http.post_envelope(&at("/307"), "{}".into()).await;
    assert!(matches!(
        redirect,
        Err(FetchError::Redirect { status: 307, .. })
    ));
    assert_eq!(server.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_peer_that_is_down_is_told_apart_from_one_that_refuses() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let world = World::new(
        everywhere(&[]),
        None,
        &[],
        &[("agents.org-b.test", address)],
    )
    .await;
    let result = world.http.post_envelope(&at("/didcomm"), "{}".into()).await;
    assert!(
        matches!(result, Err(FetchError::Connect { .. })),
        "{result:?}"
    );
}

#[test]
fn the_first_endpoint_that_can_be_used_is_taken() {
    let bruno = did("agents.org-b.test", 1, "bruno");
    let (signing, agreement) = (
        SigningKey::generate(&SystemEntropy),
        AgreementKey::generate(&SystemEntropy),
    );
    let with = |endpoints: serde_json::Value| {
        let document = DocumentBuilder::new(bruno.clone(), signing.public(), agreement.public());
        let octets = document.build().unwrap().octets().to_vec();
        let mut value: serde_json::Value = serde_json::from_slice(&octets).unwrap();
        value["service"] = serde_json::json!([
            {"id": "#s", "type": "DIDCommMessaging", "serviceEndpoint": endpoints},
        ]);
        let document = DidDocument::parse(&bruno, value.to_string().as_bytes()).unwrap();
        endpoint(&document).map(|endpoint| endpoint.uri)
    };
    let usable = serde_json::json!([
        {"uri": "didcomm:transport/queue"},
        {"uri": "did:web:mediator.example"},
        {"uri": "wss://b.example/ws"},
        {"uri": "https://m.example", "routingKeys": ["did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp#z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"]},
        {"uri": "https://v1.example", "accept": ["didcomm/aip1"]},
        {"uri": "HTTPS://b.example/didcomm"},
        {"uri": "https://c.example"},
    ]);
    assert_eq!(with(usable).as_deref(), Some("HTTPS://b.example/didcomm"));
    assert_eq!(with(serde_json::json!({"uri": "wss://b.example"})), None);
}
