//! The agent's door over HTTP: local programs and web pages that are not the agent, and bodies that
//! are none.

use crate::toolkit::chaos::{duplicated, nested, substitutions, truncations};
use crate::toolkit::{Answer, Chaos, Line, REQUEST, Scene};
use serde_json::json;

const POSTS: [&str; 4] = ["/v1/messages", "/v1/lease", "/v1/settle", "/v1/extend"];

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub async fn post(line: &mut Line, token: &str, path: &str, body: &[u8]) -> Answer {
    line.ask("POST", path, &[("authorization", &bearer(token))], body)
        .await
}

/// An error of this door: a problem with a code of the table, and with what to do next.
fn is_helpful(answer: &Answer) -> bool {
    let problem = answer.json();
    let text = |name: &str| problem[name].as_str().is_some_and(|text| !text.is_empty());
    answer.head.contains("application/problem+json")
        && text("code")
        && text("title")
        && (text("next") || problem["retry_after_s"].is_u64())
}

/// Tokens that are almost right, of other forms, of other doors: the same 401 on every route, and
/// the same for every one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_opens_no_route() {
    let scene = Scene::new().await;
    let (mut line, chaos) = (scene.agent_line().await, Chaos::new(2));
    let good = scene.tokens["bruno"].clone();
    let mut headers: Vec<Option<String>> = vec![None, Some(String::new()), Some("Bearer".into())];
    for end in 0..good.len() {
        headers.push(Some(bearer(&good[..end])));
    }
    for _ in 0..200 {
        let mut spoiled = good.clone().into_bytes();
        let place = chaos.below(spoiled.len());
        spoiled[place] = b"abcXYZ019-_"[chaos.below(11)];
        if spoiled != good.as_bytes() {
            headers.push(Some(bearer(std::str::from_utf8(&spoiled).unwrap())));
        }
    }
    for form in [
        "Basic {}",
        "Bearer {}x",
        "Bearer x{}",
        "Token {}",
        "{}",
        "Bearer {},{}",
        "Bearer \"{}\"",
    ] {
        headers.push(Some(form.replace("{}", &good)));
    }
    headers.push(Some(bearer(&"A".repeat(20_000))));
    let before = scene.rows().await;
    let mut first: Option<Answer> = None;
    for header in &headers {
        let sent: Vec<(&str, &str)> = header
            .iter()
            .map(|text| ("authorization", text.as_str()))
            .collect();
        let answer = line.ask("POST", "/v1/messages", &sent, b"{}").await;
        assert_eq!(answer.status, 401, "{header:?}: {answer:?}");
        assert!(is_helpful(&answer), "{answer:?}");
        let known = first.get_or_insert_with(|| answer.clone());
        assert_eq!(&answer, known, "{header:?}");
    }
    for (method, path) in [
        ("GET", "/v1/agent"),
        ("GET", "/v1/messages/x"),
        ("POST", "/v1/messages/x/cancel"),
        ("POST", "/v1/lease"),
        ("POST", "/v1/settle"),
        ("POST", "/v1/extend"),
        ("GET", "/v1/events"),
        ("GET", "/v1/socket"),
        ("GET", "/v1/nothing"),
        ("DELETE", "/v1/agent"),
    ] {
        let answer = line
            .ask(method, path, &[("authorization", "Bearer ct_wrong")], b"")
            .await;
        assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
    }
    assert_eq!(scene.rows().await, before);
}

/// Pages of other origins, and names that resolve to this machine only for the attacker's page.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_hosts_and_origins_are_refused_with_a_good_token_too() {
    let scene = Scene::new().await;
    let mut line = scene.agent_line().await;
    let (token, before) = (bearer(&scene.tokens["bruno"]), scene.rows().await);
    let own = scene.core().status().await.unwrap().agent_door;
    let own = own.strip_prefix("http://").unwrap().to_owned();
    let port = own.rsplit(':').next().unwrap().to_owned();
    for host in [
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1.nip.io",
        "evil.com:80",
        "[::ffff:8.8.8.8]",
        "0x7f.1.evil",
        "agents.org-b.test",
        "LOCALHOST.",
        "localhost@evil.com",
        "evil.com/localhost",
        "evil.com#localhost",
        "8.8.8.8",
        "10.0.0.1",
        "",
    ] {
        for path in POSTS {
            let sent = [("host", host), ("authorization", token.as_str())];
            let answer = line.ask("POST", path, &sent, b"{}").await;
            assert!([400, 403].contains(&answer.status), "{host}: {answer:?}");
            if answer.status == 403 {
                assert_eq!(answer.code(), "e.m.req.host", "{host}");
                assert!(is_helpful(&answer), "{answer:?}");
            }
        }
    }
    for origin in [
        "http://evil.com".to_owned(),
        "https://evil.com".into(),
        "null".into(),
        String::new(),
        format!("https://{own}"),
        format!("http://{own}.evil.com"),
        format!("http://evil.com:{port}"),
        format!("http://{own}@evil.com"),
        "http://localhost".into(),
        "http://localhost:1".into(),
        "http://127.0.0.1".into(),
        "chrome-extension://x".into(),
        "file://".into(),
        "*".into(),
    ] {
        for (method, path) in [
            ("POST", "/v1/messages"),
            ("GET", "/v1/socket"),
            ("GET", "/openapi.json"),
        ] {
            let sent = [
                ("origin", origin.as_str()),
                ("authorization", token.as_str()),
            ];
            let answer = line.ask(method, path, &sent, b"{}").await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "e.m.req.origin"),
                "{origin} {path}"
            );
            assert!(
                is_helpful(&answer) && !answer.head.contains("access-control"),
                "{answer:?}"
            );
        }
    }
    assert_eq!(scene.rows().await, before);
}

/// Bodies that are no bodies: an error that helps, never a 500, nothing kept.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_explained_and_leave_nothing() {
    let scene = Scene::new().await;
    let mut line = scene.agent_line().await;
    let token = scene.tokens["bruno"].clone();
    let send = json!({"to": scene.friend.did, "type": REQUEST, "body": {"x": {"y": [1, 2]}},
        "thid": "t", "purpose": "p", "causes": [], "ask": false, "id": "an-id"});
    let settle = json!({"settlements": [{"delivery": "d_x", "lease": "l_x", "outcome": "done",
        "messages": [{"type": "y", "body": {}}]}]});
    let extend = json!({"delivery": "d_x", "lease": "l_x", "seconds": 5});
    let lease = json!({"max": 1, "wait_s": 0});
    let before = scene.rows().await;
    let mut count = 0;
    for (path, body) in [
        ("/v1/messages", &send),
        ("/v1/settle", &settle),
        ("/v1/extend", &extend),
        ("/v1/lease", &lease),
    ] {
        let object = body.as_object().unwrap();
        let text = body.to_string();
        let mut spoiled: Vec<(String, Vec<u8>)> = Vec::new();
        // An empty body is `{}`, which leases one delivery.
        for case in truncations(text.as_bytes(), 400).into_iter().skip(1) {
            spoiled.push((case.name, case.octets));
        }
        for (name, twice) in duplicated(object) {
            spoiled.push((name, twice.into_bytes()));
        }
        for depth in [33, 40, 100, 1_000, 20_000] {
            for text in nested(object, "deep", depth) {
                spoiled.push((format!("depth {depth}"), text.into_bytes()));
            }
        }
        for other in [
            "[]",
            "null",
            "7",
            "\"x\"",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{\"\u{0}\":1}",
        ] {
            spoiled.push((other.to_owned(), other.as_bytes().to_vec()));
        }
        spoiled.push((
            "not utf-8".into(),
            vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}'],
        ));
        for (name, octets) in spoiled {
            let answer = post(&mut line, &token, path, &octets).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path} {name}: {answer:?}"
            );
            assert!(is_helpful(&answer), "{path} {name}: {answer:?}");
            count += 1;
        }
    }
    assert!(count > 400, "{count} cases");
    let large = format!("{{\"body\":\"{}\"}}", "x".repeat(3 * 1024 * 1024));
    for path in POSTS {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            large.len()
        );
        // Whoever goes on writing after the answer may find the connection closed before he reads.
        let answer = line
            .raw(&[head.as_bytes(), large.as_bytes()].concat())
            .await;
        // Whoever only announces it reads why not.
        let told = scene.agent_line().await.raw(head.as_bytes()).await;
        for answer in answer.into_iter().chain([told.expect("an answer")]) {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (413, "e.p.me.res.too-large"),
                "{path}"
            );
            assert!(is_helpful(&answer), "{answer:?}");
        }
    }
    assert_eq!(scene.rows().await, before);
}

/// Every member of every request replaced by every other type: understood, or explained.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_other_types_are_understood_or_explained() {
    let scene = Scene::new().await;
    let mut line = scene.agent_line().await;
    let token = scene.tokens["bruno"].clone();
    let send = json!({"to": scene.friend.did, "type": REQUEST, "body": {"x": 1}, "thid": "t",
        "pthid": "p", "expires_time": scene.now() + 60, "causes": [comity_record::labelled("x", b"y")],
        "purpose": "p", "ask": false});
    let settle = json!({"settlements": [{"delivery": "d_x", "lease": "l_x", "outcome": "done",
        "messages": [], "code": "c", "after_s": 1}]});
    let extend = json!({"delivery": "d_x", "lease": "l_x", "seconds": 5});
    for (path, body) in [
        ("/v1/messages", &send),
        ("/v1/settle", &settle),
        ("/v1/extend", &extend),
        ("/v1/lease", &json!({"max": 1, "wait_s": 0})),
    ] {
        for (name, value) in substitutions(body) {
            let wait = value["wait_s"].as_u64().is_some_and(|wait| wait > 0);
            if wait || (path == "/v1/lease" && value.get("wait_s").is_none()) {
                continue;
            }
            let answer = post(&mut line, &token, path, value.to_string().as_bytes()).await;
            match answer.status {
                200 | 201 => {}
                400..500 => assert!(is_helpful(&answer), "{path} {name}: {answer:?}"),
                _ => panic!("{path} {name}: {answer:?}"),
            }
        }
    }
    scene.still_serves().await;
}
