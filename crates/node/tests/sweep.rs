//! A revocation with more mail on it than one unit of work takes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::Message;
use comity_node::journey::Operator;
use common::{ARIA, BRUNO, REQUEST, Side, UPDATE, acquainted, eventually};
use serde_json::json;
use std::time::Duration;

/// More than two pages.
const MANY: usize = 600;

async fn state(side: &Side, message: &Message) -> String {
    let shown = side
        .core()
        .show(&side.caller, &message.id, None, Duration::ZERO);
    shown.await.unwrap().state
}

#[tokio::test]
async fn it_holds_at_once_and_every_row_says_so_in_time_though_the_node_stops_meanwhile() {
    let (place_a, place_b, aria, bruno) = acquainted().await;
    let mut theirs = Vec::new();
    for n in 0..MANY {
        theirs.push(bruno.send(ARIA, UPDATE, json!({"n": n})).await);
    }
    eventually(async || state(&bruno, &theirs[MANY - 1]).await == "received").await;
    bruno.node.stop().await;
    let mut ours = Vec::new();
    for n in 0..MANY {
        ours.push(aria.send(BRUNO, REQUEST, json!({"n": n})).await);
    }
    let grants = aria.core().grants(false).await.unwrap();
    aria.core()
        .revoke(&Operator::local(), &grants[0].id)
        .await
        .unwrap();
    let leased = aria.core().lease(&aria.caller, 8, Duration::ZERO).await;
    assert!(leased.unwrap().is_empty(), "it holds for every delivery");
    aria.node.stop().await;
    let aria = Side::new(&place_a, "aria").await;
    eventually(async || state(&aria, &ours[MANY - 1]).await == "cancelled").await;
    for message in &ours {
        assert_eq!(state(&aria, message).await, "cancelled");
    }
    let bruno = Side::new(&place_b, "bruno").await;
    // Those that Bruno heard of in time are refused; he cancels what is left when he is told.
    eventually(async || {
        let last = state(&bruno, &theirs[MANY - 1]).await;
        last == "refused" || last == "cancelled"
    })
    .await;
}
