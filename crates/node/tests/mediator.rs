//! Messages to and from other software whose ways are longer: wrapped for every mediator on the way
//! out, unwrapped on the way in; and with a token of a rotation, for which nothing is fetched.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use comity_api::operator::CreateGrant;
use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::protocols::routing::{Forwarded, Hop, Route};
use comity_didcomm::{
    Party, Plaintext, Protection, UnpackOptions, agreement_targets, rotation_input,
};
use comity_jose::jwe::Enc;
use comity_jose::{Curve, SigningKey, SystemEntropy};
use comity_node::config::Host;
use comity_node::journey::Operator;
use common::{ARIA, LONG, REQUEST, Side, places};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Somebody's mailbox on the net: takes every envelope, and shows it to the test.
async fn mailbox() -> (SocketAddr, UnboundedReceiver<Bytes>) {
    async fn take(State(seen): State<UnboundedSender<Bytes>>, envelope: Bytes) -> StatusCode {
        seen.send(envelope).unwrap();
        StatusCode::ACCEPTED
    }
    let (sender, receiver) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, receiver)
}

async fn http(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

async fn arias_document(wire: SocketAddr) -> Arc<DidDocument> {
    let request =
        "GET /aria/did.json HTTP/1.1\r\nHost: agents.org-a.test\r\nConnection: close\r\n\r\n";
    let answer = String::from_utf8(http(wire, request.as_bytes()).await).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let did = Did::parse(ARIA).unwrap();
    Arc::new(DidDocument::parse(&did, body.trim().as_bytes()).unwrap())
}

async fn deliver(wire: SocketAddr, envelope: &str) -> String {
    let request = format!(
        "POST /didcomm HTTP/1.1\r\nHost: agents.org-a.test\r\nConnection: close\r\n\
         Content-Type: application/didcomm-encrypted+json\r\nContent-Length: {}\r\n\r\n{envelope}",
        envelope.len()
    );
    let answer = String::from_utf8(http(wire, request.as_bytes()).await).unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn key_of(party: &Party) -> (DidUrl, Hop) {
    let (kid, key) = agreement_targets(party.document()).remove(0);
    (kid.clone(), Hop::new(kid, key))
}

async fn let_in(side: &Side, peer: &Party) {
    let grant = CreateGrant {
        agent: "aria".into(),
        peer: peer.did().to_string(),
        they_may_send: vec![REQUEST.into()],
        we_may_send: vec![REQUEST.into()],
        until: None,
        deniable: true,
        untimed: false,
        ..Default::default()
    };
    side.core()
        .create_grant(&Operator::local(), grant)
        .await
        .unwrap();
}

fn reachable_at(endpoint: Value) -> Party {
    let service = json!({"type": "DIDCommMessaging", "serviceEndpoint": endpoint});
    Party::generate_peer(Curve::Ed25519, Curve::X25519, &[service]).unwrap()
}

#[tokio::test]
async fn what_goes_to_somebody_behind_two_mediators_is_wrapped_for_both() {
    let (address, mut seen) = mailbox().await;
    let (mut place, _) = places();
    let host = Host::new("mediator.test", None).unwrap();
    place.map.push((host, address));
    let aria = Side::new(&place, "aria").await;
    // The endpoint is a mediator's DID, and another one stands behind it.
    let gate = reachable_at(json!({"uri": "http://mediator.test/"}));
    let inner = Party::generate_key(Curve::P256).unwrap();
    let carla = reachable_at(json!({"uri": gate.did(), "routingKeys": [key_of(&inner).0]}));
    let_in(&aria, &carla).await;

    let message = aria
        .send(carla.did().as_str(), REQUEST, json!({"rows": 3}))
        .await;
    let envelope = tokio::time::timeout(LONG, seen.recv())
        .await
        .unwrap()
        .unwrap();
    let options = UnpackOptions::default();
    let outer = gate.unpack(&envelope, &options).unwrap();
    assert_eq!(outer.author(), None);
    let outer = Forwarded::read(&outer.plaintext).unwrap();
    assert_eq!(outer.next, key_of(&inner).0);
    let forwarded = inner.unpack(&outer.payloads[0], &options).unwrap();
    let forwarded = Forwarded::read(&forwarded.plaintext).unwrap();
    assert_eq!(forwarded.next.as_str(), carla.did().as_str());

    let document = arias_document(place.wire).await;
    let received = carla.unpack_with(&forwarded.payloads[0], &options, &|did| {
        (did == document.id()).then(|| Arc::clone(&document))
    });
    let received = received.unwrap();
    assert_eq!(received.author().unwrap().as_str(), ARIA);
    assert_eq!(received.plaintext.body["rows"], 3);
    common::eventually(async || {
        let shown = aria
            .core()
            .show(&aria.caller, &message.id, None, LONG)
            .await;
        shown.unwrap().state == "sent"
    })
    .await;
}

#[tokio::test]
async fn what_a_mediator_wrapped_once_more_is_unwrapped() {
    let (place, _) = places();
    let aria = Side::new(&place, "aria").await;
    let carla = reachable_at(json!({"uri": "didcomm:transport/queue"}));
    let_in(&aria, &carla).await;
    let document = arias_document(place.wire).await;
    let mut message = Plaintext::of_type(REQUEST).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    message.created_time = Some(now.as_secs());
    message.body.insert("rows".into(), 3.into());
    let packed = carla
        .pack(&message, &document, Protection::Authcrypted)
        .unwrap();

    let endpoint = document.didcomm_endpoints().next().unwrap();
    let mut route = Route::find(endpoint, &|_| None).unwrap();
    let (kid, key) = agreement_targets(&document).remove(0);
    route.hops.push(Hop::new(kid, key));
    let wrapped = route
        .wrap(&SystemEntropy, document.id(), packed, Enc::A256Gcm, None)
        .unwrap();
    assert_eq!(deliver(place.wire, &wrapped).await, "HTTP/1.1 202 Accepted");
    let delivery = aria.lease_one().await;
    assert_eq!(delivery.message["body"]["rows"], 3);
    assert_eq!(delivery.message["from"], carla.did().as_str());
}

#[tokio::test]
async fn nothing_is_fetched_for_the_token_of_a_rotation() {
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut place, _) = places();
    let host = Host::new("victim.test", None).unwrap();
    place.map.push((host, victim.local_addr().unwrap()));
    let aria = Side::new(&place, "aria").await;
    let carla = reachable_at(json!({"uri": "didcomm:transport/queue"}));
    let_in(&aria, &carla).await;
    let document = arias_document(place.wire).await;

    let prior = Did::parse("did:web:victim.test:carla").unwrap();
    let key = SigningKey::generate(&SystemEntropy);
    let kid = prior.with_fragment("key").unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = rotation_input(&prior, Some(carla.did()), &kid, key.algorithm(), now);
    let signature = key.sign(token.octets());
    let mut message = Plaintext::of_type(REQUEST).unwrap();
    message.created_time = Some(now);
    message.from_prior = Some(token.into_compact(&signature));
    let packed = carla
        .pack(&message, &document, Protection::Authcrypted)
        .unwrap();
    // She is let in as who she is now; whom she says to have been opens and closes nothing.
    assert_eq!(deliver(place.wire, &packed).await, "HTTP/1.1 202 Accepted");
    assert_eq!(aria.lease_one().await.message["from"], carla.did().as_str());
    // And a letter from nobody with such a token is refused without a look at it.
    message.from = Some(carla.did().clone());
    message.to = vec![document.id().clone()];
    let anonymous = comity_didcomm::anoncrypt(
        &SystemEntropy,
        &document,
        Enc::A256Gcm,
        message.to_octets(),
        comity_didcomm::media_type::ENCRYPTED,
    );
    let answer = deliver(place.wire, &anonymous.unwrap()).await;
    assert_eq!(answer, "HTTP/1.1 400 Bad Request");
    let called = tokio::time::timeout(Duration::from_millis(200), victim.accept()).await;
    assert!(called.is_err(), "somebody asked for the prior document");
}
