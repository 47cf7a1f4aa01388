//! The attacker's own host: serves whatever documents he likes, takes whatever is sent to him, and
//! notes who came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A host under the attacker's control. Reached by plain http through the node's host map, which is
/// the only way past the guard that a test has.
#[derive(Clone)]
pub struct Lair {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    pages: HashMap<String, Vec<u8>>,
    posted: Vec<Vec<u8>>,
    asked: Vec<String>,
    status: u16,
}

impl Lair {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State {
            status: 202,
            ..State::default()
        };
        let lair = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(state)),
        };
        let served = lair.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let lair = served.clone();
                tokio::spawn(async move { lair.talk(stream).await });
            }
        });
        lair
    }

    /// Serves a document under the name of its DID from now on.
    pub fn serve(&self, identity: &super::Identity) {
        let name = identity.did.as_str().rsplit(':').next().unwrap();
        self.serve_octets(name, identity.document.octets());
    }

    pub fn serve_octets(&self, name: &str, octets: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state
            .pages
            .insert(format!("/{name}/did.json"), octets.to_vec());
    }

    /// Everything that was posted so far.
    pub fn posted(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().posted.clone()
    }

    /// What was posted since this was last asked for.
    pub fn take_posted(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.lock().unwrap().posted)
    }

    /// Every request line so far.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    async fn talk(&self, mut stream: TcpStream) {
        let mut octets = Vec::new();
        loop {
            let mut chunk = vec![0; 16_384];
            let Ok(count) = stream.read(&mut chunk).await else {
                return;
            };
            if count == 0 {
                return;
            }
            octets.extend_from_slice(&chunk[..count]);
            while let Some((answer, used)) = self.answer(&octets) {
                octets.drain(..used);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The answer to the first request in `octets`, once it is whole, and its length.
    fn answer(&self, octets: &[u8]) -> Option<(Vec<u8>, usize)> {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&octets[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let all = end + length.unwrap_or(0);
        let body = octets.get(end..all)?.to_vec();
        let line = head.lines().next().unwrap_or_default().to_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut state = self.state.lock().unwrap();
        state.asked.push(line.clone());
        if line.starts_with("POST") {
            state.posted.push(body);
            let status = state.status;
            return Some((
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").into(),
                all,
            ));
        }
        let answer = match state.pages.get(&path) {
            Some(page) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/did+json\r\ncontent-length: {}\r\n\r\n",
                    page.len()
                );
                [head.as_bytes(), page].concat()
            }
            None => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        };
        Some((answer, all))
    }
}
