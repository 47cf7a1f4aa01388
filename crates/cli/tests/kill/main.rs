//! Kill rounds: two nodes under load in both directions, each ended without warning again and
//! again, at every named fail point and at random instants (design §3: I1, I2, I4, I6).
//!
//! The load comes from four agents: aria and bruno through the SDK, which heals its connection as
//! any agent's would; carl and dora through plain HTTP, so that the test itself sees every answer
//! and every broken connection, and can hold the node to each single promise. When the killing is
//! over everything must drain, and then the books are compared: what agents were told, what agents
//! were offered, both records, both trees.
//!
//! `COMITY_KILL_ROUNDS` (30) and `COMITY_KILL_SEED` steer the random rounds.
#![allow(clippy::unwrap_used, clippy::panic)]

mod deeds;
mod ledger;
mod over_http;
mod over_sdk;
mod proof;
mod world;

use comity_node::fail::POINTS;
use comity_testkit::{Ended, Organisation, Random};
use std::path::Path;
use std::time::Duration;
use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_a_death_at_any_fail_point_of_either_node() {
    let mut world = World::begin().await;
    let mut random = seeded("fail points");
    for node in 0..2 {
        world.kill(node).await;
        for point in POINTS {
            let armed = format!("{point}:{}", 1 + random.below(6));
            world.start_armed(node, &armed);
            let ended = world
                .node(node)
                .ends_within(Duration::from_secs(60))
                .await
                .unwrap();
            assert_eq!(
                ended,
                Some(Ended::Signal(6)),
                "node {node} passes {armed} under load"
            );
        }
        world.start(node).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_deaths_at_random_instants() {
    let rounds = number("COMITY_KILL_ROUNDS").unwrap_or(30);
    let mut random = seeded("random instants");
    let mut world = World::begin().await;
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(random.below(700))).await;
        // One, the other, or both at once.
        let victims: &[usize] =
            [&[0][..], &[1], &[0, 1]][usize::try_from(random.below(3)).unwrap()];
        for node in victims {
            assert_eq!(world.kill(*node).await, Ended::Signal(9));
        }
        tokio::time::sleep(Duration::from_millis(random.below(100))).await;
        for node in victims {
            world.start(*node).await;
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_dies_at_any_commit_is_made_good_by_the_next() {
    for point in ["store.before-commit", "store.after-commit"] {
        for nth in 1.. {
            let home = tempfile::tempdir().unwrap();
            let binary = Path::new(env!("CARGO_BIN_EXE_comity"));
            let [mut node, _] = Organisation::pair(binary, home.path()).unwrap();
            node.spawn(Some(&format!("{point}:{nth}"))).unwrap();
            let died = node.ends_within(Duration::from_secs(2)).await.unwrap();
            if died.is_none() {
                node.kill().await.unwrap();
            }
            node.start().await.unwrap();
            node.agent("aria").await.unwrap();
            let kinds: Vec<_> = node.operator().entries().await.unwrap();
            let kinds: Vec<_> = kinds.iter().map(|entry| entry.kind.as_str()).collect();
            assert_eq!(kinds, ["start", "agent", "act"], "after {point}:{nth}");
            if died.is_none() {
                break;
            }
        }
    }
}

fn seeded(what: &str) -> Random {
    let seed = number("COMITY_KILL_SEED").unwrap_or_else(|| Random::new().next());
    println!("{what}: COMITY_KILL_SEED={seed}");
    Random::from_seed(seed)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
