//! The operator's door.

use crate::client::{Answer, call_on};
use crate::house::{House, REQUEST};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::net::UnixStream;

impl House {
    async fn operate(&self, what: &str, body: Value) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let stream = UnixStream::connect(self.place.path().join("operator.sock"))
            .await
            .unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        call_on(
            stream,
            "operator",
            method.parse::<Method>().unwrap(),
            path,
            &[],
            body,
        )
        .await
    }
}

#[tokio::test]
async fn only_the_owner_may_open_the_socket() {
    let house = House::new().await;
    let mode = std::fs::metadata(house.place.path().join("operator.sock"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(
        house.operate("GET /v1/status", Value::Null).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_operator_sees_the_node_and_its_agents() {
    let house = House::new().await;
    let status = house.operate("GET /v1/status", Value::Null).await.json();
    assert_eq!(status["host"], house.place.host);
    assert_eq!(status["agents"].as_array().unwrap().len(), 2);
    assert_eq!(
        status["record"]["origin"]
            .as_str()
            .unwrap()
            .split('/')
            .next(),
        Some(house.place.host)
    );

    let created = house
        .operate("POST /v1/agents", json!({"name": "carla"}))
        .await;
    assert_eq!(created.status, StatusCode::CREATED);
    let created = created.json();
    assert!(created["token"].as_str().unwrap().len() > 40);
    let file = std::fs::read_to_string(created["token_file"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file["token"], created["token"]);
    assert_eq!(file["url"], format!("http://{}", house.agent));

    let carla = house
        .operate("GET /v1/agents/carla", Value::Null)
        .await
        .json();
    assert_eq!(carla["state"], "active");
    let gone = house.operate("DELETE /v1/agents/carla", Value::Null).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NO_CONTENT, 0));
    let again = house
        .operate("POST /v1/agents", json!({"name": "carla"}))
        .await;
    assert!(
        again.status.is_client_error(),
        "a name is never given out again"
    );
    again.code();
}

#[tokio::test]
async fn a_grant_that_is_made_is_answered_as_it_is_listed() {
    let house = House::new().await;
    let peer = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    let basic = "https://didcomm.org/basicmessage/2.0";
    let create = json!({"agent": "bruno", "peer": peer, "deniable": true,
        "they_may_send": [basic], "we_may_send": []});
    let created = house.operate("POST /v1/grants", create).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let grant = created.json();
    assert_eq!(
        (&grant["state"], &grant["peer"]),
        (&json!("active"), &json!(peer))
    );
    assert_eq!(
        (&grant["they_may_send"], &grant["deniable"]),
        (&json!([basic]), &json!(true))
    );
    let grants = house.operate("GET /v1/grants", Value::Null).await.json();
    assert_eq!(grants, json!([grant]));
}

#[tokio::test]
async fn a_knock_is_shown_approved_and_becomes_a_grant() {
    let house = House::new().await;
    house.aria.send(&house.bruno(), REQUEST, json!({})).await;
    let knock = loop {
        let knocks = house.operate("GET /v1/knocks", Value::Null).await.json();
        match knocks.as_array().unwrap().first() {
            Some(knock) => break knock.clone(),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let id = knock["id"].as_str().unwrap();
    let wrong = json!({"approval": "uEiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
    let refused = house
        .operate(&format!("POST /v1/knocks/{id}/approve"), wrong)
        .await;
    assert!(
        refused.status.is_client_error(),
        "only what was shown is approved"
    );
    refused.code();
    let right = json!({"approval": knock["approval"]});
    let decided = house
        .operate(&format!("POST /v1/knocks/{id}/approve"), right)
        .await;
    assert_eq!(decided.status, StatusCode::OK, "{:?}", decided.body);
    let grants = house.operate("GET /v1/grants", Value::Null).await.json();
    assert!(
        grants
            .as_array()
            .unwrap()
            .iter()
            .any(|grant| grant["id"] == decided.json()["grant"])
    );
    let messages = house
        .operate("GET /v1/messages?limit=10", Value::Null)
        .await
        .json();
    assert!(!messages.as_array().unwrap().is_empty());
    let watched = house
        .operate("GET /v1/watch?after=0&wait_s=10", Value::Null)
        .await
        .json();
    assert!(!watched.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_an_operator_mistypes_is_explained() {
    let house = House::new().await;
    for (what, body, status, code) in [
        ("GET /v1/nonsense", Value::Null, 404, "e.m.req.not-found"),
        ("PUT /v1/status", Value::Null, 404, "e.m.req.not-found"),
        (
            "GET /v1/agents/nobody",
            Value::Null,
            404,
            "e.m.req.not-found",
        ),
        (
            "DELETE /v1/agents/nobody",
            Value::Null,
            404,
            "e.m.req.not-found",
        ),
        (
            "GET /v1/messages/zzzz",
            Value::Null,
            404,
            "e.m.req.not-found",
        ),
        (
            "POST /v1/agents",
            json!({"name": "Not A Name"}),
            400,
            "e.m.req.bad-type",
        ),
        (
            "POST /v1/agents",
            json!({"nam": "x"}),
            400,
            "e.m.req.bad-type",
        ),
        (
            "GET /v1/messages?limit=many",
            Value::Null,
            400,
            "e.m.req.bad-type",
        ),
        (
            "POST /v1/agents",
            json!({"name": "x".repeat(300_000)}),
            413,
            "e.p.me.res.too-large",
        ),
    ] {
        let answer = house.operate(what, body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {:?}", answer.body);
        assert_eq!(answer.code(), code, "{what}");
    }
}

#[tokio::test]
async fn stopping_is_answered_and_then_done() {
    let house = House::new().await;
    let long = house.ask("POST /v1/lease", json!({"wait_s": 50}));
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        house.operate("POST /v1/stop", Value::Null).await.status
    };
    let start = std::time::Instant::now();
    let (waiting, stopped) = tokio::join!(long, stopped);
    assert_eq!(stopped, StatusCode::NO_CONTENT);
    assert_eq!(waiting.code(), "e.m.me.res.stopping");
    house.aria.node.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "who waits does not hold the node up"
    );
}
