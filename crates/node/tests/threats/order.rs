//! Order, at the wire: numbers that jump, repeat or are none.

use crate::toolkit::{Chaos, Scene};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Numbers that are none: refused and recorded, never a place in the order.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_refused_and_told() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    for odd in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(u64::MAX),
        json!(1_u64 << 53),
        json!(i64::MIN),
        Value::Null,
        json!([1]),
        json!({"n": 1}),
        json!(true),
        json!(1e300),
    ] {
        let mut message = scene.good();
        message["sender_order"] = odd.clone();
        let before = scene.last_entry().await;
        let answer = line
            .envelope(&scene.friend.send(&scene.bruno, &message))
            .await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{odd}");
        let entries = scene.entries_after(before).await;
        let codes: Vec<_> = entries
            .iter()
            .map(|entry| &entry.record.as_ref().unwrap()["code"])
            .collect();
        assert_eq!(codes, ["e.p.msg.order-conflict"], "{odd}");
    }
    let mut without = scene.good();
    without.as_object_mut().unwrap().remove("sender_order");
    assert_eq!(
        line.envelope(&scene.friend.send(&scene.bruno, &without))
            .await
            .status,
        202
    );
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
    scene.still_serves().await;
}

/// A thread with random numbers: what is accepted is a gap-free row, what jumps is 409 without a
/// trace, what repeats is refused and recorded once.
#[tokio::test(flavor = "multi_thread")]
async fn jumps_leave_no_trace_and_repeats_one() {
    let scene = Scene::new().await;
    let (mut line, chaos) = (scene.line().await, Chaos::new(0x0de4));
    let mut template = scene.good();
    template["thid"] = "a-thread".into();
    let (mut last, mut accepted) = (None::<u64>, BTreeSet::new());
    for step in 0..120 {
        let near = last.unwrap_or(40);
        let order = match chaos.below(5) {
            0 => near + 1,
            1 => near + 2 + chaos.next() % 1_000,
            2 => chaos.next() % (near + 1) + 1,
            3 => (1 << 53) - 1 - chaos.next() % 3,
            _ => near.max(1),
        };
        if last.is_none() && order > 1_000 {
            continue;
        }
        let mut message = template.clone();
        message["id"] = uuid::Uuid::new_v4().to_string().into();
        message["sender_order"] = order.into();
        let before = scene.last_entry().await;
        let answer = line
            .envelope(&scene.friend.send(&scene.bruno, &message))
            .await;
        let kinds: Vec<_> = scene
            .entries_after(before)
            .await
            .into_iter()
            .map(|entry| entry.kind)
            .collect();
        match last {
            Some(before) if order > before + 1 => {
                assert_eq!(
                    (answer.status, answer.body.len()),
                    (409, 0),
                    "step {step}: {order}"
                );
                assert_eq!(kinds, Vec::<String>::new());
            }
            Some(before) if order <= before => {
                assert_eq!(answer.status, 202, "step {step}: {order}");
                assert_eq!(kinds, ["refused"], "step {step}: {order}");
            }
            _ => {
                assert_eq!(answer.status, 202, "step {step}: {order}");
                assert_eq!(kinds, ["message-in"], "step {step}: {order}");
                last = Some(order);
                accepted.insert(order);
            }
        }
    }
    let mut leased = Vec::new();
    while let Some(delivery) = scene
        .lease_within("bruno", Duration::from_millis(300))
        .await
    {
        leased.push(delivery.message["sender_order"].as_u64().unwrap());
        scene.done("bruno", &delivery).await;
    }
    assert_eq!(
        leased,
        accepted.into_iter().collect::<Vec<_>>(),
        "in order, each once"
    );
}

/// The last number there is: the thread ends there, and nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn the_highest_number_ends_its_own_thread_only() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let mut message = scene.good();
    message["sender_order"] = ((1_u64 << 53) - 1).into();
    assert_eq!(
        line.envelope(&scene.friend.send(&scene.bruno, &message))
            .await
            .status,
        202
    );
    let mut next = scene.good();
    next["thid"] = message["thid"].clone();
    for order in [1, (1_u64 << 53) - 1] {
        next["sender_order"] = order.into();
        next["id"] = uuid::Uuid::new_v4().to_string().into();
        assert_eq!(
            line.envelope(&scene.friend.send(&scene.bruno, &next))
                .await
                .status,
            202
        );
    }
    let delivery = scene.lease("bruno").await.unwrap();
    scene.done("bruno", &delivery).await;
    scene.still_serves().await;
}
