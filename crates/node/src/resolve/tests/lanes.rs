//! Caches, single flights and the strangers' lane.

use super::world::{Authority, Server, World, answer, did, document, documents, everywhere};
use crate::resolve::cache::Cache;
use crate::resolve::{Lane, ResolveError};
use comity_did::{Did, DidDocument, make_key};
use comity_jose::{SigningKey, SystemEntropy};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server that serves a document for every name at `good.test`.
async fn good() -> (World, Server) {
    let authority = Authority::new();
    let port = Arc::new(Mutex::new(0));
    let behaviour = documents("good.test", Arc::clone(&port));
    let server = Server::tls(&authority, &["good.test"], behaviour).await;
    *port.lock().unwrap() = server.port();
    let zone = everywhere(&["127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    (world, server)
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_fetch_and_later_ones_none() {
    let (world, server) = good().await;
    let bruno = did("good.test", server.port(), "bruno");
    let asked = (0..20).map(|_| world.resolver.resolve(&bruno, Lane::Known));
    for found in futures_util::future::join_all(asked).await {
        found.unwrap();
    }
    world
        .resolver
        .resolve(&bruno, Lane::Stranger)
        .await
        .unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_waiter_that_gives_up_does_not_take_the_fetch_from_the_others() {
    let (world, server) = good().await;
    let bruno = did("good.test", server.port(), "bruno");
    let (resolver, did) = (world.resolver.clone(), bruno.clone());
    let first = tokio::spawn(async move { resolver.resolve(&did, Lane::Known).await });
    tokio::task::yield_now().await;
    let second = world.resolver.resolve(&bruno, Lane::Known);
    first.abort();
    second.await.unwrap();
    assert!(world.resolver.resolve(&bruno, Lane::Known).await.is_ok());
}

#[tokio::test]
async fn a_document_is_fetched_anew_for_an_unknown_key_but_not_at_will() {
    let (world, server) = good().await;
    let bruno = did("good.test", server.port(), "bruno");
    let first = world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
    let second = world.resolver.refetch(&bruno).await.unwrap();
    assert_ne!(
        first.hash(),
        second.hash(),
        "the server makes new keys each time"
    );
    world.resolver.suspect(&bruno);
    let third = world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
    assert_eq!(server.seen().len(), 3);
    for _ in 0..10 {
        world.resolver.suspect(&bruno);
        assert_eq!(
            world.resolver.refetch(&bruno).await.unwrap().hash(),
            third.hash()
        );
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn strangers_find_few_places_and_take_none_from_those_we_know() {
    let authority = Authority::new();
    let hosts = [
        "a.test",
        "b.test",
        "c.test",
        "d.test",
        "e.test",
        "good.test",
    ];
    let port = Arc::new(Mutex::new(0_u16));
    let at = Arc::clone(&port);
    let server = Server::tls(
        &authority,
        &hosts,
        Arc::new(move |path| match path {
            "/bruno/did.json" => answer(
                200,
                "",
                &document(&did("good.test", *at.lock().unwrap(), "bruno")),
            ),
            _ => None,
        }),
    )
    .await;
    *port.lock().unwrap() = server.port();
    let zone = everywhere(&["127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    let mut waiting = Vec::new();
    for host in &hosts[..4] {
        let (resolver, eve) = (world.resolver.clone(), did(host, server.port(), "eve"));
        waiting.push(tokio::spawn(async move {
            resolver.resolve(&eve, Lane::Stranger).await
        }));
    }
    while server.seen().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let fifth = world
        .resolver
        .resolve(&did("e.test", server.port(), "eve"), Lane::Stranger)
        .await;
    assert!(matches!(fifth, Err(ResolveError::Busy)));
    let bruno = did("good.test", server.port(), "bruno");
    assert!(world.resolver.resolve(&bruno, Lane::Known).await.is_ok());
    for task in waiting {
        task.abort();
        let _ = task.await;
    }
    let eve = did("e.test", server.port(), "eve");
    let again = world.resolver.resolve(&eve, Lane::Stranger);
    let again = tokio::time::timeout(Duration::from_millis(200), again).await;
    assert!(
        again.is_err(),
        "there is a place again; the server is silent"
    );
}

#[tokio::test]
async fn one_host_cannot_use_up_the_strangers_lane() {
    let (world, server) = good().await;
    let look_up = async |number: usize| {
        let eve = did("good.test", server.port(), &format!("eve-{number}"));
        world.resolver.resolve(&eve, Lane::Stranger).await
    };
    for number in 0..10 {
        look_up(number).await.unwrap();
    }
    assert!(matches!(look_up(10).await, Err(ResolveError::Busy)));
    assert!(
        look_up(3).await.is_ok(),
        "what is known already costs nothing"
    );
    assert_eq!(server.seen().len(), 10);
}

#[tokio::test]
async fn a_strangers_failure_is_remembered_and_does_not_count_for_those_we_know() {
    let authority = Authority::new();
    let broken = Arc::new(Mutex::new(true));
    let (now_broken, port) = (Arc::clone(&broken), Arc::new(Mutex::new(0)));
    let good = documents("good.test", Arc::clone(&port));
    let behaviour = Arc::new(move |path: &str| match *now_broken.lock().unwrap() {
        true => answer(500, "", ""),
        false => good(path),
    });
    let server = Server::tls(&authority, &["good.test"], behaviour).await;
    *port.lock().unwrap() = server.port();
    let zone = everywhere(&["127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    let bruno = did("good.test", server.port(), "bruno");
    for _ in 0..5 {
        assert!(
            world
                .resolver
                .resolve(&bruno, Lane::Stranger)
                .await
                .is_err()
        );
    }
    assert_eq!(server.seen().len(), 1);
    *broken.lock().unwrap() = false;
    assert!(world.resolver.resolve(&bruno, Lane::Known).await.is_ok());
}

#[tokio::test]
async fn our_own_agents_and_self_certifying_dids_need_no_network() {
    let world = World::new(everywhere(&[]), None, &[], &[]).await;
    let ours: Did = "did:web:agents.org-a.test:aria".parse().unwrap();
    let octets = document(&ours);
    let document = Arc::new(DidDocument::parse(&ours, octets.as_bytes()).unwrap());
    world.resolver.host(Arc::clone(&document));
    assert_eq!(
        world
            .resolver
            .resolve(&ours, Lane::Stranger)
            .await
            .unwrap()
            .hash(),
        document.hash()
    );
    world.resolver.unhost(&ours);
    assert!(world.resolver.resolve(&ours, Lane::Known).await.is_err());

    let key = make_key(SigningKey::generate(&SystemEntropy).public());
    assert!(world.resolver.resolve(&key, Lane::Stranger).await.is_ok());
    for (text, kind) in [
        ("did:ion:x", "method"),
        ("did:key:z6Mk", "key"),
        ("did:web:127.0.0.1", "ip"),
    ] {
        let error = world
            .resolver
            .resolve(&text.parse().unwrap(), Lane::Stranger)
            .await;
        let error = error.unwrap_err();
        let expected = match kind {
            "method" => matches!(error, ResolveError::Unsupported { .. }),
            "key" => matches!(error, ResolveError::Offline { .. }),
            _ => matches!(error, ResolveError::Url { .. }),
        };
        assert!(expected && !error.is_temporary(), "{text}: {error:?}");
    }
}

#[test]
fn the_caches_are_bounded_and_forget() {
    let (mut cache, start) = (Cache::new(3), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let key = || make_key(SigningKey::generate(&SystemEntropy).public());
    let dids: Vec<Did> = (0..10).map(|_| key()).collect();
    for (did, seconds) in dids.iter().zip(0..) {
        cache.put_at(
            did,
            Err(ResolveError::Busy),
            Duration::from_secs(20),
            at(seconds),
        );
    }
    assert_eq!(cache.len(), 3);
    assert!(cache.get_at(&dids[9], at(9)).is_some());
    assert!(
        cache.get_at(&dids[0], at(9)).is_none(),
        "the oldest made room"
    );
    assert!(cache.get_at(&dids[9], at(29)).is_none(), "its time is over");
}
