//! Invitations: ours in the hands of those they were not meant for, and those of others that we
//! follow. And questions to policy, which change nothing however they are asked.

use crate::toolkit::chaos::{duplicated, nested, other_types, substitutions, truncations};
use crate::toolkit::{BRENDA, BRUNO, Chaos, Identity, PROTOCOL, REQUEST, Scene};
use comity_api::invite::{AcceptInvitation, Invite};
use comity_api::operator::CreateGrant;
use comity_api::policy::Explain;
use comity_didcomm::protocols::out_of_band::{Invitation, Link};
use comity_jose::base64url;
use comity_node::journey::Operator;
use serde_json::{Value, json};
use std::time::Duration;

/// A link that lets `guests` in, and the id in it.
async fn invite(scene: &Scene, agent: &str, guests: u64) -> (String, String) {
    let invite = Invite {
        agent: agent.to_owned(),
        they_may_send: vec![REQUEST.to_owned()],
        guests: Some(guests),
        open_until: Some(scene.now() + 3_600),
        uses: Some(5),
        ..Invite::default()
    };
    let operator = Operator::local();
    let invited = scene.core().invite(&operator, invite).await.unwrap();
    match Invitation::from_url(&invited.url).unwrap() {
        Link::Invitation(invitation) => (invitation.id.to_string(), invited.rule),
        other => panic!("{other:?}"),
    }
}

/// Knocks with an invitation. The status, and whether he is let in.
async fn knock_with(scene: &Scene, who: &Identity, id: &str) -> (u16, bool) {
    let mut knock = scene.knock(who, [who.did.as_str(), BRUNO], "I was invited");
    knock["pthid"] = id.into();
    let octets = who.send(&scene.bruno, &knock);
    let answer = scene.line().await.envelope(&octets).await;
    assert!(answer.body.is_empty(), "{answer:?}");
    (answer.status, is_in(scene, who).await)
}

async fn is_in(scene: &Scene, who: &Identity) -> bool {
    let grants = scene.core().grants(false).await.unwrap();
    let of = grants.iter().find(|grant| grant.peer == who.did.as_str());
    if let Some(grant) = of {
        assert_eq!(grant.they_may_send, [REQUEST]);
        assert!(
            grant.we_may_send.is_empty() && grant.most_uses <= Some(5),
            "{grant:?}"
        );
    }
    of.is_some()
}

/// An invitation lets in whoever has it, as often as it says, to the agent that it names, while it
/// lasts: not one guess near it, not once more, not elsewhere, not afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_in_its_guest_and_nobody_else() {
    let scene = Scene::new().await;
    let mut seed = 30_000..;
    let mut stranger = || Identity::key(seed.next().unwrap());
    let (id, _) = invite(&scene, "bruno", 1).await;
    let key = invitation_key(&id);
    let mut guesses = vec![
        String::new(),
        "0".repeat(36),
        key,
        format!("{id}0"),
        id[1..].to_owned(),
    ];
    for place in 0..id.len() {
        let mut guess = id.clone().into_bytes();
        guess[place] = if guess[place] == b'0' { b'1' } else { b'0' };
        guesses.push(String::from_utf8(guess).unwrap());
    }
    for guess in guesses {
        let (status, is_in) = knock_with(&scene, &stranger(), &guess).await;
        assert!([400, 503].contains(&status) && !is_in, "{guess}: {status}");
    }
    // Of another agent: what Brenda's lets in, it lets in to Brenda.
    let (of_brenda, _) = invite(&scene, "brenda", 1).await;
    assert!(!knock_with(&scene, &stranger(), &of_brenda).await.1);
    // Its guest, once; a case is no other id.
    let guest = stranger();
    assert_eq!(
        knock_with(&scene, &guest, &id.to_uppercase()).await,
        (202, true)
    );
    for _ in 0..2 {
        let (_, is_in) = knock_with(&scene, &stranger(), &id).await;
        assert!(!is_in, "used up");
    }
    // Two guests who come at once take two of two places; the third and the rest none.
    let (id, _) = invite(&scene, "bruno", 2).await;
    let guests: Vec<Identity> = (0..12).map(|_| stranger()).collect();
    let knocks = guests.iter().map(|guest| knock_with(&scene, guest, &id));
    futures_util::future::join_all(knocks).await;
    let mut came_in = 0;
    for guest in &guests {
        came_in += u32::from(is_in(&scene, guest).await);
    }
    assert_eq!(came_in, 2);
    // Withdrawn, and over.
    let (id, rule) = invite(&scene, "bruno", 5).await;
    scene
        .core()
        .end_rule(&Operator::local(), &rule, false)
        .await
        .unwrap();
    assert!(!knock_with(&scene, &stranger(), &id).await.1, "withdrawn");
    let (id, _) = invite(&scene, "bruno", 5).await;
    scene.clock.advance(Duration::from_secs(3_700));
    assert!(!knock_with(&scene, &stranger(), &id).await.1, "over");
    scene.still_serves().await;
}

/// What the node keeps of an invitation's id: of no use to whoever reads it.
fn invitation_key(id: &str) -> String {
    let octets = comity_jose::sha256(&[b"comity/invitation/v1\0", id.as_bytes()]);
    base64url::encode(&octets)
}

fn link(message: &str) -> String {
    format!(
        "https://evil.test/x?_oob={}",
        base64url::encode(message.as_bytes())
    )
}

fn invitation(from: &str) -> Value {
    let offer =
        json!({"guest_may": [PROTOCOL], "host_may": [PROTOCOL], "until": 4_000_000_000_u64});
    json!({
        "type": "https://didcomm.org/out-of-band/2.0/invitation", "id": "an-invitation",
        "typ": "application/didcomm-plain+json", "from": from,
        "body": {"goal_code": "comity.work-together", "goal": "work", "accept": ["didcomm/v2"]},
        "attachments": [{"id": "offer", "media_type": "application/comity-offer+json",
                         "data": {"json": offer}}],
    })
}

/// An invitation that we follow is a stranger's text: whatever it is, we knock at whoever it names
/// for what it offers and our operator wants, or are told why not. Nothing is fetched for it, and
/// it grants nothing by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_we_follow_moves_nothing_but_a_knock() {
    let scene = Scene::new().await;
    let evil = "did:web:evil.test:host";
    let good = invitation(evil);
    let text = good.to_string();
    let mut links: Vec<String> = vec![
        String::new(),
        "https://evil.test".to_owned(),
        "https://evil.test/?_oobid=7".to_owned(),
        "file:///etc/passwd?_oob=AAAA".to_owned(),
        format!(
            "{}&_oob={}",
            link(&text),
            base64url::encode(text.as_bytes())
        ),
        format!("{}&_oobid=7", link(&text)),
        link(&"x".repeat(100_000)),
        format!("https://evil.test/?_oob={}", "A".repeat(5_000_000)),
        link(&invitation(BRUNO).to_string()),
        link(&invitation("did:web:127.0.0.1:x").to_string()),
        link(&invitation("did:nobody:x").to_string()),
        "\u{202e}\u{0}https://evil.test".to_owned(),
    ];
    let object = good.as_object().unwrap();
    links.extend(duplicated(object).into_iter().map(|(_, text)| link(&text)));
    links.extend(nested(object, "x", 1_000).iter().map(|text| link(text)));
    let cut = truncations(text.as_bytes(), 20).into_iter().step_by(7);
    links.extend(cut.map(|case| link(&String::from_utf8(case.octets).unwrap())));
    let operator = Operator::local();
    let follow = async |url: String| {
        let accept = AcceptInvitation {
            agent: "bruno".to_owned(),
            url,
            ..AcceptInvitation::default()
        };
        scene.core().accept_invitation(&operator, accept).await
    };
    let before = scene.core().grants(true).await.unwrap().len();
    let (mut refused, asked) = (0, scene.lair.asked().len());
    for url in links {
        let shown = url.chars().take(80).collect::<String>();
        match follow(url).await {
            Err(problem) => {
                refused += 1;
                assert!(
                    problem.title.len() < 400 && !problem.title.contains('\u{202e}'),
                    "{shown}"
                );
            }
            Ok(following) => assert!(following.from.starts_with("did:"), "{shown}"),
        }
    }
    assert!(refused > 30, "{refused} refused");
    // Every member replaced: at most an offer, for what the link says and no more.
    for (number, (name, bent)) in (0..).zip(substitutions(&good)) {
        let mut bent = bent;
        if bent["from"] == evil {
            bent["from"] = format!("did:web:evil.test:h{number}").into();
        }
        if let Ok(following) = follow(link(&bent.to_string())).await {
            let grants = scene.core().grants(true).await.unwrap();
            let offer = grants
                .into_iter()
                .find(|row| row.id == following.grant)
                .unwrap();
            assert_eq!(offer.state, "offered", "{name}");
            let within = |types: &[String]| types.iter().all(|one| one == PROTOCOL);
            assert!(
                within(&offer.they_may_send) && within(&offer.we_may_send),
                "{name}"
            );
            assert!(
                !following.goal.contains('\u{202e}') && following.goal.len() < 8_192,
                "{name}"
            );
        }
    }
    let grants = scene.core().grants(true).await.unwrap();
    assert!(grants.len() > before, "some are knocks");
    let live = grants.iter().filter(|row| row.state == "active").count();
    assert_eq!(live, 1, "the friend's");
    let fetched = scene.lair.asked()[asked..].to_vec();
    let for_link = |line: &String| !line.contains("/didcomm") && !line.contains("/did.json");
    assert_eq!(
        fetched.into_iter().filter(for_link).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    scene.still_serves().await;
}

/// Questions to policy: any text, any number, from anybody to anybody. Told or refused; nothing
/// changes, and no answer carries what could deceive.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_policy_changes_nothing_however_it_is_asked() {
    let scene = Scene::new().await;
    let template = json!({
        "from": scene.friend.did, "to": "bruno", "type": REQUEST, "bytes": 7, "deniable": true,
        "thread": "a-thread", "at": scene.now(),
    });
    let mut questions: Vec<Value> = substitutions(&template)
        .into_iter()
        .map(|(_, v)| v)
        .collect();
    let chaos = Chaos::new(31);
    let friend = scene.friend.did.to_string();
    let parties = [
        friend.as_str(),
        "did:web:good.test:x",
        "did:web:good.test:y",
        "bruno",
        "brenda",
        BRUNO,
        BRENDA,
        "did:web:",
        "did:key:z6Mk",
        "@",
        "a@b@c",
        "\u{202e}onurb",
        "bruno\u{0}",
        "did:web:evil.test:\u{200b}x",
        "did:peer:2.x",
        "*",
    ];
    let types = [
        REQUEST,
        "https://example.org/other/2.1/x",
        "https://example.org/a/1.0/b",
        PROTOCOL,
        "",
        "x",
        "https://",
        "https://example.org/\u{202e}/1.0/x",
    ];
    let threads = [Value::Null, json!("a-thread"), json!("\u{202e}")];
    for _ in 0..600 {
        questions.push(json!({
            "from": parties[chaos.below(parties.len())], "to": parties[chaos.below(parties.len())],
            "type": types[chaos.below(types.len())], "bytes": chaos.next(), "at": chaos.next(),
            "thread": threads[chaos.below(threads.len())],
        }));
    }
    for other in other_types() {
        questions.push(other);
    }
    let (rows, entry) = (scene.rows().await, scene.last_entry().await);
    let (mut told, mut refused) = (0, 0);
    for question in questions {
        let Ok(ask) = serde_json::from_value::<Explain>(question) else {
            continue;
        };
        match scene.core().explain(ask.clone()).await {
            Ok(explained) => {
                told += 1;
                let text = serde_json::to_string(&explained).unwrap();
                assert!(
                    !text.contains(['\u{202e}', '\u{200b}', '\u{0}']),
                    "{ask:?}: {text}"
                );
            }
            Err(problem) => {
                refused += 1;
                assert!(
                    !problem.title.contains(['\u{202e}', '\u{200b}', '\u{0}']),
                    "{problem:?}"
                );
            }
        }
    }
    assert!(told > 20 && refused > 50, "{told} told, {refused} refused");
    assert_eq!(
        (scene.rows().await, scene.last_entry().await),
        (rows, entry)
    );
    scene.still_serves().await;
}

/// Messages over the rate are not taken now, and none of them is lost: each comes through when it
/// comes again in its time. Those over the uses never do, and their sender is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_rate_comes_later_and_what_is_over_the_uses_never() {
    let scene = Scene::new().await;
    let peer = Identity::web("evil.test", "eager", 32_000);
    scene.lair.serve(&peer);
    let create = CreateGrant {
        agent: "bruno".into(),
        peer: peer.did.to_string(),
        they_may_send: vec![PROTOCOL.into()],
        uses: Some(12),
        rate: Some(comity_api::operator::Rate {
            messages: 3,
            seconds: 60,
        }),
        ..CreateGrant::default()
    };
    scene
        .core()
        .create_grant(&Operator::local(), create)
        .await
        .unwrap();
    let mail: Vec<(String, Vec<u8>)> = (0..20)
        .map(|_| {
            let message = scene.good_from(&peer);
            let id = message["id"].as_str().unwrap().to_owned();
            (id, peer.send(&scene.bruno, &message))
        })
        .collect();
    let mut line = scene.line().await;
    let (mut waiting, mut came, mut told) = (mail, Vec::new(), 0);
    for round in 0..40 {
        let mut accepted = 0;
        let mut later = Vec::new();
        for (id, octets) in waiting {
            match line.envelope(&octets).await.status {
                503 => later.push((id, octets)),
                202 => accepted += 1,
                status => panic!("{id}: {status}"),
            }
        }
        waiting = later;
        let mut handed = 0;
        while let Some(delivery) = scene.lease_within("bruno", Duration::ZERO).await {
            handed += 1;
            came.push(delivery.message["id"].as_str().unwrap().to_owned());
            scene.done("bruno", &delivery).await;
        }
        assert!(handed <= 3, "round {round}: {handed} at once");
        told += accepted - handed;
        if waiting.is_empty() {
            break;
        }
        scene.clock.advance(Duration::from_secs(20));
    }
    came.sort();
    came.dedup();
    assert_eq!(
        (came.len(), told),
        (12, 8),
        "each once, or refused for good"
    );
    scene.still_serves().await;
}
