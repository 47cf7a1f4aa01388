//! Two organisations, four agents, and a load that goes on while nodes die.

use crate::ledger::Ledger;
use crate::{over_http, over_sdk, proof};
use comity::Agent;
use comity_testkit::{Door, Ended, Organisation, acquaint};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    organisations: [Organisation; 2],
    ledger: Arc<Ledger>,
    talking: JoinSet<()>,
    listening: JoinSet<()>,
    enough: CancellationToken,
    over: CancellationToken,
    _home: TempDir,
}

impl World {
    /// Everybody knows each other, and the load is on.
    pub(crate) async fn begin() -> Self {
        let home = tempfile::tempdir().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_comity"));
        let [mut a, mut b] = Organisation::pair(binary, home.path()).unwrap();
        a.start().await.unwrap();
        b.start().await.unwrap();
        let (mut aria, mut bruno) = (
            a.agent("aria").await.unwrap(),
            b.agent("bruno").await.unwrap(),
        );
        let (mut carl, mut dora) = (
            a.agent("carl").await.unwrap(),
            b.agent("dora").await.unwrap(),
        );
        acquaint((&a, "aria", &mut aria), (&b, "bruno", &mut bruno))
            .await
            .unwrap();
        // The other way round, so that either node is the one that knocked for somebody.
        acquaint((&b, "dora", &mut dora), (&a, "carl", &mut carl))
            .await
            .unwrap();
        let mut world = Self {
            ledger: Arc::default(),
            talking: JoinSet::new(),
            listening: JoinSet::new(),
            enough: CancellationToken::new(),
            over: CancellationToken::new(),
            organisations: [a, b],
            _home: home,
        };
        world.sdk_agent(&aria, 0, "bruno").await;
        world.sdk_agent(&bruno, 1, "aria").await;
        world.http_agent(carl, "carl", 0, "dora");
        world.http_agent(dora, "dora", 1, "carl");
        world
    }

    async fn sdk_agent(&mut self, door: &Door, node: usize, to: &str) {
        let (url, token) = door.credentials();
        let talker = over_sdk::Talker {
            agent: Agent::connect(&url, &token).await.unwrap(),
            node,
            to: self.organisations[1 - node].did(to),
            ledger: Arc::clone(&self.ledger),
            enough: self.enough.clone(),
        };
        talker.listen(&mut self.listening, self.over.clone());
        talker.talk(&mut self.talking);
    }

    fn http_agent(&mut self, door: Door, name: &'static str, node: usize, to: &str) {
        let talker = over_http::Talker {
            name,
            did: self.organisations[node].did(name),
            door,
            node,
            to: self.organisations[1 - node].did(to),
            ledger: Arc::clone(&self.ledger),
            enough: self.enough.clone(),
        };
        talker.listen(&mut self.listening, self.over.clone());
        talker.talk(&mut self.talking);
    }

    pub(crate) fn node(&mut self, node: usize) -> &mut Organisation {
        &mut self.organisations[node]
    }

    pub(crate) async fn kill(&mut self, node: usize) -> Ended {
        self.organisations[node].kill().await.unwrap()
    }

    pub(crate) async fn start(&mut self, node: usize) {
        self.organisations[node].start().await.unwrap();
    }

    /// Starts a node that will die at a fail point, perhaps before it is up.
    pub(crate) fn start_armed(&mut self, node: usize, armed: &str) {
        self.organisations[node].spawn(Some(armed)).unwrap();
    }

    /// Stops the load, waits until everything has drained, and compares all books.
    pub(crate) async fn end(mut self) {
        let begun = Instant::now();
        self.enough.cancel();
        while let Some(ended) = self.talking.join_next().await {
            ended.unwrap();
        }
        let (told, drained) = (self.ledger.all_told(), Instant::now() + DRAIN);
        loop {
            let open = proof::open(&self.organisations, &self.ledger).await;
            if open.is_empty() {
                break;
            }
            if Instant::now() > drained {
                self.ledger.check();
                panic!("not drained after {DRAIN:?}: {open}");
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        println!("drained in {:.1} s", begun.elapsed().as_secs_f64());
        self.over.cancel();
        while let Some(ended) = self.listening.join_next().await {
            ended.unwrap();
        }
        self.ledger.check();
        proof::check(&self.organisations, &told).await;
    }
}

/// A delivery whose lease was lost with its node is offered again after a minute, and then those
/// behind it in its thread.
const DRAIN: Duration = Duration::from_secs(170);
