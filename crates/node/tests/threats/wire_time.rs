//! Time and repetition, at the wire: replay before and after a restart and after expiry, future and
//! absurd dates, swallowed `return_route`.

use crate::toolkit::{Case, Chaos, Identity, Scene, letter};
use serde_json::{Value, json};
use std::time::Duration;

const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
const DAY: Duration = Duration::from_secs(86_400);

/// Messages that were accepted, settled or refused, each sent again many times, in the same
/// envelope and in fresh ones: whoever carries a message can do that.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_is_recognised_before_and_after_a_restart_and_after_expiry() {
    let mut scene = Scene::new().await;
    let (mut line, chaos) = (scene.line().await, Chaos::new(0x5eed));
    let mut sent = Vec::new();
    for n in 0..12 {
        let mut message = scene.good();
        message["body"]["n"] = n.into();
        // Every third may not be sent at all: refused, told, and recorded once.
        if n % 3 == 2 {
            message["type"] = "https://example.org/other/1.0/thing".into();
        }
        let signed = scene.friend.sign(&message);
        let envelope = crate::toolkit::seal(&scene.bruno, signed.as_bytes());
        assert_eq!(line.envelope(&envelope).await.status, 202);
        sent.push((signed, envelope));
    }
    for _ in 0..8 {
        let delivery = scene.lease("bruno").await.unwrap();
        assert_eq!(delivery.attempt, 1);
        scene.done("bruno", &delivery).await;
    }
    let nothing = scene.nothing_to_know().await;
    for round in [
        "at once",
        "after a restart",
        "after expiry",
        "after a month",
    ] {
        let before = scene.rows().await;
        for _ in 0..150 {
            let (signed, envelope) = &sent[chaos.below(sent.len())];
            let again = match chaos.below(2) {
                0 => envelope.clone(),
                _ => crate::toolkit::seal(&scene.bruno, signed.as_bytes()),
            };
            let answer = line.envelope(&again).await;
            assert!(
                answer.status == 202 || answer == nothing,
                "{round}: {answer:?}"
            );
        }
        assert_eq!(
            scene.rows().await,
            before,
            "{round}: a replay left something behind"
        );
        let again = scene.lease_within("bruno", Duration::ZERO).await;
        assert_eq!(again, None, "{round}: a replay reached the agent");
        match round {
            "at once" => scene.restart().await,
            "after a restart" => scene.clock.advance(Duration::from_secs(7_200)),
            "after expiry" => scene.clock.advance(31 * DAY),
            _ => break,
        }
        line = scene.line().await;
    }
}

/// Dates that a fresh message cannot have. The friend is told, once each, and nothing reaches the
/// agent; from a stranger they are nothing to know.
#[tokio::test(flavor = "multi_thread")]
async fn messages_from_the_future_or_the_past_reach_nobody() {
    let scene = Scene::new().await;
    let now = scene.now();
    let most = 9_007_199_254_740_991_u64;
    let mut dates = Vec::new();
    for ahead in [61, 62, 120, 3_600, 86_400, 400 * 86_400] {
        dates.push((json!(now + ahead), json!(now + ahead + 60)));
    }
    for ago in [31 * 86_400, 32 * 86_400, 4_000 * 86_400] {
        dates.push((json!(now - ago), json!(now + 60)));
    }
    dates.push((json!(0), json!(1)));
    dates.push((json!(now - 10), json!(now - 1)));
    dates.push((json!(now), json!(now)));
    dates.push((json!(now), json!(0)));
    dates.push((json!(most), json!(most)));
    dates.push((json!(most), Value::Null));
    dates.push((Value::Null, json!(now + 60)));
    let (nothing, mut line) = (scene.nothing_to_know().await, scene.line().await);
    let stranger = Identity::peer(41, None);
    for (created, expires) in dates {
        for (who, granted) in [(&scene.friend, true), (&stranger, false)] {
            let mut message = scene.good_from(who);
            let members = message.as_object_mut().unwrap();
            for (name, value) in [("created_time", &created), ("expires_time", &expires)] {
                match value {
                    Value::Null => members.remove(name),
                    value => members.insert(name.to_owned(), value.clone()),
                };
            }
            let before = scene.last_entry().await;
            let answer = line.envelope(&who.send(&scene.bruno, &message)).await;
            let entries = scene.entries_after(before).await;
            if granted {
                assert_eq!(answer.status, 202, "{created} {expires}");
                assert_eq!(entries.len(), 1, "one entry for one refusal");
                let record = entries[0].record.as_ref().unwrap();
                assert_eq!(
                    record["code"], "e.p.req.time",
                    "{created} {expires}: {record}"
                );
            } else {
                assert_eq!(answer, nothing, "{created} {expires}");
                assert_eq!(entries, [], "{created} {expires}");
            }
        }
    }
    // Not even dates: numbers that are none.
    let mut cases = Vec::new();
    for odd in [
        json!(-1),
        json!(1.5),
        json!("2026"),
        json!(most + 1),
        json!(u64::MAX),
        json!([]),
    ] {
        for name in ["created_time", "expires_time"] {
            let mut message = scene.good();
            message[name] = odd.clone();
            let octets = scene.friend.send(&scene.bruno, &message);
            cases.push(Case::new(format!("{name} {odd}"), octets));
        }
    }
    scene.all_refused(cases).await;
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
}

/// What is refused for its date is forgotten again: a peer cannot make the node remember for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_date_far_ahead_does_not_make_the_node_remember_for_ever() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let until = |scene: &Scene| -> i64 {
        let database = scene.home.path().join("comity.db");
        let connection = rusqlite::Connection::open(database).unwrap();
        connection
            .query_row("SELECT max(fresh_until) FROM seen", [], |row| row.get(0))
            .unwrap()
    };
    for created in [scene.now() + 3_600, scene.now() * 2, 9_007_199_254_740_991] {
        let mut message = scene.good();
        message["created_time"] = created.into();
        message["expires_time"] = created.into();
        assert_eq!(
            line.envelope(&scene.friend.send(&scene.bruno, &message))
                .await
                .status,
            202
        );
    }
    scene.rows().await;
    let longest = i64::try_from(scene.now() + 31 * 86_400).unwrap();
    assert!(
        until(&scene) <= longest,
        "remembered until {}",
        until(&scene)
    );
}

/// Answers to pings that reached the friend's endpoint so far.
fn answers(scene: &Scene) -> usize {
    let posted = scene.lair.posted();
    let opened = posted
        .iter()
        .filter_map(|octets| scene.friend.open(octets, &scene.bruno));
    opened
        .filter(|one| one.plaintext.type_.as_str().ends_with("/ping-response"))
        .count()
}

fn ping(scene: &Scene, from: &Identity, route: bool) -> Value {
    let mut ping = letter(&from.did, scene.bruno.id(), PING, scene.now(), json!({}));
    if route {
        ping["return_route"] = "all".into();
    }
    ping
}

/// Somebody takes the envelope off the way, delivers it himself, and pockets the answer. He cannot
/// read it; delivering it again gets him nothing more, and the peer gets its answer all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_swallowed_return_route_gets_one_answer_and_the_peer_gets_its_own() {
    let scene = Scene::new().await;
    let envelope = scene
        .friend
        .send(&scene.bruno, &ping(&scene, &scene.friend, true));
    let mut thief = scene.line().await;
    let swallowed = thief.envelope(&envelope).await;
    assert_eq!(
        swallowed.status, 200,
        "first seen: answered on this connection"
    );
    assert!(
        !String::from_utf8_lossy(&swallowed.body).contains("ping-response"),
        "encrypted"
    );
    for _ in 0..50 {
        let again = thief.envelope(&envelope).await;
        assert_eq!(
            (again.status, again.body.len()),
            (202, 0),
            "seen before: not answered here"
        );
    }
    // What was swallowed goes to the peer's own endpoint, once.
    for _ in 0..100 {
        if answers(&scene) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = scene.rows().await;
    assert_eq!(
        answers(&scene),
        1,
        "the answer goes where its document says"
    );
    for _ in 0..50 {
        thief.envelope(&envelope).await;
    }
    assert_eq!(
        scene.rows().await,
        before,
        "repeating it leaves nothing behind"
    );
    assert_eq!(answers(&scene), 1);
}

/// A ping without `return_route`, sent again and again: one answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_ping_sent_again_is_not_answered_again() {
    let scene = Scene::new().await;
    let envelope = scene
        .friend
        .send(&scene.bruno, &ping(&scene, &scene.friend, false));
    let mut line = scene.line().await;
    assert_eq!(line.envelope(&envelope).await.status, 202);
    let before = scene.rows().await;
    for _ in 0..200 {
        assert_eq!(line.envelope(&envelope).await.status, 202);
    }
    assert_eq!(
        scene.rows().await,
        before,
        "a replayed ping left something behind"
    );
    assert_eq!(answers(&scene), 1, "a replayed ping was answered again");
}

/// To strangers silence includes pings and discovery, with and without a way back.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_no_answer_to_pings_and_discovery() {
    let scene = Scene::new().await;
    let mut cases = Vec::new();
    for (seed, type_) in [
        (1, PING),
        (2, "https://didcomm.org/discover-features/2.0/queries"),
        (3, "https://didcomm.org/empty/1.0/empty"),
        (4, "https://didcomm.org/report-problem/2.0/problem-report"),
        (5, "https://didcomm.org/basicmessage/2.0/message"),
    ] {
        for who in [
            Identity::key(seed),
            Identity::peer(seed, Some("https://evil.test/didcomm")),
        ] {
            for route in [Value::Null, json!("all"), json!("thread")] {
                let body = json!({"queries": [{"feature-type": "protocol", "match": "*"}], "content": "x"});
                let mut message = letter(&who.did, scene.bruno.id(), type_, scene.now(), body);
                message["return_route"] = route.clone();
                if route.is_null() {
                    message.as_object_mut().unwrap().remove("return_route");
                }
                let octets = who.send(&scene.bruno, &message);
                cases.push(Case::new(format!("{type_} signed, {route}"), octets));
                let octets = who.authcrypt(&scene.bruno, message.to_string().as_bytes());
                cases.push(Case::new(format!("{type_} authcrypted, {route}"), octets));
            }
        }
    }
    let asked = scene.lair.posted().len();
    scene.all_refused(cases).await;
    let friends = 1; // What the friend's own message at the end is receipted with.
    assert!(
        scene.lair.posted().len() <= asked + friends + 2,
        "something was sent to a stranger"
    );
}
