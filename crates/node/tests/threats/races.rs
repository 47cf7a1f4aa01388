//! A revocation racing everything that it ends (invariant I5): mail coming in, a lease, a
//! settlement with a reply, a message going out. In each round one grant, fresh mail, and all of
//! them at once in another order; which of them came before its commit, the record says.

use crate::toolkit::{Chaos, Identity, Line, REQUEST, Scene, letter};
use comity_api::agent::{Delivery, Message, Send, Settlement};
use comity_api::operator::Entry;
use comity_did::DidDocument;
use comity_engine::contact::Welcome;
use comity_node::journey::{Caller, Core, Operator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WORKERS: u64 = 8;
/// Of each of the four races.
const ROUNDS: u64 = 1_000;
const WELCOME: &str = "https://w3id.org/comity/contact/1.0/welcome";
const KNOCK: &str = "https://w3id.org/comity/contact/1.0/knock";
const ENDED: &str = "https://w3id.org/comity/contact/1.0/ended";

/// What came to the lair for each DID there, not yet opened.
#[derive(Clone, Default)]
struct Post(Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>);

impl Post {
    fn sort(&self, scene: &Scene) {
        for octets in scene.lair.take_posted() {
            let envelope: Value = serde_json::from_slice(&octets).unwrap();
            let kid = envelope["recipients"][0]["header"]["kid"].as_str().unwrap();
            let did = kid.split('#').next().unwrap().to_owned();
            self.0.lock().unwrap().entry(did).or_default().push(octets);
        }
    }

    /// Everything so far for `peer`, opened.
    fn of(&self, scene: &Scene, peer: &Identity, from: &Arc<DidDocument>) -> Vec<Value> {
        self.sort(scene);
        let post = self.0.lock().unwrap();
        let octets = post.get(peer.did.as_str()).into_iter().flatten();
        octets
            .map(|octets| {
                let plaintext = peer.open(octets, from).unwrap().plaintext;
                json!({"type": plaintext.type_.as_str(), "id": plaintext.id.as_str(),
                       "body": plaintext.body})
            })
            .collect()
    }

    async fn first(
        &self,
        scene: &Scene,
        peer: &Identity,
        from: &Arc<DidDocument>,
        type_: &str,
    ) -> Value {
        for _ in 0..2_000 {
            let found = self.of(scene, peer, from);
            if let Some(found) = found.into_iter().find(|one| one["type"] == type_) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no {type_} came");
    }
}

/// An agent of ours that has its own peer in each round.
struct Worker {
    scene: Arc<Scene>,
    post: Post,
    caller: Caller,
    document: Arc<DidDocument>,
    line: Option<Line>,
    chaos: Chaos,
}

/// What one round left.
struct Round {
    peer: Identity,
    grant: String,
    /// Whether the settlement took effect.
    settled: bool,
    reply: String,
    /// Times that each message of the peer was leased, by its id.
    leased: BTreeMap<String, u64>,
    /// The peer's messages: leased before, waiting, and arriving during the race.
    ids: [String; 3],
}

impl Worker {
    async fn new(scene: &Arc<Scene>, post: &Post, number: u64) -> Self {
        let name = format!("worker-{number}");
        let token = scene
            .core()
            .create_agent(&Operator::local(), &name)
            .await
            .unwrap()
            .token;
        Self {
            caller: scene.core().authenticate(&token).await.unwrap(),
            document: scene.core().did_document(&name).unwrap(),
            line: Some(scene.line().await),
            chaos: Chaos::new(number),
            scene: Arc::clone(scene),
            post: post.clone(),
        }
    }

    fn core(&self) -> &Arc<Core> {
        self.scene.core()
    }

    async fn submit(&self, to: &Identity) -> Message {
        let send = Send {
            to: Some(to.did.to_string()),
            type_: REQUEST.into(),
            body: json!({}),
            ..Send::default()
        };
        self.core().submit(&self.caller, send).await.unwrap().0
    }

    fn letter(&self, from: &Identity) -> Value {
        let body = json!({"n": 1});
        letter(
            &from.did,
            self.document.id(),
            REQUEST,
            self.scene.now(),
            body,
        )
    }

    async fn envelope(&mut self, from: &Identity, message: &Value) {
        let octets = from.send(&self.document, message);
        let answer = self.line.as_mut().unwrap().envelope(&octets).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
    }

    /// Our agent knocks, and is let in.
    async fn befriend(&mut self, peer: &Identity) -> String {
        assert_eq!(self.submit(peer).await.state, "held");
        let knock = self
            .post
            .first(&self.scene, peer, &self.document, KNOCK)
            .await;
        let grant = &knock["body"]["offer"];
        let mut welcome = self.letter(peer);
        welcome.as_object_mut().unwrap().remove("sender_order");
        welcome["type"] = WELCOME.into();
        welcome["thid"] = knock["id"].clone();
        welcome["body"] = json!({"grant": grant, "speaks": []});
        self.envelope(peer, &welcome).await;
        Welcome::from_body(&welcome["body"])
            .unwrap()
            .grant
            .id()
            .to_string()
    }

    async fn lease(&self) -> Vec<Delivery> {
        let leased = self.core().lease(&self.caller, 8, Duration::ZERO).await;
        leased.unwrap()
    }

    async fn round(&mut self, seed: u64) -> Round {
        let peer = Identity::peer(seed, Some("https://evil.test/didcomm"));
        let grant = self.befriend(&peer).await;
        let messages = [(); 3].map(|()| self.letter(&peer));
        self.envelope(&peer, &messages[0]).await;
        let first = self.lease().await.remove(0);
        self.envelope(&peer, &messages[1]).await;
        let arriving = peer.send(&self.document, &messages[2]);
        let reply = format!("reply-{seed}");
        let settlement = Settlement {
            delivery: first.delivery.clone(),
            lease: first.lease.clone(),
            outcome: "done".into(),
            messages: vec![Send {
                id: Some(reply.clone()),
                type_: "response".into(),
                body: json!({}),
                ..Send::default()
            }],
            ..Settlement::default()
        };
        // All at once, each a little later than its place in a drawn order says.
        let pause = || Duration::from_micros(self.chaos.next() % 2_500);
        let pauses = [(); 5].map(|()| pause());
        let after = async |place: usize| tokio::time::sleep(pauses[place]).await;
        let (core, caller) = (Arc::clone(self.scene.core()), &self.caller);
        let (mut line, worker) = (self.line.take().unwrap(), &*self);
        let (answer, leased, settled, out, revoked) = tokio::join!(
            async {
                after(0).await;
                line.envelope(&arriving).await
            },
            async {
                after(1).await;
                worker.lease().await
            },
            async {
                after(2).await;
                core.settle(caller, settlement).await
            },
            async {
                after(3).await;
                worker.submit(&peer).await
            },
            async {
                after(4).await;
                core.revoke(&Operator::local(), &grant).await
            },
        );
        self.line = Some(line);
        revoked.unwrap();
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
        assert!(
            ["queued", "refused"].contains(&out.state.as_str()),
            "{out:?}"
        );
        // Nothing to lease, and what was leased is lost.
        assert_eq!(self.lease().await, Vec::new());
        let ids = messages
            .each_ref()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        let mut times = BTreeMap::from([(ids[0].clone(), 1)]);
        for delivery in &leased {
            *times
                .entry(delivery.message["id"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        for delivery in leased.iter().chain([&first]) {
            let (delivery, lease) = (&delivery.delivery, &delivery.lease);
            let extended = core.extend(&self.caller, delivery, lease, 60).await;
            assert_eq!(extended.unwrap_err().code, "e.m.req.lease-lost");
        }
        let kept = core.show(&self.caller, &reply, None, Duration::ZERO).await;
        match &settled {
            Ok(_) => assert_eq!(kept.unwrap().id, reply),
            Err(problem) => {
                assert_eq!(problem.code, "e.m.req.lease-lost");
                assert_eq!(kept.unwrap_err().code, "e.m.req.not-found");
            }
        }
        let settled = settled.is_ok();
        Round {
            peer,
            grant,
            settled,
            reply,
            leased: times,
            ids,
        }
    }
}

/// What the record tells of one peer, in its order.
#[derive(Default)]
struct Told<'a> {
    revoked: Vec<u64>,
    /// By id.
    came: BTreeMap<&'a str, &'a Entry>,
    refused: Vec<u64>,
    out: BTreeMap<&'a str, &'a Entry>,
    /// By digest.
    settled: BTreeMap<&'a str, Vec<&'a Entry>>,
    ended: BTreeMap<&'a str, u64>,
}

fn text<'a>(entry: &'a Entry, member: &str) -> &'a str {
    entry.record.as_ref().unwrap()[member]
        .as_str()
        .unwrap_or_default()
}

/// The record, sorted by peer.
fn by_peer<'a>(
    entries: &'a [Entry],
    grants: &HashMap<&str, &'a str>,
) -> HashMap<&'a str, Told<'a>> {
    let mut of_peer: HashMap<&str, Told<'a>> = HashMap::new();
    let mut about: HashMap<&str, &str> = HashMap::new();
    for entry in entries {
        let (digest, from, to) = (
            text(entry, "message"),
            text(entry, "from"),
            text(entry, "to"),
        );
        let peer = match entry.kind.as_str() {
            "message-in" | "refused" => from,
            "message-out" => to,
            "decision" => grants
                .get(text(entry, "grant"))
                .copied()
                .unwrap_or_default(),
            _ => about.get(digest).copied().unwrap_or_default(),
        };
        about.insert(digest, peer);
        let told = of_peer.entry(peer).or_default();
        match entry.kind.as_str() {
            "message-in" => drop(told.came.insert(text(entry, "id"), entry)),
            "message-out" => drop(told.out.insert(text(entry, "id"), entry)),
            "refused" => told.refused.push(entry.seq),
            "settled" => told.settled.entry(digest).or_default().push(entry),
            "ended" => *told.ended.entry(digest).or_default() += 1,
            "decision" if ["revoked", "ended"].contains(&text(entry, "outcome")) => {
                told.revoked.push(entry.seq);
            }
            _ => {}
        }
    }
    of_peer
}

impl Told<'_> {
    /// Holds the record to the round. Which of the four came before the revocation.
    fn judge(&self, round: &Round) -> [bool; 4] {
        let peer = &round.peer.did;
        assert_eq!(self.revoked.len(), 1, "{peer}: one decision ends it");
        let revoked = self.revoked[0];
        let arrived = self.came.contains_key(&*round.ids[2]);
        assert_eq!(self.came.len(), 2 + usize::from(arrived), "{peer}");
        assert_eq!(
            self.refused.len(),
            usize::from(!arrived),
            "{peer}: one or the other"
        );
        for (id, came) in &self.came {
            assert_eq!(text(came, "grant"), round.grant);
            assert!(came.seq < revoked, "{peer}: {id} was accepted afterwards");
            let ends = &self.settled[text(came, "message")];
            assert_eq!(ends.len(), 1, "{peer}: {id} ended {} times", ends.len());
            let end = ends[0].record.as_ref().unwrap();
            let times = round.leased.get(*id).copied().unwrap_or_default();
            assert_eq!(end["attempt"], times, "{peer}: {id} was leased afterwards");
            let by_agent = end["by"] == "agent";
            assert_eq!(
                by_agent,
                round.settled && *id == round.ids[0],
                "{peer}: {id}"
            );
            assert_eq!(
                ends[0].seq < revoked,
                by_agent,
                "{peer}: {id} was settled afterwards"
            );
        }
        let mut sent = 0;
        for (id, out) in &self.out {
            let granted = !text(out, "grant").is_empty();
            assert!(
                !granted || out.seq < revoked,
                "{peer}: {id} went out afterwards"
            );
            let ends = self.ended.get(text(out, "message"));
            assert_eq!(ends, Some(&1), "{peer}: {id} ends once");
            sent += usize::from(granted);
        }
        assert_eq!(
            self.out.contains_key(&*round.reply),
            round.settled,
            "{peer}"
        );
        let leased = round.ids[1..]
            .iter()
            .any(|id| round.leased.contains_key(id));
        [
            arrived,
            leased,
            round.settled,
            sent > usize::from(round.settled),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_accepted_leased_settled_or_sent_after_a_revocation_it_races_with() {
    let scene = Arc::new(Scene::alone().await);
    let post = Post::default();
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..WORKERS {
        let mut worker = Worker::new(&scene, &post, number).await;
        workers.spawn(async move {
            let mut rounds = Vec::new();
            for n in 0..ROUNDS / WORKERS {
                rounds.push(worker.round(1_000_000 + number * ROUNDS + n).await);
            }
            (worker, rounds)
        });
    }
    let mut done = Vec::new();
    while let Some(one) = workers.join_next().await {
        done.push(one.unwrap());
    }
    let entries = scene.entries_after(0).await;
    let rounds: Vec<&Round> = done.iter().flat_map(|(_, rounds)| rounds).collect();
    let grants = rounds
        .iter()
        .map(|round| (&*round.grant, round.peer.did.as_str()));
    let told = by_peer(&entries, &grants.collect());
    let mut won = [0_u64; 4];
    for round in rounds {
        let before = told[round.peer.did.as_str()].judge(round);
        for (won, before) in won.iter_mut().zip(before) {
            *won += u64::from(before);
        }
    }
    println!("of {ROUNDS} before the revocation: accepted, leased, settled, sent: {won:?}");
    for before in won {
        assert!(
            before > ROUNDS / 50 && before < ROUNDS - ROUNDS / 50,
            "no race: {won:?}"
        );
    }
    // Every peer is told; no reply of a settlement that lost was ever sent.
    for (worker, rounds) in &done {
        for round in rounds {
            let told = post
                .first(&scene, &round.peer, &worker.document, ENDED)
                .await;
            assert_eq!(told["body"]["grant"], round.grant);
            let sent = post.of(&scene, &round.peer, &worker.document);
            let replied = sent.iter().any(|one| one["id"] == round.reply);
            assert!(round.settled || !replied, "a reply that lost was sent");
        }
    }
}
