//! The bundle file: what somebody hands to a verifier who trusts nobody. Made by a node, and bent in
//! every way.

use crate::toolkit::chaos::{duplicated, flips, nested, substitutions, truncations};
use crate::toolkit::{Chaos, Scene};
use comity_record::{Anchor, Report, Verdict, verify};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A bundle of the friend's thread with Bruno, and the anchors that somebody may have of the two.
async fn exported() -> (Vec<u8>, Vec<Anchor>) {
    let scene = Scene::new().await;
    let message = scene.good();
    let answer = scene
        .line()
        .await
        .envelope(&scene.friend.send(&scene.bruno, &message))
        .await;
    assert_eq!(answer.status, 202);
    let delivery = scene.lease("bruno").await.unwrap();
    scene.done("bruno", &delivery).await;
    scene.rows().await;
    let bundle = scene
        .core()
        .export(message["id"].as_str().unwrap())
        .await
        .unwrap();
    let kid = scene.bruno.id().with_fragment("key-1").unwrap();
    let key = scene
        .bruno
        .key(&kid, comity_did::Relationship::Authentication)
        .unwrap();
    let anchors = vec![
        Anchor::key(scene.bruno.id().clone(), key),
        Anchor::key(scene.friend.did.clone(), scene.friend.signing.public()),
    ];
    (bundle, anchors)
}

/// What a report says, without what no verdict rests on.
fn said(report: &Report) -> Value {
    let mut said = serde_json::to_value(report).unwrap();
    if let Value::Object(members) = &mut said {
        // What only the file says, and is shown as such.
        for name in ["made_at", "documents", "thread"] {
            members.remove(name);
        }
    }
    said
}

fn proved(octets: &[u8], anchors: &[Anchor]) -> Option<Value> {
    let report = verify(octets, anchors);
    (report.verdict == Verdict::Proved).then(|| said(&report))
}

/// Bent octets: the verdict is *broken*, or the bundle says exactly what it said before. Never does
/// it prove anything else.
#[tokio::test(flavor = "multi_thread")]
async fn no_bent_bundle_proves_anything_that_the_good_one_does_not() {
    let (bundle, anchors) = exported().await;
    let good =
        proved(&bundle, &anchors).expect("the node's own bundle is proved to who has both keys");
    let (chaos, start) = (Chaos::new(0xb0), Instant::now());
    for case in truncations(&bundle, 600) {
        let report = verify(&case.octets, &anchors);
        assert_eq!(report.verdict, Verdict::Broken, "{}", case.name);
    }
    for case in flips(&chaos, &bundle, 1_500) {
        if let Some(other) = proved(&case.octets, &anchors) {
            assert_eq!(other, good, "{}", case.name);
        }
    }
    let value: Value = serde_json::from_slice(&bundle).unwrap();
    for (name, bent) in substitutions(&value) {
        if let Some(other) = proved(bent.to_string().as_bytes(), &anchors) {
            // Whatever is left out is not shown; what is shown was shown before.
            let less = |name: &str| {
                other[name].as_array().map_or(0, Vec::len)
                    <= good[name].as_array().map_or(0, Vec::len)
            };
            assert!(
                ["messages", "receipts", "entries", "logs"]
                    .iter()
                    .all(|name| less(name)),
                "{name}"
            );
            assert_eq!(other["identities"], good["identities"], "{name}");
        }
    }
    let object = value.as_object().unwrap();
    for (name, text) in duplicated(object) {
        assert_eq!(
            verify(text.as_bytes(), &anchors).verdict,
            Verdict::Broken,
            "{name}"
        );
    }
    for depth in [33, 100, 1_000, 100_000] {
        for text in nested(object, "x", depth) {
            assert_eq!(
                verify(text.as_bytes(), &anchors).verdict,
                Verdict::Broken,
                "depth {depth}"
            );
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

/// Bombs: many values, many tiny members, a file of 64 MiB. Refused quickly, with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn bundles_made_to_exhaust_a_verifier_are_refused_in_time() {
    let (bundle, anchors) = exported().await;
    let good = proved(&bundle, &anchors).unwrap();
    let value: Value = serde_json::from_slice(&bundle).unwrap();
    let mut bombs: Vec<Vec<u8>> = Vec::new();
    for member in [
        "messages",
        "receipts",
        "entries",
        "checkpoints",
        "documents",
    ] {
        let one = value[member]
            .as_array()
            .and_then(|list| list.first())
            .cloned()
            .unwrap_or(json!({}));
        let mut many = value.clone();
        many[member] = vec![one; 4_000].into();
        bombs.push(many.to_string().into_bytes());
        many[member] = vec![Value::Null; 1_000_000].into();
        bombs.push(many.to_string().into_bytes());
    }
    bombs.push(vec![b' '; comity_record::bundle::MAX_BUNDLE_BYTES + 1]);
    bombs.push(vec![b'['; 8 * 1024 * 1024]);
    for bomb in bombs {
        let start = Instant::now();
        // Said four thousand times, it is still what the good one says, if it is anything.
        if let Some(said) = proved(&bomb, &anchors) {
            let digests = |said: &Value| -> Vec<Value> {
                said["messages"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one["digest"].clone())
                    .collect()
            };
            assert_eq!(digests(&said), digests(&good));
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{} octets: {:?}",
            bomb.len(),
            start.elapsed()
        );
    }
}

/// Nothing in the file is an anchor: without those of the verifier, or with others, nothing is
/// proved.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_proves_nothing_to_who_has_other_keys() {
    let (bundle, anchors) = exported().await;
    assert_ne!(verify(&bundle, &[]).verdict, Verdict::Proved);
    for anchor in &anchors {
        assert_ne!(
            verify(&bundle, std::slice::from_ref(anchor)).verdict,
            Verdict::Proved
        );
    }
    for seed in 0..20 {
        let key = comity_jose::SigningKey::from_secret(
            comity_jose::Curve::Ed25519,
            &Chaos::new(seed).octets(32),
        );
        let Anchor::Key { did, .. } = &anchors[0] else {
            panic!()
        };
        let wrong = vec![
            Anchor::key(did.clone(), key.unwrap().public()),
            anchors[1].clone(),
        ];
        assert_ne!(verify(&bundle, &wrong).verdict, Verdict::Proved);
    }
}
