//! Receipts, at the wire: what others sign, moved, repeated or made up, and checkpoints of logs that
//! are not theirs.

use crate::toolkit::chaos::{flips, substitutions, truncations};
use crate::toolkit::{Case, Chaos, Identity, REQUEST, Scene, letter, seal};
use comity_api::agent::{Message, Send};
use comity_jose::{SigningKey, SystemEntropy};
use comity_record::receipt::{By, Draft, LoggedAt, Statement};
use comity_record::tree::Tree;
use comity_record::{Checkpoint, Fingerprint, LogOrigin, Receipt, ReceiptState, SignedNote, Vkey};
use serde_json::{Value, json};
use std::time::Duration;

const RECEIPTS: &str = "https://w3id.org/comity/receipt/1.0/receipts";

/// A log that somebody keeps, or says that he keeps.
struct Log {
    origin: LogOrigin,
    key: SigningKey,
    vkey: Vkey,
}

impl Log {
    fn new(authority: &str, epoch: u8) -> Self {
        let key = SigningKey::generate(&SystemEntropy);
        let origin = LogOrigin::new(authority, [epoch, 1, 2, 3]).unwrap();
        let vkey = Vkey::log(origin.clone(), key.public().clone()).unwrap();
        Self { origin, key, vkey }
    }

    fn head(&self, size: u64, salt: u8) -> SignedNote {
        let mut log = Tree::default();
        for index in 0..size {
            log.append(comity_record::tree::leaf_hash(&[
                salt,
                u8::try_from(index).unwrap(),
            ]));
        }
        let head = Checkpoint {
            origin: self.origin.clone(),
            size: log.size(),
            root: log.root(),
        };
        let signature = self.key.sign(head.body().as_bytes());
        head.into_note(&self.vkey, &signature).unwrap()
    }
}

fn statement(
    scene: &Scene,
    message: &Message,
    by: &Identity,
    log: &Log,
    state: ReceiptState,
) -> Statement {
    let kid = format!("{}#key-1", scene.bruno.id()).parse().unwrap();
    let key = scene
        .bruno
        .key(&kid, comity_did::Relationship::Authentication)
        .unwrap();
    Statement {
        message: message.digest.parse().unwrap(),
        id: message.id.clone(),
        sender: scene.bruno.id().clone(),
        recipient: by.did.clone(),
        state,
        code: None,
        at: scene.now(),
        by: By::Node,
        sender_key: Fingerprint::of(key),
        sender_kid: kid,
        sender_did_version: None,
        did_version: None,
        log: LoggedAt {
            origin: log.origin.clone(),
            index: 0,
            commitment: comity_record::entry::commitment(&[7; 32], b"{}"),
        },
    }
}

fn receipt(by: &Identity, statement: &Statement, head: &SignedNote) -> Receipt {
    let draft = Draft::new(std::slice::from_ref(statement), head, &by.kid).unwrap();
    let signature = by.signing.sign(draft.signing_input().octets());
    draft.finish(&signature).remove(0)
}

fn value(receipt: &Receipt) -> Value {
    serde_json::to_value(receipt).unwrap()
}

/// The carrier, which proves nothing and which anybody can make.
fn carrier(scene: &Scene, receipts: Vec<Value>) -> Vec<u8> {
    let plaintext = json!({
        "id": uuid::Uuid::new_v4().to_string(), "typ": "application/didcomm-plain+json",
        "type": RECEIPTS, "to": [scene.bruno.id()], "created_time": scene.now(),
        "body": {"receipts": receipts},
    });
    seal(&scene.bruno, plaintext.to_string().as_bytes())
}

/// A peer with a log of its own, let in, and two messages of Bruno's that it has.
struct Trial {
    scene: Scene,
    log: Log,
    peer: Identity,
    one: Message,
    two: Message,
}

impl Trial {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let log = Log::new("evil.test", 9);
        let (origin, vkey) = (log.origin.to_string(), log.vkey.to_string());
        let peer = Identity::web_with_log("evil.test", "clerk", 70, Some((&origin, &vkey)));
        scene.lair.serve(&peer);
        scene.befriend(&peer).await;
        let send = || Send {
            to: Some(peer.did.to_string()),
            type_: REQUEST.into(),
            body: json!({}),
            ..Send::default()
        };
        let (one, two) = (
            scene.submit("bruno", send()).await,
            scene.submit("bruno", send()).await,
        );
        let trial = Self {
            scene,
            log,
            peer,
            one,
            two,
        };
        for message in [&trial.one, &trial.two] {
            trial.until(message, "sent").await;
        }
        trial
    }

    async fn state(&self, message: &Message) -> String {
        let caller = self.scene.caller("bruno").await;
        self.scene
            .core()
            .show(&caller, &message.id, None, Duration::ZERO)
            .await
            .unwrap()
            .state
    }

    async fn until(&self, message: &Message, state: &str) {
        for _ in 0..200 {
            if self.state(message).await == state {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} never got {state}", message.id);
    }

    fn good(&self, message: &Message, state: ReceiptState) -> Receipt {
        let said = statement(&self.scene, message, &self.peer, &self.log, state);
        receipt(&self.peer, &said, &self.log.head(3, 0))
    }

    async fn give(&self, receipts: Vec<Value>) -> u16 {
        let octets = carrier(&self.scene, receipts);
        self.scene.line().await.envelope(&octets).await.status
    }
}

/// Receipts by those who have no say about a message, and receipts spoilt: nothing to know, nothing
/// kept, no state moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_not_the_recipients_own_word_moves_nothing() {
    let trial = Trial::new().await;
    let (scene, chaos) = (&trial.scene, Chaos::new(0xbad));
    let mut cases = Vec::new();
    let mut add = |name: String, receipts: Vec<Value>| {
        cases.push(Case::new(name, carrier(scene, receipts)));
    };
    for state in [
        ReceiptState::Received,
        ReceiptState::Done,
        ReceiptState::Refused,
    ] {
        // The friend speaks about a message to the clerk.
        let said = statement(scene, &trial.one, &scene.friend, &trial.log, state);
        add(
            format!("the friend says {state:?}"),
            vec![value(&receipt(&scene.friend, &said, &trial.log.head(3, 0)))],
        );
        // A stranger signs as the clerk.
        let mut forger = Identity::key(71);
        forger.kid = trial.peer.kid.clone();
        let said = statement(scene, &trial.one, &trial.peer, &trial.log, state);
        add(
            format!("forged {state:?}"),
            vec![value(&receipt(&forger, &said, &trial.log.head(3, 0)))],
        );
        // The clerk speaks about a message that was never sent, and one of somebody else's.
        for (name, change) in [
            (
                "message",
                json!(comity_record::labelled("x", b"never sent")),
            ),
            ("sender", json!("did:web:agents.org-b.test:brenda")),
            ("recipient", json!(scene.friend.did)),
        ] {
            let mut said =
                serde_json::to_value(statement(scene, &trial.one, &trial.peer, &trial.log, state))
                    .unwrap();
            said[name] = change;
            let said: Statement = serde_json::from_value(said).unwrap();
            let mut signer = trial.peer.clone();
            if name == "recipient" {
                signer.kid = scene.friend.kid.clone();
            }
            add(
                format!("{name} of another"),
                vec![value(&receipt(&signer, &said, &trial.log.head(3, 0)))],
            );
        }
    }
    // A good receipt, bent: cut, flipped, its parts put on another message, its members of other types.
    let good = trial.good(&trial.one, ReceiptState::Done);
    let jws = good.jws().to_owned();
    for case in truncations(jws.as_bytes(), 60)
        .into_iter()
        .chain(flips(&chaos, jws.as_bytes(), 80))
    {
        let Ok(text) = String::from_utf8(case.octets) else {
            continue;
        };
        add(case.name, vec![json!({"jws": text})]);
    }
    for (name, bent) in substitutions(&value(&good)) {
        add(name, vec![bent]);
    }
    let other = trial.good(&trial.two, ReceiptState::Done);
    let parts = |jws: &str| jws.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (parts(&jws), parts(other.jws()));
    add(
        "signature of another".into(),
        vec![json!({"jws": format!("{}.{}.{}", a[0], a[1], b[2])})],
    );
    add(
        "a message as a receipt".into(),
        vec![json!({"jws": scene.friend.sign(&scene.good())})],
    );
    for body in [
        json!([]),
        json!({}),
        json!({"receipts": {}}),
        json!({"receipts": []}),
        json!({"receipts": 7}),
    ] {
        let mut plaintext = letter(
            &scene.friend.did,
            scene.bruno.id(),
            RECEIPTS,
            scene.now(),
            json!({}),
        );
        plaintext.as_object_mut().unwrap().remove("from");
        if body.is_object() {
            plaintext["body"] = body.clone();
        }
        cases.push(Case::new(
            format!("body {body}"),
            seal(&scene.bruno, plaintext.to_string().as_bytes()),
        ));
    }
    cases.push(Case::new(
        "300 of nothing",
        carrier(scene, vec![json!({"jws": "a.b.c"}); 300]),
    ));
    let count = scene.all_refused(cases).await;
    assert!(count > 200, "{count} cases");
    assert_eq!(
        (trial.state(&trial.one).await, trial.state(&trial.two).await),
        ("sent".into(), "sent".into())
    );
}

/// Good receipts sent again and out of order: each state counts once, and none goes back.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_count_once_and_states_never_go_back() {
    let trial = Trial::new().await;
    let done = value(&trial.good(&trial.one, ReceiptState::Done));
    assert_eq!(trial.give(vec![done.clone()]).await, 202);
    assert_eq!(trial.state(&trial.one).await, "done");
    assert_eq!(
        trial.state(&trial.two).await,
        "sent",
        "only the message that it names"
    );
    let before = trial.scene.rows().await;
    for _ in 0..50 {
        trial.give(vec![done.clone(); 20]).await;
    }
    assert_eq!(
        trial.scene.rows().await,
        before,
        "a repeated receipt left something behind"
    );
    for state in [
        ReceiptState::Received,
        ReceiptState::Rejected,
        ReceiptState::Refused,
        ReceiptState::Expired,
    ] {
        trial
            .give(vec![value(&trial.good(&trial.one, state))])
            .await;
        assert_eq!(
            trial.state(&trial.one).await,
            "done",
            "{state:?} after the end"
        );
    }
    // Dates that no clock shows.
    for at in [0, u64::MAX, 1 << 63] {
        let mut said = statement(
            &trial.scene,
            &trial.two,
            &trial.peer,
            &trial.log,
            ReceiptState::Received,
        );
        said.at = at;
        trial
            .give(vec![value(&receipt(
                &trial.peer,
                &said,
                &trial.log.head(3, 0),
            ))])
            .await;
    }
    trial.scene.still_serves().await;
}

/// A peer that shows two histories is told of; and no peer can make another's log look false.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_cannot_bring_another_peers_log_into_disrepute() {
    let trial = Trial::new().await;
    let alarms = async || trial.scene.core().status().await.unwrap().alarms;
    assert_eq!(
        trial
            .give(vec![value(&trial.good(&trial.one, ReceiptState::Received))])
            .await,
        202
    );
    assert_eq!(alarms().await, Vec::<String>::new());

    // Another peer signs receipts of its own with checkpoints of the clerk's log: unsigned by that
    // log; and signed with a key that its own document calls that log's.
    let mine = Log::new("evil.test", 9);
    assert_eq!(mine.origin, trial.log.origin);
    for (seed, named) in [(80, false), (81, true)] {
        let vkey = mine.vkey.to_string();
        let log = named.then_some((trial.log.origin.as_str(), vkey.as_str()));
        let rival = Identity::web_with_log("evil.test", &format!("rival-{seed}"), seed, log);
        trial.scene.lair.serve(&rival);
        trial.scene.befriend(&rival).await;
        let send = Send {
            to: Some(rival.did.to_string()),
            type_: REQUEST.into(),
            body: json!({}),
            ..Send::default()
        };
        let message = trial.scene.submit("bruno", send).await;
        trial.until(&message, "sent").await;
        let said = statement(
            &trial.scene,
            &message,
            &rival,
            &mine,
            ReceiptState::Received,
        );
        for head in [mine.head(3, 5), mine.head(200, 5)] {
            trial
                .give(vec![value(&receipt(&rival, &said, &head))])
                .await;
        }
        assert_eq!(
            trial.state(&message).await,
            "received",
            "the receipt itself counts"
        );
        let about_the_clerk = alarms()
            .await
            .into_iter()
            .filter(|text| text.contains("clerk"));
        assert_eq!(about_the_clerk.count(), 0, "{:?}", alarms().await);
    }
    // The clerk goes on, and his own log is still compared with what we hold of it: a fork shows.
    let said = statement(
        &trial.scene,
        &trial.two,
        &trial.peer,
        &trial.log,
        ReceiptState::Received,
    );
    trial
        .give(vec![value(&receipt(
            &trial.peer,
            &said,
            &trial.log.head(3, 1),
        ))])
        .await;
    let told = alarms().await;
    assert!(
        told.iter()
            .any(|text| text.contains("clerk") && text.contains("two roots")),
        "{told:?}"
    );
}
