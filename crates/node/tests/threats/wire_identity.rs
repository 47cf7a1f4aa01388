//! Identity, at the wire: who signed, who is named, whose keys they are.

use crate::toolkit::{BRENDA, BRUNO, Case, Identity, REQUEST, Scene, UPDATE, letter, seal};
use comity_api::agent::Send;
use serde_json::{Value, json};
use std::time::Duration;

/// Everybody signs as everybody: nobody but the holder of a DID's key speaks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_signer_who_is_not_the_sender_is_refused() {
    let scene = Scene::new().await;
    let friend = &scene.friend;
    let mut cases = Vec::new();
    for seed in 100..130 {
        for attacker in [Identity::key(seed), Identity::peer(seed, None)] {
            // Says that he is the friend, and signs with his own key under his own name.
            cases.push(Case::new(
                "own kid, friend's from",
                attacker.send(&scene.bruno, &scene.good()),
            ));
            // Signs with his own key under the friend's key id.
            let mut forger = attacker.clone();
            forger.kid = friend.kid.clone();
            cases.push(Case::new(
                "friend's kid, own key",
                forger.send(&scene.bruno, &scene.good()),
            ));
            // Authcrypts likewise.
            let octets = attacker.authcrypt(&scene.bruno, scene.good().to_string().as_bytes());
            cases.push(Case::new("authcrypt, friend's from", octets));
            forger.agreement_kid = friend.agreement_kid.clone();
            let octets = forger.authcrypt(&scene.bruno, scene.good().to_string().as_bytes());
            cases.push(Case::new("authcrypt, friend's skid", octets));
            // Signed by the friend long ago for somebody else, carried by him.
            let mut foreign = scene.good();
            foreign["to"] = json!([attacker.did]);
            let octets = seal(&scene.bruno, friend.sign(&foreign).as_bytes());
            cases.push(Case::new("surreptitious forwarding", octets));
            // Signed by him, authcrypted with his key, `from` the friend; and the other way round.
            let inner = attacker.sign(&scene.good());
            let octets = attacker.authcrypt(&scene.bruno, inner.as_bytes());
            cases.push(Case::new("authcrypt around a foreign signature", octets));
        }
    }
    // The friend's agreement key does not sign, his signing key does not agree.
    let mut confused = friend.clone();
    confused.kid = friend.agreement_kid.clone();
    cases.push(Case::new(
        "signed under the agreement key's id",
        confused.send(&scene.bruno, &scene.good()),
    ));
    let mut nameless = scene.good();
    nameless.as_object_mut().unwrap().remove("from");
    cases.push(Case::new(
        "signed without from",
        friend.send(&scene.bruno, &nameless),
    ));
    cases.push(Case::new("plaintext alone", scene.good().to_string()));
    cases.push(Case::new(
        "signed and not encrypted",
        friend.sign(&scene.good()),
    ));
    cases.push(Case::new(
        "anoncrypted plaintext",
        seal(&scene.bruno, scene.good().to_string().as_bytes()),
    ));
    let twice = seal(&scene.bruno, &friend.send(&scene.bruno, &scene.good()));
    cases.push(Case::new(
        "an envelope in an envelope",
        seal(&scene.bruno, &twice),
    ));
    let signed_twice = friend.sign_octets(friend.sign(&scene.good()).as_bytes());
    cases.push(Case::new(
        "a signature around a signature",
        seal(&scene.bruno, signed_twice.as_bytes()),
    ));
    scene.all_refused(cases).await;
}

/// `to` names others, nobody, or nobody's form of us.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_somebody_else_is_refused_though_we_can_open_it() {
    let scene = Scene::new().await;
    let mut cases = Vec::new();
    for to in [
        json!([]),
        json!([BRENDA]),
        json!(["did:web:agents.org-b.test:nobody"]),
        json!(["did:web:agents.org-b.test"]),
        json!(["did:web:agents.org-b.test:bruno:x"]),
        json!(["did:web:agents.org-b.test:BRUNO"]),
        json!(["did:web:agents.org-b.test%3A80:bruno"]),
        json!([format!("{BRUNO}#key-1")]),
        json!([Identity::key(5).did]),
        json!(BRUNO),
        json!(vec![BRENDA; 40]),
    ] {
        let mut message = scene.good();
        message["to"] = to.clone();
        cases.push(Case::new(
            format!("to {to}"),
            scene.friend.send(&scene.bruno, &message),
        ));
    }
    let mut message = scene.good();
    message.as_object_mut().unwrap().remove("to");
    cases.push(Case::new(
        "no to",
        scene.friend.send(&scene.bruno, &message),
    ));
    scene.all_refused(cases).await;
}

/// A Comity peer names one recipient. Naming two of our agents is refused by each, told and
/// recorded once, and neither agent sees it; a peer of other software may write to several, and
/// each gets only what that agent has a grant for.
#[tokio::test(flavor = "multi_thread")]
async fn two_of_our_agents_in_one_message_are_two_decisions() {
    let scene = Scene::new().await;
    let before = scene.last_entry().await;
    let mut line = scene.line().await;
    for to in [
        json!([BRUNO, BRENDA]),
        json!([BRENDA, BRUNO]),
        json!([BRUNO, BRUNO]),
    ] {
        let mut message = scene.good();
        message["to"] = to;
        let signed = scene.friend.sign(&message);
        assert_eq!(
            line.envelope(&seal(&scene.bruno, signed.as_bytes()))
                .await
                .status,
            202
        );
        // Brenda has no grant with the friend: for her there is nothing to know.
        let answer = line.envelope(&seal(&scene.brenda, signed.as_bytes())).await;
        assert_eq!(answer, scene.nothing_to_know().await);
    }
    let entries = scene.entries_after(before).await;
    let codes: Vec<_> = entries
        .iter()
        .map(|entry| entry.record.as_ref().unwrap()["code"].clone())
        .collect();
    assert_eq!(codes, vec![json!("e.p.msg.several-recipients"); 3]);

    let other = Identity::peer(77, None);
    scene.admit(&other, "bruno", false).await;
    let mut message = scene.good_from(&other);
    message["to"] = json!([BRUNO, BRENDA]);
    let signed = other.sign(&message);
    assert_eq!(
        line.envelope(&seal(&scene.bruno, signed.as_bytes()))
            .await
            .status,
        202
    );
    let answer = line.envelope(&seal(&scene.brenda, signed.as_bytes())).await;
    assert_eq!(answer, scene.nothing_to_know().await);
    let delivery = scene.lease("bruno").await.unwrap();
    assert_eq!(delivery.message["id"], message["id"]);
    assert_eq!(scene.lease_within("brenda", Duration::ZERO).await, None);
}

/// Strangers of every kind, with every type but a knock, and an authcrypted knock.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_without_a_grant_meet_the_same_silence_as_noise() {
    let scene = Scene::new().await;
    let web = Identity::web("evil.test", "stranger", 3);
    scene.lair.serve(&web);
    let asked = scene.lair.asked().len();
    let mut cases = Vec::new();
    for seed in 0..40 {
        for who in [
            Identity::key(seed),
            Identity::peer(seed, Some("https://evil.test/didcomm")),
            web.clone(),
        ] {
            let types = [
                REQUEST,
                UPDATE,
                "https://w3id.org/comity/contact/1.0/welcome",
                "https://w3id.org/comity/contact/1.0/ended",
                "https://w3id.org/comity/contact/1.0/declined",
                "https://w3id.org/comity/receipt/1.0/void",
                "https://w3id.org/comity/batch/1.0/batch",
                "https://w3id.org/comity/contact/1.0/Knock",
                "https://w3id.org/comity/contact/2.0/knock",
            ];
            let type_ = types[usize::try_from(seed).unwrap() % types.len()];
            let message = letter(
                &who.did,
                scene.bruno.id(),
                type_,
                scene.now(),
                json!({"x": 1}),
            );
            cases.push(Case::new(
                format!("{type_} signed"),
                who.send(&scene.bruno, &message),
            ));
            let octets = who.authcrypt(&scene.bruno, message.to_string().as_bytes());
            cases.push(Case::new(format!("{type_} authcrypted"), octets));
            let knock = scene.knock(&who, [who.did.as_str(), BRUNO], "hello");
            let octets = who.authcrypt(&scene.bruno, knock.to_string().as_bytes());
            cases.push(Case::new("an authcrypted knock", octets));
        }
    }
    scene.all_refused(cases).await;
    let fetched = scene
        .lair
        .asked()
        .into_iter()
        .skip(asked)
        .filter(|line| line.contains("stranger"));
    assert_eq!(
        fetched.count(),
        0,
        "a claim alone made the node fetch something"
    );
}

/// Case is no difference between ids, and none between threads.
#[tokio::test(flavor = "multi_thread")]
async fn ids_that_differ_by_case_are_the_same_id() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let mut message = scene.good();
    message["id"] = "Mixed-Case-Id".into();
    message.as_object_mut().unwrap().remove("thid");
    assert_eq!(
        line.envelope(&scene.friend.send(&scene.bruno, &message))
            .await
            .status,
        202
    );
    let delivery = scene.lease("bruno").await.unwrap();
    scene.done("bruno", &delivery).await;
    let before = scene.last_entry().await;
    for id in ["mixed-case-id", "MIXED-CASE-ID", "mIXED-cASE-iD"] {
        message["id"] = id.into();
        assert_eq!(
            line.envelope(&scene.friend.send(&scene.bruno, &message))
                .await
                .status,
            202
        );
    }
    assert_eq!(
        scene.lease_within("bruno", Duration::ZERO).await,
        None,
        "it reached the agent twice"
    );
    let entries = scene.entries_after(before).await;
    for entry in &entries {
        assert_eq!(entry.record.as_ref().unwrap()["code"], "e.p.msg.id-reused");
    }
    assert_eq!(entries.len(), 3);
}

/// A thread belongs to a pair: naming another pair's thread gets nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_cannot_step_into_another_pairs_thread() {
    let scene = Scene::new().await;
    let other = Identity::web("evil.test", "other", 12);
    scene.lair.serve(&other);
    scene.befriend(&other).await;
    // Bruno asks the friend, and waits for the answer in that thread.
    let ask = Send {
        to: Some(scene.friend.did.to_string()),
        type_: UPDATE.into(),
        body: json!({}),
        ask: true,
        ..Send::default()
    };
    let asked = scene.submit("bruno", ask).await;
    let mut line = scene.line().await;
    let mut answer = scene.good_from(&other);
    answer["thid"] = asked.thid.as_str().into();
    assert_eq!(
        line.envelope(&other.send(&scene.bruno, &answer))
            .await
            .status,
        202
    );
    // It arrives as what it is, a message of the other; it is no answer to the friend's question.
    let delivery = scene.lease("bruno").await.unwrap();
    assert_eq!(delivery.message["from"], other.did.as_str());
    scene.done("bruno", &delivery).await;
    let caller = scene.caller("bruno").await;
    let shown = scene
        .core()
        .show(&caller, &asked.id, None, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(shown.answer, None);
    // A reply's right to types that no grant lists is the pair's own, too.
    let mut answer = scene.good_from(&other);
    answer["thid"] = asked.thid.as_str().into();
    answer["type"] = "https://example.org/elsewhere/1.0/x".into();
    answer["sender_order"] = 2.into();
    let before = scene.last_entry().await;
    line.envelope(&other.send(&scene.bruno, &answer)).await;
    let entries = scene.entries_after(before).await;
    assert_eq!(
        entries[0].record.as_ref().unwrap()["code"],
        "e.p.trust.type-not-granted"
    );
}

/// What proves itself to us only needs a grant that says so, for every type.
#[tokio::test(flavor = "multi_thread")]
async fn deniable_messages_of_a_granted_peer_need_a_grant_that_allows_them() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    for type_ in [REQUEST, UPDATE, "https://w3id.org/comity/receipt/1.0/void"] {
        let mut message = scene.good();
        message["type"] = type_.into();
        let before = scene.last_entry().await;
        let octets = scene
            .friend
            .authcrypt(&scene.bruno, message.to_string().as_bytes());
        assert_eq!(line.envelope(&octets).await.status, 202, "told, as a peer");
        let entries = scene.entries_after(before).await;
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["refused"], "{type_}");
    }
    assert_eq!(scene.lease_within("bruno", Duration::ZERO).await, None);
    let other = Identity::peer(31, None);
    scene.admit(&other, "bruno", true).await;
    let message = scene.good_from(&other).to_string();
    let octets = other.authcrypt(&scene.bruno, message.as_bytes());
    assert_eq!(line.envelope(&octets).await.status, 202);
    let delivery = scene.lease("bruno").await.unwrap();
    assert_eq!(delivery.context.proof, "us");
}

/// `causes` that lie, by the thousand.
#[tokio::test(flavor = "multi_thread")]
async fn huge_and_odd_causes_are_bounded() {
    let scene = Scene::new().await;
    let mut line = scene.line().await;
    let digest = |n: u64| comity_record::labelled("x", &n.to_be_bytes()).to_string();
    for causes in [
        json!((0..10_000).map(digest).collect::<Vec<_>>()),
        json!(vec![digest(1); 1_000]),
        json!("uEi"),
        json!([{}, [], null, 7, "x"]),
        Value::Null,
    ] {
        let mut message = scene.good();
        message["causes"] = causes;
        assert_eq!(
            line.envelope(&scene.friend.send(&scene.bruno, &message))
                .await
                .status,
            202
        );
        let delivery = scene.lease("bruno").await.unwrap();
        scene.done("bruno", &delivery).await;
        let entries = scene.entries_after(0).await;
        let entry = entries
            .iter()
            .rev()
            .find(|entry| entry.kind == "message-in")
            .unwrap();
        let kept = entry.record.as_ref().unwrap()["causes"]
            .as_array()
            .map_or(0, Vec::len);
        assert!(kept <= 64, "{kept} causes in the record");
    }
}
