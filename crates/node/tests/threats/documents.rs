//! Hostile DID documents and the servers behind them, as the wire meets them. What an address, a
//! redirect, a certificate or a dawdling server can do is shown beside the connector itself
//! (`src/resolve/tests`); here is what a document can.

use crate::toolkit::chaos::{duplicated, flips, nested, substitutions, truncations};
use crate::toolkit::{BRUNO, Case, Chaos, Identity, Scene};
use serde_json::{Value, json};
use std::time::Duration;

/// A stranger's host may serve whatever it likes: noise, bombs, halves, other people's documents.
/// His knock is refused as if he had none, and nothing is kept of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_none_lets_nobody_knock() {
    let scene = Scene::new().await;
    let (chaos, template) = (Chaos::new(8), Identity::web("evil.test", "template", 900));
    let octets = template.document.octets().to_vec();
    let octets = if octets.is_empty() {
        document(&template).to_string().into_bytes()
    } else {
        octets
    };
    let object = serde_json::from_slice::<Value>(&octets).unwrap();
    let object = object.as_object().unwrap();
    let mut bodies: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        ("html".into(), b"<html>".to_vec()),
        ("noise".into(), chaos.octets(3_000)),
        (
            "a large one".into(),
            format!("{{\"x\":\"{}\"}}", "y".repeat(200_000)).into_bytes(),
        ),
        (
            "many values".into(),
            format!("{{\"x\":[{}0]}}", "0,".repeat(30_000)).into_bytes(),
        ),
    ];
    bodies.extend(
        truncations(&octets, 12)
            .into_iter()
            .step_by(9)
            .map(|case| (case.name, case.octets)),
    );
    bodies.extend(
        duplicated(object)
            .into_iter()
            .map(|(name, text)| (name, text.into_bytes())),
    );
    for depth in [33, 1_000, 20_000] {
        for text in nested(object, "x", depth) {
            bodies.push((format!("depth {depth}"), text.into_bytes()));
        }
    }
    let keys = flips(
        &chaos,
        template.signing.public().to_multikey().as_bytes(),
        4,
    );
    for case in keys.into_iter().step_by(11) {
        let Ok(text) = String::from_utf8(case.octets) else {
            continue;
        };
        let mut spoiled = document(&template);
        spoiled["verificationMethod"][0]["publicKeyMultibase"] = text.into();
        bodies.push((
            format!("key with {}", case.name),
            spoiled.to_string().into_bytes(),
        ));
    }
    let mut cases = Vec::new();
    for (number, (name, body)) in (0..).zip(bodies) {
        let who = Identity::web("evil.test", &format!("s{number}"), 900);
        let body = String::from_utf8_lossy(&body)
            .replace("template", &format!("s{number}"))
            .into_bytes();
        scene.lair.serve_octets(&format!("s{number}"), &body);
        let knock = scene.knock(&who, [who.did.as_str(), BRUNO], "x");
        cases.push(Case::new(name, who.send(&scene.bruno, &knock)));
    }
    let (nothing, before) = (scene.nothing_to_know().await, scene.rows().await);
    let mut line = scene.line().await;
    let mut refused = 0;
    for case in cases {
        let answer = line.envelope(&case.octets).await;
        // 503: the strangers' lane has no place for this host now; nothing was looked up.
        assert!(
            answer == nothing || answer.status == 503,
            "{}: {answer:?}",
            case.name
        );
        refused += 1;
    }
    assert!(refused > 60, "{refused} cases");
    assert_eq!(scene.rows().await, before);
    let asked = scene
        .lair
        .asked()
        .iter()
        .filter(|line| line.contains("/s"))
        .count();
    assert!(asked <= 20, "one host made the node fetch {asked} times");
    scene.still_serves().await;
}

/// The text of an identity's document, whether it keeps its octets or not.
pub fn document(identity: &Identity) -> Value {
    let (did, signing, agreement) = (
        &identity.did,
        identity.signing.public(),
        identity.agreement.public(),
    );
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [
            {"id": format!("{did}#key-1"), "type": "Multikey", "controller": did,
             "publicKeyMultibase": signing.to_multikey()},
            {"id": format!("{did}#key-2"), "type": "Multikey", "controller": did,
             "publicKeyMultibase": agreement.to_multikey()},
        ],
        "authentication": [format!("{did}#key-1")],
        "keyAgreement": [format!("{did}#key-2")],
        "service": [{"id": format!("{did}#didcomm"), "type": "DIDCommMessaging",
            "serviceEndpoint": {"uri": "https://evil.test/didcomm", "accept": ["didcomm/v2"]}}],
    })
}

/// Documents of a granted peer that are bent after the grant: none lets anything through, and a
/// proper one afterwards does. Operators are asked only where the keys really changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_granted_peers_bent_document_lets_nothing_through() {
    let scene = Scene::new().await;
    let peer = Identity::web("evil.test", "bent", 950);
    scene
        .lair
        .serve_octets("bent", document(&peer).to_string().as_bytes());
    scene.befriend(&peer).await;
    let other = Identity::key(951);
    let mut line = scene.line().await;
    for (_, bent) in substitutions(&document(&peer)).into_iter().step_by(23) {
        scene.lair.serve_octets("bent", bent.to_string().as_bytes());
        // A key that the document at hand does not know makes the node look again.
        let mut forger = peer.clone();
        forger.kid = peer.did.with_fragment("key-9").unwrap();
        forger.signing = other.signing.clone();
        let answer = line
            .envelope(&forger.send(&scene.bruno, &scene.good_from(&peer)))
            .await;
        assert!(
            answer.body.is_empty() && [400, 202].contains(&answer.status),
            "{answer:?}"
        );
        scene.clock.advance(Duration::from_secs(61));
    }
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
    scene.still_serves().await;
}

/// Endpoints that lead inwards: where a peer says its mail goes, the node does not go.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_leads_inwards_is_never_connected_to() {
    let scene = Scene::new().await;
    let inside = crate::toolkit::Lair::new().await;
    for (seed, uri) in (960..).zip([
        format!("http://{}/didcomm", inside.address),
        format!("https://{}/didcomm", inside.address),
        format!("https://localhost:{}/didcomm", inside.address.port()),
        format!("https://[::1]:{}/didcomm", inside.address.port()),
        format!("https://127.1:{}/didcomm", inside.address.port()),
        format!("https://2130706433:{}/didcomm", inside.address.port()),
        format!(
            "https://user:pass@evil.test:{}/didcomm",
            inside.address.port()
        ),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        format!(
            "https://agents.org-b.test:{}/didcomm",
            inside.address.port()
        ),
        "file:///etc/passwd".to_owned(),
        "unix:///run/comity/operator.sock".to_owned(),
    ]) {
        let peer = Identity::peer(seed, Some(&uri));
        let knock = scene.knock(&peer, [peer.did.as_str(), BRUNO], "x");
        let answer = scene
            .line()
            .await
            .envelope(&peer.send(&scene.bruno, &knock))
            .await;
        if answer.status == 503 {
            scene.clock.advance(Duration::from_secs(3_600));
            continue;
        }
        assert_eq!(answer.status, 202, "{uri}");
        // Even approved: the welcome finds no way there.
        scene.approve(&scene.pending(&peer).await).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(inside.asked(), Vec::<String>::new());
    scene.still_serves().await;
}
