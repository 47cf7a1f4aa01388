//! Keys that changed behind a grant: it goes on with those that an operator compared, and no others.

use crate::documents;
use crate::toolkit::{Identity, REQUEST, Scene, letter};
use comity_node::journey::Operator;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_grant_goes_on_with_the_keys_that_were_compared_and_no_others() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let (old, mut new) = (
        Identity::web("evil.test", "moved", 700),
        Identity::web("evil.test", "moved", 701),
    );
    new.kid = new.did.with_fragment("key-3").unwrap();
    let served = documents::document(&new)
        .to_string()
        .replace("#key-1", "#key-3");
    scene.lair.serve(&old);
    scene.befriend(&old).await;
    scene.lair.serve_octets("moved", served.as_bytes());
    let sent = |from: &Identity| {
        let message = letter(&from.did, scene.bruno.id(), REQUEST, scene.now(), json!({}));
        from.send(&scene.bruno, &message)
    };
    line.envelope(&sent(&new)).await;
    let grant = || async {
        let grants = scene.core().grants(true).await.unwrap();
        let mine = grants.into_iter().find(|row| row.peer == old.did.as_str());
        mine.unwrap()
    };
    let suspended = grant().await;
    assert_eq!(suspended.state, "suspended");

    let by = Operator::local();
    let shown = scene.core().suspended(&suspended.id).await.unwrap();
    assert_ne!(shown.was, shown.now);
    for stale in [suspended.id.as_str(), "uEiA", ""] {
        let refused = scene.core().resume(&by, &suspended.id, stale).await;
        assert!(refused.is_err(), "{stale} was never shown");
    }
    assert_eq!(grant().await.state, "suspended");
    let resumed = scene
        .core()
        .resume(&by, &suspended.id, &shown.approval)
        .await
        .unwrap();
    assert_eq!(resumed.state, "active");

    // The new keys get through, the old ones do not any more.
    assert_eq!(line.envelope(&sent(&new)).await.status, 202);
    let delivery = scene.lease("bruno").await.unwrap();
    assert_eq!(delivery.message["from"], old.did.as_str());
    scene.done("bruno", &delivery).await;
    line.envelope(&sent(&old)).await;
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
    let again = scene
        .core()
        .resume(&by, &suspended.id, &shown.approval)
        .await;
    assert!(again.is_err(), "what goes on already is not resumed");
}
