//! Somebody's address for webhooks: answers as told, and keeps what came.

use anyhow::Result;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

/// One HTTP request as it came.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Method and path: `POST /x`.
    pub line: String,
    /// Headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

/// Listens on loopback while it lives.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    status: u16,
    posted: Vec<Posted>,
}

impl Receiver {
    /// Answers 204 at first.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self {
            address: listener.local_addr()?,
            state: Arc::new(Mutex::new(State {
                status: 204,
                posted: Vec::new(),
            })),
        };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = served.clone();
                tokio::spawn(async move { receiver.talk(stream).await });
            }
        });
        Ok(receiver)
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.lock().status = status;
    }

    /// What came so far.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.lock().posted.clone()
    }

    /// Waits until so many came.
    ///
    /// # Panics
    /// They do not come within half a minute.
    pub async fn wait_for(&self, count: usize) -> Vec<Posted> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let posted = self.posted();
            if posted.len() >= count {
                return posted;
            }
            assert!(Instant::now() < deadline, "{count} wanted: {posted:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn talk(&self, mut stream: TcpStream) {
        let mut octets = Vec::new();
        let posted = loop {
            let mut chunk = vec![0; 16_384];
            match stream.read(&mut chunk).await {
                Ok(count) if count > 0 => octets.extend_from_slice(&chunk[..count]),
                _ => return,
            }
            if let Some(posted) = read(&octets) {
                break posted;
            }
        };
        let status = {
            let mut state = self.lock();
            state.posted.push(posted);
            state.status
        };
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// The request, once it is whole.
fn read(octets: &[u8]) -> Option<Posted> {
    let text = String::from_utf8_lossy(octets);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.rsplit_once(' ')?.0.to_owned();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<String, String> = pairs
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    (body.len() >= length).then(|| Posted {
        line,
        body: body.to_owned(),
        headers,
    })
}
