//! From a service endpoint to the octets that are sent, and back through every hop.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

use std::collections::HashMap;
use std::sync::Arc;

use comity_didcomm::did::{Did, DidDocument, DidUrl, Endpoint};
use comity_didcomm::jose::jwe::Enc;
use comity_didcomm::jose::{Curve, SystemEntropy};
use comity_didcomm::protocols::routing::{Forwarded, Route, RouteError};
use comity_didcomm::{
    Layer, Party, Plaintext, Protection, UnpackError, UnpackOptions, agreement_targets,
};
use serde_json::json;

/// Mediators, and what is found of them.
#[derive(Default)]
struct Net(HashMap<Did, Arc<DidDocument>>);

impl Net {
    fn find(&self, endpoint: &Endpoint) -> Result<Route, RouteError> {
        Route::find(endpoint, &|did| self.0.get(did).cloned())
    }

    /// A did:web with one endpoint, the keys of `party`.
    fn publish(&mut self, did: &str, party: &Party, service: serde_json::Value) -> Did {
        let key = party.agreement_keys()[0].public().to_multikey();
        let document = json!({
            "id": did,
            "keyAgreement": [{"id": "#agree", "type": "Multikey", "controller": did, "publicKeyMultibase": key}],
            "service": [{"id": "#didcomm", "type": "DIDCommMessaging", "serviceEndpoint": service}],
        });
        let did = Did::parse(did).unwrap();
        let document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
        self.0.insert(did.clone(), Arc::new(document));
        did
    }
}

fn mediator() -> Party {
    Party::generate_key(Curve::X25519).unwrap()
}

fn reachable(uri: &str, routing_keys: &[&DidUrl]) -> (Party, Endpoint) {
    let service = json!({"type": "DIDCommMessaging",
        "serviceEndpoint": {"uri": uri, "routingKeys": routing_keys}});
    let party = Party::generate_peer(Curve::Ed25519, Curve::X25519, &[service]).unwrap();
    let endpoint = party.document().didcomm_endpoints().next().unwrap().clone();
    (party, endpoint)
}

fn key_of(party: &Party) -> DidUrl {
    agreement_targets(party.document()).remove(0).0
}

fn sealed(to: &Party) -> String {
    let aria = Party::generate_key(Curve::Ed25519).unwrap();
    let mut message = Plaintext::of_type("https://example.org/hello/1.0/hello").unwrap();
    message.body.insert("rows".into(), 3.into());
    aria.pack(&message, to.document(), Protection::default())
        .unwrap()
}

#[test]
fn a_message_takes_every_hop_in_the_order_of_the_document() {
    let (first, second) = (mediator(), mediator());
    let keys = [&key_of(&first), &key_of(&second)];
    let (bruno, endpoint) = reachable("https://m.example/didcomm", &keys);
    let route = Net::default().find(&endpoint).unwrap();
    assert_eq!(route.uri, "https://m.example/didcomm");
    let names: Vec<&DidUrl> = route.hops.iter().map(|hop| &hop.name).collect();
    assert_eq!(names, keys);

    let inner = sealed(&bruno);
    let wrapped = route.wrap(
        &SystemEntropy,
        bruno.did(),
        inner.clone(),
        Enc::A256CbcHs512,
        Some(1_800_000_000),
    );
    let mut envelope = wrapped.unwrap().into_bytes();
    let nexts = [key_of(&second), bruno.did().clone().into()];
    for (hop, next) in [&first, &second].into_iter().zip(nexts) {
        let received = hop.unpack(&envelope, &UnpackOptions::default()).unwrap();
        assert_eq!(received.author(), None);
        assert_eq!(received.plaintext.expires_time, Some(1_800_000_000));
        let forwarded = Forwarded::read(&received.plaintext).unwrap();
        assert_eq!(forwarded.next, next);
        envelope = forwarded.payloads.into_iter().next().unwrap();
    }
    assert_eq!(envelope, inner.as_bytes());
    let received = bruno.unpack(&envelope, &UnpackOptions::default()).unwrap();
    assert_eq!(received.plaintext.body["rows"], 3);
}

#[test]
fn the_keys_of_an_endpoint_that_is_a_did_come_before_the_listed_ones() {
    let (gate, listed) = (mediator(), mediator());
    let mut net = Net::default();
    let service = json!({"uri": "https://gate.example/didcomm"});
    let did = net.publish("did:web:gate.example", &gate, service);
    let (_, endpoint) = reachable(did.as_str(), &[&key_of(&listed)]);
    assert_eq!(
        Route::dids(&endpoint),
        [did.clone(), key_of(&listed).did().clone()]
    );
    let route = net.find(&endpoint).unwrap();
    assert_eq!(route.uri, "https://gate.example/didcomm");
    let names: Vec<&str> = route.hops.iter().map(|hop| hop.name.as_str()).collect();
    assert_eq!(names, [did.as_str(), key_of(&listed).as_str()]);

    // The same key listed again is not wrapped for twice.
    let key = DidUrl::parse("did:web:gate.example#agree").unwrap();
    let (_, endpoint) = reachable(did.as_str(), &[&key]);
    let route = net.find(&endpoint).unwrap();
    assert_eq!(route.hops.len(), 1);
    assert_eq!(route.hops[0].name, key);
}

#[test]
fn one_step_is_followed_and_no_more() {
    let mut net = Net::default();
    let inner = json!({"uri": "https://inner.example"});
    net.publish("did:web:inner.example", &mediator(), inner);
    let service = json!({"uri": "did:web:inner.example"});
    let outer = net.publish("did:web:outer.example", &mediator(), service);
    let (_, endpoint) = reachable(outer.as_str(), &[]);
    assert_eq!(
        net.find(&endpoint),
        Err(RouteError::Mediator { did: outer })
    );
}

#[test]
fn a_way_that_leads_nowhere_is_an_error_with_a_name() {
    let net = Net::default();
    let (_, queue) = reachable("didcomm:transport/queue", &[]);
    assert_eq!(net.find(&queue), Err(RouteError::Queue));
    let unknown = DidUrl::parse("did:web:nowhere.example#key").unwrap();
    let (_, endpoint) = reachable("https://m.example", &[&unknown]);
    let did = unknown.did().clone();
    assert_eq!(net.find(&endpoint), Err(RouteError::Unresolved { did }));
    // A key that signs does not route.
    let signer = Party::generate_key(Curve::Ed25519).unwrap();
    let multikey = signer.did().method_specific_id();
    let key = signer.did().with_fragment(multikey).unwrap();
    let (_, endpoint) = reachable("https://m.example", &[&key]);
    assert_eq!(net.find(&endpoint), Err(RouteError::Key { key }));
}

#[test]
fn a_mediator_may_wrap_a_message_once_more_for_its_recipient() {
    let (bruno, endpoint) = reachable("https://m.example", &[]);
    let me = DidUrl::from(bruno.did().clone());
    let mut route = Net::default().find(&endpoint).unwrap();
    let hop = comity_didcomm::protocols::routing::Hop::new(
        key_of(&bruno),
        bruno.agreement_keys()[0].public().clone(),
    );
    let wrap = |times: usize, route: &mut Route| {
        route.hops = vec![hop.clone(); times];
        let wrapped = route.wrap(
            &SystemEntropy,
            bruno.did(),
            sealed(&bruno),
            Enc::A256Gcm,
            None,
        );
        bruno.unpack(wrapped.unwrap().as_bytes(), &UnpackOptions::default())
    };
    let received = wrap(1, &mut route).unwrap();
    assert_eq!(received.plaintext.body["rows"], 3);
    assert!(received.author().is_some());
    assert!(matches!(
        received.layers.as_slice(),
        [
            Layer::Anoncrypt { .. },
            Layer::Forward { next },
            Layer::Anoncrypt { .. },
            Layer::Signed { .. }
        ] if *next == me
    ));
    assert!(wrap(4, &mut route).is_ok());
    assert!(matches!(wrap(5, &mut route), Err(UnpackError::Nesting)));
}

#[test]
fn what_is_remarkable_about_a_wrapping_says_nothing_of_the_message_in_it() {
    let (bruno, endpoint) = reachable("https://m.example", &[]);
    let mut route = Net::default().find(&endpoint).unwrap();
    let (kid, key) = agreement_targets(bruno.document()).remove(0);
    route.hops = vec![comity_didcomm::protocols::routing::Hop::new(kid, key)];
    let wrapped = route.wrap(
        &SystemEntropy,
        bruno.did(),
        sealed(&bruno),
        Enc::A256Gcm,
        Some(1),
    );
    let options = UnpackOptions::at(1_800_000_000);
    let received = bruno.unpack(wrapped.unwrap().as_bytes(), &options);
    assert_eq!(received.unwrap().warnings, []);
}

#[test]
fn a_malformed_forward_to_somebody_else_is_for_its_mediator_to_refuse() {
    let gate = mediator();
    let forward = |next: &Did| {
        let message = json!({"id": "1", "type": "https://didcomm.org/routing/2.0/forward",
            "body": {"next": next}, "attachments": []});
        comity_didcomm::anoncrypt(
            &SystemEntropy,
            gate.document(),
            Enc::A256Gcm,
            message.to_string().into_bytes(),
            comity_didcomm::media_type::ENCRYPTED,
        )
        .unwrap()
    };
    let options = UnpackOptions::default();
    let other = Did::parse("did:example:bruno").unwrap();
    let received = gate.unpack(forward(&other).as_bytes(), &options).unwrap();
    assert!(Forwarded::read(&received.plaintext).is_err());
    let refused = gate.unpack(forward(gate.did()).as_bytes(), &options);
    assert!(matches!(refused, Err(UnpackError::Forward(_))));
}
