//! did:webvh: histories are fetched through the guard, verified, and used as documents are.

use super::world::{Authority, Server, World, answer, everywhere};
use crate::resolve::webvh::aside;
use crate::resolve::{FetchError, Lane, ResolveError};
use comity_did::{Did, limits};
use comity_jose::{Curve, SigningKey, json, multibase, sha256};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::{Semaphore, oneshot};

/// What the server has, by path.
type Files = Arc<Mutex<HashMap<String, String>>>;

/// One TLS server called `good.test` that serves what is put into `Files`.
async fn good() -> (World, Server, Files) {
    let authority = Authority::new();
    let files = Files::default();
    let served = Arc::clone(&files);
    let server = Server::tls(
        &authority,
        &["good.test"],
        Arc::new(move |path| match served.lock().unwrap().get(path) {
            Some(body) => answer(200, "", body),
            None => answer(404, "", ""),
        }),
    )
    .await;
    let zone = everywhere(&["127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    (world, server, files)
}

/// A history in the making, written here a second time so that it does not share the errors of
/// what reads it.
struct History {
    lines: Vec<Value>,
    scid: String,
    place: String,
}

impl History {
    /// Of the agent `bruno` at `good.test`.
    fn new(server: &Server, parameters: Value) -> Self {
        let place = format!("good.test%3A{}:bruno", server.port());
        let mut all =
            json!({"method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [key_text(1)]});
        for (name, value) in parameters.as_object().unwrap() {
            all[name] = value.clone();
        }
        let template = json!({
            "versionId": "{SCID}", "versionTime": "2025-01-01T00:00:00Z", "parameters": all,
            "state": state(&format!("did:webvh:{{SCID}}:{place}")),
        });
        let scid = hash(&template);
        let text = template.to_string().replace("{SCID}", &scid);
        let mut history = Self {
            lines: Vec::new(),
            scid,
            place,
        };
        history.push(serde_json::from_str(&text).unwrap());
        history
    }

    fn then(&mut self, parameters: Value, state: Value) {
        let before = self.lines.last().unwrap()["versionId"].clone();
        let day = self.lines.len() + 1;
        self.push(json!({
            "versionId": before, "versionTime": format!("2025-01-{day:02}T00:00:00Z"),
            "parameters": parameters, "state": state,
        }));
    }

    fn push(&mut self, mut entry: Value) {
        let id = format!("{}-{}", self.lines.len() + 1, hash(&entry));
        entry["versionId"] = id.into();
        entry["proof"] = json!([prove(&entry, 1)]);
        self.lines.push(entry);
    }

    fn did(&self) -> Did {
        format!("did:webvh:{}:{}", self.scid, self.place)
            .parse()
            .unwrap()
    }

    fn serve(&self, files: &Files) {
        let log: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        files.lock().unwrap().insert("/bruno/did.jsonl".into(), log);
    }
}

fn state(did: &str) -> Value {
    let key = key_text(3);
    json!({
        "id": did, "authentication": [format!("{did}#key-1")],
        "verificationMethod": [{"id": format!("{did}#key-1"), "type": "Multikey",
            "controller": did, "publicKeyMultibase": key}],
    })
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_secret(Curve::Ed25519, &[number; 32]).unwrap()
}

fn key_text(number: u8) -> String {
    key(number).public().to_multikey()
}

fn hash(value: &Value) -> String {
    let digest = sha256(&[&json::canonical(value).unwrap()]);
    multibase::encode_base58(&[&[0x12, 0x20], digest.as_slice()].concat()).split_off(1)
}

fn prove(document: &Value, by: u8) -> Value {
    let key_text = key_text(by);
    let mut proof = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": format!("did:key:{key_text}#{key_text}"),
        "proofPurpose": "assertionMethod",
    });
    let parts = [&proof, document].map(|part| sha256(&[&json::canonical(part).unwrap()]));
    proof["proofValue"] = multibase::encode_base58(&key(by).sign(&parts.concat())).into();
    proof
}

#[tokio::test]
async fn a_history_is_fetched_verified_and_kept() {
    let (world, server, files) = good().await;
    let mut history = History::new(&server, json!({"ttl": 0}));
    history.then(json!({}), state(history.did().as_str()));
    history.serve(&files);
    let bruno = history.did();
    for lane in [Lane::Stranger, Lane::Known, Lane::Known] {
        let found = world.resolver.resolve(&bruno, lane).await.unwrap();
        assert_eq!(*found.id(), bruno);
        assert_eq!(found.verification_methods()[0].key, *key(3).public());
    }
    assert_eq!(server.seen(), ["good.test /bruno/did.jsonl"]);
    world.resolver.refetch(&bruno).await.unwrap();
    assert_eq!(server.seen().len(), 2, "an unknown key is looked for anew");
}

#[tokio::test]
async fn witness_proofs_are_fetched_where_a_history_needs_them() {
    let (world, server, files) = good().await;
    let witness =
        json!({"threshold": 1, "witnesses": [{"id": format!("did:key:{}", key_text(7))}]});
    let history = History::new(&server, json!({"witness": witness}));
    history.serve(&files);
    let bruno = history.did();
    let refused = world
        .resolver
        .resolve(&bruno, Lane::Known)
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("0 of the 1 witnesses that it needs approved it"),
        "{refused}"
    );
    assert!(!refused.is_temporary());
    let said = json!({"versionId": history.lines[0]["versionId"]});
    let proofs = json!([{"versionId": said["versionId"], "proof": [prove(&said, 7)]}]);
    let path = "/bruno/did-witness.json".to_owned();
    files.lock().unwrap().insert(path, proofs.to_string());
    world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
    let (log, proofs) = (
        "good.test /bruno/did.jsonl",
        "good.test /bruno/did-witness.json",
    );
    assert_eq!(server.seen(), [log, proofs, log, proofs]);
}

#[tokio::test]
async fn a_history_that_was_changed_is_refused_and_the_right_one_is_taken_afterwards() {
    let (world, server, files) = good().await;
    let mut history = History::new(&server, json!({}));
    let good = history.lines.clone();
    history.lines[0]["state"]["service"] = json!([]);
    history.serve(&files);
    let bruno = history.did();
    let refused = world.resolver.resolve(&bruno, Lane::Known).await;
    assert!(matches!(refused, Err(ResolveError::History { .. })));
    history.lines = good;
    history.serve(&files);
    world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
}

#[tokio::test]
async fn a_did_that_ended_or_moved_has_no_document_here() {
    let (world, server, files) = good().await;
    let mut moved = History::new(&server, json!({"portable": true}));
    let (old, new) = (moved.did(), format!("did:webvh:{}:new.test", moved.scid));
    let mut state_there = state(&new);
    state_there["alsoKnownAs"] = json!([old]);
    moved.then(json!({}), state_there);
    moved.serve(&files);
    let gone = world.resolver.resolve(&old, Lane::Known).await;
    assert!(matches!(gone, Err(ResolveError::Moved { to, .. }) if to.as_str() == new));
    let mut ended = History::new(&server, json!({}));
    ended.then(json!({"deactivated": true}), state(ended.did().as_str()));
    ended.serve(&files);
    let gone = world.resolver.resolve(&ended.did(), Lane::Known).await;
    assert!(matches!(gone, Err(ResolveError::Ended { .. })));
}

#[tokio::test]
async fn a_history_of_somebody_else_and_none_are_refused() {
    let (world, server, files) = good().await;
    let bruno = History::new(&server, json!({})).did();
    let missing = world
        .resolver
        .resolve(&bruno, Lane::Known)
        .await
        .unwrap_err();
    let ResolveError::Fetch { source, .. } = &missing else {
        panic!("{missing}");
    };
    assert!(matches!(**source, FetchError::Status { status: 404, .. }));
    History::new(&server, json!({"ttl": 1})).serve(&files);
    let other = world.resolver.resolve(&bruno, Lane::Known).await;
    assert!(matches!(other, Err(ResolveError::History { .. })));
}

#[tokio::test]
async fn a_stranger_can_make_us_read_less_of_a_log_than_a_peer() {
    let (world, server, files) = good().await;
    let mut history = History::new(&server, json!({}));
    let mut long = state(history.did().as_str());
    long["x"] = "x".repeat(limits::LOG_ENTRY_BYTES / 2).into();
    while history.lines.len() * limits::LOG_ENTRY_BYTES / 2 < limits::LOG_BYTES / 3 {
        history.then(json!({}), long.clone());
    }
    history.serve(&files);
    let bruno = history.did();
    let stranger = world.resolver.resolve(&bruno, Lane::Stranger).await;
    let Err(ResolveError::Fetch { source, .. }) = stranger else {
        panic!("{stranger:?}");
    };
    assert!(matches!(*source, FetchError::TooLarge { .. }));
    world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
}

#[tokio::test]
async fn a_stranger_can_make_us_read_less_of_witness_proofs_than_a_peer() {
    let (world, server, files) = good().await;
    let witness =
        json!({"threshold": 1, "witnesses": [{"id": format!("did:key:{}", key_text(7))}]});
    let history = History::new(&server, json!({"witness": witness}));
    history.serve(&files);
    let said = json!({"versionId": history.lines[0]["versionId"]});
    let long = "x".repeat(limits::WITNESS_PROOF_BYTES / 3);
    let proofs = json!([{"versionId": said["versionId"], "proof": [prove(&said, 7)], "x": long}]);
    let path = "/bruno/did-witness.json".to_owned();
    files.lock().unwrap().insert(path, proofs.to_string());
    let bruno = history.did();
    let stranger = world.resolver.resolve(&bruno, Lane::Stranger).await;
    let Err(ResolveError::Fetch { source, .. }) = stranger else {
        panic!("{stranger:?}");
    };
    assert!(matches!(*source, FetchError::TooLarge { .. }));
    world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
}

#[tokio::test]
async fn a_verification_keeps_its_place_to_its_end_though_nobody_waits_for_it() {
    let places = Arc::new(Semaphore::new(1));
    let (begun, begins) = oneshot::channel();
    let (end, ends) = mpsc::channel::<()>();
    let at = Arc::clone(&places);
    let waiting = tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            ends.recv().unwrap();
        };
        aside(&at, work).await
    });
    begins.await.unwrap();
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(places.available_permits(), 0);
    end.send(()).unwrap();
    assert_eq!(aside(&places, || 7).await.unwrap(), 7);
}
