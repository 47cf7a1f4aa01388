//! Rules, invitations and blocks, at the wire: strangers who want more than was decided in advance,
//! or what was decided for somebody else.

use crate::toolkit::{Answer, BRUNO, Identity, PROTOCOL, REQUEST, Scene, letter};
use comity_api::agent::Send;
use comity_api::operator::{Grant, Rate};
use comity_api::policy::{Explain, Rule};
use comity_node::journey::Operator;
use serde_json::{Value, json};
use std::time::Duration;

const MAY: &str = "https://example.org/market-analysis/1.0/request";
const KNOCK: &str = "https://w3id.org/comity/contact/1.0/knock";
const DECLINED: &str = "https://w3id.org/comity/contact/1.0/declined";
const OTHER: &str = "https://example.org/unheard-of/1.0";

/// Everything of `domain` may send requests, a little, for an hour.
fn rule(scene: &Scene, domain: &str) -> Rule {
    Rule {
        name: "narrow".to_owned(),
        agent: Some("bruno".to_owned()),
        domain: Some(domain.to_owned()),
        they_may_send: vec![MAY.to_owned()],
        uses: Some(3),
        rate: Some(Rate {
            messages: 2,
            seconds: 60,
        }),
        max_bytes: Some(4_096),
        lasts_s: Some(3_600),
        until: scene.now() + 7_200,
        ..Rule::default()
    }
}

async fn add(scene: &Scene, rule: Rule) {
    let operator = Operator::local();
    scene.core().add_rule(&operator, rule).await.unwrap();
}

async fn knock(scene: &Scene, who: &Identity, knock: &Value) -> Answer {
    let octets = who.send(&scene.bruno, knock);
    scene.line().await.envelope(&octets).await
}

async fn grants_of(scene: &Scene, who: &Identity) -> Vec<Grant> {
    let grants = scene.core().grants(false).await.unwrap();
    let of = |grant: &Grant| grant.peer == who.did.as_str();
    grants.into_iter().filter(of).collect()
}

/// Nobody in this list is let in, whatever he is told.
async fn none_is_let_in(scene: &Scene, who: impl IntoIterator<Item = &Identity>) {
    for who in who {
        assert_eq!(grants_of(scene, who).await, Vec::new(), "{}", who.did);
    }
}

type Widen = Box<dyn Fn(&mut Value, u64)>;

/// What a knock can try to get more than the rule gives.
fn widenings() -> Vec<(&'static str, Widen)> {
    let offer = |name: &'static str, value: Value| -> (&'static str, Widen) {
        let member = name.split(' ').next().unwrap();
        (
            name,
            Box::new(move |offer: &mut Value, _| offer[member] = value.clone()),
        )
    };
    vec![
        ("as it is", Box::new(|_, _| {})),
        (
            "another type of his",
            Box::new(|offer, _| offer["may"][0]["types"] = json!([PROTOCOL, OTHER])),
        ),
        (
            "a later major",
            Box::new(|offer, _| {
                offer["may"][0]["types"] =
                    json!([PROTOCOL, "https://example.org/market-analysis/2.0"]);
            }),
        ),
        (
            "much of ours",
            Box::new(|offer, _| offer["may"][1]["types"] = json!([PROTOCOL, OTHER])),
        ),
        (
            "for ever",
            Box::new(|offer, _| offer["until"] = ((1_u64 << 53) - 1).into()),
        ),
        (
            "a year",
            Box::new(|offer, now| offer["until"] = (now + 366 * 86_400).into()),
        ),
        offer("uses many", json!(1_000_000_000)),
        offer("max_bytes large", json!(1_u64 << 40)),
        offer("rate fast", json!({"messages": 1_000_000, "seconds": 1})),
        offer(
            "rate slow burst",
            json!({"messages": 1_000, "seconds": 2_678_400}),
        ),
        offer("must all", json!(["uses", "rate", "max_bytes", "until"])),
        offer("must none", Value::Null),
        offer("deniable", json!(true)),
        offer("untimed", json!(true)),
        offer("must unknown", json!(["uses", "unlimited"])),
        offer("uses none", Value::Null),
        offer("nonce short", json!("AAAA")),
    ]
}

/// A knock that asks for more than a rule gives gets what the rule gives, or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_knock_gets_more_than_the_rule_that_lets_it_in() {
    let (mut let_in, mut not) = (0, 0);
    let mut scene = Scene::new().await;
    for (seed, (name, widen)) in (20_000..).zip(widenings()) {
        if seed % 8 == 0 {
            // One domain may say so much at once.
            scene = Scene::new().await;
            add(&scene, rule(&scene, "good.test")).await;
        }
        let who = Identity::web("good.test", &format!("r{seed}"), seed);
        scene.lair.serve(&who);
        let mut offer = scene.knock(&who, [who.did.as_str(), BRUNO], "in");
        widen(&mut offer["body"]["offer"], scene.now());
        let answer = knock(&scene, &who, &offer).await;
        assert!([202, 400].contains(&answer.status), "{name}: {answer:?}");
        for grant in grants_of(&scene, &who).await {
            let_in += 1;
            assert_eq!(grant.state, "active", "{name}");
            assert_eq!(grant.decided_by, "rule:narrow", "{name}");
            assert_eq!(grant.they_may_send, [MAY], "{name}");
            assert!(grant.we_may_send.is_empty(), "{name}: {grant:?}");
            assert!(grant.until <= scene.now() + 3_600, "{name}: {grant:?}");
            assert!(grant.most_uses.is_some_and(|uses| uses <= 3), "{name}");
            assert!(grant.max_bytes.is_some_and(|most| most <= 4_096), "{name}");
            let rate = grant.rate.unwrap();
            assert!(
                rate.messages <= 2 && rate.messages * 60 <= 2 * rate.seconds,
                "{name}: {rate:?}"
            );
            assert!(!grant.deniable, "{name}");
        }
        not += usize::from(grants_of(&scene, &who).await.is_empty());
    }
    assert!(let_in >= 5 && not >= 2, "{let_in} let in, {not} not");
    scene.still_serves().await;
}

/// Hosts that look like the one that a rule or a block names, and are not it.
fn look_alikes() -> Vec<&'static str> {
    vec![
        "evil-good.test",
        "good.test.evil.test",
        "good.tes",
        "xgood.test",
        "good-test.test",
        "g00d.test",
        "good.test%3A8443",
        "good.test%3A443",
        "xn--god-5qa.test",
        "xn--gd-pkaa.test",
        "evil.test:good.test",
    ]
}

/// Look-alikes of a rule's domain meet no rule, those below it do, and a block of it stops all of
/// them and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn no_look_alike_passes_for_a_domain_or_slips_out_of_its_block() {
    let scene = Scene::new().await;
    add(&scene, rule(&scene, "good.test")).await;
    let explain = async |did: String| {
        let ask = Explain {
            from: did,
            to: "bruno".to_owned(),
            type_: MAY.to_owned(),
            ..Explain::default()
        };
        scene.core().explain(ask).await.unwrap()
    };
    let decides = async |host: &str| {
        let knock = explain(format!("did:web:{host}:x")).await.knock;
        knock.map(|knock| knock.decides)
    };
    for host in look_alikes() {
        assert_eq!(decides(host).await.as_deref(), Some("you"), "{host}");
    }
    for host in ["good.test", "a.good.test", "GOOD.test", "a.b.Good.Test"] {
        assert_eq!(
            decides(host).await.as_deref(),
            Some("rule:narrow"),
            "{host}"
        );
    }
    let history = "did:webvh:QmQvxFY5AUjRvoBwjfDTVqNFRGkpRDdPGTWn2VXBfQxvzX:good.test:x";
    let by = explain(history.to_owned()).await.knock.unwrap().decides;
    assert_eq!(by, "rule:narrow", "the history of the same host");
    // At the wire: one who is only alike waits for a person, or is not found at all.
    let alike = Identity::web("evil.test", "good.test", 21_000);
    scene.lair.serve(&alike);
    let offer = scene.knock(&alike, [alike.did.as_str(), BRUNO], "in");
    assert_eq!(knock(&scene, &alike, &offer).await.status, 202);
    none_is_let_in(&scene, [&alike]).await;
    scene
        .core()
        .block(&Operator::local(), "good.test")
        .await
        .unwrap();
    // What keeps out is read widely: every port of the host.
    for host in ["good.test", "a.good.test", "GOOD.test", "good.test%3A8443"] {
        assert_eq!(
            explain(format!("did:web:{host}:x")).await.basis,
            "blocked",
            "{host}"
        );
    }
    assert_eq!(explain(history.to_owned()).await.basis, "blocked");
    for host in look_alikes()
        .into_iter()
        .filter(|host| !host.starts_with("good.test%3A"))
    {
        assert_ne!(
            explain(format!("did:web:{host}:x")).await.basis,
            "blocked",
            "{host}"
        );
    }
    let who = Identity::web("good.test", "blocked", 21_001);
    scene.lair.serve(&who);
    let offer = scene.knock(&who, [who.did.as_str(), BRUNO], "in");
    assert_eq!(
        knock(&scene, &who, &offer).await,
        scene.nothing_to_know().await
    );
    scene.still_serves().await;
}

/// Whoever was thrown out asks a person, however he knocks again, and though our agent had asked
/// him for more just before.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_thrown_out_is_let_in_by_no_rule() {
    let scene = Scene::new().await;
    let who = Identity::web("good.test", "outcast", 22_000);
    scene.lair.serve(&who);
    add(&scene, rule(&scene, "good.test")).await;
    let offer = scene.knock(&who, [who.did.as_str(), BRUNO], "in");
    assert_eq!(knock(&scene, &who, &offer).await.status, 202);
    let grant = grants_of(&scene, &who).await.remove(0);
    // Our agent wants to send what is not granted: an offer for more is under way.
    let send = Send {
        to: Some(who.did.to_string()),
        type_: format!("{OTHER}/x"),
        body: json!({}),
        ..Send::default()
    };
    assert_eq!(scene.submit("bruno", send).await.state, "held");
    for _ in 0..200 {
        if grants_of(&scene, &who).await.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(grants_of(&scene, &who).await.len(), 2, "a wider offer");
    scene
        .core()
        .revoke(&Operator::local(), &grant.id)
        .await
        .unwrap();
    none_is_let_in(&scene, [&who]).await;
    for purpose in ["again", "please"] {
        let offer = scene.knock(&who, [who.did.as_str(), BRUNO], purpose);
        assert_eq!(knock(&scene, &who, &offer).await.status, 202);
        none_is_let_in(&scene, [&who]).await;
        assert_eq!(scene.pending(&who).await.from, who.did.as_str());
    }
    // Nor by declining a knock of ours: what never began takes nothing back.
    let send = Send {
        to: Some(who.did.to_string()),
        type_: REQUEST.to_owned(),
        purpose: Some("were we too hard on you?".to_owned()),
        body: json!({}),
        ..Send::default()
    };
    assert_eq!(scene.submit("bruno", send).await.state, "held");
    let mut knocks = Vec::new();
    while knocks.len() < 2 {
        knocks = scene.received_by(&who, KNOCK).await;
    }
    let mut declined = letter(&who.did, scene.bruno.id(), DECLINED, scene.now(), json!({}));
    declined.as_object_mut().unwrap().remove("sender_order");
    declined["thid"] = knocks[1].plaintext.id.as_str().into();
    declined["body"] = json!({"code": "e.p.trust.denied"});
    assert_eq!(knock(&scene, &who, &declined).await.status, 202);
    none_is_let_in(&scene, [&who]).await;
    let offer = scene.knock(&who, [who.did.as_str(), BRUNO], "now?");
    assert_eq!(knock(&scene, &who, &offer).await.status, 202);
    none_is_let_in(&scene, [&who]).await;
    let message = letter(&who.did, scene.bruno.id(), REQUEST, scene.now(), json!({}));
    let answer = knock(&scene, &who, &message).await;
    assert_eq!(answer.status, 202, "told, and recorded");
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
    scene.still_serves().await;
}
