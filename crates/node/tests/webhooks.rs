//! Webhooks: every committed knock and decision is told, signed, again and again, and never more
//! than a pointer.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comity_api::operator::{CreateWebhook, Webhook, WebhookSecret};
use comity_engine::Timestamp;
use comity_node::Node;
use comity_node::clock::{Clock, SystemClock};
use comity_node::journey::Operator;
use comity_testkit::{Posted, Receiver};
use common::{BRUNO, Place, REQUEST, Side, places};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Debug, Default)]
struct Shifted(Arc<AtomicU64>);

impl Shifted {
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

struct World {
    aria: Side,
    bruno: Side,
    receiver: Receiver,
    clock: Shifted,
    b: Place,
}

impl World {
    async fn new() -> Self {
        let (a, b) = places();
        let clock = Shifted::default();
        let aria = Side::new(&a, "aria").await;
        let node = started(&b, &clock).await;
        let token = node.core().create_agent(&Operator::local(), "bruno").await;
        let caller = node.core().authenticate(&token.unwrap().token).await;
        Self {
            aria,
            bruno: Side {
                node,
                caller: caller.unwrap(),
            },
            receiver: Receiver::start().await.unwrap(),
            clock,
            b,
        }
    }

    async fn webhook(&self, events: &[&str]) -> WebhookSecret {
        let create = CreateWebhook {
            url: format!("http://{}/hook?token=s3cret-path", self.receiver.address),
            events: events.iter().map(ToString::to_string).collect(),
            allow_private: true,
        };
        let core = self.bruno.core();
        core.create_webhook(&Operator::local(), create)
            .await
            .unwrap()
    }

    async fn shown(&self) -> Webhook {
        self.bruno.core().webhooks().await.unwrap().remove(0)
    }
}

async fn started(place: &Place, clock: &Shifted) -> Node {
    let mut config = place.config();
    config.seams.clock = Some(Arc::new(clock.clone()));
    Node::start(config)
        .await
        .unwrap_or_else(|error| panic!("{}", error.problem()))
}

/// The event, after its signature was checked as a receiver does.
fn checked(posted: &Posted, secret: &str) -> Value {
    let header = |name: &str| posted.headers[name].clone();
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    assert!(key.len() >= 24);
    let signed = format!(
        "{}.{}.{}",
        header("webhook-id"),
        header("webhook-timestamp"),
        posted.body
    );
    let wanted = comity_jose::hmac_sha256(&key, &[signed.as_bytes()]);
    let wanted = format!("v1,{}", STANDARD.encode(wanted));
    let signatures = header("webhook-signature");
    assert!(signatures.split(' ').any(|one| one == wanted));
    assert!(posted.line.starts_with("POST /hook"), "{}", posted.line);
    serde_json::from_str(&posted.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knock_its_decision_and_the_end_of_a_grant_are_told_without_any_content() {
    let world = World::new().await;
    let secret = world.webhook(&[]).await.secret;
    let body = json!({"mail": "nobody's business"});
    world.aria.send(BRUNO, REQUEST, body).await;
    let first = checked(&world.receiver.wait_for(1).await[0], &secret);
    assert_eq!(first["type"], "knock.received");
    let knock = world.bruno.core().knocks(false).await.unwrap().remove(0);
    assert_eq!(first["data"]["knock"], knock.id);
    assert_eq!(first["data"]["from"], knock.from);
    let url = first["data"]["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/#knock={}", knock.id)), "{url}");
    world.bruno.approve().await;
    let second = checked(&world.receiver.wait_for(2).await[1], &secret);
    assert_eq!(second["type"], "knock.decided");
    assert_eq!(second["data"]["outcome"], "approved");
    let core = world.bruno.core();
    core.revoke(&Operator::local(), &knock.from).await.unwrap();
    let third = checked(&world.receiver.wait_for(3).await[2], &secret);
    assert_eq!(third["type"], "grant.ended");
    assert_eq!(third["data"]["peer"], knock.from);
    for posted in world.receiver.posted() {
        assert!(!posted.body.contains("nobody's business"));
    }
    // What was taken leaves the queue.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while world.shown().await.waiting > 0 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What the address and the secret are rests sealed.
    for file in ["comity.db", "comity.db-wal"] {
        let octets = std::fs::read(world.b.path().join(file)).unwrap_or_default();
        for text in ["s3cret-path", &secret[6..]] {
            let found = octets
                .windows(text.len())
                .any(|window| window == text.as_bytes());
            assert!(!found, "{text} rests in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_posted_again_with_the_same_id_after_a_restart_too() {
    let world = World::new().await;
    let secret = world.webhook(&["knock.received"]).await.secret;
    world.receiver.answer(503);
    world.aria.send(BRUNO, REQUEST, json!({})).await;
    let first = world.receiver.wait_for(1).await.remove(0);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while world.shown().await.failures == 0 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = world.shown().await;
    assert_eq!((shown.state.as_str(), shown.waiting), ("failing", 1));
    assert_eq!(shown.last_status, Some(503));
    world.bruno.node.stop().await;
    world.receiver.answer(204);
    world.clock.advance(10);
    let node = started(&world.b, &world.clock).await;
    let second = world.receiver.wait_for(2).await.remove(1);
    assert_eq!(second.headers["webhook-id"], first.headers["webhook-id"]);
    assert_ne!(
        second.headers["webhook-timestamp"], first.headers["webhook-timestamp"],
        "each attempt has its time"
    );
    assert_eq!(checked(&first, &secret), checked(&second, &secret));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while node.core().webhooks().await.unwrap()[0].waiting > 0 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = node.core().webhooks().await.unwrap().remove(0);
    assert_eq!((shown.state.as_str(), shown.failures), ("active", 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_for_a_day_is_given_up_and_goes_on_after_a_test() {
    let world = World::new().await;
    let made = world.webhook(&["knock.received"]).await;
    world.receiver.answer(500);
    world.aria.send(BRUNO, REQUEST, json!({})).await;
    // Every pause of a day, one after the other.
    for attempt in 1..=6 {
        world.receiver.wait_for(attempt).await;
        world.clock.advance(6 * 3_600 + 3_000);
        let status = world.bruno.core().status().await.unwrap();
        if status.alarms.iter().any(|alarm| alarm.contains("given up")) {
            break;
        }
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while world.shown().await.state != "disabled" {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            world.shown().await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let alarms = world.bruno.core().status().await.unwrap().alarms;
    assert!(alarms[0].contains("comity webhook test"), "{alarms:?}");
    let (core, local) = (world.bruno.core(), Operator::local());
    let tested = core.test_webhook(&local, &made.webhook.id).await.unwrap();
    assert_eq!(tested.state, "disabled", "it still says 500");
    world.receiver.answer(200);
    let tested = core.test_webhook(&local, &made.webhook.id).await.unwrap();
    assert_eq!(tested.state, "active");
    assert!(core.status().await.unwrap().alarms.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_reaches_private_places_only_if_an_operator_said_so() {
    let world = World::new().await;
    let (core, local) = (world.bruno.core(), Operator::local());
    let create = |url: String, allow_private: bool| CreateWebhook {
        url,
        events: Vec::new(),
        allow_private,
    };
    let plain = format!("http://{}/hook", world.receiver.address);
    for url in [
        plain.as_str(),
        "ftp://x.test/",
        "https://user:pass@x.test/",
        "x",
    ] {
        let refused = core
            .create_webhook(&local, create(url.to_owned(), false))
            .await;
        assert!(refused.unwrap_err().next.is_some(), "{url}");
    }
    let odd = CreateWebhook {
        events: vec!["message.received".to_owned()],
        ..create("https://x.test/".to_owned(), false)
    };
    assert!(core.create_webhook(&local, odd).await.is_err());
    for (url, allow_private, why) in [
        (
            format!("https://{}/", world.receiver.address),
            false,
            "loopback",
        ),
        (
            "https://169.254.169.254/latest".to_owned(),
            true,
            "link-local",
        ),
        ("http://8.8.8.8/".to_owned(), true, "only https"),
    ] {
        let made = core
            .create_webhook(&local, create(url.clone(), allow_private))
            .await;
        let id = made.unwrap().webhook.id;
        let tested = core.test_webhook(&local, &id).await.unwrap();
        let error = tested.last_error.unwrap_or_default();
        assert!(error.contains(why), "{url}: {error}");
        core.remove_webhook(&local, &id).await.unwrap();
    }
    assert!(world.receiver.posted().is_empty());
    assert!(core.webhooks().await.unwrap().is_empty());
}
