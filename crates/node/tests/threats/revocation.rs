//! Grants that end or lose their ground while mail comes in: keys that change behind them, and an
//! operator who revokes.

use crate::documents;
use crate::toolkit::{Identity, Line, REQUEST, Scene, UPDATE, letter};
use comity_api::agent::{Send, Settlement};
use comity_node::journey::Operator;
use serde_json::json;
use std::time::Duration;

/// Keys that change behind a grant: nothing passes until an operator decides, whichever message
/// shows the change first, and the old keys do not help either.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_other_keys_suspends_the_grant() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    for (seed, first) in [
        (400, REQUEST),
        (410, "https://didcomm.org/trust-ping/2.0/ping"),
    ] {
        let name = format!("turncoat-{seed}");
        let old = Identity::web("evil.test", &name, seed);
        let mut new = Identity::web("evil.test", &name, seed + 1);
        // A key of another id makes the node look again at once; one of the same id is refused
        // until it looks by itself.
        new.kid = new.did.with_fragment("key-3").unwrap();
        let served = String::from_utf8(documents::document(&new).to_string().into_bytes()).unwrap();
        let served = served.replace("#key-1", "#key-3");
        scene.lair.serve(&old);
        scene.befriend(&old).await;
        let message = scene.good_from(&old);
        assert_eq!(
            line.envelope(&old.send(&scene.bruno, &message))
                .await
                .status,
            202
        );
        scene
            .done("bruno", &scene.lease("bruno").await.unwrap())
            .await;
        let octets = old.send(&scene.bruno, &scene.good_from(&old));
        assert_eq!(line.envelope(&octets).await.status, 202);
        let leased = scene.lease("bruno").await.unwrap();
        // The host changes hands.
        scene.lair.serve_octets(&name, served.as_bytes());
        let message = letter(&new.did, scene.bruno.id(), first, scene.now(), json!({}));
        let answer = line.envelope(&new.send(&scene.bruno, &message)).await;
        assert!(
            [202, 400].contains(&answer.status) && answer.body.is_empty(),
            "{first}: {answer:?}"
        );
        let state = |grants: Vec<comity_api::operator::Grant>| {
            grants
                .into_iter()
                .find(|row| row.peer == old.did.as_str())
                .unwrap()
                .state
        };
        assert_eq!(
            state(scene.core().grants(true).await.unwrap()),
            "suspended",
            "{first}"
        );
        let caller = scene.caller("bruno").await;
        let (delivery, lease) = (&leased.delivery, &leased.lease);
        let extended = scene.core().extend(&caller, delivery, lease, 60).await;
        assert_eq!(extended.unwrap_err().code, "e.m.req.lease-lost");
        for identity in [&new, &old] {
            for type_ in [REQUEST, UPDATE] {
                let mut message = scene.good_from(identity);
                message["type"] = type_.into();
                let answer = line.envelope(&identity.send(&scene.bruno, &message)).await;
                assert!([202, 400].contains(&answer.status), "{answer:?}");
            }
        }
        assert_eq!(
            scene.lease_within("bruno", Duration::ZERO).await,
            None,
            "{first}"
        );
        let send = Send {
            to: Some(old.did.to_string()),
            type_: REQUEST.into(),
            body: json!({}),
            ..Send::default()
        };
        let out = scene.submit("bruno", send).await;
        assert!(["held", "refused"].contains(&out.state.as_str()), "{out:?}");
        assert_ne!(
            out.waiting_on.as_deref(),
            Some("grant"),
            "it waits for our operator: {out:?}"
        );
    }
    scene.still_serves().await;
}

/// Mail comes in from many connections while the operator revokes. After the revocation's commit no
/// message of it is handed out, whatever the peer was told before.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_out_after_a_revocation_that_races_with_mail() {
    let scene = Scene::new().await;
    for round in 0..6 {
        let peer = Identity::web("evil.test", &format!("racer-{round}"), 500 + round);
        scene.lair.serve(&peer);
        let grant = scene.befriend(&peer).await;
        let envelopes: Vec<Vec<u8>> = (0..60)
            .map(|_| peer.send(&scene.bruno, &scene.good_from(&peer)))
            .collect();
        let mut racing = tokio::task::JoinSet::new();
        for part in envelopes.chunks(10) {
            let (part, wire) = (part.to_vec(), scene.wire);
            racing.spawn(async move {
                let mut line = Line::tcp(wire).await;
                for envelope in part {
                    let answer = line.envelope(&envelope).await;
                    assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(3 * round)).await;
        let first = scene.lease_within("bruno", Duration::ZERO).await;
        scene
            .core()
            .revoke(&Operator::local(), &grant)
            .await
            .unwrap();
        assert_eq!(
            scene.lease_within("bruno", Duration::ZERO).await,
            None,
            "round {round}"
        );
        while let Some(done) = racing.join_next().await {
            done.unwrap();
        }
        assert_eq!(
            scene.lease_within("bruno", Duration::ZERO).await,
            None,
            "round {round}"
        );
        if let Some(leased) = first {
            let settlement = Settlement {
                delivery: leased.delivery,
                lease: leased.lease,
                outcome: "done".into(),
                ..Default::default()
            };
            let caller = scene.caller("bruno").await;
            let problem = scene.core().settle(&caller, settlement).await.unwrap_err();
            assert_eq!(problem.code, "e.m.req.lease-lost");
        }
        // Each message has one story: accepted and ended, or refused.
        scene.rows().await;
        let entries = scene.entries_after(0).await;
        let about = |kind: &str| {
            let from = peer.did.as_str();
            entries
                .iter()
                .filter(|entry| entry.kind == kind)
                .filter(|entry| entry.record.as_ref().unwrap()["from"] == from)
                .count()
        };
        assert_eq!(about("message-in") + about("refused"), 60, "round {round}");
    }
    let open: u64 = scene
        .core()
        .status()
        .await
        .unwrap()
        .inbox
        .iter()
        .filter(|(state, _)| state != "settled")
        .map(|(_, count)| count)
        .sum();
    assert_eq!(open, 0, "unsettled mail of ended grants");
}
