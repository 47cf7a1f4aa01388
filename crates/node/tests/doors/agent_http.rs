//! The agent's door over HTTP: who gets in, and what each route says.

use crate::client::{Answer, call, raw};
use crate::house::{House, REQUEST};
use comity_node::journey::Operator;
use comity_node::journey::WaitFor;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn whoami(house: &House, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", house.bruno_token);
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    call(house.agent, Method::GET, "/v1/agent", &all, "").await
}

#[tokio::test]
async fn every_route_wants_a_token() {
    let house = House::new().await;
    for (method, path) in [
        (Method::GET, "/v1/agent"),
        (Method::POST, "/v1/messages"),
        (Method::GET, "/v1/messages/x"),
        (Method::POST, "/v1/messages/x/cancel"),
        (Method::POST, "/v1/lease"),
        (Method::POST, "/v1/settle"),
        (Method::POST, "/v1/extend"),
        (Method::GET, "/v1/events"),
        (Method::GET, "/v1/socket"),
    ] {
        let short = &house.bruno_token[..house.bruno_token.len() - 1];
        let wrong = [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ct_wrong".to_owned(),
            format!("Bearer {short}"),
            format!("Basic {}", house.bruno_token),
            house.bruno_token.clone(),
        ];
        for authorization in wrong {
            let headers = [("authorization", authorization.as_str())];
            let answer = call(house.agent, method.clone(), path, &headers, "{}").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.code(), "e.m.req.no-token");
            assert!(answer.json()["next"].is_string());
        }
    }
    assert_eq!(whoami(&house, &[]).await.json()["name"], "bruno");
}

#[tokio::test]
async fn a_removed_agents_token_opens_nothing() {
    let house = House::new().await;
    house
        .aria
        .core()
        .remove_agent(&Operator::local(), "bruno")
        .await
        .unwrap();
    assert_eq!(whoami(&house, &[]).await.code(), "e.m.req.no-token");
}

#[tokio::test]
async fn only_names_of_this_machine_and_configured_ones_are_served() {
    let house = House::with(|config| config.agent_hosts = vec!["node.lan".to_owned()]).await;
    for host in [
        "localhost",
        "localhost:9",
        "LOCALHOST",
        "127.0.0.1",
        "[::1]:7411",
        "node.lan:80",
    ] {
        let answer = whoami(&house, &[("host", host)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        "a b",
        "user@localhost",
    ] {
        let answer = whoami(&house, &[("host", host)]).await;
        if answer.status == StatusCode::BAD_REQUEST && answer.body.is_empty() {
            continue; // not even HTTP
        }
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{host}");
        assert_eq!(answer.code(), "e.m.req.host", "{host}");
    }
    let without = format!(
        "GET /v1/agent HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n",
        house.bruno_token
    );
    assert!(
        raw(house.agent, without.as_bytes())
            .await
            .contains("e.m.req.host")
    );
}

#[tokio::test]
async fn web_pages_of_others_are_refused_even_with_a_token() {
    let house = House::new().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:3000",
        "http://127.0.0.1",
        "",
        "https://localhost",
    ] {
        let answer = whoami(&house, &[("origin", origin)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
        assert_eq!(answer.code(), "e.m.req.origin", "{origin}");
    }
    let own = format!("http://{}", house.agent);
    assert_eq!(
        whoami(&house, &[("origin", &own)]).await.status,
        StatusCode::OK
    );
    let answer = call(
        house.agent,
        Method::GET,
        "/openapi.json",
        &[("origin", "null")],
        "",
    )
    .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_description_needs_no_token() {
    let house = House::new().await;
    let answer = call(house.agent, Method::GET, "/openapi.json", &[], "").await;
    assert_eq!(answer.body, comity_node::doors::openapi().as_bytes());
}

#[tokio::test]
async fn a_message_is_made_once_however_often_it_is_sent() {
    let house = House::new().await;
    let send = json!({"id": "m-1", "to": house.aria(), "type": REQUEST, "body": {"rows": 3}});
    let first = house.ask("POST /v1/messages", send.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:?}", first.body);
    let again = house.ask("POST /v1/messages", send.clone()).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json()["digest"], first.json()["digest"]);
    let mut other = send;
    other["body"]["rows"] = json!(4);
    let conflict = house.ask("POST /v1/messages", other).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert_eq!(conflict.code(), "e.m.req.id-conflict");

    let shown = house.ask("GET /v1/messages/m-1", Value::Null).await.json();
    assert_eq!(
        (shown["id"].as_str(), shown["state"].as_str()),
        (Some("m-1"), Some("held"))
    );
    let cancelled = house
        .ask("POST /v1/messages/m-1/cancel", Value::Null)
        .await
        .json();
    assert_eq!(cancelled["state"], "cancelled");
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let house = House::new().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(64), "}".repeat(64));
    let big = format!(
        r#"{{"type":"{REQUEST}","body":{{"x":"{}"}}}}"#,
        "x".repeat(2_300_000)
    );
    let bearer = format!("Bearer {}", house.bruno_token);
    for (body, status, words) in [
        ("", 400, "type"),
        ("{", 400, "json"),
        ("[]", 400, "shape"),
        ("{} {}", 400, "json"),
        (r#"{"type":"x","type":"y"}"#, 400, "twice"),
        (r#"{"typ":"x","to":"y","type":"z"}"#, 400, "typ"),
        (r#"{"type":5}"#, 400, "string"),
        (&deep, 400, "deeper"),
        ("\u{feff}{}", 400, "json"),
        (&big, 413, "large"),
    ] {
        let headers = [("authorization", bearer.as_str())];
        let answer = call(
            house.agent,
            Method::POST,
            "/v1/messages",
            &headers,
            body.to_owned(),
        )
        .await;
        let shown: String = body.chars().take(40).collect();
        assert_eq!(answer.status.as_u16(), status, "{shown}");
        answer.code();
        let text = answer.json().to_string();
        assert!(text.contains(words), "{shown}: {text}");
    }
    for (what, status) in [
        ("GET /v1/messages/nobody", 404),
        ("GET /v1/messages/m?wait=forever", 400),
        ("GET /v1/messages/m?wait_s=long", 400),
        ("GET /v1/events?after=x", 400),
        ("GET /v1/nothing", 404),
        ("PATCH /v1/agent", 404),
        ("GET /v1/socket", 400),
    ] {
        let answer = house.ask(what, Value::Null).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {:?}", answer.body);
        answer.code();
    }
    let lease = house.ask("POST /v1/lease", json!({"max": 0})).await;
    assert_eq!(lease.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn curl_alone_can_run_an_agent() {
    let house = House::introduced().await;
    let message = house
        .aria
        .send(&house.bruno(), REQUEST, json!({"rows": 3}))
        .await;
    let delivery = house.lease(8).await.remove(0);
    assert_eq!(delivery["message"]["body"], json!({"rows": 3}));
    assert_eq!(delivery["attempt"], 1);

    let extend =
        json!({"delivery": delivery["delivery"], "lease": delivery["lease"], "seconds": 300});
    let extended = house.ask("POST /v1/extend", extend).await.json();
    assert!(
        extended["until"].as_u64() > delivery["until"].as_u64(),
        "{extended}"
    );

    let settlement = json!({
        "delivery": delivery["delivery"], "lease": delivery["lease"], "outcome": "done",
        "messages": [{"type": "response", "body": {"trend": "up"}}],
    });
    let lost = json!({"delivery": delivery["delivery"], "lease": "l_other", "outcome": "done"});
    let settle = json!({"settlements": [lost, settlement]});
    let settled = house.ask("POST /v1/settle", settle.clone()).await.json();
    assert_eq!(
        settled["results"][0]["problem"]["code"],
        "e.m.req.lease-lost"
    );
    let done = &settled["results"][1]["settled"];
    assert_eq!(done["messages"].as_array().unwrap().len(), 1, "{settled}");
    let again = house.ask("POST /v1/settle", settle).await.json();
    assert_eq!(
        again["results"][1], settled["results"][1],
        "the same result again"
    );

    let done = house.aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(done.state, "done");
    let events = house
        .ask("GET /v1/events?after=0&wait_s=20", Value::Null)
        .await
        .json();
    let first = &events["events"][0];
    assert!(
        first["n"].as_u64() > Some(0) && first["message"]["id"].is_string(),
        "{events}"
    );
}

#[tokio::test]
async fn a_long_poll_ends_when_something_comes() {
    let house = House::introduced().await;
    let start = std::time::Instant::now();
    let waiting = house.lease(1);
    let sending = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        house
            .aria
            .send(&house.bruno(), REQUEST, json!({"late": true}))
            .await;
    };
    let (deliveries, ()) = tokio::join!(waiting, sending);
    assert_eq!(deliveries[0]["message"]["body"], json!({"late": true}));
    assert!(start.elapsed() < Duration::from_secs(10));
    let none = house
        .ask("POST /v1/lease", json!({"max": 1, "wait_s": 0}))
        .await
        .json();
    assert_eq!(none, json!({"deliveries": []}));
}
