use super::{Limits, serve};
use crate::doors::body::{BodyError, Reader};
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const LIMITS: Limits = Limits {
    connections: 4,
    for_a_prefix: 4,
    idle: Duration::from_millis(300),
    patience: Duration::from_millis(300),
};

async fn start(limits: Limits) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, reader) = (
        CancellationToken::new(),
        Reader::new(100, Duration::from_millis(300), 20, 100),
    );
    let read = async move |body: Body| match reader.read(body).await {
        Ok(held) => format!("{} octets", held.octets.len()),
        Err(error) => format!("{error:?}"),
    };
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        "slow but whole"
    };
    let big = async || "x".repeat(64 * 1024 * 1024);
    let router = Router::new()
        .route("/", get("here"))
        .route("/slow", get(slow))
        .route("/big", get(big))
        .route("/read", post(read));
    let task = tokio::spawn(serve(listener, router, limits, stop.clone()));
    (address, stop, task)
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What comes until the server closes, or `None` if it does not within two seconds.
async fn rest(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let all = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut read)).await;
    all.ok()
        .map(|_| String::from_utf8_lossy(&read).into_owned())
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn connections_that_idle_or_dawdle_over_the_head_are_closed() {
    let (address, ..) = start(LIMITS).await;
    for start in [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        say(&mut stream, start).await;
        assert!(
            rest(&mut stream).await.is_some(),
            "{start:?} is closed in time"
        );
    }
}

#[tokio::test]
async fn more_connections_than_there_are_places_are_closed_at_once() {
    let (address, ..) = start(Limits {
        idle: Duration::from_secs(5),
        ..LIMITS
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        say(&mut stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        held.push(stream);
    }
    let mut fifth = TcpStream::connect(address).await.unwrap();
    let _ = fifth.write_all(GET.as_bytes()).await;
    assert!(rest(&mut fifth).await.unwrap().is_empty());
    drop(held.pop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut again = TcpStream::connect(address).await.unwrap();
    say(&mut again, GET).await;
    assert!(rest(&mut again).await.unwrap().ends_with("here"));
}

#[tokio::test]
async fn a_body_has_bounds_in_octets_time_and_memory() {
    let (address, ..) = start(Limits {
        idle: Duration::from_secs(5),
        ..LIMITS
    })
    .await;
    let post = async |announced: usize, sent: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        say(
            &mut stream,
            &format!("{head}Content-Length: {announced}\r\n\r\n"),
        )
        .await;
        say(&mut stream, &"x".repeat(sent)).await;
        rest(&mut stream).await.unwrap()
    };
    assert!(post(100, 100).await.ends_with("100 octets"));
    assert!(
        post(101, 0)
            .await
            .ends_with(&format!("{:?}", BodyError::TooLarge))
    );
    assert!(
        post(10, 3)
            .await
            .ends_with(&format!("{:?}", BodyError::TooSlow))
    );
    let (slow, (second, small)) = tokio::join!(post(100, 99), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (post(100, 100).await, post(20, 20).await)
    });
    assert!(slow.ends_with(&format!("{:?}", BodyError::TooSlow)));
    assert!(
        second.ends_with(&format!("{:?}", BodyError::NoRoom)),
        "80 and 80 of 100: {second}"
    );
    assert!(small.ends_with("20 octets"), "small ones need no room");
    assert!(
        post(100, 100).await.ends_with("100 octets"),
        "room is given back"
    );
}

#[tokio::test]
async fn whoever_does_not_read_the_answer_loses_it() {
    let (address, ..) = start(Limits {
        connections: 1,
        ..LIMITS
    })
    .await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    say(&mut stream, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut other = TcpStream::connect(address).await.unwrap();
    say(&mut other, GET).await;
    assert!(
        rest(&mut other).await.unwrap().ends_with("here"),
        "its place was given back"
    );
    drop(stream);
}

#[tokio::test]
async fn stopping_lets_what_is_under_way_finish_and_nothing_else() {
    let (address, stop, task) = start(LIMITS).await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    say(&mut busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    stop.cancel();
    let (answer, ended) = tokio::join!(rest(&mut busy), task);
    ended.unwrap();
    assert!(answer.unwrap().ends_with("slow but whole"));
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(TcpStream::connect(address).await.is_err());
}
