//! The wire door: status codes, bounds and silence.

use crate::client::{call, raw};
use crate::common::eventually;
use crate::house::House;
use http::{Method, StatusCode};
use std::net::{IpAddr, Ipv4Addr};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Three envelopes that nobody here can read, each for another reason.
const JUNK: [&str; 4] = [
    "",
    "junk",
    "{}",
    r#"{"protected":"e30","recipients":[],"iv":"","ciphertext":"","tag":""}"#,
];

async fn post(house: &House, headers: &[(&str, &str)], body: &str) -> crate::client::Answer {
    call(
        house.wire,
        Method::POST,
        "/didcomm",
        headers,
        body.to_owned(),
    )
    .await
}

#[tokio::test]
async fn what_cannot_be_read_gets_one_uniform_answer() {
    let house = House::new().await;
    for body in JUNK {
        for content_type in ["application/didcomm-encrypted+json", "text/plain", "x"] {
            let answer = post(&house, &[("content-type", content_type)], body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert!(answer.body.is_empty());
            let names: Vec<&str> = answer
                .headers
                .keys()
                .map(http::HeaderName::as_str)
                .collect();
            assert_eq!(names, ["content-length", "date"], "{body}");
        }
    }
}

#[tokio::test]
async fn documents_and_the_log_are_public_and_nothing_else_is() {
    let house = House::new().await;
    let get = async |path: &str| call(house.wire, Method::GET, path, &[], "").await;
    let document = get("/bruno/did.json").await;
    assert_eq!(document.status, StatusCode::OK);
    assert_eq!(document.json()["id"], house.bruno());
    assert_eq!(
        document.header("content-type"),
        Some("application/did+json")
    );
    assert_eq!(document.header("access-control-allow-origin"), Some("*"));

    let note = get("/comity/log/checkpoint").await;
    let note = String::from_utf8(note.body.to_vec()).unwrap();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    let proof = get(&format!("/comity/log/consistency?old=1&new={size}"))
        .await
        .json();
    assert!(proof["path"].is_array(), "{proof}");

    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/eve/did.json"),
        (Method::GET, "/.well-known/did.json"),
        (Method::GET, "/bruno"),
        (Method::GET, "/bruno/did.json/"),
        (Method::GET, "/..%2fbruno/did.json"),
        (Method::GET, "/didcomm"),
        (Method::POST, "/bruno/did.json"),
        (Method::GET, "/comity/log"),
        (Method::GET, "/comity/log/consistency"),
        (Method::GET, "/comity/log/consistency?old=0&new=1"),
        (Method::GET, "/comity/log/consistency?old=1&new=99999999"),
        (Method::GET, "/comity/log/consistency?old=-1&new=x"),
        (Method::GET, "/v1/agent"),
        (Method::GET, "/openapi.json"),
    ] {
        let answer = call(house.wire, method.clone(), path, &[], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert!(answer.body.is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn envelopes_over_four_mebibytes_are_refused_announced_or_not() {
    let house = House::new().await;
    let announced = "POST /didcomm HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n";
    assert!(
        raw(house.wire, announced.as_bytes())
            .await
            .starts_with("HTTP/1.1 413 ")
    );
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let head = "POST /didcomm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{}", chunk.repeat(5));
    let answer = raw(house.wire, chunked.as_bytes()).await;
    // The connection may be reset before the answer is read: octets were still coming.
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    assert_eq!(
        post(&house, &[], "x").await.status,
        StatusCode::BAD_REQUEST,
        "it goes on"
    );
}

#[tokio::test]
async fn what_is_not_http_is_hung_up_on() {
    let house = House::new().await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    for octets in [
        "\x16\x03\x01\x02\x00",
        "GET\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        &long,
        &many,
    ] {
        let answer = raw(house.wire, octets.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(
        post(&house, &[], "x").await.status,
        StatusCode::BAD_REQUEST,
        "it goes on"
    );
}

#[tokio::test]
async fn whoever_sends_what_is_refused_runs_out_of_tokens() {
    let house = House::with(|config| {
        config.seams.rated = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    })
    .await;
    let mut refused = 0;
    let last = loop {
        let answer = post(&house, &[], "junk").await;
        if answer.status != StatusCode::BAD_REQUEST {
            break answer;
        }
        refused += 1;
        assert!(refused < 1_000, "never throttled");
    };
    assert!(refused >= 100, "a burst is allowed: {refused}");
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.header("retry-after").is_some());
    assert!(last.body.is_empty());
    let document = call(house.wire, Method::GET, "/bruno/did.json", &[], "").await;
    assert_eq!(
        document.status,
        StatusCode::OK,
        "documents have a rate of their own"
    );
}

#[tokio::test]
async fn behind_a_proxy_the_rate_is_that_of_whom_it_speaks_for() {
    let house = House::with(|config| {
        config.host = None;
        config.host_map.clear();
        config.public_url = Some("https://agents.org-a.test".to_owned());
    })
    .await;
    let from = async |addresses: &str| {
        post(&house, &[("x-forwarded-for", addresses)], "junk")
            .await
            .status
    };
    let mut sent = 0;
    // What stands before the last entry was written by whoever knocks.
    while from(&format!("198.51.100.{}, 203.0.113.9", sent % 200)).await == StatusCode::BAD_REQUEST
    {
        sent += 1;
        assert!(sent < 1_000, "never throttled");
    }
    assert_eq!(
        from("203.0.113.200").await,
        StatusCode::TOO_MANY_REQUESTS,
        "the same /24"
    );
    assert_eq!(
        from("203.0.113.9, 198.51.100.1").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(from("2001:db8:1::1").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn on_this_machine_junk_does_not_throttle_the_neighbours() {
    let house = House::new().await;
    for _ in 0..150 {
        assert_eq!(
            post(&house, &[], "junk").await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn envelopes_that_find_no_room_are_asked_to_come_again() {
    let house = House::new().await;
    // Seventeen envelopes of nearly 4 MiB whose ends do not come fill what sixteen whole ones may.
    let (whole, sent) = (4 * 1024 * 1024, 4 * 1024 * 1024 - 1);
    let mut unfinished = Vec::new();
    for _ in 0..17 {
        let mut stream = TcpStream::connect(house.wire).await.unwrap();
        let head = format!("POST /didcomm HTTP/1.1\r\nHost: x\r\nContent-Length: {whole}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The last of them is answered before it has been read.
        let _ = stream.write_all(&vec![b' '; sent]).await;
        unfinished.push(stream);
    }
    let large = " ".repeat(2 * 1024 * 1024);
    eventually(async || {
        let answer = post(&house, &[], &large).await;
        answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.header("retry-after").is_some()
    })
    .await;
    let small = post(&house, &[], "{}").await;
    assert_eq!(
        small.status,
        StatusCode::BAD_REQUEST,
        "small ones need none"
    );
    drop(unfinished);
    eventually(async || post(&house, &[], &large).await.status == StatusCode::BAD_REQUEST).await;
}
