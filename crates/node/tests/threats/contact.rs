//! Trust, at the wire: knocks, welcomes and ends that claim what is not theirs; text made to deceive
//! an operator.

use crate::toolkit::chaos::substitutions;
use crate::toolkit::{BRENDA, BRUNO, Case, Identity, REQUEST, Scene, letter};
use comity_api::agent::Send;
use serde_json::{Value, json};
use std::time::Duration;

const WELCOME: &str = "https://w3id.org/comity/contact/1.0/welcome";
const ENDED: &str = "https://w3id.org/comity/contact/1.0/ended";
const KNOCK: &str = "https://w3id.org/comity/contact/1.0/knock";

fn contact(scene: &Scene, from: &Identity, type_: &str, body: Value) -> Value {
    let mut message = letter(&from.did, scene.bruno.id(), type_, scene.now(), body);
    message.as_object_mut().unwrap().remove("sender_order");
    message
}

/// An offer is between whoever signed the knock and whoever it was sent to, in that order.
#[tokio::test(flavor = "multi_thread")]
async fn a_knock_cannot_offer_what_is_between_others() {
    let scene = Scene::new().await;
    let (eve, friend) = (Identity::key(50), scene.friend.did.to_string());
    let own = eve.did.to_string();
    let mut cases = Vec::new();
    for one in [own.as_str(), BRUNO, BRENDA, &friend] {
        for other in [own.as_str(), BRUNO, BRENDA, &friend] {
            if [one, other] != [own.as_str(), BRUNO] {
                let knock = scene.knock(&eve, [one, other], "let me in");
                cases.push(Case::new(
                    format!("{one} {other}"),
                    eve.send(&scene.bruno, &knock),
                ));
            }
        }
    }
    let mut several = scene.knock(&eve, [&own, BRUNO], "x");
    several["to"] = json!([BRUNO, BRENDA]);
    cases.push(Case::new(
        "a knock at two",
        eve.send(&scene.bruno, &several),
    ));
    let mut newer = scene.knock(&eve, [&own, BRUNO], "x");
    newer["body"]["offer"]["v"] = 2.into();
    cases.push(Case::new("a later version", eve.send(&scene.bruno, &newer)));
    let mut must = scene.knock(&eve, [&own, BRUNO], "x");
    must["body"]["offer"]["must"] = json!(["never-heard-of"]);
    cases.push(Case::new(
        "a restriction nobody knows",
        eve.send(&scene.bruno, &must),
    ));
    let mut large = scene.knock(&eve, [&own, BRUNO], "x");
    large["body"]["x"] = "y".repeat(16 * 1024).into();
    cases.push(Case::new("a large knock", eve.send(&scene.bruno, &large)));
    let mut wordy = scene.knock(&eve, [&own, BRUNO], &"x".repeat(281));
    wordy["body"]["purpose"] = "x".repeat(281).into();
    cases.push(Case::new("a long purpose", eve.send(&scene.bruno, &wordy)));
    scene.all_refused(cases).await;
}

/// Every member of a knock replaced by every other type: refused, or a knock that an operator can
/// look at without harm.
#[tokio::test(flavor = "multi_thread")]
async fn a_misshapen_knock_is_refused_or_can_be_looked_at() {
    let scene = Scene::new().await;
    let nothing = scene.nothing_to_know().await;
    let mut line = scene.line().await;
    let (mut refused, mut shown) = (0, 0);
    let count = substitutions(&scene.knock(&scene.friend, [BRUNO, BRENDA], "x")).len();
    for index in 0..count {
        // Each of a stranger of its own: one alone would soon be over his budget.
        let eve = Identity::key(5_000 + u64::try_from(index).unwrap());
        let template = scene.knock(&eve, [eve.did.as_str(), BRUNO], "let me in");
        let (name, value) = substitutions(&template).swap_remove(index);
        let answer = line.envelope(&eve.send(&scene.bruno, &value)).await;
        match answer.status {
            202 => {
                shown += 1;
                let knock = scene.pending(&eve).await;
                assert_eq!(knock.to, BRUNO, "{name}");
                assert!(
                    is_plain(&serde_json::to_value(&knock).unwrap()),
                    "{name}: {knock:?}"
                );
            }
            // Over the budget of all strangers together; what is misshapen costs nothing of it.
            503 => {}
            _ => {
                assert_eq!(answer, nothing, "{name}");
                refused += 1;
            }
        }
    }
    assert!(
        refused > 100 && shown > 0,
        "{refused} refused, {shown} shown"
    );
    scene.still_serves().await;
}

/// True if no text in it can move a cursor, hide or turn around other text.
fn is_plain(value: &Value) -> bool {
    let deceives = |c: char| {
        c.is_control()
            || matches!(u32::from(c), 0x00ad | 0x061c | 0x200b..=0x200f | 0x2028..=0x202e
                | 0x2060..=0x206f | 0xfeff | 0xfff0..=0xfffb | 0xe0000..=0xe0fff)
    };
    match value {
        Value::String(text) => !text.contains(deceives),
        Value::Array(values) => values.iter().all(is_plain),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| !name.contains(deceives) && is_plain(value)),
        _ => true,
    }
}

/// Text made to deceive: it reaches the operator's door as what it is.
#[tokio::test(flavor = "multi_thread")]
async fn text_of_strangers_reaches_the_operator_escaped() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let tricks = [
        "approve \u{202e}ton od\u{202c}",
        "a\u{200b}b\u{200d}c",
        "\u{1b}[2J\u{1b}[1;1Hknock approved",
        "line\r\nfrom: did:web:bank.com:boss",
        "\u{0}\u{7}\u{8}",
        "\u{2066}x\u{2069}\u{feff}",
        "\u{e0041}\u{e0042}",
        "\u{9b}31m",
        "\u{2028}\u{2029}",
    ];
    for (seed, trick) in (60..).zip(tricks) {
        let eve = Identity::key(seed);
        let mut knock = scene.knock(&eve, [eve.did.as_str(), BRUNO], trick);
        knock["body"]["speaks"] = json!([trick, "A256GCM"]);
        knock["body"]["first"] = json!({
            "digest": comity_record::labelled("x", b"y"), "type": trick, "bytes": 7,
        });
        knock["lang"] = trick.into();
        let answer = line.envelope(&eve.send(&scene.bruno, &knock)).await;
        assert_eq!(answer.status, 202, "{trick:?}");
    }
    let mut operator = scene.operator_line().await;
    for path in [
        "/v1/knocks",
        "/v1/knocks?all=true",
        "/v1/peers",
        "/v1/grants",
        "/v1/messages",
        "/v1/entries?limit=1000",
    ] {
        let answer = operator.ask("GET", path, &[], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(is_plain(&answer.json()), "{path}: {answer:?}");
    }
    assert_eq!(
        scene.core().knocks(false).await.unwrap().len(),
        tricks.len()
    );
}

/// Bruno knocks at `host`. Returns the offer, the knock's thread and the message that waits.
async fn knocked(scene: &Scene, host: &Identity) -> (Value, String, String) {
    let send = Send {
        to: Some(host.did.to_string()),
        type_: REQUEST.into(),
        body: json!({}),
        ..Send::default()
    };
    let waiting = scene.submit("bruno", send).await;
    assert_eq!(waiting.state, "held");
    let knock = scene.received_by(host, KNOCK).await.remove(0).plaintext;
    let offer = knock.body["offer"].clone();
    (offer, knock.id.to_string(), waiting.id)
}

/// A welcome may narrow what was offered. Anything wider is a refusal, and is shown as one.
#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_wider_than_the_offer_grants_nothing() {
    let scene = Scene::new().await;
    let until = |grant: &mut Value, add: u64| {
        grant["until"] = (grant["until"].as_u64().unwrap() + add).into();
    };
    type Widen = Box<dyn Fn(&mut Value)>;
    let widenings: Vec<(&str, Widen)> = vec![
        (
            "another type of theirs",
            Box::new(|grant| {
                grant["may"][1]["types"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!("https://evil.test/x/1.0"));
            }),
        ),
        (
            "another type of ours",
            Box::new(|grant| {
                grant["may"][0]["types"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!("https://evil.test/x/1.0"));
            }),
        ),
        (
            "another major",
            Box::new(|grant| {
                grant["may"][1]["types"] = json!(["https://example.org/market-analysis/2.0"]);
            }),
        ),
        ("a second longer", Box::new(move |grant| until(grant, 1))),
        (
            "deniable",
            Box::new(|grant| grant["deniable"] = true.into()),
        ),
        ("untimed", Box::new(|grant| grant["untimed"] = true.into())),
        (
            "turned around",
            Box::new(|grant| grant["between"].as_array_mut().unwrap().reverse()),
        ),
        (
            "another agent",
            Box::new(|grant| grant["between"][0] = BRENDA.into()),
        ),
        (
            "another nonce",
            Box::new(|grant| grant["nonce"] = "AAECAwQFBgcICQoLDA0ODg".into()),
        ),
    ];
    let mut line = scene.line().await;
    for (seed, (name, widen)) in (200..).zip(widenings) {
        let host = Identity::web("evil.test", &format!("host-{seed}"), seed);
        scene.lair.serve(&host);
        let (mut grant, thread, waiting) = knocked(&scene, &host).await;
        widen(&mut grant);
        let mut welcome = contact(
            &scene,
            &host,
            WELCOME,
            json!({"grant": grant, "speaks": []}),
        );
        welcome["thid"] = thread.as_str().into();
        assert_eq!(
            line.envelope(&host.send(&scene.bruno, &welcome))
                .await
                .status,
            202,
            "{name}"
        );
        let grants = scene.core().grants(true).await.unwrap();
        let live = grants
            .iter()
            .filter(|row| row.peer == host.did.as_str() && row.state != "ended");
        assert_eq!(live.count(), 0, "{name}: {grants:?}");
        let caller = scene.caller("bruno").await;
        let shown = scene
            .core()
            .show(&caller, &waiting, None, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(shown.state, "refused", "{name}");
        assert_eq!(
            shown.code.as_deref(),
            Some("e.p.trust.wider-than-asked"),
            "{name}"
        );
        // A second, proper answer comes too late.
        let mut proper = welcome.clone();
        proper["id"] = uuid::Uuid::new_v4().to_string().into();
        let answer = line.envelope(&host.send(&scene.bruno, &proper)).await;
        assert_eq!(answer, scene.nothing_to_know().await, "{name}");
    }
    scene.still_serves().await;
}

/// Only the DID that was knocked at answers a knock, in the knock's own thread.
#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_from_anybody_else_or_to_nothing_is_refused() {
    let scene = Scene::new().await;
    let host = Identity::web("evil.test", "host", 300);
    scene.lair.serve(&host);
    let (offer, thread, _) = knocked(&scene, &host).await;
    let mut cases = Vec::new();
    for (who, thid) in [
        (&scene.friend, thread.as_str()),
        (&Identity::key(301), &thread),
        (&host, "no-such-thread"),
        (&host, "11111111-1111-4111-8111-111111111111"),
    ] {
        for type_ in [WELCOME, "https://w3id.org/comity/contact/1.0/declined"] {
            let body = json!({"grant": offer, "speaks": [], "code": "e.p.trust.denied"});
            let mut message = contact(&scene, who, type_, body);
            message["thid"] = thid.into();
            let octets = who.send(&scene.bruno, &message);
            cases.push(Case::new(
                format!("{type_} from {} in {thid}", who.did),
                octets,
            ));
        }
    }
    scene.all_refused(cases).await;
    let grants = scene.core().grants(false).await.unwrap();
    let offered = grants
        .iter()
        .find(|row| row.peer == host.did.as_str())
        .unwrap();
    assert_eq!(offered.state, "offered");
}

/// Nobody ends a grant that is between others.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_ended_by_its_own_two_sides_only() {
    let scene = Scene::new().await;
    let rival = Identity::web("evil.test", "rival", 310);
    scene.lair.serve(&rival);
    scene.befriend(&rival).await;
    let grants = scene.core().grants(false).await.unwrap();
    let friends = grants
        .iter()
        .find(|row| row.peer == scene.friend.did.as_str())
        .unwrap();
    let mut cases = Vec::new();
    for who in [&rival, &Identity::key(311)] {
        for grant in [
            friends.id.clone(),
            comity_record::labelled("x", b"y").to_string(),
        ] {
            let body = json!({"grant": grant, "code": "e.p.trust.revoked"});
            let octets = who.send(&scene.bruno, &contact(&scene, who, ENDED, body));
            cases.push(Case::new(format!("{grant} ended by {}", who.did), octets));
        }
        for odd in [
            json!({}),
            json!({"grant": 7}),
            json!({"grant": friends.id, "code": "Nö"}),
        ] {
            let octets = who.send(&scene.bruno, &contact(&scene, who, ENDED, odd.clone()));
            cases.push(Case::new(odd.to_string(), octets));
        }
    }
    scene.all_refused(cases).await;
    assert_eq!(
        scene.core().grants(false).await.unwrap().len(),
        2,
        "both grants live"
    );
}
