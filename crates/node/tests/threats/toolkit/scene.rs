//! A node of ours with two agents, a peer it has let in, and an eye on everything that must not
//! change while it is attacked.

use super::{Answer, Identity, Lair, Line, letter};
use comity_api::agent::{Delivery, Send, Settlement};
use comity_api::invite::Invite;
use comity_api::operator::{Approve, CreateGrant, Entry, Knock, ListQuery};
use comity_did::DidDocument;
use comity_didcomm::Received;
use comity_didcomm::protocols::out_of_band::{Invitation, Link};
use comity_engine::Timestamp;
use comity_engine::domain::is_self_certifying;
use comity_node::Node;
use comity_node::clock::Clock;
use comity_node::config::{Config, Host, Outbound};
use comity_node::journey::Operator;
use comity_node::journey::{Caller, Core};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

pub const BRUNO: &str = "did:web:agents.org-b.test:bruno";
pub const BRENDA: &str = "did:web:agents.org-b.test:brenda";
pub const PROTOCOL: &str = "https://example.org/market-analysis/1.0";
pub const REQUEST: &str = "https://example.org/market-analysis/1.0/request";
pub const UPDATE: &str = "https://example.org/market-analysis/1.0/update";
const KNOCK: &str = "https://w3id.org/comity/contact/1.0/knock";

/// The machine's time, and a span put before it.
#[derive(Clone, Debug, Default)]
pub struct Shifted(Arc<AtomicU64>);

impl Shifted {
    pub fn advance(&self, span: Duration) {
        self.0
            .fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn millis(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        u64::try_from(since).unwrap() + self.0.load(Ordering::SeqCst)
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis())
    }
}

/// Scenes share a process under `cargo test`; one that measures memory has it for itself.
static PROCESS: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

enum Place {
    Shared(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

/// The attacked node and its surroundings.
pub struct Scene {
    _place: Place,
    pub home: TempDir,
    pub wire: SocketAddr,
    pub clock: Shifted,
    pub lair: Lair,
    pub node: Option<Node>,
    pub tokens: BTreeMap<&'static str, String>,
    pub bruno: Arc<DidDocument>,
    pub brenda: Arc<DidDocument>,
    /// Let in by an operator, by way of a knock, to Bruno.
    pub friend: Identity,
    /// Id of an invitation of Bruno's that grants nothing that anybody asks for here: with it a
    /// self-certifying stranger may wait for the operator.
    pub invitation: String,
    pub rated: bool,
}

impl Scene {
    pub async fn new() -> Self {
        let place = Place::Shared(Arc::clone(&PROCESS).read_owned().await);
        Self::at(place, false).await
    }

    /// A scene that no other shares its process with.
    pub async fn alone() -> Self {
        let place = Place::Alone(Arc::clone(&PROCESS).write_owned().await);
        Self::at(place, false).await
    }

    /// A scene where the attacker's address counts as a stranger's for the rate limits, where
    /// loopback is otherwise left alone.
    pub async fn rated() -> Self {
        let place = Place::Shared(Arc::clone(&PROCESS).read_owned().await);
        Self::at(place, true).await
    }

    async fn at(place: Place, rated: bool) -> Self {
        let wire = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let lair = Lair::new().await;
        let friend = Identity::web("evil.test", "friend", 7);
        lair.serve(&friend);
        let empty: Arc<DidDocument> = Arc::clone(&friend.document);
        let mut scene = Self {
            _place: place,
            home: tempfile::tempdir().unwrap(),
            wire,
            clock: Shifted::default(),
            lair,
            node: None,
            tokens: BTreeMap::new(),
            bruno: Arc::clone(&empty),
            brenda: empty,
            friend,
            invitation: String::new(),
            rated,
        };
        scene.start().await;
        for name in ["bruno", "brenda"] {
            let created = scene
                .core()
                .create_agent(&Operator::local(), name)
                .await
                .unwrap();
            scene.tokens.insert(name, created.token);
        }
        scene.bruno = scene.core().did_document("bruno").unwrap();
        scene.brenda = scene.core().did_document("brenda").unwrap();
        scene.invitation = scene.invite().await;
        scene.befriend(&scene.friend.clone()).await;
        scene.still_serves().await;
        scene
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(self.home.path());
        config.host = Some(Host::new("agents.org-b.test", None).unwrap());
        config.wire = Some(self.wire);
        config.agent_door = Some("127.0.0.1:0".parse().unwrap());
        config.host_map = vec![
            (Host::new("agents.org-b.test", None).unwrap(), self.wire),
            (Host::new("evil.test", None).unwrap(), self.lair.address),
            (Host::new("good.test", None).unwrap(), self.lair.address),
        ];
        config.outbound = Some(Outbound::Open);
        config.seams.clock = Some(Arc::new(self.clock.clone()));
        if self.rated {
            config.seams.rated = vec!["127.0.0.1".parse().unwrap()];
        }
        config
    }

    pub async fn start(&mut self) {
        let started = Node::start(self.config()).await;
        self.node = Some(started.unwrap_or_else(|error| panic!("{}", error.problem())));
    }

    pub async fn stop(&mut self) {
        self.node.take().unwrap().stop().await;
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub fn core(&self) -> &Arc<Core> {
        self.node.as_ref().unwrap().core()
    }

    pub async fn caller(&self, agent: &str) -> Caller {
        self.core().authenticate(&self.tokens[agent]).await.unwrap()
    }

    pub async fn line(&self) -> Line {
        Line::tcp(self.wire).await
    }

    /// A line to the agent's door.
    pub async fn agent_line(&self) -> Line {
        let url = self.core().status().await.unwrap().agent_door;
        Line::tcp(url.strip_prefix("http://").unwrap().parse().unwrap()).await
    }

    pub async fn operator_line(&self) -> Line {
        Line::unix(&self.home.path().join("operator.sock")).await
    }

    pub fn now(&self) -> u64 {
        self.clock.millis() / 1_000
    }

    /// What everybody gets who is to know nothing, octet by octet.
    pub async fn nothing_to_know(&self) -> Answer {
        let answer = self.line().await.envelope(b"not an envelope at all").await;
        assert_eq!((answer.status, answer.body.len()), (400, 0), "{answer:?}");
        answer
    }

    /// Knocks as `identity` at Bruno.
    pub fn knock(&self, identity: &Identity, between: [&str; 2], purpose: &str) -> Value {
        let offer = json!({
            "v": 1, "between": between, "nonce": fresh_nonce(), "must": [],
            "may": [{"from": 0, "types": [PROTOCOL]}, {"from": 1, "types": [PROTOCOL]}],
            "until": self.now() + 40 * 86_400,
        });
        let body = json!({"purpose": purpose, "offer": offer, "speaks": ["A256GCM"]});
        let mut knock = letter(&identity.did, self.bruno.id(), KNOCK, self.now(), body);
        knock.as_object_mut().unwrap().remove("sender_order");
        if is_self_certifying(&identity.did) {
            knock["pthid"] = self.invitation.as_str().into();
        }
        knock
    }

    async fn invite(&self) -> String {
        let invite = Invite {
            agent: "bruno".to_owned(),
            they_may_send: vec!["https://example.org/unasked/1.0".to_owned()],
            ..Invite::default()
        };
        let invited = self
            .core()
            .invite(&Operator::local(), invite)
            .await
            .unwrap();
        match Invitation::from_url(&invited.url).unwrap() {
            Link::Invitation(invitation) => invitation.id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Gets `identity` let in at Bruno's, as any Comity node would.
    pub async fn befriend(&self, identity: &Identity) -> String {
        let knock = self.knock(identity, [identity.did.as_str(), BRUNO], "let me in");
        let answer = self
            .line()
            .await
            .envelope(&identity.send(&self.bruno, &knock))
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.approve(&self.pending(identity).await).await
    }

    pub async fn pending(&self, identity: &Identity) -> Knock {
        let knocks = self.core().knocks(false).await.unwrap();
        let found = knocks
            .into_iter()
            .find(|knock| knock.from == identity.did.as_str());
        found.expect("a pending knock")
    }

    pub async fn approve(&self, knock: &Knock) -> String {
        let approve = Approve {
            approval: knock.approval.clone(),
            they_may_send: None,
            you_may_send: None,
            until: None,
            ..Default::default()
        };
        self.core()
            .approve(&Operator::local(), &knock.id, approve)
            .await
            .unwrap()
            .grant
            .unwrap()
    }

    /// A grant without a knock, as for other people's software.
    pub async fn admit(&self, identity: &Identity, agent: &str, deniable: bool) -> String {
        let create = CreateGrant {
            agent: agent.into(),
            peer: identity.did.to_string(),
            they_may_send: vec![PROTOCOL.into()],
            we_may_send: vec![PROTOCOL.into()],
            until: None,
            deniable,
            untimed: false,
            ..Default::default()
        };
        self.core()
            .create_grant(&Operator::local(), create)
            .await
            .unwrap()
            .id
    }

    /// A message that would be accepted from the friend.
    pub fn good(&self) -> Value {
        self.good_from(&self.friend)
    }

    pub fn good_from(&self, identity: &Identity) -> Value {
        let body = json!({"rows": 3, "of": ["a", "b"], "deep": {"er": true}});
        letter(&identity.did, self.bruno.id(), REQUEST, self.now(), body)
    }

    /// The next delivery to an agent.
    pub async fn lease(&self, agent: &str) -> Option<Delivery> {
        self.lease_within(agent, Duration::from_secs(10)).await
    }

    pub async fn lease_within(&self, agent: &str, wait: Duration) -> Option<Delivery> {
        let caller = self.caller(agent).await;
        self.core().lease(&caller, 1, wait).await.unwrap().pop()
    }

    pub async fn done(&self, agent: &str, delivery: &Delivery) {
        let settlement = Settlement {
            delivery: delivery.delivery.clone(),
            lease: delivery.lease.clone(),
            outcome: "done".into(),
            ..Settlement::default()
        };
        self.core()
            .settle(&self.caller(agent).await, settlement)
            .await
            .unwrap();
    }

    pub async fn submit(&self, agent: &str, send: Send) -> comity_api::agent::Message {
        self.core()
            .submit(&self.caller(agent).await, send)
            .await
            .unwrap()
            .0
    }

    /// The granted peer is still served: its message reaches the agent and is settled.
    pub async fn still_serves(&self) {
        let message = self.good();
        let answer = self
            .line()
            .await
            .envelope(&self.friend.send(&self.bruno, &message))
            .await;
        assert_eq!(answer.status, 202, "the friend is not served: {answer:?}");
        let delivery = self.lease("bruno").await.expect("the friend's message");
        assert_eq!(delivery.message["id"], message["id"]);
        self.done("bruno", &delivery).await;
    }

    /// What was sent to `identity` at the lair, of this type; waits for the first.
    pub async fn received_by(&self, identity: &Identity, type_: &str) -> Vec<Received> {
        for _ in 0..200 {
            let opened = self.lair.posted();
            let opened = opened
                .iter()
                .filter_map(|octets| identity.open(octets, &self.bruno));
            let found: Vec<_> = opened
                .filter(|one| one.plaintext.type_.as_str() == type_)
                .collect();
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing of {type_} was sent to {}", identity.did);
    }

    /// Every entry after `seq` but the minute's counts.
    pub async fn entries_after(&self, mut seq: u64) -> Vec<Entry> {
        let mut out = Vec::new();
        loop {
            let query = ListQuery {
                after: seq,
                limit: Some(1_000),
                ..ListQuery::default()
            };
            let entries = self.core().entries(query).await.unwrap();
            let Some(last) = entries.last() else {
                return out;
            };
            seq = last.seq;
            out.extend(entries.into_iter().filter(|entry| entry.kind != "counted"));
        }
    }

    pub async fn last_entry(&self) -> u64 {
        self.entries_after(0)
            .await
            .last()
            .map_or(0, |entry| entry.seq)
    }

    /// Rows of every table, once nothing moves any more; without what the minute's count of
    /// refusals adds by design.
    pub async fn rows(&self) -> BTreeMap<String, u64> {
        let (mut before, mut still) = (self.count_rows(), 0);
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let now = self.count_rows();
            still = if now == before { still + 1 } else { 0 };
            if still == 4 {
                break;
            }
            before = now;
        }
        before
    }

    fn count_rows(&self) -> BTreeMap<String, u64> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database: PathBuf = self.home.path().join("comity.db");
        let connection = Connection::open_with_flags(database, flags).unwrap();
        let mut tables = connection
            .prepare(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            )
            .unwrap();
        let names: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let count = |sql: &str| {
            let rows: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
            u64::try_from(rows).unwrap()
        };
        let counted = names.into_iter().filter(|name| name != "node").map(|name| {
            let rest = if name == "entry" {
                "WHERE kind <> 'counted'"
            } else {
                ""
            };
            let rows = count(&format!("SELECT count(*) FROM \"{name}\" {rest}"));
            (name, rows)
        });
        counted.collect()
    }

    /// Everything in `cases` meets the uniform refusal, and afterwards nothing has changed.
    pub async fn all_refused(&self, cases: impl IntoIterator<Item = super::Case>) -> usize {
        let nothing = self.nothing_to_know().await;
        let before = self.rows().await;
        let mut line = self.line().await;
        let mut count = 0;
        for case in cases {
            let answer = line.envelope(&case.octets).await;
            assert_eq!(answer, nothing, "{}", case.name);
            count += 1;
        }
        assert!(count > 0, "a generator that generates nothing");
        assert_eq!(
            self.rows().await,
            before,
            "refused octets left something behind"
        );
        self.still_serves().await;
        count
    }
}

/// Memory of this process that is in use, in octets.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

/// 16 octets that no other knock of this process has: an offer is good for one grant.
fn fresh_nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    comity_jose::base64url::encode(&u128::from(number).to_be_bytes())
}
