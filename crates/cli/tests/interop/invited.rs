//! The client follows an invitation (out-of-band 2.0): its first message is let in by what the link
//! carries, and by nothing less.

use crate::world::{ARIA, World};
use crate::{AUTHCRYPT, BASICMESSAGE, SIGNED};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

impl World {
    /// A link for one guest who cannot knock.
    fn link(&self, more: &[&str]) -> String {
        let basic = ["invite", "aria", "--they-may", "basicmessage/2.0", "--json"];
        let made: Value = serde_json::from_str(&self.comity(&[&basic, more].concat())).unwrap();
        made["url"].as_str().unwrap().to_owned()
    }
}

/// A text to whoever invites, below the invitation.
fn answer_to(invitation: &Value, content: &str) -> Value {
    json!({"type": BASICMESSAGE, "to": invitation["from"], "pthid": invitation["id"],
        "body": {"content": content}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_follows_a_link_is_let_in_by_its_first_message_and_no_second_guest_is() {
    let Some(mut world) = World::strangers().await else {
        return;
    };
    let goal = "a word with you";
    let link = world.link(&["--messages", "--goal", goal]);
    let invitation = world.client.follow(&link).await;
    assert_eq!(
        invitation["type"],
        "https://didcomm.org/out-of-band/2.0/invitation"
    );
    assert_eq!(
        (&invitation["from"], &invitation["body"]["goal"]),
        (&json!(ARIA), &json!(goal))
    );
    assert_eq!(invitation["body"]["accept"], json!(["didcomm/v2"]));

    let first = answer_to(&invitation, "you called?");
    let sent = world.client.send(AUTHCRYPT, first.clone()).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let delivery = world.lease().await;
    assert_eq!(delivery.message["body"], json!({"content": "you called?"}));
    assert_eq!(delivery.message["pthid"], invitation["id"]);
    let context = &delivery.context;
    assert_eq!((&*context.proof, context.first_contact), ("us", true));
    let let_in_by = context.let_in_by.clone().unwrap();
    assert!(let_in_by.starts_with("rule:invite-"), "{let_in_by}");
    world.answer(&delivery, "come in").await;
    let answered = world.client.receive().await;
    let did = world.client.did().to_owned();
    answered.is_proved(ARIA, &did);
    assert_eq!(answered.message["thid"], sent.id);

    // The link is used up, for whoever else has it.
    let mut second = world.another().await;
    assert_eq!(second.send(AUTHCRYPT, first).await.status, 400);
    // Who is in needs it no more.
    let mut again = answer_to(&invitation, "thank you");
    again.as_object_mut().unwrap().remove("pthid");
    assert_eq!(world.client.send(AUTHCRYPT, again).await.status, 202);
    let delivery = world.lease().await;
    assert_eq!(delivery.message["body"], json!({"content": "thank you"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_wrong_over_or_meant_for_knocks_lets_no_message_in() {
    let Some(mut world) = World::strangers().await else {
        return;
    };
    let (_, noise) = world.client.post(ARIA, "no envelope").await;
    let link = world.link(&["--messages"]);
    let invitation = world.client.follow(&link).await;
    let mut wrong = invitation.clone();
    wrong["id"] = json!("00000000-0000-4000-8000-000000000000");
    let mut none = answer_to(&invitation, "no link");
    none.as_object_mut().unwrap().remove("pthid");
    let mut other = answer_to(&invitation, "of another type");
    other["type"] = json!("https://example.org/orders/1.0/order");
    let over = world.link(&["--messages", "--open", "1s"]);
    let over = world.client.follow(&over).await;
    let for_knocks = world.link(&[]);
    let for_knocks = world.client.follow(&for_knocks).await;
    let signed = world.link(&["--messages", "--signed-only"]);
    let signed = world.client.follow(&signed).await;
    let withdrawn = world.link(&["--messages"]);
    let withdrawn = world.client.follow(&withdrawn).await;
    let rules: Value = serde_json::from_str(&world.comity(&["policy", "--json"])).unwrap();
    let rule = rules.as_array().unwrap().last().unwrap()["rule"]["name"].clone();
    world.comity(&["policy", "remove", rule.as_str().unwrap()]);
    sleep(Duration::from_secs(2)).await;
    for (what, message) in [
        ("a wrong id", answer_to(&wrong, "guessed")),
        ("no id", none),
        ("another type", other),
        ("over", answer_to(&over, "too late")),
        ("for knocks", answer_to(&for_knocks, "no knock")),
        ("signed only", answer_to(&signed, "unsigned")),
        ("withdrawn", answer_to(&withdrawn, "gone")),
    ] {
        let sent = world.client.send(AUTHCRYPT, message).await;
        assert_eq!((sent.status, &sent.rest), (400, &noise), "{what}");
    }
    assert!(world.leased(0).await.is_empty());
    assert!(world.refusals().await.is_empty(), "strangers write nothing");

    // The same links as they are meant.
    let sent = world
        .client
        .send(SIGNED, answer_to(&signed, "signed"))
        .await;
    assert_eq!(sent.status, 202);
    assert_eq!(world.lease().await.context.proof, "anyone");
}
