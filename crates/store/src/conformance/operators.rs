use super::World;
use super::samples::START;
use crate::{OperatorRow, WebhookEvent, WebhookRow, WebhookTry};
use comity_engine::role::Scope;
use comity_engine::{Role, Timestamp};
use std::time::Duration;

fn operator(name: &str, token: u8) -> OperatorRow {
    OperatorRow {
        name: name.to_owned(),
        role: Role::Approver(Scope::Only(["bruno".to_owned()].into())),
        token: Some([token; 32]),
        old_token: None,
        old_until: None,
        created: START,
        last_used: None,
    }
}

pub fn operators_are_found_by_each_of_their_tokens_and_stay_when_removed(world: &World) {
    let (dana, eli) = (operator("dana", 1), operator("eli", 2));
    let both = [eli.clone(), dana.clone()];
    world.write(move |tx| both.iter().try_for_each(|row| tx.put_operator(row)));
    assert_eq!(world.read(|tx| tx.operators()), [dana.clone(), eli.clone()]);
    let of = |token: u8| world.read(move |tx| tx.operator_of_token(&[token; 32]));
    assert_eq!(of(1), Some(dana.clone()));
    assert_eq!(of(3), None);

    let rotated = OperatorRow {
        token: Some([3; 32]),
        old_token: Some([1; 32]),
        old_until: Some(START + Duration::from_secs(60)),
        last_used: Some(START),
        ..dana
    };
    let row = rotated.clone();
    world.write(move |tx| tx.put_operator(&row));
    assert_eq!(
        (of(1), of(3)),
        (Some(rotated.clone()), Some(rotated.clone()))
    );
    assert!(rotated.lets_in(&[1; 32], START) && rotated.lets_in(&[3; 32], START));
    let later = START + Duration::from_secs(60);
    assert!(!rotated.lets_in(&[1; 32], later) && rotated.lets_in(&[3; 32], later));

    let removed = OperatorRow {
        token: None,
        old_token: None,
        ..rotated
    };
    let row = removed.clone();
    world.write(move |tx| tx.put_operator(&row));
    assert_eq!((of(1), of(3)), (None, None));
    assert!(!removed.lets_in(&[3; 32], START));
    assert_eq!(world.read(|tx| tx.operator("dana")), Some(removed));
    assert_eq!(world.read(|tx| tx.operator("zoe")), None);
}

fn webhook(id: &str) -> WebhookRow {
    WebhookRow {
        id: id.to_owned(),
        host: "https://hooks.test".to_owned(),
        sealed: "AAEC".to_owned(),
        events: vec!["knock.received".to_owned()],
        allow_private: false,
        old_until: None,
        created: START,
        failures: 0,
        failing_since: None,
        disabled: None,
        last: None,
    }
}

fn event(webhook: &str, id: &str, due: Timestamp) -> WebhookEvent {
    WebhookEvent {
        seq: 0,
        webhook: webhook.to_owned(),
        id: id.to_owned(),
        body: "{}".to_owned(),
        created: START,
        attempts: 0,
        next_attempt: due,
    }
}

pub fn webhooks_are_kept_and_take_their_events_with_them(world: &World) {
    let (a, b) = (webhook("a"), webhook("b"));
    let failed = WebhookRow {
        failures: 2,
        failing_since: Some(START),
        last: Some(WebhookTry {
            at: START,
            status: Some(503),
            error: None,
        }),
        ..b.clone()
    };
    let rows = [b, a.clone(), failed.clone()];
    world.write(move |tx| rows.iter().try_for_each(|row| tx.put_webhook(row)));
    assert_eq!(world.read(|tx| tx.webhooks()), [a, failed.clone()]);
    assert_eq!(world.read(|tx| tx.webhook("b")), Some(failed));
    world.write(|tx| {
        tx.put_webhook_event(&event("a", "1", START))?;
        tx.put_webhook_event(&event("b", "2", START))
    });
    world.write(|tx| tx.remove_webhook("a"));
    assert_eq!(world.read(|tx| tx.webhook("a")), None);
    let of = |name: &'static str| world.read(move |tx| tx.count_webhook_events(name));
    assert_eq!((of("a"), of("b")), (0, 1));
}

pub fn events_of_webhooks_are_due_in_their_time_and_order(world: &World) {
    let later = START + Duration::from_secs(10);
    let first = world.write(move |tx| {
        tx.put_webhook_event(&event("a", "late", later))?;
        let first = tx.put_webhook_event(&event("a", "first", START))?;
        tx.put_webhook_event(&event("b", "second", START))?;
        Ok(first)
    });
    let due = |now, limit| {
        let rows = world.read(move |tx| tx.due_webhook_events(now, limit));
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(due(START, 10), ["first", "second"]);
    assert_eq!(due(later, 10), ["first", "second", "late"]);
    assert_eq!(due(later, 1), ["first"]);
    assert_eq!(world.read(|tx| tx.next_webhook_event()), Some(START));

    let again = WebhookEvent {
        seq: first,
        attempts: 1,
        ..event("a", "first", later + Duration::from_secs(1))
    };
    let kept = world.write(move |tx| tx.put_webhook_event(&again));
    assert_eq!(kept, first, "an event keeps its place");
    assert_eq!(due(later, 10), ["second", "late"]);
    world.write(move |tx| tx.remove_webhook_event(first));
    assert_eq!(due(later + Duration::from_secs(9), 10), ["second", "late"]);
}
