//! Handing envelopes over.

use super::world::{Server, World, answer, did, everywhere};
use crate::resolve::{FetchError, NoRoute, PostAnswer};
use comity_did::{DidDocument, DocumentBuilder};
use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn at(path: &str) -> String {
    format!("https://agents.org-b.test{path}")
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
    for status in [301, 302, 303, 307, 308] {
        let to = at(&format!("/{status}"));
        let redirect = world.http.post_envelope(&to, "{}".into()).await;
        assert!(
            matches!(redirect, Err(FetchError::Redirect { status: s, .. }) if s == status),
            "without a place to go, or of another kind: {redirect:?}"
        );
    }
    assert_eq!(server.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_temporary_redirect_is_followed_once_and_through_the_guard() {
    let server = Server::plain(Arc::new(|path| match path {
        "/path" => answer(307, "Location: /didcomm\r\n", ""),
        "/whole" => answer(307, "Location: https://agents.org-b.test/didcomm\r\n", ""),
        "/twice" => answer(307, "Location: /path\r\n", ""),
        "/plain" => answer(307, "Location: http://elsewhere.test/didcomm\r\n", ""),
        "/inside" => answer(307, "Location: https://169.254.169.254/didcomm\r\n", ""),
        "/file" => answer(307, "Location: file:///etc/passwd\r\n", ""),
        _ => answer(202, "", ""),
    }))
    .await;
    let mapped = [("agents.org-b.test", server.address)];
    let world = World::new(everywhere(&[]), None, &[], &mapped).await;
    let post = async |path: &str| world.http.post_envelope(&at(path), "{}".into()).await;
    for path in ["/path", "/whole"] {
        assert_eq!(post(path).await.unwrap(), PostAnswer::Taken, "{path}");
    }
    assert!(matches!(
        post("/twice").await,
        Err(FetchError::Redirect { status: 307, .. })
    ));
    for path in ["/plain", "/inside"] {
        let refused = post(path).await.unwrap_err();
        assert!(!refused.is_unsent(), "the first host has it");
        let FetchError::Redirected(refused) = refused else {
            panic!("{path}: {refused:?}");
        };
        assert!(
            matches!(*refused, FetchError::Connect { .. }),
            "{path}: {refused:?}"
        );
    }
    let refused = post("/file").await;
    assert!(
        matches!(&refused, Err(FetchError::Redirected(to)) if matches!(**to, FetchError::Url)),
        "{refused:?}"
    );
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

#[tokio::test]
async fn the_first_endpoint_that_can_be_used_is_taken() {
    let mediator = "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";
    let routing_key = format!("{mediator}#z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc");
    let (world, server) = peer().await;
    let bruno = did("agents.org-b.test", 1, "bruno");
    let (signing, agreement) = (
        SigningKey::generate(&SystemEntropy),
        AgreementKey::generate(&SystemEntropy),
    );
    let document = |endpoints: Value| {
        let document = DocumentBuilder::new(bruno.clone(), signing.public(), agreement.public());
        let octets = document.build().unwrap().octets().to_vec();
        let mut value: Value = serde_json::from_slice(&octets).unwrap();
        value["service"] = json!([
            {"id": "#s", "type": "DIDCommMessaging", "serviceEndpoint": endpoints},
        ]);
        DidDocument::parse(&bruno, value.to_string().as_bytes()).unwrap()
    };
    let resolver = &world.resolver;
    let usable = document(json!([
        {"uri": "didcomm:transport/queue"},
        {"uri": mediator},
        {"uri": "wss://b.example/ws"},
        {"uri": "https://v1.example", "accept": ["didcomm/aip1"]},
        {"uri": "HTTPS://b.example/didcomm"},
        {"uri": "https://c.example"},
    ]));
    let route = resolver.route(&usable).await.unwrap();
    assert_eq!(route.uri, "HTTPS://b.example/didcomm");
    assert_eq!(route.hops, []);

    let through = document(json!({"uri": "https://m.example", "routingKeys": [routing_key]}));
    let route = resolver.route(&through).await.unwrap();
    assert_eq!(route.uri, "https://m.example");
    assert_eq!(route.hops[0].name.as_str(), routing_key);

    let none = document(json!({"uri": "wss://b.example"}));
    assert!(matches!(resolver.route(&none).await, Err(NoRoute::Address)));
    let nowhere = document(json!({"uri": mediator}));
    assert!(matches!(
        resolver.route(&nowhere).await,
        Err(NoRoute::Way(_))
    ));
    drop(server);
}
