//! A client that sees octets: what a door answers is compared as it came, not as a library
//! understands it.

use serde_json::Value;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// An HTTP answer as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The head without its `date` line, the only one that may differ between equal answers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body)
            .chars()
            .take(400)
            .collect();
        write!(f, "{}\n{body}", self.head)
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

/// A connection that is kept.
pub struct Line {
    stream: Box<dyn Stream>,
    address: Option<SocketAddr>,
    host: String,
}

impl Line {
    pub async fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: Box::new(stream),
            address: Some(address),
            host: address.to_string(),
        }
    }

    pub async fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).await.unwrap();
        Self {
            stream: Box::new(stream),
            address: None,
            host: "localhost".to_owned(),
        }
    }

    /// Posts an envelope to the wire door.
    pub async fn envelope(&mut self, octets: &[u8]) -> Answer {
        let typed = [("content-type", "application/didcomm-encrypted+json")];
        self.ask("POST", "/didcomm", &typed, octets).await
    }

    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("host: {}\r\n", self.host));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let octets = [head.as_bytes(), body].concat();
        self.raw(&octets)
            .await
            .unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Writes octets as they are; `None` if the door hangs up without a word.
    pub async fn raw(&mut self, octets: &[u8]) -> Option<Answer> {
        // A door that refuses before it has read everything may close while we write.
        let _ = self.stream.write_all(octets).await;
        let answer = self.read().await;
        let closes = answer
            .as_ref()
            .is_none_or(|answer| answer.head.contains("connection: close"));
        if closes && let Some(address) = self.address {
            *self = Self::tcp(address).await;
        }
        answer
    }

    async fn read(&mut self) -> Option<Answer> {
        let mut octets = Vec::new();
        let end = loop {
            if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            let mut chunk = vec![0; 4_096];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => octets.extend_from_slice(&chunk[..count]),
            }
        };
        let head = String::from_utf8(octets[..end].to_vec()).unwrap();
        let mut body = octets.split_off(end + 4);
        let lines = head
            .lines()
            .filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        let head = lines.collect::<Vec<_>>().join("\n");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let status = head.split(' ').nth(1)?.parse().ok()?;
        while status != 101 && body.len() < length.unwrap_or(0) {
            let mut chunk = vec![0; 16_384];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => body.extend_from_slice(&chunk[..count]),
            }
        }
        Some(Answer { status, head, body })
    }
}
