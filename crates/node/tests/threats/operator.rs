//! The operator's door, the home directory and what a node says when it cannot start.

use crate::toolkit::chaos::{duplicated, nested, truncations};
use crate::toolkit::{BRUNO, Identity, PROTOCOL, REQUEST, Scene};
use comity_api::agent::Send;
use comity_node::Node;
use comity_node::journey::Operator;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

fn is_helpful(problem: &Value) -> bool {
    let text = |name: &str| problem[name].as_str().is_some_and(|text| !text.is_empty());
    text("code") && text("title") && (text("next") || problem["retry_after_s"].is_u64())
}

/// What an operator's program may send wrongly is explained, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_of_an_operator_are_explained_and_change_nothing() {
    let scene = Scene::new().await;
    let eve = Identity::key(600);
    let knock = scene.knock(&eve, [eve.did.as_str(), BRUNO], "x");
    assert_eq!(
        scene
            .line()
            .await
            .envelope(&eve.send(&scene.bruno, &knock))
            .await
            .status,
        202
    );
    let id = scene.pending(&eve).await.id;
    let mut line = scene.operator_line().await;
    let before = scene.rows().await;
    let grant =
        json!({"agent": "bruno", "peer": eve.did, "they_may_send": [PROTOCOL], "we_may_send": []});
    let approve = format!("/v1/knocks/{id}/approve");
    for (path, body) in [
        ("/v1/agents", json!({"name": "carla"})),
        ("/v1/grants", grant),
        (approve.as_str(), json!({"approval": "uEi"})),
        ("/v1/peers/block", json!({"did": eve.did})),
        ("/v1/record/export", json!({"thread": "x"})),
        (
            "/v1/parked/zzzz/answer",
            json!({"answer": {"limit": 5}, "number": 1}),
        ),
    ] {
        let mut texts: Vec<Vec<u8>> = truncations(body.to_string().as_bytes(), 60)
            .into_iter()
            .skip(1)
            .map(|case| case.octets)
            .collect();
        let object = body.as_object().unwrap();
        texts.extend(
            duplicated(object)
                .into_iter()
                .map(|(_, text)| text.into_bytes()),
        );
        texts.extend(nested(object, "deep", 40).map(String::into_bytes));
        texts.push(b"[]".to_vec());
        for text in texts {
            let answer = line.ask("POST", path, &[], &text).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path} {}: {answer:?}",
                String::from_utf8_lossy(&text)
            );
            assert!(is_helpful(&answer.json()), "{path}: {answer:?}");
        }
    }
    // A decision that names something else than what is shown decides nothing.
    for approval in ["", "uEi", &comity_record::labelled("x", b"y").to_string()] {
        let body = json!({"approval": approval}).to_string();
        let answer = line.ask("POST", &approve, &[], body.as_bytes()).await;
        assert_eq!(answer.code(), "e.p.trust.changed", "{answer:?}");
        assert!(is_helpful(&answer.json()), "{answer:?}");
    }
    for (method, path) in [
        ("POST", "/v1/knocks/zzzz/approve"),
        ("POST", "/v1/grants/zzzz/revoke"),
        ("GET", "/v1/messages/zzzz"),
        ("POST", "/v1/messages/zzzz/drop"),
        ("POST", "/v1/held/zzzz/allow"),
        ("POST", "/v1/parked/zzzz/answer"),
        ("GET", "/v1/parked?after=x"),
        ("GET", "/v1/agents/zzzz"),
        ("DELETE", "/v1/agents/zzzz"),
        ("GET", "/v1/nothing"),
        ("PUT", "/v1/status"),
        ("GET", "/v1/messages?limit=-1"),
        ("GET", "/v1/record/trace/zzzz"),
    ] {
        let answer = line.ask(method, path, &[], b"{\"approval\":\"x\"}").await;
        assert!(
            (400..500).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
        assert!(is_helpful(&answer.json()), "{method} {path}: {answer:?}");
    }
    assert_eq!(scene.rows().await, before);
    assert_eq!(scene.pending(&eve).await.state, "pending");
}

/// The knock changes under the operator's hand: the decision names what was shown, and fails.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_move_to_what_came_later() {
    let scene = Scene::new().await;
    let eve = Identity::web("evil.test", "eve", 610);
    scene.lair.serve(&eve);
    let mut line = scene.line().await;
    let mild = scene.knock(&eve, [eve.did.as_str(), BRUNO], "only prices");
    assert_eq!(
        line.envelope(&eve.send(&scene.bruno, &mild)).await.status,
        202
    );
    let shown = scene.pending(&eve).await;
    // Another knock takes its place before the operator presses the key.
    let mut greedy = scene.knock(&eve, [eve.did.as_str(), BRUNO], "only prices");
    greedy["body"]["offer"]["may"][0]["types"] =
        json!([PROTOCOL, "https://evil.test/everything/1.0"]);
    assert_eq!(
        line.envelope(&eve.send(&scene.bruno, &greedy)).await.status,
        202
    );
    let approve = |approval: String| comity_api::operator::Approve {
        approval,
        they_may_send: None,
        you_may_send: None,
        until: None,
        ..Default::default()
    };
    let old = scene
        .core()
        .approve(
            &Operator::local(),
            &shown.id,
            approve(shown.approval.clone()),
        )
        .await
        .unwrap_err();
    assert!(old.next.is_some(), "{old:?}");
    let now = scene.pending(&eve).await;
    let mixed = scene
        .core()
        .approve(&Operator::local(), &now.id, approve(shown.approval))
        .await
        .unwrap_err();
    assert_eq!(mixed.code, "e.p.trust.changed");
    // The document changes instead.
    scene.lair.serve(&Identity::web("evil.test", "eve", 611));
    let changed = scene
        .core()
        .approve(&Operator::local(), &now.id, approve(now.approval.clone()))
        .await
        .unwrap_err();
    assert_eq!(changed.code, "e.p.trust.changed");
    assert_eq!(
        scene.core().grants(false).await.unwrap().len(),
        1,
        "only the friend's"
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An old backup is put back: under `restored` the record goes on in a new log that names the old
/// one, what was under way has ended, and the old log is never signed again.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_restored_from_an_old_backup_never_signs_its_old_log_again() {
    let mut scene = Scene::new().await;
    let sent = |scene: &Scene| Send {
        to: Some(scene.friend.did.to_string()),
        type_: REQUEST.into(),
        body: json!({}),
        ..Send::default()
    };
    let before = scene.submit("bruno", sent(&scene)).await;
    let head = scene.core().status().await.unwrap().record;
    scene.stop().await;
    let backup = tempfile::tempdir().unwrap();
    copy(scene.home.path(), backup.path());
    scene.start().await;
    scene.submit("bruno", sent(&scene)).await;
    let envelope = scene.friend.send(&scene.bruno, &scene.good());
    assert_eq!(scene.line().await.envelope(&envelope).await.status, 202);
    scene.rows().await;
    scene.stop().await;
    scene.home = backup;
    let mut config = scene.config();
    config.restored = true;
    scene.node = Some(Node::start(config).await.unwrap());
    scene.rows().await;
    let status = scene.core().status().await.unwrap();
    assert_ne!(status.record.origin, head.origin, "another origin");
    let entries = scene.entries_after(0).await;
    let start = entries
        .iter()
        .rev()
        .find(|entry| entry.kind == "start")
        .unwrap();
    let previous = start.record.as_ref().unwrap()["previous"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(previous.contains(&head.origin), "{previous}");
    let caller = scene.caller("bruno").await;
    let shown = scene
        .core()
        .show(&caller, &before.id, None, Duration::ZERO)
        .await
        .unwrap();
    assert!(
        ["failed", "done", "sent"].contains(&shown.state.as_str()),
        "{shown:?}"
    );
    scene.still_serves().await;
}

async fn cannot_start(scene: &Scene) -> comity_api::Problem {
    match Node::start(scene.config()).await {
        Ok(node) => {
            node.stop().await;
            panic!("it started");
        }
        Err(error) => error.problem(),
    }
}

/// Places where a node cannot live: each says what to do, and the place is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_start_says_what_to_do_and_changes_nothing() {
    let mut scene = Scene::new().await;
    let home = scene.home.path().to_owned();
    let problem = cannot_start(&scene).await;
    assert!(
        problem.next.is_some(),
        "a second node on the directory: {problem:?}"
    );
    scene.stop().await;

    let taken = std::net::TcpListener::bind(scene.wire).unwrap();
    let problem = cannot_start(&scene).await;
    assert!(problem.next.is_some(), "the port is taken: {problem:?}");
    drop(taken);

    let database = home.join("comity.db");
    let good = fs::read(&database).unwrap();
    for place in [0, 1, 16, 20, 28] {
        let mut bad = good.clone();
        for octet in &mut bad[place..place + 8] {
            *octet ^= 0xa5;
        }
        fs::write(&database, &bad).unwrap();
        if let Err(error) = Node::start(scene.config()).await {
            let problem = error.problem();
            assert!(problem.next.is_some(), "octet {place}: {problem:?}");
            assert_eq!(
                fs::read(&database).unwrap(),
                bad,
                "octet {place}: it was written to"
            );
        } else {
            panic!("a database with a spoilt header was opened: {place}");
        }
    }
    fs::write(&database, &good[..good.len() / 2]).unwrap();
    if let Err(error) = Node::start(scene.config()).await {
        assert!(error.problem().next.is_some());
    } else {
        panic!("half a database was opened");
    }
    fs::write(&database, &good).unwrap();

    let key = home.join("master.key");
    let right = fs::read(&key).unwrap();
    for wrong in [&b""[..], b"x", &right[..right.len() / 2]] {
        fs::write(&key, wrong).unwrap();
        let problem = cannot_start(&scene).await;
        assert!(problem.next.is_some(), "{problem:?}");
        assert_eq!(
            fs::read(&key).unwrap(),
            wrong,
            "a damaged key is never replaced"
        );
    }
    fs::write(&key, &right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(cannot_start(&scene).await.next.is_some());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    scene.start().await;
    scene.still_serves().await;
}
