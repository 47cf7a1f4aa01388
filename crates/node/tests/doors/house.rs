//! One node with two agents, Aria and Bruno.

use crate::client::{Answer, call};
use crate::common::{Place, Side, places};
use comity_node::Node;
use comity_node::config::Config;
use comity_node::journey::Operator;
use comity_node::journey::WaitFor;
use http::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;

pub const REQUEST: &str = "https://example.org/market-analysis/1.0/request";

/// Aria is driven from inside, Bruno through the door that a test looks at.
pub struct House {
    pub aria: Side,
    pub bruno_token: String,
    pub place: Place,
    pub wire: SocketAddr,
    pub agent: SocketAddr,
}

impl House {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (place, _) = places();
        let mut config = place.config();
        change(&mut config);
        let node = Node::start(config).await;
        let node = node.unwrap_or_else(|error| panic!("{}", error.problem()));
        let aria_token = node
            .core()
            .create_agent(&Operator::local(), "aria")
            .await
            .unwrap()
            .token;
        let bruno_token = node
            .core()
            .create_agent(&Operator::local(), "bruno")
            .await
            .unwrap()
            .token;
        let caller = node.core().authenticate(&aria_token).await.unwrap();
        let status = node.core().status().await.unwrap();
        let agent = status
            .agent_door
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap();
        let wire = status.wire.parse().unwrap();
        Self {
            aria: Side { node, caller },
            bruno_token,
            place,
            wire,
            agent,
        }
    }

    /// Aria's first message is let in and settled: both may write from now on.
    pub async fn introduced() -> Self {
        let house = Self::new().await;
        let message = house
            .aria
            .send(&house.bruno(), REQUEST, json!({"first": true}))
            .await;
        house.aria.approve().await;
        let delivery = house.lease(1).await.remove(0);
        let settled = house.settle(&delivery, "done").await;
        assert!(settled["results"][0]["settled"].is_object(), "{settled}");
        house.aria.wait(&message.id, WaitFor::Done).await;
        house
    }

    pub fn aria(&self) -> String {
        format!("did:web:{}:aria", self.place.host)
    }

    pub fn bruno(&self) -> String {
        format!("did:web:{}:bruno", self.place.host)
    }

    /// A request of Bruno's: `"POST /v1/lease"`.
    pub async fn ask(&self, what: &str, body: Value) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let bearer = format!("Bearer {}", self.bruno_token);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [("authorization", bearer.as_str())];
        call(
            self.agent,
            method.parse::<Method>().unwrap(),
            path,
            &headers,
            body,
        )
        .await
    }

    pub async fn lease(&self, max: usize) -> Vec<Value> {
        let leased = self
            .ask("POST /v1/lease", json!({"max": max, "wait_s": 20}))
            .await
            .json();
        leased["deliveries"].as_array().unwrap().clone()
    }

    pub async fn settle(&self, delivery: &Value, outcome: &str) -> Value {
        let settlement = json!({
            "delivery": delivery["delivery"], "lease": delivery["lease"], "outcome": outcome,
        });
        self.ask("POST /v1/settle", json!({"settlements": [settlement]}))
            .await
            .json()
    }
}
