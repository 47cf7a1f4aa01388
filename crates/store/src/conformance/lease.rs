//! What may be leased, and when.

use super::samples::{START, UNTIL, did, grant, id, incoming, terms};
use super::{World, block_on};
use crate::{GrantRow, Incoming, StoreError};
use comity_engine::{GrantState, InState, Timestamp};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub fn only_the_first_of_a_stream_is_leasable(world: &World) {
    put_grants(world, [grant("bruno", 1), grant("carla", 1)]);
    put(
        world,
        [
            incoming("bruno", "t", 1),
            incoming("bruno", "t", 2),
            incoming("bruno", "u", 1),
        ],
    );
    let other = Incoming {
        delivery: "d_c".to_owned(),
        ..incoming("carla", "t", 1)
    };
    put(world, [other]);
    assert_eq!(leasable(world), ["d_t-1", "d_u-1", "d_c"]);
    lease(world, "d_t-1", 60);
    assert_eq!(leasable(world), ["d_u-1", "d_c"]);
    change(world, "d_t-1", |row| row.state = InState::Settled);
    assert_eq!(leasable(world), ["d_t-2", "d_u-1", "d_c"]);
    change(world, "d_t-2", |row| row.state = InState::Dead);
    assert_eq!(leasable(world), ["d_u-1", "d_c"]);
    let none = world.read(|tx| tx.leasable(&did("bruno"), START, &[], 9));
    assert_eq!(none, []);
}

pub fn a_leased_delivery_comes_back_when_its_lease_ends(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    put(
        world,
        [incoming("bruno", "t", 1), incoming("bruno", "t", 2)],
    );
    lease(world, "d_t-1", 60);
    let end = START + Duration::from_secs(60);
    assert_eq!(next(world), Some(end));
    world.clock.set(Timestamp::from_millis(end.millis() - 1));
    assert_eq!(leasable(world), [""; 0]);
    world.clock.set(end);
    assert_eq!(leasable(world), ["d_t-1"]);
    assert_eq!(next(world), None);
    // Extended.
    lease(world, "d_t-1", 30);
    assert_eq!(leasable(world), [""; 0]);
    assert_eq!(next(world), Some(end + Duration::from_secs(30)));
}

pub fn a_paused_delivery_blocks_its_stream_until_it_is_due(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    put(
        world,
        [incoming("bruno", "t", 1), incoming("bruno", "t", 2)],
    );
    let due = START + Duration::from_secs(5);
    change(world, "d_t-1", move |row| row.not_before = due);
    assert_eq!(leasable(world), [""; 0]);
    assert_eq!(next(world), Some(due));
    world.clock.set(due);
    assert_eq!(leasable(world), ["d_t-1"]);
}

pub fn a_parked_delivery_blocks_nothing_and_comes_back_in_its_place(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    put(
        world,
        [incoming("bruno", "t", 1), incoming("bruno", "t", 2)],
    );
    change(world, "d_t-1", |row| row.state = InState::Parked);
    assert_eq!(leasable(world), ["d_t-2"]);
    change(world, "d_t-1", |row| row.state = InState::Ready);
    assert_eq!(leasable(world), ["d_t-1"]);
    change(world, "d_t-1", |row| row.state = InState::Settled);
    assert_eq!(leasable(world), ["d_t-2"]);
}

pub fn an_answer_kept_for_an_asker_is_never_leasable_and_keeps_its_place(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    let answer = Incoming {
        answer_to: Some(id("question")),
        ..incoming("bruno", "t", 1)
    };
    put(world, [answer, incoming("bruno", "t", 2)]);
    assert_eq!(leasable(world), [""; 0]);
    assert_eq!(next(world), None);
    change(world, "d_t-1", |row| row.state = InState::Settled);
    assert_eq!(leasable(world), ["d_t-2"]);
}

pub fn only_a_live_grant_of_the_recipient_makes_leasable(world: &World) {
    // No grant at all; then one that the other side holds in this same store.
    put(world, [incoming("bruno", "t", 1)]);
    assert_eq!(leasable(world), [""; 0]);
    let theirs = GrantRow {
        ours: did("bruno"),
        peer: did("aria"),
        ..grant("bruno", 1)
    };
    put_grants(world, [theirs]);
    assert_eq!(leasable(world), [""; 0]);
    for state in [
        GrantState::Offered,
        GrantState::Suspended,
        GrantState::Ended,
    ] {
        put_grants(
            world,
            [GrantRow {
                state,
                ..grant("bruno", 1)
            }],
        );
        assert_eq!(leasable(world), [""; 0], "{state}");
    }
    put_grants(world, [grant("bruno", 1)]);
    assert_eq!(leasable(world), ["d_t-1"]);
    // A grant covers nothing from its end on, whoever notices it.
    world.clock.set(Timestamp::from_millis(UNTIL * 1_000 - 1));
    assert_eq!(leasable(world), ["d_t-1"]);
    world.clock.set(Timestamp::from_seconds(UNTIL));
    assert_eq!(leasable(world), [""; 0]);
}

pub fn a_grant_that_is_suspended_and_restored_offers_again(world: &World) {
    put_grants(world, [grant("bruno", 1), grant("carla", 1)]);
    put(
        world,
        [
            incoming("bruno", "t", 1),
            incoming("bruno", "t", 2),
            incoming("bruno", "u", 1),
        ],
    );
    put(world, [incoming("carla", "v", 1)]);
    lease(world, "d_u-1", 60);
    put_grants(
        world,
        [GrantRow {
            state: GrantState::Suspended,
            ..grant("bruno", 1)
        }],
    );
    assert_eq!(leasable(world), ["d_v-1"]);
    // What comes, and what moves up, while it is suspended.
    put(world, [incoming("bruno", "w", 1)]);
    change(world, "d_t-1", |row| row.state = InState::Settled);
    assert_eq!(leasable(world), ["d_v-1"]);
    put_grants(world, [grant("bruno", 1)]);
    assert_eq!(leasable(world), ["d_t-2", "d_v-1", "d_w-1"]);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(leasable(world), ["d_t-2", "d_u-1", "d_v-1", "d_w-1"]);
    // Another grant of the same pair covers only its own.
    let second = GrantRow {
        grant: terms("bruno", 2, UNTIL),
        ..grant("bruno", 2)
    };
    put_grants(
        world,
        [
            GrantRow {
                state: GrantState::Ended,
                ..grant("bruno", 1)
            },
            second.clone(),
        ],
    );
    assert_eq!(leasable(world), ["d_v-1"]);
    put(
        world,
        [Incoming {
            grant: second.grant.id(),
            ..incoming("bruno", "x", 1)
        }],
    );
    assert_eq!(leasable(world), ["d_v-1", "d_x-1"]);
}

pub fn leasable_deliveries_come_by_number_up_to_the_limit(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    for n in 0..6 {
        put(world, [incoming("bruno", &format!("t{n}"), 1)]);
    }
    for name in ["d_t1-1", "d_t4-1"] {
        change(world, name, |row| {
            row.not_before = START + Duration::from_millis(1)
        });
    }
    let leasable = |limit| {
        let now = world.now();
        let rows = world.read(move |tx| tx.leasable(&did("aria"), now, &[], limit));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(leasable(9), ["d_t0-1", "d_t2-1", "d_t3-1", "d_t5-1"]);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        leasable(9),
        ["d_t0-1", "d_t1-1", "d_t2-1", "d_t3-1", "d_t4-1", "d_t5-1"]
    );
    assert_eq!(leasable(3), ["d_t0-1", "d_t1-1", "d_t2-1"]);
    assert_eq!(leasable(0), [""; 0]);
}

pub fn deliveries_that_are_excepted_stand_in_nobodys_way(world: &World) {
    put_grants(world, [grant("bruno", 1)]);
    for n in 0..6 {
        put(world, [incoming("bruno", &format!("t{n}"), 1)]);
    }
    put(world, [incoming("bruno", "t0", 2)]);
    for name in ["d_t1-1", "d_t4-1"] {
        change(world, name, |row| {
            row.not_before = START + Duration::from_millis(1)
        });
    }
    world.clock.advance(Duration::from_millis(1));
    let seq = |name: &'static str| {
        let row = world.read(move |tx| tx.incoming(name));
        row.unwrap().seq
    };
    let except = ["d_t0-1", "d_t1-1", "d_t3-1"].map(seq);
    let leasable = |limit| {
        let now = world.now();
        let rows = world.read(move |tx| tx.leasable(&did("aria"), now, &except, limit));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(
        leasable(9),
        ["d_t2-1", "d_t4-1", "d_t5-1"],
        "their threads wait"
    );
    assert_eq!(leasable(2), ["d_t2-1", "d_t4-1"]);
    assert_eq!(leasable(0), [""; 0]);
}

pub fn two_leasers_never_get_the_same_delivery(world: &World) {
    const THREADS: u64 = 40;
    const EACH: u64 = 3;
    put_grants(world, [grant("bruno", 1)]);
    for thread in 0..THREADS {
        let rows = (1..=EACH).map(|order| incoming("bruno", &format!("t{thread}"), order));
        let rows: Vec<_> = rows.collect();
        world.write(move |tx| {
            rows.iter()
                .try_for_each(|row| tx.put_incoming(row).map(drop))
        });
    }
    let got: Vec<_> = std::thread::scope(|scope| {
        let leasers: Vec<_> = (0..4).map(|_| scope.spawn(|| work_off(world))).collect();
        leasers
            .into_iter()
            .flat_map(|leaser| leaser.join().unwrap())
            .collect()
    });
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    let mut places: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for (turn, row) in got {
        *times.entry(row.delivery).or_default() += 1;
        places
            .entry(row.thid.to_string())
            .or_default()
            .push((turn, row.order.unwrap()));
    }
    assert_eq!(times.len() as u64, THREADS * EACH);
    assert!(times.values().all(|n| *n == 1), "{times:?}");
    for mut places in places.into_values() {
        places.sort_unstable();
        assert!(
            places.is_sorted_by(|a, b| a.1 < b.1),
            "out of order: {places:?}"
        );
    }
}

/// How long a leaser waits for what others hold.
const PATIENCE: Duration = Duration::from_secs(20);

/// Leases and settles until nothing is left; returns what it got, each with the turn it was leased.
fn work_off(world: &World) -> Vec<(u64, Incoming)> {
    let (mut got, mut last) = (Vec::new(), Instant::now());
    loop {
        let leased = block_on(world.store.write(|tx| {
            let turn = tx.put_event(&did("aria"), &id("lease"))?;
            let mut rows = tx.leasable(&did("aria"), START, &[], 5)?;
            for row in &mut rows {
                row.state = InState::Leased;
                row.leased_until = START + Duration::from_secs(60);
                tx.put_incoming(row)?;
            }
            Ok::<_, StoreError>(rows.into_iter().map(|row| (turn, row)).collect::<Vec<_>>())
        }))
        .unwrap();
        if leased.is_empty() && world.read(|tx| tx.count_unsettled(&did("aria"))) == 0 {
            return got;
        }
        // Others may hold what is left for a moment; not for ever.
        if !leased.is_empty() {
            last = Instant::now();
        }
        assert!(
            last.elapsed() < PATIENCE,
            "nobody may lease what is unsettled"
        );
        for (turn, row) in leased {
            let settled = Incoming {
                state: InState::Settled,
                ..row.clone()
            };
            world.write(move |tx| tx.put_incoming(&settled));
            got.push((turn, row));
        }
    }
}

fn put<const N: usize>(world: &World, rows: [Incoming; N]) {
    world.write(move |tx| {
        rows.iter()
            .try_for_each(|row| tx.put_incoming(row).map(drop))
    });
}

fn put_grants<const N: usize>(world: &World, rows: [GrantRow; N]) {
    world.write(move |tx| rows.iter().try_for_each(|row| tx.put_grant(row)));
}

fn lease(world: &World, delivery: &str, seconds: u64) {
    let until = world.now() + Duration::from_secs(seconds);
    change(world, delivery, move |row| {
        row.state = InState::Leased;
        row.leased_until = until;
    });
}

fn change(world: &World, delivery: &str, change: impl Fn(&mut Incoming) + Send + 'static) {
    let delivery = delivery.to_owned();
    world.write(move |tx| {
        let mut row = tx.incoming(&delivery)?.unwrap();
        change(&mut row);
        tx.put_incoming(&row)
    });
}

fn leasable(world: &World) -> Vec<String> {
    let now = world.now();
    let rows = world.read(move |tx| tx.leasable(&did("aria"), now, &[], 100));
    rows.into_iter().map(|row| row.delivery).collect()
}

fn next(world: &World) -> Option<Timestamp> {
    let now = world.now();
    world.read(move |tx| tx.next_incoming(&did("aria"), now))
}
