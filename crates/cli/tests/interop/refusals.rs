//! What the client does not get, and what it learns of that.

use crate::world::{ARIA, World, text, text_in};
use crate::{AUTHCRYPT, PING, QUERIES, REPORT, SIGNED};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_grant_gets_the_answer_that_noise_gets() {
    let Some(mut world) = World::strangers().await else {
        return;
    };
    let (refused, response) = world.client.post(ARIA, "no envelope").await;
    assert_eq!((refused, &response["text"]), (400, &json!("")));
    for protection in [
        AUTHCRYPT,
        SIGNED,
        "anoncrypt+authcrypt",
        "signed",
        "plain",
        "anoncrypt",
    ] {
        for message in everything() {
            let sent = world.client.send(protection, message).await;
            assert_eq!((sent.status, &sent.rest), (400, &response), "{protection}");
        }
    }
    assert_eq!(world.client.look().await, json!({}));
    assert!(world.leased(0).await.is_empty());
    assert!(
        world.refusals().await.is_empty(),
        "strangers write nothing into the record"
    );

    // The same client, once it is let in: what it sent before stays outside.
    world.grant(&["--deniable"]);
    world.client.send(AUTHCRYPT, text("and now?")).await;
    assert_eq!(
        world.lease().await.message["body"],
        json!({"content": "and now?"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_encrypted_or_proves_nobody_is_refused_with_a_grant_too() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let (_, response) = world.client.post(ARIA, "no envelope").await;
    for protection in ["signed", "plain", "anoncrypt"] {
        for message in everything() {
            let sent = world.client.send(protection, message).await;
            assert_eq!((sent.status, &sent.rest), (400, &response), "{protection}");
        }
    }
    world.client.send(AUTHCRYPT, text("as it should be")).await;
    assert_eq!(
        world.lease().await.message["body"],
        json!({"content": "as it should be"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_not_deniable_covers_signed_messages_only() {
    let Some(mut world) = World::strangers().await else {
        return;
    };
    world.grant(&[]);
    world.client.send(AUTHCRYPT, text("between us")).await;
    assert_eq!(world.refusals().await, ["e.p.trust.type-not-granted"]);
    let unsigned = json!({"type": PING, "to": ARIA, "body": {}, "return_route": "all"});
    let sent = world.client.send(AUTHCRYPT, unsigned.clone()).await;
    assert_eq!((sent.status, sent.reply.is_none()), (400, true));
    assert_eq!(world.client.send(SIGNED, unsigned).await.status, 200);
    world.client.send(SIGNED, text("before everybody")).await;
    let delivery = world.lease().await;
    assert_eq!(
        delivery.message["body"],
        json!({"content": "before everybody"})
    );
    assert_eq!(delivery.context.proof, "anyone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_no_grant_lists_is_refused_and_recorded() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    for (n, protection) in [AUTHCRYPT, SIGNED].into_iter().enumerate() {
        let order = json!({"type": "https://example.org/orders/1.0/order", "to": ARIA, "body": {}});
        let sent = world.client.send(protection, order).await;
        assert!(sent.reply.is_none(), "{protection}");
        let refused = vec!["e.p.trust.type-not-granted"; n + 1];
        assert_eq!(world.refusals().await, refused, "{protection}");
    }
    assert!(world.leased(0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_revocation_the_next_message_is_refused() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    world.client.send(AUTHCRYPT, text("while it lasts")).await;
    let delivery = world.lease().await;
    world.answer(&delivery, "it does").await;
    world.client.receive().await;

    let peer = world.client.did().to_owned();
    world.comity(&["grant", "revoke", &peer]);
    for (n, protection) in [AUTHCRYPT, SIGNED].into_iter().enumerate() {
        let sent = world.client.send(protection, text("once more")).await;
        assert!(sent.reply.is_none(), "{protection}");
        assert_eq!(
            world.refusals().await,
            vec!["e.p.trust.revoked"; n + 1],
            "{protection}"
        );
        let routed = json!({"type": PING, "to": ARIA, "body": {}, "return_route": "all"});
        let pinged = world.client.send(protection, routed).await;
        assert_eq!(
            (pinged.status, pinged.reply.is_none()),
            (400, true),
            "{protection}"
        );
    }
    assert!(world.leased(0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_let_in_learns_by_a_report_that_it_was_refused() {
    let Some(mut world) = World::acquainted().await else {
        return;
    };
    let peer = world.client.did().to_owned();
    world.comity(&["grant", "revoke", &peer]);
    for protection in [AUTHCRYPT, SIGNED] {
        let again = text_in("numbers", "once more");
        let sent = world.client.send(protection, again).await;
        let report = world.client.receive().await;
        report.is_proved(ARIA, &peer);
        assert_eq!(report.message["type"], REPORT);
        assert_eq!(report.message["body"]["code"], "e.p.trust.revoked");
        assert_eq!(report.message["pthid"], "numbers");
        assert_eq!(report.message["ack"], json!([sent.id]));
    }
}

/// What a client may try.
fn everything() -> [Value; 4] {
    let knock = "https://w3id.org/comity/contact/1.0/knock";
    [
        text("hello?"),
        json!({"type": PING, "to": ARIA, "body": {}, "return_route": "all"}),
        json!({"type": QUERIES, "to": ARIA, "return_route": "all",
            "body": {"queries": [{"feature-type": "protocol", "match": "*"}]}}),
        json!({"type": knock, "to": ARIA, "body": {}}),
    ]
}
