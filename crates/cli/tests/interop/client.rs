//! The other side: `interop/didcomm_python/peer.py`.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Where the client's DID says that it is reached.
pub(crate) const HOST: &str = "client.test";

/// A running client with its inbox; it ends with this value.
pub(crate) struct Client {
    did: String,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// What came of a message that the client sent.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) id: String,
    /// The envelope.
    pub(crate) packed: String,
    pub(crate) status: u64,
    /// What was in the response, if it unpacked.
    pub(crate) reply: Option<Received>,
    /// What else anybody can tell of the response.
    pub(crate) rest: Value,
}

/// A message as the client's library unpacked it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) message: Value,
    pub(crate) metadata: Value,
}

/// The client's interpreter. `None`, and a line that says so, if it isn't installed and needn't be.
pub(crate) fn interpreter() -> Option<PathBuf> {
    let interpreter = repository().join("target/interop/didcomm_python/bin/python");
    if interpreter.exists() {
        return Some(interpreter);
    }
    let is_required = std::env::var("COMITY_INTEROP").is_ok_and(|v| v == "required");
    assert!(!is_required, "run interop/didcomm_python/setup.sh first");
    eprintln!("nothing tested: run interop/didcomm_python/setup.sh first");
    None
}

impl Client {
    pub(crate) async fn start(
        interpreter: &Path,
        listen: SocketAddr,
        node: (&str, SocketAddr),
    ) -> Self {
        let mut process = Command::new(interpreter)
            .args(["-W", "ignore"])
            .arg(repository().join("interop/didcomm_python/peer.py"))
            .arg(listen.to_string())
            .arg(format!("http://{HOST}/inbox"))
            .arg(format!("{}={}", node.0, node.1))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut client = Self {
            did: String::new(),
            requests,
            answers,
            _process: process,
        };
        let identity = client.ask(json!({"op": "identity"})).await;
        client.did = text(&identity["did"]);
        assert!(client.did.starts_with("did:peer:2."), "{}", client.did);
        client
    }

    pub(crate) fn did(&self) -> &str {
        &self.did
    }

    /// What an out-of-band link invites to.
    pub(crate) async fn follow(&mut self, url: &str) -> Value {
        let followed = self.ask(json!({"op": "follow", "url": url})).await;
        followed["invitation"].clone()
    }

    /// Packs a message in a form of protection and posts it to the node. `message` has `type`, `to`
    /// and `body`; what else it has are headers.
    pub(crate) async fn send(&mut self, protection: &str, message: Value) -> Posted {
        let request = json!({"op": "send", "protection": protection, "message": message});
        let mut posted = self.ask(request).await;
        let reply = posted.get_mut("reply").map(Value::take);
        Posted {
            id: text(&posted["id"]),
            packed: text(&posted["packed"]),
            status: posted["status"].as_u64().unwrap(),
            reply: reply.map(Received::read),
            rest: response(&posted),
        }
    }

    /// Posts any text to where `to` takes envelopes: the status, and the rest of the response.
    pub(crate) async fn post(&mut self, to: &str, text: &str) -> (u64, Value) {
        let posted = self
            .ask(json!({"op": "post", "to": to, "text": text}))
            .await;
        (posted["status"].as_u64().unwrap(), response(&posted))
    }

    /// The next message in its inbox.
    pub(crate) async fn receive(&mut self) -> Received {
        let received = self
            .ask(json!({"op": "receive", "seconds": PATIENCE}))
            .await;
        assert_ne!(received, json!({}), "nothing came in {PATIENCE} s");
        let media_type = &received["metadata"]["media_type"];
        assert_eq!(media_type, "application/didcomm-encrypted+json");
        Received::read(received)
    }

    /// What is in its inbox now, if anything.
    pub(crate) async fn look(&mut self) -> Value {
        self.ask(json!({"op": "receive", "seconds": 0.2})).await
    }

    /// Nobody listens at its endpoint any more.
    pub(crate) async fn close(&mut self) {
        self.ask(json!({"op": "close"})).await;
    }

    /// Somebody does again.
    pub(crate) async fn open(&mut self) {
        self.ask(json!({"op": "open"})).await;
    }

    async fn ask(&mut self, request: Value) -> Value {
        let line = format!("{request}\n");
        self.requests.write_all(line.as_bytes()).await.unwrap();
        let longest = Duration::from_secs(2 * PATIENCE);
        let answer = tokio::time::timeout(longest, self.answers.next_line()).await;
        let answer = answer.unwrap().unwrap().unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("error").is_none(), "{request}: {answer}");
        answer
    }
}

impl Received {
    fn read(mut received: Value) -> Self {
        Self {
            message: received["message"].take(),
            metadata: received["metadata"].take(),
        }
    }

    /// The library verified that it was signed by `from` for `to`, and that it came encrypted, in
    /// the way that everybody can read.
    pub(crate) fn is_proved(&self, from: &str, to: &str) {
        let is_of = |url: &Value, did: &str| {
            let url = url.as_str().unwrap_or_default();
            url.strip_prefix(did)
                .is_some_and(|rest| rest.starts_with('#'))
        };
        let is_proved = self.metadata["encrypted"] == true
            && self.metadata["anoncrypt"] == "A256CBC_HS512_ECDH_ES_A256KW"
            && self.metadata["non_repudiation"] == true
            && is_of(&self.metadata["sign_from"], from)
            && self.metadata["encrypted_to"]
                .as_array()
                .unwrap()
                .iter()
                .all(|kid| is_of(kid, to))
            && self.message["from"] == from
            && self.message["to"] == json!([to]);
        assert!(is_proved, "{self:?}");
    }
}

fn response(posted: &Value) -> Value {
    let mut headers = posted["headers"].clone();
    headers
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.eq_ignore_ascii_case("date"));
    json!({"headers": headers, "text": posted["text"]})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Seconds. Machines that test are busy.
const PATIENCE: u64 = 30;
