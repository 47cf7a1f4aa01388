//! Receipts that come when they cannot be taken.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_node::journey::WaitFor;
use common::{BRUNO, REQUEST, Side, acquainted, free_address};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_receipt_that_cannot_be_checked_now_is_asked_for_again() {
    let (mut place_a, _place_b, aria, bruno) = acquainted().await;
    let message = aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    aria.node.stop().await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    // A comes back and cannot reach B, and so not learn B's keys; B can reach A.
    let map = place_a.map.clone();
    place_a.map[1].1 = free_address();
    let aria = Side::new(&place_a, "aria").await;
    for _ in 0..100 {
        let tried = aria.core().status().await.unwrap().refused;
        if tried.iter().any(|(_, count)| *count > 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    aria.node.stop().await;
    place_a.map = map;
    let aria = Side::new(&place_a, "aria").await;
    let done = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(done.state, "done", "{done:?}");
}
