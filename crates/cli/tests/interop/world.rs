//! One organisation with Aria, and a client that knows nothing of Comity.

use crate::BASICMESSAGE;
use crate::client::{self, Client};
use comity_api::agent::{
    Delivery, LeaseRequest, Leased, Message, Send, SettleDone, SettleRequest, SettleResult,
    Settled, Settlement,
};
use comity_testkit::{Door, Organisation, free_address};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub(crate) const ARIA: &str = "did:web:agents.org-a.test:aria";

pub(crate) struct World {
    pub(crate) client: Client,
    aria: Door,
    node: Organisation,
    _home: TempDir,
}

impl World {
    /// Nobody is let in yet. `None` if there is no client.
    pub(crate) async fn strangers() -> Option<Self> {
        let interpreter = client::interpreter()?;
        let home = tempfile::tempdir().unwrap();
        let listen = free_address().unwrap();
        let mut node =
            Organisation::among(Path::new(COMITY), home.path(), &[(client::HOST, listen)]).unwrap();
        node.start().await.unwrap();
        Some(Self {
            client: Client::start(&interpreter, listen, (node.host, node.wire)).await,
            aria: node.agent("aria").await.unwrap(),
            node,
            _home: home,
        })
    }

    /// Somebody else with the same software.
    pub(crate) async fn another(&self) -> Client {
        let interpreter = client::interpreter().unwrap();
        let listen = free_address().unwrap();
        Client::start(&interpreter, listen, (self.node.host, self.node.wire)).await
    }

    /// The operator let the client in, authcrypt and all.
    pub(crate) async fn acquainted() -> Option<Self> {
        let world = Self::strangers().await?;
        world.grant(&["--deniable"]);
        Some(world)
    }

    /// Makes a grant for basic messages in both directions.
    pub(crate) fn grant(&self, more: &[&str]) {
        let (peer, basic) = (self.client.did(), "basicmessage/2.0");
        let terms = [
            "grant",
            "create",
            "aria",
            peer,
            "--they-may",
            basic,
            "--we-may",
            basic,
        ];
        let shown = self.comity(&[&terms, more].concat());
        let is_deniable = more.contains(&"--deniable");
        let may = if is_deniable {
            "messages may prove themselves to us only"
        } else {
            "signed messages only"
        };
        assert!(shown.contains(peer) && shown.contains(may), "{shown}");
    }

    /// A command of the operator. What it printed; it must have gone well.
    pub(crate) fn comity(&self, args: &[&str]) -> String {
        let mut command = Command::new(COMITY);
        command.args(args).arg("--home").arg(&self.node.home);
        for name in [
            "COMITY_HOME",
            "COMITY_URL",
            "COMITY_TOKEN",
            "COMITY_HOST_MAP",
        ] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends a text as Aria.
    pub(crate) async fn send(&mut self, content: &str, ask: bool) -> Message {
        let send = Send {
            to: Some(self.client.did().to_owned()),
            type_: BASICMESSAGE.to_owned(),
            body: json!({"content": content}),
            ask,
            ..Send::default()
        };
        let (status, sent): (_, Value) = self.aria.post("/v1/messages", &send).await.unwrap();
        assert_eq!(status, 201, "{sent}");
        serde_json::from_value(sent).unwrap()
    }

    /// A message of Aria as it is.
    pub(crate) async fn show(&mut self, id: &str) -> Message {
        let path = format!("/v1/messages/{id}");
        let (status, message): (_, Value) = self.aria.get(&path).await.unwrap();
        assert_eq!(status, 200, "{message}");
        serde_json::from_value(message).unwrap()
    }

    /// The same once it is in this state.
    pub(crate) async fn when(&mut self, state: &str, id: &str) -> Message {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.show(id).await;
            if message.state == state {
                return message;
            }
            let late = Instant::now() > deadline;
            assert!(
                !late,
                "not {state}: {message:?}; {}",
                self.node.last_words()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The answer to a question of Aria, once it is there.
    pub(crate) async fn the_answer(&mut self, id: &str) -> Delivery {
        let path = format!(
            "/v1/messages/{id}?wait=answer&wait_s={}",
            PATIENCE.as_secs()
        );
        let (_, message): (_, Message) = self.aria.get(&path).await.unwrap();
        *message.answer.unwrap()
    }

    /// What Aria is given to work on: the one message that is there, or comes.
    pub(crate) async fn lease(&mut self) -> Delivery {
        let mut leased = self.leased(PATIENCE.as_secs()).await;
        assert_eq!(leased.len(), 1, "{leased:?}; {}", self.node.last_words());
        leased.remove(0)
    }

    /// Everything that waits for Aria within so many seconds.
    pub(crate) async fn leased(&mut self, wait_s: u64) -> Vec<Delivery> {
        let request = LeaseRequest { max: 8, wait_s };
        let (status, leased): (_, Leased) = self.aria.post("/v1/lease", &request).await.unwrap();
        assert_eq!(status, 200);
        leased.deliveries
    }

    /// Aria is done with a delivery, and answers. The id of the answer.
    pub(crate) async fn answer(&mut self, delivery: &Delivery, content: &str) -> String {
        let reply = Send {
            type_: "message".to_owned(),
            body: json!({"content": content}),
            ..Send::default()
        };
        let done = Settlement {
            outcome: "done".to_owned(),
            messages: vec![reply],
            ..Settlement::default()
        };
        self.settle(delivery, done).await.messages.remove(0)
    }

    /// Aria does not want a delivery.
    pub(crate) async fn reject(&mut self, delivery: &Delivery, code: &str, comment: &str) {
        let reject = Settlement {
            outcome: "reject".to_owned(),
            code: Some(code.to_owned()),
            comment: Some(comment.to_owned()),
            ..Settlement::default()
        };
        self.settle(delivery, reject).await;
    }

    async fn settle(&mut self, delivery: &Delivery, settlement: Settlement) -> SettleDone {
        let settlement = Settlement {
            delivery: delivery.delivery.clone(),
            lease: delivery.lease.clone(),
            ..settlement
        };
        let request = SettleRequest {
            settlements: vec![settlement],
        };
        let (_, mut settled): (_, Settled) = self.aria.post("/v1/settle", &request).await.unwrap();
        match settled.results.remove(0) {
            SettleResult::Settled(done) => done,
            SettleResult::Problem(problem) => panic!("{problem:?}"),
        }
    }

    /// Codes of the refusals in the node's record.
    pub(crate) async fn refusals(&self) -> Vec<String> {
        let entries = self.node.operator().entries().await.unwrap();
        let refused = entries.iter().filter(|entry| entry.kind == "refused");
        let records = refused.filter_map(|entry| entry.record.as_ref());
        records
            .map(|record| record["code"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// States that a message reached, each with who says so and how it is proved.
pub(crate) fn history(message: &Message) -> Vec<[&str; 3]> {
    let steps = message.history.iter();
    steps
        .map(|step| [&*step.state, &*step.by, &*step.proof])
        .collect()
}

/// A text from the client to Aria.
pub(crate) fn text(content: &str) -> Value {
    json!({"type": BASICMESSAGE, "to": ARIA, "body": {"content": content}})
}

/// The same as an answer in a thread.
pub(crate) fn text_in(thid: &str, content: &str) -> Value {
    json!({"type": BASICMESSAGE, "to": ARIA, "thid": thid, "body": {"content": content}})
}

const COMITY: &str = env!("CARGO_BIN_EXE_comity");
/// Machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(30);
