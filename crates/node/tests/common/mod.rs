//! Two organisations on this machine, each with a node of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs
)]

pub mod between;

use comity_api::agent::{Delivery, Message, Send, Settlement};
use comity_api::operator::Approve;
use comity_node::Node;
use comity_node::config::{Config, Host, Outbound};
use comity_node::journey::Operator;
use comity_node::journey::{Caller, Core, WaitFor};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub const REQUEST: &str = "https://example.org/market-analysis/1.0/request";
pub const UPDATE: &str = "https://example.org/market-analysis/1.0/update";
pub const ARIA: &str = "did:web:agents.org-a.test:aria";
pub const BRUNO: &str = "did:web:agents.org-b.test:bruno";
pub const LONG: Duration = Duration::from_secs(20);

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Where an organisation's node lives; survives the node.
pub struct Place {
    pub home: TempDir,
    pub host: &'static str,
    pub wire: SocketAddr,
    pub map: Vec<(Host, SocketAddr)>,
    pub outbound: Outbound,
}

impl Place {
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.home.path());
        config.host = Some(Host::new(self.host, None).unwrap());
        config.wire = Some(self.wire);
        config.agent_door = Some("127.0.0.1:0".parse().unwrap());
        config.host_map.clone_from(&self.map);
        config.outbound = Some(self.outbound);
        config
    }

    pub async fn start(&self) -> Node {
        Node::start(self.config())
            .await
            .unwrap_or_else(|error| panic!("{}", error.problem()))
    }

    pub fn path(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

pub fn places() -> (Place, Place) {
    let (a, b) = (free_address(), free_address());
    let map = vec![
        (Host::new("agents.org-a.test", None).unwrap(), a),
        (Host::new("agents.org-b.test", None).unwrap(), b),
    ];
    let place = |host, wire, map| Place {
        home: tempfile::tempdir().unwrap(),
        host,
        wire,
        map,
        outbound: Outbound::Open,
    };
    (
        place("agents.org-a.test", a, map.clone()),
        place("agents.org-b.test", b, map),
    )
}

/// An agent with its node.
pub struct Side {
    pub node: Node,
    pub caller: Caller,
}

impl Side {
    pub async fn new(place: &Place, agent: &str) -> Self {
        Self::of(place.config(), agent).await
    }

    pub async fn of(config: Config, agent: &str) -> Self {
        let home = config.home.clone();
        let node = Node::start(config)
            .await
            .unwrap_or_else(|error| panic!("{}", error.problem()));
        let token = match node.core().create_agent(&Operator::local(), agent).await {
            Ok(created) => created.token,
            Err(_) => {
                let file = home.join(format!("agents/{agent}.json"));
                let text = std::fs::read_to_string(file).unwrap();
                let value: Value = serde_json::from_str(&text).unwrap();
                value["token"].as_str().unwrap().to_owned()
            }
        };
        let caller = node.core().authenticate(&token).await.unwrap();
        Self { node, caller }
    }

    pub fn core(&self) -> &Arc<Core> {
        self.node.core()
    }

    pub async fn send(&self, to: &str, type_: &str, body: Value) -> Message {
        let send = Send {
            to: Some(to.into()),
            type_: type_.into(),
            body,
            ..Send::default()
        };
        self.submit(send).await
    }

    pub async fn submit(&self, send: Send) -> Message {
        self.core().submit(&self.caller, send).await.unwrap().0
    }

    pub async fn wait(&self, id: &str, what: WaitFor) -> Message {
        self.core()
            .show(&self.caller, id, Some(what), LONG)
            .await
            .unwrap()
    }

    pub async fn lease_one(&self) -> Delivery {
        let mut leased = self.core().lease(&self.caller, 1, LONG).await.unwrap();
        assert_eq!(leased.len(), 1, "nothing came");
        leased.remove(0)
    }

    pub async fn settle(&self, delivery: &Delivery, outcome: &str, messages: Vec<Send>) {
        let settlement = Settlement {
            delivery: delivery.delivery.clone(),
            lease: delivery.lease.clone(),
            outcome: outcome.into(),
            messages,
            ..Settlement::default()
        };
        self.core().settle(&self.caller, settlement).await.unwrap();
    }

    pub async fn reply(&self, delivery: &Delivery, name: &str, body: Value) {
        let reply = Send {
            type_: name.into(),
            body,
            ..Send::default()
        };
        self.settle(delivery, "done", vec![reply]).await;
    }

    /// Approves the only pending knock, once it came.
    pub async fn approve(&self) -> String {
        for _ in 0..400 {
            let knocks = self.core().knocks(false).await.unwrap();
            if let [knock] = knocks.as_slice() {
                let approve = Approve {
                    approval: knock.approval.clone(),
                    they_may_send: None,
                    you_may_send: None,
                    until: None,
                    ..Default::default()
                };
                let decided = self
                    .core()
                    .approve(&Operator::local(), &knock.id, approve)
                    .await
                    .unwrap();
                return decided.grant.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nobody knocked");
    }
}

/// Aria and Bruno, already let in by a first message that was answered.
pub async fn acquainted() -> (Place, Place, Side, Side) {
    let (place_a, place_b) = places();
    let aria = Side::new(&place_a, "aria").await;
    let bruno = Side::new(&place_b, "bruno").await;
    acquaint(&aria, &bruno).await;
    (place_a, place_b, aria, bruno)
}

/// Lets Aria in at Bruno's by a first message.
pub async fn acquaint(aria: &Side, bruno: &Side) {
    let message = aria.send(BRUNO, REQUEST, json!({"first": true})).await;
    bruno.approve().await;
    let delivery = bruno.lease_one().await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    let done = aria.wait(&message.id, WaitFor::Done).await;
    assert_eq!(done.state, "done");
}

/// Waits until something holds.
pub async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while begun.elapsed() < LONG {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it never came to hold");
}
